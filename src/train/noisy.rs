//! Training on noisy data: errors in variables, the noise estimated along with the parameters.

use std::cell::RefCell;

use ndarray::{Array1, Array2, s};

use super::{Coordinates, Error, Objective, Record, Settings, Stop, minimise};
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

/// The maximum-likelihood fit of a model to chunks whose states are all noisy.
#[derive(Clone, Debug)]
pub struct NoisyFit {
    /// Parameters.
    pub theta: Vec<f64>,
    /// Initial state of each chunk, chunk by chunk.
    pub starts: Vec<f64>,
    /// Standard deviation of the noise in each component of the state, in the data's units.
    pub noise: Vec<f64>,
    /// Sum of squared residuals in units of the noise.
    pub chi_squared: f64,
    /// Residuals minus fitted numbers: what `chi_squared` should be.
    pub freedom: f64,
    /// Triangular factor of `[A' r']`: the residuals in units of the noise, linearised in the parameters, initial states eliminated.
    pub factor: Array2<f64>,
    /// Number of directions in parameter space that the data determine.
    pub rank: usize,
    /// Every iteration; values are half the sum of squared residuals, in units of the noise as estimated then.
    pub history: Vec<Record>,
}

impl NoisyFit {
    /// Covariance of the parameters: the inverse of the Fisher information of chunks with free initial states, so the Cramer-Rao bound at
    /// the estimate. Directions that the data don't determine count as known.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn covariance(&self, rank_tolerance: f64) -> Result<Array2<f64>, Error> {
        let n = self.theta.len();
        let scale: Array1<f64> =
            self.factor.slice(s![.., ..n]).columns().into_iter().map(|c| 1.0 / c.dot(&c).sqrt().max(f64::MIN_POSITIVE)).collect();
        let scaled = &self.factor.slice(s![.., ..n]) * &scale;
        let whitening = Whitening::new(&scaled, rank_tolerance)?;
        let w = whitening.matrix() * &scale.insert_axis(ndarray::Axis(1));
        Ok(w.dot(&w.t()))
    }
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
/// a given theta: L-BFGS on the rollout loss with free initial states, in coordinates in which its Gauss-Newton matrix is the identity.
/// Between rounds the noise is estimated from the residuals, each divided by the freedom that the fit leaves it.
///
/// # Errors
/// No chunks, divergence at the start, nothing to learn.
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
    let dim = model.dim();
    let spread = super::states(chunks).std_axis(ndarray::Axis(0), 0.0).to_vec();
    let floor: Vec<f64> = spread.iter().map(|s| LEAST * if *s > 0.0 { *s } else { 1.0 }).collect();
    let layout = |noise: &[f64]| {
        let weights: Vec<f64> = noise.iter().map(|s| 1.0 / (s * s)).collect();
        RolloutLoss::new(model, chunks, &weights, settings.rollout.clone())
    };
    let mut noise = prior.noise.clone().unwrap_or_else(|| settings.weights.iter().map(|w| 1.0 / w.sqrt()).collect());
    let mut fit = NoisyFit {
        starts: layout(&noise).observed_starts(),
        theta,
        chi_squared: f64::INFINITY,
        freedom: 0.0,
        factor: Array2::zeros((0, 0)),
        rank: 0,
        history: Vec::new(),
        noise: noise.clone(),
    };
    for round in 0..ROUNDS {
        let loss = layout(&noise);
        let eliminated = loss.eliminated(&fit.theta, &fit.starts).map_err(|_| Error::NotFinite)?;
        let factor = factor_with_prior(&eliminated, &fit.theta, prior)?;
        let coordinates = FreeCoordinates {
            theta: Coordinates::new(fit.theta.clone(), &factor, settings.rank_tolerance)?,
            origin: std::mem::take(&mut fit.starts),
            chunks: eliminated,
        };
        let rank = coordinates.theta.rank();
        let estimate = match &prior.noise {
            Some(noise) => noise.clone(),
            None => estimated_noise(&coordinates.chunks, rank, &noise, &floor),
        };
        let settled = estimate.iter().zip(&noise).all(|(a, b)| (a / b).ln().abs() < SETTLED.ln());
        fit.chi_squared = coordinates.chunks.iter().flat_map(|c| &c.residuals).map(|r| r * r).sum();
        fit.freedom = (loss.free_residuals() as f64 - (fit.theta.len().min(rank) + chunks.len() * dim) as f64).max(1.0);
        (fit.rank, fit.factor, fit.noise) = (rank, factor, noise.clone());
        // The start is no fit yet: its residuals say how far it is off, not how noisy the data are.
        let first = round == 0;
        let converged = |last: &NoisyFit| last.history.last().is_some_and(|r| r.gradient_norm.powi(2) < 1e-6 * last.freedom);
        if !first && settled && (converged(&fit) || round + 1 == ROUNDS) {
            fit.starts = coordinates.origin;
            return Ok(fit);
        }
        if !first && !settled {
            noise = estimate;
        }
        step(&loss, coordinates, prior, &mut fit, watch)?;
    }
    Ok(fit)
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

/// Noise of each component: root of the sum of its squared residuals over what the fit leaves free of them.
fn estimated_noise(chunks: &[Eliminated], rank: usize, noise: &[f64], floor: &[f64]) -> Vec<f64> {
    let dim = noise.len();
    let (mut squares, mut free, mut count) = (vec![0.0; dim], vec![0.0; dim], 0.0);
    for (at, (r, h)) in chunks.iter().flat_map(|c| c.residuals.iter().zip(&c.leverages).enumerate()) {
        squares[at % dim] += r * r;
        free[at % dim] += 1.0 - h;
        count += 1.0 - h;
    }
    // The parameters take up little, from all components alike.
    let share = (1.0 - rank as f64 / count).max(0.1);
    (0..dim).map(|c| (noise[c] * (squares[c] / (free[c] * share).max(f64::MIN_POSITIVE)).sqrt()).max(floor[c])).collect()
}

/// Coordinates (u, xi) of parameters and initial states in which the sum of squares is round: with the reduced factor whitened by
/// dtheta = W u, the initial states are dx = R^-1 (xi - G dtheta), chunk by chunk.
struct FreeCoordinates {
    theta: Coordinates,
    origin: Vec<f64>,
    chunks: Vec<Eliminated>,
}

impl FreeCoordinates {
    fn parameters_into(&self, u: &[f64], parameters: &mut [f64]) {
        let (u, xi) = u.split_at(self.theta.rank());
        let (theta, starts) = parameters.split_at_mut(parameters.len() - self.origin.len());
        self.theta.parameters_into(u, theta);
        let change: Vec<f64> = theta.iter().zip(self.theta.origin()).map(|(t, o)| t - o).collect();
        let dim = self.origin.len() / self.chunks.len();
        starts.copy_from_slice(&self.origin);
        let mut left = vec![0.0; dim];
        for ((chunk, xi), x) in self.chunks.iter().zip(xi.chunks_exact(dim)).zip(starts.chunks_exact_mut(dim)) {
            for ((l, row), xi) in left.iter_mut().zip(chunk.coupling.rows()).zip(xi) {
                *l = xi - row.iter().zip(&change).map(|(g, c)| g * c).sum::<f64>();
            }
            for (x, row) in x.iter_mut().zip(chunk.inverse.rows()) {
                *x += row.iter().zip(&left).map(|(r, l)| r * l).sum::<f64>();
            }
        }
    }

    /// Overwrites the gradient with respect to theta and starts.
    fn gradient_into(&self, gradient: &mut [f64], gradient_u: &mut [f64]) {
        let (of_theta, of_starts) = gradient.split_at_mut(gradient.len() - self.origin.len());
        let (of_u, of_xi) = gradient_u.split_at_mut(self.theta.rank());
        let dim = self.origin.len() / self.chunks.len();
        for ((chunk, g), xi) in self.chunks.iter().zip(of_starts.chunks_exact(dim)).zip(of_xi.chunks_exact_mut(dim)) {
            for (xi, column) in xi.iter_mut().zip(chunk.inverse.columns()) {
                *xi = column.iter().zip(g).map(|(r, g)| r * g).sum();
            }
            for (row, xi) in chunk.coupling.rows().into_iter().zip(xi.iter()) {
                for (t, g) in of_theta.iter_mut().zip(row) {
                    *t -= g * xi;
                }
            }
        }
        self.theta.gradient_into(of_theta, of_u);
    }
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

/// How well given parameters explain noisy chunks that they were not fitted to: the mean square residual in units of the noise, initial states
/// fitted and the freedom that this takes allowed for. 1 is perfect.
///
/// # Errors
/// No chunks, a rollout that diverges.
pub fn held_out<M: Lanewise>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    noise: &[f64],
    settings: &Settings,
) -> Result<f64, Error> {
    if chunks.is_empty() {
        return Err(Error::NoChunks);
    }
    let weights: Vec<f64> = noise.iter().map(|s| 1.0 / (s * s)).collect();
    let loss = RolloutLoss::new(model, chunks, &weights, settings.rollout.clone());
    let dim = model.dim();
    let mut starts = loss.observed_starts();
    for _ in 0..NEWTON_STEPS {
        let eliminated = loss.eliminated(theta, &starts).map_err(|_| Error::NotFinite)?;
        for (chunk, x) in eliminated.iter().zip(starts.chunks_exact_mut(dim)) {
            for (x, row) in x.iter_mut().zip(chunk.inverse.rows()) {
                *x -= row.iter().zip(&chunk.offset).map(|(r, g)| r * g).sum::<f64>();
            }
        }
    }
    let eliminated = loss.eliminated(theta, &starts).map_err(|_| Error::NotFinite)?;
    let squares: f64 = eliminated.iter().flat_map(|c| &c.residuals).map(|r| r * r).sum();
    let free: f64 = eliminated.iter().flat_map(|c| &c.leverages).map(|h| 1.0 - h).sum();
    Ok(squares / free)
}

/// Gauss-Newton steps for initial states alone: their problem is nearly linear.
const NEWTON_STEPS: usize = 3;
