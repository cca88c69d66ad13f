//! Trajectories and the chunks cut from them: sampling, splits, Parquet and CSV in and out.
//!
//! [`read_table`] and [`write_table`] speak the trajectory-table format: one row per state with columns `trajectory`, `t`,
//! `q{i}_x`, `q{i}_y`, `q{i}_z` and `p{i}_*` (or velocities `v{i}_*` and masses). [`files`] writes any file whole or not at all.

mod error;
pub mod files;
mod layout;
mod narrow;
mod pages;
mod sampling;
mod table;
mod trajectory;
mod units;

pub use crate::field::Shape;
pub use error::{Error, Format};
pub use layout::state_columns;
pub use sampling::{add_noise, aligned_chunks, gaussian_states, split, split_trajectories};
pub use table::{read_table, write_table};
pub use trajectory::{Trajectory, TrajectoryTable};
pub use units::Units;
