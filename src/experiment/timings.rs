//! How long things took: kept apart from all other results, which are the same byte for byte when
//! made again.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Error, store};
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
    pub fn save(&self, metadata: &Metadata) -> Result<(), Error> {
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

/// Time since the last lap, also of a run that was stopped within it.
pub struct Stopwatch {
    last: Instant,
    laps: Vec<(&'static str, f64)>,
    /// Seconds of earlier runs in the lap that is under way.
    before: f64,
    /// File for the seconds of that lap, the key of the work, and when it was written.
    notes: Option<(PathBuf, String, Instant)>,
}

/// Time between two notes.
const BETWEEN_NOTES: Duration = Duration::from_secs(2);

impl Stopwatch {
    /// Starts.
    pub fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new(), before: 0.0, notes: None }
    }

    /// Starts with the seconds that an earlier run of the work with this key noted in a file.
    pub fn resuming(path: PathBuf, key: &str) -> Self {
        let noted = store::load::<(String, f64)>(&path).filter(|(saved, _)| saved == key);
        Self {
            before: noted.map_or(0.0, |noted| noted.1),
            notes: Some((path, key.into(), Instant::now())),
            ..Self::start()
        }
    }

    /// To be called now and then: notes the time of a lap that is under way.
    pub fn tick(&mut self) {
        let so_far = self.before + self.last.elapsed().as_secs_f64();
        if let Some((path, key, written)) =
            self.notes.as_mut().filter(|notes| notes.2.elapsed() > BETWEEN_NOTES)
        {
            // Without the note a time will be told too short, nothing else.
            let _ = store::save(path, &(&*key, so_far));
            *written = Instant::now();
        }
    }

    /// Ends a lap.
    pub fn lap(&mut self, phase: &'static str) {
        let now = Instant::now();
        self.laps.push((phase, self.before + (now - self.last).as_secs_f64()));
        (self.last, self.before) = (now, 0.0);
    }

    /// Phases and their seconds.
    pub fn laps(&self) -> &[(&'static str, f64)] {
        &self.laps
    }
}
