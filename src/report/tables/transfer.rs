//! Errors of trained models under other gravity than that of their training.

use polars::prelude::Column;

use super::frame::Rows;
use super::rows::{RowKey, column, key_columns};

/// A trained model under one gravity: a row of `transfer.parquet`.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRow {
    /// The model.
    pub key: RowKey,
    /// Seed of data and model.
    pub seed: u64,
    /// What is changed: `frame` (the direction of gravity and the starting states with it),
    /// `direction` (that of gravity alone) or `strength`.
    pub change: String,
    /// Angle of gravity from that of the training in degrees, or its strength in units of that of
    /// the training.
    pub value: f64,
    /// Whether the model takes gravity as an input and was given the new one.
    pub takes_gravity: bool,
    /// Geometric mean, over times and test trajectories, of the state's relative error.
    pub state_error: f64,
    /// The same of the truth with half as many steps of the integrator, which no model can be shown
    /// to be better than.
    pub truth_error: f64,
}

impl Rows for TransferRow {
    fn columns(rows: &[Self]) -> Vec<Column> {
        let mut columns = key_columns(rows, |row| &row.key);
        columns.extend([
            column("seed", rows, |row| row.seed),
            column("change", rows, |row| row.change.as_str()),
            column("value", rows, |row| row.value),
            column("takes_gravity", rows, |row| row.takes_gravity),
            column("state_error", rows, |row| row.state_error),
            column("truth_error", rows, |row| row.truth_error),
        ]);
        columns
    }
}
