//! A trained model under other gravity than that of its training.

use ndarray::s;
use serde::{Deserialize, Serialize};

use super::data::Data;
use super::error::ExperimentError;
use super::evaluation::{Precision, Steps, roll_out, roll_out_precisely};
use super::gravity::{Change, GravityTest};
use crate::evaluate::mean_relative_distance;
use crate::model::Model;
use crate::parallel;

/// Number of this code, and of what makes its tests: whoever changes what is tested raises it, and
/// work saved before is done again.
pub(super) const REVISION: u32 = 2;

/// How a model does under other gravity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Transfer {
    /// Whether the model takes gravity as an input and was given the new one; else it could not
    /// know.
    pub takes_gravity: bool,
    /// The model's errors.
    pub tests: Vec<TransferError>,
}

/// The error of a model under one gravity.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct TransferError {
    /// What is changed.
    pub change: Change,
    /// Angle in degrees, or ratio of strengths.
    pub value: f64,
    /// Geometric mean, over times and test trajectories, of the state's relative error.
    pub error: f64,
    /// The same of the truth with half as many steps.
    pub truth_error: f64,
}

/// How rollouts are integrated.
pub(super) enum Stepping {
    /// With steps chosen for each test.
    Chosen(Precision),
    /// With those of the model's own test, which are short enough for its motion there: networks
    /// are off by thousandths at best, and orders of magnitude are compared.
    Known(Steps),
}

/// Tests a trained model under every other gravity.
///
/// # Errors
/// [`ExperimentError::Scalars`], [`ExperimentError::Integrate`]; neither in practice.
pub(super) fn transfer<M: Model + Clone>(
    model: &M,
    theta: &[f64],
    data: &Data,
    stepping: &Stepping,
) -> Result<Transfer, ExperimentError> {
    let one = |test: &GravityTest| {
        let mut model = model.clone();
        let takes_gravity = model.set_inputs(&data.inputs_under(test.gravity)?)?;
        let initial = test.truth.slice(s![.., 0, ..]).to_owned();
        let predicted = match stepping {
            Stepping::Known(steps) => roll_out(&model, theta, initial.view(), steps),
            Stepping::Chosen(precision) => {
                roll_out_precisely(&model, theta, &initial, &test.truth, *precision)?.0
            }
        };
        let error = mean_relative_distance(&predicted, &test.truth);
        let GravityTest { change, value, truth_error, .. } = *test;
        Ok((takes_gravity, TransferError { change, value, error, truth_error }))
    };
    // Side by side: a test has few trajectories.
    let tests: Result<Vec<_>, ExperimentError> =
        parallel::map_slice(data.gravity_tests()?, one).into_iter().collect();
    let (takes, tests): (Vec<bool>, Vec<TransferError>) = tests?.into_iter().unzip();
    Ok(Transfer { takes_gravity: takes.contains(&true), tests })
}
