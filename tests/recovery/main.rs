//! From trajectories to laws.

mod laws;
mod named_laws;
mod pendulum;
mod units;
