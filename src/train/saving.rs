//! The state of a training on disk, and how a training is stopped from outside.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::TrainError;
use crate::dataset::files::write_atomically;

/// Where a training saves its state, so that a later run goes on from it, and how it is stopped.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    /// A file; for trainings of several stages a folder.
    pub path: &'a Path,
    /// Names the problem (data, model, settings): what was saved under another key is not
    /// continued.
    pub key: &'a str,
    /// Once this is true, set by another thread or a signal, the state is saved and training ends
    /// with [`TrainError::Stopped`].
    pub stop: Option<&'a AtomicBool>,
}

impl<'a> From<(&'a Path, &'a str)> for Saving<'a> {
    /// Never stopped.
    fn from((path, key): (&'a Path, &'a str)) -> Self {
        Self { path, key, stop: None }
    }
}

impl Saving<'_> {
    /// This place and way to stop, for one stage of the training, whose file is `path`.
    pub(super) fn at<'b>(&'b self, path: &'b Path) -> Saving<'b> {
        Saving { path, ..*self }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// What another version of this crate wrote, or nobody did, counts as nothing.
    pub(super) fn load<T: DeserializeOwned>(&self) -> Result<Option<T>, TrainError> {
        match std::fs::read(self.path) {
            Ok(bytes) => Ok(ciborium::from_reader(bytes.as_slice()).ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn save(&self, state: &impl Serialize) -> Result<(), TrainError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(state, &mut bytes).map_err(|error| self.failed(error))?;
        write_atomically(self.path, |file| std::io::Write::write_all(file, &bytes))
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: impl ToString) -> TrainError {
        TrainError::Checkpoint { path: self.path.into(), message: error.to_string() }
    }
}
