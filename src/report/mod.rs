//! Tables and figures.

pub mod figures;
pub mod inspect;
pub mod tables;
