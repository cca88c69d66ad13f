//! How long things took: kept apart from all other results, which are the same byte for byte when
//! made again.

use std::path::PathBuf;

use super::error::ExperimentError;
use crate::dataset::frames::{self, Metadata};
use crate::report::tables::{self, TimingRow};

/// The rows of `timings.parquet`. Those of work that is not done again stay.
pub struct Timings {
    path: PathBuf,
    rows: Vec<TimingRow>,
}

impl Timings {
    /// Begins with the rows of an earlier run, if there are any to read.
    pub fn new(path: PathBuf) -> Self {
        let rows = read(&path).unwrap_or_default();
        Self { path, rows }
    }

    /// Adds a row, in the place of an older one of the same phase, model and seed.
    pub fn add(&mut self, phase: &str, model: &str, seed: u64, seconds: f64) {
        let detail = format!("threads: {}", rayon::current_num_threads());
        let row = TimingRow { phase: phase.into(), model: model.into(), seed, seconds, detail };
        let same =
            |old: &&mut TimingRow| (&*old.phase, &*old.model, old.seed) == (phase, model, seed);
        match self.rows.iter_mut().find(same) {
            Some(old) => *old = row,
            None => self.rows.push(row),
        }
    }

    /// Writes the table.
    pub fn save(&self, metadata: &Metadata) -> Result<(), ExperimentError> {
        Ok(tables::write(&self.path, &self.rows, metadata)?)
    }

    /// Seconds of a phase, over all models and seeds.
    pub fn total(&self, phase: &str) -> f64 {
        self.rows.iter().filter(|row| row.phase == phase).map(|row| row.seconds).sum()
    }
}

fn read(path: &std::path::Path) -> Option<Vec<TimingRow>> {
    let (frame, _) = frames::read_parquet(path, None).ok()?;
    let words = |name: &str| Some(frame.column(name).ok()?.str().ok()?.clone());
    let (phase, model, detail) = (words("phase")?, words("model")?, words("detail")?);
    let (seed, seconds) =
        (frame.column("seed").ok()?.u64().ok()?, frame.column("seconds").ok()?.f64().ok()?);
    let row = |i: usize| {
        let word = |column: &polars::prelude::StringChunked| column.get(i).map(String::from);
        Some(TimingRow {
            phase: word(&phase)?,
            model: word(&model)?,
            seed: seed.get(i)?,
            seconds: seconds.get(i)?,
            detail: word(&detail)?,
        })
    };
    (0..frame.height()).map(row).collect()
}
