//! The guides of docs/: every `sh` block is run, and each line of the `text` block after it must be
//! among what it prints. Their Rust blocks are doctests.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Blocks of a guide in their order: language and text.
fn blocks(guide: &str) -> Vec<(&str, &str)> {
    let fenced = guide.split("```").skip(1).step_by(2);
    fenced
        .map(|block| block.split_once('\n').unwrap())
        .map(|(language, text)| (language.trim(), text))
        .collect()
}

/// A folder with a program `cargo` that starts the examples as they were built beside this test.
fn cargo(folder: &Path) -> PathBuf {
    let examples = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples");
    assert!(
        examples.join("laws").exists(),
        "the examples are not built: cargo test --no-run builds them"
    );
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2\" = \"run --example\" ] || exit 64\nexample=$3\nshift 3\n[ $# -eq 0 ] || shift\nexec {}/$example \"$@\"\n",
        examples.display()
    );
    let path = folder.join("cargo");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder.into()
}

fn run(program: &str, text: &str, cargo: &Path, folder: &Path) -> (bool, String) {
    let paths = format!("{}:{}", cargo.display(), std::env::var("PATH").unwrap());
    let arguments: &[&str] = if program == "sh" { &["-euc", text] } else { &["-c", text] };
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", paths)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [out, errors] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), out + &errors)
}

/// Runs a guide in a folder of its own.
fn follow(name: &str) {
    let guide = fs::read_to_string(root().join("docs").join(name)).unwrap();
    let (tools, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cargo = cargo(tools.path());
    let python = Command::new("python3")
        .args(["-c", "import polars"])
        .output()
        .is_ok_and(|output| output.status.success());
    let (mut commands, mut printed) = (0, String::new());
    for (language, text) in blocks(&guide) {
        match language {
            "sh" | "python" if language == "sh" || python => {
                let program = if language == "sh" { "sh" } else { "python3" };
                let (success, output) = run(program, text, &cargo, folder.path());
                assert!(success, "{name}:\n{text}\nfailed:\n{output}");
                (commands, printed) = (commands + 1, output);
            }
            "text" => text.lines().for_each(|line| {
                assert!(printed.contains(line), "{name}: `{line}` is not in\n{printed}")
            }),
            "python" | "rust" => {}
            other => panic!("{name}: a block of `{other}`"),
        }
    }
    assert!(commands > 0, "{name} has no commands");
}

#[test]
fn guide_to_your_own_data() {
    follow("your-own-data.md");
}

#[test]
fn guide_to_reading_results() {
    follow("reading-results.md");
}

#[test]
fn guide_to_a_new_force_law() {
    follow("new-force-law.md");
}

#[test]
fn guide_to_a_new_model() {
    follow("new-model.md");
}

#[test]
fn readme_links_every_guide_and_doctests_run_them() {
    let [readme, library] =
        ["README.md", "src/lib.rs"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(readme.contains(&format!("(docs/{name})")), "README.md has no link to docs/{name}");
        assert!(
            library.contains(&format!("../docs/{name}")),
            "src/lib.rs does not run the Rust blocks of docs/{name}"
        );
    }
}
