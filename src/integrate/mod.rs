//! Integrators of constant step: symplectic splitting, Gauss-Legendre, explicit Runge-Kutta.
//!
//! Each is a [`Method`]; [`simulate`] runs any of them over many initial states at once and
//! [`refine`] finds the step that a wanted accuracy needs, by measuring. No step allocates.
//!
//! | | for | orders | symplectic, reversible |
//! |---|---|---|---|
//! | [`Splitting`] | H = T(p) + V(q) | 2, 4, 6, 8 | yes |
//! | [`GaussLegendre`] | any field | 2, 4, 6 | yes (to the roundoff of its iteration) |
//! | [`RungeKutta`] | any field | 4, 8 | no |

mod gauss_legendre;
#[allow(clippy::excessive_precision)] // coefficients as published
mod runge_kutta;
mod simulate;
#[allow(clippy::excessive_precision)] // coefficients as published
mod splitting;

pub use gauss_legendre::GaussLegendre;
pub use runge_kutta::RungeKutta;
pub use simulate::{Refined, refine, simulate};
pub use splitting::Splitting;

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
    /// [`Error::NotConverged`] from implicit methods; `z` is then of no use.
    fn advance<T: Real>(
        &self,
        system: &S,
        h: f64,
        steps: usize,
        z: &mut [T],
        work: &mut [T],
    ) -> Result<(), Error>;
}

/// The system's field as a closure that is inlined, so that it is compiled for the caller's vector
/// instructions.
#[inline(always)]
fn field_of<T: Real, S: VectorField>(system: &S) -> impl FnMut(&[T], &mut [T]) {
    std::convert::identity(
        #[inline(always)]
        move |z: &[T], dz: &mut [T]| system.field_into(z, dz),
    )
}

/// Why states cannot be integrated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The method does not come in this order.
    #[error("{method} of order {order}: the order must be one of {accepted}")]
    Order {
        /// Name of the method.
        method: &'static str,
        /// The order asked for.
        order: usize,
        /// The orders that exist.
        accepted: &'static str,
    },
    /// The initial states have the wrong number of components.
    #[error("initial states have {found} components, must have {expected}")]
    Dimension {
        /// Components of the given states.
        found: usize,
        /// Components of the system's states.
        expected: usize,
    },
    /// An argument that must be positive (or finite) is not.
    #[error("{name} = {value}: must be {accepted}")]
    Argument {
        /// Name of the argument.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What would be accepted.
        accepted: &'static str,
    },
    /// An initial state holds NaN or infinity.
    #[error("initial state {row}, component {column} = {value}: must be finite")]
    Initial {
        /// Row of the initial states.
        row: usize,
        /// Column of the initial states.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// The iteration of an implicit method did not settle.
    #[error(
        "the stages of an implicit step of length {step} did not settle in {iterations} iterations: take a shorter step"
    )]
    NotConverged {
        /// Length of the step.
        step: f64,
        /// Iterations made.
        iterations: usize,
    },
    /// No step is short enough for the wanted accuracy.
    #[error(
        "state error {reached:e} with {substeps} steps per interval is the best reached: a tolerance of {tolerance:e} is out of reach"
    )]
    Tolerance {
        /// The wanted state error.
        tolerance: f64,
        /// The least error found.
        reached: f64,
        /// Its number of steps per interval.
        substeps: usize,
    },
}
