//! The law on the trajectories, and whether a simpler one takes its place.

use crate::basis::ProductBasis;
use crate::dataset::{Trajectory, Units};
use crate::model::ScalarHamiltonian;
use crate::recover::assemble::exact::Discovered;
use crate::recover::error::RecoverError;
use crate::recover::form::Candidate;
use crate::recover::judge::pareto::{complexity, front, simplest_as_good};
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
            let refitted = Refitted::new(learner, &trained, units, &judging)?;
            match refitted.no_worse(&front)? {
                None => {
                    least = least.min(refitted.law.error);
                    refitted.not_plainly_worse(&front, fitted, least)?
                }
                found => found,
            }
        };
        let Some(simpler) = simpler else {
            return Ok(Settled { trained, front, resolved, judging });
        };
        log::debug!("simpler and no worse: {:.2e} {}", simpler.error, simpler.expression);
        discovered.chosen = learner.adjust(&simpler.expression, fitted)?;
    }
}

/// A refitted law, to be compared with the simpler ones of its front on the chunks held out.
struct Refitted<'a> {
    learner: &'a Learner<'a>,
    learned: &'a Learned<ProductBasis>,
    units: &'a Units,
    judging: &'a [Trajectory],
    law: Candidate,
}

impl<'a> Refitted<'a> {
    fn new(
        learner: &'a Learner,
        trained: &'a Trained,
        units: &'a Units,
        judging: &'a [Trajectory],
    ) -> Result<Self, RecoverError> {
        let (learned, expression) = (&trained.learned, trained.law.expression.clone());
        let error = closed_form_error(learner.inputs(), &expression, judging, &learned.settings)?;
        Ok(Self { learner, learned, units, judging, law: Candidate { expression, error } })
    }

    /// The law of the front that takes the place of this one as it follows the chunks no worse.
    fn no_worse<'f>(&self, front: &'f [Candidate]) -> Result<Option<&'f Candidate>, RecoverError> {
        let integration_error = self.learned.integration_error;
        let Some(simpler) = simplest_as_good(front, self.units, &self.law, integration_error)
        else {
            return Ok(None);
        };
        // What is left by both may be noise: then the simpler law must do better than by chance, or so
        // much better as nobody who reads both errors would pass over.
        let takes_the_place = simpler.error <= NOISY
            || simpler.error < PLAINLY_BETTER * self.law.error
            || self.misfit(&self.law)?.is_worse_than(&self.misfit(simpler)?, 0.0);
        Ok(takes_the_place.then_some(simpler))
    }

    /// Where this law leaves more than noise in noisy data, the simplest law of the front that follows
    /// the chunks no worse but by chance, with an error within a tenth of `least`, the least of the laws
    /// so far: what this law has more describes the data's own faults, which likelihoods take for
    /// information.
    fn not_plainly_worse<'f>(
        &self,
        front: &'f [Candidate],
        fitted: &Fitted,
        least: f64,
    ) -> Result<Option<&'f Candidate>, RecoverError> {
        let Self { learner, law, judging, .. } = self;
        let Some(noise_model) = learner.noise_model() else { return Ok(None) };
        let own = complexity(self.units, law);
        let as_good =
            |c: &&Candidate| complexity(self.units, c) < own && PLAINLY_BETTER * c.error <= least;
        let mut simpler: Vec<&Candidate> = front.iter().filter(as_good).collect();
        if simpler.is_empty() || !law.error.is_finite() || !noise_model.drift_is_known() {
            return Ok(None);
        }
        let explains = learner.explains_noise(&law.expression, fitted, noise_model, judging);
        if !matches!(explains, Ok(false)) {
            return Ok(None);
        }
        let own = self.misfit(law)?;
        simpler.sort_by_key(|c| complexity(self.units, c));
        for candidate in simpler {
            if !self.misfit(candidate)?.is_worse_than(&own, 0.0) {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn misfit(&self, Candidate { expression, .. }: &Candidate) -> Result<Misfit, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.learner.inputs(), expression)?;
        Ok(Misfit::new(&model, &expression.constants(), self.judging, &self.learned.settings))
    }
}
