//! How to recover a law.

use crate::deadline::Deadline;
use crate::recover::noise::Noise;

/// How to recover a law.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoverSettings {
    /// Noise of the data.
    pub noise: Noise,
    /// After this nothing is begun that can be left out: the best law so far is given.
    pub deadline: Deadline,
    /// Seed of the search for closed forms.
    pub seed: u64,
}

impl Default for RecoverSettings {
    fn default() -> Self {
        Self { noise: Noise::Auto, deadline: Deadline::default(), seed: 0 }
    }
}
