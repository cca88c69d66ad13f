//! Learning from noisy chunks: every state is uncertain, the first of a chunk too.

use std::sync::Arc;

use ndarray::{Array1, Axis, concatenate, s};

use super::{Fitted, Learner, eliminate_groups, solve_with};
use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::model::ScalarHamiltonian;
use crate::symbolic::follow::{marked, short_interval};
use crate::train::{Error, NoisyStart, Outcome, Prior, Settings, deviance, fit_noisy, smooth_prior};

/// The chunks that are fitted with all their states uncertain, and how.
pub struct NoisyChunks {
    /// Integration and weights.
    pub settings: Settings,
    /// Training chunks: those in which noise grows little, less those that what was learned does not follow.
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
    converged: bool,
    /// Which training chunks it follows.
    calm: Vec<bool>,
    /// Mean square of what its residuals have that is quadratic in time, in units of the noise, and its number: one where no force is missed.
    drift: (f64, usize),
    /// Minus twice its log-likelihood on all held-out chunks, and which of them it follows.
    held_out: f64,
    check_calm: Vec<bool>,
}

/// What each function of a scalar must lower chi squared by.
const PRICE: f64 = 4.0;
/// Degree of the functions of a law in so much noise that six degrees can't be fitted.
pub(super) const LOWER_DEGREE: usize = 2;
/// Noise above this part of what happens in an interval is so much.
const LOUD: f64 = 0.05;
/// Degree of the functions of a law that six degrees don't follow.
const HIGHER_DEGREE: usize = 11;
/// What was learned misses forces, and closed forms would too, where its residuals drift by more than this.
const FORCES_MISSED: f64 = 2.5;
/// A higher degree must lower minus twice the log-likelihood of held-out chunks by this.
const WORTH: f64 = 10.0;
/// Directions of parameters below this relative singular value are lost in the noise.
const RANK_TOLERANCE: f64 = 1e-7;
/// Rollouts may be off by this part of the noise.
pub(in crate::symbolic) const OF_NOISE: f64 = 0.1;
/// Chunks in which noise grows by more than the inverse of this are left out..
const TAME: f64 = 0.6;
/// ..if they are not too many.
const MOST: f64 = 0.5;

/// Chunks that what was learned doesn't follow are left out, and all is fitted again, so often at most.
const ATTEMPTS: usize = 3;

impl Errors {
    /// Root mean square of the noise in units of the weights.
    pub fn unit(&self) -> f64 {
        let squares = self.noise.iter().zip(&self.chunks.settings.weights).map(|(s, w)| s * s * w);
        (squares.sum::<f64>() / self.noise.len().max(1) as f64).sqrt()
    }

    /// Where the fit of another model to the same chunks begins.
    pub fn start(&self, theta: Vec<f64>) -> NoisyStart {
        NoisyStart { theta, found: Some((self.starts.clone(), self.noise.clone())) }
    }

    /// Root mean square residual, in units of the weights, that goes with a chi squared of the training chunks.
    pub fn misfit(&self, chi_squared: f64) -> f64 {
        self.unit() * (chi_squared / self.freedom).sqrt()
    }
}

impl Learner<'_> {
    /// How noisy chunks are fitted, if they are.
    pub(in crate::symbolic) fn errors(&self) -> Option<&Errors> {
        self.errors.as_ref()
    }

    /// Learns again by maximum likelihood, the initial state of each chunk and the noise (unless `given`) fitted as well: with all scalars, then with
    /// those that the data demand. `rough`, which took the states for exact, is where it starts from; where rollouts diverge, or forces are missed with
    /// every scalar, it stays: none.
    ///
    /// # Errors
    /// Divergence, linear algebra.
    pub fn allow_for_noise(
        &mut self,
        rough: &Fitted,
        given: Option<Vec<f64>>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Option<Fitted>, Error> {
        progress("fitting every state of the chunks");
        let chunks = Arc::new(self.noisy_chunks(given)?);
        let Some(mut found) = self.first_in_noise(rough, &chunks)? else { return Ok(None) };
        for _ in 0..ATTEMPTS {
            match self.without_wild_chunks(&found) {
                Some(next) => found = next,
                None => break,
            }
        }
        if found.1.drift.0 > FORCES_MISSED {
            log::debug!("what is left is no noise");
            return Ok(None);
        }
        while let Some(fewer) = self.with_fewer_groups(&found)? {
            found = fewer;
        }
        if !self.late()
            && !found.1.is_without_drift(found.1.drift)
            && let Some(higher) = self.of_higher_degree(&found)?
        {
            found = higher;
        }
        self.errors = Some(found.1);
        Ok(Some(found.0))
    }

    /// Fitted again without the chunks that what was learned doesn't follow; none if it follows all, or that diverges.
    fn without_wild_chunks(&self, (best, errors): &(Fitted, Errors)) -> Option<(Fitted, Errors)> {
        let NoisyChunks { settings, train, check, given } = &*errors.chunks;
        log::debug!("{} of {} chunks are followed", errors.calm.iter().filter(|calm| **calm).count(), train.len());
        if self.late() || errors.calm.iter().all(|calm| *calm) {
            return None;
        }
        let held_out = marked(check, &errors.check_calm);
        let (train, check) = (marked(train, &errors.calm), if held_out.is_empty() { check.clone() } else { held_out });
        let chunks = NoisyChunks { settings: settings.clone(), train, check, given: given.clone() };
        let starts = errors.starts.chunks(self.inputs.shape.state_len()).zip(&errors.calm).filter(|(_, calm)| **calm);
        let starts = starts.flat_map(|(start, _)| start.iter().copied()).collect();
        let start = NoisyStart { theta: best.theta.clone(), found: Some((starts, errors.noise.clone())) };
        self.fit_errors(&Arc::new(chunks), &self.groups_of(best), best.degree, start).ok()
    }

    /// Fitted again with the groups that the data demand; none if these are all.
    fn with_fewer_groups(&self, (best, errors): &(Fitted, Errors)) -> Result<Option<(Fitted, Errors)>, Error> {
        // What was learned may miss more than the noise; and of many groups some are wanted by chance.
        let dispersion = (errors.chi_squared / errors.freedom).max(1.0);
        let naming = 2.0 * (best.groups.len() as f64).ln();
        let ranks = self.group_ranks(&best.groups);
        let kept = eliminate_groups(&best.factor, &best.groups, &ranks, PRICE * dispersion, naming * dispersion)?;
        if kept.len() == best.groups.len() || self.late() {
            return Ok(None);
        }
        let wanted: Vec<Vec<usize>> = kept.iter().map(|&g| best.groups[g].scalars.clone()).collect();
        log::debug!("demanded in noise: {}", self.names(&wanted));
        let columns: Vec<usize> = kept.iter().flat_map(|&g| best.groups[g].columns.clone()).collect();
        let start = errors.start(solve_with(&best.factor, &columns)?);
        Ok(self.fit_errors(&errors.chunks, &wanted, best.degree, start).ok())
    }

    /// With functions of higher degree, where these make the held-out chunks more likely.
    fn of_higher_degree(&self, (best, errors): &(Fitted, Errors)) -> Result<Option<(Fitted, Errors)>, Error> {
        let groups = self.groups_of(best);
        let start = self.fit(&groups, HIGHER_DEGREE, Some(best))?.theta;
        let higher = self.fit_errors(&errors.chunks, &groups, HIGHER_DEGREE, errors.start(start)).ok();
        Ok(higher.filter(|(_, higher)| higher.converged && higher.held_out + WORTH < errors.held_out))
    }

    /// With every scalar and the products that `rough` has, functions of lower degree where those of the usual one can't be fitted; if these can't either,
    /// with the functions of `rough`; none if that diverges too.
    fn first_in_noise(&self, rough: &Fitted, chunks: &Arc<NoisyChunks>) -> Result<Option<(Fitted, Errors)>, Error> {
        let (mut wanted, usual) = self.first_groups();
        wanted.extend(self.groups_of(rough).into_iter().filter(|group| group.len() > 1));
        let mut best: Option<(Fitted, Errors)> = None;
        let low = LOWER_DEGREE.min(usual);
        for degree in if rough.misfit > LOUD { [low, usual] } else { [usual, low] } {
            let start = self.fit(&wanted, degree, Some(rough))?.theta;
            match self.fit_errors(chunks, &wanted, degree, start.into()) {
                Ok(found) => {
                    let settled = found.1.converged && found.1.drift.0 <= FORCES_MISSED;
                    // Held-out chunks may be such as neither follows.
                    let length = |(fitted, errors): &(Fitted, Errors)| {
                        errors.freedom * fitted.misfit.ln() + 0.5 * PRICE * errors.rank as f64
                    };
                    if best.as_ref().is_none_or(|best| length(&found) < length(best)) {
                        best = Some(found);
                    }
                    if settled || low == usual || self.late() {
                        break;
                    }
                }
                Err(error) => log::debug!("with every scalar: {error}"),
            }
        }
        if best.is_some() {
            return Ok(best);
        }
        let found = self.fit_errors(chunks, &self.groups_of(rough), rough.degree, rough.theta.clone().into());
        Ok(found.inspect_err(|error| log::debug!("with those demanded: {error}")).ok())
    }

    /// Fits the functions of some groups, and what that says of the noise.
    fn fit_errors(
        &self,
        chunks: &Arc<NoisyChunks>,
        wanted: &[Vec<usize>],
        degree: usize,
        start: NoisyStart,
    ) -> Result<(Fitted, Errors), Error> {
        let (basis, groups) = self.basis(wanted, degree);
        let NoisyChunks { settings, train, check, given } = &**chunks;
        let prior = smooth(&basis, train, given.clone());
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let fit = fit_noisy(&model, train, start, settings, &prior, &mut |_| {})?;
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
            errors.drift.0,
            self.describe(&fitted)
        );
        Ok((fitted, errors))
    }

    /// Whether noise grows little in each chunk, as it does but in close encounters.
    fn tame(&self) -> Vec<bool> {
        let tame = |k: usize| self.factors.get(k).is_none_or(|rows| rows.iter().all(|factor| *factor > TAME));
        let all: Vec<bool> = (0..self.train.len()).map(tame).collect();
        let part = all.iter().filter(|t| **t).count() as f64 / all.len().max(1) as f64;
        log::debug!("{part:.3} of the chunks are tame");
        if part > MOST { all } else { vec![true; all.len()] }
    }

    /// The tame chunks, and an integration step that most intervals are not longer than.
    fn noisy_chunks(&self, given: Option<Vec<f64>>) -> Result<NoisyChunks, Error> {
        let mut settings = Settings::new(self.weights.clone(), short_interval(&self.train))?;
        settings.rank_tolerance = RANK_TOLERANCE;
        Ok(NoisyChunks { settings, train: marked(&self.train, &self.tame()), check: self.check.to_vec(), given })
    }
}

/// What the noise itself adds to minus twice the log-likelihood of some chunks.
fn normalisation(chunks: &[Trajectory], noise: &[f64]) -> f64 {
    let points = chunks.iter().map(|chunk| chunk.times.len()).sum::<usize>() as f64;
    2.0 * points * noise.iter().map(|sigma| sigma.ln()).sum::<f64>()
}

/// What is known of a fit before the data are seen: that its functions are smooth, and the noise, if it is.
fn smooth(basis: &ProductBasis, train: &[Trajectory], noise: Option<Vec<f64>>) -> Prior {
    let degrees: Vec<usize> = basis.functions().iter().map(|f| f.iter().map(|(_, d)| d).sum()).collect();
    Prior { noise, precision: Some(smooth_prior(&degrees, train)) }
}
