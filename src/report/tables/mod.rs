//! Result tables: what a row of each holds, and the Parquet, CSV, Markdown and LaTeX forms.
//!
//! Every row names its model, dynamics, group and basis. Times are kept in [`TimingRow`]s and in
//! the Markdown and LaTeX forms of Table 1 alone, so that all other files are the same byte for
//! byte when made again.

mod noise;
mod rows;
mod table1;

use std::path::Path;

use polars::prelude::{Column, DataFrame};

use crate::dataset::Error;
use crate::dataset::files::{self, Metadata};

pub use noise::{NoiseRow, write_noise};
pub use rows::{
    ErrorQuantileRow, Quantity, RecoveredRow, RolloutErrors, RowKey, TimingRow, TrainingEndRow,
    TrainingRow,
};
pub(in crate::report) use table1::with_deviation;
pub use table1::{Table1Row, table1_latex, table1_markdown, write_table1};

/// Something that a table is made of: one row of it, or several at a time.
pub trait Rows: Sized {
    /// The table's columns, all of the same length.
    fn columns(rows: &[Self]) -> Vec<Column>;
}

/// Makes a table of rows.
///
/// # Panics
/// If [`Rows::columns`] breaks its promise of equal lengths.
pub fn frame<R: Rows>(rows: &[R]) -> DataFrame {
    DataFrame::new_infer_height(R::columns(rows))
        .expect("the columns of a result table are equally long and differ in name")
}

/// Writes rows as Parquet with `metadata` in the footer.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write<R: Rows>(path: &Path, rows: &[R], metadata: &Metadata) -> Result<(), Error> {
    files::write_parquet(path, &mut frame(rows), metadata)
}
