//! From trajectories to laws.

mod constant_lengths;
mod laws;
mod named_laws;
mod pendulum;
mod units;
