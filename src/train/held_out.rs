//! How well given parameters explain noisy chunks that they were not fitted to.

use super::error::TrainError;
use super::fit::Settings;
use super::steps::Steps;
use crate::dataset::Trajectory;
use crate::model::Lanewise;

/// How well a model of given parameters explains chunks, the initial state of each fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Deviance {
    /// Minus twice the logarithm of each chunk's likelihood, up to a constant: for Gaussian noise
    /// the chunk's chi squared, the sum of its squared residuals in units of the noise.
    pub chunks: Vec<f64>,
    /// Whether the model follows each chunk; the others, close encounters mostly, are far off in
    /// several components at once.
    pub calm: Vec<bool>,
    /// Degrees of freedom of all chunks: the number of residuals less that of fitted components of
    /// initial states. It is what [`total`](Self::total) has as its mean when the model is right.
    pub degrees_of_freedom: f64,
}

impl Deviance {
    /// The deviance of all chunks together.
    pub fn total(&self) -> f64 {
        self.chunks.iter().sum()
    }

    /// The deviance per degree of freedom: for Gaussian noise the reduced chi squared, whose mean
    /// is 1 when model and noise are right.
    pub fn per_degree_of_freedom(&self) -> f64 {
        self.total() / self.degrees_of_freedom
    }
}

/// Gauss-Newton steps for initial states alone: their problem is nearly linear.
const STEPS: usize = 3;

/// How far `chunks` are from what the model predicts with parameters `theta`, the initial state of
/// each fitted. `noise` is the standard deviation of the noise of each component of the state, in
/// the data's units.
///
/// # Errors
/// [`TrainError::NoChunks`]; [`TrainError::NotFinite`] when most rollouts diverge.
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
        degrees_of_freedom: eliminated
            .iter()
            .map(crate::loss::Eliminated::degrees_of_freedom)
            .sum(),
    })
}

/// The [`deviance`] of all chunks [per degree of freedom](Deviance::per_degree_of_freedom), with
/// the same arguments and errors.
pub fn held_out<M: Lanewise>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    noise: &[f64],
    settings: &Settings,
) -> Result<f64, TrainError> {
    Ok(deviance(model, theta, chunks, noise, settings)?.per_degree_of_freedom())
}
