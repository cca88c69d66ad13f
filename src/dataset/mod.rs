//! Trajectories and the chunks cut from them.

mod trajectory;

pub use crate::field::Shape;
pub use trajectory::{Trajectory, TrajectoryTable};
