//! Parquet files, read one column of one row group at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polars::prelude::{
    ArrowSchema, Column, DataFrame, PlSmallStr, PolarsError, PolarsResult, Series,
};
use polars_arrow::array::Array;
use polars_arrow::datatypes::ArrowDataType;
use polars_io::SerReader;
use polars_io::parquet::read::_internal::to_deserializer;
use polars_io::parquet::read::{FileMetadata, infer_schema};
use polars_io::prelude::ParquetReader;

use super::arrays;
use super::cell::{Cells, Wanted};
use super::footer;
use super::guard::guarded_as;
use super::pages::{self, Claim};
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

impl ParquetSummary {
    /// Whether [`read_parquet`] can read a column of this type: numbers but half-precision floats,
    /// text, booleans.
    pub fn is_readable(dtype: &str) -> bool {
        READABLE.contains(&dtype) || arrays::NARROW.contains(&dtype)
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
            let part = file.series(group, name)?;
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
            Ok(Self { path: path.into(), file, footer, schema, summary })
        })
    }

    /// Type of a column.
    pub fn dtype(&self, place: usize) -> Option<ArrowDataType> {
        self.schema.get_at_index(place).map(|(_, field)| field.dtype.clone())
    }

    /// Number of row groups.
    pub fn groups(&self) -> usize {
        self.footer.row_groups.len()
    }

    /// Reads columns, group by group and in each column by column.
    ///
    /// # Errors
    /// [`DatasetError`], and those of `cells`.
    pub fn read(
        &mut self,
        wanted: &[Wanted],
        progress: &mut dyn FnMut(f64),
        cells: &mut Cells,
    ) -> Result<(), DatasetError> {
        let (path, mut first) = (self.path.clone(), 0);
        let steps = (self.groups() * wanted.len()) as f64;
        for group in 0..self.groups() {
            for (k, column) in wanted.iter().enumerate() {
                let mut row = first;
                for array in self.column(group, &column.name)? {
                    arrays::read(&*array, column, &path, &mut |value| {
                        row += 1;
                        cells(k, row - 1, value)
                    })?;
                }
                progress((group * wanted.len() + k + 1) as f64 / steps);
            }
            first += self.footer.row_groups[group].num_rows() as u64;
        }
        Ok(())
    }

    /// A column of a row group.
    ///
    /// # Errors
    /// [`DatasetError::Corrupt`], also for a column that is not there;
    /// [`DatasetError::Unreadable`].
    fn column(&mut self, group: usize, name: &str) -> Result<Vec<Box<dyn Array>>, DatasetError> {
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
            // A reader may take the footer's word for the number of rows.
            let found: usize = arrays.iter().map(|array| array.len()).sum();
            if found == group.num_rows() {
                Ok(arrays)
            } else {
                Err(damaged(format!("column {name} has {found} rows, not {}", group.num_rows())))
            }
        })
    }

    /// A column of a row group as polars has it, narrow integers with 32 bits.
    fn series(&mut self, group: usize, name: &str) -> Result<Series, DatasetError> {
        let arrays = self.column(group, name)?;
        guarded(&self.path, || {
            let arrays: Vec<_> = arrays.into_iter().map(arrays::widened).collect();
            Series::try_from((PlSmallStr::from(name), arrays))
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
            let array = polars_arrow::array::new_empty_array(field.dtype.clone());
            Series::try_from((PlSmallStr::from(name), vec![arrays::widened(array)]))
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

/// Runs a reader of polars: see [`guarded_as`].
fn guarded<T>(path: &Path, read: impl FnOnce() -> PolarsResult<T>) -> Result<T, DatasetError> {
    guarded_as(path, Format::Parquet, read)
}
