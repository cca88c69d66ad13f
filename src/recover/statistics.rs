//! Tests of residuals.

use crate::dataset::Trajectory;
use crate::loss::RolloutLoss;
use crate::model::Model;
use crate::recover::covariance::redundancy;
use crate::train::{Deviance, Drift, Settings};

/// Standard deviations by which a statistic may stand out.
pub(crate) const SIGMAS: f64 = 4.0;

/// Standard errors that what is told of the data before a fit is away from what would be no news.
pub(crate) const CERTAIN: f64 = 6.0;

/// The given size of the noise is taken to be right to so many parts.
pub(crate) const NOISE_KNOWN: f64 = 0.05;

/// How far chi squared of so many degrees of freedom may go by chance.
pub(crate) fn chi_squared_bound(freedom: f64) -> f64 {
    freedom + SIGMAS * (2.0 * freedom).sqrt()
}

/// What the held-out chunks say of a model.
pub(crate) struct Misfit {
    /// Sum of squared weighted residuals of each chunk.
    pub chunks: Vec<f64>,
    /// Number of residuals.
    pub residuals: usize,
}

impl Misfit {
    pub fn new<M: Model>(
        model: &M,
        theta: &[f64],
        chunks: &[Trajectory],
        settings: &Settings,
    ) -> Self {
        let loss = RolloutLoss::new(model, chunks, &settings.weights, settings.rollout.clone());
        Self { chunks: loss.chunk_losses(theta), residuals: loss.residuals() }
    }

    /// Root mean square residual.
    pub fn rms(&self) -> f64 {
        (self.chunks.iter().sum::<f64>() / self.residuals.max(1) as f64).sqrt()
    }

    /// Whether this misfit is larger than another on the same chunks by more than chance and
    /// `floor` (root mean square) explain: a paired test, whose unit is the chunk, because
    /// residuals within one are correlated. A chunk in which only the other's rollout doesn't end
    /// says nothing against this.
    pub fn is_worse_than(&self, other: &Self, floor: f64) -> bool {
        let n = self.chunks.len().max(1) as f64;
        let difference =
            |(a, b): (&f64, &f64)| if a.is_finite() && !b.is_finite() { 0.0 } else { a - b };
        let differences: Vec<f64> = self.chunks.iter().zip(&other.chunks).map(difference).collect();
        let mean = differences.iter().sum::<f64>() / n;
        let variance =
            differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        let allowed = SIGMAS * (variance / n).sqrt() + floor * floor * self.residuals as f64 / n;
        let within = mean <= allowed; // What is not finite is worse.
        !within
    }
}

/// Chunks of more than three points must be so large a part of all.
const TELLING: f64 = 0.5;

/// Whether `count` motions that are quadratic in time are enough to say whether chunks have any.
pub(crate) fn is_drift_told(count: usize, chunks: &[Trajectory], components: usize) -> bool {
    count as f64 >= TELLING * (chunks.len() * components) as f64
}

/// Whether residuals on `chunks` of states of so many components have no motions that are quadratic
/// in time but by chance.
pub(crate) fn is_without_drift(
    Drift { mean_square: drift, count: n }: Drift,
    chunks: &[Trajectory],
    components: usize,
) -> bool {
    let is_told = is_drift_told(n, chunks, components);
    is_told && drift <= 1.0 + SIGMAS * (2.0 * redundancy(chunks) / n as f64).sqrt()
}

/// Whether the residuals of chunks of which `held_out` says what a law makes of them are no larger
/// than the noise is known to be.
pub(crate) fn is_as_small(held_out: &Deviance, judging: &[Trajectory]) -> bool {
    let chance = SIGMAS * (2.0 * redundancy(judging) / held_out.degrees_of_freedom).sqrt();
    held_out.per_degree_of_freedom() <= (1.0 + NOISE_KNOWN).powi(2) * (1.0 + chance)
}

/// Root mean square rollout residuals of the two models, in units of the components' standard
/// deviations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelErrors {
    /// Of the learned Hamiltonian.
    pub learned: f64,
    /// Of the closed form.
    pub closed_form: f64,
}

/// Numbers of held-out chunks that judge a law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldOutChunks {
    /// Those in which the law can be followed: where halving the integration step changes nothing.
    pub resolved: usize,
    /// All of them.
    pub all: usize,
}
