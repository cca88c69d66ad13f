//! What is known, and what is found, of the noise in the data.

use ndarray::Axis;

use crate::dataset::Trajectory;
use crate::train::states;

/// What is known of the noise in the data.
#[derive(Clone, Debug, PartialEq)]
pub enum Noise {
    /// Nothing: that of each component is estimated along with the law.
    Auto,
    /// There is none.
    None,
    /// Its standard deviation in each component (column of the table) in units of that component's
    /// own standard deviation over the training chunks: 0.01 is 1 % of the spread of each. To be
    /// known to 5 %.
    Sigma(f64),
    /// Its standard deviation in each component, in the data's units; to be known to 5 %.
    Each(Vec<f64>),
}

impl Noise {
    /// Its standard deviation in each component, in the data's units, if it is known.
    pub(crate) fn known(&self, train: &[Trajectory]) -> Option<Vec<f64>> {
        match self {
            Self::Sigma(sigma) => Some((states(train).std_axis(Axis(0), 0.0) * *sigma).to_vec()),
            Self::Each(noise) => Some(noise.clone()),
            Self::Auto | Self::None => None,
        }
    }
}

/// What was found of the noise.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseFound {
    /// Its standard deviation in each component of the state, in the data's units.
    pub deviation: Vec<f64>,
    /// Whether that was given.
    pub given: bool,
    /// The Cramer-Rao bound for the variance of the constants over what the scatter of the chunks
    /// says it is, see [`NoisyFit::efficiency`](crate::train::NoisyFit::efficiency); unknown where they
    /// could not be fitted.
    pub efficiency: Option<f64>,
    /// Residuals of more than [`OUTLIER`](crate::train::OUTLIER) standard deviations.
    pub outliers: usize,
}
