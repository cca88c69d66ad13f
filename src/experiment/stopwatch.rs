//! How long the phases of a piece of work take, also of one that was stopped and continued.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::files;

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
    /// Starts the first lap.
    pub fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new(), before: 0.0, notes: None }
    }

    /// Starts with the seconds that an earlier run of the work with this key noted in a file.
    pub fn resuming(path: PathBuf, key: &str) -> Self {
        let noted = files::load::<(String, f64)>(&path).filter(|(saved, _)| saved == key);
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
            let _ = files::save(path, &(&*key, so_far));
            *written = Instant::now();
        }
    }

    /// Ends the lap that is under way, the work of this phase, and starts the next.
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
