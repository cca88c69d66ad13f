//! One writer to a folder at a time, and the leftovers of writers that were killed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::DatasetError;
use super::files::PARTIAL;

/// The right to write into a folder. The system takes it back when this is dropped or the process
/// ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// The file that is locked; it stays, empty.
const NAME: &str = ".lock";

impl FolderLock {
    /// Makes the folder and takes the right to write there; clears away the unfinished files of a
    /// run that was killed.
    ///
    /// # Errors
    /// [`DatasetError::Folder`] where no file can be made, [`DatasetError::Busy`] while another run
    /// holds the right.
    pub fn take(folder: &Path) -> Result<Self, DatasetError> {
        let lock = Self::of(folder, File::try_lock)?;
        clear(folder).map_err(|source| DatasetError::Folder { path: folder.into(), source })?;
        Ok(lock)
    }

    /// Makes the folder and takes a right that others may share, who write other files there.
    ///
    /// # Errors
    /// Those of [`take`](Self::take).
    pub fn share(folder: &Path) -> Result<Self, DatasetError> {
        Self::of(folder, File::try_lock_shared)
    }

    fn of(
        folder: &Path,
        lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, DatasetError> {
        let failed = |source| DatasetError::Folder { path: folder.into(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(NAME))
            .map_err(failed)?;
        match lock(&file) {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DatasetError::Busy { path: folder.into() }),
            // Some network file systems have no locks: then two runs are the user's own care.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(Self { _file: file })
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Removes files that [`write_atomically`](super::files::write_atomically) began and did not end,
/// in the folder and below.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let unfinished = |name: &str| name.starts_with('.') && name.ends_with(PARTIAL);
        if entry.file_type()?.is_dir() {
            clear(&entry.path())?;
        } else if entry.file_name().to_str().is_some_and(unfinished) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regress_a_folder_has_one_writer_and_no_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        for name in [".table.csv.17-3.partial", "kept.partial", ".kept"] {
            fs::write(below.join(name), "x").unwrap();
        }
        let lock = FolderLock::take(folder.path()).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&below).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".kept", "kept.partial"]);
        let busy = FolderLock::take(folder.path()).unwrap_err();
        assert!(matches!(&busy, DatasetError::Busy { path } if path == folder.path()), "{busy}");
        assert!(FolderLock::share(folder.path()).is_err());
        drop(lock);
        let shares =
            [FolderLock::share(folder.path()).unwrap(), FolderLock::share(folder.path()).unwrap()];
        assert!(FolderLock::take(folder.path()).is_err());
        drop(shares);
        FolderLock::take(folder.path()).unwrap();
        let file = below.join(".kept");
        assert!(
            matches!(FolderLock::take(&file).unwrap_err(), DatasetError::Folder { path, .. } if path == file)
        );
    }
}
