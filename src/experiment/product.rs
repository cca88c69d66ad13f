//! The tables and figures there are.

use std::str::FromStr;

use super::data::Preset;
use super::error::ExperimentError;
use super::learner::BenchmarkModel;
use super::profile::named;
use super::unit_id::UnitId;

/// A table or figure, or the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Artefact {
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
    /// Error under other gravity than that of the training: `transfer.*`, a table and a figure.
    Transfer,
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

impl Artefact {
    /// Every table and figure, in the order in which they are made.
    pub const ALL: [Self; 15] = [
        Self::Trajectories,
        Self::Training,
        Self::Trainings,
        Self::RolloutErrors,
        Self::ErrorQuantiles,
        Self::Table1,
        Self::Recovered,
        Self::Noise,
        Self::Transfer,
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
            Self::Transfer => "transfer",
            Self::Figure1 => "figure1",
            Self::Figure2 => "figure2",
            Self::Figure3 => "figure3",
            Self::PhaseSpace => "phase_space",
            Self::TrainingHistory => "training_history",
            Self::ErrorSeconds => "error_seconds",
        }
    }

    /// Whether this is a figure.
    pub fn is_figure(self) -> bool {
        self >= Self::Figure1
    }

    /// Whether this shows something before all models are trained.
    pub(super) fn is_early(self) -> bool {
        matches!(
            self,
            Self::Table1
                | Self::Recovered
                | Self::Figure1
                | Self::Figure2
                | Self::Figure3
                | Self::PhaseSpace
        )
    }

    /// Whether the unit must be trained and tested for it.
    pub(super) fn needs(self, unit: UnitId) -> bool {
        match self {
            Self::Trajectories | Self::Noise | Self::Figure1 | Self::Figure2 => false,
            Self::Recovered => unit.learner == BenchmarkModel::ClosedForm,
            Self::Transfer => unit.preset == Preset::ReferenceCode,
            _ => unit.preset == Preset::ReferenceCode && unit.learner.is_of_table1(),
        }
    }
}

impl FromStr for Artefact {
    type Err = ExperimentError;
    fn from_str(name: &str) -> Result<Self, ExperimentError> {
        named("table or figure", name, &Self::ALL, Self::name)
    }
}
