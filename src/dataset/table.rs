//! Tables of trajectories in files.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::str::FromStr;

use ndarray::Array2;
use polars::prelude::{Column, DataFrame, DataType};
use polars_io::SerReader;
use polars_io::prelude::CsvReadOptions;

use super::files::{self, Metadata, ParquetSummary};
use super::layout::{Layout, state_columns};
use super::{Error, Format, Trajectory, TrajectoryTable};

/// Reads a table of trajectories from a Parquet (`.parquet`) or CSV (`.csv`) file.
///
/// One row per state: `trajectory` (integer id), `t`, and for each particle i = 1..N its position `q{i}_x`, `q{i}_y`, `q{i}_z` and momentum
/// `p{i}_*`, in any order; in two dimensions there is no `_z`, in one neither `_y`. Particles and dimension are read off the names. In
/// place of momenta there may be velocities `v{i}_*`, times `masses` (particle, from 1, to mass). Numbers may be of any width, integer
/// or float. The rows of a trajectory need not stand together: they are collected by id in the file's order, in which times must
/// increase. Trajectories come out by increasing id.
///
/// Besides the table come warnings, one for each thing that is ignored: further columns, masses of a table with momenta.
///
/// # Errors
/// An [`Error`] naming file, column, trajectory and row for whatever the format doesn't allow.
pub fn read_table(path: &Path, masses: &BTreeMap<usize, f64>) -> Result<(TrajectoryTable, Vec<String>), Error> {
    if let Some((&particle, &mass)) = masses.iter().find(|(_, mass)| !(mass.is_finite() && **mass > 0.0)) {
        return Err(Error::BadMass { particle, mass });
    }
    let format = format_of(path)?;
    let (frame, layout, metadata) = read_frame(path, format)?;
    let source = Source { path, format, frame };
    let factors = mass_factors(path, &layout, masses)?;
    let ids = source.ids()?;
    if ids.is_empty() {
        return Err(Error::NoRows { path: path.into() });
    }
    let times = source.numbers("t", &ids)?;
    let columns = layout.columns.iter().map(|name| source.numbers(name, &ids)).collect::<Result<Vec<_>, _>>()?;

    let mut rows_of: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, &id) in ids.iter().enumerate() {
        rows_of.entry(id).or_default().push(row);
    }
    for (&trajectory, rows) in &rows_of {
        source.check_times(trajectory, rows, &times)?;
    }
    let assemble = |(id, rows): (i64, Vec<usize>)| Trajectory {
        id,
        times: rows.iter().map(|&row| times[row]).collect(),
        states: Array2::from_shape_fn((rows.len(), columns.len()), |(i, k)| columns[k][rows[i]] * factors[k]),
    };
    let trajectories = rows_of.into_iter().map(assemble).collect();
    let warnings = warnings(path, &layout, masses);
    Ok((TrajectoryTable { shape: layout.shape, trajectories, metadata }, warnings))
}

/// Writes a table of trajectories as Parquet, its metadata in the footer, or (by the name's ending) as CSV, without metadata. Same table, same bytes.
///
/// # Errors
/// [`Error::BadTrajectory`] if states don't fit the table's shape or its own times, [`Error::UnknownExtension`], [`Error::Unwritable`].
pub fn write_table(path: &Path, table: &TrajectoryTable) -> Result<(), Error> {
    let format = format_of(path)?;
    let expected = table.shape.state_len();
    for trajectory in &table.trajectories {
        let (rows, components) = trajectory.states.dim();
        if components != expected || rows != trajectory.times.len() {
            let reason = format!(
                "{rows} states of {components} numbers at {} times; states of {expected} numbers are accepted",
                trajectory.times.len()
            );
            return Err(Error::BadTrajectory { trajectory: trajectory.id, reason });
        }
    }
    let all = || table.trajectories.iter();
    let ids: Vec<i64> = all().flat_map(|trajectory| std::iter::repeat_n(trajectory.id, trajectory.times.len())).collect();
    let times: Vec<f64> = all().flat_map(|trajectory| trajectory.times.iter().copied()).collect();
    let mut columns = vec![Column::new("trajectory".into(), ids), Column::new("t".into(), times)];
    for (k, name) in state_columns(table.shape, 'p').into_iter().enumerate() {
        let values: Vec<f64> = all().flat_map(|trajectory| trajectory.states.column(k)).copied().collect();
        columns.push(Column::new(name.into(), values));
    }
    let mut frame = DataFrame::new_infer_height(columns)
        .map_err(|error| Error::Unwritable { path: path.into(), source: std::io::Error::other(error) })?;
    match format {
        Format::Parquet => files::write_parquet(path, &mut frame, &table.metadata),
        Format::Csv => files::write_csv(path, &mut frame),
    }
}

fn format_of(path: &Path) -> Result<Format, Error> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("parquet") => Ok(Format::Parquet),
        Some("csv") => Ok(Format::Csv),
        _ if path.is_dir() => Err(Error::Directory { path: path.into() }),
        _ => Err(Error::UnknownExtension { path: path.into() }),
    }
}

/// The columns that matter, and the footer's metadata if there is one. Cells of a CSV file stay text, so that a bad one can be quoted.
fn read_frame(path: &Path, format: Format) -> Result<(DataFrame, Layout, Metadata), Error> {
    let layout = |names: &[String]| {
        Layout::infer(names).map_err(|m| Error::MissingColumn { path: path.into(), column: m.column, accepted: m.accepted })
    };
    match format {
        Format::Parquet => {
            let columns = files::parquet_summary(path)?.columns;
            let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
            let layout = layout(&names)?;
            let wanted: Vec<_> = ["trajectory", "t"].map(String::from).into_iter().chain(layout.columns.iter().cloned()).collect();
            if let Some((column, dtype)) =
                columns.iter().find(|(name, dtype)| wanted.contains(name) && !ParquetSummary::is_readable(dtype))
            {
                let (column, found) = (column.clone(), format!("values of type {dtype}"));
                return Err(Error::ColumnType {
                    path: path.into(),
                    column,
                    found,
                    accepted: "integers of any width and floats of 32 or 64 bits are",
                });
            }
            let (frame, metadata) = files::read_parquet(path, Some(&wanted))?;
            Ok((frame, layout, metadata))
        }
        Format::Csv => {
            let bytes = files::read_bytes(path)?;
            let text = |_| Error::Corrupt { path: path.into(), format: Format::Csv, reason: "it isn't text in UTF-8".into() };
            std::str::from_utf8(&bytes).map_err(text)?;
            let options =
                CsvReadOptions::default().with_infer_schema_length(Some(0)).with_n_threads(Some(1)).with_raise_if_empty(false);
            let reader = options.into_reader_with_file_handle(Cursor::new(bytes));
            let frame = files::guarded(path, Format::Csv, || reader.finish())?;
            let names: Vec<String> = frame.get_column_names().into_iter().map(|name| name.to_string()).collect();
            let layout = layout(&names)?;
            Ok((frame, layout, Metadata::new()))
        }
    }
}

/// What to multiply each column with to make a state: masses for velocities, else 1.
fn mass_factors(path: &Path, layout: &Layout, masses: &BTreeMap<usize, f64>) -> Result<Vec<f64>, Error> {
    let mut factors = vec![1.0; layout.columns.len()];
    if !layout.velocities {
        return Ok(factors);
    }
    let particles = layout.shape.particles;
    if let Some(&particle) = masses.keys().find(|particle| !(1..=particles).contains(*particle)) {
        return Err(Error::UnknownParticle { path: path.into(), particle, particles });
    }
    let (_, velocities) = factors.split_at_mut(layout.columns.len() / 2);
    for (particle, factors) in (1..).zip(velocities.chunks_mut(layout.shape.dimension)) {
        let mass = masses.get(&particle).ok_or_else(|| Error::MissingMass { path: path.into(), particle })?;
        factors.fill(*mass);
    }
    Ok(factors)
}

fn warnings(path: &Path, layout: &Layout, masses: &BTreeMap<usize, f64>) -> Vec<String> {
    let mut warnings = Vec::new();
    if !layout.ignored.is_empty() {
        warnings.push(format!("{}: ignored columns: {}", path.display(), layout.ignored.join(", ")));
    }
    if !layout.velocities && !masses.is_empty() {
        warnings.push(format!("{}: ignored masses: the table has momenta", path.display()));
    }
    warnings
}

/// A file's columns, still unchecked.
struct Source<'a> {
    path: &'a Path,
    format: Format,
    frame: DataFrame,
}

impl Source<'_> {
    fn ids(&self) -> Result<Vec<i64>, Error> {
        const ACCEPTED: &str = "integers are";
        let name = "trajectory";
        let cells: Vec<Option<i64>> = match self.format {
            Format::Csv => self.parse(name, ACCEPTED)?,
            Format::Parquet => {
                let numbers = self.cast(name, &DataType::Int64, DataType::is_integer, ACCEPTED)?;
                numbers.i64().map(|cells| cells.iter().collect()).map_err(|error| self.wrong_type(name, error, ACCEPTED))?
            }
        };
        let null = |row| Error::Null { path: self.path.into(), column: name.into(), trajectory: None, row: row + 1 };
        cells.into_iter().enumerate().map(|(row, cell)| cell.ok_or_else(|| null(row))).collect()
    }

    fn numbers(&self, name: &str, ids: &[i64]) -> Result<Vec<f64>, Error> {
        const ACCEPTED: &str = "numbers are";
        let cells: Vec<Option<f64>> = match self.format {
            Format::Csv => self.parse(name, ACCEPTED)?,
            Format::Parquet => {
                let numbers = self.cast(name, &DataType::Float64, DataType::is_primitive_numeric, ACCEPTED)?;
                numbers.f64().map(|cells| cells.iter().collect()).map_err(|error| self.wrong_type(name, error, ACCEPTED))?
            }
        };
        let check = |(row, cell): (usize, Option<f64>)| {
            let (path, column, trajectory) = (self.path.into(), name.into(), ids[row]);
            match cell {
                Some(value) if value.is_finite() => Ok(value),
                Some(value) => Err(Error::NotFinite { path, column, trajectory, row: row + 1, value }),
                None => Err(Error::Null { path, column, trajectory: Some(trajectory), row: row + 1 }),
            }
        };
        cells.into_iter().enumerate().map(check).collect()
    }

    fn column(&self, name: &str) -> Result<&Column, Error> {
        let missing =
            |_| Error::MissingColumn { path: self.path.into(), column: name.into(), accepted: "the header names it".into() };
        self.frame.column(name).map_err(missing)
    }

    /// A column of numbers in the wanted width.
    fn cast(&self, name: &str, wanted: &DataType, fits: fn(&DataType) -> bool, accepted: &'static str) -> Result<Column, Error> {
        let column = self.column(name)?;
        if !fits(column.dtype()) {
            return Err(self.wrong_type(name, format!("values of type {}", column.dtype()), accepted));
        }
        column.strict_cast(wanted).map_err(|error| self.wrong_type(name, error, accepted))
    }

    /// A column of text, cell by cell; an empty cell is a null.
    fn parse<T: FromStr>(&self, name: &str, accepted: &'static str) -> Result<Vec<Option<T>>, Error> {
        let texts = self.column(name)?.str().map_err(|error| self.wrong_type(name, error, accepted))?;
        let parse = |(row, cell): (usize, Option<&str>)| match cell.map(str::trim).filter(|cell| !cell.is_empty()) {
            None => Ok(None),
            Some(cell) => match cell.parse() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.wrong_type(name, format!("{cell:?} in row {}", row + 1), accepted)),
            },
        };
        texts.iter().enumerate().map(parse).collect()
    }

    fn wrong_type(&self, column: &str, found: impl ToString, accepted: &'static str) -> Error {
        Error::ColumnType { path: self.path.into(), column: column.into(), found: found.to_string(), accepted }
    }

    fn check_times(&self, trajectory: i64, rows: &[usize], times: &[f64]) -> Result<(), Error> {
        if let [row] = rows {
            return Err(Error::OneRow { path: self.path.into(), trajectory, row: row + 1 });
        }
        match rows.windows(2).find(|pair| times[pair[1]] <= times[pair[0]]) {
            Some(&[before, row]) => {
                let (previous, time) = (times[before], times[row]);
                Err(Error::Time { path: self.path.into(), trajectory, row: row + 1, previous, time })
            }
            _ => Ok(()),
        }
    }
}
