//! The cells of a table's columns, whatever the format of the file.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use polars::prelude::{DataType, Series};

use super::csv::CsvFile;
use super::parquet::{Metadata, ParquetColumn, ParquetFile, ParquetSummary};
use crate::dataset::{DatasetError, Format};

/// What the cells of a column are read as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Whole numbers.
    Id,
    /// Numbers.
    Number,
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// A value of a column of ids.
    Id(i64),
    /// A value of a column of numbers; it may be NaN or infinite.
    Number(f64),
}

impl Kind {
    fn accepted(self) -> &'static str {
        match self {
            Self::Id => "integers are",
            Self::Number => "numbers are",
        }
    }
}

/// An open table.
pub(super) struct Source {
    pub path: PathBuf,
    file: Open,
}

enum Open {
    Parquet(Box<ParquetFile>),
    Csv(Box<CsvFile>),
}

impl Source {
    /// Opens a file and reads what it tells of its columns.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn open(path: &Path, format: Format) -> Result<Self, DatasetError> {
        let file = match format {
            Format::Parquet => Open::Parquet(Box::new(ParquetFile::open(path)?)),
            Format::Csv => Open::Csv(Box::new(CsvFile::open(path)?)),
        };
        Ok(Self { path: path.into(), file })
    }

    /// Names of all columns.
    pub fn columns(&self) -> Vec<String> {
        match &self.file {
            Open::Parquet(file) => {
                file.summary.columns.iter().map(|column| column.name.clone()).collect()
            }
            Open::Csv(file) => file.header.clone(),
        }
    }

    /// Key-value pairs of the footer, if there is one.
    pub fn metadata(&self) -> Metadata {
        match &self.file {
            Open::Parquet(file) => file.summary.metadata.clone(),
            Open::Csv(_) => Metadata::new(),
        }
    }

    /// Checks that a column holds numbers, as far as the file tells, and that there is only one of
    /// the name.
    ///
    /// # Errors
    /// [`DatasetError::ColumnType`], [`DatasetError::RepeatedColumn`].
    pub fn check_column(&self, name: &str) -> Result<(), DatasetError> {
        if self.columns().iter().filter(|column| *column == name).count() > 1 {
            return Err(DatasetError::RepeatedColumn {
                path: self.path.clone(),
                column: name.into(),
            });
        }
        let Open::Parquet(file) = &self.file else { return Ok(()) };
        match file.summary.columns.iter().find(|column| column.name == name) {
            Some(ParquetColumn { dtype, .. }) if !ParquetSummary::is_readable(dtype) => {
                let accepted = "integers of any width and floats of 32 or 64 bits are";
                // Without arrow's own entry half-precision floats are two bytes.
                let halves = ["Float16", "FixedSizeBinary(2)"].contains(&dtype.as_str());
                let dtype = if halves { "Float16 (half precision)" } else { dtype };
                Err(self.wrong_type(name, format!("values of type {dtype}"), accepted))
            }
            _ => Ok(()),
        }
    }

    /// Reads columns from beginning to end: `cell` is given the column's index in `wanted`, the row
    /// from 0 and the value, `None` where there is none. Rows come in order, and in each row or
    /// group of rows the columns. `progress` is told the part that is read, from 0 to 1.
    ///
    /// # Errors
    /// [`DatasetError`], and those of `cell`.
    pub fn read(
        &mut self,
        wanted: &[(&str, Kind)],
        progress: &mut dyn FnMut(f64),
        cell: &mut dyn FnMut(usize, usize, Option<Value>) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        match self.file {
            Open::Parquet(_) => self.read_parquet(wanted, progress, cell),
            Open::Csv(_) => self.read_csv(wanted, progress, cell),
        }
    }

    fn read_parquet(
        &mut self,
        wanted: &[(&str, Kind)],
        progress: &mut dyn FnMut(f64),
        cell: &mut dyn FnMut(usize, usize, Option<Value>) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let Open::Parquet(file) = &mut self.file else { return Ok(()) };
        let path = &self.path;
        let (groups, mut first) = (file.groups(), 0);
        for group in 0..groups {
            let mut rows = 0;
            for (k, &(name, kind)) in wanted.iter().enumerate() {
                let column = file.column(group, name)?;
                rows = column.len();
                let wrong = |found: String| wrong_type(path, name, found, kind.accepted());
                match kind {
                    Kind::Id => {
                        let column =
                            cast(&column, &DataType::Int64, DataType::is_integer).map_err(wrong)?;
                        let cells = column.i64().map_err(|e| wrong(e.to_string()))?;
                        cells
                            .iter()
                            .enumerate()
                            .try_for_each(|(i, x)| cell(k, first + i, x.map(Value::Id)))?;
                    }
                    Kind::Number => {
                        let column =
                            cast(&column, &DataType::Float64, DataType::is_primitive_numeric)
                                .map_err(wrong)?;
                        let cells = column.f64().map_err(|e| wrong(e.to_string()))?;
                        cells
                            .iter()
                            .enumerate()
                            .try_for_each(|(i, x)| cell(k, first + i, x.map(Value::Number)))?;
                    }
                }
                progress((group * wanted.len() + k + 1) as f64 / (groups * wanted.len()) as f64);
            }
            first += rows;
        }
        Ok(())
    }

    fn read_csv(
        &mut self,
        wanted: &[(&str, Kind)],
        progress: &mut dyn FnMut(f64),
        cell: &mut dyn FnMut(usize, usize, Option<Value>) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let Open::Csv(file) = &mut self.file else { return Ok(()) };
        let path = &self.path;
        file.rewind()?;
        let place = |name: &str| {
            let missing = || DatasetError::MissingColumn {
                path: path.clone(),
                column: name.into(),
                accepted: "the header names it".into(),
            };
            file.header.iter().position(|column| column == name).ok_or_else(missing)
        };
        let places =
            wanted.iter().map(|(name, _)| place(name)).collect::<Result<Vec<usize>, _>>()?;
        let mut row = 0;
        while file.next()? {
            for (k, (&(name, kind), &place)) in wanted.iter().zip(&places).enumerate() {
                let field = file.field(place);
                let value = match kind {
                    Kind::Id => parse(field).map(|x| x.map(Value::Id)),
                    Kind::Number => parse(field).map(|x| x.map(Value::Number)),
                };
                let found = |text: String| {
                    wrong_type(path, name, format!("{text:?} in row {}", row + 1), kind.accepted())
                };
                cell(k, row, value.map_err(found)?)?;
            }
            row += 1;
            if row % ROWS_OF_PROGRESS == 0 {
                progress(file.progress());
            }
        }
        Ok(())
    }

    fn wrong_type(&self, column: &str, found: String, accepted: &'static str) -> DatasetError {
        wrong_type(&self.path, column, found, accepted)
    }
}

/// Rows of CSV between two reports of progress.
const ROWS_OF_PROGRESS: usize = 1 << 14;
/// Characters of a bad cell that are quoted.
const LONGEST_QUOTE: usize = 40;

fn wrong_type(path: &Path, column: &str, found: String, accepted: &'static str) -> DatasetError {
    DatasetError::ColumnType { path: path.into(), column: column.into(), found, accepted }
}

/// A column of numbers in the wanted width.
fn cast(column: &Series, wanted: &DataType, fits: fn(&DataType) -> bool) -> Result<Series, String> {
    if !fits(column.dtype()) {
        return Err(format!("values of type {}", column.dtype()));
    }
    column
        .strict_cast(wanted)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_string())
}

/// A cell of text, blanks around it left out; none where nothing is left. The error quotes it.
fn parse<T: FromStr>(field: &[u8]) -> Result<Option<T>, String> {
    let quote = || String::from_utf8_lossy(field).chars().take(LONGEST_QUOTE).collect();
    match std::str::from_utf8(field).map(str::trim) {
        Ok("") => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|_| quote()),
        Err(_) => Err(quote()),
    }
}
