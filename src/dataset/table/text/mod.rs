//! Text files: rows of cells under a header, in any of the dialects that spreadsheets, loggers and
//! trackers write.
//!
//! polars doesn't read these: cells between several blanks, two marks of comments, titles above the
//! header, a row of units below it, and errors that name a row. The records are read by `csv-core`.

mod dialect;
mod records;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use self::dialect::Dialect;
use self::records::{Record, Records, Separator};
use super::cell::{Cells, Kind, Mark, Value, Wanted, parse};
use crate::dataset::{DatasetError, Format};

/// Bytes of a file's beginning that tell its dialect.
const BEGINNING: u64 = 1 << 18;
/// Rows between two reports of progress.
const ROWS_OF_PROGRESS: u64 = 1 << 14;
/// Characters of a bad cell that are quoted.
const LONGEST_QUOTE: usize = 40;

/// A text file whose header has been read.
pub(super) struct TextFile {
    path: PathBuf,
    dialect: Dialect,
    /// Size of the file in bytes.
    size: u64,
}

impl TextFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`DatasetError::Unreadable`]; [`DatasetError::Corrupt`] for what isn't text.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let unreadable = |source| DatasetError::Unreadable { path: path.into(), source };
        let file = File::open(path).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut sample = Vec::new();
        file.take(BEGINNING).read_to_end(&mut sample).map_err(unreadable)?;
        let dialect = dialect::sniff(&sample, sample.len() as u64 == size)
            .map_err(|reason| corrupt(path, reason))?;
        Ok(Self { path: path.into(), dialect, size })
    }

    /// Names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.dialect.header
    }

    /// What is remarkable about the lines above the rows.
    pub fn notes(&self) -> &[String] {
        &self.dialect.notes
    }

    /// What stands between the cells.
    pub fn kind(&self) -> String {
        let between = match self.dialect.separator {
            Separator::Byte(b'\t') => "tabs".into(),
            Separator::Byte(byte) => format!("`{}`", char::from(byte)),
            Separator::Blanks => "blanks".into(),
        };
        format!("text, cells between {between}")
    }

    /// Reads columns: see [`Cells`]. With `lenient` a row or cell that can't be
    /// read has no values.
    pub fn read(
        &self,
        wanted: &[Wanted],
        lenient: bool,
        progress: &mut dyn FnMut(f64),
        cells: &mut Cells,
    ) -> Result<(), DatasetError> {
        let separator = self.dialect.separator;
        let mut rows = Rows::open(self)?;
        let mut mark = if separator == Separator::Byte(b',') { Mark::Point } else { Mark::Unknown };
        while let Some(row) = rows.next(lenient)? {
            for (k, column) in wanted.iter().enumerate() {
                let value = match row {
                    Row::Whole => parse(rows.records.field(column.place), column.kind, &mut mark),
                    Row::Empty => Ok(None),
                };
                let value: Option<Value> = match value {
                    Ok(value) => value,
                    Err(()) if lenient && column.kind != Kind::Id => None,
                    Err(()) => {
                        return Err(self.wrong(column, rows.records.field(column.place), rows.row));
                    }
                };
                cells(k, rows.row - 1, value)?;
            }
            if rows.row % ROWS_OF_PROGRESS == 0 {
                progress(rows.records.at() as f64 / self.size.max(1) as f64);
            }
        }
        Ok(())
    }

    fn wrong(&self, column: &Wanted, field: &[u8], row: u64) -> DatasetError {
        let quote: String =
            String::from_utf8_lossy(field).trim().chars().take(LONGEST_QUOTE).collect();
        DatasetError::ColumnType {
            path: self.path.clone(),
            column: column.name.clone(),
            found: format!("{quote:?} in row {row}"),
            accepted: column.kind.accepted(),
        }
    }
}

/// A row that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Row {
    /// It has a cell for each column.
    Whole,
    /// It has no values, or is broken.
    Empty,
}

/// The rows of a file, one after the other.
struct Rows<'a> {
    file: &'a TextFile,
    records: Records<BufReader<File>>,
    /// Rows given so far.
    row: u64,
    /// Rows without any value that were read but not given: at the end of a file they count for
    /// nothing, as spreadsheets write them.
    empty: u64,
    /// Whether the record after them was read.
    held: Option<Row>,
}

impl<'a> Rows<'a> {
    fn open(file: &'a TextFile) -> Result<Self, DatasetError> {
        let begin = |path: &Path| -> io::Result<BufReader<File>> {
            let mut file_ = File::open(path)?;
            file_.seek(SeekFrom::Start(file.dialect.data_at))?;
            Ok(BufReader::with_capacity(1 << 16, file_))
        };
        let input = begin(&file.path).map_err(|source| file.unreadable(source))?;
        let records = Records::new(input, file.dialect.separator, file.dialect.data_at);
        Ok(Self { file, records, row: 0, empty: 0, held: None })
    }

    /// Reads the next row.
    ///
    /// # Errors
    /// [`DatasetError::Corrupt`] for a row of too many or too few fields, unless `lenient`.
    fn next(&mut self, lenient: bool) -> Result<Option<Row>, DatasetError> {
        if self.held.is_none() {
            self.held = self.record(lenient)?;
        }
        let Some(held) = self.held else { return Ok(None) };
        self.row += 1;
        if self.empty > 0 {
            self.empty -= 1;
            return Ok(Some(Row::Empty));
        }
        self.held = None;
        Ok(Some(held))
    }

    /// Reads on to the next record with a value in it.
    fn record(&mut self, lenient: bool) -> Result<Option<Row>, DatasetError> {
        let columns = self.file.dialect.header.len();
        loop {
            let fields = match self.records.next().map_err(|source| self.file.unreadable(source))? {
                Record::Fields(fields) => fields,
                Record::End => return Ok(None),
                Record::TooLong => {
                    let row = self.row + self.empty + 1;
                    let reason = format!(
                        "row {row} is longer than a megabyte; is a quotation mark not closed?"
                    );
                    return Err(corrupt(&self.file.path, reason));
                }
            };
            let blank = |k: usize| self.records.field(k).trim_ascii().is_empty();
            if (0..fields).all(blank) {
                self.empty += u64::from(fields > 1);
                continue;
            }
            // A separator at the end of a row makes no column.
            if fields == columns || fields == columns + 1 && blank(columns) {
                return Ok(Some(Row::Whole));
            }
            if lenient {
                return Ok(Some(Row::Empty));
            }
            let row = self.row + self.empty + 1;
            let reason = format!(
                "row {row} has {fields} fields, the header {columns}; --gaps cut leaves such rows out"
            );
            return Err(corrupt(&self.file.path, reason));
        }
    }
}

impl TextFile {
    fn unreadable(&self, source: io::Error) -> DatasetError {
        DatasetError::Unreadable { path: self.path.clone(), source }
    }
}

fn corrupt(path: &Path, reason: String) -> DatasetError {
    DatasetError::Corrupt { path: path.into(), format: Format::Csv, reason }
}
