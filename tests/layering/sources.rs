//! The sources of the crate as tests read them.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, as (path from the crate's root with `/`, text), sorted.
pub fn rust_files(folder: &str) -> Vec<(String, String)> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.sort();
    let name =
        |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// The text without what is inside comments, strings and characters; line breaks stay.
pub fn code_only(text: &str) -> String {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let word = |i: usize| at(i).is_alphanumeric() || at(i) == '_';
    let (mut out, mut i) = (String::new(), 0);
    while i < c.len() {
        let start = i;
        let hashes = (i + 1..).take_while(|&k| at(k) == '#').count();
        if at(i) == '/' && at(i + 1) == '/' {
            i = (i..c.len()).find(|&k| c[k] == '\n').unwrap_or(c.len());
        } else if at(i) == '/' && at(i + 1) == '*' {
            let mut depth = 1;
            i += 2;
            while i < c.len() && depth > 0 {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
            }
        } else if at(i) == 'r'
            && at(i + 1 + hashes) == '"'
            && (i == 0 || !word(i - 1) || at(i - 1) == 'b')
        {
            let close: Vec<char> =
                std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            i = (i + 2 + hashes..c.len()).find(|&k| c[k..].starts_with(&close)).unwrap_or(c.len())
                + close.len();
        } else if at(i) == '"' {
            i += 1;
            while i < c.len() && c[i] != '"' {
                i += if c[i] == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if at(i) == '\'' && at(i + 1) == '\\' {
            i = (i + 3..c.len()).find(|&k| c[k] == '\'').unwrap_or(c.len()) + 1;
        } else if at(i) == '\'' && at(i + 2) == '\'' {
            i += 3;
        } else {
            out.push(c[i]);
            i += 1;
            continue;
        }
        out.extend(c[start..i.min(c.len())].iter().filter(|&&x| x == '\n'));
    }
    out
}

/// The code without the items under `#[cfg(test)]`, which end (rustfmt sees to it) with `}` or `;`
/// at their own indentation.
pub fn without_tests(code: &str) -> String {
    let indentation = |line: &str| line.len() - line.trim_start().len();
    let mut out = String::new();
    let mut skipping = None;
    for line in code.lines() {
        if skipping.is_none() && line.trim_start().starts_with("#[cfg(test)]") {
            skipping = Some(indentation(line));
        }
        match skipping {
            Some(depth)
                if indentation(line) == depth && (line.trim_end().ends_with(['}', ';'])) =>
            {
                skipping = None
            }
            Some(_) => {}
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}
