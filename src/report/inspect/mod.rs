//! What Parquet files hold: schema, metadata, statistics, and the results themselves in a form to
//! read.

mod cells;
mod highlights;
mod inspection;
mod text;

use std::collections::BTreeSet;
use std::path::Path;

use polars::prelude::Column;

use crate::dataset::DatasetError;
use crate::dataset::frames::{self, ParquetColumn, ParquetSummary};
use cells::{numbers, words};

pub use inspection::{ColumnSummary, Highlight, Inspection};
pub use text::{as_csv, as_text};

/// Different words of a column of text that are listed at most.
const WORDS_LISTED: usize = 6;

/// Reads a Parquet file and sums it up.
///
/// # Errors
/// [`DatasetError`] when the file is missing or is not Parquet.
pub fn inspect(path: &Path) -> Result<Inspection, DatasetError> {
    let summary = frames::parquet_summary(path)?;
    let readable: Vec<String> = summary
        .columns
        .iter()
        .filter(|column| ParquetSummary::is_readable(&column.dtype))
        .map(|column| column.name.clone())
        .collect();
    let (frame, metadata) = frames::read_parquet(path, Some(&readable))?;
    let columns = summary.columns.into_iter().map(|ParquetColumn { name, dtype }| {
        match frame.column(&name) {
            Ok(column) => summarise(column),
            Err(_) => ColumnSummary { name, dtype, ..ColumnSummary::default() },
        }
    });
    let (columns, highlights) = (columns.collect(), highlights::of(&frame));
    Ok(Inspection {
        path: path.into(),
        bytes: summary.bytes,
        rows: summary.rows,
        metadata,
        columns,
        highlights,
    })
}

fn summarise(column: &Column) -> ColumnSummary {
    let numbers = numbers(column);
    let finite = || numbers.iter().flatten().copied().filter(|x| x.is_finite());
    let count = finite().count();
    let found = |value: f64| (count > 0).then_some(value);
    ColumnSummary {
        name: column.name().to_string(),
        dtype: column.dtype().to_string(),
        nulls: Some(column.null_count()),
        non_finite: Some(numbers.iter().flatten().filter(|x| !x.is_finite()).count()),
        min: found(finite().fold(f64::INFINITY, f64::min)),
        mean: found(finite().map(|x| x / count as f64).sum()),
        max: found(finite().fold(f64::NEG_INFINITY, f64::max)),
        words: words(column)
            .into_iter()
            .flatten()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .take(WORDS_LISTED)
            .collect(),
    }
}
