//! From trajectories to laws.

mod calibration;
mod constant_lengths;
#[path = "../../examples/laws/data.rs"]
mod data;
#[path = "../../examples/calibrate/draw.rs"]
mod draw;
#[path = "../../examples/calibrate/judge.rs"]
mod judge;
mod kinds;
mod laws;
mod motion;
mod named_laws;
mod one_run;
mod parameters;
mod pendulum;
mod units;
mod unknown_masses;
#[path = "../../examples/common/trajectories.rs"]
mod trajectories;
