//! Which files a path means.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::dataset::{DatasetError, Format};

/// Endings of names that are read, and as what.
const ENDINGS: [(&str, Format); 12] = [
    ("parquet", Format::Parquet),
    ("pq", Format::Parquet),
    ("csv", Format::Csv),
    ("tsv", Format::Csv),
    ("txt", Format::Csv),
    ("dat", Format::Csv),
    ("arrow", Format::Arrow),
    ("feather", Format::Arrow),
    ("ipc", Format::Arrow),
    ("npz", Format::Npz),
    ("xyz", Format::Xyz),
    ("extxyz", Format::Xyz),
];
/// What a message says of them.
const READ: &str = ".parquet, .csv, .tsv, .txt, .dat, .arrow, .feather, .npz, .xyz or .extxyz";
const WRITTEN: &str = ".parquet or .csv";

/// The format of a file by the ending of its name.
pub fn format_of(path: &Path) -> Option<Format> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, format)| *format)
}

/// Whether a name ends so, in letters of either case.
pub(super) fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending))
}

/// The format that a table is written in.
///
/// # Errors
/// [`DatasetError::UnknownExtension`].
pub(super) fn format_to_write(path: &Path) -> Result<Format, DatasetError> {
    if has_ending(path, "parquet") {
        Ok(Format::Parquet)
    } else if has_ending(path, "csv") {
        Ok(Format::Csv)
    } else {
        Err(DatasetError::UnknownExtension { path: path.into(), accepted: WRITTEN })
    }
}

/// The files of a table: a file, those below a folder, or those that a pattern such as
/// `runs/*.csv` fits; by name.
///
/// # Errors
/// [`DatasetError::Unreadable`], [`DatasetError::UnknownExtension`], [`DatasetError::NothingFound`],
/// [`DatasetError::SeveralKinds`] for a folder of more than one kind of file.
pub fn table_files(path: &Path) -> Result<Vec<(PathBuf, Format)>, DatasetError> {
    let unreadable = |source| DatasetError::Unreadable { path: path.into(), source };
    let known = |file: PathBuf| match format_of(&file) {
        Some(format) => Ok((file, format)),
        None => Err(DatasetError::UnknownExtension { path: file, accepted: READ }),
    };
    let text = path.to_string_lossy();
    let found = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let mut found = Vec::new();
            let is_hidden = |file: &Path| {
                file.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."))
            };
            let is_wanted = |file: &Path, is_folder: bool| {
                !is_hidden(file) && (is_folder || format_of(file).is_some())
            };
            collect(path, &is_wanted, &mut found).map_err(unreadable)?;
            let kinds: BTreeSet<&str> =
                found.iter().filter_map(|file| format_of(file)).map(Format::name).collect();
            if kinds.len() > 1 {
                let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
                return Err(DatasetError::SeveralKinds { path: path.into(), kinds });
            }
            found
        }
        Ok(_) => vec![path.into()],
        Err(_) if text.contains(['*', '?', '[']) => matching(&text).map_err(unreadable)?,
        Err(error) => return Err(unreadable(error)),
    };
    if found.is_empty() {
        return Err(DatasetError::NothingFound { path: path.into(), accepted: READ });
    }
    found.into_iter().map(known).collect()
}

fn matching(pattern: &str) -> io::Result<Vec<PathBuf>> {
    let paths = glob::glob(pattern).map_err(io::Error::other)?;
    let paths = paths.collect::<Result<Vec<_>, _>>().map_err(io::Error::from)?;
    Ok(paths.into_iter().filter(|path| !path.is_dir()).collect())
}

/// The wanted files below a folder and those of its folders that are wanted, by name.
pub(super) fn collect(
    folder: &Path,
    is_wanted: &dyn Fn(&Path, bool) -> bool,
    found: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Links to folders are not followed: they may lead round in a circle.
        let is_folder = entry.file_type()?.is_dir();
        if !is_wanted(&path, is_folder) {
            continue;
        }
        if is_folder { collect(&path, is_wanted, found)? } else { found.push(path) }
    }
    Ok(())
}
