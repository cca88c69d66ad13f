//! How well given parameters explain noisy chunks that they were not fitted to.

use super::error::TrainError;
use super::fit::Settings;
use super::steps::Steps;
use crate::dataset::Trajectory;
use crate::model::Lanewise;

/// What chunks say of given parameters, initial states fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviance {
    /// Of each chunk minus twice the logarithm of the likelihood, up to a constant: for Gaussian
    /// noise chi squared, in units of the noise.
    pub chunks: Vec<f64>,
    /// Which chunks the model follows.
    pub calm: Vec<bool>,
    /// Residuals less fitted initial states: what their sum should be.
    pub freedom: f64,
}

impl Deviance {
    /// Of all chunks.
    pub fn total(&self) -> f64 {
        self.chunks.iter().sum()
    }

    /// Their sum over its degrees of freedom: for Gaussian noise the mean square residual in units of
    /// the noise. 1 is perfect.
    pub fn per_freedom(&self) -> f64 {
        self.total() / self.freedom
    }
}

/// Gauss-Newton steps for initial states alone: their problem is nearly linear.
const STEPS: usize = 3;

/// How far chunks are from what given parameters predict, the initial state of each fitted; `noise`
/// is that of each component.
///
/// # Errors
/// No chunks, most rollouts diverge.
pub fn deviance<M: Lanewise>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    noise: &[f64],
    settings: &Settings,
) -> Result<Deviance, TrainError> {
    if chunks.is_empty() {
        return Err(TrainError::NoChunks);
    }
    let (steps, mut starts) = Steps::from_observed(model, theta, chunks, noise, settings);
    let loss = steps.loss(model, chunks, noise, settings);
    let unchanged = vec![0.0; theta.len()];
    for _ in 0..STEPS {
        let eliminated = loss.eliminated(theta, &starts)?;
        for (chunk, x) in eliminated.iter().zip(starts.chunks_exact_mut(model.dim())) {
            x.iter_mut().zip(chunk.start_step(&unchanged)).for_each(|(x, step)| *x += step);
        }
    }
    let eliminated = loss.eliminated(theta, &starts)?;
    if 2 * eliminated.iter().filter(|chunk| chunk.has_diverged()).count() > chunks.len() {
        return Err(TrainError::NotFinite);
    }
    Ok(Deviance {
        chunks: eliminated.iter().map(crate::loss::Eliminated::chi_squared).collect(),
        calm: eliminated.iter().map(|chunk| !chunk.is_wild()).collect(),
        freedom: eliminated.iter().map(crate::loss::Eliminated::freedom).sum(),
    })
}

/// The [`deviance`] of all chunks [over its freedom](Deviance::per_freedom).
///
/// # Errors
/// No chunks, most rollouts diverge.
pub fn held_out<M: Lanewise>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    noise: &[f64],
    settings: &Settings,
) -> Result<f64, TrainError> {
    Ok(deviance(model, theta, chunks, noise, settings)?.per_freedom())
}
