//! Single files of saved work, and folders.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ExperimentError;
use crate::dataset::{self, files::write_atomically};

/// Writes `content` (as CBOR), whole or not at all.
pub(super) fn save(path: &Path, content: &impl Serialize) -> Result<(), ExperimentError> {
    let failed = |message: String| ExperimentError::Saved { path: path.into(), message };
    let mut bytes = Vec::new();
    ciborium::into_writer(content, &mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(write_atomically(path, |file| file.write_all(&bytes))?)
}

/// What is in a file, unless it is absent, damaged or something else.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    ciborium::from_reader(fs::read(path).ok()?.as_slice()).ok()
}

/// Makes a folder and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), ExperimentError> {
    fs::create_dir_all(path)
        .map_err(|source| dataset::DatasetError::Folder { path: path.into(), source }.into())
}
