//! Trajectories and the chunks cut from them: sampling, splits, Parquet and CSV in and out.
//!
//! [`read_table`], [`read_chunks`] and [`write_table`] speak the trajectory-table format: one row
//! per state with columns `trajectory`, `t`, `q{i}_x`, `q{i}_y`, `q{i}_z` and `p{i}_*` (or
//! velocities `v{i}_*` and masses); they need the feature `tables`.

mod error;
#[doc(hidden)]
pub mod files;
mod lock;
mod sampling;
#[cfg(feature = "tables")]
mod table;
mod trajectory;
mod units;

pub use crate::field::Shape;
pub use error::{DatasetError, Format};
#[doc(hidden)]
pub use lock::FolderLock;
pub use sampling::{
    add_noise, aligned_chunks, gaussian_states, overlapped, split, split_trajectories,
};
#[cfg(feature = "tables")]
pub use table::{
    Chunks, Cut, frames, read_chunks, read_shape, read_table, state_columns, write_table,
};
pub use trajectory::{Trajectory, TrajectoryTable};
pub use units::{ContextUnit, Units};
