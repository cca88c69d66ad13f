//! The rollout loss with free initial states: errors in variables.
//!
//! Every observed state is noisy, the first one of a chunk too. So the true initial state x_c of
//! each chunk is a parameter beside theta, and the first observation is a residual like all others:
//!
//! L(theta, x) = 1/2 sum_c sum_j rho(w^(1/2) (phi_(t_j - t_0)(x_c; theta) - z_cj)),  j = 0, 1, ..,
//!
//! which with w = 1 / variance is minus the log-likelihood of independent noise, but for a constant
//! (Fuller 1987, Measurement Error Models, section 4.3): Gaussian, with
//! [tails for gross errors](super::robust). Each x_c meets the data of its own chunk only, so it
//! can be eliminated chunk by chunk.

use ndarray::{Array1, Array2, Axis, concatenate, s};

use super::variation::Variation;
use super::{RolloutLoss, robust};
use crate::linalg::{self, LANES, triangular_factor, triangular_inverse};
use crate::model::Lanewise;
use crate::parallel::lock;

/// The linearised residuals of one chunk, with its initial state eliminated. Those of outliers have
/// the root of their [robust weight](robust::weight) as a factor, all but in `residuals`.
///
/// With residuals r + A dtheta + B dx and the triangular factor of `[B A r]`: |r + A dtheta + B
/// dx|^2 = |R dx + G dtheta + g|^2 +
/// |r' + A' dtheta|^2, so that the best dx is -R^-1 (G dtheta + g) and leaves the reduced residuals.
#[derive(Clone, Debug)]
pub struct Eliminated {
    /// R^-1, dim x dim, upper triangular.
    pub inverse: Array2<f64>,
    /// G, dim x parameters: how the initial state goes with the parameters.
    pub coupling: Array2<f64>,
    /// g, of dim components: how far the initial state is from its best.
    pub offset: Array1<f64>,
    /// A' and r' (last column): what the chunk says of theta alone.
    pub reduced: Array2<f64>,
    /// The share of each residual that the free initial state takes up (leverages), point by point
    /// and component by component; the first point's come first. They add up to dim.
    pub leverages: Vec<f64>,
    /// The residuals in the same order, in units of the noise: those of outliers as they are.
    pub residuals: Vec<f64>,
    /// What of r is quadratic in time, component by component, and no change of the initial state:
    /// where a force is missing or wrong it is large, of noise that is independent from point to
    /// point it has mean square one.
    pub drift: Vec<f64>,
}

/// Residuals of a rollout that diverges.
const DIVERGED: f64 = 1e100;
/// A loss that is so many times what noise makes it.
const WILD: f64 = 3.0;

impl Eliminated {
    /// The robust loss of all residuals: what chi squared is for Gaussian noise.
    pub fn chi_squared(&self) -> f64 {
        self.residuals.iter().map(|r| robust::loss(r * r)).sum()
    }

    /// The best change of the initial state that goes with a change of the parameters: -R^-1 (G
    /// dtheta + g).
    pub fn start_step(&self, change: &[f64]) -> Vec<f64> {
        let row =
            |row: ndarray::ArrayView1<f64>| row.iter().zip(change).map(|(g, c)| g * c).sum::<f64>();
        let right: Array1<f64> =
            self.coupling.rows().into_iter().map(row).collect::<Array1<f64>>() + &self.offset;
        (-self.inverse.dot(&right)).to_vec()
    }

    /// Whether the rollout of the chunk diverges.
    pub fn has_diverged(&self) -> bool {
        self.residuals.iter().any(|r| *r >= DIVERGED)
    }

    /// Whether the model does not follow the chunk: its loss is far above that of noise, and at
    /// some point not single components are off, as by gross errors, but a quarter of them.
    pub fn is_wild(&self) -> bool {
        let dim = self.offset.len();
        let off = |point: &[f64]| {
            point.iter().filter(|r| r.abs() > robust::CORE).count() >= (dim / 4).max(2)
        };
        self.chi_squared() > WILD * self.degrees_of_freedom().max(1.0)
            && self.residuals.chunks(dim).any(off)
    }

    /// Degrees of freedom of the chunk's residuals: their number less the dim that the free initial
    /// state takes up.
    pub fn degrees_of_freedom(&self) -> f64 {
        self.leverages.iter().map(|h| 1.0 - h).sum()
    }
}

impl<M: Lanewise> RolloutLoss<'_, M> {
    /// The observed first states, chunk by chunk, each of dim components.
    pub fn observed_starts(&self) -> Vec<f64> {
        self.blocks().iter().flat_map(|block| lock(block).observed_starts()).collect()
    }

    /// The weighted residuals of each chunk, rolled out from `starts`, but those of the starts.
    pub fn free_residuals(&self, theta: &[f64], starts: &[f64]) -> Vec<Vec<f64>> {
        self.map_blocks_from(theta, starts, |block, _| {
            (0..block.chunks()).map(|chunk| block.weighted(chunk)).collect::<Vec<_>>()
        })
        .concat()
    }

    /// The robust loss of the residuals of each chunk, rolled out from `starts`.
    pub fn free_losses(&self, theta: &[f64], starts: &[f64]) -> Vec<f64> {
        self.map_blocks_from(theta, starts, |block, _| block.robust_losses()).concat()
    }

    /// The residuals linearised about theta and `starts`, every chunk's initial state eliminated.
    /// The loss must have been laid out with a batch of [`LANES`].
    ///
    /// # Errors
    /// Linear algebra fails.
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
            let mut variation = Variation::new(dim, n);
            for interval in 0..block.intervals() {
                variation.advance(block, self.model(), method, theta, interval);
                times
                    .iter_mut()
                    .enumerate()
                    .for_each(|(lane, t)| *t += block.length(interval, lane));
                for component in 0..dim {
                    let (weight, full) =
                        (block.weight(interval, component), block.full_weight(interval, component));
                    let residual = block.residual(interval, component);
                    for (lane, rows) in
                        chunks.iter_mut().enumerate().filter(|(lane, _)| full[*lane] > 0.0)
                    {
                        let root = weight[lane].sqrt();
                        let derivatives = variation
                            .of_start(component)
                            .iter()
                            .chain(variation.of_theta(component));
                        rows.push(
                            derivatives.map(|x| root * x.0[lane]),
                            root * residual[lane],
                            full[lane].sqrt() * residual[lane],
                        );
                        rows.quadratic.push((component, root * times[lane] * times[lane]));
                    }
                }
            }
            chunks
                .into_iter()
                .map(|rows| rows.eliminate_start(dim, n))
                .collect::<linalg::Result<Vec<_>>>()
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
    /// The component of each residual, and the square of its time, weighted.
    quadratic: Vec<(usize, f64)>,
}

impl Rows {
    /// What a rollout that diverges gives: it says nothing of the parameters, and its residuals are
    /// large.
    fn diverged(self, dim: usize, n: usize) -> Eliminated {
        let m = self.residuals.len();
        Eliminated {
            inverse: Array2::zeros((dim, dim)),
            coupling: Array2::zeros((dim, n)),
            offset: Array1::zeros(dim),
            reduced: Array2::zeros((1, n + 1)),
            leverages: vec![dim as f64 / m as f64; m],
            residuals: vec![DIVERGED; m],
            drift: Vec::new(),
        }
    }

    fn push(&mut self, row: impl Iterator<Item = f64>, weighed: f64, residual: f64) {
        self.flat.extend(row);
        self.flat.push(weighed);
        self.residuals.push(residual);
    }

    fn eliminate_start(self, dim: usize, n: usize) -> linalg::Result<Eliminated> {
        if self.flat.iter().any(|x| !x.is_finite()) {
            return Ok(self.diverged(dim, n));
        }
        let columns = dim + n + 1;
        let m = self.residuals.len();
        let matrix = Array2::from_shape_fn((m, columns), |(i, j)| self.flat[i * columns + j]);
        let factor = triangular_factor(std::slice::from_ref(&matrix))?;
        let inverse = triangular_inverse(&factor.slice(s![..dim, ..dim]))?;
        let orthonormal = matrix.slice(s![.., ..dim]).dot(&inverse);
        let trends = Array2::from_shape_fn((m, dim), |(i, c)| {
            if self.quadratic[i].0 == c { self.quadratic[i].1 } else { 0.0 }
        });
        let (starts, residual) = (matrix.slice(s![.., ..dim]), matrix.slice(s![.., columns - 1..]));
        let with_trends = triangular_factor(&[concatenate![Axis(1), starts, trends, residual]])?;
        // Chunks of three points or less have nothing to compare it with.
        let drift = if m > 3 * dim {
            with_trends.slice(s![dim..2 * dim, 2 * dim]).to_vec()
        } else {
            Vec::new()
        };
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
