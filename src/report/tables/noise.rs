//! Error of fits against the noise of their data.

use std::path::Path;

use polars::prelude::Column;

use super::frame::{Rows, frame};
use super::rows::column;
use crate::dataset::DatasetError;
use crate::dataset::files;
use crate::dataset::frames::{self, Metadata};

/// A model at one level of noise: a row of `noise`.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseRow {
    /// The model, or the Cramer-Rao bound.
    pub model: String,
    /// Standard deviation of the noise in units of that of each column.
    pub noise: f64,
    /// Number of parameters; the largest over draws.
    pub parameters: u64,
    /// Draws of the noise; none for the bound.
    pub seeds: u64,
    /// Geometric mean of the state's relative error over times and test rollouts; median over draws
    /// of the noise.
    pub error: f64,
    /// The lowest `error` of a draw.
    pub lowest: f64,
    /// The highest `error` of a draw.
    pub highest: f64,
    /// The error that the bound predicts, over the median error.
    pub efficiency: Option<f64>,
    /// The variance of the constants that the bound predicts, over their mean squared error in the
    /// same units, all draws together.
    pub variance_efficiency: Option<f64>,
    /// Draws from which the true form was read off; in the others the true form was given.
    pub recovered: Option<u64>,
}

impl Rows for NoiseRow {
    fn columns(rows: &[Self]) -> Vec<Column> {
        vec![
            column("model", rows, |row| row.model.as_str()),
            column("noise", rows, |row| row.noise),
            column("parameters", rows, |row| row.parameters),
            column("seeds", rows, |row| row.seeds),
            column("error", rows, |row| row.error),
            column("lowest", rows, |row| row.lowest),
            column("highest", rows, |row| row.highest),
            column("efficiency", rows, |row| row.efficiency),
            column("variance_efficiency", rows, |row| row.variance_efficiency),
            column("recovered", rows, |row| row.recovered),
        ]
    }
}

/// Writes `noise.parquet`, `.csv` and `.md` into a folder.
///
/// # Errors
/// [`DatasetError::Unwritable`].
pub fn write_noise(
    folder: &Path,
    rows: &[NoiseRow],
    metadata: &Metadata,
) -> Result<(), DatasetError> {
    let mut table = frame(rows);
    frames::write_parquet(&folder.join("noise.parquet"), &mut table, metadata)?;
    frames::write_csv(&folder.join("noise.csv"), &mut table)?;
    files::write_text(&folder.join("noise.md"), &markdown(rows))
}

fn markdown(rows: &[NoiseRow]) -> String {
    let mut text = String::from(
        "| Noise | Model | Parameters | State error, median | Range | Bound / error | Bound / variance of constants | Form recovered |\n\
         | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    let share = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
    for row in rows {
        let range = if row.seeds > 1 {
            format!("{:.1e} to {:.1e}", row.lowest, row.highest)
        } else {
            String::new()
        };
        let recovered = row.recovered.map_or_else(String::new, |n| format!("{n} of {}", row.seeds));
        let (efficiency, variance) = (share(row.efficiency), share(row.variance_efficiency));
        text += &format!(
            "| {:.0} % | {} | {} | {:.2e} | {range} | {efficiency} | {variance} | {recovered} |\n",
            100.0 * row.noise,
            row.model,
            row.parameters,
            row.error
        );
    }
    text
}
