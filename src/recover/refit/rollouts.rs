//! The learned Hamiltonian and the closed form on the trajectories themselves.

use ndarray::{Array1, Axis};

use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::expr::{Expr, Scalar};
use crate::loss::RolloutLoss;
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::recover::assemble::exact::Discovered;
use crate::recover::error::RecoverError;
use crate::recover::form::Refit;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::{NOISY, OF_NOISE};
use crate::recover::noise::NoiseFound;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::noise_model::{NoiseModel, NoisyChunks};
use crate::recover::refit::constants::{refit, refit_noisy};
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{self, Fit, Learned, NoisyFit, Settings, followed, marked, short_interval};

/// The integration step is halved at most so often.
const HALVINGS: i32 = 8;

/// Halvings for noisy chunks, whose integration error is to be seen against the noise.
const NOISY_HALVINGS: i32 = 4;

/// The part of the training chunks that the integrator must follow.
const ENOUGH_CHUNKS: f64 = 0.95;

/// Ratio of mean squares in the middle chunk from which on a refit is spoilt.
const SPOILT: f64 = 100.0;

/// Changes of the rollouts by this part of a misfit are of no account; if it is noise, by a larger
/// one.
const OF_MISFIT: f64 = 0.01;

/// Differences smaller than this are none.
const SAME: f64 = 1e-10;

/// What the trajectories say.
pub(crate) struct Trained {
    /// The learned Hamiltonian.
    pub learned: Learned<ProductBasis>,
    /// The closed form, its constants refitted.
    pub law: Refit,
    /// The noise, where the states of the chunks were fitted too.
    pub noise: Option<NoiseFound>,
    /// Where only the closed form could be fitted to noisy chunks, and nothing was learned in noise
    /// that it could be compared with.
    pub alone: Option<Alone>,
}

/// A closed form's fit to chunks of what may be noise.
pub(crate) struct Alone {
    pub chunks: Vec<Trajectory>,
    pub fit: NoisyFit,
    /// The noise, if that is what is left.
    pub noise: NoiseFound,
}

/// Whether halving the integration step changes nothing worth mentioning, in each chunk.
pub(crate) struct Resolved {
    /// For the closed form.
    pub closed: Vec<bool>,
    /// For the learned Hamiltonian.
    learned: Vec<bool>,
}

impl Resolved {
    /// Whether most of the chunks in which even the learned Hamiltonian can be followed, and at
    /// least one, are among those of the closed form.
    pub fn are_enough(&self) -> bool {
        let both = self.learned.iter().zip(&self.closed).filter(|(a, b)| **a && **b).count();
        let learned = self.learned.iter().filter(|l| **l).count();
        2 * both > learned
            || (learned == 0 && 2 * self.closed.iter().filter(|c| **c).count() > self.closed.len())
    }
}

impl Trained {
    /// In which chunks the two models can be followed.
    pub fn resolved(
        &self,
        learner: &Learner,
        discovered: &Discovered,
        chunks: &[Trajectory],
    ) -> Result<Resolved, RecoverError> {
        let Learned { model, fit, settings, .. } = &self.learned;
        let expression = &discovered.chosen.expression;
        let closed = ScalarHamiltonian::closed_form(learner.inputs(), expression)?;
        let allowed = allowed(learner, discovered);
        Ok(Resolved {
            closed: followed(&closed, &expression.constants(), chunks, settings, allowed),
            learned: followed(model, &fit.theta, chunks, settings, allowed),
        })
    }
}

/// Refits the closed form with an integration step whose error shows in neither model; those few
/// chunks where no step does (close encounters) are left out. After the deadline the constants stay
/// as they were fitted along paths.
pub(crate) fn on_trajectories(
    learner: &Learner,
    fitted: &Fitted,
    discovered: &Discovered,
) -> Result<Trained, RecoverError> {
    if let Some(noise_model) = learner.noise_model() {
        return in_noise(learner, fitted, discovered, noise_model);
    }
    let train = learner.train();
    let mut settings = Settings::new(learner.weights().to_vec(), short_interval(train))?;
    settings.deadline = learner.deadline().clone();
    let expression = &discovered.chosen.expression;
    let (closed, constants) =
        (ScalarHamiltonian::closed_form(learner.inputs(), expression)?, expression.constants());
    let mut easy = Vec::new();
    for _ in 0..HALVINGS {
        settings.rollout.step *= 0.5;
        easy = marked(
            train,
            &followed(&closed, &constants, train, &settings, allowed(learner, discovered)),
        );
        if easy.len() as f64 >= ENOUGH_CHUNKS * train.len() as f64 || learner.late() {
            break;
        }
    }
    if easy.is_empty() {
        easy = train.to_vec();
    }
    log::debug!(
        "{} of {} training chunks, step {:.2e}",
        easy.len(),
        train.len(),
        settings.rollout.step
    );
    // First states are free in noise, but not what a run has its own of.
    let may_be_noise = discovered.chosen.misfit > NOISY && !learner.inputs().differ();
    let in_noise = if may_be_noise && !learner.late() {
        let start = discovered.chosen.expression.constants().into();
        let found = refit_noisy(learner.inputs(), expression, &easy, &settings, start, None);
        found.inspect_err(|error| log::debug!("refit failed: {error}")).ok()
    } else {
        None
    };
    let learned = learned((learner, fitted), (&closed, &constants), &easy, settings.clone())?;
    match in_noise {
        Some((law, fit)) => {
            let noise = noise_of(&fit, &settings, false)?;
            Ok(Trained {
                learned,
                law,
                noise: None,
                alone: Some(Alone { chunks: easy, fit, noise }),
            })
        }
        None => {
            let law = refitted(learner, fitted, discovered, &easy, &settings)?;
            Ok(Trained { learned, law, noise: None, alone: None })
        }
    }
}

/// The closed form fitted to noisy chunks, all their states uncertain.
fn in_noise(
    learner: &Learner,
    fitted: &Fitted,
    discovered: &Discovered,
    noise_model: &NoiseModel,
) -> Result<Trained, RecoverError> {
    let (inputs, chosen) = (learner.inputs(), &discovered.chosen);
    let NoisyChunks { settings, train, given, .. } = &*noise_model.chunks;
    let (closed, constants) = (
        ScalarHamiltonian::closed_form(inputs, &chosen.expression)?,
        chosen.expression.constants(),
    );
    let mut settings = settings.clone();
    // The law may well follow chunks that what was learned does not.
    let all = [train, &beside(learner.train(), train)[..]].concat();
    let mut follows = Vec::new();
    for _ in 0..NOISY_HALVINGS {
        follows = followed(&closed, &constants, &all, &settings, OF_NOISE * noise_model.unit());
        let part = follows.iter().filter(|f| **f).count() as f64 / follows.len() as f64;
        if part >= ENOUGH_CHUNKS || learner.late() {
            break;
        }
        settings.rollout.step *= 0.5;
    }
    let more = if learner.late() {
        Vec::new()
    } else {
        marked(&all[train.len()..], &follows[train.len()..])
    };
    let refit = |more: &[Trajectory]| {
        let start = noise_model.start_with(constants.clone(), more);
        refit_noisy(
            inputs,
            &chosen.expression,
            &[train, more].concat(),
            &settings,
            start,
            given.clone(),
        )
    };
    let followed_too = |(_, fit): &(Refit, NoisyFit)| marked(&more, &fit.calm[train.len()..]);
    let found = match refit(&more) {
        Ok(found) if followed_too(&found).len() == more.len() => Ok(found),
        Ok(found) => refit(&followed_too(&found)).or_else(|_| refit(&[])),
        Err(_) => refit(&[]),
    };
    let (law, noise) = match found {
        Ok((law, fit)) => (law, noise_of(&fit, &settings, given.is_some())?),
        Err(error) => {
            log::debug!("refit failed: {error}");
            let noise = NoiseFound {
                deviation: noise_model.noise.clone(),
                given: given.is_some(),
                efficiency: None,
                outliers: 0,
            };
            (learner.as_adjusted(chosen, fitted)?, noise)
        }
    };
    let closed = ScalarHamiltonian::closed_form(inputs, &law.expression)?;
    let learned =
        learned((learner, fitted), (&closed, &law.expression.constants()), train, settings)?;
    Ok(Trained { learned, law, noise: Some(noise), alone: None })
}

fn noise_of(fit: &NoisyFit, settings: &Settings, given: bool) -> Result<NoiseFound, RecoverError> {
    let efficiency = Some(fit.efficiency(settings.rank_tolerance)?);
    Ok(NoiseFound { deviation: fit.noise.clone(), given, efficiency, outliers: fit.outliers })
}

/// Those of all chunks that are not among some of them, both in one order.
fn beside(all: &[Trajectory], some: &[Trajectory]) -> Vec<Trajectory> {
    let mut some = some.iter().peekable();
    all.iter().filter(|chunk| some.next_if(|known| known == chunk).is_none()).cloned().collect()
}

/// What was learned, with its loss on the trajectories, and the error of integration, which is that
/// of the closed form.
fn learned(
    (learner, fitted): (&Learner, &Fitted),
    (closed, constants): (&ScalarHamiltonian<ClosedForm>, &[f64]),
    chunks: &[Trajectory],
    settings: Settings,
) -> Result<Learned<ProductBasis>, RecoverError> {
    let (model, theta) = compact(learner, fitted)?;
    let integration_error = train::integration_error(closed, constants, chunks, &settings);
    let integration_error = if integration_error.is_finite() { integration_error } else { 1.0 };
    let loss = RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone());
    let fit = Fit {
        loss: loss.value(&theta),
        field_evaluations: 2 * loss.field_evaluations(),
        rank: fitted.rank()?,
        history: Vec::new(),
        costs: Vec::new(),
        outcome: train::Outcome::Linear,
        theta,
    };
    Ok(Learned { model, fit, settings, integration_error })
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
    if learner.late() || chosen.misfit > NOISY {
        return learner.as_adjusted(chosen, fitted);
    }
    let law = refit(inputs, expression, easy, settings).or_else(|error| {
        log::debug!("refit failed: {error}");
        learner.as_adjusted(chosen, fitted)
    })?;
    // A few chunks with large errors (encounters closer than their own integrator could follow) may
    // spoil the refit: where the middle chunk is followed much better with the constants fitted
    // along paths, these are kept; how far apart the two are says how well they are known.
    let middle = |expression: &Expr| -> Result<f64, RecoverError> {
        let model = ScalarHamiltonian::closed_form(inputs, expression)?;
        let loss = RolloutLoss::new(&model, easy, &settings.weights, settings.rollout.clone());
        let mut losses = loss.chunk_losses(&expression.constants());
        losses.sort_by(f64::total_cmp);
        Ok(losses.get(losses.len() / 2).copied().unwrap_or(f64::INFINITY))
    };
    if middle(&law.expression)? <= SPOILT * middle(expression)? {
        return Ok(law);
    }
    let shift: Array1<f64> =
        law.expression.constants().iter().zip(expression.constants()).map(|(a, b)| a - b).collect();
    let shift = shift.insert_axis(Axis(1));
    let covariance = law.covariance + shift.dot(&shift.t());
    Ok(Refit { expression: expression.clone(), covariance, error: chosen.misfit })
}

/// Root mean square change of a chunk's residuals that is of no account.
fn allowed(learner: &Learner, discovered: &Discovered) -> f64 {
    let part = if learner.noise_model().is_some() { OF_NOISE } else { OF_MISFIT };
    (part * discovered.chosen.misfit).max(SAME)
}

/// The learned model without the scalars that it does not use.
fn compact(
    learner: &Learner,
    fitted: &Fitted,
) -> Result<(ScalarHamiltonian<ProductBasis>, Vec<f64>), RecoverError> {
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
    // With the forces that it was fitted beside.
    let forces = fitted.model.scalars().momentum_forces().to_vec();
    let inputs = learner.inputs().clone().with_momentum_forces(forces);
    Ok((ScalarHamiltonian::new(ScalarSet::new(&inputs, scalars)?, compact), fitted.theta.clone()))
}

/// Root mean square rollout residual of a closed form.
pub(crate) fn closed_form_error(
    inputs: &Inputs,
    expr: &Expr,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Result<f64, RecoverError> {
    let model = ScalarHamiltonian::closed_form(inputs, expr)?;
    Ok(RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone())
        .value(&expr.constants())
        .sqrt())
}
