//! A model of one seed: how it was trained, how well it does, and the law, if it is one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::data::Data;
use super::error::ExperimentError;
use super::evaluation::Evaluation;
use super::stopwatch::Stopwatch;
use super::transfer::Transfer;
use crate::dataset::TrajectoryTable;
use crate::loss::RolloutLoss;
use crate::model::Model;
use crate::progress::Progress;
use crate::recover::{PhysicalConstant, Recovery};
use crate::train::{self, Fit, Outcome, Record, Settings};

/// A trained model and its test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unit {
    /// How the model was trained, and how well it fits.
    pub training: Training,
    /// Errors of its rollouts from the test states.
    pub evaluation: Evaluation,
    /// Its test under other gravity.
    pub transfer: Transfer,
    /// The law, if the model is one.
    pub law: Option<Law>,
}

/// How a model was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Training {
    /// Number of parameters.
    pub parameters: usize,
    /// Mean squared error of the predicted training chunks.
    pub loss: f64,
    /// Mean squared error of the predicted validation chunks.
    pub validation: f64,
    /// Every iteration; none for a closed form, which is read off another model.
    pub history: Vec<Step>,
    /// Why the training ended.
    pub outcome: Outcome,
    /// Root mean square difference that halving the integration step makes to the predicted
    /// training chunks: the integrator's error.
    pub step_error: f64,
}

/// One iteration of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is minimised: `rollout`, the mean squared error of predicted chunks, or what comes
    /// before it.
    pub stage: String,
    /// Number of the iteration, from 0, over all stages.
    pub iteration: usize,
    /// Value of what is minimised.
    pub loss: f64,
    /// Euclidean norm of its gradient by the coordinates of the optimiser.
    pub gradient_norm: f64,
    /// Mean squared error of the predicted validation chunks, where it was taken.
    pub validation: Option<f64>,
    /// Field evaluations up to here, counted by state; a vector-Jacobian product counts as one.
    pub field_evaluations: usize,
}

/// What keeps a model from being better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Nothing but the integration in training: its error, or roundoff, is as large as the misfit.
    Integration,
    /// Training chunks are predicted much better than others: more data would help.
    Data,
    /// The optimiser had not come to an end.
    Optimiser,
    /// The model itself: optimiser and data could not make it better.
    Model,
}

impl Limit {
    /// Name of the limit in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integration => "integrator",
            Self::Data => "data",
            Self::Optimiser => "optimiser",
            Self::Model => "model",
        }
    }
}

impl Training {
    /// Judges by the losses and by why the optimiser stopped; never none.
    pub fn limits(&self) -> BTreeSet<Limit> {
        if self.validation.sqrt() <= INTEGRATION * self.step_error.max(f64::EPSILON) {
            return BTreeSet::from([Limit::Integration]);
        }
        let overfit = (self.validation > OVERFIT * self.loss).then_some(Limit::Data);
        let unfinished = (self.outcome == Outcome::Limit).then_some(Limit::Optimiser);
        let found: BTreeSet<Limit> = overfit.into_iter().chain(unfinished).collect();
        if found.is_empty() { BTreeSet::from([Limit::Model]) } else { found }
    }

    /// Field evaluations of the whole training, counted by state.
    pub fn field_evaluations(&self) -> usize {
        self.history.last().map_or(0, |step| step.field_evaluations)
    }
}

/// A misfit of up to so many times the integrator's error is no longer one of the model.
const INTEGRATION: f64 = 10.0;
/// A validation loss of so many times the training loss shows that there are too few data.
const OVERFIT: f64 = 2.0;

/// A recovered law, as text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Law {
    /// Hamiltonian with fitted constants.
    pub fitted: String,
    /// Hamiltonian with simple numbers, where the trajectories agree with them; else as fitted.
    pub expression: String,
    /// Force on each particle, by name of its position.
    pub forces: Vec<(String, String)>,
    /// Masses, springs, fields.
    pub constants: Vec<Constant>,
    /// Terms that are not read as masses, springs or fields.
    pub unread: Vec<String>,
    /// Whether the law explains the data down to the error of their integration.
    pub exact: bool,
}

/// A constant of a law.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Constant {
    /// Name of the constant, such as `m1`.
    pub name: String,
    /// Meaning of the constant in words, such as the mass of a particle.
    pub meaning: String,
    /// Fitted value.
    pub value: f64,
    /// Standard error; NaN for a number that the form has, which is not fitted.
    pub standard_error: f64,
    /// The simple number that it agrees with.
    pub snapped: Option<f64>,
}

impl Law {
    /// The text of a recovered law.
    pub(super) fn new(found: &Recovery) -> Self {
        let constant = |constant: &PhysicalConstant| Constant {
            name: constant.name.clone(),
            meaning: constant.meaning.clone(),
            value: constant.value,
            standard_error: constant.standard_error.unwrap_or(f64::NAN),
            snapped: constant.snapped,
        };
        Self {
            fitted: found.expression.to_string(),
            expression: found.best().to_string(),
            forces: found
                .forces
                .iter()
                .map(|(name, force)| (name.clone(), force.to_string()))
                .collect(),
            constants: found.reading.constants.iter().map(constant).collect(),
            unread: found.reading.unread.iter().map(ToString::to_string).collect(),
            exact: found.exact(),
        }
    }
}

/// Every component of the state counts alike: all have about the same spread.
pub(super) fn settings(step: f64) -> Result<Settings, ExperimentError> {
    Ok(Settings::new(vec![1.0; 12], step)?)
}

/// Hands on every event of a training, and keeps the clock going.
pub(super) fn teller(
    progress: &mut dyn FnMut(Progress),
    clock: &mut Stopwatch,
) -> impl FnMut(Progress) {
    move |event| {
        clock.tick();
        progress(event);
    }
}

/// The training of a model that is linear in its parameters.
pub(super) fn linear_training<M: Model>(
    model: &M,
    fit: Fit,
    data: &Data,
    settings: &Settings,
) -> Training {
    let step = |(record, cost): (&Record, &usize)| Step {
        stage: "rollout".into(),
        iteration: record.iteration,
        loss: record.value,
        gradient_norm: record.gradient_norm,
        validation: None,
        field_evaluations: *cost,
    };
    let history = fit.history.iter().zip(&fit.costs).map(step).collect();
    training(model, &fit.theta, data, settings, history, fit.outcome)
}

/// What there is to say of given parameters and of how they were found.
pub(super) fn training<M: Model>(
    model: &M,
    theta: &[f64],
    data: &Data,
    settings: &Settings,
    history: Vec<Step>,
    outcome: Outcome,
) -> Training {
    let loss = |table: &TrajectoryTable| {
        RolloutLoss::new(model, &table.trajectories, &settings.weights, settings.rollout.clone())
            .value(theta)
    };
    Training {
        parameters: theta.len(),
        loss: loss(&data.train),
        validation: loss(&data.validation),
        history,
        outcome,
        step_error: train::integration_error(model, theta, &data.train.trajectories, settings),
    }
}
