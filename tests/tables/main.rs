//! Tables of trajectories: in and out, and from a user's own to the law.

mod files;
mod formats;
mod own;
mod positions;
mod rows;
mod run_inputs;
mod samples;
mod text;
