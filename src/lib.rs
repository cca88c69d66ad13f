//! Learn the law that moves particles.

#![deny(unsafe_code, missing_docs)]

pub mod linalg;
pub mod expr;
pub mod field;
pub mod systems;
pub mod integrate;
pub mod scalars;
pub mod basis;
pub mod model;
pub mod dataset;
pub mod loss;
pub mod train;
pub mod symbolic;
pub mod evaluate;
pub mod report;
pub mod experiment;
