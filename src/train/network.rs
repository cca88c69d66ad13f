//! Training of models that are not linear in their parameters.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::lbfgs::{Judge, Objective, Outcome, Record, Stop, minimise_judged};
use super::matrix_coordinates::MatrixCoordinates;
use super::saving::Saving;
use crate::dataset::Trajectory;
use crate::loss::{QuadratureLoss, RolloutLoss, RolloutOptions};
use crate::model::Model;
use crate::progress::Progress;

/// What a stage minimises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageLoss {
    /// The integral form on the data's own points; the error of its quadrature is taken from the
    /// model that the stage starts with, unless it is the first.
    Quadrature,
    /// The rollout loss.
    Rollout,
}

impl StageLoss {
    /// Name as in the result files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quadrature => "quadrature",
            Self::Rollout => "rollout",
        }
    }

    /// What is minimised, in words.
    fn objective(self) -> &'static str {
        match self {
            Self::Quadrature => "quadrature loss",
            Self::Rollout => "rollout loss",
        }
    }
}

/// A stage of the training of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkStage {
    /// What is minimised.
    pub loss: StageLoss,
    /// Iterations of L-BFGS at most.
    pub iterations: usize,
}

/// How to train a network.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// How chunks are rolled out, in training and validation.
    pub rollout: RolloutOptions,
    /// Weight of each component of the state in the loss.
    pub weights: Vec<f64>,
    /// The stages of the training, one after the other.
    pub stages: Vec<NetworkStage>,
    /// Iterations between two evaluations of the loss on the validation data.
    pub round: usize,
    /// A stage ends after so many of these evaluations that found nothing better.
    pub patience: usize,
    /// This times the sum of squared parameters is added to the loss.
    pub decay: f64,
    /// Number of random vectors for each block of chunks that give coordinates in which the Hessian
    /// of a stage's loss is nearer to the identity; each costs as much as a gradient. None: the
    /// stages work with the parameters themselves.
    pub probes: Option<u64>,
}

/// One iteration of a network's training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkStep {
    /// What is minimised.
    pub form: StageLoss,
    /// The iteration, counted over all stages, and its loss.
    pub record: Record,
    /// Rollout loss on the validation chunks, where it was looked at.
    pub validation: Option<f64>,
    /// Field evaluations up to here, counted by state; a vector-Jacobian product counts as one.
    /// Those for validation are left out.
    pub field_evaluations: usize,
}

/// A trained network.
#[derive(Clone, Debug)]
pub struct NetworkFit {
    /// The parameters with the least rollout loss on the validation chunks of all that were looked
    /// at.
    pub theta: Vec<f64>,
    /// Every iteration of all stages, each with its start.
    pub history: Vec<NetworkStep>,
    /// Why the last stage ended.
    pub outcome: Outcome,
}

/// Trains by L-BFGS, stage by stage, each from the best parameters of the one before; the loss on
/// the `validation` chunks decides which parameters are kept and when a stage ends. `saving` names
/// a folder.
///
/// # Errors
/// [`TrainError`]: no chunks, a start that diverges, an unusable checkpoint, a stop.
pub fn train_network<M: Model>(
    model: &M,
    start: Vec<f64>,
    train: &[Trajectory],
    validation: &[Trajectory],
    settings: &NetworkSettings,
    saving: Option<Saving>,
    progress: &mut dyn FnMut(Progress),
) -> Result<NetworkFit, TrainError> {
    if train.is_empty() || validation.is_empty() {
        return Err(TrainError::NoChunks);
    }
    let lay_out = |chunks: &[Trajectory]| {
        RolloutLoss::new(model, chunks, &settings.weights, settings.rollout.clone())
    };
    let (rollout, check) = (lay_out(train), lay_out(validation));
    let mut quadrature =
        QuadratureLoss::new(model, train, &settings.weights, settings.rollout.batch);
    let mut fit = NetworkFit { theta: start, history: Vec::new(), outcome: Outcome::Converged };
    for (number, &stage) in settings.stages.iter().enumerate() {
        let NetworkStage { loss: form, iterations } = stage;
        let mut spent = fit.history.last().map_or(0, |step| step.field_evaluations);
        let cost = match form {
            StageLoss::Quadrature => quadrature.field_evaluations(),
            StageLoss::Rollout => 2 * rollout.field_evaluations(),
        };
        if form == StageLoss::Quadrature && number > 0 {
            quadrature.correct(&fit.theta, &rollout.predictions(&fit.theta, train));
            spent += rollout.field_evaluations();
        }
        let gradient_into = |theta: &[f64], gradient: &mut [f64]| match form {
            StageLoss::Quadrature => quadrature.gradient_into(theta, gradient),
            StageLoss::Rollout => rollout.gradient_into(theta, gradient),
        };
        let coordinates = match settings.probes {
            Some(probes) => Some(coordinates(model, &quadrature, &fit.theta, probes)?),
            None => None,
        };
        spent += settings.probes.unwrap_or(0) as usize * quadrature.field_evaluations() / 2;
        let objective = Decayed {
            gradient_into: &gradient_into,
            decay: settings.decay,
            coordinates: coordinates.as_ref(),
        };
        let start = match &coordinates {
            Some(_) => vec![0.0; fit.theta.len()],
            None => fit.theta.clone(),
        };
        let value = |u: &[f64]| check.value(&objective.parameters(u));
        let judge = Judge { value: &value, patience: settings.patience };
        let stop = Stop { iterations, round: settings.round, decrease: STALLED };
        let before = fit.history.last().map_or(0, |step| step.record.iteration);
        let step = |record: &Record, validation: Option<f64>| NetworkStep {
            form,
            record: Record { iteration: before + record.iteration, ..*record },
            validation,
            field_evaluations: spent + record.evaluations * cost,
        };
        let file = saving.map(|saving| saving.path.join(format!("stage{number}.checkpoint")));
        let saving = saving.as_ref().zip(file.as_ref()).map(|(saving, file)| saving.at(file));
        let found =
            minimise_judged(&objective, Some(&judge), &start, stop, saving, &mut |record| {
                progress(step(record, None).record.told(form.objective()))
            })?;
        let judged = |record: &Record| {
            found.judged.iter().find(|j| j.iteration == record.iteration).map(|j| j.value)
        };
        fit.history.extend(
            found
                .history
                .iter()
                .map(|record| step(record, judged(record).filter(|value| value.is_finite()))),
        );
        (fit.theta, fit.outcome) = (objective.parameters(&found.u).into_owned(), found.outcome);
    }
    Ok(fit)
}

/// A round that lowers the loss by a smaller fraction ends a stage.
const STALLED: f64 = 1e-4;

/// Coordinates about theta for the loss as it is there.
fn coordinates<M: Model>(
    model: &M,
    quadrature: &QuadratureLoss<M>,
    theta: &[f64],
    probes: u64,
) -> Result<MatrixCoordinates, TrainError> {
    let samples: Vec<Vec<f64>> =
        (0..probes).flat_map(|seed| quadrature.probes(theta, seed)).collect();
    // The loss is the mean of squared residuals: its Hessian is 2 / residuals times J^T J, the sum
    // over blocks of the samples' covariance.
    let blocks = samples.len() as f64 / probes.max(1) as f64;
    let scale = (0.5 * quadrature.residuals() as f64 / blocks).sqrt();
    MatrixCoordinates::new(theta.to_vec(), model.matrices(), &samples, scale)
}

/// A loss with weight decay, in coordinates of its own.
struct Decayed<'a> {
    gradient_into: &'a dyn Fn(&[f64], &mut [f64]) -> f64,
    decay: f64,
    coordinates: Option<&'a MatrixCoordinates>,
}

impl Decayed<'_> {
    fn parameters<'u>(&self, u: &'u [f64]) -> Cow<'u, [f64]> {
        match self.coordinates {
            Some(coordinates) => Cow::Owned(coordinates.parameters(u)),
            None => Cow::Borrowed(u),
        }
    }
}

impl Objective for Decayed<'_> {
    fn evaluate(&self, u: &[f64], gradient: &mut [f64]) -> f64 {
        let theta = self.parameters(u);
        let mut value = (self.gradient_into)(&theta, gradient);
        for (theta, gradient) in theta.iter().zip(gradient.iter_mut()) {
            value += self.decay * theta * theta;
            *gradient += 2.0 * self.decay * theta;
        }
        if let Some(coordinates) = self.coordinates {
            gradient.copy_from_slice(&coordinates.product(gradient));
        }
        value
    }
}
