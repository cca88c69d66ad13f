//! From chunks to parameters.

use std::cell::RefCell;

use ndarray::Array2;

use super::coordinates::Coordinates;
use super::error::TrainError;
use super::lbfgs::{Objective, Outcome, Record, Stop, minimise};
use super::saving::Saving;
use crate::dataset::Trajectory;
use crate::deadline::Deadline;
use crate::linalg::triangular_factor;
use crate::loss::{RolloutLoss, RolloutOptions, integral_form};
use crate::model::{Lanewise, LinearModel, Model};
use crate::progress::Progress;

/// How a model that is linear in its parameters, or a closed form, is trained.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How chunks are rolled out.
    pub rollout: RolloutOptions,
    /// Weight of each component of the state in the loss, 1 / its unit squared.
    pub weights: Vec<f64>,
    /// When a run of L-BFGS ends.
    pub stop: Stop,
    /// Singular values below this fraction of the largest count as zero.
    pub rank_tolerance: f64,
    /// After this fits to noisy chunks end with what they have.
    pub deadline: Deadline,
}

/// A trained model's parameters and how they were found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Fitted parameters.
    pub theta: Vec<f64>,
    /// Number of directions in parameter space that the data determine.
    pub rank: usize,
    /// Loss on the training chunks: mean squared weighted residual.
    pub loss: f64,
    /// Every iteration; values are losses, as `loss`.
    pub history: Vec<Record>,
    /// Field evaluations, counted by state, of one evaluation of loss and gradient (a
    /// vector-Jacobian product counts as one).
    pub field_evaluations: usize,
    /// Field evaluations up to each record of the history, those of Jacobians included.
    pub costs: Vec<usize>,
    /// Why training ended.
    pub outcome: Outcome,
}

/// Trains a model that is linear in its parameters: least squares on the integral form gives a
/// start, [`refine`] does the rest.
///
/// `saving` names a folder for checkpoints; `progress` is told of every iteration.
///
/// # Errors
/// [`TrainError`]: no chunks, nothing to learn, divergence at the start, an unusable checkpoint, a
/// stop.
pub fn fit<M: LinearModel>(
    model: &M,
    chunks: &[Trajectory],
    settings: &Settings,
    saving: Option<Saving>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fit, TrainError> {
    if chunks.iter().all(|chunk| chunk.times.len() < 2) {
        return Err(TrainError::NoChunks);
    }
    let mut theta = linear_start(model, chunks, settings)?;
    let loss = RolloutLoss::new(model, chunks, &settings.weights, settings.rollout.clone());
    if !loss.value(&theta).is_finite() {
        theta = from_those_that_stay(model, chunks, &loss.chunk_losses(&theta), theta, settings)?;
    }
    refine(&loss, theta, settings, saving, progress)
}

/// A better start, where the linear one lets the rollouts of some chunks diverge, long ones mostly:
/// trained on the others.
fn from_those_that_stay<M: LinearModel>(
    model: &M,
    chunks: &[Trajectory],
    losses: &[f64],
    theta: Vec<f64>,
    settings: &Settings,
) -> Result<Vec<f64>, TrainError> {
    let stay: Vec<Trajectory> =
        chunks.iter().zip(losses).filter(|(_, l)| l.is_finite()).map(|(c, _)| c.clone()).collect();
    if 2 * stay.len() < chunks.len() {
        return Err(TrainError::NotFinite);
    }
    let loss = RolloutLoss::new(model, &stay, &settings.weights, settings.rollout.clone());
    Ok(refine(&loss, theta, settings, None, &mut |_| {})?.theta)
}

/// Parameters by least squares on the integral form of the equations of motion.
///
/// # Errors
/// Nothing to learn, numbers that are not finite.
pub fn linear_start<M: LinearModel>(
    model: &M,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Result<Vec<f64>, TrainError> {
    let factor = triangular_factor(&integral_form(model, chunks, &settings.weights))?;
    least_squares(&factor, settings.rank_tolerance)
}

/// The least-squares solution of a design matrix with the observations in the last column, given by
/// its triangular factor.
pub(super) fn least_squares(
    factor: &Array2<f64>,
    rank_tolerance: f64,
) -> Result<Vec<f64>, TrainError> {
    let n = factor.ncols() - 1;
    let coordinates = Coordinates::new(vec![0.0; n], factor, rank_tolerance)?;
    let mut theta = vec![0.0; n];
    coordinates.parameters_into(&coordinates.least_squares(factor), &mut theta);
    Ok(theta)
}

/// Trains any model from the parameters `theta` by L-BFGS in coordinates whitened by the Jacobian
/// of the rollouts. Where that took many iterations, the Jacobian at the end whitens anew and
/// L-BFGS goes on.
///
/// # Errors
/// Those of [`fit`].
pub fn refine<M: Lanewise>(
    loss: &RolloutLoss<M>,
    theta: Vec<f64>,
    settings: &Settings,
    saving: Option<Saving>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fit, TrainError> {
    let mut best: Option<Fit> = None;
    for round in 0..WHITENINGS {
        let theta = best.as_ref().map_or_else(|| theta.clone(), |fit| fit.theta.clone());
        let factor =
            triangular_factor(&loss.jacobian(&theta)).map_err(|_| TrainError::NotFinite)?;
        let coordinates = Coordinates::new(theta, &factor, settings.rank_tolerance)?;
        let file = saving.map(|saving| saving.path.join(format!("whitening{round}.checkpoint")));
        let saving = saving.as_ref().zip(file.as_ref()).map(|(saving, file)| saving.at(file));
        let next = stage(loss, &coordinates, settings.stop, saving, progress)?;
        let done = next.history.len() <= WELL_CONDITIONED
            || best.as_ref().is_some_and(|b| next.loss > 0.5 * b.loss);
        best = Some(match best {
            Some(before) => joined(before, next),
            None => next,
        });
        if done {
            break;
        }
    }
    best.ok_or(TrainError::NoChunks)
}

/// At most so many Jacobians are taken.
const WHITENINGS: usize = 4;
/// A run of no more iterations than this shows that its coordinates were good.
const WELL_CONDITIONED: usize = 20;

fn joined(before: Fit, mut last: Fit) -> Fit {
    let Fit { mut history, mut costs, .. } = before;
    let spent = costs.last().copied().unwrap_or(0);
    costs.extend(last.costs.iter().map(|cost| cost + spent));
    last.costs = costs;
    let (iterations, evaluations) =
        (history.len().saturating_sub(1), history.last().map_or(0, |r| r.evaluations));
    history.extend(last.history.iter().map(|r| Record {
        iteration: r.iteration + iterations,
        evaluations: r.evaluations + evaluations,
        ..*r
    }));
    last.history = history;
    last
}

/// One run of L-BFGS in given coordinates, from their origin.
fn stage<M: Model>(
    loss: &RolloutLoss<M>,
    coordinates: &Coordinates,
    stop: Stop,
    saving: Option<Saving>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fit, TrainError> {
    let n = loss.model().parameters();
    let scale = 2.0 / loss.residuals() as f64;
    let objective =
        Whitened { loss, coordinates, scale, buffers: RefCell::new((vec![0.0; n], vec![0.0; n])) };
    let as_loss = |r: &Record| Record {
        value: r.value * scale,
        gradient_norm: r.gradient_norm * scale,
        ..*r
    };
    let start = vec![0.0; coordinates.rank()];
    let found = minimise(&objective, &start, stop, saving, &mut |r| {
        progress(as_loss(r).told("rollout loss"))
    })?;
    let mut theta = vec![0.0; n];
    coordinates.parameters_into(&found.u, &mut theta);
    let field_evaluations = 2 * loss.field_evaluations();
    let cost = |r: &Record| loss.jacobian_evaluations() + r.evaluations * field_evaluations;
    Ok(Fit {
        costs: found.history.iter().map(cost).collect(),
        theta,
        rank: coordinates.rank(),
        loss: found.value * scale,
        history: found.history.iter().map(as_loss).collect(),
        field_evaluations,
        outcome: found.outcome,
    })
}

/// Half the sum of squared residuals as a function of whitened coordinates: its Hessian is close to
/// the identity.
struct Whitened<'a, 'm, M: Model> {
    loss: &'a RolloutLoss<'m, M>,
    coordinates: &'a Coordinates,
    scale: f64,
    buffers: RefCell<(Vec<f64>, Vec<f64>)>,
}

impl<M: Model> Objective for Whitened<'_, '_, M> {
    fn evaluate(&self, u: &[f64], gradient: &mut [f64]) -> f64 {
        let (theta, gradient_theta) = &mut *self.buffers.borrow_mut();
        self.coordinates.parameters_into(u, theta);
        let value = self.loss.gradient_into(theta, gradient_theta);
        self.coordinates.gradient_into(gradient_theta, gradient);
        for g in gradient.iter_mut() {
            *g /= self.scale;
        }
        value / self.scale
    }
}
