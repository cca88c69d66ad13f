//! Tables of rows, and their files.

use std::path::Path;

use polars::prelude::{Column, DataFrame};

use crate::dataset::DatasetError;
use crate::dataset::frames::{self, Metadata};

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
/// [`DatasetError::Unwritable`].
pub fn write<R: Rows>(path: &Path, rows: &[R], metadata: &Metadata) -> Result<(), DatasetError> {
    frames::write_parquet(path, &mut frame(rows), metadata)
}
