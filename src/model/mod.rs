//! Models of motion: the traits that training needs, Hamiltonians and vector fields that are
//! explicit functions of invariant scalars, and networks.

/// Calls a method generic over the dimension D with the frame of that dimension.
macro_rules! in_dimension {
    ($self:ident, $work:ident, |$frame:ident, $block:ident| $body:expr) => {{
        let $block = &mut $work.block;
        match $self.scalars.dimension() {
            1 => {
                let $frame = &mut $work.frames.0;
                $crate::linalg::vectorised(
                    #[inline(always)]
                    || $body,
                )
            }
            2 => {
                let $frame = &mut $work.frames.1;
                $crate::linalg::vectorised(
                    #[inline(always)]
                    || $body,
                )
            }
            _ => {
                let $frame = &mut $work.frames.2;
                $crate::linalg::vectorised(
                    #[inline(always)]
                    || $body,
                )
            }
        }
    }};
}

mod closed_form;
pub mod emlp;
mod fields;
mod matrix;
pub mod network;
mod scalar_field;
mod scalar_hamiltonian;
mod traits;

pub use crate::linalg::{LANES, Lanes, Real};
pub use closed_form::ClosedForm;
pub(crate) use fields::{energies, field, fit_to_field};
pub use matrix::{ParameterBlock, ParameterMatrix};
pub use scalar_field::{FieldVector, ScalarField};
pub use scalar_hamiltonian::{LinearFunction, ScalarHamiltonian};
pub use traits::{HamiltonianModel, Lanewise, LinearModel, Model, RandomStart};
