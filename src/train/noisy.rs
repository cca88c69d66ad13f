//! Training on noisy data: errors in variables, the noise estimated along with the parameters.

use std::cell::RefCell;

use ndarray::{Array1, Array2, Axis, s};

use super::free_coordinates::FreeCoordinates;
use super::noise_level::estimated_noise;
use super::{Coordinates, Error, Objective, Outcome, Record, Settings, Stop, minimise};
use crate::dataset::Trajectory;
use crate::linalg::{Whitening, triangular_factor};
use crate::loss::{Eliminated, RolloutLoss};
use crate::model::Lanewise;

/// What is known of a fit before the data are seen.
#[derive(Clone, Debug, Default)]
pub struct Prior {
    /// Standard deviation of the noise in each component of the state, in the data's units; estimated when not given.
    pub noise: Option<Vec<f64>>,
    /// Inverse standard deviation of each parameter about zero; none means that nothing is known of them.
    pub precision: Option<Vec<f64>>,
}

impl Prior {
    /// Checks the numbers for a model of `parameters` parameters and `dim` components of the state.
    fn check(&self, dim: usize, parameters: usize) -> Result<(), Error> {
        let noise = ("noise", "component", &self.noise, dim, "a positive number");
        let precision = ("precision", "parameter", &self.precision, parameters, "zero or a positive number");
        for (what, of, numbers, expected, accepted) in [noise, precision] {
            let Some(numbers) = numbers else { continue };
            if numbers.len() != expected {
                return Err(Error::PriorLength { what, of, found: numbers.len(), expected });
            }
            let fits = |x: f64| x.is_finite() && (x > 0.0 || (x == 0.0 && what == "precision"));
            if let Some(index) = numbers.iter().position(|&x| !fits(x)) {
                return Err(Error::Prior { what, of, index, value: numbers[index], accepted });
            }
        }
        Ok(())
    }
}

/// The maximum-likelihood fit of a model to chunks whose states are all noisy.
#[derive(Clone, Debug)]
pub struct NoisyFit {
    /// Parameters.
    pub theta: Vec<f64>,
    /// Initial state of each chunk, chunk by chunk.
    pub starts: Vec<f64>,
    /// Standard deviation of the noise in each component of the state, in the data's units.
    pub noise: Vec<f64>,
    /// Sum of squared residuals in units of the noise; outliers count by their [robust loss](crate::loss::robust).
    pub chi_squared: f64,
    /// Residuals minus fitted numbers: what `chi_squared` should be.
    pub freedom: f64,
    /// Number of residuals of more than 5 standard deviations: Gaussian noise has none.
    pub outliers: usize,
    /// Mean square of what residuals have that is quadratic in time, in units of the noise, and its number: one for a law that misses no force, if
    /// the noise is independent from point to point. Only of chunks of more than three points.
    pub drift: (f64, usize),
    /// Triangular factor of `[A' r']`: the residuals in units of the noise, linearised in the parameters, initial states eliminated. The
    /// prior's precision of parameters is among its rows.
    pub factor: Array2<f64>,
    /// The gradient by the parameters of half of each chunk's `chi_squared`, initial states eliminated: chunks x parameters.
    pub scores: Array2<f64>,
    /// Number of directions in parameter space that the data determine.
    pub rank: usize,
    /// [`Outcome::Converged`], or [`Outcome::Limit`] when the fit had not settled after all rounds that are made.
    pub outcome: Outcome,
    /// Every iteration; values are half the sum of squared residuals, in units of the noise as estimated then.
    pub history: Vec<Record>,
}

/// Residuals beyond so many standard deviations are called outliers.
pub const OUTLIER: f64 = 5.0;

impl NoisyFit {
    /// Covariance of the parameters: the inverse of the Fisher information of chunks with free initial states, so the Cramer-Rao bound at
    /// the estimate. With a prior for the parameters it is that of the posterior. Directions that the data don't determine count as known.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn covariance(&self, rank_tolerance: f64) -> Result<Array2<f64>, Error> {
        let w = whitening(&self.factor, self.theta.len(), rank_tolerance)?;
        Ok(w.dot(&w.t()))
    }

    /// The Cramer-Rao bound for the mean variance of the parameters over what the scatter of the chunks says it is (Liang & Zeger 1986), in
    /// coordinates in which the bound is the identity. 1, but for chance, when the model is right and the noise independent and Gaussian; it is less
    /// when the noise hangs together in time or has many outliers, or the model is wrong.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn efficiency(&self, rank_tolerance: f64) -> Result<f64, Error> {
        let pulls = self.scores.dot(&whitening(&self.factor, self.theta.len(), rank_tolerance)?);
        Ok(pulls.ncols() as f64 / pulls.iter().map(|x| x * x).sum::<f64>())
    }
}

/// The Cramer-Rao bound for the covariance of the parameters at their true values: `chunks` are the true states, `noise` is that of each component of
/// what is observed of them, the initial state of each chunk is unknown.
///
/// # Errors
/// No chunks, divergence, numbers that are not finite.
pub fn cramer_rao<M: Lanewise>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    noise: &[f64],
    settings: &Settings,
) -> Result<Array2<f64>, Error> {
    if chunks.is_empty() {
        return Err(Error::NoChunks);
    }
    let weights: Vec<f64> = noise.iter().map(|s| 1.0 / (s * s)).collect();
    let loss = RolloutLoss::new(model, chunks, &weights, settings.rollout.clone());
    let eliminated = loss.eliminated(theta, &loss.observed_starts()).map_err(|_| Error::NotFinite)?;
    let w = whitening(&factor_with_prior(&eliminated, theta, &Prior::default())?, theta.len(), settings.rank_tolerance)?;
    Ok(w.dot(&w.t()))
}

/// W (n x rank) with W W' the inverse of the Gauss-Newton matrix that a factor of `[A' r']` makes.
fn whitening(factor: &Array2<f64>, n: usize, rank_tolerance: f64) -> Result<Array2<f64>, Error> {
    let columns = factor.slice(s![.., ..n]);
    let scale: Array1<f64> = columns.columns().into_iter().map(|c| 1.0 / c.dot(&c).sqrt().max(f64::MIN_POSITIVE)).collect();
    let whitening = Whitening::new(&(&columns * &scale), rank_tolerance)?;
    Ok(whitening.matrix() * &scale.insert_axis(Axis(1)))
}

/// Linearisations made at most.
const ROUNDS: usize = 12;
/// The noise is settled when no component's estimate changes by more than this factor.
const SETTLED: f64 = 1.01;
/// Iterations of L-BFGS between linearisations.
const STOP: Stop = Stop { iterations: 60, round: 10, decrease: 1e-8 };
/// Noise below this fraction of a component's spread is not told from zero.
const LEAST: f64 = 1e-13;

/// Fits theta, the initial states of all chunks and (unless the prior knows it) the noise of each component by maximum likelihood, from
/// a given theta: L-BFGS on the [robust](crate::loss::robust) rollout loss with free initial states, in coordinates in which its Gauss-Newton
/// matrix is the identity. Between rounds the noise is estimated from the residuals, each divided by the freedom that the fit leaves it.
///
/// # Errors
/// No chunks, a prior that is not for this model, divergence at the start, nothing to learn.
pub fn fit_noisy<M: Lanewise>(
    model: &M,
    chunks: &[Trajectory],
    theta: Vec<f64>,
    settings: &Settings,
    prior: &Prior,
    watch: &mut dyn FnMut(&Record),
) -> Result<NoisyFit, Error> {
    if chunks.is_empty() {
        return Err(Error::NoChunks);
    }
    prior.check(model.dim(), theta.len())?;
    let floor = noise_floor(chunks);
    let layout = |noise: &[f64]| {
        let weights: Vec<f64> = noise.iter().map(|s| 1.0 / (s * s)).collect();
        RolloutLoss::new(model, chunks, &weights, settings.rollout.clone())
    };
    let mut noise = prior.noise.clone().unwrap_or_else(|| settings.weights.iter().map(|w| 1.0 / w.sqrt()).collect());
    let mut fit = NoisyFit::unfitted(theta, layout(&noise).observed_starts());
    for round in 0..ROUNDS {
        let loss = layout(&noise);
        let eliminated = loss.eliminated(&fit.theta, &fit.starts).map_err(|_| Error::NotFinite)?;
        let factor = factor_with_prior(&eliminated, &fit.theta, prior)?;
        let coordinates = FreeCoordinates {
            theta: Coordinates::new(fit.theta.clone(), &factor, settings.rank_tolerance)?,
            origin: std::mem::take(&mut fit.starts),
            chunks: eliminated,
        };
        let estimate = match &prior.noise {
            Some(noise) => noise.clone(),
            None => estimated_noise(&coordinates.chunks, coordinates.theta.rank(), &noise, &floor),
        };
        let settled = estimate.iter().zip(&noise).all(|(a, b)| (a / b).ln().abs() < SETTLED.ln());
        fit.noise.clone_from(&noise);
        fit.take_stock(&coordinates, factor);
        // The start is no fit yet: its residuals say how far it is off, not how noisy the data are.
        let first = round == 0;
        let converged = fit.history.last().is_some_and(|r| r.gradient_norm.powi(2) < 1e-6 * fit.freedom);
        if !first && settled && converged {
            fit.starts = coordinates.origin;
            fit.outcome = Outcome::Converged;
            return Ok(fit);
        }
        if round + 1 == ROUNDS {
            fit.starts = coordinates.origin;
            break;
        }
        if !first && !settled {
            noise = estimate;
        }
        step(&loss, coordinates, prior, &mut fit, watch)?;
    }
    Ok(fit)
}

/// Noise below this, by component, is not told from none.
fn noise_floor(chunks: &[Trajectory]) -> Vec<f64> {
    let spread = super::states(chunks).std_axis(Axis(0), 0.0);
    spread.iter().map(|s| LEAST * if *s > 0.0 { *s } else { 1.0 }).collect()
}

impl NoisyFit {
    fn unfitted(theta: Vec<f64>, starts: Vec<f64>) -> Self {
        Self {
            theta,
            starts,
            noise: Vec::new(),
            chi_squared: f64::INFINITY,
            freedom: 0.0,
            outliers: 0,
            drift: (f64::NAN, 0),
            factor: Array2::zeros((0, 0)),
            scores: Array2::zeros((0, 0)),
            rank: 0,
            outcome: Outcome::Limit,
            history: Vec::new(),
        }
    }

    /// What the linearised chunks say of where the fit stands.
    fn take_stock(&mut self, coordinates: &FreeCoordinates, factor: Array2<f64>) {
        let (chunks, n) = (&coordinates.chunks, self.theta.len());
        let residuals = || chunks.iter().flat_map(|c| &c.residuals);
        self.rank = coordinates.theta.rank();
        self.chi_squared = chunks.iter().map(Eliminated::chi_squared).sum();
        self.freedom = (residuals().count() as f64 - (self.rank + coordinates.origin.len()) as f64).max(1.0);
        self.outliers = residuals().filter(|r| r.abs() > OUTLIER).count();
        let drift: Vec<f64> = chunks.iter().flat_map(|c| &c.drift).map(|d| d * d).collect();
        self.drift = (drift.iter().sum::<f64>() / drift.len() as f64, drift.len());
        self.scores = Array2::zeros((chunks.len(), n));
        for (mut score, chunk) in self.scores.rows_mut().into_iter().zip(chunks) {
            score.assign(&chunk.reduced.slice(s![.., ..n]).t().dot(&chunk.reduced.column(n)));
        }
        self.factor = factor;
    }
}

/// L-BFGS from the origin of the coordinates.
fn step<M: Lanewise>(
    loss: &RolloutLoss<M>,
    coordinates: FreeCoordinates,
    prior: &Prior,
    fit: &mut NoisyFit,
    watch: &mut dyn FnMut(&Record),
) -> Result<(), Error> {
    let n = fit.theta.len();
    let unknowns = n + coordinates.origin.len();
    let start = vec![0.0; coordinates.theta.rank() + coordinates.origin.len()];
    let before = fit.history.last().map_or((0, 0), |r| (r.iteration, r.evaluations));
    let shifted = |r: &Record| Record { iteration: r.iteration + before.0, evaluations: r.evaluations + before.1, ..*r };
    let objective =
        Free { loss, coordinates: &coordinates, prior, buffers: RefCell::new((vec![0.0; unknowns], vec![0.0; unknowns])) };
    let found = minimise(&objective, &start, STOP, None, &mut |r| watch(&shifted(r)))?;
    fit.history.extend(found.history.iter().skip(usize::from(!fit.history.is_empty())).map(shifted));
    let mut parameters = vec![0.0; unknowns];
    coordinates.parameters_into(&found.u, &mut parameters);
    fit.starts = parameters.split_off(n);
    fit.theta = parameters;
    Ok(())
}

/// The triangular factor of all reduced residuals, and of the prior's: [D, D theta].
fn factor_with_prior(eliminated: &[Eliminated], theta: &[f64], prior: &Prior) -> Result<Array2<f64>, Error> {
    let n = theta.len();
    let mut blocks: Vec<Array2<f64>> = eliminated.iter().map(|chunk| chunk.reduced.clone()).collect();
    if let Some(precision) = &prior.precision {
        let mut rows = Array2::zeros((n, n + 1));
        for (k, (d, t)) in precision.iter().zip(theta).enumerate() {
            (rows[[k, k]], rows[[k, n]]) = (*d, d * t);
        }
        blocks.push(rows);
    }
    Ok(triangular_factor(&blocks)?)
}

/// Half the sum of squared residuals, and the prior's, as a function of the coordinates.
struct Free<'a, 'm, M: Lanewise> {
    loss: &'a RolloutLoss<'m, M>,
    coordinates: &'a FreeCoordinates,
    prior: &'a Prior,
    buffers: RefCell<(Vec<f64>, Vec<f64>)>,
}

impl<M: Lanewise> Objective for Free<'_, '_, M> {
    fn evaluate(&self, u: &[f64], gradient: &mut [f64]) -> f64 {
        let (parameters, of_parameters) = &mut *self.buffers.borrow_mut();
        self.coordinates.parameters_into(u, parameters);
        let (theta, starts) = parameters.split_at(parameters.len() - self.coordinates.origin.len());
        let mut value = self.loss.free_gradient_into(theta, starts, of_parameters);
        if let Some(precision) = &self.prior.precision {
            for ((g, t), d) in of_parameters.iter_mut().zip(theta).zip(precision) {
                value += 0.5 * (d * t).powi(2);
                *g += d * d * t;
            }
        }
        self.coordinates.gradient_into(of_parameters, gradient);
        value
    }
}
