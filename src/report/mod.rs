//! Tables and figures.

pub mod figures;
pub mod inspect;
pub mod recovery;
pub mod tables;
pub mod words;
