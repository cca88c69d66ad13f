//! The prior of a fit to noisy chunks, and where it starts.

use super::error::TrainError;

/// What is known of the noise and of the parameters before the data are seen.
#[derive(Clone, Debug, Default)]
pub struct Prior {
    /// Standard deviation of the noise in each component of the state, in the data's units;
    /// estimated when not given.
    pub noise: Option<Vec<f64>>,
    /// Inverse standard deviation of each parameter about zero; none means that nothing is known of
    /// them.
    pub precision: Option<Vec<f64>>,
}

impl Prior {
    /// Checks the numbers for a model of `parameters` parameters and `dim` components of the state.
    pub(super) fn check(&self, dim: usize, parameters: usize) -> Result<(), TrainError> {
        let noise = ("noise", "component", &self.noise, dim, "a positive number");
        let precision =
            ("precision", "parameter", &self.precision, parameters, "zero or a positive number");
        for (what, of, numbers, expected, accepted) in [noise, precision] {
            let Some(numbers) = numbers else { continue };
            if numbers.len() != expected {
                return Err(TrainError::PriorLength { what, of, found: numbers.len(), expected });
            }
            let fits = |x: f64| x.is_finite() && (x > 0.0 || (x == 0.0 && what == "precision"));
            if let Some(index) = numbers.iter().position(|&x| !fits(x)) {
                return Err(TrainError::Prior { what, of, index, value: numbers[index], accepted });
            }
        }
        Ok(())
    }
}

/// Initial states and noise, as a fit finds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Starts {
    /// Initial states, chunk by chunk, each of as many components as a state.
    pub states: Vec<f64>,
    /// Standard deviation of the noise in each component of the state, in the data's units.
    pub noise: Vec<f64>,
}

/// Where a fit of noisy chunks begins.
#[derive(Clone, Debug, Default)]
pub struct NoisyStart {
    /// Parameters that the fit starts from.
    pub theta: Vec<f64>,
    /// What an earlier fit found; without it initial states are those that are observed, and the
    /// noise is not known.
    pub found: Option<Starts>,
}

impl NoisyStart {
    /// Checks the numbers for chunks of `dim` components of the state.
    pub(super) fn check(&self, dim: usize, chunks: usize) -> Result<(), TrainError> {
        let Some(Starts { states, noise }) = &self.found else { return Ok(()) };
        for (what, of, found, expected) in [
            ("initial states", "component of each chunk", states.len(), dim * chunks),
            ("noise", "component", noise.len(), dim),
        ] {
            if found != expected {
                return Err(TrainError::PriorLength { what, of, found, expected });
            }
        }
        let fits = |x: &f64| x.is_finite() && *x > 0.0;
        match noise.iter().position(|x| !fits(x)) {
            None => Ok(()),
            Some(index) => Err(TrainError::Prior {
                what: "noise",
                of: "component",
                index,
                value: noise[index],
                accepted: "a positive number",
            }),
        }
    }
}

impl From<Vec<f64>> for NoisyStart {
    fn from(theta: Vec<f64>) -> Self {
        Self { theta, found: None }
    }
}
