//! A file of a table, whatever its format.

use std::collections::BTreeMap;
use std::path::Path;

use super::arrays;
use super::arrow::ArrowFile;
use super::cell::{Cells, Kind, Wanted};
use super::memory::MemoryTable;
use super::parquet::{Metadata, ParquetFile};
use super::text::TextFile;
use super::{npz, xyz};
use crate::dataset::{DatasetError, Format};

/// An open file.
pub(super) enum Part {
    Parquet(Box<ParquetFile>),
    Text(Box<TextFile>),
    Arrow(Box<ArrowFile>),
    Memory(Box<MemoryTable>),
}

impl Part {
    /// Opens a file and reads what it tells of its columns. `columns` says what arrays and
    /// properties are called, where a file has these.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn open(
        path: &Path,
        format: Format,
        columns: &BTreeMap<String, String>,
    ) -> Result<Self, DatasetError> {
        if path.is_dir() {
            return Err(DatasetError::Directory { path: path.into() });
        }
        Ok(match format {
            Format::Parquet => Self::Parquet(Box::new(ParquetFile::open(path)?)),
            Format::Csv => Self::Text(Box::new(TextFile::open(path)?)),
            Format::Arrow => Self::Arrow(Box::new(ArrowFile::open(path)?)),
            Format::Npz => Self::Memory(Box::new(npz::read(path, columns)?)),
            Format::Xyz => Self::Memory(Box::new(xyz::read(path, columns)?)),
        })
    }

    /// Names of all columns.
    pub fn columns(&self) -> Vec<String> {
        match self {
            Self::Parquet(file) => {
                file.summary.columns.iter().map(|column| column.name.clone()).collect()
            }
            Self::Text(file) => file.columns().to_vec(),
            Self::Arrow(file) => file.columns.iter().map(|(name, _)| name.clone()).collect(),
            Self::Memory(table) => table.names.clone(),
        }
    }

    /// Whether the names of the columns are this crate's own, made of arrays.
    pub fn is_made(&self) -> bool {
        matches!(self, Self::Memory(_))
    }

    /// Key-value pairs of the file.
    pub fn metadata(&self) -> Metadata {
        match self {
            Self::Parquet(file) => file.summary.metadata.clone(),
            Self::Text(_) => Metadata::new(),
            Self::Arrow(file) => file.metadata(),
            Self::Memory(table) => table.metadata.clone(),
        }
    }

    /// Masses of all particles, where the file has them.
    pub fn masses(&self) -> &[f64] {
        if let Self::Memory(table) = self { &table.masses } else { &[] }
    }

    /// What the file is, in words.
    pub fn kind(&self) -> String {
        match self {
            Self::Parquet(_) => "Parquet".into(),
            Self::Text(file) => file.kind(),
            Self::Arrow(_) => "Arrow IPC".into(),
            Self::Memory(table) => table.kind.clone(),
        }
    }

    /// What is remarkable about the file.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Text(file) => file.notes(),
            Self::Memory(table) => &table.notes,
            Self::Parquet(_) | Self::Arrow(_) => &[],
        }
    }

    /// Checks the type of a column, as far as the file tells it; the error says what it is and what
    /// is accepted.
    pub fn check(&self, place: usize, kind: Kind) -> Result<(), (String, &'static str)> {
        let dtype = match self {
            Self::Parquet(file) => file.dtype(place),
            Self::Arrow(file) => Some(file.columns[place].1.clone()),
            Self::Text(_) | Self::Memory(_) => None,
        };
        let Some(dtype) = dtype.filter(|dtype| !arrays::fits(dtype, kind)) else { return Ok(()) };
        let found = format!("{dtype:?}");
        // Without arrow's own entry half-precision floats are two bytes.
        let halves = ["Float16", "FixedSizeBinary(2)"].contains(&found.as_str());
        let found = if halves { "Float16 (half precision)".into() } else { found };
        let accepted = match kind {
            Kind::Id => "integers are",
            Kind::Time => {
                "integers of any width, floats of 32 or 64 bits, stamps and durations are"
            }
            Kind::Number => "integers of any width and floats of 32 or 64 bits are",
        };
        Err((format!("values of type {found}"), accepted))
    }

    /// Reads columns from beginning to end: see [`Cells`]. `progress` is told the part that is read,
    /// from 0 to 1. With `lenient` cells and rows that can't be read have no values.
    ///
    /// # Errors
    /// [`DatasetError`], and those of `cells`.
    pub fn read(
        &mut self,
        wanted: &[Wanted],
        lenient: bool,
        progress: &mut dyn FnMut(f64),
        cells: &mut Cells,
    ) -> Result<(), DatasetError> {
        match self {
            Self::Parquet(file) => file.read(wanted, progress, cells),
            Self::Text(file) => file.read(wanted, lenient, progress, cells),
            Self::Arrow(file) => file.read(wanted, progress, cells),
            Self::Memory(table) => table.read(wanted, cells),
        }
    }
}
