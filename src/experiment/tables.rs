//! The result tables, one function each; all write into a folder.

use std::collections::BTreeSet;
use std::path::Path;

use ndarray::Array2;

use super::data::{INTERVAL, POINTS, Preset, provenance};
use super::error::ExperimentError;
use super::evaluation::{above_roundoff, state_means};
use super::learner::BenchmarkModel;
use super::noise::{NoiseId, NoisyModel, NoisyUnit};
use super::results::{Done, Results};
use super::unit::Limit;
use crate::dataset::frames::Metadata;
use crate::evaluate::quantiles_over_time;
use crate::report::tables::{
    ErrorQuantileRow, NoiseRow, Quantity, RecoveredRow, RolloutErrorRows, SeedError, Table1Row,
    TrainingEndRow, TrainingRow, write, write_noise, write_table1,
};

/// `training.parquet`: every iteration of every training. The metadata tell the error of the
/// integrator in training.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn training(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let rows: Vec<TrainingRow> = results
        .of_table1()
        .flat_map(|done| {
            done.unit.training.history.iter().map(move |step| TrainingRow {
                key: done.learner.key(results.profile),
                seed: done.seed,
                stage: step.stage.clone(),
                iteration: step.iteration as u64,
                loss: step.loss,
                gradient_norm: step.gradient_norm,
                validation_loss: step.validation,
                field_evaluations: step.field_evaluations as u64,
            })
        })
        .collect();
    Ok(write(&folder.join("training.parquet"), &rows, &metadata(results))?)
}

/// `trainings.parquet`: how each training ended, one row a unit.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn trainings(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let row = |done: &Done| {
        let training = &done.unit.training;
        TrainingEndRow {
            key: done.learner.key(results.profile),
            seed: done.seed,
            parameters: training.parameters as u64,
            iterations: training.history.last().map_or(0, |step| step.iteration as u64),
            field_evaluations: training.field_evaluations() as u64,
            loss: training.loss,
            validation_loss: training.validation,
            gradient_norm: training.history.last().map(|step| step.gradient_norm),
            integration_error: training.step_error,
            outcome: format!("{:?}", training.outcome).to_lowercase(),
            limit: limits(&training.limits()),
        }
    };
    let rows: Vec<TrainingEndRow> = results.of_table1().map(row).collect();
    Ok(write(&folder.join("trainings.parquet"), &rows, &metadata(results))?)
}

/// `rollout_errors.parquet`: errors of every rollout at every time.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn rollout_errors(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let single = |errors: &Array2<f64>| errors.mapv(|e| e as f32);
    let rows = |done: &Done| {
        let errors = done.unit.evaluation.errors();
        RolloutErrorRows {
            key: done.learner.key(results.profile),
            seed: done.seed,
            times: times(),
            state: single(&errors.state),
            angular_momentum: single(&errors.angular_momentum),
            energy: single(&errors.energy),
        }
    };
    let rows: Vec<RolloutErrorRows> = results.of_table1().map(rows).collect();
    Ok(write(&folder.join("rollout_errors.parquet"), &rows, &evaluation_metadata(results))?)
}

/// Where a folder of results has its quantiles of errors.
pub(super) const ERROR_QUANTILES: &str = "error_quantiles.parquet";

/// `error_quantiles.parquet`: errors over the test trajectories at each time after the start.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn error_quantiles(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let rows = error_quantile_rows(results);
    Ok(write(&folder.join(ERROR_QUANTILES), &rows, &evaluation_metadata(results))?)
}

/// The rows of `error_quantiles.parquet`.
pub(super) fn error_quantile_rows(results: &Results) -> Vec<ErrorQuantileRow> {
    let mut rows = Vec::new();
    for done in results.of_table1() {
        let errors = done.unit.evaluation.errors();
        let quantities = [
            (Quantity::State, &errors.state),
            (Quantity::AngularMomentum, &errors.angular_momentum),
            (Quantity::Energy, &errors.energy),
        ];
        for (quantity, errors) in quantities {
            let quantiles = quantiles_over_time(&above_roundoff(errors));
            // At the start the error is zero by construction.
            rows.extend(times().into_iter().zip(quantiles).skip(1).map(|(t, q)| {
                ErrorQuantileRow {
                    key: done.learner.key(results.profile),
                    seed: done.seed,
                    t,
                    quantity,
                    geometric_mean: q.geometric_mean,
                    quantiles: q.quantiles,
                }
            }));
        }
    }
    rows
}

/// `table1.*`: one row for each model. The Markdown and LaTeX forms tell the seconds of training,
/// too.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn table1(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let rows = table1_rows(results);
    let seconds: Vec<f64> = rows.iter().map(|row| training_seconds(results, row)).collect();
    Ok(write_table1(folder, &rows, Some(&seconds), &evaluation_metadata(results))?)
}

/// Seconds of training, mean over seeds.
fn training_seconds(results: &Results, row: &Table1Row) -> f64 {
    let seconds: Vec<f64> = results
        .of_table1()
        .filter(|done| done.learner.key(results.profile) == row.key)
        .map(Done::training_seconds)
        .collect();
    seconds.iter().sum::<f64>() / seconds.len() as f64
}

/// The rows of Table 1.
pub fn table1_rows(results: &Results) -> Vec<Table1Row> {
    let row = |learner: BenchmarkModel| {
        let of_learner: Vec<&Done> =
            results.of_table1().filter(|done| done.learner == learner).collect();
        let errors: Vec<SeedError> =
            of_learner.iter().map(|done| state_means(&done.unit.evaluation.errors())).collect();
        let parameters = of_learner.first()?.unit.training.parameters as u64;
        let preset = Preset::ReferenceCode.name();
        let row = Table1Row::over_seeds(
            learner.key(results.profile),
            results.profile.name(),
            preset,
            parameters,
            &errors,
            learner.paper(),
        );
        let of_seeds = of_learner.iter().flat_map(|done| done.unit.training.limits()).collect();
        Some(Table1Row { limit: limits(&of_seeds), ..row })
    };
    BenchmarkModel::ALL.into_iter().filter_map(row).collect()
}

/// What keeps a model from being better, in words.
fn limits(limits: &BTreeSet<Limit>) -> String {
    limits.iter().map(|limit| limit.name()).collect::<Vec<_>>().join(", ")
}

/// `recovered.parquet`: the constants of the laws of both presets beside the true ones.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn recovered(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let mut metadata = metadata(results);
    let mut rows = Vec::new();
    for done in &results.models {
        let Some(law) = &done.unit.law else { continue };
        let name = |what: &str| format!("{what}, {}, seed {}", done.preset.name(), done.seed);
        metadata.insert(name("hamiltonian"), law.expression.clone());
        metadata.insert(name("hamiltonian as fitted"), law.fitted.clone());
        metadata.extend(
            law.forces.iter().map(|(q, force)| (name(&format!("force on {q}")), force.clone())),
        );
        rows.extend(law.constants.iter().map(|constant| RecoveredRow {
            preset: done.preset.name().into(),
            seed: done.seed,
            name: constant.name.clone(),
            meaning: constant.meaning.clone(),
            value: constant.value,
            standard_error: constant.standard_error,
            snapped: constant.snapped,
            truth: done.preset.true_value(&constant.name),
        }));
    }
    Ok(write(&folder.join("recovered.parquet"), &rows, &metadata)?)
}

/// `noise.parquet`, `.csv` and `.md`: error against noise, one row a model and level. The metadata
/// tell the laws that were read off.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn noise(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let mut metadata = metadata(results);
    let laws = results
        .noise
        .iter()
        .filter_map(|(id, unit)| Some((format!("law, {}", id.name()), unit.expression.clone()?)));
    metadata.extend(laws);
    Ok(write_noise(folder, &noise_rows(results), &metadata)?)
}

/// The rows of the table of error against noise, by level.
pub fn noise_rows(results: &Results) -> Vec<NoiseRow> {
    let of = |percent: u32, model: NoisyModel| {
        let fits =
            results.noise.iter().filter(move |(id, _)| (id.percent, id.model) == (percent, model));
        fits.collect::<Vec<&(NoiseId, NoisyUnit)>>()
    };
    let row = |&percent: &u32, model: NoisyModel| {
        let (fits, bound) = (of(percent, model), of(percent, NoisyModel::Bound).first()?.1.error);
        let id = fits.first()?.0;
        let mut errors: Vec<f64> = fits.iter().map(|(_, unit)| unit.error).collect();
        errors.sort_by(f64::total_cmp);
        let distances: Vec<f64> = fits.iter().filter_map(|(_, unit)| unit.distance).collect();
        let (n, middle) = (errors.len(), errors.len() / 2);
        let error =
            if n % 2 == 1 { errors[middle] } else { (errors[middle - 1] * errors[middle]).sqrt() };
        let is_bound = model == NoisyModel::Bound;
        Some(NoiseRow {
            model: model.label(),
            noise: id.level(),
            parameters: fits.iter().map(|(_, unit)| unit.parameters as u64).max().unwrap_or(0),
            seeds: if is_bound { 0 } else { n as u64 },
            error,
            lowest: errors[0],
            highest: errors[n - 1],
            efficiency: (!is_bound).then(|| bound / error),
            variance_efficiency: (!distances.is_empty())
                .then(|| distances.len() as f64 / distances.iter().sum::<f64>()),
            recovered: (model == NoisyModel::ClosedForm).then(|| {
                fits.iter().filter(|(_, unit)| unit.recovered == Some(true)).count() as u64
            }),
        })
    };
    let levels = results.profile.noise_levels().iter();
    levels
        .flat_map(|percent| {
            NoisyModel::ALL.into_iter().filter_map(move |model| row(percent, model))
        })
        .collect()
}

/// Times since the start of a rollout.
pub fn times() -> Vec<f64> {
    (0..POINTS).map(|i| i as f64 * INTERVAL).collect()
}

/// Where the data come from; without data, only what made the file.
pub(super) fn metadata(results: &Results) -> Metadata {
    match &results.data {
        Some(data) => data.metadata(),
        None => provenance(results.profile, results.seed),
    }
}

/// Metadata of the tables of rollout errors: those of all tables, and how accurate the rollouts
/// are.
fn evaluation_metadata(results: &Results) -> Metadata {
    let mut metadata = metadata(results);
    metadata.insert(
        "rollout_integrator".into(),
        "explicit Runge-Kutta of order 8 (Dormand & Prince)".into(),
    );
    for done in results.of_table1() {
        let (key, evaluation) =
            (format!("{}, seed {}", done.learner.name(), done.seed), &done.unit.evaluation);
        metadata.insert(format!("rollout substeps, {key}"), evaluation.substeps.to_string());
        metadata.insert(
            format!("rollout change by halving the step, {key}"),
            format!("{:e}", evaluation.step_error),
        );
    }
    metadata
}
