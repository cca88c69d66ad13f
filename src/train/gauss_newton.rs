//! Damped Gauss-Newton steps for parameters and free initial states.

use ndarray::Array2;

use super::coordinates::Coordinates;
use super::error::TrainError;
use super::prior::Prior;
use crate::deadline::Deadline;
use crate::linalg::triangular_factor;
use crate::loss::{Eliminated, RolloutLoss};
use crate::model::Lanewise;

/// The residuals of noisy chunks, linearised, with every initial state eliminated.
pub(super) struct Linearised {
    /// The linearised residuals, chunk by chunk.
    pub chunks: Vec<Eliminated>,
    /// Triangular factor of the reduced residuals `[A' r']` of all, those of the prior among them.
    pub factor: Array2<f64>,
    coordinates: Coordinates,
    /// The least-squares step in these coordinates.
    u: Vec<f64>,
    precision: Option<Vec<f64>>,
}

/// How much shorter than those of least squares steps are in directions that the data say little of
/// (Levenberg 1944, Marquardt 1963).
#[derive(Debug)]
pub(super) struct Damping {
    /// Relative to the square of the largest singular value.
    value: f64,
    /// Rollouts of all chunks so far.
    pub rollouts: usize,
}

impl Default for Damping {
    fn default() -> Self {
        Self { value: Self::FIRST, rollouts: 0 }
    }
}

impl Damping {
    const FIRST: f64 = 1e-6;
    const LEAST: f64 = 1e-14;
    const MOST: f64 = 1e8;
    const FACTOR: f64 = 10.0;

    /// Begins anew, for another loss.
    pub fn reset(&mut self) {
        self.value = Self::FIRST;
    }
}

/// A chunk that gets worse by this factor, and by as much as chunks have on average, is too far
/// from linear for its step; so is any that gets worse when all chunks together did.
const WORSE: f64 = 2.0;
/// Then its initial state makes a part of the step only, none at last.
const PARTS: [f64; 4] = [1.0, 0.25, 0.0625, 0.0];

impl Linearised {
    /// About parameters and initial states.
    ///
    /// # Errors
    /// Divergence, nothing to learn.
    pub fn new<M: Lanewise>(
        loss: &RolloutLoss<M>,
        theta: &[f64],
        starts: &[f64],
        prior: &Prior,
        rank_tolerance: f64,
    ) -> Result<Self, TrainError> {
        let chunks = loss.eliminated(theta, starts)?;
        if 2 * chunks.iter().filter(|chunk| chunk.has_diverged()).count() > chunks.len() {
            return Err(TrainError::NotFinite);
        }
        let mut blocks: Vec<Array2<f64>> =
            chunks.iter().map(|chunk| chunk.reduced.clone()).collect();
        blocks.extend(prior.precision.as_ref().map(|precision| prior_rows(precision, theta)));
        let factor = triangular_factor(&blocks)?;
        let coordinates = Coordinates::new(theta.to_vec(), &factor, rank_tolerance)?;
        let u = coordinates.least_squares(&factor);
        Ok(Self { chunks, factor, coordinates, u, precision: prior.precision.clone() })
    }

    /// Number of directions of the parameters that the data determine.
    pub fn rank(&self) -> usize {
        self.coordinates.rank()
    }

    /// Squared distance to the optimum, as far as linear, in standard errors of the parameters.
    pub fn distance(&self) -> f64 {
        self.u.iter().map(|u| u * u).sum()
    }

    /// By how much better initial states lower the loss, as far as linear.
    pub fn slack(&self) -> f64 {
        self.chunks.iter().map(|chunk| chunk.offset.dot(&chunk.offset)).sum()
    }

    /// What the prior adds to chi squared.
    pub fn penalty(&self) -> f64 {
        self.penalty_at(self.coordinates.origin())
    }

    fn penalty_at(&self, theta: &[f64]) -> f64 {
        self.precision.iter().flatten().zip(theta).map(|(d, t)| (d * t).powi(2)).sum()
    }

    /// Parameters and initial states that lower the loss, from those that are linearised about, and
    /// by how much they do; none where no step does before the deadline.
    pub fn step<M: Lanewise>(
        &self,
        loss: &RolloutLoss<M>,
        (theta, starts): (&[f64], &[f64]),
        damping: &mut Damping,
        deadline: &Deadline,
    ) -> Option<(Vec<f64>, Vec<f64>, f64)> {
        let before: Vec<f64> = self.chunks.iter().map(Eliminated::chi_squared).collect();
        let value = before.iter().sum::<f64>() + self.penalty();
        let mean = before.iter().sum::<f64>() / before.len() as f64;
        let mut bearable: Vec<f64> = before.iter().map(|loss| WORSE * loss + mean).collect();
        while damping.value < Damping::MOST && !deadline.is_over() {
            let next = self.parameters(damping.value);
            let change: Vec<f64> = next.iter().zip(theta).map(|(a, b)| a - b).collect();
            let (moved, losses) =
                self.starts(loss, &next, &change, starts, &bearable, &mut damping.rollouts);
            let reached = losses.iter().sum::<f64>() + self.penalty_at(&next);
            if reached < value {
                damping.value = (damping.value / Damping::FACTOR).max(Damping::LEAST);
                return Some((next, moved, value - reached));
            }
            damping.value = (damping.value * Damping::FACTOR).max(Damping::FIRST);
            bearable.clone_from(&before);
        }
        None
    }

    /// The parameters of a damped step.
    fn parameters(&self, damping: f64) -> Vec<f64> {
        let singular = self.coordinates.singular_values();
        let scale = damping * singular[0] * singular[0];
        let u: Vec<f64> =
            self.u.iter().zip(singular).map(|(u, s)| -u * s * s / (s * s + scale)).collect();
        let mut theta = vec![0.0; self.coordinates.origin().len()];
        self.coordinates.parameters_into(&u, &mut theta);
        theta
    }

    /// The initial states that go with a change of the parameters to `theta`, and the loss of each
    /// chunk. A chunk that a whole step makes worse than is bearable makes a part of it.
    fn starts<M: Lanewise>(
        &self,
        loss: &RolloutLoss<M>,
        theta: &[f64],
        change: &[f64],
        starts: &[f64],
        bearable: &[f64],
        rollouts: &mut usize,
    ) -> (Vec<f64>, Vec<f64>) {
        let dim = loss.model().dim();
        let steps: Vec<f64> =
            self.chunks.iter().flat_map(|chunk| chunk.start_step(change)).collect();
        let mut best: (Vec<f64>, Vec<f64>) = (starts.to_vec(), vec![f64::INFINITY; bearable.len()]);
        let mut open: Vec<usize> = (0..bearable.len()).collect();
        for part in PARTS {
            let mut tried = best.0.clone();
            for &c in &open {
                for k in c * dim..(c + 1) * dim {
                    tried[k] = starts[k] + part * steps[k];
                }
            }
            let losses = loss.free_losses(theta, &tried);
            *rollouts += 1;
            for &c in &open {
                if losses[c] < best.1[c] {
                    best.1[c] = losses[c];
                    best.0[c * dim..(c + 1) * dim].copy_from_slice(&tried[c * dim..(c + 1) * dim]);
                }
            }
            open.retain(|&c| best.1[c] > bearable[c]);
            if open.is_empty() {
                break;
            }
        }
        best
    }
}

/// The rows [D, D theta] of the prior.
fn prior_rows(precision: &[f64], theta: &[f64]) -> Array2<f64> {
    let n = theta.len();
    let mut rows = Array2::zeros((n, n + 1));
    for (k, (d, t)) in precision.iter().zip(theta).enumerate() {
        (rows[[k, k]], rows[[k, n]]) = (*d, d * t);
    }
    rows
}
