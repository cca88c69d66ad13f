//! Explicit bases: functions of scalars that are linear in their parameters.

mod chebyshev;
mod function;

pub use chebyshev::Chebyshev;
pub use function::{Basis, Kind, Term};
