//! Rows of the result tables.

use ndarray::Array2;
use polars::prelude::{Column, NamedFrom, Series};

use super::frame::Rows;

/// Names of a trained model in tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// Model: Scalars, EMLP, MLP.
    pub model: String,
    /// What the model learns: HNN (a Hamiltonian) or N-ODE (a vector field).
    pub dynamics: String,
    /// The group it is equivariant under, such as O(3).
    pub group: String,
    /// Basis that its functions are expanded in, or the network.
    pub basis: String,
}

/// One iteration of a training: a row of `training.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRow {
    /// The model that was trained.
    pub key: RowKey,
    /// Seed of data and model.
    pub seed: u64,
    /// What is minimised: `rollout`, the mean squared error of the predicted chunks, or what comes
    /// before it.
    pub stage: String,
    /// Iteration, from 0.
    pub iteration: u64,
    /// Value of what is minimised.
    pub loss: f64,
    /// Euclidean norm of the loss's gradient, by the coordinates of the optimiser.
    pub gradient_norm: f64,
    /// Mean squared error of the predicted validation chunks, where it was taken.
    pub validation_loss: Option<f64>,
    /// Evaluations of the vector field up to here.
    pub field_evaluations: u64,
}

/// How a training ended: a row of `trainings.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingEndRow {
    /// The model that was trained.
    pub key: RowKey,
    /// Seed of data and model.
    pub seed: u64,
    /// Number of trained parameters.
    pub parameters: u64,
    /// Number of iterations of all stages.
    pub iterations: u64,
    /// Evaluations of the vector field in all.
    pub field_evaluations: u64,
    /// Mean squared error of the predicted training chunks.
    pub loss: f64,
    /// Mean squared error of the predicted validation chunks.
    pub validation_loss: f64,
    /// Norm of the gradient at the last iteration; none where there was none.
    pub gradient_norm: Option<f64>,
    /// Root mean square error of the integration in training.
    pub integration_error: f64,
    /// Why the optimiser stopped.
    pub outcome: String,
    /// What keeps the model from being better: model, data, optimiser or integrator.
    pub limit: String,
}

/// The errors of the rollouts of one trained model: many rows of `rollout_errors.parquet`. Each
/// array is trajectory x time.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutErrorRows {
    /// The model that was trained.
    pub key: RowKey,
    /// Seed of data and model.
    pub seed: u64,
    /// Times, as many as the arrays have columns.
    pub times: Vec<f64>,
    /// Relative errors of the state.
    pub state: Array2<f32>,
    /// Relative errors of the angular momentum about gravity.
    pub angular_momentum: Array2<f32>,
    /// Relative errors of the energy.
    pub energy: Array2<f32>,
}

/// What an error is the error of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// The state z.
    State,
    /// The angular momentum about gravity.
    AngularMomentum,
    /// The energy.
    Energy,
}

impl Quantity {
    /// Every quantity.
    pub const ALL: [Self; 3] = [Self::State, Self::AngularMomentum, Self::Energy];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::State => "state",
            Quantity::AngularMomentum => "angular_momentum",
            Quantity::Energy => "energy",
        }
    }
}

/// The columns of an [`ErrorQuantileRow`]'s quantiles.
pub(super) const QUANTILES: [&str; 5] = ["q05", "q25", "q50", "q75", "q95"];

/// Errors over the test trajectories at one time: a row of `error_quantiles.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorQuantileRow {
    /// The model that was trained.
    pub key: RowKey,
    /// Seed of data and model.
    pub seed: u64,
    /// Time since the start of the rollout, in the system's unit.
    pub t: f64,
    /// What the error is of.
    pub quantity: Quantity,
    /// Geometric mean over trajectories.
    pub geometric_mean: f64,
    /// Quantiles 5%, 25%, 50%, 75%, 95% over trajectories.
    pub quantiles: [f64; 5],
}

/// A constant of a recovered Hamiltonian: a row of `recovered.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredRow {
    /// The system's preset.
    pub preset: String,
    /// Seed of data and model.
    pub seed: u64,
    /// Name in the expression.
    pub name: String,
    /// Meaning of the constant in words, such as the mass of a particle.
    pub meaning: String,
    /// Fitted value.
    pub value: f64,
    /// Standard error of the fitted value; NaN for a number that the form has, which is not fitted.
    pub standard_error: f64,
    /// The round number that it stands for, if there is one.
    pub snapped: Option<f64>,
    /// The value that the data were made with, where known.
    pub truth: Option<f64>,
}

/// How long something took: a row of `timings.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct TimingRow {
    /// What was done: data, training, evaluation, recovery, ..
    pub phase: String,
    /// The model it was done for, or nothing.
    pub model: String,
    /// Seed of data and model.
    pub seed: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Threads, iterations or whatever else matters.
    pub detail: String,
}

/// A column of one field of every row.
pub(super) fn column<'a, R, T, Kind: ?Sized>(
    name: &str,
    rows: &'a [R],
    field: impl Fn(&'a R) -> T,
) -> Column
where
    Series: NamedFrom<Vec<T>, Kind>,
{
    Series::new(name.into(), rows.iter().map(field).collect::<Vec<_>>()).into()
}

pub(super) fn key_columns<'a, R: 'a>(
    rows: &'a [R],
    key: impl Fn(&'a R) -> &'a RowKey,
) -> Vec<Column> {
    let keys: Vec<&RowKey> = rows.iter().map(key).collect();
    vec![
        column("model", &keys, |key| key.model.as_str()),
        column("dynamics", &keys, |key| key.dynamics.as_str()),
        column("group", &keys, |key| key.group.as_str()),
        column("basis", &keys, |key| key.basis.as_str()),
    ]
}

impl Rows for TrainingRow {
    fn columns(rows: &[Self]) -> Vec<Column> {
        let mut columns = key_columns(rows, |row| &row.key);
        columns.extend([
            column("seed", rows, |row| row.seed),
            column("stage", rows, |row| row.stage.as_str()),
            column("iteration", rows, |row| row.iteration),
            column("loss", rows, |row| row.loss),
            column("gradient_norm", rows, |row| row.gradient_norm),
            column("validation_loss", rows, |row| row.validation_loss),
            column("field_evaluations", rows, |row| row.field_evaluations),
        ]);
        columns
    }
}

impl Rows for TrainingEndRow {
    fn columns(rows: &[Self]) -> Vec<Column> {
        let mut columns = key_columns(rows, |row| &row.key);
        columns.extend([
            column("seed", rows, |row| row.seed),
            column("parameters", rows, |row| row.parameters),
            column("iterations", rows, |row| row.iterations),
            column("field_evaluations", rows, |row| row.field_evaluations),
            column("loss", rows, |row| row.loss),
            column("validation_loss", rows, |row| row.validation_loss),
            column("gradient_norm", rows, |row| row.gradient_norm),
            column("integration_error", rows, |row| row.integration_error),
            column("outcome", rows, |row| row.outcome.as_str()),
            column("limit", rows, |row| row.limit.as_str()),
        ]);
        columns
    }
}

impl Rows for RolloutErrorRows {
    fn columns(rows: &[Self]) -> Vec<Column> {
        // One entry per line of the table: its block, trajectory and time.
        let lines: Vec<(&Self, usize, usize)> = rows
            .iter()
            .flat_map(|block| {
                block
                    .state
                    .indexed_iter()
                    .map(move |((trajectory, time), _)| (block, trajectory, time))
            })
            .collect();
        let mut columns = key_columns(&lines, |line| &line.0.key);
        columns.extend([
            column("seed", &lines, |line| line.0.seed),
            column("trajectory", &lines, |line| line.1 as i64),
            column("t", &lines, |line| line.0.times[line.2]),
            column("state_error", &lines, |&(block, i, j)| block.state[[i, j]]),
            column("angular_momentum_error", &lines, |&(block, i, j)| {
                block.angular_momentum[[i, j]]
            }),
            column("energy_error", &lines, |&(block, i, j)| block.energy[[i, j]]),
        ]);
        columns
    }
}

impl Rows for ErrorQuantileRow {
    fn columns(rows: &[Self]) -> Vec<Column> {
        let mut columns = key_columns(rows, |row| &row.key);
        columns.extend([
            column("seed", rows, |row| row.seed),
            column("t", rows, |row| row.t),
            column("quantity", rows, |row| row.quantity.name()),
            column("geometric_mean", rows, |row| row.geometric_mean),
        ]);
        columns.extend(
            QUANTILES
                .iter()
                .enumerate()
                .map(|(k, name)| column(name, rows, |row| row.quantiles[k])),
        );
        columns
    }
}

impl Rows for RecoveredRow {
    fn columns(rows: &[Self]) -> Vec<Column> {
        vec![
            column("preset", rows, |row| row.preset.as_str()),
            column("seed", rows, |row| row.seed),
            column("name", rows, |row| row.name.as_str()),
            column("meaning", rows, |row| row.meaning.as_str()),
            column("value", rows, |row| row.value),
            column("standard_error", rows, |row| row.standard_error),
            column("snapped", rows, |row| row.snapped),
            column("truth", rows, |row| row.truth),
        ]
    }
}

impl Rows for TimingRow {
    fn columns(rows: &[Self]) -> Vec<Column> {
        vec![
            column("phase", rows, |row| row.phase.as_str()),
            column("model", rows, |row| row.model.as_str()),
            column("seed", rows, |row| row.seed),
            column("seconds", rows, |row| row.seconds),
            column("detail", rows, |row| row.detail.as_str()),
        ]
    }
}
