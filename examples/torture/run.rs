//! One recovery of a strange table, and what is wrong with how it ends.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Failure;
use crate::draw::Draw;

/// What a recovery is given.
pub struct Limits {
    pub seconds: f64,
    pub megabytes: u64,
}

/// How a recovery ended.
#[derive(Serialize, Deserialize)]
pub struct Outcome {
    pub number: u64,
    pub what: Vec<String>,
    /// Exit status; none where a signal ended it.
    pub status: Option<i32>,
    pub exact: bool,
    pub seconds: f64,
    /// The most memory that it had, where the system tells it.
    pub megabytes: Option<u64>,
    /// The last line of what it said of errors.
    pub message: String,
    /// What no user should see.
    pub faults: Vec<String>,
}

/// What may be passed of the time and of the memory that was given: as much as the program promises.
const LATE: f64 = 1.0;
const OF_BUDGET: f64 = 0.5;
const MORE: f64 = 1.1;
/// A recovery that goes on for so many times its time is ended.
const PATIENCE: f64 = 10.0;
/// What a recovery writes.
const FILES: [&str; 4] = ["hamiltonian.json", "report.md", "rollouts.parquet", "timings.json"];

/// Writes a table to a folder, recovers, and says what is wrong; the files of what ends well go.
pub fn outcome(
    number: u64,
    draw: &Draw,
    program: &Path,
    limits: &Limits,
    folder: &Path,
) -> Result<Outcome, Failure> {
    let folder = folder.join(format!("table{number}"));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let (table, out) = (folder.join("table.csv"), folder.join("law"));
    fs::write(&table, &draw.text)?;
    let begin = Instant::now();
    let child = Command::new(program)
        .args(["--quiet", "--threads", "1"])
        .arg("--input")
        .arg(&table)
        .arg("--out")
        .arg(&out)
        .args(["--time-budget", &limits.seconds.to_string()])
        .args(["--memory", &format!("{}M", limits.megabytes)])
        .args(&draw.options)
        .stdout(fs::File::create(folder.join("stdout"))?)
        .stderr(fs::File::create(folder.join("stderr"))?)
        .stdin(Stdio::null())
        .spawn()?;
    let (status, megabytes) = wait(child, limits.seconds * PATIENCE)?;
    let seconds = begin.elapsed().as_secs_f64();
    let lossy =
        |name: &str| fs::read(folder.join(name)).map(|b| String::from_utf8_lossy(&b).into_owned());
    let (said, errors) = (lossy("stdout")?, lossy("stderr")?);
    let law: Option<Value> = fs::read_to_string(out.join(FILES[0]))
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok());
    let exact = law.as_ref().is_some_and(|law| law["exact"] == Value::Bool(true));
    let mut faults = Vec::new();
    let mut fault = |is: bool, what: &str| {
        if is {
            faults.push(what.to_string());
        }
    };
    fault(status.is_none(), "ended by a signal");
    let by_budget = status == Some(1) && errors.contains("the time was over before");
    fault(!matches!(status, None | Some(0 | 2)) && !by_budget, "neither 0 nor 2");
    fault(errors.contains("panicked"), "panic");
    fault(seconds > limits.seconds * (1.0 + OF_BUDGET) + LATE, "late");
    fault(megabytes.is_some_and(|m| m as f64 > MORE * limits.megabytes as f64), "memory");
    let message = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("").to_string();
    fault(status == Some(2) && message.is_empty(), "refused without a word");
    fault(errors.contains("the matrix"), "a word about matrices");
    let words = || said.split(|c: char| !c.is_alphanumeric());
    fault(words().any(|word| word == "NaN" || word == "inf"), "no number printed");
    let there = |name: &&&str| out.join(name).is_file();
    fault(status == Some(0) && FILES.iter().filter(there).count() < FILES.len(), "files missing");
    fault(status == Some(0) && law.is_none(), "no JSON");
    fault(
        status != Some(0) && status != Some(1) && FILES.iter().any(|name| there(&name)),
        "files left",
    );
    fault(exact && draw.lawless, "exact, of no law");
    if faults.is_empty() {
        fs::remove_dir_all(&folder)?;
    } else {
        fs::write(folder.join("options"), draw.options.join("\n"))?;
    }
    Ok(Outcome {
        number,
        what: draw.what.clone(),
        status,
        exact,
        seconds,
        megabytes,
        message,
        faults,
    })
}

/// Waits for the end; the exit status and the most memory that was seen.
fn wait(mut child: Child, patience: f64) -> Result<(Option<i32>, Option<u64>), Failure> {
    let begin = Instant::now();
    let mut most = None;
    loop {
        most = memory(child.id()).or(most);
        if let Some(status) = child.try_wait()? {
            return Ok((status.code(), most));
        }
        if begin.elapsed().as_secs_f64() > patience {
            child.kill()?;
            child.wait()?;
            return Ok((None, most));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Megabytes that a process has had at most so far, on Linux.
fn memory(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes >> 10)
}
