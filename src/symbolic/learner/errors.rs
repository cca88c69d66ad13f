//! Learning from noisy chunks: every state is uncertain, the first of a chunk too.

use std::sync::Arc;

use ndarray::{Array1, Axis, concatenate, s};

use super::{Fitted, Learner, eliminate_groups, solve_with};
use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::ScalarHamiltonian;
use crate::symbolic::RecoverError;
use crate::symbolic::follow::{followed, marked, short_interval};
use crate::symbolic::refit;
use crate::train::{Error, Prior, Settings, deviance, fit_noisy, smooth_prior};

/// The chunks that are fitted with all their states uncertain, and how.
pub struct NoisyChunks {
    /// Integration and weights.
    pub settings: Settings,
    /// Training chunks that the integrator follows.
    pub train: Vec<Trajectory>,
    /// Held-out chunks that it follows.
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
    /// Mean square of what its residuals have that is quadratic in time, in units of the noise: one where no force is missed.
    drift: f64,
    /// Its deviance on all held-out chunks.
    held_out: f64,
}

/// What each function of a scalar must lower chi squared by.
const PRICE: f64 = 4.0;
/// Degree of the functions of a law that six degrees don't follow.
const HIGHER_DEGREE: usize = 11;
/// What was learned misses forces, and closed forms would too, where its residuals drift by more than this.
const FORCES_MISSED: f64 = 2.5;
/// A higher degree must lower the held-out deviance by this.
const WORTH: f64 = 10.0;
/// Directions of parameters below this relative singular value are lost in the noise.
const RANK_TOLERANCE: f64 = 1e-7;
/// The part of the chunks that the integrator must follow..
const ENOUGH: f64 = 0.9;
/// ..up to this part of the noise,
pub(in crate::symbolic) const OF_NOISE: f64 = 0.1;
/// at a step that is halved so often at most.
const HALVINGS: usize = 5;
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
    /// those that the data demand. `rough`, which took the states for exact, is where it starts from; where not enough chunks can be followed, with an
    /// integration step of `longest` at most, it stays: none; so it does where forces are missed with every scalar.
    ///
    /// # Errors
    /// Divergence, linear algebra.
    pub fn allow_for_noise(
        &mut self,
        rough: &Fitted,
        given: Option<Vec<f64>>,
        longest: Option<f64>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Option<Fitted>, Error> {
        progress("fitting every state of the chunks");
        let Some(chunks) = self.followed(rough, given, longest)?.map(Arc::new) else { return Ok(None) };
        let Some((mut best, mut errors)) = self.first_in_noise(rough, &chunks)? else { return Ok(None) };
        if errors.drift > FORCES_MISSED {
            log::debug!("what is left is no noise");
            return Ok(None);
        }
        loop {
            let ranks = self.group_ranks(&best.groups);
            let kept = eliminate_groups(&best.factor, &best.groups, &ranks, PRICE, 0.0)?;
            if kept.len() == best.groups.len() || self.late() {
                break;
            }
            let wanted: Vec<Vec<usize>> = kept.iter().map(|&g| best.groups[g].scalars.clone()).collect();
            log::debug!("demanded in noise: {}", self.names(&wanted));
            let columns: Vec<usize> = kept.iter().flat_map(|&g| best.groups[g].columns.clone()).collect();
            let start = solve_with(&best.factor, &columns)?;
            let Ok(fewer) = self.fit_errors(&chunks, &wanted, best.degree, start) else { break };
            (best, errors) = fewer;
        }
        if self.late() {
            self.errors = Some(errors);
            return Ok(Some(best));
        }
        let groups = self.groups_of(&best);
        let start = self.fit(&groups, HIGHER_DEGREE, Some(&best))?.theta;
        if let Ok(held_out) = self.higher(&errors, &groups, start.clone())
            && held_out + WORTH < errors.held_out
        {
            (best, errors) = self.fit_errors(&chunks, &groups, HIGHER_DEGREE, start)?;
        }
        self.errors = Some(errors);
        Ok(Some(best))
    }

    /// With every scalar and the products that `rough` has; where that diverges, with its functions alone; none if that diverges too.
    fn first_in_noise(&self, rough: &Fitted, chunks: &Arc<NoisyChunks>) -> Result<Option<(Fitted, Errors)>, Error> {
        let (mut wanted, degree) = self.first_groups();
        wanted.extend(self.groups_of(rough).into_iter().filter(|group| group.len() > 1));
        let start = self.fit(&wanted, degree, Some(rough))?.theta;
        let all = self.fit_errors(chunks, &wanted, degree, start);
        let found = all.or_else(|error| {
            log::debug!("with every scalar: {error}");
            self.fit_errors(chunks, &self.groups_of(rough), rough.degree, rough.theta.clone())
        });
        Ok(found.inspect_err(|error| log::debug!("with those demanded: {error}")).ok())
    }

    /// The held-out deviance, in units of the noise as known, of functions of higher degree.
    fn higher(&self, errors: &Errors, wanted: &[Vec<usize>], start: Vec<f64>) -> Result<f64, Error> {
        let (basis, _) = self.basis(wanted, HIGHER_DEGREE);
        let (NoisyChunks { settings, train, check, .. }, noise) = (&*errors.chunks, &errors.noise);
        let prior = smooth(&basis, train, Some(noise.clone()));
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let fit = fit_noisy(&model, train, start, settings, &prior, &mut |_| {})?;
        Ok(deviance(&model, &fit.theta, check, noise, settings)?.total())
    }

    /// Fits the functions of some groups, and what that says of the noise.
    fn fit_errors(
        &self,
        chunks: &Arc<NoisyChunks>,
        wanted: &[Vec<usize>],
        degree: usize,
        start: Vec<f64>,
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
            drift: fit.drift.0,
            held_out: held_out.total(),
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
            errors.drift,
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

    /// The integration step that a closed form needs, if it is shorter than the one in use.
    ///
    /// # Errors
    /// An unknown vector.
    pub(in crate::symbolic) fn shorter_step(&self, law: &Expr) -> Result<Option<f64>, RecoverError> {
        let Some(errors) = self.errors() else { return Ok(None) };
        let (model, constants) = (refit::model(self.inputs(), law)?, law.constants());
        let mut settings = errors.chunks.settings.clone();
        for _ in 0..HALVINGS {
            let followed = followed(&model, &constants, &self.train, &settings, OF_NOISE * errors.unit());
            let part = followed.iter().filter(|f| **f).count() as f64 / followed.len() as f64;
            log::debug!("step {:.2e}: {part:.3} of the chunks followed by the closed form", settings.rollout.step);
            if part >= ENOUGH {
                break;
            }
            settings.rollout.step *= 0.5;
        }
        let step = settings.rollout.step;
        Ok((step < errors.chunks.settings.rollout.step).then_some(step))
    }

    /// The tame chunks, and an integration step that follows them.
    fn followed(&self, rough: &Fitted, given: Option<Vec<f64>>, longest: Option<f64>) -> Result<Option<NoisyChunks>, Error> {
        let mut settings = Settings::new(self.weights.clone(), longest.unwrap_or_else(|| short_interval(&self.train)))?;
        settings.rank_tolerance = RANK_TOLERANCE;
        let allowed = OF_NOISE * rough.misfit;
        let tame = marked(&self.train, &self.tame());
        for _ in 0..HALVINGS {
            let follows = |chunks: &[Trajectory]| marked(chunks, &followed(&rough.model, &rough.theta, chunks, &settings, allowed));
            let (train, check) = (follows(&tame), follows(&self.check));
            log::debug!("step {:.2e}: {} of {} chunks followed", settings.rollout.step, train.len(), self.train.len());
            if train.len() as f64 >= ENOUGH * tame.len() as f64 && !check.is_empty() {
                return Ok(Some(NoisyChunks { settings, train, check, given }));
            }
            settings.rollout.step *= 0.5;
        }
        Ok(None)
    }
}

/// What is known of a fit before the data are seen: that its functions are smooth, and the noise, if it is.
fn smooth(basis: &ProductBasis, train: &[Trajectory], noise: Option<Vec<f64>>) -> Prior {
    let degrees: Vec<usize> = basis.functions().iter().map(|f| f.iter().map(|(_, d)| d).sum()).collect();
    Prior { noise, precision: Some(smooth_prior(&degrees, train)) }
}
