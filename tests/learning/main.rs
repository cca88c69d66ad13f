//! The learner: derivatives, symmetry, training.

mod common;
mod equivariance;
mod gradients;

mod training;
