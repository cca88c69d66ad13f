//! What an integrator does.

use super::error::IntegrateError;
use crate::field::VectorField;
use crate::linalg::Real;

/// A one-step integrator of systems `S`.
pub trait Method<S: VectorField>: Sync {
    /// Order of the global error in the step.
    fn order(&self) -> usize;

    /// Length of the scratch space for states of `dim` components.
    fn work_len(&self, dim: usize) -> usize;

    /// Moves the state `z` through `steps` steps of length `h` (negative: back in time); `work` is
    /// scratch with any content.
    ///
    /// # Errors
    /// [`IntegrateError::NotConverged`] from implicit methods; `z` is then of no use.
    fn advance<T: Real>(
        &self,
        system: &S,
        h: f64,
        steps: usize,
        z: &mut [T],
        work: &mut [T],
    ) -> Result<(), IntegrateError>;
}

/// The system's field as a closure that is inlined, so that it is compiled for the caller's vector
/// instructions.
#[inline(always)]
pub(super) fn field_of<T: Real, S: VectorField>(system: &S) -> impl FnMut(&[T], &mut [T]) {
    std::convert::identity(
        #[inline(always)]
        move |z: &[T], dz: &mut [T]| system.field_into(z, dz),
    )
}
