//! Learning from noisy chunks: every state is uncertain, the first of a chunk too.

use std::sync::Arc;

use ndarray::{Array1, Axis, concatenate, s};

use super::{Fitted, Learner};
use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::model::ScalarHamiltonian;
use crate::symbolic::follow::{marked, short_interval};
use crate::train::{
    Drift, Error, NoisyFit, NoisyStart, Outcome, Prior, Settings, Starts, assess_noisy, deviance,
    fit_noisy, smooth_prior,
};

/// What is fitted.
type Learned = ScalarHamiltonian<ProductBasis>;

/// The chunks that are fitted with all their states uncertain, and how.
pub struct NoisyChunks {
    /// Integration and weights.
    pub settings: Settings,
    /// Training chunks: those in which noise grows little, less those that what was learned does
    /// not follow.
    pub train: Vec<Trajectory>,
    /// Held-out chunks, less those that it does not follow.
    pub check: Vec<Trajectory>,
    /// Standard deviation of the noise in each component, if it was given.
    pub given: Option<Vec<f64>>,
}

/// What the learned Hamiltonian says of the noise of chunks.
pub struct Errors {
    /// The chunks.
    pub chunks: Arc<NoisyChunks>,
    /// Standard deviation of the noise in each component, as given or estimated.
    pub noise: Vec<f64>,
    /// Chi squared of the learned Hamiltonian on the training chunks, in units of that noise.
    pub chi_squared: f64,
    /// What it should be.
    pub freedom: f64,
    /// Number of its parameters that the data determine.
    pub rank: usize,
    /// The initial states of the training chunks that it finds.
    pub starts: Vec<f64>,
    /// Whether its fit has settled.
    pub(super) converged: bool,
    /// Which training chunks it follows.
    pub(super) calm: Vec<bool>,
    /// Mean square of what its residuals have that is quadratic in time, in units of the noise, and
    /// its number: one where no force is missed.
    pub(super) drift: Drift,
    /// Minus twice its log-likelihood on all held-out chunks, and which of them it follows.
    pub(super) held_out: f64,
    pub(super) check_calm: Vec<bool>,
}

/// Degree of the functions of a law in so much noise that six degrees can't be fitted.
pub(super) const LOWER_DEGREE: usize = 2;
/// Directions of parameters below this relative singular value are lost in the noise.
const RANK_TOLERANCE: f64 = 1e-7;
/// Rollouts may be off by this part of the noise.
pub(in crate::symbolic) const OF_NOISE: f64 = 0.1;
/// Chunks in which noise grows by more than the inverse of this are left out..
const TAME: f64 = 0.6;
/// ..if they are not too many.
const MOST: f64 = 0.5;

impl Errors {
    /// Root mean square of the noise in units of the weights.
    pub fn unit(&self) -> f64 {
        let squares = self.noise.iter().zip(&self.chunks.settings.weights).map(|(s, w)| s * s * w);
        (squares.sum::<f64>() / self.noise.len().max(1) as f64).sqrt()
    }

    /// Where the fit of another model to the same chunks begins.
    pub fn start(&self, theta: Vec<f64>) -> NoisyStart {
        self.start_of(theta, |_| true)
    }

    /// The same for those of the chunks, by number, that are kept.
    pub fn start_of(&self, theta: Vec<f64>, keep: impl Fn(usize) -> bool) -> NoisyStart {
        let starts =
            self.starts.chunks(self.noise.len()).enumerate().filter(|(chunk, _)| keep(*chunk));
        let starts = starts.flat_map(|(_, start)| start.iter().copied()).collect();
        NoisyStart { theta, found: Some(Starts { states: starts, noise: self.noise.clone() }) }
    }

    /// The same with other chunks beside, which start where they are observed to.
    pub fn start_with(&self, theta: Vec<f64>, more: &[Trajectory]) -> NoisyStart {
        let observed = more.iter().flat_map(|chunk| chunk.states.row(0).to_vec());
        NoisyStart {
            theta,
            found: Some(Starts {
                states: self.starts.iter().copied().chain(observed).collect(),
                noise: self.noise.clone(),
            }),
        }
    }

    /// By how much what was learned misses more than the noise.
    pub fn dispersion(&self) -> f64 {
        (self.chi_squared / self.freedom).max(1.0)
    }

    /// Root mean square residual, in units of the weights, that goes with a chi squared of the
    /// training chunks.
    pub fn misfit(&self, chi_squared: f64) -> f64 {
        self.unit() * (chi_squared / self.freedom).sqrt()
    }
}

impl Learner<'_> {
    /// How noisy chunks are fitted, if they are.
    pub(in crate::symbolic) fn errors(&self) -> Option<&Errors> {
        self.errors.as_ref()
    }

    /// Fits the functions of some groups, and what that says of the noise.
    pub(super) fn fit_errors(
        &self,
        chunks: &Arc<NoisyChunks>,
        wanted: &[Vec<usize>],
        degree: usize,
        start: NoisyStart,
    ) -> Result<(Fitted, Errors), Error> {
        self.errors_of(chunks, (wanted, degree), start, |model, train, start, settings, prior| {
            fit_noisy(model, train, start, settings, prior, &mut |_| {})
        })
    }

    /// The same without a step from where it begins.
    pub(super) fn assess_errors(
        &self,
        chunks: &Arc<NoisyChunks>,
        wanted: &[Vec<usize>],
        degree: usize,
        at: NoisyStart,
    ) -> Result<(Fitted, Errors), Error> {
        self.errors_of(chunks, (wanted, degree), at, assess_noisy)
    }

    fn errors_of(
        &self,
        chunks: &Arc<NoisyChunks>,
        (wanted, degree): (&[Vec<usize>], usize),
        start: NoisyStart,
        fit: impl FnOnce(
            &Learned,
            &[Trajectory],
            NoisyStart,
            &Settings,
            &Prior,
        ) -> Result<NoisyFit, Error>,
    ) -> Result<(Fitted, Errors), Error> {
        let (basis, groups) = self.basis(wanted, degree);
        let NoisyChunks { settings, train, check, given } = &**chunks;
        let prior = smooth(&basis, train, given.clone());
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let fit = fit(&model, train, start, settings, &prior)?;
        let n = fit.theta.len();
        let jacobian = fit.factor.slice(s![.., ..n]);
        // |J theta - y|^2 with y = J theta - r, for the residuals r at theta.
        let y = jacobian.dot(&Array1::from(fit.theta.clone())) - fit.factor.column(n);
        let factor = concatenate![Axis(1), jacobian, y.insert_axis(Axis(1))];
        let held_out = deviance(&model, &fit.theta, check, &fit.noise, settings)?;
        let errors = Errors {
            chunks: chunks.clone(),
            noise: fit.noise.clone(),
            chi_squared: fit.chi_squared,
            freedom: fit.freedom,
            rank: fit.rank,
            starts: fit.starts,
            converged: fit.outcome == Outcome::Converged,
            calm: fit.calm,
            drift: fit.drift,
            held_out: held_out.total() + normalisation(check, &fit.noise),
            check_calm: held_out.calm.clone(),
        };
        let fitted = Fitted {
            model,
            groups,
            degree,
            theta: fit.theta,
            factor,
            rows: fit.freedom as usize + n,
            misfit: errors.misfit(fit.chi_squared),
            validation: errors.unit() * held_out.per_freedom().sqrt(),
            trust: vec![1.0; self.train.len()],
        };
        log::debug!(
            "in noise, {:?} after {}, drift {:.2}: {}",
            fit.outcome,
            fit.history.len(),
            errors.drift.mean_square,
            self.describe(&fitted)
        );
        Ok((fitted, errors))
    }

    /// Whether noise grows little in each chunk, as it does but in close encounters.
    fn tame(&self) -> Vec<bool> {
        let tame = |k: usize| {
            self.factors.get(k).is_none_or(|rows| rows.iter().all(|factor| *factor > TAME))
        };
        let all: Vec<bool> = (0..self.train.len()).map(tame).collect();
        let part = all.iter().filter(|t| **t).count() as f64 / all.len().max(1) as f64;
        log::debug!("{part:.3} of the chunks are tame");
        if part > MOST { all } else { vec![true; all.len()] }
    }

    /// The tame chunks, and an integration step that most intervals are not longer than.
    pub(super) fn noisy_chunks(&self, given: Option<Vec<f64>>) -> Result<NoisyChunks, Error> {
        let mut settings = Settings::new(self.weights.clone(), short_interval(&self.train))?;
        settings.rank_tolerance = RANK_TOLERANCE;
        Ok(NoisyChunks {
            settings,
            train: marked(&self.train, &self.tame()),
            check: self.check.to_vec(),
            given,
        })
    }
}

/// What the noise itself adds to minus twice the log-likelihood of some chunks.
fn normalisation(chunks: &[Trajectory], noise: &[f64]) -> f64 {
    let points = chunks.iter().map(|chunk| chunk.times.len()).sum::<usize>() as f64;
    2.0 * points * noise.iter().map(|sigma| sigma.ln()).sum::<f64>()
}

/// What is known of a fit before the data are seen: that its functions are smooth, and the noise,
/// if it is.
fn smooth(basis: &ProductBasis, train: &[Trajectory], noise: Option<Vec<f64>>) -> Prior {
    let degrees: Vec<usize> =
        basis.functions().iter().map(|f| f.iter().map(|(_, d)| d).sum()).collect();
    Prior { noise, precision: Some(smooth_prior(&degrees, train)) }
}
