//! Closed forms in noise: ranked by how likely they make the chunks, the initial state of each
//! fitted, and by how long they are.

use super::adjust::{Adjusted, principal_phases};
use super::discover::NATS_PER_SYMBOL;
use super::judge::{Misfit, NOISE_KNOWN, SIGMAS, by_chance};
use super::learner::{Errors, Fitted, Learner, NoisyChunks};
use super::recover::RecoverError;
use super::refit::{self, with_fitted};
use super::rollouts::Alone;
use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::scalars::Inputs;
use crate::train::{
    self, Deviance, Drift, NoisyFit, NoisyStart, Prior, Settings, deviance, fit_noisy,
};

/// Forms of a part that are so many nats longer than its shortest are not tried.
pub(super) const HOPELESS: f64 = 30.0;
/// A law is fitted to one of so many chunks before it is to all, where there are so many that each
/// of these has enough.
const ONE_OF: usize = 4;
const FEW_CHUNKS: usize = 30;
/// Chunks of more than three points must be so large a part of all.
const TELLING: f64 = 0.5;

impl Errors {
    /// Description length in nats, up to a constant: half of chi squared, the constants to the
    /// precision that the data give them, the symbols. Where what was learned misses more than the
    /// noise, that much is no fault of a closed form either.
    pub(super) fn length(&self, misfit: f64, expression: &Expr) -> f64 {
        let chi_squared = self.chi_squared_of(misfit);
        let constants = expression.constants().len() as f64;
        0.5 * chi_squared / self.dispersion()
            + 0.5 * self.freedom.ln() * constants
            + NATS_PER_SYMBOL * expression.complexity() as f64
    }

    /// The chi squared that goes with a misfit.
    pub(super) fn chi_squared_of(&self, misfit: f64) -> f64 {
        self.freedom * (misfit / self.unit()).powi(2)
    }

    pub(super) fn length_of(&self, law: &Adjusted) -> f64 {
        self.length(law.misfit, &law.expression)
    }

    /// Nats by which another law's residuals may at most be shorter to describe: those that what
    /// was learned leaves are, but for chance.
    pub(super) fn to_gain(&self, law: &Fit) -> f64 {
        let more = self.rank.saturating_sub(law.fit.rank).max(1) as f64;
        0.5 * (self.chi_squared_of(law.adjusted.misfit) - self.chi_squared + by_chance(more))
            / self.dispersion()
    }

    /// Whether what was learned makes the training chunks no more likely than its additional
    /// parameters do by chance.
    pub(super) fn is_as_likely(&self, law: &Fit) -> bool {
        let chi_squared = self.chi_squared_of(law.adjusted.misfit);
        let more = self.rank.saturating_sub(law.fit.rank).max(1) as f64;
        log::debug!(
            "chi squared {chi_squared:.0} against {:.0} learned with {more} parameters more",
            self.chi_squared
        );
        // What chunks share they say more than once.
        chi_squared - self.chi_squared <= refit::redundancy(&self.chunks.train) * by_chance(more)
    }

    /// Whether the residuals of a law on the training chunks are noise: what was learned makes them
    /// no more likely than its additional parameters do by chance, and they have no motions that
    /// are quadratic in time, as forces make them, which noise that is independent from point to
    /// point has not.
    fn is_noise(&self, law: &Fit) -> bool {
        log::debug!("drift {:.3}", law.fit.drift.mean_square);
        self.is_as_likely(law) && self.is_without_drift(law.fit.drift)
    }

    /// Fits a law to some of the chunks, with the noise as learned.
    fn fit(
        &self,
        law: &ScalarHamiltonian<ClosedForm>,
        chunks: &[Trajectory],
        start: NoisyStart,
    ) -> Result<NoisyFit, train::Error> {
        let prior = Prior { noise: Some(self.noise.clone()), precision: None };
        fit_noisy(law, chunks, start, &self.chunks.settings, &prior, &mut |_| {})
    }

    /// Whether residuals on the training chunks have no motions that are quadratic in time but by
    /// chance, given the mean square of these in units of the noise, and their number; not where
    /// there are few.
    pub(super) fn is_without_drift(&self, drift: Drift) -> bool {
        is_without_drift(drift, &self.chunks.train, self.noise.len())
    }
}

/// The same for chunks of states of so many components.
fn is_without_drift(drift: Drift, chunks: &[Trajectory], components: usize) -> bool {
    let Drift { mean_square, count: n } = drift;
    let telling = n as f64 >= TELLING * (chunks.len() * components) as f64;
    telling && mean_square <= 1.0 + SIGMAS * (2.0 * refit::redundancy(chunks) / n as f64).sqrt()
}

/// Whether the residuals of chunks of which `held_out` says what a law makes of them are no larger
/// than the noise is known to be.
fn is_as_small(held_out: &Deviance, judging: &[Trajectory]) -> bool {
    let chance = SIGMAS * (2.0 * refit::redundancy(judging) / held_out.freedom).sqrt();
    held_out.per_freedom() <= (1.0 + NOISE_KNOWN).powi(2) * (1.0 + chance)
}

/// Whether a closed form explains chunks down to their noise where nothing was learned in noise
/// that it could be compared with: as it was fitted to training chunks, it leaves nothing there
/// that moves as forces make it, and no more on the held-out `judging` ones.
///
/// # Errors
/// An unknown vector, rollouts that diverge.
pub(super) fn is_noise_alone(
    inputs: &Inputs,
    law: &Expr,
    Alone { chunks: train, fit, .. }: &Alone,
    judging: &[Trajectory],
    settings: &Settings,
) -> Result<bool, RecoverError> {
    let held_out =
        deviance(&refit::model(inputs, law)?, &law.constants(), judging, &fit.noise, settings)?;
    log::debug!(
        "alone: drift {:.3}, held out {:.3} of the noise's variance",
        fit.drift.mean_square,
        held_out.per_freedom()
    );
    Ok(is_without_drift(fit.drift, train, fit.noise.len()) && is_as_small(&held_out, judging))
}

/// A law fitted to noisy chunks.
pub(super) struct Fit {
    pub adjusted: Adjusted,
    pub fit: NoisyFit,
}

impl Learner<'_> {
    /// Whether a closed form explains the chunks down to their noise: its residuals on the training
    /// chunks are noise; on the held-out `judging` ones what was learned does no better, by a
    /// paired test; and, if the noise was given, they are no larger.
    ///
    /// # Errors
    /// Rollouts that diverge.
    pub(super) fn explains_noise(
        &self,
        expr: &Expr,
        fitted: &Fitted,
        errors: &Errors,
        judging: &[Trajectory],
    ) -> Result<bool, RecoverError> {
        let law = self.likelihood(expr, errors, expr.constants())?;
        let closed = refit::model(self.inputs(), &law.adjusted.expression)?;
        let constants = law.adjusted.expression.constants();
        let of_law =
            deviance(&closed, &constants, judging, &errors.noise, &errors.chunks.settings)?;
        let of_learned = deviance(
            &fitted.model,
            &fitted.theta,
            judging,
            &errors.noise,
            &errors.chunks.settings,
        )?;
        let misfit = |deviance: &Deviance| Misfit { chunks: deviance.chunks.clone(), residuals: 1 };
        let predictive = !misfit(&of_law).is_worse_than(&misfit(&of_learned), 0.0);
        log::debug!("held out: {:.3} of the noise's variance", of_law.per_freedom());
        Ok(errors.is_noise(&law)
            && predictive
            && (errors.chunks.given.is_none() || is_as_small(&of_law, judging)))
    }

    /// Fits all constants of a Hamiltonian to the chunks, their initial states with them; the noise
    /// is as learned.
    ///
    /// # Errors
    /// An unknown vector, divergence.
    fn likelihood(
        &self,
        expr: &Expr,
        errors: &Errors,
        constants: Vec<f64>,
    ) -> Result<Fit, RecoverError> {
        let model = refit::model(self.inputs(), expr)?;
        let NoisyChunks { settings, train, check, .. } = &*errors.chunks;
        let fit = errors.fit(&model, train, errors.start(constants))?;
        let held_out = deviance(&model, &fit.theta, check, &errors.noise, settings)?;
        let adjusted = Adjusted {
            expression: principal_phases(&with_fitted(expr, &fit.theta)),
            misfit: errors.misfit(fit.chi_squared),
            validation: errors.unit() * held_out.per_freedom().sqrt(),
        };
        Ok(Fit { adjusted, fit })
    }

    /// A law with its most likely constants; none where it can't be fitted, or a part of the chunks
    /// says already that it can't do as well as a `rival`.
    pub(super) fn likely(&self, expr: &Expr, errors: &Errors, rival: Option<&Fit>) -> Option<Fit> {
        let constants = match rival {
            Some(rival) => self.rivalling(expr, errors, rival),
            None => Some(expr.constants()),
        };
        let fit = |constants| self.likelihood(expr, errors, constants).ok();
        let found = constants.and_then(fit).filter(|found| found.adjusted.misfit.is_finite());
        match &found {
            Some(Fit { adjusted, .. }) => {
                log::debug!("  length {:.1}: {}", errors.length_of(adjusted), adjusted.expression)
            }
            None => log::debug!("  not fitted: {expr}"),
        }
        found
    }

    /// The constants of a law that is fitted to a part of the chunks, if it does as well there as a
    /// rival does on all, within chance.
    fn rivalling(&self, expr: &Expr, errors: &Errors, rival: &Fit) -> Option<Vec<f64>> {
        let train = &errors.chunks.train;
        if train.len() < FEW_CHUNKS * ONE_OF {
            return Some(expr.constants());
        }
        let some: Vec<Trajectory> = train.iter().step_by(ONE_OF).cloned().collect();
        let start = errors.start_of(expr.constants(), |chunk| chunk.is_multiple_of(ONE_OF));
        let fit = errors.fit(&refit::model(self.inputs(), expr).ok()?, &some, start).ok()?;
        let more = fit.chi_squared - rival.fit.chi_squared / rival.fit.freedom * fit.freedom;
        let allowed =
            2.0 * HOPELESS + SIGMAS * (2.0 * refit::redundancy(&some) * fit.freedom).sqrt();
        (more <= allowed * errors.dispersion()).then_some(fit.theta)
    }
}
