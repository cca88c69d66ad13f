//! Known systems: what the data come from, and what the learners never see.

mod error;
mod expression;
mod named;
mod pendulum;

pub use crate::field::{Hamiltonian, SeparableHamiltonian, VectorField};
pub use crate::linalg::Real;
pub use error::SystemError;
pub use expression::ExpressionSystem;
pub use named::NamedLaw;
pub use pendulum::{Parameters, SpringyPendulum};
