//! Training on noisy data: errors in variables, the noise estimated along with the parameters.

use ndarray::Axis;

use super::error::TrainError;
use super::fit::Settings;
use super::gauss_newton::{Damping, Linearised};
use super::lbfgs::Outcome;
use super::learn::states;
use super::noise_level::estimated_noise;
use super::noisy_fit::NoisyFit;
use super::prior::{NoisyStart, Prior, Starts};
use super::steps::Steps;
use crate::dataset::Trajectory;
use crate::model::Lanewise;
use crate::progress::Progress;

/// Iterations at most.
const ITERATIONS: usize = 60;
/// The noise is settled when no component's estimate changes by more than this factor.
const SETTLED: f64 = 1.01;
/// Parameters are settled when all together they are within this many standard errors, squared, of
/// the optimum, and initial states so much for each residual.
const CLOSE: f64 = 1e-4;
/// As [`CLOSE`], for a model whose misfit is larger than the noise that was given.
const ROUGHLY: f64 = 1e-2;
/// A step that lowers chi squared by less is the last one.
const LITTLE: f64 = 0.05;
/// Residuals that are larger than given noise by this factor, squared, are no chance.
const CLEARLY: f64 = 1.5;
/// Noise below this fraction of a component's spread is not told from zero.
const LEAST: f64 = 1e-13;

/// Fits theta, the initial states of all chunks and (unless the prior knows it) the noise of each
/// component by maximum likelihood: damped Gauss-Newton steps on the [robust](crate::loss::robust)
/// rollout loss with free initial states, which are eliminated chunk by chunk. Between steps the
/// noise is estimated from the residuals, each divided by the degrees of freedom that the fit
/// leaves it. Chunks that need it are rolled out in shorter integration steps than the settings',
/// so that the error of integration stays well below the noise.
///
/// # Errors
/// No chunks, a prior or a start that is not for this model and these chunks, divergence of most
/// chunks at the start, nothing to learn.
pub fn fit_noisy<M: Lanewise>(
    model: &M,
    chunks: &[Trajectory],
    start: impl Into<NoisyStart>,
    settings: &Settings,
    prior: &Prior,
    progress: &mut dyn FnMut(Progress),
) -> Result<NoisyFit, TrainError> {
    Fitting::checked(model, chunks, start.into(), settings, prior)?.run(progress)
}

/// Chi squared, scores and covariance of parameters, initial states and noise as they are given: a
/// fit that makes no step.
///
/// # Errors
/// Those of [`fit_noisy`].
pub fn assess_noisy<M: Lanewise>(
    model: &M,
    chunks: &[Trajectory],
    at: NoisyStart,
    settings: &Settings,
    prior: &Prior,
) -> Result<NoisyFit, TrainError> {
    Fitting::checked(model, chunks, at, settings, prior)?.assess()
}

/// A fit on its way.
struct Fitting<'a, M> {
    model: &'a M,
    chunks: &'a [Trajectory],
    settings: &'a Settings,
    prior: &'a Prior,
    /// Noise below this, by component, is not told from none.
    floor: Vec<f64>,
    /// What residuals are in units of.
    noise: Vec<f64>,
    /// Whether that is known before the first step. Otherwise the start says nothing of it: its
    /// residuals say how far it is off.
    known: bool,
    steps: Steps,
    damping: Damping,
    fit: NoisyFit,
}

impl<'a, M: Lanewise> Fitting<'a, M> {
    fn checked(
        model: &'a M,
        chunks: &'a [Trajectory],
        start: NoisyStart,
        settings: &'a Settings,
        prior: &'a Prior,
    ) -> Result<Self, TrainError> {
        if chunks.is_empty() {
            return Err(TrainError::NoChunks);
        }
        prior.check(model.dim(), start.theta.len())?;
        start.check(model.dim(), chunks.len())?;
        let NoisyStart { theta, found } = start;
        let known = found.is_some() || prior.noise.is_some();
        let observed = || {
            Steps::new(chunks.len())
                .loss(model, chunks, &vec![1.0; model.dim()], settings)
                .observed_starts()
        };
        let unknown = || settings.weights.iter().map(|w| 1.0 / w.sqrt()).collect();
        let Starts { states: starts, noise } =
            found.unwrap_or_else(|| Starts { states: observed(), noise: unknown() });
        let spread = states(chunks).std_axis(Axis(0), 0.0);
        Ok(Self {
            model,
            chunks,
            settings,
            prior,
            floor: spread.iter().map(|s| LEAST * if *s > 0.0 { *s } else { 1.0 }).collect(),
            noise: prior.noise.clone().unwrap_or(noise),
            known,
            steps: Steps::new(chunks.len()),
            damping: Damping::default(),
            fit: NoisyFit::unfitted(theta, starts),
        })
    }

    fn assess(mut self) -> Result<NoisyFit, TrainError> {
        self.refine_steps();
        let noise = self.noise.clone();
        self.take_stock_in(noise)
    }

    fn run(mut self, progress: &mut dyn FnMut(Progress)) -> Result<NoisyFit, TrainError> {
        self.refine_steps();
        let mut loss = self.steps.loss(self.model, self.chunks, &self.noise, self.settings);
        let mut gain = f64::INFINITY;
        for iteration in 0..=ITERATIONS {
            let at = Linearised::new(
                &loss,
                &self.fit.theta,
                &self.fit.starts,
                self.prior,
                self.settings.rank_tolerance,
            )?;
            self.fit.noise.clone_from(&self.noise);
            self.fit.take_stock(&at, self.damping.rollouts);
            if let Some(record) = self.fit.history.last() {
                progress(record.told("half of chi squared"));
            }
            let estimate = self.estimate(&at);
            let settled = self.known
                && estimate.iter().zip(&self.noise).all(|(a, b)| (a / b).ln().abs() < SETTLED.ln());
            let there = settled && (self.has_arrived(&at) || gain < LITTLE);
            let late = self.settings.deadline.is_over();
            if (there && !self.refine_steps()) || iteration == ITERATIONS || late {
                self.fit.outcome = if there { Outcome::Converged } else { Outcome::Limit };
                break;
            }
            // Given noise that is found too small at the start is corrected before anything else.
            if !there && (settled || iteration > 0 || !self.known) {
                let (from, deadline) =
                    ((&self.fit.theta[..], &self.fit.starts[..]), &self.settings.deadline);
                match at.step(&loss, from, &mut self.damping, deadline) {
                    Some(step) => (self.fit.theta, self.fit.starts, gain) = step,
                    None if settled || deadline.is_over() => {
                        self.fit.outcome = Outcome::Stuck;
                        break;
                    }
                    None => self.damping.reset(),
                }
            }
            if there || (self.known && !settled) {
                self.noise = estimate;
                loss = self.steps.loss(self.model, self.chunks, &self.noise, self.settings);
                gain = f64::INFINITY;
            }
            self.known = true;
        }
        self.in_given_units()
    }

    /// Halves integration steps where that changes anything; whether it did.
    fn refine_steps(&mut self) -> bool {
        let at = (self.model, &self.fit.theta[..], &self.fit.starts[..]);
        self.steps.refine(at, self.chunks, &self.noise, self.settings)
    }

    /// The noise that residuals speak for, or that is given, unless they are clearly larger than
    /// that: then all of it by one factor. To a model that is so far off, most residuals would be
    /// outliers, and most chunks next to nothing.
    fn estimate(&self, at: &Linearised) -> Vec<f64> {
        let estimate = estimated_noise(&at.chunks, at.rank(), &self.noise, &self.floor);
        let Some(given) = &self.prior.noise else { return estimate };
        let square = given.iter().zip(&estimate).map(|(g, e)| (e / g).powi(2)).sum::<f64>()
            / given.len().max(1) as f64;
        let factor = if square < CLEARLY { 1.0 } else { square.sqrt() };
        given.iter().map(|g| g * factor).collect()
    }

    fn has_arrived(&self, at: &Linearised) -> bool {
        let too_large = self.prior.noise.as_ref().is_some_and(|given| *given != self.noise);
        at.distance() < if too_large { ROUGHLY } else { CLOSE }
            && at.slack() < CLOSE * self.fit.degrees_of_freedom
    }

    /// The fit in units of the noise that is given, if it is.
    fn in_given_units(self) -> Result<NoisyFit, TrainError> {
        match &self.prior.noise {
            Some(given) if *given != self.fit.noise => self.take_stock_in(given.clone()),
            _ => Ok(self.fit),
        }
    }

    fn take_stock_in(mut self, noise: Vec<f64>) -> Result<NoisyFit, TrainError> {
        let loss = self.steps.loss(self.model, self.chunks, &noise, self.settings);
        let at = Linearised::new(
            &loss,
            &self.fit.theta,
            &self.fit.starts,
            self.prior,
            self.settings.rank_tolerance,
        )?;
        self.fit.noise = noise;
        self.fit.take_stock(&at, self.damping.rollouts);
        Ok(self.fit)
    }
}
