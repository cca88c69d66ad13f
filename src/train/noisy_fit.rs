//! The result of a fit to noisy chunks, and the errors of its parameters.

use ndarray::{Array2, s};

use super::error::TrainError;
use super::fit::Settings;
use super::gauss_newton::Linearised;
use super::lbfgs::{Outcome, Record};
use super::steps::Steps;
use crate::dataset::Trajectory;
use crate::linalg::{Whitening, triangular_factor};
use crate::loss::Eliminated;
use crate::model::Lanewise;

/// The maximum-likelihood fit of a model to chunks whose states are all noisy.
#[derive(Clone, Debug)]
pub struct NoisyFit {
    /// Fitted parameters.
    pub theta: Vec<f64>,
    /// Fitted initial states, chunk by chunk, each of as many components as a state.
    pub starts: Vec<f64>,
    /// Standard deviation of the noise in each component of the state, in the data's units.
    pub noise: Vec<f64>,
    /// Sum of squared residuals in units of the noise; outliers count by their
    /// [robust loss](crate::loss::robust).
    pub chi_squared: f64,
    /// Degrees of freedom: the number of residuals less that of fitted parameters and components of
    /// initial states. It is the mean of `chi_squared` when model and noise are right.
    pub degrees_of_freedom: f64,
    /// Number of residuals of more than 5 standard deviations, where rollouts don't diverge:
    /// Gaussian noise has none.
    pub outliers: usize,
    /// The part of the residuals that grows with the square of time, as those of a missing force
    /// do.
    pub drift: Drift,
    /// Triangular factor of `[A' r']`: the residuals in units of the noise, linearised in the
    /// parameters, initial states eliminated. The prior's precision of parameters is among its
    /// rows.
    pub factor: Array2<f64>,
    /// The gradient by the parameters of half of each chunk's `chi_squared`, initial states
    /// eliminated: chunks x parameters.
    pub scores: Array2<f64>,
    /// Whether the model follows each chunk; the others, close encounters mostly, are far off in
    /// several components at once.
    pub calm: Vec<bool>,
    /// Number of directions in parameter space that the data determine.
    pub rank: usize,
    /// [`Outcome::Converged`], [`Outcome::Stuck`], or [`Outcome::Limit`] when the fit had not
    /// settled after all iterations that are made.
    pub outcome: Outcome,
    /// Every iteration; values are half of chi squared (and of the prior), in units of the noise as
    /// estimated then; gradients are by the parameters, in coordinates in which their Gauss-Newton
    /// matrix is the identity; evaluations are rollouts.
    pub history: Vec<Record>,
}

/// The part of the residuals that grows with the square of time since the start of a chunk, as
/// those of a missing force do; taken of chunks of more than three points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Mean square in units of the noise: one for a law that misses no force, if the noise is
    /// independent from point to point; NaN where there is none.
    pub mean_square: f64,
    /// Number of squares that the mean is taken of.
    pub count: usize,
}

/// Residuals beyond so many standard deviations are called outliers.
pub const OUTLIER: f64 = 5.0;

impl NoisyFit {
    /// Covariance of the parameters: the inverse of the Fisher information of chunks with free
    /// initial states, so the Cramer-Rao bound at the estimate. With a prior for the parameters it
    /// is that of the posterior. Directions that the data don't determine count as known.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn covariance(&self, rank_tolerance: f64) -> Result<Array2<f64>, TrainError> {
        let w = whitening(&self.factor, self.theta.len(), rank_tolerance)?;
        Ok(w.dot(&w.t()))
    }

    /// The Cramer-Rao bound for the mean variance of the parameters over what the scatter of the
    /// chunks says it is (Liang & Zeger 1986), in coordinates in which the bound is the identity.
    /// 1, but for chance, when the model is right and the noise independent and Gaussian; it is
    /// less when the noise is correlated in time or has many outliers, or the model is wrong.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn efficiency(&self, rank_tolerance: f64) -> Result<f64, TrainError> {
        let pulls = self.scores.dot(&whitening(&self.factor, self.theta.len(), rank_tolerance)?);
        Ok(pulls.ncols() as f64 / pulls.iter().map(|x| x * x).sum::<f64>())
    }
}

/// The Cramer-Rao bound for the covariance of the parameters at their true values: `chunks` are the
/// true states, `noise` is that of each component of what is observed of them, the initial state of
/// each chunk is unknown.
///
/// # Errors
/// No chunks, divergence, numbers that are not finite.
pub fn cramer_rao<M: Lanewise>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    noise: &[f64],
    settings: &Settings,
) -> Result<Array2<f64>, TrainError> {
    if chunks.is_empty() {
        return Err(TrainError::NoChunks);
    }
    let (steps, starts) = Steps::from_observed(model, theta, chunks, noise, settings);
    let eliminated = steps.loss(model, chunks, noise, settings).eliminated(theta, &starts)?;
    if eliminated.iter().any(Eliminated::has_diverged) {
        return Err(TrainError::NotFinite);
    }
    let reduced: Vec<Array2<f64>> = eliminated.into_iter().map(|chunk| chunk.reduced).collect();
    let w = whitening(&triangular_factor(&reduced)?, theta.len(), settings.rank_tolerance)?;
    Ok(w.dot(&w.t()))
}

/// W (n x rank) with W W' the inverse of the Gauss-Newton matrix that a factor of `[A' r']` makes.
fn whitening(
    factor: &Array2<f64>,
    n: usize,
    rank_tolerance: f64,
) -> Result<Array2<f64>, TrainError> {
    let columns = factor.slice(s![.., ..n]);
    Ok(Whitening::of_unit_columns(&columns, rank_tolerance)?.matrix().to_owned())
}

impl NoisyFit {
    pub(super) fn unfitted(theta: Vec<f64>, starts: Vec<f64>) -> Self {
        Self {
            theta,
            starts,
            noise: Vec::new(),
            chi_squared: f64::INFINITY,
            degrees_of_freedom: 0.0,
            outliers: 0,
            drift: Drift { mean_square: f64::NAN, count: 0 },
            factor: Array2::zeros((0, 0)),
            scores: Array2::zeros((0, 0)),
            calm: Vec::new(),
            rank: 0,
            outcome: Outcome::Limit,
            history: Vec::new(),
        }
    }

    /// What the linearised chunks say of where the fit stands.
    pub(super) fn take_stock(&mut self, at: &Linearised, rollouts: usize) {
        let (chunks, n) = (&at.chunks, self.theta.len());
        let residuals = || chunks.iter().flat_map(|c| &c.residuals);
        let followed = || chunks.iter().filter(|chunk| !chunk.is_wild());
        self.rank = at.rank();
        self.chi_squared = chunks.iter().map(Eliminated::chi_squared).sum();
        self.degrees_of_freedom =
            (residuals().count() as f64 - (self.rank + self.starts.len()) as f64).max(1.0);
        let converges = chunks.iter().filter(|chunk| !chunk.has_diverged());
        self.outliers = converges.flat_map(|c| &c.residuals).filter(|r| r.abs() > OUTLIER).count();
        let drift: Vec<f64> = followed().flat_map(|c| &c.drift).map(|d| d * d).collect();
        self.drift = Drift {
            mean_square: drift.iter().sum::<f64>() / drift.len() as f64,
            count: drift.len(),
        };
        self.calm = chunks.iter().map(|chunk| !chunk.is_wild()).collect();
        self.scores = Array2::zeros((chunks.len(), n));
        for (mut score, chunk) in self.scores.rows_mut().into_iter().zip(chunks) {
            score.assign(&chunk.reduced.slice(s![.., ..n]).t().dot(&chunk.reduced.column(n)));
        }
        self.factor.clone_from(&at.factor);
        self.history.push(Record {
            iteration: self.history.len(),
            value: 0.5 * (self.chi_squared + at.penalty()),
            gradient_norm: at.distance().sqrt(),
            evaluations: rollouts,
        });
    }
}
