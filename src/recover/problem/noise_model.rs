//! Noise in every state of the chunks, the first ones too.

use std::sync::Arc;

use crate::dataset::Trajectory;
use crate::recover::statistics::{SIGMAS, is_drift_told};
use crate::train::{Drift, NoisyStart, Settings, Starts};

/// The chunks that are fitted with all their states uncertain, and how.
pub struct NoisyChunks {
    /// Integration and weights.
    pub settings: Settings,
    /// Training chunks: those in which noise grows little, less those that what was learned does
    /// not follow.
    pub train: Vec<Trajectory>,
    /// Held-out chunks, less those that it does not follow.
    pub check: Vec<Trajectory>,
    /// Standard deviation of the noise in each component, if it was given.
    pub given: Option<Vec<f64>>,
}

/// What the learned Hamiltonian says of the noise of chunks.
pub struct NoiseModel {
    /// The chunks.
    pub chunks: Arc<NoisyChunks>,
    /// How often each state is among the training chunks, on average: what they say together they
    /// say so often.
    pub(crate) redundancy: f64,
    /// Standard deviation of the noise in each component, as given or estimated.
    pub noise: Vec<f64>,
    /// Chi squared of the learned Hamiltonian on the training chunks, in units of that noise.
    pub chi_squared: f64,
    /// Its degrees of freedom.
    pub freedom: f64,
    /// Variance of its parameters by the noise over that by the scatter of the chunks.
    pub(crate) efficiency: f64,
    /// Number of its parameters that the data determine.
    pub rank: usize,
    /// The initial states of the training chunks that it finds.
    pub starts: Vec<f64>,
    /// Whether its fit has settled.
    pub(crate) converged: bool,
    /// Which training chunks it follows.
    pub(crate) calm: Vec<bool>,
    /// Mean square of what its residuals have that is quadratic in time, in units of the noise, and
    /// its number: one where no force is missed.
    pub(crate) drift: Drift,
    /// Minus twice its log-likelihood on all held-out chunks, and which of them it follows.
    pub(crate) held_out: f64,
    pub(crate) check_calm: Vec<bool>,
}

impl NoiseModel {
    /// Root mean square of the noise in units of the weights.
    pub fn unit(&self) -> f64 {
        let squares = self.noise.iter().zip(&self.chunks.settings.weights).map(|(s, w)| s * s * w);
        (squares.sum::<f64>() / self.noise.len().max(1) as f64).sqrt()
    }

    /// Where the fit of another model to the same chunks begins.
    pub fn start(&self, theta: Vec<f64>) -> NoisyStart {
        self.start_of(theta, |_| true)
    }

    /// Where a fit to those of the chunks begins that are kept, by number.
    pub fn start_of(&self, theta: Vec<f64>, keep: impl Fn(usize) -> bool) -> NoisyStart {
        let starts =
            self.starts.chunks(self.noise.len()).enumerate().filter(|(chunk, _)| keep(*chunk));
        let starts = starts.flat_map(|(_, start)| start.iter().copied()).collect();
        NoisyStart { theta, found: Some(Starts { states: starts, noise: self.noise.clone() }) }
    }

    /// Where a fit to these chunks and others begins; the others start where they are observed.
    pub fn start_with(&self, theta: Vec<f64>, more: &[Trajectory]) -> NoisyStart {
        let observed = more.iter().flat_map(|chunk| chunk.states.row(0).to_vec());
        NoisyStart {
            theta,
            found: Some(Starts {
                states: self.starts.iter().copied().chain(observed).collect(),
                noise: self.noise.clone(),
            }),
        }
    }

    /// By which factor the variance of constants is above that from noise that is new in every
    /// point: by how much the residuals are above the noise, or, beyond chance, the scatter of the
    /// chunks above what the noise makes it (Liang & Zeger 1986): what a law lacks is alike in
    /// neighbouring points. Times how often the chunks say the same.
    pub fn dispersion(&self) -> f64 {
        let scores = (self.chunks.train.len() * self.rank).max(1) as f64;
        let chance = 1.0 + SIGMAS * (2.0 / scores).sqrt();
        let scatter = Some(self.efficiency.recip()).filter(|x| *x > chance).unwrap_or(1.0);
        self.redundancy * (self.chi_squared / self.freedom).max(scatter).max(1.0)
    }

    /// Whether it can be said that a law leaves more than noise: in chunks of two or three points
    /// it can't.
    pub fn drift_is_known(&self) -> bool {
        is_drift_told(self.drift.count, &self.chunks.train, self.noise.len())
    }

    /// Root mean square residual, in units of the weights, that goes with a chi squared of the
    /// training chunks.
    pub fn misfit(&self, chi_squared: f64) -> f64 {
        self.unit() * (chi_squared / self.freedom).sqrt()
    }
}
