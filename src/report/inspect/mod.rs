//! What Parquet files hold: schema, metadata, statistics, and the results themselves in a form to
//! read.

mod highlights;
mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use polars::prelude::{Column, DataFrame, DataType};
use serde::Serialize;

use crate::dataset::Error;
use crate::dataset::files::{self, Metadata, ParquetSummary};

pub use text::{as_csv, as_text};

/// Different words of a column of text that are listed at most.
const WORDS_LISTED: usize = 6;

/// One Parquet file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Number of rows.
    pub rows: usize,
    /// Key-value pairs of its footer.
    pub metadata: Metadata,
    /// Its columns, in the file's order.
    pub columns: Vec<ColumnSummary>,
    /// What its rows say, if it is a table that this crate knows.
    pub highlights: Vec<Highlight>,
}

/// One column: the statistics are those of its finite numbers. Of a column that cannot be read only
/// name and type are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// Name.
    pub name: String,
    /// Type.
    pub dtype: String,
    /// Number of nulls.
    pub nulls: Option<usize>,
    /// Number of NaNs and infinities.
    pub non_finite: Option<usize>,
    /// Least finite number.
    pub min: Option<f64>,
    /// Mean of the finite numbers.
    pub mean: Option<f64>,
    /// Largest finite number.
    pub max: Option<f64>,
    /// For text: the first few of its different words, in alphabetical order.
    pub words: Vec<String>,
}

/// A small table to print.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Highlight {
    /// What it is.
    pub title: String,
    /// Names of its columns.
    pub header: Vec<String>,
    /// Its rows, one text a cell.
    pub rows: Vec<Vec<String>>,
}

/// Reads a Parquet file and sums it up.
///
/// # Errors
/// Those of [`files::read_parquet`].
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    let summary = files::parquet_summary(path)?;
    let readable: Vec<String> = summary
        .columns
        .iter()
        .filter(|(_, dtype)| ParquetSummary::is_readable(dtype))
        .map(|(name, _)| name.clone())
        .collect();
    let (frame, metadata) = files::read_parquet(path, Some(&readable))?;
    let columns = summary.columns.into_iter().map(|(name, dtype)| match frame.column(&name) {
        Ok(column) => summarise(column),
        Err(_) => ColumnSummary { name, dtype, ..ColumnSummary::default() },
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

/// The cells of a column of numbers; nothing for other columns.
fn numbers(column: &Column) -> Vec<Option<f64>> {
    if !column.dtype().is_primitive_numeric() {
        return Vec::new();
    }
    let cast = column.cast(&DataType::Float64);
    cast.iter().flat_map(|column| column.f64().into_iter().flat_map(|cells| cells.iter())).collect()
}

/// The cells of a column of text; nothing for other columns.
fn words(column: &Column) -> Vec<Option<String>> {
    column
        .str()
        .into_iter()
        .flat_map(|cells| cells.iter().map(|cell| cell.map(String::from)))
        .collect()
}

/// Whether a table has all these columns.
fn has(frame: &DataFrame, names: &[&str]) -> bool {
    names.iter().all(|name| frame.column(name).is_ok())
}
