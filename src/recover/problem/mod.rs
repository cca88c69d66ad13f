//! What is to be explained: chunks, weights of their components, candidate scalars and their
//! ranges.

pub(super) mod candidates;
pub(super) mod catalogue;
pub(super) mod centre;
pub(super) mod checks;
pub(super) mod component_weights;
pub(super) mod learner;
pub(super) mod noise_model;
pub(super) mod parameters;
pub(super) mod teacher;
