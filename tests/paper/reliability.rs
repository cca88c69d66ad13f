//! The examples as programs: killed, interrupted, out of space, two at a time. Whatever happens, an
//! old file stays or a whole new one takes its place, and the same command goes on to the same
//! bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::FolderLock;

use crate::common::{assert_same, files_below};

/// What `reproduce_figures` is to make: one model of each kind of training, tables, a figure; about
/// two seconds.
const UNITS: [&str; 10] = [
    "trajectories",
    "training",
    "table1",
    "recovered",
    "figure2",
    "scalars-hnn-reference",
    "scalars-hnn-spectral",
    "scalars-hnn-closed-form",
    "scalars-node-directions",
    "emlp-d6-node",
];

/// An example as cargo built it beside this test.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not built: cargo test --no-run builds it, or cargo build --example {name}",
        path.display()
    );
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn reproduce(folder: &Path) -> Command {
    let mut command = example("reproduce_figures");
    command.current_dir(folder).args(["--profile", "smoke", "--only"]).args(UNITS);
    command
}

fn recover(folder: &Path) -> Command {
    let mut command = example("recover_hamiltonian");
    command.current_dir(folder).args([
        "--input",
        "table.parquet",
        "--out",
        "law",
        "--vector",
        "g=0,0,-1",
    ]);
    command
}

/// A folder with a table of 40 chunks.
fn folder_with_table() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("table.parquet"),
        &FIRST.files[Path::new("data/smoke/trajectories/train.parquet")],
    )
    .unwrap();
    folder
}

/// An undisturbed run of `reproduce_figures`.
struct First {
    files: BTreeMap<PathBuf, Vec<u8>>,
    seconds: f64,
}

impl First {
    /// Where there are files at the end.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            self.files.keys().filter_map(|path| Some(path.parent()?.into())).collect();
        folders.dedup();
        folders
    }
}

static FIRST: LazyLock<First> = LazyLock::new(|| {
    let (folder, begin) = (tempfile::tempdir().unwrap(), Instant::now());
    done(reproduce(folder.path()).output().unwrap());
    First { files: files(folder.path()), seconds: begin.elapsed().as_secs_f64() }
});

fn done(output: Output) -> Output {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Files that tell times.
const TIMED: [&str; 6] =
    ["timings.parquet", "timings.json", "table1.md", "table1.tex", "seconds", ".lock"];

/// All files below a folder but those that tell times: saved work and leftovers too.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files_below(folder, |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        TIMED.contains(&name) || name.ends_with(".times")
    })
}

/// Waits for the end of a process, so long at most; whether it ended.
fn wait(child: &mut Child, at_most: Duration) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < at_most {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Kills a command at random moments and starts it again until it has ended by itself; the number
/// of kills.
fn killed_until_done(make: impl Fn() -> Command, longest: f64, rng: &mut ChaCha8Rng) -> usize {
    for kills in 0..1000 {
        let mut child = make().stdout(Stdio::null()).spawn().unwrap();
        if wait(&mut child, Duration::from_secs_f64(rng.random_range(0.0..longest))) {
            done(child.wait_with_output().unwrap());
            return kills;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("never done");
}

#[test]
fn kills_at_random_moments_change_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut kills = 0;
    while kills < 10 {
        let folder = tempfile::tempdir().unwrap();
        kills += killed_until_done(|| reproduce(folder.path()), FIRST.seconds, &mut rng);
        assert_same(&FIRST.files, &files(folder.path()));
    }
}

#[test]
fn kills_of_a_recovery_change_nothing() {
    let (whole, begin) = (folder_with_table(), Instant::now());
    done(recover(whole.path()).output().unwrap());
    let seconds = begin.elapsed().as_secs_f64();
    let folder = folder_with_table();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut kills = 0;
    while kills < 4 {
        kills += killed_until_done(|| recover(folder.path()), 1.1 * seconds, &mut rng);
        assert_same(&files(whole.path()), &files(folder.path()));
    }
}

/// A write that was under way.
fn unfinished(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<&Path> {
    let partial = |path: &&Path| path.to_str().unwrap().ends_with(".partial");
    files.keys().map(PathBuf::as_path).filter(partial).collect()
}

/// A file that this process is writing: there but not yet whole, or beside its place; none of those
/// that were struck before. What is made twice may be there of an earlier run, and of other length.
fn being_written(folder: &Path, process: u32, struck: &[String]) -> Option<String> {
    let new = |name: &String| !struck.contains(name);
    let short = |(path, bytes): (&PathBuf, &Vec<u8>)| {
        let length = fs::metadata(folder.join(path)).ok()?.len();
        (length != bytes.len() as u64)
            .then(|| path.file_name().unwrap().to_str().unwrap().to_string())
            .filter(new)
    };
    let begun = |place: &PathBuf| {
        let names = fs::read_dir(folder.join(place))
            .ok()?
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        names
            .filter_map(|n| {
                Some(n.strip_prefix('.')?.split_once(&format!(".{process}-"))?.0.to_string())
            })
            .find(new)
    };
    let mut once = FIRST.files.iter().filter(|(path, _)| !made_twice(path));
    once.find_map(short).or_else(|| FIRST.folders().iter().find_map(begun))
}

/// Whether a file is made of the explicit models first, and of all models at the end.
fn made_twice(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| ["table1", "recovered", "figure3", "phase_space"].contains(&stem))
}

/// Kills within the write of each file in turn, as soon as it is seen to have begun.
#[test]
fn kills_within_writes_leave_whole_files_and_no_leftovers() {
    let folder = tempfile::tempdir().unwrap();
    let (mut struck, mut within) = (Vec::new(), Vec::new());
    let mut earlier = std::collections::BTreeMap::new();
    loop {
        let mut child = reproduce(folder.path()).stdout(Stdio::null()).spawn().unwrap();
        let victim = loop {
            match being_written(folder.path(), child.id(), &struck) {
                Some(victim) => break Some(victim),
                None if child.try_wait().unwrap().is_some() => break None,
                None => {}
            }
        };
        let Some(victim) = victim else {
            done(child.wait_with_output().unwrap());
            break;
        };
        child.kill().unwrap();
        child.wait().unwrap();
        let left = files(folder.path());
        if left.keys().any(|path| path.to_str().unwrap().contains(&format!(".{victim}."))) {
            within.push(victim.clone());
        }
        struck.push(victim);
        // What has its name is whole, and there are leftovers of the last run only. What is made of
        // the explicit models first is made again of all, and may have the earlier content.
        for (path, bytes) in &left {
            let whole = FIRST.files.get(path).is_none_or(|whole| whole == bytes);
            if !whole && made_twice(path) {
                let content = earlier.entry(path.clone()).or_insert_with(|| bytes.clone());
                assert_eq!(content, bytes, "{} is there a third way", path.display());
            } else {
                assert!(whole, "half of {} is there: {}", path.display(), bytes.len());
            }
        }
        let own = |path: &&Path| path.to_str().unwrap().contains(&format!(".{}-", child.id()));
        assert!(
            unfinished(&left).iter().all(own),
            "leftovers of earlier runs: {:?}",
            unfinished(&left)
        );
    }
    println!("killed at {struck:?}, within the write of {within:?}");
    assert!(within.len() >= 8, "too few kills fell within a write: {within:?} of {struck:?}");
    assert_same(&FIRST.files, &files(folder.path()));
}

/// The system ends a program within the write that makes a file too large: at every file that is
/// larger than all before it, half of which is written then.
#[cfg(unix)]
#[test]
fn an_end_within_a_write_leaves_the_old_file() {
    let whole = folder_with_table();
    done(recover(whole.path()).output().unwrap());
    let new = files(whole.path());
    let folder = folder_with_table();
    fs::create_dir_all(folder.path().join("law/figures")).unwrap();
    for path in new.keys().filter(|path| path.starts_with("law")) {
        fs::write(folder.path().join(path), "old").unwrap();
    }
    let (mut blocks, mut victims) = (0, Vec::new());
    loop {
        let command = recover(folder.path());
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        limited.arg(command.get_program()).args(command.get_args()).current_dir(folder.path());
        let output = limited.stdin(Stdio::null()).output().unwrap();
        let left = files(folder.path());
        for (path, bytes) in &new {
            assert!(
                left[path] == b"old" || left[path] == *bytes,
                "half of {} is there: {}",
                path.display(),
                left[path].len()
            );
        }
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), None, "not ended by the system: {}", told(&output));
        let [victim] = unfinished(&left)[..] else {
            panic!("one was being written: {:?}", unfinished(&left))
        };
        let name = victim.file_name().unwrap().to_str().unwrap();
        let size = new.iter().find(|(path, _)| {
            name.starts_with(&format!(".{}.", path.file_name().unwrap().to_str().unwrap()))
        });
        blocks = size.map_or(0, |(_, bytes)| bytes.len().div_ceil(512)).max(blocks + 1);
        victims.push(name.to_string());
    }
    println!("ended within {victims:?}");
    assert!(victims.len() >= 4, "{victims:?}");
    assert_same(&new, &files(folder.path()));
}

/// Whoever reads while a second run writes sees files of the first or of the second, whole.
#[test]
fn readers_never_meet_half_a_file() {
    let folder = folder_with_table();
    let law = folder.path().join("law");
    done(recover(folder.path()).output().unwrap());
    let old = files(&law);
    let mut child =
        recover(folder.path()).args(["--seed", "2"]).stdout(Stdio::null()).spawn().unwrap();
    let mut seen: Vec<(&Path, Vec<u8>)> = Vec::new();
    while child.try_wait().unwrap().is_none() {
        for path in old.keys().filter(|path| path.parent() == Some(Path::new(""))) {
            let now = fs::read(law.join(path)).unwrap();
            if !seen.iter().any(|(known, bytes)| known == path && *bytes == now) {
                seen.push((path, now));
            }
        }
    }
    done(child.wait_with_output().unwrap());
    let new = files(&law);
    assert!(old.keys().any(|path| old[path] != new[path]), "nothing was written");
    for (path, bytes) in &seen {
        assert!(
            *bytes == old[*path] || *bytes == new[*path],
            "half of {} was there: {} bytes",
            path.display(),
            bytes.len()
        );
    }
}

/// Sends SIGINT, as Ctrl-C does.
#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent =
        Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn interrupts_save_and_say_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = reproduce(folder.path()).spawn().unwrap();
    // In the middle of a training: its folder is there.
    let begun = folder.path().join("data/smoke/checkpoints/scalars-hnn-spectral-seed1");
    while !begun.exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended before it could be interrupted");
        std::thread::sleep(Duration::from_millis(1));
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("the same command goes on from there"), "{}", told(&output));
    assert!(!folder.path().join("data/smoke/results/table1.parquet").exists());
    done(reproduce(folder.path()).output().unwrap());
    assert_same(&FIRST.files, &files(folder.path()));

    let folder = folder_with_table();
    let child = recover(folder.path()).spawn().unwrap();
    while !folder.path().join("law/.lock").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("law has the best law so far; the same command begins again"),
        "{}",
        told(&output)
    );
    let read = |name: &str| fs::read_to_string(folder.path().join("law").join(name)).unwrap();
    let law: serde_json::Value = serde_json::from_str(&read("hamiltonian.json")).unwrap();
    assert!(law["stopped"] == true && law["hamiltonian"]["expression"].is_string(), "{law}");
    // What is claimed is judged.
    assert!(
        law["exact"] == false || law["fit"]["validation_error"].as_f64().unwrap() < 1e-8,
        "{law}"
    );
    assert!(read("report.md").contains("Stopped before its end"));
    done(recover(folder.path()).output().unwrap());
    assert!(
        read("hamiltonian.json").contains("\"stopped\": false")
            && !read("report.md").contains("Stopped before its end")
    );
}

#[test]
fn two_runs_in_one_folder_are_refused() {
    let folder = folder_with_table();
    for (place, make) in [
        ("data/smoke", reproduce as fn(&Path) -> Command),
        ("figures/smoke", reproduce),
        ("law", recover),
    ] {
        let lock = FolderLock::take(&folder.path().join(place)).unwrap();
        let output = make(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            told(&output).contains(&format!("{place}: another run is writing there")),
            "{}",
            told(&output)
        );
        assert_eq!(files(folder.path()).len(), 1, "something was written");
        drop(lock);
    }
    // Shards share a folder, but no unit.
    let _other = FolderLock::share(&folder.path().join("data/smoke")).unwrap();
    let unit = folder.path().join("data/smoke/checkpoints/mlp-hnn-seed1");
    let shard = |number: &str| {
        let mut command = example("reproduce_figures");
        command
            .current_dir(folder.path())
            .args(["--profile", "smoke", "--shard", number, "--only", "mlp-hnn"])
            .output()
            .unwrap()
    };
    let lock = FolderLock::take(&unit).unwrap();
    assert!(told(&shard("1/1")).contains("mlp-hnn-seed1: another run is writing there"));
    drop(lock);
    done(shard("1/1"));
    assert!(unit.with_extension("unit").exists() && !unit.exists());
}

/// Files can't grow beyond some kilobytes, as on a disk that is full: what was there before stays.
#[cfg(unix)]
#[test]
fn full_disk_is_told_and_nothing_is_lost() {
    let folder = folder_with_table();
    done(recover(folder.path()).output().unwrap());
    let before = files(folder.path());
    for command in [recover(folder.path()), reproduce(folder.path())] {
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args());
        let output = limited.current_dir(folder.path()).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        assert!(
            told(&output).contains("cannot be written") && told(&output).contains("too large"),
            "{}",
            told(&output)
        );
    }
    let after = files(folder.path());
    before.iter().for_each(|(path, bytes)| {
        assert!(after.get(path) == Some(bytes), "{} is lost", path.display())
    });
    assert!(!after.keys().any(|path| path.to_str().unwrap().contains(".partial")), "a leftover");
    done(reproduce(folder.path()).output().unwrap());
    let whole = files(folder.path())
        .into_iter()
        .filter(|(path, _)| FIRST.files.contains_key(path))
        .collect();
    assert_same(&FIRST.files, &whole);
}

#[test]
fn bad_input_of_places_that_cannot_be_written_or_read() {
    let folder = folder_with_table();
    let file = folder.path().join("table.parquet/below");
    let below = file.to_str().unwrap();
    let table = folder.path().join("table.parquet");
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let cases: [(&str, &[&str]); 7] = [
        ("reproduce_figures", &["--profile", "smoke", "--data", below]),
        ("reproduce_figures", &["--profile", "smoke", "--figures", below]),
        ("recover_hamiltonian", &["--input", table.to_str().unwrap(), "--out", below]),
        ("recover_hamiltonian", &["--out", "law", "--input", below]),
        ("recover_hamiltonian", &["--out", "law", "--input", "empty"]),
        ("inspect_results", &[below]),
        ("laws", &["pendulum", "--chunks", "20", "--write", below]),
    ];
    for (name, arguments) in cases {
        let output = example(name).current_dir(folder.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name} {arguments:?}: {}", told(&output));
        let place = arguments.last().unwrap();
        assert!(told(&output).contains(place), "{name} {arguments:?}: {}", told(&output));
        assert!(!told(&output).contains("panicked"), "{name}: {}", told(&output));
    }
}

/// The same bytes on 1, 2 and 4 threads; `reproduce_figures` is compared in tests/paper/reproduce.rs.
#[test]
fn determinism_of_a_recovery_over_threads() {
    let law = |threads: &str| {
        let folder = folder_with_table();
        done(recover(folder.path()).env("RAYON_NUM_THREADS", threads).output().unwrap());
        files(folder.path())
    };
    let one = law("1");
    assert!(
        one.contains_key(Path::new("law/hamiltonian.json"))
            && one.contains_key(Path::new("law/figures/pareto.png"))
    );
    for threads in ["2", "4"] {
        assert_same(&one, &law(threads));
    }
}
