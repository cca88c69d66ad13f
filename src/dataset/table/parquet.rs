//! Parquet files, read one column of one row group at a time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use polars::prelude::{
    ArrowSchema, Column, DataFrame, DataType, PolarsError, PolarsResult, Series,
};
use polars_io::SerReader;
use polars_io::parquet::read::_internal::to_deserializer;
use polars_io::parquet::read::{FileMetadata, infer_schema};
use polars_io::prelude::ParquetReader;

use super::pages::{self, Claim};
use super::{footer, narrow};
use crate::dataset::{DatasetError, Format};

/// Key-value pairs in the footer of a Parquet file.
pub type Metadata = BTreeMap<String, String>;

/// A column of a Parquet file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetColumn {
    /// Name of the column.
    pub name: String,
    /// Type of its values, as polars names it.
    pub dtype: String,
}

/// What the footer of a Parquet file tells.
#[derive(Clone, Debug, PartialEq)]
pub struct ParquetSummary {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Number of rows.
    pub rows: usize,
    /// The columns of the file, in its order.
    pub columns: Vec<ParquetColumn>,
    /// Key-value pairs of the footer.
    pub metadata: Metadata,
}

/// Types of columns that can be read with the features that polars is built with here.
const READABLE: [&str; 8] =
    ["Int32", "Int64", "UInt32", "UInt64", "Float32", "Float64", "Utf8View", "Boolean"];

/// Whether a column of this type is read once it is marked as wider.
fn is_narrow(dtype: &str) -> bool {
    narrow::NARROW.contains(&dtype)
}

impl ParquetSummary {
    /// Whether [`read_parquet`] can read a column of this type: numbers but half-precision floats,
    /// text, booleans.
    pub fn is_readable(dtype: &str) -> bool {
        READABLE.contains(&dtype) || is_narrow(dtype)
    }
}

/// The arrow library's own footer entry: no provenance.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// More rows than this per byte of a file are taken for damage: no encoding of increasing times is
/// as dense.
const ROWS_PER_BYTE: u64 = 4096;

/// A row group of so many rows may be as small as it likes..
const ROWS_OF_GROUP: u64 = 1 << 20;
/// ..a larger one has a byte for every so many rows: what moves does not compress better.
const ROWS_PER_BYTE_OF_GROUP: u64 = 64;

/// Characters of a reader's own message that are passed on.
const LONGEST_REASON: usize = 200;

/// Reads all columns of a Parquet file, or those named, with the metadata of its footer. Integers
/// of 8 and 16 bits come out with 32.
///
/// # Errors
/// [`DatasetError::Unreadable`], [`DatasetError::Directory`], [`DatasetError::Corrupt`].
pub fn read_parquet(
    path: &Path,
    columns: Option<&[String]>,
) -> Result<(DataFrame, Metadata), DatasetError> {
    let mut file = ParquetFile::open(path)?;
    let all: Vec<String> = file.summary.columns.iter().map(|column| column.name.clone()).collect();
    let mut frame = Vec::new();
    for name in columns.unwrap_or(&all) {
        let mut whole: Option<Series> = None;
        for group in 0..file.groups() {
            let part = file.column(group, name)?;
            match &mut whole {
                None => whole = Some(part),
                Some(whole) => guarded(path, || whole.append(&part).map(drop))?,
            }
        }
        frame.push(Column::from(whole.map_or_else(|| file.empty(name), Ok)?));
    }
    let rows = file.summary.rows;
    let frame = guarded(path, || {
        if frame.is_empty() {
            Ok(DataFrame::empty_with_height(rows))
        } else {
            DataFrame::new(rows, frame)
        }
    })?;
    Ok((frame, file.summary.metadata))
}

/// Reads the footer of a Parquet file: schema, number of rows, metadata.
///
/// # Errors
/// Those of [`read_parquet`].
pub fn parquet_summary(path: &Path) -> Result<ParquetSummary, DatasetError> {
    Ok(ParquetFile::open(path)?.summary)
}

/// An open Parquet file whose footer has been read.
pub(super) struct ParquetFile {
    path: PathBuf,
    file: File,
    footer: Arc<FileMetadata>,
    schema: ArrowSchema,
    /// What the footer tells.
    pub summary: ParquetSummary,
}

impl ParquetFile {
    /// Opens a file and reads its footer.
    ///
    /// # Errors
    /// [`DatasetError::Unreadable`], [`DatasetError::Directory`], [`DatasetError::Corrupt`].
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let unreadable = |source| DatasetError::Unreadable { path: path.into(), source };
        if path.is_dir() {
            return Err(DatasetError::Directory { path: path.into() });
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let tail = tail(path, &mut file, bytes)?;
        guarded(path, || {
            let (footer, schema) = decoded(&tail)?;
            let summary = summary(&footer, &schema, bytes)?;
            let narrow = summary.columns.iter().any(|column| is_narrow(&column.dtype));
            let (footer, schema) = if narrow { widened(&tail)? } else { (footer, schema) };
            Ok(Self { path: path.into(), file, footer, schema, summary })
        })
    }

    /// Number of row groups.
    pub fn groups(&self) -> usize {
        self.footer.row_groups.len()
    }

    /// A column of a row group.
    ///
    /// # Errors
    /// [`DatasetError::Corrupt`], also for a column that is not there;
    /// [`DatasetError::Unreadable`].
    pub fn column(&mut self, group: usize, name: &str) -> Result<Series, DatasetError> {
        let footer = Arc::clone(&self.footer);
        let group = &footer.row_groups[group];
        let mut parts = Vec::new();
        for column in group.columns_under_root_iter(name).into_iter().flatten() {
            let bytes = self.bytes(column.byte_range())?;
            let nested = column.descriptor().descriptor.max_rep_level > 0;
            let claim = Claim {
                bytes: &bytes,
                values: column.num_values(),
                uncompressed: column.uncompressed_size(),
            };
            if !pages::agree(&claim) || !nested && claim.values != group.num_rows() as i64 {
                return Err(corrupt(
                    &self.path,
                    format!("the pages of column {name} contradict its footer"),
                ));
            }
            parts.push((column, bytes.into()));
        }
        guarded(&self.path, || {
            let field =
                self.schema.get(name).ok_or_else(|| damaged(format!("it has no column {name}")))?;
            let (arrays, _) = to_deserializer(parts, field.clone(), None)?;
            let column = Series::try_from((field, arrays))?;
            // A reader may take the footer's word for the number of rows.
            let found = column.len();
            if found == group.num_rows() {
                Ok(column)
            } else {
                Err(damaged(format!("column {name} has {found} rows, not {}", group.num_rows())))
            }
        })
    }

    fn bytes(&mut self, range: Range<u64>) -> Result<Vec<u8>, DatasetError> {
        // The range is within the file as it was when it was opened.
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let read = self
            .file
            .seek(SeekFrom::Start(range.start))
            .and_then(|_| self.file.read_exact(&mut bytes));
        read.map_err(|source| DatasetError::Unreadable { path: self.path.clone(), source })?;
        Ok(bytes)
    }

    /// A column of no rows.
    fn empty(&self, name: &str) -> Result<Series, DatasetError> {
        guarded(&self.path, || {
            let field =
                self.schema.get(name).ok_or_else(|| damaged(format!("it has no column {name}")))?;
            Ok(Series::new_empty(name.into(), &DataType::from_arrow_field(field)))
        })
    }
}

/// A Parquet file without its data: `PAR1`, footer, its length in four bytes, `PAR1`.
fn tail(path: &Path, file: &mut File, bytes: u64) -> Result<Vec<u8>, DatasetError> {
    const MAGIC: &[u8] = b"PAR1";
    let mut read = |from: u64, to: u64| {
        let mut part = vec![0; to.saturating_sub(from) as usize];
        let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut part));
        read.map(|()| part).map_err(|source| DatasetError::Unreadable { path: path.into(), source })
    };
    if !read(0, bytes.min(4))?.starts_with(MAGIC) {
        return Err(corrupt(path, "it doesn't begin with PAR1"));
    }
    let end = read(bytes.saturating_sub(8), bytes)?;
    if bytes < 12 || !end.ends_with(MAGIC) {
        return Err(corrupt(path, "it doesn't end with PAR1; was it cut off?"));
    }
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let Some(start) = (bytes - 8).checked_sub(length).filter(|start| *start >= 4) else {
        return Err(corrupt(path, "its footer is longer than the file"));
    };
    let footer = read(start, bytes - 8)?;
    if !footer::is_sound(&footer) {
        return Err(corrupt(path, "its footer makes no sense"));
    }
    Ok([MAGIC, &footer, &end].concat())
}

fn decoded(tail: &[u8]) -> PolarsResult<(Arc<FileMetadata>, ArrowSchema)> {
    let mut reader = ParquetReader::new(Cursor::new(tail));
    let footer = Arc::clone(reader.get_metadata()?);
    let schema = infer_schema(&footer)?;
    Ok((footer, schema))
}

/// Decodes the columns as [`decoded`] does, narrow integers marked as 32 bits wide.
fn widened(tail: &[u8]) -> PolarsResult<(Arc<FileMetadata>, ArrowSchema)> {
    let wide = narrow::widened(tail).ok_or_else(|| damaged("its schema makes no sense".into()))?;
    let (mut footer, _) = decoded(&wide)?;
    // The arrow library's own entry would mark the columns as narrow again.
    Arc::make_mut(&mut footer).key_value_metadata = None;
    let schema = infer_schema(&footer)?;
    Ok((footer, schema))
}

/// What a footer tells, if it doesn't contradict itself.
fn summary(
    footer: &FileMetadata,
    schema: &ArrowSchema,
    bytes: u64,
) -> PolarsResult<ParquetSummary> {
    let rows = footer.num_rows;
    let of_groups =
        footer.row_groups.iter().try_fold(0usize, |sum, group| sum.checked_add(group.num_rows()));
    if of_groups != Some(rows) || rows as u64 > bytes.saturating_mul(ROWS_PER_BYTE) {
        return Err(damaged("its footer contradicts itself about the number of rows".into()));
    }
    for group in &footer.row_groups {
        let mut stored = 0u64;
        for range in group.byte_ranges_iter() {
            if range.start > range.end || range.end > bytes {
                return Err(damaged("its footer points outside the file".into()));
            }
            stored = stored.saturating_add(range.end - range.start);
        }
        if group.num_rows() as u64
            > ROWS_OF_GROUP.max(stored.saturating_mul(ROWS_PER_BYTE_OF_GROUP))
        {
            return Err(damaged("its footer claims more rows than its pages can hold".into()));
        }
    }
    let columns = schema
        .iter()
        .map(|(name, field)| ParquetColumn {
            name: name.to_string(),
            dtype: format!("{:?}", field.dtype),
        })
        .collect();
    let pairs = footer.key_value_metadata.iter().flatten().filter(|pair| pair.key != ARROW_SCHEMA);
    let metadata =
        pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect();
    Ok(ParquetSummary { bytes, rows, columns, metadata })
}

fn damaged(reason: String) -> PolarsError {
    PolarsError::ComputeError(reason.into())
}

fn corrupt(path: &Path, reason: impl Into<String>) -> DatasetError {
    DatasetError::Corrupt { path: path.into(), format: Format::Parquet, reason: reason.into() }
}

thread_local!(static GUARDED: Cell<bool> = const { Cell::new(false) });

/// Runs a reader of polars, which panics on some damaged files, and turns both its errors and its
/// panics into [`DatasetError::Corrupt`]. The reader must stay on this thread.
fn guarded<T>(path: &Path, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, DatasetError> {
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
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let reason: String = error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(LONGEST_REASON)
                .collect();
            Err(corrupt(path, reason))
        }
        Err(_) => Err(corrupt(path, "its pages cannot be decoded")),
    }
}
