//! The rollout loss with free initial states: errors in variables.
//!
//! Every observed state is noisy, the first one of a chunk too. So the true initial state x_c of each chunk is a parameter beside theta, and
//! the first observation is a residual like all others:
//!
//! L(theta, x) = 1/2 sum_c sum_j rho(w^(1/2) (phi_(t_j - t_0)(x_c; theta) - z_cj)),  j = 0, 1, ..,
//!
//! which with w = 1 / variance is minus the log-likelihood of independent noise, but for a constant (Fuller 1987, Measurement Error Models,
//! section 4.3): Gaussian, with [tails for gross errors](super::robust). Each x_c meets the data of its own chunk only, so it can be
//! eliminated chunk by chunk.

use ndarray::{Array1, Array2, Axis, concatenate, s};

use super::rollout::lock;
use super::{RolloutLoss, robust};
use crate::linalg::{self, LANES, triangular_factor, triangular_inverse};
use crate::model::Lanewise;

/// The linearised residuals of one chunk, with its initial state eliminated. Those of outliers have the root of their [robust
/// weight](robust::weight) as a factor, all but in `residuals`.
///
/// With residuals r + A dtheta + B dx and the triangular factor of `[B A r]`: |r + A dtheta + B dx|^2 = |R dx + G dtheta + g|^2 +
/// |r' + A' dtheta|^2, so that the best dx is -R^-1 (G dtheta + g) and leaves the reduced residuals.
#[derive(Clone, Debug)]
pub struct Eliminated {
    /// R^-1, dim x dim, upper triangular.
    pub inverse: Array2<f64>,
    /// G, dim x parameters.
    pub coupling: Array2<f64>,
    /// g, dim.
    pub offset: Array1<f64>,
    /// A' and r' (last column): what the chunk says of theta alone.
    pub reduced: Array2<f64>,
    /// The share of each residual that the free initial state takes up (leverages), point by point and component by component; the first
    /// point's come first. They add up to dim.
    pub leverages: Vec<f64>,
    /// The residuals in the same order, in units of the noise: those of outliers as they are.
    pub residuals: Vec<f64>,
    /// What of r is quadratic in time, component by component, and no change of the initial state: where a force is missing or wrong it is
    /// large, of noise that is independent from point to point it has mean square one.
    pub drift: Vec<f64>,
}

impl Eliminated {
    /// The robust loss of all residuals: what chi squared is for Gaussian noise.
    pub fn chi_squared(&self) -> f64 {
        self.residuals.iter().map(|r| robust::loss(r * r)).sum()
    }
    /// What the free initial state leaves free of the residuals.
    pub fn freedom(&self) -> f64 {
        self.leverages.iter().map(|h| 1.0 - h).sum()
    }
}

impl<M: Lanewise> RolloutLoss<'_, M> {
    /// Number of residuals when initial states are free: each component of each point of each chunk.
    pub fn free_residuals(&self) -> usize {
        self.residuals() + self.chunks() * self.model().dim()
    }

    /// The observed first states, chunk by chunk, each of dim components.
    pub fn observed_starts(&self) -> Vec<f64> {
        self.blocks().iter().flat_map(|block| lock(block).observed_starts()).collect()
    }

    /// L(theta, x) and its gradient with respect to theta, then to the initial states `starts` (chunk by chunk).
    pub fn free_gradient_into(&self, theta: &[f64], starts: &[f64], gradient: &mut [f64]) -> f64 {
        let (of_theta, of_starts) = gradient.split_at_mut(theta.len());
        let parts = self.map_blocks_from(theta, starts, |block, method| {
            let rollout = block.weigh_outliers_down();
            block.backward(self.model(), method, theta);
            let theta_bar = block.weights_bar().to_vec();
            let mut start_bar = block.start_adjoint();
            let first = block.add_first_residuals(&mut start_bar);
            (rollout + first, theta_bar, start_bar)
        });
        of_theta.fill(0.0);
        let mut at = 0;
        let mut sum = 0.0;
        for (loss, theta_bar, start_bar) in &parts {
            sum += loss;
            for (g, x) in of_theta.iter_mut().zip(theta_bar) {
                *g += 0.5 * x.sum();
            }
            for (g, x) in of_starts[at..].iter_mut().zip(start_bar) {
                *g = 0.5 * x;
            }
            at += start_bar.len();
        }
        0.5 * sum
    }

    /// The residuals linearised about theta and `starts`, every chunk's initial state eliminated. The loss must have been laid out with a
    /// batch of [`LANES`].
    ///
    /// # Errors
    /// Numbers that are not finite: a rollout diverges.
    ///
    /// # Panics
    /// With another batch.
    pub fn eliminated(&self, theta: &[f64], starts: &[f64]) -> linalg::Result<Vec<Eliminated>> {
        assert_eq!(self.batch(), LANES, "a Jacobian needs one chunk to a lane");
        let (n, dim) = (theta.len(), self.model().dim());
        let blocks = self.map_blocks_from(theta, starts, |block, method| {
            block.weigh_outliers_down();
            let mut chunks: Vec<Rows> = (0..block.chunks()).map(|_| Rows::default()).collect();
            for component in 0..dim {
                for (lane, rows) in chunks.iter_mut().enumerate() {
                    let (weight, residual) = block.first_residual(component, lane);
                    let root = (weight * robust::weight(weight * residual * residual)).sqrt();
                    let own = (0..dim + n).map(|k| if k == component { root } else { 0.0 });
                    rows.push(own, root * residual, weight.sqrt() * residual);
                    rows.quadratic.push((component, 0.0));
                }
            }
            let mut times = vec![0.0; block.chunks()];
            for interval in 0..block.intervals() {
                times.iter_mut().enumerate().for_each(|(lane, t)| *t += block.length(interval, lane));
                for component in 0..dim {
                    block.backward_from(self.model(), method, theta, (interval, component));
                    let start_bar = block.start_adjoint();
                    let (weight, full) = (block.weight(interval, component), block.full_weight(interval, component));
                    let residual = block.residual(interval, component);
                    for (lane, rows) in chunks.iter_mut().enumerate().filter(|(lane, _)| full[*lane] > 0.0) {
                        let root = weight[lane].sqrt();
                        let of_start = start_bar[lane * dim..(lane + 1) * dim].iter().map(|x| root * x);
                        let of_theta = block.weights_bar().iter().map(|t| root * t.0[lane]);
                        rows.push(of_start.chain(of_theta), root * residual[lane], full[lane].sqrt() * residual[lane]);
                        rows.quadratic.push((component, root * times[lane] * times[lane]));
                    }
                }
            }
            chunks.into_iter().map(|rows| rows.eliminate_start(dim, n)).collect::<linalg::Result<Vec<_>>>()
        });
        Ok(blocks.into_iter().collect::<linalg::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

/// The rows `[B A r]` of one chunk, flat.
#[derive(Default)]
struct Rows {
    flat: Vec<f64>,
    /// The residuals in units of the noise.
    residuals: Vec<f64>,
    /// The component of each, and the square of its time, weighted.
    quadratic: Vec<(usize, f64)>,
}

impl Rows {
    fn push(&mut self, row: impl Iterator<Item = f64>, weighed: f64, residual: f64) {
        self.flat.extend(row);
        self.flat.push(weighed);
        self.residuals.push(residual);
    }

    fn eliminate_start(self, dim: usize, n: usize) -> linalg::Result<Eliminated> {
        let columns = dim + n + 1;
        let m = self.residuals.len();
        let matrix = Array2::from_shape_fn((m, columns), |(i, j)| self.flat[i * columns + j]);
        let factor = triangular_factor(std::slice::from_ref(&matrix))?;
        let inverse = triangular_inverse(&factor.slice(s![..dim, ..dim]))?;
        let orthonormal = matrix.slice(s![.., ..dim]).dot(&inverse);
        let trends = Array2::from_shape_fn((m, dim), |(i, c)| if self.quadratic[i].0 == c { self.quadratic[i].1 } else { 0.0 });
        let (starts, residual) = (matrix.slice(s![.., ..dim]), matrix.slice(s![.., columns - 1..]));
        let with_trends = triangular_factor(&[concatenate![Axis(1), starts, trends, residual]])?;
        // Chunks of three points or less have nothing to compare it with.
        let drift = if m > 3 * dim { with_trends.slice(s![dim..2 * dim, 2 * dim]).to_vec() } else { Vec::new() };
        Ok(Eliminated {
            drift,
            inverse,
            coupling: factor.slice(s![..dim, dim..dim + n]).to_owned(),
            offset: factor.slice(s![..dim, dim + n]).to_owned(),
            reduced: factor.slice(s![dim..m.min(columns), dim..]).to_owned(),
            leverages: orthonormal.rows().into_iter().map(|row| row.dot(&row)).collect(),
            residuals: self.residuals,
        })
    }
}
