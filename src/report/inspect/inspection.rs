//! What is told of a file.

use std::path::PathBuf;

use serde::Serialize;

use crate::dataset::frames::Metadata;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// Path of the file.
    pub path: PathBuf,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Number of rows.
    pub rows: usize,
    /// Key-value pairs of its footer or header.
    pub metadata: Metadata,
    /// The columns of the file, in its order.
    pub columns: Vec<ColumnSummary>,
    /// What the rows say, if the file is a table that this crate knows.
    pub highlights: Vec<Highlight>,
}

/// One column: the statistics are those of its finite numbers. Of a column that cannot be read only
/// name and type are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// Name of the column.
    pub name: String,
    /// Type of its values, as polars names it.
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
    /// What the rows are about.
    pub title: String,
    /// Names of its columns.
    pub header: Vec<String>,
    /// The rows, one text a cell.
    pub rows: Vec<Vec<String>>,
}
