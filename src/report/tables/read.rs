//! Result tables, read again.

use std::path::Path;

use polars::prelude::{Column, DataFrame, PolarsError, PolarsResult, StringChunked};

use super::rows::{ErrorQuantileRow, QUANTILES, Quantity, RowKey};
use crate::dataset::{DatasetError, Format, frames};

/// Reads `error_quantiles.parquet`.
///
/// # Errors
/// [`DatasetError`] for a file that can't be read, or is another table.
pub fn read_error_quantiles(path: &Path) -> Result<Vec<ErrorQuantileRow>, DatasetError> {
    let (frame, _) = frames::read_parquet(path, None)?;
    let other = |error: PolarsError| DatasetError::Corrupt {
        path: path.into(),
        format: Format::Parquet,
        reason: format!("no table of quantiles of errors: {error}"),
    };
    let rows = error_quantiles(&frame).map_err(other)?;
    if rows.len() < frame.height() || rows.is_empty() {
        return Err(DatasetError::Corrupt {
            path: path.into(),
            format: Format::Parquet,
            reason: "the table of quantiles of errors has no rows, or cells without a value".into(),
        });
    }
    Ok(rows)
}

fn error_quantiles(frame: &DataFrame) -> PolarsResult<Vec<ErrorQuantileRow>> {
    let column = |name: &str| frame.column(name).map(Column::as_materialized_series);
    let words = |name: &str| column(name)?.str();
    let numbers = |name: &str| column(name)?.f64();
    let (model, dynamics, group) = (words("model")?, words("dynamics")?, words("group")?);
    let (basis, quantity) = (words("basis")?, words("quantity")?);
    let (seed, t, mean) = (column("seed")?.u64()?, numbers("t")?, numbers("geometric_mean")?);
    let quantiles = QUANTILES.into_iter().map(numbers).collect::<PolarsResult<Vec<_>>>()?;
    let row = |i: usize| {
        let word = |column: &StringChunked| column.get(i).map(String::from);
        let quantity = quantity.get(i)?;
        Some(ErrorQuantileRow {
            key: RowKey {
                model: word(model)?,
                dynamics: word(dynamics)?,
                group: word(group)?,
                basis: word(basis)?,
            },
            seed: seed.get(i)?,
            t: t.get(i)?,
            quantity: Quantity::ALL.into_iter().find(|q| q.name() == quantity)?,
            geometric_mean: mean.get(i)?,
            quantiles: quantiles
                .iter()
                .map(|column| column.get(i))
                .collect::<Option<Vec<f64>>>()?
                .try_into()
                .ok()?,
        })
    };
    Ok((0..frame.height()).filter_map(row).collect())
}
