//! The crates that this one is built of: listed with their reasons, under licences that go together.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Licences that code under MIT or Apache-2.0 may be linked with on its own terms.
const ACCEPTED: [&str; 9] = [
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "Zlib",
    "Unlicense",
    "Unicode-3.0",
    "Apache-2.0 WITH LLVM-exception",
];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let version = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    // Of other platforms nothing is built, and nothing may be here.
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo's metadata")
}

/// Whether an expression of licences, alternatives by `OR` or `/`, allows what is accepted.
fn is_accepted(licence: &str) -> bool {
    let all = |one: &str| {
        one.split(" AND ").all(|part| ACCEPTED.contains(&part.trim_matches(['(', ')', ' '])))
    };
    if let Some((left, right)) = licence.split_once(") AND ") {
        return is_accepted(left.trim_start_matches('(')) && is_accepted(right);
    }
    licence.split(" OR ").flat_map(|part| part.split('/')).any(all)
}

#[test]
fn dependencies_are_listed_with_their_reasons() {
    let listed: BTreeSet<String> = include_str!("../../docs/dependencies.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split(" |").next())
        .filter(|names| *names != "crate")
        .flat_map(|names| names.split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let own = packages.iter().find(|p| p["name"] == env!("CARGO_PKG_NAME")).expect("this crate");
    let needed: BTreeSet<String> = own["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter()
        .map(|d| d["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(listed, needed);
}

#[test]
fn dependencies_have_licences_that_go_together() {
    assert!(is_accepted("(MIT OR Apache-2.0) AND Unicode-3.0") && is_accepted("MIT OR GPL-3.0"));
    assert!(!is_accepted("GPL-3.0") && !is_accepted("MIT AND GPL-3.0"));
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_accepted(licence), "{}: `{licence}`", package["name"]);
    }
}
