//! CSV files, read record by record.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use csv_core::{ReadRecordResult, Reader};

use crate::dataset::{DatasetError, Format};

/// A longer record is taken for damage: a quotation mark that is never closed.
const LONGEST_RECORD: usize = 1 << 20;
/// A record of more fields is taken for damage.
const MOST_FIELDS: usize = 1 << 16;

/// An open CSV file whose header has been read.
pub(super) struct CsvFile {
    path: PathBuf,
    input: BufReader<File>,
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Bytes read.
    at: u64,
    /// Size of the file in bytes.
    size: u64,
    /// Records read, the header not included.
    rows: usize,
    /// Names of the columns.
    pub header: Vec<String>,
}

impl CsvFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// [`DatasetError::Unreadable`], [`DatasetError::Directory`]; [`DatasetError::Corrupt`] for a
    /// header that isn't text.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let unreadable = |source| DatasetError::Unreadable { path: path.into(), source };
        if path.is_dir() {
            return Err(DatasetError::Directory { path: path.into() });
        }
        let file = File::open(path).map_err(unreadable)?;
        let mut csv = Self {
            path: path.into(),
            size: file.metadata().map_err(unreadable)?.len(),
            input: BufReader::with_capacity(1 << 16, file),
            reader: Reader::new(),
            text: vec![0; LONGEST_RECORD],
            ends: vec![0; MOST_FIELDS],
            at: 0,
            rows: 0,
            header: Vec::new(),
        };
        csv.read_header()?;
        Ok(csv)
    }

    /// Goes back to the first row.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn rewind(&mut self) -> Result<(), DatasetError> {
        self.input
            .rewind()
            .map_err(|source| DatasetError::Unreadable { path: self.path.clone(), source })?;
        (self.reader, self.at) = (Reader::new(), 0);
        self.read_header()
    }

    fn read_header(&mut self) -> Result<(), DatasetError> {
        let fields = self.record()?.unwrap_or(0);
        let name =
            |k: usize| std::str::from_utf8(self.field(k)).map(|name| name.trim().to_string());
        let names: Result<Vec<String>, _> = (0..fields).map(name).collect();
        self.header = names.map_err(|_| self.corrupt("its header isn't text in UTF-8".into()))?;
        self.rows = 0;
        Ok(())
    }

    /// Reads the next row; false at the end.
    ///
    /// # Errors
    /// [`DatasetError::Corrupt`] for a row of too many or too few fields.
    pub fn next(&mut self) -> Result<bool, DatasetError> {
        let Some(fields) = self.record()? else { return Ok(false) };
        self.rows += 1;
        if fields != self.header.len() {
            let reason =
                format!("row {} has {fields} fields, the header {}", self.rows, self.header.len());
            return Err(self.corrupt(reason));
        }
        Ok(true)
    }

    /// Field k of the row that was read last.
    pub fn field(&self, k: usize) -> &[u8] {
        let start = if k == 0 { 0 } else { self.ends[k - 1] };
        &self.text[start..self.ends[k]]
    }

    /// The part of the file that has been read.
    pub fn progress(&self) -> f64 {
        self.at as f64 / self.size.max(1) as f64
    }

    /// Reads a record and gives its number of fields.
    fn record(&mut self) -> Result<Option<usize>, DatasetError> {
        let (mut length, mut fields) = (0, 0);
        loop {
            let input = self
                .input
                .fill_buf()
                .map_err(|source| DatasetError::Unreadable { path: self.path.clone(), source })?;
            let (result, read, written, ended) =
                self.reader.read_record(input, &mut self.text[length..], &mut self.ends[fields..]);
            self.input.consume(read);
            (self.at, length, fields) = (self.at + read as u64, length + written, fields + ended);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => return Ok(Some(fields)),
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    let reason = format!(
                        "row {} is longer than a megabyte; is a quotation mark not closed?",
                        self.rows + 1
                    );
                    return Err(self.corrupt(reason));
                }
            }
        }
    }

    fn corrupt(&self, reason: String) -> DatasetError {
        DatasetError::Corrupt { path: self.path.clone(), format: Format::Csv, reason }
    }
}
