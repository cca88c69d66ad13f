//! Explicit bases: functions of scalars that are linear in their parameters.

mod chebyshev;
mod function;
mod generic;

pub use chebyshev::Chebyshev;
pub use function::{Basis, Kind, Term};
#[doc(hidden)]
pub use generic::{ChebyshevProduct, Map, MappedScalar, ProductBasis};
