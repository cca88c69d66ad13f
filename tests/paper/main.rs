//! The paper's tables and figures, and the programs that make them.

mod common;
mod figures;
mod reliability;
mod reproduce;
