//! Damaged tables: whatever the bytes, reading them ends soon, in little memory, with a table or a
//! typed error.

mod formats;
mod mutation;
#[path = "../tables/samples.rs"]
mod samples;
mod tables;
