//! The law on the trajectories, and whether a simpler one takes its place.

use crate::dataset::{Trajectory, Units};
use crate::expr::Expr;
use crate::model::ScalarHamiltonian;
use crate::recover::assemble::exact::Discovered;
use crate::recover::error::RecoverError;
use crate::recover::form::Candidate;
use crate::recover::judge::pareto::{front, simplest_as_good};
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::NOISY;
use crate::recover::problem::learner::Learner;
use crate::recover::refit::rollouts::{Resolved, Trained, closed_form_error, on_trajectories};
use crate::recover::statistics::Misfit;
use crate::train::{Learned, marked};

/// Errors of the few dozen residuals that a small table holds out scatter by a tenth.
const PLAINLY_BETTER: f64 = 0.9;

/// A law that no simpler one of its own front does better than.
pub(super) struct Settled {
    pub trained: Trained,
    /// Simpler laws.
    pub front: Vec<Candidate>,
    /// In which held-out chunks the two models can be followed.
    pub resolved: Resolved,
    /// Those in which the law can be followed.
    pub judging: Vec<Trajectory>,
}

/// Refits the chosen law on the trajectories. Where a simpler law of its front follows the held-out
/// chunks no worse, or where noise is not all that is left not plainly worse, that one is chosen in
/// its place and refitted likewise, for as long as there is one; each is simpler than the last.
pub(super) fn settle(
    learner: &Learner,
    fitted: &Fitted,
    discovered: &mut Discovered,
    units: &Units,
    judging: &[Trajectory],
) -> Result<Settled, RecoverError> {
    let mut least = f64::INFINITY;
    loop {
        let trained = on_trajectories(learner, fitted, discovered)?;
        let resolved = trained.resolved(learner, discovered, judging)?;
        let judging = marked(judging, &resolved.closed);
        let front = front(learner, fitted, discovered, &trained, &judging)?;
        let simpler = if judging.is_empty() || learner.late() {
            None
        } else {
            simpler_law(learner, &trained, &front, units, &judging)?
        };
        let simpler = match simpler {
            None => {
                no_plainly_worse(learner, fitted, &trained, &front, (units, &judging), &mut least)?
            }
            some => some,
        };
        let Some(simpler) = simpler else {
            return Ok(Settled { trained, front, resolved, judging });
        };
        log::debug!("simpler and no worse: {:.2e} {}", simpler.error, simpler.expression);
        discovered.chosen = learner.adjust(&simpler.expression, fitted)?;
    }
}

/// The law of a front that takes the place of the refitted one, if one does.
fn simpler_law<'a>(
    learner: &Learner,
    trained: &Trained,
    front: &'a [Candidate],
    units: &Units,
    judging: &[Trajectory],
) -> Result<Option<&'a Candidate>, RecoverError> {
    let Learned { settings, integration_error, .. } = &trained.learned;
    let (inputs, expression) = (learner.inputs(), trained.law.expression.clone());
    let error = closed_form_error(inputs, &expression, judging, settings)?;
    let law = Candidate { expression, error };
    let Some(simpler) = simplest_as_good(front, units, &law, *integration_error) else {
        return Ok(None);
    };
    let misfit = |candidate: &Candidate| -> Result<Misfit, RecoverError> {
        let model = ScalarHamiltonian::closed_form(inputs, &candidate.expression)?;
        Ok(Misfit::new(&model, &candidate.expression.constants(), judging, settings))
    };
    // What is left by both may be noise: then the simpler law must do better than by chance, or so
    // much better as nobody who reads both errors would pass over.
    let takes_the_place = simpler.error <= NOISY
        || simpler.error < PLAINLY_BETTER * law.error
        || misfit(&law)?.is_worse_than(&misfit(simpler)?, 0.0);
    Ok(takes_the_place.then_some(simpler))
}

/// The simplest law of a front that follows the held-out chunks no worse by chance, and by less than
/// a tenth of `least`, the least error of the laws before it, where the refitted law leaves more than
/// noise in noisy data: what this has more describes the data's own faults, which likelihoods take
/// for information.
fn no_plainly_worse<'a>(
    learner: &Learner,
    fitted: &Fitted,
    trained: &Trained,
    front: &'a [Candidate],
    (units, judging): (&Units, &[Trajectory]),
    least: &mut f64,
) -> Result<Option<&'a Candidate>, RecoverError> {
    let Some(noise_model) = learner.noise_model() else { return Ok(None) };
    let (inputs, settings) = (learner.inputs(), &trained.learned.settings);
    let law = &trained.law.expression;
    let error = closed_form_error(inputs, law, judging, settings)?;
    *least = least.min(error);
    let complexity = |law: &Expr| units.hamiltonian(law).complexity();
    let own = complexity(law);
    let as_good =
        |c: &&Candidate| complexity(&c.expression) < own && PLAINLY_BETTER * c.error <= *least;
    let mut simpler: Vec<&Candidate> = front.iter().filter(as_good).collect();
    let is_testable = error.is_finite() && !judging.is_empty() && noise_model.drift_is_known();
    if simpler.is_empty() || !is_testable || learner.late() {
        return Ok(None);
    }
    if !matches!(learner.explains_noise(law, fitted, noise_model, judging), Ok(false)) {
        return Ok(None);
    }
    let misfit = |law: &Expr| -> Result<Misfit, RecoverError> {
        let model = ScalarHamiltonian::closed_form(inputs, law)?;
        Ok(Misfit::new(&model, &law.constants(), judging, settings))
    };
    let of_law = misfit(law)?;
    simpler.sort_by_key(|c| complexity(&c.expression));
    for candidate in simpler {
        if !misfit(&candidate.expression)?.is_worse_than(&of_law, 0.0) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}
