//! Neural networks as models: kernels, derivatives, equivariance.

mod common;
mod equivariance;
mod gradients;
mod invariants;
mod kernels;
mod losses;
mod training;
