//! How much is done, and what is made.

use std::str::FromStr;

use super::Error;
use super::data::Preset;
use super::learner::Learner;
use super::units::UnitId;

/// Size of an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A few chunks and rollouts: shows that everything works, says nothing about accuracy.
    Smoke,
    /// The data of the paper, one seed.
    Quick,
    /// The data of the paper, three seeds.
    Paper,
}

impl Profile {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Quick, Self::Paper];

    /// Name in commands, folders and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
            Self::Paper => "paper",
        }
    }

    /// Chunks to train on; as many again to validate with.
    pub fn chunks(self) -> usize {
        match self {
            Self::Smoke => 40,
            Self::Quick | Self::Paper => 500,
        }
    }

    /// Test trajectories.
    pub fn tests(self) -> usize {
        match self {
            Self::Smoke => 12,
            Self::Quick | Self::Paper => 500,
        }
    }

    /// Levels of noise, in percent of each column's standard deviation.
    pub fn noise_levels(self) -> &'static [u32] {
        match self {
            Self::Smoke => &[3],
            Self::Quick | Self::Paper => &[1, 3, 10],
        }
    }

    /// Draws of the noise at each level.
    pub fn noise_seeds(self) -> u64 {
        match self {
            Self::Smoke => 1,
            Self::Quick => 2,
            Self::Paper => 9,
        }
    }

    /// Seeds, each with its own data.
    pub fn seeds(self) -> u64 {
        match self {
            Self::Smoke | Self::Quick => 1,
            Self::Paper => 3,
        }
    }
}

/// A table or figure, or the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// The tables of trajectories.
    Trajectories,
    /// `training.parquet`.
    Training,
    /// `trainings.parquet`.
    Trainings,
    /// `rollout_errors.parquet`.
    RolloutErrors,
    /// `error_quantiles.parquet`.
    ErrorQuantiles,
    /// `table1.*`.
    Table1,
    /// `recovered.parquet`.
    Recovered,
    /// Error against noise: `noise.*`, a table and a figure.
    Noise,
    /// The pendulum.
    Figure1,
    /// The schemes of N-ODE and HNN.
    Figure2,
    /// Errors against time.
    Figure3,
    /// Momenta against positions.
    PhaseSpace,
    /// Loss against cost.
    TrainingHistory,
    /// Error against the time that training took.
    ErrorSeconds,
}

impl Product {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Trajectories,
        Self::Training,
        Self::Trainings,
        Self::RolloutErrors,
        Self::ErrorQuantiles,
        Self::Table1,
        Self::Recovered,
        Self::Noise,
        Self::Figure1,
        Self::Figure2,
        Self::Figure3,
        Self::PhaseSpace,
        Self::TrainingHistory,
        Self::ErrorSeconds,
    ];

    /// Name in commands and of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trajectories => "trajectories",
            Self::Training => "training",
            Self::Trainings => "trainings",
            Self::RolloutErrors => "rollout_errors",
            Self::ErrorQuantiles => "error_quantiles",
            Self::Table1 => "table1",
            Self::Recovered => "recovered",
            Self::Noise => "noise",
            Self::Figure1 => "figure1",
            Self::Figure2 => "figure2",
            Self::Figure3 => "figure3",
            Self::PhaseSpace => "phase_space",
            Self::TrainingHistory => "training_history",
            Self::ErrorSeconds => "error_seconds",
        }
    }

    /// Whether it is a figure.
    pub fn is_figure(self) -> bool {
        self >= Self::Figure1
    }

    /// Whether the unit must be trained and tested for it.
    pub(super) fn needs(self, unit: UnitId) -> bool {
        match self {
            Self::Trajectories | Self::Noise | Self::Figure1 | Self::Figure2 => false,
            Self::Recovered => unit.learner == Learner::ClosedForm,
            _ => unit.preset == Preset::ReferenceCode,
        }
    }
}

impl FromStr for Profile {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self, Error> {
        named("profile", name, &Self::ALL, Self::name)
    }
}

impl FromStr for Product {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self, Error> {
        named("table or figure", name, &Self::ALL, Self::name)
    }
}

fn named<T: Copy>(
    kind: &'static str,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<T, Error> {
    let accepted = || all.iter().map(|item| name_of(*item)).collect::<Vec<_>>().join(", ");
    let found = all.iter().copied().find(|item| name_of(*item) == name);
    found.ok_or_else(|| Error::Unknown { kind, name: name.into(), accepted: accepted() })
}
