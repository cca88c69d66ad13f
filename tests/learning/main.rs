//! The learner: derivatives, symmetry, training.

mod common;
mod equivariance;
mod field;
mod gradients;
mod losses;
mod training;
mod noise;
mod run_inputs;
