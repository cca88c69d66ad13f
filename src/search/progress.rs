//! What a running search tells.

use std::time::Duration;

use crate::search::front::{Counts, Found};

/// What a search is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Fits the given forms.
    WarmStart,
    /// Tries all forms of a complexity.
    Enumeration {
        /// The complexity.
        complexity: usize,
    },
    /// Tries sums of many simple terms.
    Sums,
    /// Fits what searches of fewer variables have found.
    Reduced,
    /// Recombines what was found.
    Evolution {
        /// Generations so far.
        generation: usize,
    },
    /// Fits the best forms to all samples.
    Polish,
}

/// Where a search stands.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What it is doing.
    pub phase: Phase,
    /// Counts so far.
    pub counts: Counts,
    /// The form with the smallest error so far.
    pub best: Option<&'a Found>,
    /// Time since its begin.
    pub elapsed: Duration,
}
