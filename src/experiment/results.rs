//! What was learned: all that tables and figures are made of.

use super::data::{Data, Preset};
use super::learner::BenchmarkModel;
use super::noise::{NoiseId, NoisyUnit};
use super::profile::Profile;
use super::unit::Unit;

/// A model of one seed.
#[derive(Clone, Debug)]
pub struct Done {
    /// The model.
    pub learner: BenchmarkModel,
    /// System that it learned.
    pub preset: Preset,
    /// Seed of its data.
    pub seed: u64,
    /// The trained model and its test.
    pub unit: Unit,
    /// Seconds that each phase took.
    pub seconds: Vec<(String, f64)>,
}

impl Done {
    /// Seconds of its training, or of the recovery of its law.
    pub fn training_seconds(&self) -> f64 {
        self.seconds
            .iter()
            .filter(|(phase, _)| phase != "evaluation")
            .map(|(_, seconds)| seconds)
            .sum()
    }
}

/// What tables and figures are made of.
#[derive(Clone, Debug)]
pub struct Results {
    /// Size of the experiment.
    pub profile: Profile,
    /// The first seed.
    pub seed: u64,
    /// The first seed's data, if any were needed.
    pub data: Option<Data>,
    /// Models in the order of [`all_units`](super::units::all_units).
    pub models: Vec<Done>,
    /// Fits to noisy data in the order of [`all_noise`](super::noise::all_noise).
    pub noise: Vec<(NoiseId, NoisyUnit)>,
}

impl Results {
    /// The models of Table 1.
    pub fn of_table1(&self) -> impl Iterator<Item = &Done> {
        self.of_its_system().filter(|done| done.learner.is_of_table1())
    }

    /// These and models of the same system that Table 1 has not.
    pub fn of_its_system(&self) -> impl Iterator<Item = &Done> {
        self.models.iter().filter(|done| done.preset == Preset::ReferenceCode)
    }
}
