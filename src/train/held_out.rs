//! How well given parameters explain noisy chunks that they were not fitted to.

use super::{Error, Settings};
use crate::dataset::Trajectory;
use crate::loss::RolloutLoss;
use crate::model::Lanewise;

/// What chunks say of given parameters, initial states fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviance {
    /// Of each chunk minus twice the logarithm of the likelihood, up to a constant: for Gaussian noise chi squared, in units of the noise.
    pub chunks: Vec<f64>,
    /// Residuals less fitted initial states: what their sum should be.
    pub freedom: f64,
}

impl Deviance {
    /// Of all chunks.
    pub fn total(&self) -> f64 {
        self.chunks.iter().sum()
    }

    /// Their sum over what it should be: for Gaussian noise the mean square residual in units of the noise. 1 is perfect.
    pub fn per_freedom(&self) -> f64 {
        self.total() / self.freedom
    }
}

/// Gauss-Newton steps for initial states alone: their problem is nearly linear.
const STEPS: usize = 3;

/// How far chunks are from what given parameters predict, the initial state of each fitted; `noise` is that of each component.
///
/// # Errors
/// No chunks, a rollout that diverges.
pub fn deviance<M: Lanewise>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    noise: &[f64],
    settings: &Settings,
) -> Result<Deviance, Error> {
    if chunks.is_empty() {
        return Err(Error::NoChunks);
    }
    let weights: Vec<f64> = noise.iter().map(|s| 1.0 / (s * s)).collect();
    let loss = RolloutLoss::new(model, chunks, &weights, settings.rollout.clone());
    let mut starts = loss.observed_starts();
    for _ in 0..STEPS {
        let eliminated = loss.eliminated(theta, &starts).map_err(|_| Error::NotFinite)?;
        for (chunk, x) in eliminated.iter().zip(starts.chunks_exact_mut(model.dim())) {
            for (x, row) in x.iter_mut().zip(chunk.inverse.rows()) {
                *x -= row.iter().zip(&chunk.offset).map(|(r, g)| r * g).sum::<f64>();
            }
        }
    }
    let eliminated = loss.eliminated(theta, &starts).map_err(|_| Error::NotFinite)?;
    Ok(Deviance {
        chunks: eliminated.iter().map(crate::loss::Eliminated::chi_squared).collect(),
        freedom: eliminated.iter().map(crate::loss::Eliminated::freedom).sum(),
    })
}

/// The [`deviance`] of all chunks [over its freedom](Deviance::per_freedom).
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
    Ok(deviance(model, theta, chunks, noise, settings)?.per_freedom())
}
