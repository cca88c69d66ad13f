//! The learner: derivatives, symmetry, training.

mod common;
mod equivariance;
mod gradients;
mod losses;
mod training;
mod noise;
