//! Trajectories and the chunks cut from them: sampling, splits, tables in and out.
//!
//! [`read_table`] and [`read_chunks`] read tables of many formats, [`write_table`] writes Parquet
//! and CSV: one row per state with columns `trajectory`, `t`, `q{i}_x`, `q{i}_y`, `q{i}_z` and
//! `p{i}_*` (or velocities `v{i}_*` and masses, or positions alone). They need the feature `tables`.

mod error;
#[doc(hidden)]
pub mod files;
mod gaps;
mod local_polynomial;
mod lock;
mod orthonormal;
mod sampling;
#[cfg(feature = "tables")]
mod table;
mod trajectory;
mod units;
mod window_statistics;

pub use crate::field::Shape;
pub use error::{DatasetError, Format};
pub use gaps::without_gaps;
pub use local_polynomial::{Chosen, Momenta, Window};
#[doc(hidden)]
pub use lock::FolderLock;
pub use sampling::{
    add_noise, aligned_chunks, gaussian_states, overlapped, split, split_trajectories,
};
#[cfg(feature = "tables")]
pub use table::{
    Angle, AngleUnit, Chunks, Cut, CutRows, Gaps, MomentaFrom, ReadOptions, Spacing, Survey,
    frames, read_chunks, read_shape, read_table, state_columns, survey_table, write_table,
};
pub use trajectory::{Trajectory, TrajectoryTable};
pub use units::{ContextUnit, Units};
