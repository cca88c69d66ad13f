//! Data frames of polars in files: Parquet with metadata in its footer, CSV.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use polars_io::SerWriter;
use polars_io::prelude::{CsvWriter, KeyValueMetadata, ParquetCompression, ParquetWriter};

pub use super::parquet::{Metadata, ParquetColumn, ParquetSummary, parquet_summary, read_parquet};
pub use super::paths::format_of;
use super::paths::{collect, has_ending, table_files};
pub use super::statistics::{ColumnStatistics, column_statistics};
use crate::dataset::DatasetError;
use crate::dataset::files::write_atomically;

/// Writes a table as Parquet (zstd) with `metadata` in its footer: same table, same bytes.
///
/// # Errors
/// [`DatasetError::Unwritable`].
pub fn write_parquet(
    path: &Path,
    frame: &mut DataFrame,
    metadata: &Metadata,
) -> Result<(), DatasetError> {
    let pairs = metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    frame.rechunk_mut();
    // Through memory: polars does not pass on why a file can't be written.
    let mut bytes = Vec::new();
    let writer = ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .set_parallel(false);
    let written =
        writer.with_key_value_metadata(Some(KeyValueMetadata::from_static(pairs))).finish(frame);
    written.map_err(|error| DatasetError::Unwritable {
        path: path.into(),
        source: io::Error::other(error),
    })?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// Writes a table as CSV with a header.
///
/// # Errors
/// [`DatasetError::Unwritable`].
pub fn write_csv(path: &Path, frame: &mut DataFrame) -> Result<(), DatasetError> {
    frame.rechunk_mut();
    let mut bytes = Vec::new();
    let written = CsvWriter::new(&mut bytes).finish(frame);
    written.map_err(|error| DatasetError::Unwritable {
        path: path.into(),
        source: io::Error::other(error),
    })?;
    write_atomically(path, |file| file.write_all(&bytes))
}

/// The files that are to be inspected at `path`: itself, those that a pattern fits, or below a
/// folder all Parquet files, or where there is none all other tables; by name.
///
/// # Errors
/// [`DatasetError`] for what is no table, or where there is none.
pub fn files_to_inspect(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let mut found = Vec::new();
    if path.is_dir() {
        let is_wanted = |file: &Path, is_folder: bool| is_folder || has_ending(file, "parquet");
        collect(path, &is_wanted, &mut found)
            .map_err(|source| DatasetError::Unreadable { path: path.into(), source })?;
    }
    if found.is_empty() {
        found = table_files(path)?.into_iter().map(|(file, _)| file).collect();
    }
    Ok(found)
}
