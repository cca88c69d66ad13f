//! A small table, in whatever file.

use std::fs;
use std::path::{Path, PathBuf};

use scalar_dynamics::dataset::{ReadOptions, Shape, TrajectoryTable, read_table};
use tempfile::TempDir;

/// Rows of every table here: time, position, momentum.
pub const ROWS: [[f64; 3]; 4] =
    [[0.0, 0.5, -1.0], [0.25, 0.75, -0.5], [0.5, 1.0, 0.0], [0.75, 1.25, 0.5]];

/// A folder with one file in it.
pub struct Only {
    pub folder: TempDir,
    pub path: PathBuf,
}

pub fn only(name: &str, bytes: impl AsRef<[u8]>) -> Only {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Only { folder, path }
}

pub fn columns(pairs: &[(&str, &str)]) -> ReadOptions {
    let columns = pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    ReadOptions { columns, ..ReadOptions::default() }
}

pub fn read(path: &Path, options: &ReadOptions) -> TrajectoryTable {
    read_table(path, options).unwrap_or_else(|error| panic!("{error}")).0
}

pub fn error(name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> String {
    read_table(&only(name, bytes).path, options).unwrap_err().to_string()
}

/// That a table is [`ROWS`], as one run.
#[track_caller]
pub fn assert_rows(table: &TrajectoryTable) {
    assert_eq!(table.shape, Shape { particles: 1, dimension: 1 });
    assert_eq!(table.trajectories.len(), 1);
    let run = &table.trajectories[0];
    for ((row, t), state) in ROWS.iter().zip(&run.times).zip(run.states.rows()) {
        assert_eq!([*t, state[0], state[1]], *row);
    }
    assert_eq!(run.times.len(), ROWS.len());
}

/// The rows as text, cells between `separator`, a comma in numbers where `comma` says so.
pub fn text(header: &str, separator: &str, comma: bool, end: &str) -> String {
    let cell = |x: &f64| {
        let x = format!("{x:.3}");
        if comma { x.replace('.', ",") } else { x }
    };
    let line = |row: &[f64; 3]| row.iter().map(cell).collect::<Vec<_>>().join(separator) + end;
    format!("{header}{}", ROWS.iter().map(line).collect::<String>())
}

/// Column k of [`ROWS`].
pub fn column(k: usize) -> Vec<f64> {
    ROWS.iter().map(|row| row[k]).collect()
}
