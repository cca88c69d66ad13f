//! What training minimises: the rollout loss with its adjoint, and the integral form that starts
//! it.

mod block;
mod free_start;
mod integral;
mod jacobian;
mod quadrature;
pub mod robust;
mod rollout;
mod statistics;
mod variation;

pub use free_start::Eliminated;
pub use integral::integral_form;
pub use quadrature::QuadratureLoss;
pub use rollout::{RolloutLoss, RolloutOptions};
