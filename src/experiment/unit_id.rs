//! The name of a unit of work.

use super::data::Preset;
use super::learner::BenchmarkModel;

/// A model to be trained and tested on the data of one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitId {
    /// The model.
    pub learner: BenchmarkModel,
    /// The system that the data are of.
    pub preset: Preset,
    /// Seed of data and model.
    pub seed: u64,
}

impl UnitId {
    /// The model's name, with that of the system if it is not the one of Table 1.
    pub fn model(self) -> String {
        match self.preset {
            Preset::ReferenceCode => self.learner.name().into(),
            Preset::Paper => format!("{}-{}", self.learner.name(), self.preset.name()),
        }
    }

    /// Name in commands and of its files; it stays the same from run to run.
    pub fn name(self) -> String {
        format!("{}-seed{}", self.model(), self.seed)
    }

    /// Whether a run begins with this unit: it is an explicit model of the first seed.
    pub fn is_first(self, first_seed: u64) -> bool {
        self.learner.is_explicit() && self.seed == first_seed
    }
}
