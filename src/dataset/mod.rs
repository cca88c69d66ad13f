//! Trajectories and the chunks cut from them.

mod trajectory;

pub use trajectory::{Shape, Trajectory, TrajectoryTable};
