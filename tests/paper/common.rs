//! What runs leave behind, and whether two left the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// All files below a folder, by their path in it, but those (and folders) that are `skipped`.
pub fn files_below(folder: &Path, skipped: fn(&Path) -> bool) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(
        (base, folder): (&Path, &Path),
        skipped: fn(&Path) -> bool,
        found: &mut BTreeMap<PathBuf, Vec<u8>>,
    ) {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| !skipped(path)) {
            if path.is_dir() {
                collect((base, &path), skipped, found);
            } else {
                found.insert(path.strip_prefix(base).unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect((folder, folder), skipped, &mut found);
    found
}

/// Compares runs file by file, so that a failure names the file instead of printing it.
pub fn assert_same(a: &BTreeMap<PathBuf, Vec<u8>>, b: &BTreeMap<PathBuf, Vec<u8>>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (path, bytes) in a {
        assert!(bytes == &b[path], "{} differs", path.display());
    }
}
