//! From trajectories to laws.

mod constant_lengths;
#[path = "../../examples/laws/data.rs"]
mod data;
mod laws;
mod motion;
mod named_laws;
mod one_run;
mod pendulum;
mod units;
#[path = "../../examples/common/trajectories.rs"]
mod trajectories;
