//! Trajectories and the chunks cut from them: sampling, splits, Parquet and CSV in and out.
//!
//! [`read_table`], [`read_chunks`] and [`write_table`] speak the trajectory-table format: one row
//! per state with columns `trajectory`, `t`, `q{i}_x`, `q{i}_y`, `q{i}_z` and `p{i}_*` (or
//! velocities `v{i}_*` and masses). [`files`] writes any file whole or not at all.

mod csv;
mod error;
pub mod files;
mod footer;
mod index;
mod layout;
mod lock;
mod narrow;
mod pages;
mod parquet;
mod sampling;
mod source;
mod table;
mod thrift;
mod trajectory;
mod units;

pub use crate::field::Shape;
pub use error::{Error, Format};
pub use layout::state_columns;
pub use lock::FolderLock;
pub use sampling::{
    add_noise, aligned_chunks, gaussian_states, overlapped, split, split_trajectories,
};
pub use table::{Chunks, Cut, read_chunks, read_shape, read_table, write_table};
pub use trajectory::{Trajectory, TrajectoryTable};
pub use units::{ContextUnit, Units};
