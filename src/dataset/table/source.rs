//! A table in one file or many, read cell by cell.

use std::path::{Path, PathBuf};

use super::cell::{Kind, Value, Wanted};
use super::layout::TRAJECTORY;
use super::names::{BadName, resolve};
use super::options::{Gaps, ReadOptions};
use super::parquet::Metadata;
use super::part::Part;
use super::paths::table_files;
use super::suggest::nearest;
use crate::dataset::{DatasetError, Format};

/// Names of arrays and properties, which a file may be read by, beside names of columns.
const OF_ARRAYS: [&str; 7] = ["q", "p", "v", "t", "mass", "id", "species"];

/// An open table.
pub(super) struct Source {
    /// Where the user says that it is.
    pub path: PathBuf,
    files: Vec<TableFile>,
    /// The only file, which stays open.
    only: Option<Part>,
    options: ReadOptions,
    /// Row of the table that each file begins with, as far as they were read.
    starts: Vec<u64>,
    /// Second of the first stamp, which times are taken from.
    origin: Option<i64>,
}

/// A file of a table.
struct TableFile {
    path: PathBuf,
    format: Format,
    /// Names of its columns, in its order: this crate's where they are known.
    names: Vec<String>,
    /// Their names in the file.
    own: Vec<String>,
}

/// A cell and its place.
pub(super) struct Cell<'a> {
    /// Index of the column among those wanted.
    pub column: usize,
    /// The row of the table, from 0.
    pub row: u64,
    /// The value, if there is one.
    pub value: Option<Value>,
    /// The file.
    pub path: &'a Path,
    /// The row of the file, from 1.
    pub in_file: u64,
}

impl Source {
    /// Opens the files of a table and reads what they tell of their columns.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Self, DatasetError> {
        let mut source = Self {
            path: path.into(),
            files: Vec::new(),
            only: None,
            options: options.clone(),
            starts: Vec::new(),
            origin: None,
        };
        let files = table_files(path)?;
        let one = files.len() == 1;
        for (path, format) in files {
            let part = Part::open(&path, format, &options.columns)?;
            let own = part.columns();
            let mut columns = options.columns.clone();
            if part.is_made() {
                columns.retain(|ours, _| !OF_ARRAYS.contains(&ours.as_str()));
            }
            let names = resolve(&own, &columns).map_err(|bad| bad_name(&path, &own, bad))?;
            source.files.push(TableFile { path, format, names, own });
            source.only = Some(part).filter(|_| one);
        }
        Ok(source)
    }

    /// Number of files.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Names of all columns of the first file: this crate's where they are known.
    pub fn columns(&self) -> &[String] {
        &self.files[0].names
    }

    /// The first file, and the names of its columns there.
    pub fn found(&self) -> (&Path, &[String]) {
        (&self.files[0].path, &self.files[0].own)
    }

    /// What the first file calls a column.
    pub fn own_name(&self, column: &str) -> Option<&str> {
        self.own_names(column).next()
    }

    /// What the files call a column.
    pub fn own_names(&self, column: &str) -> impl Iterator<Item = &str> {
        self.files.iter().filter_map(move |file| {
            let place = file.names.iter().position(|name| name == column)?;
            Some(file.own[place].as_str())
        })
    }

    /// Whether any file numbers its trajectories; else each file is one.
    pub fn has_ids(&self) -> bool {
        self.files.iter().any(|file| file.names.iter().any(|name| name == TRAJECTORY))
    }

    /// Whether times are stamps, as far as they were read.
    pub fn has_stamps(&self) -> bool {
        self.origin.is_some()
    }

    /// The first file, opened.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn first(&mut self) -> Result<&mut Part, DatasetError> {
        if self.only.is_none() {
            let file = &self.files[0];
            self.only = Some(Part::open(&file.path, file.format, &self.options.columns)?);
        }
        Ok(self.only.as_mut().expect("it was opened"))
    }

    /// Key-value pairs of the first file.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn metadata(&mut self) -> Result<Metadata, DatasetError> {
        Ok(self.first()?.metadata())
    }

    /// Checks that every file has each of some columns once, of a type that can be read.
    ///
    /// # Errors
    /// [`DatasetError::ColumnType`], [`DatasetError::RepeatedColumn`],
    /// [`DatasetError::MissingColumn`].
    pub fn check_columns(&mut self, wanted: &[(&str, Kind)]) -> Result<(), DatasetError> {
        for (k, file) in self.files.iter().enumerate() {
            let mut opened = None;
            // Text tells nothing of the types of its columns.
            let part = match &mut self.only {
                Some(part) if k == 0 => Some(part),
                _ if [Format::Parquet, Format::Arrow].contains(&file.format) => {
                    let part = Part::open(&file.path, file.format, &self.options.columns)?;
                    Some(opened.insert(part))
                }
                _ => None,
            };
            for (name, kind) in wanted {
                let place = file.place(name)?;
                let checked = part.as_ref().map_or(Ok(()), |part| part.check(place, *kind));
                checked.map_err(|(found, accepted)| {
                    let (path, own) = (file.path.clone(), &file.own[place]);
                    let column = if own == name { own.clone() } else { format!("{own} ({name})") };
                    DatasetError::ColumnType { path, column, found, accepted }
                })?;
            }
        }
        Ok(())
    }

    /// Reads columns from beginning to end: `each` is given every cell. Rows come in order, and in
    /// each row or group of rows the columns. Where no file has a column `trajectory`, its cells are
    /// the number of the file, from 0. `progress` is told the part that is read, from 0 to 1.
    ///
    /// # Errors
    /// [`DatasetError`], and those of `each`.
    pub fn read(
        &mut self,
        wanted: &[(&str, Kind)],
        progress: &mut dyn FnMut(f64),
        each: &mut dyn FnMut(Cell) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let lenient = self.options.gaps == Gaps::Cut;
        let missing = self.options.missing.as_deref().unwrap_or_default();
        let count = self.files.len() as f64;
        let (mut first, mut origin) = (0, self.origin);
        self.starts.clear();
        for (k, file) in self.files.iter().enumerate() {
            self.starts.push(first);
            let mut opened = None;
            let part = match &mut self.only {
                Some(part) if k == 0 => part,
                _ => opened.insert(Part::open(&file.path, file.format, &self.options.columns)?),
            };
            if part.columns() != file.own {
                return Err(DatasetError::Changed { path: file.path.clone() });
            }
            let (columns, present) = file.places(wanted);
            let made = (0..wanted.len()).find(|k| !present.contains(k));
            let (mut rows, mut stamped) = (0, vec![None; columns.len()]);
            let mut cells = |k: usize, row: u64, value: Option<Value>| {
                rows = rows.max(row + 1);
                let cell = |column, value| Cell {
                    column,
                    row: first + row,
                    value,
                    path: &file.path,
                    in_file: row + 1,
                };
                if let (0, Some(made)) = (k, made) {
                    each(cell(made, Some(Value::Id(self.starts.len() as i64 - 1))))?;
                }
                let value = match value.filter(|value| !is_marked(value, columns[k].kind, missing))
                {
                    Some(value) if columns[k].kind == Kind::Time => {
                        let is_stamp = matches!(value, Value::Stamp(..));
                        if *stamped[k].get_or_insert(is_stamp) == is_stamp {
                            Some(from_origin(value, &mut origin))
                        } else if lenient {
                            None
                        } else {
                            return Err(both(&file.path, &columns[k], row));
                        }
                    }
                    value => value,
                };
                each(cell(present[k], value))
            };
            let mut done = |part: f64| progress((k as f64 + part) / count);
            part.read(&columns, lenient, &mut done, &mut cells)?;
            first += rows;
        }
        self.origin = origin;
        Ok(())
    }

    /// The file of a row of the table that was read, and the row of the file, from 1.
    pub fn place(&self, row: u64) -> (PathBuf, usize) {
        let k = self.starts.partition_point(|start| *start <= row).saturating_sub(1);
        let start = self.starts.get(k).copied().unwrap_or(0);
        (self.files[k].path.clone(), (row - start) as usize + 1)
    }
}

impl TableFile {
    /// The only column of a name.
    fn place(&self, name: &str) -> Result<usize, DatasetError> {
        let mut places = (0..self.names.len()).filter(|&k| self.names[k] == name);
        let (path, column) = (self.path.clone(), name.to_string());
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(DatasetError::RepeatedColumn { path, column }),
            (None, _) => {
                let hint = "; other files of the table have it".into();
                Err(DatasetError::MissingColumn { path, column, found: self.own.clone(), hint })
            }
        }
    }

    /// The columns that the file has, and their indices among those wanted.
    fn places(&self, wanted: &[(&str, Kind)]) -> (Vec<Wanted>, Vec<usize>) {
        let place = |name: &str| self.names.iter().position(|n| n == name);
        let found = wanted.iter().enumerate().filter_map(|(k, (name, kind))| {
            let place = place(name)?;
            Some((Wanted { place, name: self.own[place].clone(), kind: *kind }, k))
        });
        found.unzip()
    }
}

/// Whether a cell holds one of some numbers that stand for no value, also as one of 32 bits; a run, a
/// frame or a time only one below zero, for they may count through any other.
fn is_marked(value: &Value, kind: Kind, marks: &[f64]) -> bool {
    let is = |x: f64| {
        (kind == Kind::Number || x < 0.0)
            && marks.iter().any(|mark| x == *mark || x == f64::from(*mark as f32))
    };
    match value {
        Value::Number(x) => is(*x),
        Value::Id(id) => is(*id as f64),
        Value::Stamp(count, part) => *part == 0.0 && is(*count as f64),
    }
}

/// A time from the origin, which the first stamp makes.
fn from_origin(value: Value, origin: &mut Option<i64>) -> Value {
    match value {
        Value::Stamp(seconds, part) => {
            let origin = *origin.get_or_insert(seconds);
            Value::Number(seconds.saturating_sub(origin) as f64 + part)
        }
        value => value,
    }
}

fn both(path: &Path, column: &Wanted, row: u64) -> DatasetError {
    DatasetError::ColumnType {
        path: path.into(),
        column: column.name.clone(),
        found: format!("numbers and stamps (row {})", row + 1),
        accepted: "one or the other is",
    }
}

fn bad_name(path: &Path, found: &[String], bad: BadName) -> DatasetError {
    match bad {
        BadName::Ours(ours) => DatasetError::BadName { ours },
        BadName::Theirs(ours, theirs) => {
            let near = nearest(&theirs.to_lowercase(), found);
            let near = near.first().map(|near| format!("; did you mean {ours}={near}?"));
            DatasetError::MissingColumn {
                path: path.into(),
                column: theirs,
                found: found.to_vec(),
                hint: near.unwrap_or_default(),
            }
        }
    }
}

/// A finite number; else an error that tells file, column, trajectory and row.
pub(super) fn finite(cell: &Cell, column: &str, trajectory: i64) -> Result<f64, DatasetError> {
    if let Some(Value::Number(value)) = cell.value
        && value.is_finite()
    {
        return Ok(value);
    }
    let (path, column, row) = (cell.path.into(), column.into(), cell.in_file as usize);
    Err(match cell.value {
        Some(Value::Number(value)) => {
            DatasetError::NotFinite { path, column, trajectory, row, value }
        }
        _ => DatasetError::Null { path, column, trajectory: Some(trajectory), row },
    })
}
