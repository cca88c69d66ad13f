//! Closed forms for the parts of a learned Hamiltonian.

pub(super) mod absorb;
pub(super) mod metric;
pub(super) mod part_forms;
pub(super) mod part_search;
