//! The paper's tables and figures, and the programs that make them.

mod figures;
mod reliability;
mod reproduce;
