//! Closed forms in noise: ranked by how likely they make the chunks, the initial state of each
//! fitted, and by how long they are.

use crate::dataset::Trajectory;
use crate::expr::{Expr, principal_phases};
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::recover::covariance::redundancy;
use crate::recover::description_length::{HOPELESS, NATS_PER_SYMBOL};
use crate::recover::error::RecoverError;
use crate::recover::form::{Adjusted, with_fitted};
use crate::recover::learn::fitted::Fitted;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::noise_model::{NoiseModel, NoisyChunks};
use crate::recover::statistics::{
    Misfit, SIGMAS, chi_squared_bound, is_as_small, is_without_drift,
};
use crate::train::{self, Deviance, Drift, NoisyFit, NoisyStart, Prior, deviance, fit_noisy};

/// A law is fitted to one of so many chunks before it is to all, where there are so many that each
/// of these has enough.
const ONE_OF: usize = 4;

const FEW_CHUNKS: usize = 30;

impl NoiseModel {
    /// Description length in nats, up to a constant: half of chi squared, the constants to the
    /// precision that the data give them, the symbols. Where what was learned misses more than the
    /// noise, that much is no fault of a closed form either.
    pub(crate) fn length(&self, misfit: f64, expression: &Expr) -> f64 {
        let chi_squared = self.chi_squared_of(misfit);
        let constants = expression.constants().len() as f64;
        0.5 * chi_squared / self.dispersion()
            + 0.5 * (self.freedom / self.redundancy).ln() * constants
            + NATS_PER_SYMBOL * expression.complexity() as f64
    }

    /// The chi squared that goes with a misfit.
    pub(crate) fn chi_squared_of(&self, misfit: f64) -> f64 {
        self.freedom * (misfit / self.unit()).powi(2)
    }

    pub(crate) fn length_of(&self, law: &Adjusted) -> f64 {
        self.length(law.misfit, &law.expression)
    }

    /// Nats by which another law's residuals may at most be shorter to describe: those that what
    /// was learned leaves are, but for chance.
    pub(crate) fn to_gain(&self, law: &Fit) -> f64 {
        let more = self.rank.saturating_sub(law.fit.rank).max(1) as f64;
        0.5 * (self.chi_squared_of(law.adjusted.misfit) - self.chi_squared
            + self.redundancy * chi_squared_bound(more))
            / self.dispersion()
    }

    /// Whether what was learned makes the training chunks no more likely than its additional
    /// parameters do by chance.
    pub(crate) fn is_as_likely(&self, law: &Fit) -> bool {
        self.is_within(law, self.redundancy)
    }

    /// Whether what was learned makes the training chunks no more likely than its additional
    /// parameters do where what is left scatters as it does: a law that lacks something is no worse
    /// for what they follow of that.
    pub(crate) fn is_as_likely_in_scatter(&self, law: &Fit) -> bool {
        self.is_within(law, self.dispersion())
    }

    fn is_within(&self, law: &Fit, dispersion: f64) -> bool {
        let chi_squared = self.chi_squared_of(law.adjusted.misfit);
        let more = self.rank.saturating_sub(law.fit.rank).max(1) as f64;
        chi_squared - self.chi_squared <= dispersion * chi_squared_bound(more)
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
    ) -> Result<NoisyFit, train::TrainError> {
        let prior = Prior { noise: Some(self.noise.clone()), precision: None };
        fit_noisy(law, chunks, start, &self.chunks.settings, &prior, &mut |_| {})
    }

    /// Whether residuals on the training chunks have no motions that are quadratic in time but by
    /// chance, given the mean square of these in units of the noise, and their number; not where
    /// there are few.
    pub(crate) fn is_without_drift(&self, drift: Drift) -> bool {
        is_without_drift(drift, &self.chunks.train, self.noise.len())
    }
}

/// A law fitted to noisy chunks.
#[derive(Clone)]
pub(crate) struct Fit {
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
    pub(crate) fn explains_noise(
        &self,
        expr: &Expr,
        fitted: &Fitted,
        noise_model: &NoiseModel,
        judging: &[Trajectory],
    ) -> Result<bool, RecoverError> {
        let law = self.likelihood(expr, noise_model, expr.constants())?;
        let closed = ScalarHamiltonian::closed_form(self.inputs(), &law.adjusted.expression)?;
        let constants = law.adjusted.expression.constants();
        let of_law = deviance(
            &closed,
            &constants,
            judging,
            &noise_model.noise,
            &noise_model.chunks.settings,
        )?;
        let of_learned = deviance(
            &fitted.model,
            &fitted.theta,
            judging,
            &noise_model.noise,
            &noise_model.chunks.settings,
        )?;
        let misfit = |deviance: &Deviance| Misfit { chunks: deviance.chunks.clone(), residuals: 1 };
        let predictive = !misfit(&of_law).is_worse_than(&misfit(&of_learned), 0.0);
        log::debug!("held out: {:.3} of the noise's variance", of_law.per_degree_of_freedom());
        Ok(noise_model.is_noise(&law)
            && predictive
            && (noise_model.chunks.given.is_none() || is_as_small(&of_law, judging)))
    }

    /// Fits all constants of a Hamiltonian to the chunks, their initial states with them; the noise
    /// is as learned.
    ///
    /// # Errors
    /// An unknown vector, divergence.
    fn likelihood(
        &self,
        expr: &Expr,
        noise_model: &NoiseModel,
        constants: Vec<f64>,
    ) -> Result<Fit, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), expr)?;
        let NoisyChunks { settings, train, check, .. } = &*noise_model.chunks;
        let fit = noise_model.fit(&model, train, noise_model.start(constants))?;
        let held_out = deviance(&model, &fit.theta, check, &noise_model.noise, settings)?;
        let adjusted = Adjusted {
            expression: principal_phases(&with_fitted(expr, &fit.theta)),
            misfit: noise_model.misfit(fit.chi_squared),
            validation: noise_model.unit() * held_out.per_degree_of_freedom().sqrt(),
        };
        Ok(Fit { adjusted, fit })
    }

    /// A law with its most likely constants; none where it can't be fitted, or a part of the chunks
    /// says already that it can't do as well as a `rival`.
    pub(crate) fn likely(
        &self,
        expr: &Expr,
        noise_model: &NoiseModel,
        rival: Option<&Fit>,
    ) -> Option<Fit> {
        let constants = match rival {
            Some(rival) => self.rivalling(expr, noise_model, rival),
            None => Some(expr.constants()),
        };
        let fit = |constants| self.likelihood(expr, noise_model, constants).ok();
        let found = constants.and_then(fit).filter(|found| found.adjusted.misfit.is_finite());
        match &found {
            Some(Fit { adjusted, .. }) => {
                log::debug!(
                    "  length {:.1}: {}",
                    noise_model.length_of(adjusted),
                    adjusted.expression
                )
            }
            None => log::debug!("  not fitted: {expr}"),
        }
        found
    }

    /// The constants of a law that is fitted to a part of the chunks, if it does as well there as a
    /// rival does on all, within chance.
    fn rivalling(&self, expr: &Expr, noise_model: &NoiseModel, rival: &Fit) -> Option<Vec<f64>> {
        let train = &noise_model.chunks.train;
        if train.len() < FEW_CHUNKS * ONE_OF {
            return Some(expr.constants());
        }
        let some: Vec<Trajectory> = train.iter().step_by(ONE_OF).cloned().collect();
        let start = noise_model.start_of(expr.constants(), |chunk| chunk.is_multiple_of(ONE_OF));
        let fit = noise_model
            .fit(&ScalarHamiltonian::closed_form(self.inputs(), expr).ok()?, &some, start)
            .ok()?;
        let more = fit.chi_squared
            - rival.fit.chi_squared / rival.fit.degrees_of_freedom * fit.degrees_of_freedom;
        let allowed =
            2.0 * HOPELESS + SIGMAS * (2.0 * redundancy(&some) * fit.degrees_of_freedom).sqrt();
        // Some of the chunks hardly overlap.
        let dispersion = noise_model.dispersion() / noise_model.redundancy;
        (more <= allowed * dispersion).then_some(fit.theta)
    }
}
