//! Neural networks as models: kernels, derivatives, equivariance.

mod common;
mod gradients;
mod kernels;
mod losses;
