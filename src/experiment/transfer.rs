//! A trained model under other gravity than that of its training.

use ndarray::s;
use serde::{Deserialize, Serialize};

use super::data::Data;
use super::error::ExperimentError;
use super::evaluation::{Precision, roll_out};
use super::gravity::Change;
use crate::evaluate::mean_relative_distance;
use crate::model::Model;

/// Number of this code, and of what makes its tests: whoever changes what is tested raises it, and
/// work saved before is done again.
pub(super) const REVISION: u32 = 1;

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

/// Tests a trained model under every other gravity; it is left as it was.
///
/// # Errors
/// [`ExperimentError::Scalars`], [`ExperimentError::Integrate`]; neither in practice.
pub(super) fn transfer<M: Model>(
    model: &mut M,
    theta: &[f64],
    data: &Data,
    precision: Precision,
) -> Result<Transfer, ExperimentError> {
    let mut transfer = Transfer::default();
    for test in data.gravity_tests()? {
        transfer.takes_gravity = model.set_inputs(&data.inputs_under(test.gravity)?)?;
        let initial = test.truth.slice(s![.., 0, ..]).to_owned();
        let (predicted, _) = roll_out(model, theta, &initial, &test.truth, precision)?;
        transfer.tests.push(TransferError {
            change: test.change,
            value: test.value,
            error: mean_relative_distance(&predicted, &test.truth),
            truth_error: test.truth_error,
        });
    }
    model.set_inputs(&data.inputs()?)?;
    Ok(transfer)
}
