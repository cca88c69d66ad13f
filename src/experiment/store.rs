//! Finished and unfinished work on disk, so that a run that was stopped goes on where it was.
//!
//! Each finished piece is one file, `<name>.unit` (CBOR), together with a key: the text of all that it depends on. A piece whose key
//! is another is made again. While a model is trained, its checkpoints are in the folder `<name>`, which goes when it is done.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::dataset::files::write_atomically;

/// A folder of pieces of work.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// Makes the folder.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn new(folder: PathBuf) -> Result<Self, Error> {
        make_folder(&folder)?;
        Ok(Self { folder })
    }

    /// The finished piece of this name, or `make` it, with a folder for its checkpoints, and keep it; also whether it was made.
    ///
    /// # Errors
    /// Those of `make`; [`Error::Saved`].
    pub fn finished<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        key: &str,
        make: impl FnOnce(&Path) -> Result<T, Error>,
    ) -> Result<(T, bool), Error> {
        let (path, checkpoints) = (self.folder.join(format!("{name}.unit")), self.folder.join(name));
        if let Some(piece) = load(&path, key) {
            return Ok((piece, false));
        }
        make_folder(&checkpoints)?;
        let piece = make(&checkpoints)?;
        let failed = |path: &Path, message: String| Error::Saved { path: path.into(), message };
        let mut bytes = Vec::new();
        ciborium::into_writer(&(key, &piece), &mut bytes).map_err(|error| failed(&path, error.to_string()))?;
        write_atomically(&path, |file| file.write_all(&bytes))?;
        fs::remove_dir_all(&checkpoints).map_err(|error| failed(&checkpoints, error.to_string()))?;
        Ok((piece, true))
    }
}

/// The piece in a file, unless it is absent, damaged or of another key: then it is made again.
fn load<T: DeserializeOwned>(path: &Path, key: &str) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    let (saved, piece): (String, T) = ciborium::from_reader(bytes.as_slice()).ok()?;
    (saved == key).then_some(piece)
}

/// Makes a folder and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|source| Error::Folder { path: path.into(), source })
}
