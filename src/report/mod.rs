//! Tables and figures.

pub mod figures;
pub mod tables;
