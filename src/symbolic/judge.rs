//! Whether a closed form explains the data down to their noise or to the error of integration.

use super::recover::{Noise, RecoverError};
use crate::dataset::Trajectory;
use crate::loss::RolloutLoss;
use crate::model::{Lanewise, Model};
use crate::train::{self, Settings};

/// Largest error of held-out rollouts, relative to the data's spread, of an exact law where
/// integration is accurate, and where it is not.
const EXACT: (f64, f64) = (1e-8, 1e-7);
/// Standard deviations by which a statistic may stand out.
pub(super) const SIGMAS: f64 = 4.0;
/// The given size of the noise is taken to be right to so many parts.
pub(super) const NOISE_KNOWN: f64 = 0.05;
/// Differences of this size between a closed form and the learned Hamiltonian are roundoff.
const ROUNDOFF: f64 = 1e-11;

/// How far chi squared of so many degrees of freedom may go by chance.
pub(in crate::symbolic) fn by_chance(freedom: f64) -> f64 {
    freedom + SIGMAS * (2.0 * freedom).sqrt()
}

/// What the held-out chunks say of a model.
pub(super) struct Misfit {
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
    /// residuals within one hang together.
    pub fn is_worse_than(&self, other: &Self, floor: f64) -> bool {
        let n = self.chunks.len().max(1) as f64;
        let differences: Vec<f64> =
            self.chunks.iter().zip(&other.chunks).map(|(a, b)| a - b).collect();
        let mean = differences.iter().sum::<f64>() / n;
        let variance =
            differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        let allowed = SIGMAS * (variance / n).sqrt() + floor * floor * self.residuals as f64 / n;
        let within = mean <= allowed; // What is not finite is worse.
        !within
    }
}

/// What decides besides the misfits.
pub(super) struct Circumstances<'a> {
    pub noise: Noise,
    /// Standard deviation of each component over the training chunks.
    pub spread: &'a [f64],
    /// Error of integration in training.
    pub integration_error: f64,
    /// Parameters of the closed form, per training residual.
    pub parameters_per_residual: f64,
}

impl Circumstances<'_> {
    /// Misfits below this are none.
    fn floor(&self) -> f64 {
        (10.0 * self.integration_error).clamp(EXACT.0, EXACT.1)
    }

    /// Whether a closed form with `misfit` on the held-out chunks explains them: no worse than the
    /// `learned` Hamiltonian, which is free to follow any law of its basis, and down to the floor.
    /// For noise of given size that is a test of chi-squared, the chunks' first states fitted too;
    /// for data without noise, integration error. Noise of unknown size can't be told from misfit:
    /// then only data without any pass.
    ///
    /// # Errors
    /// A rollout that diverges.
    pub fn explained<M: Lanewise>(
        &self,
        (model, theta): (&M, &[f64]),
        (misfit, learned): (&Misfit, &Misfit),
        chunks: &[Trajectory],
        settings: &Settings,
    ) -> Result<bool, RecoverError> {
        let same = ROUNDOFF.max(10.0 * self.integration_error).min(EXACT.0);
        if misfit.is_worse_than(learned, same) {
            return Ok(false);
        }
        let Noise::Sigma(sigma) = self.noise else { return Ok(misfit.rms() <= self.floor()) };
        // Noise below the floor is told from none as little as from integration error.
        let noise = self
            .spread
            .iter()
            .zip(&settings.weights)
            .map(|(s, w)| (sigma * s).hypot(self.floor() / w.sqrt()));
        let ratio = train::held_out(model, theta, chunks, &noise.collect::<Vec<_>>(), settings)?;
        let freedom = misfit.residuals as f64;
        let known = (1.0 + NOISE_KNOWN).powi(2);
        Ok(ratio <= known * (1.0 + self.parameters_per_residual + SIGMAS * (2.0 / freedom).sqrt()))
    }
}
