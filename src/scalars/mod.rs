//! O(d)-invariant scalars of the input vectors, and functions of them.
//!
//! The input vectors are positions relative to the pivot and to each other, momenta, and constant
//! context vectors such as gravity. A function of them is invariant under O(d) exactly when it is a
//! function of their inner products (Villar et al. 2021, section 3).

mod catalogue;
mod function;
mod inputs;
mod momentum_force;
mod sample;
mod set;

pub use function::ScalarFunction;
pub use inputs::{Inputs, InputsError, RunInput};
pub use momentum_force::{MomentumForce, MomentumForceKind};
pub(crate) use set::Form;
#[doc(hidden)]
pub use set::Frame;
pub use set::ScalarSet;
