//! Finished and unfinished work on disk, so that a run that was stopped goes on where it was.
//!
//! Each finished piece is one file, `<name>.unit` (CBOR), together with a key: the text of all that
//! it depends on. A piece whose key is another is made again. While a model is trained, its
//! checkpoints are in the folder `<name>`, which goes when it is done. How long the phases of a
//! piece took is in `<name>.times`, so that pieces that several machines made can be put together
//! by copying their files.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ExperimentError;
use super::files::{load, make_folder, save};
use super::stopwatch::Stopwatch;
use crate::dataset::FolderLock;

/// A folder of pieces of work.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Makes the folder.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn new(folder: PathBuf) -> Result<Self, ExperimentError> {
        make_folder(&folder)?;
        Ok(Self { folder })
    }

    /// The finished piece of this name, or `make` it, with a folder for its checkpoints and a clock
    /// for its phases, and keep it; also the seconds of its phases and whether it was made now.
    ///
    /// # Errors
    /// Those of `make`; [`ExperimentError::Saved`].
    pub fn finished<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        key: &str,
        make: impl FnOnce(&Path, &mut Stopwatch) -> Result<T, ExperimentError>,
    ) -> Result<Finished<T>, ExperimentError> {
        let [path, times] =
            ["unit", "times"].map(|ending| self.folder.join(format!("{name}.{ending}")));
        let checkpoints = self.folder.join(name);
        let failed = |error: std::io::Error| ExperimentError::Saved {
            path: checkpoints.clone(),
            message: error.to_string(),
        };
        if let Some((_, piece)) = load::<(String, T)>(&path).filter(|(saved, _)| saved == key) {
            // Left by a run that was killed just here.
            if checkpoints.exists() {
                fs::remove_dir_all(&checkpoints).map_err(failed)?;
            }
            return Ok(Finished { piece, seconds: load(&times).unwrap_or_default(), made: false });
        }
        let _lock = FolderLock::take(&checkpoints)?;
        let mut clock = Stopwatch::resuming(checkpoints.join("seconds"), key);
        let piece = make(&checkpoints, &mut clock)?;
        let seconds: Vec<(String, f64)> =
            clock.laps().iter().map(|(phase, s)| ((*phase).to_string(), *s)).collect();
        save(&times, &seconds)?;
        save(&path, &(key, &piece))?;
        fs::remove_dir_all(&checkpoints).map_err(failed)?;
        Ok(Finished { piece, seconds, made: true })
    }
}

/// A finished piece of work.
#[derive(Clone, Debug)]
pub struct Finished<T> {
    /// The piece itself.
    pub piece: T,
    /// Name of each phase of the work with the seconds that it took.
    pub seconds: Vec<(String, f64)>,
    /// Whether this run made it; else an earlier one did.
    pub made: bool,
}
