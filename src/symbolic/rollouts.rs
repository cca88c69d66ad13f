//! The learned Hamiltonian and the closed form on the trajectories themselves.

use ndarray::{Array1, Array2, Axis};

use super::discover::Discovered;
use super::learner::{Fitted, Learner, NOISY};
use super::recover::RecoverError;
use super::refit::{self, Refit, refit_noisy};
use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::expr::{Expr, Scalar};
use crate::loss::{Options, RolloutLoss};
use crate::model::{Model, ScalarHamiltonian};
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{self, Fit, Learned, Settings};

/// The integration step is halved at most so often.
const HALVINGS: i32 = 8;
/// The part of the training chunks that the integrator must follow.
const ENOUGH_CHUNKS: f64 = 0.95;
/// Ratio of mean squares in the middle chunk from which on a refit is spoilt.
const SPOILT: f64 = 100.0;
/// Differences smaller than this are none.
const SAME: f64 = 1e-10;

/// What the trajectories say.
pub(super) struct Trained {
    /// The learned Hamiltonian.
    pub learned: Learned<ProductBasis>,
    /// The closed form, its constants refitted.
    pub law: Refit,
}

/// Whether halving the integration step changes nothing worth mentioning, in each chunk.
pub(super) struct Followed {
    /// For the closed form.
    pub closed: Vec<bool>,
    /// For the learned Hamiltonian.
    learned: Vec<bool>,
}

impl Followed {
    /// Whether most of the chunks in which even the learned Hamiltonian can be followed, and at least one, are among those of the closed form.
    pub fn are_enough(&self) -> bool {
        let both = self.learned.iter().zip(&self.closed).filter(|(a, b)| **a && **b).count();
        let learned = self.learned.iter().filter(|l| **l).count();
        2 * both > learned || (learned == 0 && 2 * self.closed.iter().filter(|c| **c).count() > self.closed.len())
    }
}

impl Trained {
    /// In which chunks the two models can be followed.
    pub fn followed(&self, learner: &Learner, discovered: &Discovered, chunks: &[Trajectory]) -> Result<Followed, RecoverError> {
        let Learned { model, fit, settings, .. } = &self.learned;
        let expression = &discovered.chosen.expression;
        let closed = refit::model(learner.inputs(), expression)?;
        let allowed = allowed(discovered);
        Ok(Followed {
            closed: easily_followed((&closed, &expression.constants()), chunks, settings, allowed),
            learned: easily_followed((model, &fit.theta), chunks, settings, allowed),
        })
    }
}

/// Refits the closed form with an integration step whose error shows in neither model; those few chunks where no step does (close encounters)
/// are left out. After the deadline the constants stay as they were fitted along paths.
pub(super) fn on_trajectories(learner: &Learner, fitted: &Fitted, discovered: &Discovered) -> Result<Trained, RecoverError> {
    let train = learner.train();
    let (model, theta) = compact(learner, fitted)?;
    let mut settings = Settings::new(learner.weights().to_vec(), short_interval(train))?;
    let expression = &discovered.chosen.expression;
    let (closed, constants) = (refit::model(learner.inputs(), expression)?, expression.constants());
    let mut easy = Vec::new();
    for _ in 0..HALVINGS {
        settings.rollout.step *= 0.5;
        easy = marked(train, &easily_followed((&closed, &constants), train, &settings, allowed(discovered)));
        if easy.len() as f64 >= ENOUGH_CHUNKS * train.len() as f64 || learner.late() {
            break;
        }
    }
    if easy.is_empty() {
        easy = train.to_vec();
    }
    let integration_error = train::integration_error(&closed, &constants, &easy, &settings);
    let integration_error = if integration_error.is_finite() { integration_error } else { 1.0 };
    log::debug!("{} of {} training chunks, step {:.2e}", easy.len(), train.len(), settings.rollout.step);
    let law = refitted(learner, fitted, discovered, &easy, &settings)?;
    let loss = RolloutLoss::new(&model, &easy, &settings.weights, settings.rollout.clone());
    let fit = Fit {
        loss: loss.value(&theta),
        field_evaluations: 2 * loss.field_evaluations(),
        rank: fitted.rank()?,
        history: Vec::new(),
        costs: Vec::new(),
        outcome: train::Outcome::Linear,
        theta,
    };
    Ok(Trained { learned: Learned { model, fit, settings, integration_error }, law })
}

/// The refitted law, or the law as it was where time is over or the refit fails.
fn refitted(
    learner: &Learner,
    fitted: &Fitted,
    discovered: &Discovered,
    easy: &[Trajectory],
    settings: &Settings,
) -> Result<Refit, RecoverError> {
    let chosen = &discovered.chosen;
    let (inputs, expression) = (learner.inputs(), &chosen.expression);
    if learner.late() {
        return learner.as_adjusted(chosen, fitted);
    }
    // With noise all states are uncertain.
    if chosen.misfit > NOISY {
        return refit_noisy(inputs, expression, easy, settings).or_else(|error| {
            log::debug!("refit failed: {error}");
            learner.as_adjusted(chosen, fitted)
        });
    }
    let law = refit::refit(inputs, expression, easy, settings).or_else(|error| {
        log::debug!("refit failed: {error}");
        learner.as_adjusted(chosen, fitted)
    })?;
    // A few chunks with large errors (encounters closer than their own integrator could follow) may spoil the refit: where the middle chunk is followed
    // much better with the constants fitted along paths, these are kept; how far apart the two are says how well they are known.
    let middle = |expression: &Expr| -> Result<f64, RecoverError> {
        let model = refit::model(inputs, expression)?;
        let loss = RolloutLoss::new(&model, easy, &settings.weights, settings.rollout.clone());
        let mut losses = loss.chunk_losses(&expression.constants());
        losses.sort_by(f64::total_cmp);
        Ok(losses.get(losses.len() / 2).copied().unwrap_or(f64::INFINITY))
    };
    if middle(&law.expression)? <= SPOILT * middle(expression)? {
        return Ok(law);
    }
    let shift: Array1<f64> = law.expression.constants().iter().zip(expression.constants()).map(|(a, b)| a - b).collect();
    let shift = shift.insert_axis(Axis(1));
    let covariance = law.covariance + shift.dot(&shift.t());
    Ok(Refit { expression: expression.clone(), covariance, error: chosen.misfit })
}

/// An interval between points that few are shorter than: halving a step that is longer than an interval would change nothing there.
fn short_interval(chunks: &[Trajectory]) -> f64 {
    let mut intervals: Vec<f64> = chunks.iter().flat_map(|c| c.times.windows(2)).map(|w| w[1] - w[0]).collect();
    intervals.sort_by(f64::total_cmp);
    intervals.get(intervals.len() / 10).copied().unwrap_or(1.0)
}

/// The chunks that are marked.
pub(super) fn marked(chunks: &[Trajectory], marks: &[bool]) -> Vec<Trajectory> {
    chunks.iter().zip(marks).filter(|(_, mark)| **mark).map(|(chunk, _)| chunk.clone()).collect()
}

/// Root mean square change of a chunk's residuals that is of no account.
fn allowed(discovered: &Discovered) -> f64 {
    (0.01 * discovered.chosen.misfit).max(SAME)
}

/// Whether halving the integration step changes nothing worth mentioning, in each chunk.
fn easily_followed<M: Model>((model, theta): (&M, &[f64]), chunks: &[Trajectory], settings: &Settings, allowed: f64) -> Vec<bool> {
    let predictions = |step: f64| {
        let options = Options { step, ..settings.rollout.clone() };
        RolloutLoss::new(model, chunks, &settings.weights, options).predictions(theta, chunks)
    };
    let (coarse, fine) = (predictions(settings.rollout.step), predictions(0.5 * settings.rollout.step));
    let follows = |(a, b): (&Array2<f64>, &Array2<f64>)| {
        let error = |((_, c), x): ((usize, usize), &f64)| settings.weights[c] * x * x;
        let mean = (a - b).indexed_iter().map(error).sum::<f64>() / a.len().max(1) as f64;
        mean.sqrt() <= allowed
    };
    coarse.iter().zip(&fine).map(follows).collect()
}

/// The learned model without the scalars that it does not use.
fn compact(learner: &Learner, fitted: &Fitted) -> Result<(ScalarHamiltonian<ProductBasis>, Vec<f64>), RecoverError> {
    let basis = fitted.model.function();
    let mut used: Vec<usize> = basis.axes().iter().map(|a| a.scalar).collect();
    used.sort_unstable();
    used.dedup();
    let scalars: Vec<Scalar> = used.iter().map(|&i| learner.scalars()[i].clone()).collect();
    let axes = basis.axes().iter().map(|a| {
        let mut axis = a.clone();
        axis.scalar = used.binary_search(&a.scalar).unwrap_or(0);
        axis
    });
    let compact = ProductBasis::new(used.len(), axes.collect(), basis.functions().to_vec());
    Ok((ScalarHamiltonian::new(ScalarSet::new(learner.inputs(), scalars)?, compact), fitted.theta.clone()))
}

/// Root mean square rollout residual of a closed form.
pub(super) fn closed_form_error(
    inputs: &Inputs,
    expr: &Expr,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Result<f64, RecoverError> {
    let model = refit::model(inputs, expr)?;
    Ok(RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone()).value(&expr.constants()).sqrt())
}
