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
    /// Inertial masses of all particles, in order, where the momenta are these times the velocities:
    /// the kinetic energy is known then. Empty where it isn't.
    pub masses: Vec<f64>,
    /// Standard errors of these, where they were found ([`find_masses`](super::find_masses)); empty
    /// where they are given.
    pub mass_errors: Vec<f64>,
    /// By which part momenta are off that are slopes of positions; zero where they are given.
    pub slope_error: f64,
    /// Seed of the search for closed forms.
    pub seed: u64,
}

impl Default for RecoverSettings {
    fn default() -> Self {
        Self {
            noise: Noise::Auto,
            masses: Vec::new(),
            mass_errors: Vec::new(),
            deadline: Deadline::default(),
            slope_error: 0.0,
            seed: 0,
        }
    }
}
