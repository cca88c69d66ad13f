//! Data frames of polars in files: Parquet with metadata in its footer, CSV.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use polars_io::SerWriter;
use polars_io::prelude::{CsvWriter, KeyValueMetadata, ParquetCompression, ParquetWriter};

pub use super::parquet::{Metadata, ParquetColumn, ParquetSummary, parquet_summary, read_parquet};
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

/// The Parquet files at `path`: itself, or all below a folder, by name.
///
/// # Errors
/// [`DatasetError::Unreadable`], [`DatasetError::UnknownExtension`] for a file of another kind,
/// [`DatasetError::NothingFound`] for a folder without any.
pub fn parquet_files(path: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    if !fs::metadata(path)
        .map_err(|source| DatasetError::Unreadable { path: path.into(), source })?
        .is_dir()
    {
        return if is_parquet(path) {
            Ok(vec![path.into()])
        } else {
            Err(DatasetError::UnknownExtension { path: path.into(), accepted: ".parquet" })
        };
    }
    let mut found = Vec::new();
    collect_parquet(path, &mut found)
        .map_err(|source| DatasetError::Unreadable { path: path.into(), source })?;
    if found.is_empty() {
        Err(DatasetError::NothingFound { path: path.into(), accepted: ".parquet" })
    } else {
        Ok(found)
    }
}

fn collect_parquet(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        // Links to folders are not followed: they may lead round in a circle.
        if entry.file_type()?.is_dir() {
            collect_parquet(&entry.path(), found)?;
        } else if is_parquet(&entry.path()) {
            found.push(entry.path());
        }
    }
    Ok(())
}

fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}
