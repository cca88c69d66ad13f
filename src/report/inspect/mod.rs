//! What files hold: schema, metadata, statistics, and the results themselves in a form to read.

mod cells;
mod highlights;
mod inspection;
mod survey;
mod text;

use std::collections::BTreeSet;
use std::path::Path;

use polars::prelude::Column;

use crate::dataset::frames::{self, ColumnStatistics, ParquetColumn, ParquetSummary};
use crate::dataset::{DatasetError, Format, ReadOptions};
use cells::{numbers, words};

pub use inspection::{ColumnSummary, Highlight, Inspection};
pub use survey::survey_text;
pub use text::{as_csv, as_text};

/// Different words of a column of text that are listed at most.
const WORDS_LISTED: usize = 6;

/// Reads a table in any format and sums it up; of trajectories, read with these options, also runs,
/// spacing and gaps.
///
/// # Errors
/// [`DatasetError`] when the file can't be read. One that holds no trajectories is none.
pub fn inspect_table(path: &Path, options: &ReadOptions) -> Result<Inspection, DatasetError> {
    let mut inspection = match frames::format_of(path) {
        Some(Format::Parquet) => inspect(path)?,
        _ => inspect_columns(path)?,
    };
    if inspection.highlights.is_empty() {
        inspection.highlights.push(survey::highlight(path, options));
    }
    Ok(inspection)
}

fn inspect_columns(path: &Path) -> Result<Inspection, DatasetError> {
    let (kind, rows, columns, mut metadata) = frames::column_statistics(path)?;
    let bytes = std::fs::metadata(path)
        .map_err(|source| DatasetError::Unreadable { path: path.into(), source })?
        .len();
    metadata.insert("format".into(), kind);
    let columns = columns.into_iter().map(|column| {
        let ColumnStatistics { name, is_numeric, nulls, non_finite, count, min, mean, max, .. } =
            column;
        let found = |value: f64| (count > 0).then_some(value);
        ColumnSummary {
            name,
            dtype: if is_numeric { "number" } else { "text" }.into(),
            nulls: is_numeric.then_some(nulls),
            non_finite: is_numeric.then_some(non_finite),
            min: found(min),
            mean: found(mean),
            max: found(max),
            words: Vec::new(),
        }
    });
    let columns = columns.collect();
    Ok(Inspection { path: path.into(), bytes, rows, metadata, columns, highlights: Vec::new() })
}

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
