//! Files written whole or not at all, and Parquet with metadata in its footer.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use polars::prelude::{DataFrame, PolarsError, PolarsResult};
use polars_io::prelude::{CsvWriter, KeyValueMetadata, ParallelStrategy, ParquetCompression, ParquetReader, ParquetWriter};
use polars_io::{SerReader, SerWriter};

use super::pages::{self, Claim};
use super::{Error, Format, narrow};

/// Key-value pairs in the footer of a Parquet file.
pub type Metadata = BTreeMap<String, String>;

/// The arrow library's own footer entry: no provenance.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// More rows than this per byte of a file are taken for damage: no encoding of increasing times is as dense.
const ROWS_PER_BYTE: usize = 4096;

/// Characters of a reader's own message that are passed on.
const LONGEST_REASON: usize = 200;

/// What the footer of a Parquet file tells.
#[derive(Clone, Debug, PartialEq)]
pub struct ParquetSummary {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Number of rows.
    pub rows: usize,
    /// Name and type of each column, in the file's order.
    pub columns: Vec<(String, String)>,
    /// Key-value pairs.
    pub metadata: Metadata,
}

/// Types of columns that can be read with the features that polars is built with here.
const READABLE: [&str; 8] = ["Int32", "Int64", "UInt32", "UInt64", "Float32", "Float64", "Utf8View", "Boolean"];

/// Whether a column of this type is read once it is marked as wider.
fn is_narrow(dtype: &str) -> bool {
    narrow::NARROW.contains(&dtype)
}

impl ParquetSummary {
    /// Whether [`read_parquet`] can read a column of this type: numbers but half-precision floats, text, booleans.
    pub fn is_readable(dtype: &str) -> bool {
        READABLE.contains(&dtype) || is_narrow(dtype)
    }
}

/// Writes a file beside its place and moves it there when it is complete, so that a reader, or a run that is stopped, never
/// meets half a file.
///
/// # Errors
/// [`Error::Unwritable`]; then nothing is left behind and an older file of that name is untouched.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Error> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let unwritable = |source| Error::Unwritable { path: path.into(), source };
    let name = path.file_name().ok_or_else(|| unwritable(io::Error::other("the path names no file")))?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let aside = path.with_file_name(format!(".{}.{}-{number}.partial", name.to_string_lossy(), std::process::id()));
    let written = File::create(&aside).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&aside, path)
    });
    written.map_err(|error| {
        // Nothing better can be done if even this fails; the first error is the one to tell.
        let _ = fs::remove_file(&aside);
        unwritable(error)
    })
}

/// Writes text, whole or not at all.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write_text(path: &Path, text: &str) -> Result<(), Error> {
    write_atomically(path, |file| file.write_all(text.as_bytes()))
}

/// Writes a table as Parquet (zstd) with `metadata` in its footer: same table, same bytes.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write_parquet(path: &Path, frame: &mut DataFrame, metadata: &Metadata) -> Result<(), Error> {
    let pairs = metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    frame.rechunk_mut();
    write_atomically(path, |file| {
        let writer = ParquetWriter::new(file).with_compression(ParquetCompression::Zstd(None)).set_parallel(false);
        writer.with_key_value_metadata(Some(KeyValueMetadata::from_static(pairs))).finish(frame).map_err(io::Error::other)?;
        Ok(())
    })
}

/// Writes a table as CSV with a header.
///
/// # Errors
/// [`Error::Unwritable`].
pub fn write_csv(path: &Path, frame: &mut DataFrame) -> Result<(), Error> {
    frame.rechunk_mut();
    write_atomically(path, |file| CsvWriter::new(file).finish(frame).map_err(io::Error::other))
}

/// Reads all columns of a Parquet file, or those named, with the metadata of its footer. Integers of 8 and 16 bits come out with 32.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::Directory`], [`Error::Corrupt`].
pub fn read_parquet(path: &Path, columns: Option<&[String]>) -> Result<(DataFrame, Metadata), Error> {
    let mut bytes = read_bytes(path)?;
    let summary = summarise(path, &bytes)?;
    let narrow = summary.columns.iter().any(|(_, dtype)| is_narrow(dtype));
    if let Some(wide) = Some(()).filter(|()| narrow).and_then(|()| narrow::widened(&bytes)) {
        bytes = wide;
    }
    let frame = guarded(path, Format::Parquet, || {
        let mut reader = ParquetReader::new(Cursor::new(&bytes[..])).read_parallel(ParallelStrategy::None);
        if narrow {
            // The arrow library's own entry would mark the columns as narrow again.
            let mut footer = reader.get_metadata()?.as_ref().clone();
            footer.key_value_metadata = None;
            reader.set_metadata(Arc::new(footer));
        }
        let frame = reader.with_columns(columns.map(<[String]>::to_vec)).finish()?;
        // polars takes the footer's word for the number of rows.
        match frame.columns().iter().find(|column| column.len() != summary.rows) {
            Some(column) => Err(damaged(format!("column {} has {} rows, not {}", column.name(), column.len(), summary.rows))),
            None => Ok(frame),
        }
    })?;
    Ok((frame, summary.metadata))
}

/// Reads the footer of a Parquet file: schema, number of rows, metadata.
///
/// # Errors
/// As [`read_parquet`].
pub fn parquet_summary(path: &Path) -> Result<ParquetSummary, Error> {
    summarise(path, &read_bytes(path)?)
}

/// The Parquet files at `path`: itself, or all below a folder, by name.
///
/// # Errors
/// [`Error::Unreadable`], [`Error::UnknownExtension`] for a file of another kind, [`Error::NothingFound`] for a folder without any.
pub fn parquet_files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !fs::metadata(path).map_err(|source| Error::Unreadable { path: path.into(), source })?.is_dir() {
        return if is_parquet(path) { Ok(vec![path.into()]) } else { Err(Error::UnknownExtension { path: path.into() }) };
    }
    let mut found = Vec::new();
    collect_parquet(path, &mut found).map_err(|source| Error::Unreadable { path: path.into(), source })?;
    if found.is_empty() { Err(Error::NothingFound { path: path.into() }) } else { Ok(found) }
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

pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    if path.is_dir() {
        return Err(Error::Directory { path: path.into() });
    }
    fs::read(path).map_err(|source| Error::Unreadable { path: path.into(), source })
}

fn summarise(path: &Path, bytes: &[u8]) -> Result<ParquetSummary, Error> {
    guarded(path, Format::Parquet, || {
        check_frame(bytes)?;
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        let footer = reader.get_metadata()?.clone();
        let rows = footer.num_rows;
        let of_groups = footer.row_groups.iter().try_fold(0usize, |sum, group| sum.checked_add(group.num_rows()));
        if of_groups != Some(rows) || rows > bytes.len().saturating_mul(ROWS_PER_BYTE) {
            return Err(damaged("its footer contradicts itself about the number of rows".into()));
        }
        for group in &footer.row_groups {
            for column in group.parquet_columns() {
                let (range, nested) = (column.byte_range(), column.descriptor().descriptor.max_rep_level > 0);
                let place = bytes.get(range.start as usize..range.end as usize);
                let place = place.ok_or_else(|| damaged("its footer points outside the file".into()))?;
                let claim = Claim { bytes: place, values: column.num_values(), uncompressed: column.uncompressed_size() };
                if !pages::agree(&claim) || !nested && claim.values != group.num_rows() as i64 {
                    let name = column.descriptor().path_in_schema.join(".");
                    return Err(damaged(format!("the pages of column {name} contradict its footer")));
                }
            }
        }
        let columns = reader.schema()?.iter().map(|(name, field)| (name.to_string(), format!("{:?}", field.dtype))).collect();
        let pairs = footer.key_value_metadata.iter().flatten().filter(|pair| pair.key != ARROW_SCHEMA);
        let metadata = pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect();
        Ok(ParquetSummary { bytes: bytes.len() as u64, rows, columns, metadata })
    })
}

/// The frame of a Parquet file: `PAR1`, data, footer, its length in four bytes, `PAR1`.
fn check_frame(bytes: &[u8]) -> PolarsResult<()> {
    const MAGIC: &[u8] = b"PAR1";
    if !bytes.starts_with(MAGIC) {
        return Err(damaged("it doesn't begin with PAR1".into()));
    }
    if bytes.len() < 12 || !bytes.ends_with(MAGIC) {
        return Err(damaged("it doesn't end with PAR1; was it cut off?".into()));
    }
    Ok(())
}

fn damaged(reason: String) -> PolarsError {
    PolarsError::ComputeError(reason.into())
}

thread_local!(static GUARDED: Cell<bool> = const { Cell::new(false) });

/// Runs a reader of polars, which panics on some damaged files, and turns both its errors and its panics into [`Error::Corrupt`].
/// The reader must stay on this thread.
pub(super) fn guarded<T>(path: &Path, format: Format, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, Error> {
    static QUIET: Once = Once::new();
    // A caught panic is no news for the terminal; all others go to the hook that was there before.
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    let reason = match result {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string().lines().next().unwrap_or_default().chars().take(LONGEST_REASON).collect(),
        Err(_) => "its pages cannot be decoded".into(),
    };
    Err(Error::Corrupt { path: path.into(), format, reason })
}
