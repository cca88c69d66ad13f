//! Whether a closed form explains the data down to their noise or to the error of integration.

use crate::dataset::Trajectory;
use crate::model::Lanewise;
use crate::recover::error::RecoverError;
use crate::recover::noise::Noise;
use crate::recover::statistics::{Misfit, NOISE_KNOWN, SIGMAS};
use crate::train;
use crate::train::Settings;

/// Largest error of held-out rollouts, relative to the data's spread, of an exact law where
/// integration is accurate, and where it is not.
const EXACT: (f64, f64) = (1e-8, 1e-7);

/// Differences of this size between a closed form and the learned Hamiltonian are roundoff.
const ROUNDOFF: f64 = 1e-11;

/// What decides besides the misfits.
pub(crate) struct Circumstances<'a> {
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
