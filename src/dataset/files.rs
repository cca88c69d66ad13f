//! Files written whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::DatasetError;

/// End of the name of a file that is being written.
pub(super) const PARTIAL: &str = ".partial";

/// Writes a file beside its place and moves it there when it is complete, so that a reader, or a
/// run that is stopped, never meets half a file.
///
/// # Errors
/// [`DatasetError::Unwritable`]; then nothing is left behind and an older file of that name is
/// untouched.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), DatasetError> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let unwritable = |source| DatasetError::Unwritable { path: path.into(), source };
    let name =
        path.file_name().ok_or_else(|| unwritable(io::Error::other("the path names no file")))?;
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let aside = path.with_file_name(format!(
        ".{}.{}-{number}{PARTIAL}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = File::create(&aside).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.into_inner()?.sync_all()?;
        fs::rename(&aside, path)
    });
    written.map_err(|error| {
        // Nothing better can be done if even this fails; the first error is the one to tell.
        let _ = fs::remove_file(&aside);
        unwritable(error)
    })
}

/// Writes text, whole or not at all.
///
/// # Errors
/// [`DatasetError::Unwritable`].
pub fn write_text(path: &Path, text: &str) -> Result<(), DatasetError> {
    write_atomically(path, |file| file.write_all(text.as_bytes()))
}
