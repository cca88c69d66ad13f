//! Outcomes in a file, a line of JSON for each, that a later run goes on with.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::de::DeserializeOwned;

/// The outcomes of an earlier run, and the file, to which more are appended. A last line that was
/// cut off is left out, and ended.
pub fn open<T: DeserializeOwned>(path: &Path) -> io::Result<(Vec<T>, File)> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if !text.is_empty() && !text.ends_with('\n') {
        file.write_all(b"\n")?;
    }
    Ok((text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(), file))
}
