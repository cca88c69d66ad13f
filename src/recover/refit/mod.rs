//! The constants of a law fitted to the trajectories themselves, by rollouts.

pub(super) mod constants;
pub(super) mod rollouts;
pub(super) mod snap;
