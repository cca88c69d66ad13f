//! Draws strange tables, recovers what there is, and counts what a user should never see.

mod draw;
#[path = "../common/outcomes.rs"]
mod outcomes;
mod run;
mod table;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use run::{Limits, Outcome, outcome};

/// Whatever went wrong.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Draw strange tables (few rows, many particles, constant, doubled and collinear columns, numbers of
/// any size, holes, jumps, odd options), give each to recover_hamiltonian with little time and memory,
/// and count panics, other ends than 0 and 2, limits that were passed, numbers that are none, files
/// that are half written, and laws called exact of what is no motion at all. A run that was
/// interrupted goes on where it was. Exit status: 0 no fault, 1 any fault or failure, 2 bad arguments.
#[derive(Parser)]
struct Arguments {
    /// Number of tables.
    #[arg(long, default_value_t = 1000)]
    tables: u64,
    /// Number of the first table.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds that each recovery is given.
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    time_budget: f64,
    /// Megabytes that each recovery is given.
    #[arg(long, default_value_t = 1024, value_name = "MB")]
    memory: u64,
    /// recover_hamiltonian [default: beside this program].
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Folder for outcomes_seedN_Ts_MMB.jsonl, a line for each table, and the tables with faults; created.
    #[arg(long, default_value = "torture", value_name = "DIR")]
    out: PathBuf,
    /// Print each table's outcome.
    #[arg(long)]
    verbose: bool,
}

const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = fs::create_dir_all(&arguments.out) {
        eprintln!("error: --out: cannot create {}: {error}", arguments.out.display());
        return ExitCode::from(BAD_INPUT);
    }
    let program = arguments.program.clone().or_else(beside).filter(|path| path.is_file());
    let Some(program) = program else {
        eprintln!(
            "error: recover_hamiltonian is not there: cargo build --example recover_hamiltonian makes it, --program names it"
        );
        return ExitCode::from(BAD_INPUT);
    };
    match run(&arguments, &program) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn beside() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    Some(own.with_file_name(format!("recover_hamiltonian{}", std::env::consts::EXE_SUFFIX)))
}

/// Whether there was no fault.
fn run(arguments: &Arguments, program: &Path) -> Result<bool, Failure> {
    let Arguments { seed, time_budget, memory, .. } = arguments;
    let path = arguments.out.join(format!("outcomes_seed{seed}_{time_budget}s_{memory}MB.jsonl"));
    let numbers = arguments.first..arguments.first + arguments.tables;
    let (mut known, file): (Vec<Outcome>, _) = outcomes::open(&path)?;
    known.retain(|o| numbers.contains(&o.number));
    let bar = ProgressBar::new(arguments.tables);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} left {eta}") {
        bar.set_style(style);
    }
    bar.inc(known.len() as u64);
    let limits = Limits { seconds: arguments.time_budget, megabytes: arguments.memory };
    let done = Mutex::new((known, file));
    let left: Vec<u64> = {
        let (known, _) = &*done.lock().expect("nobody panics");
        numbers.filter(|n| !known.iter().any(|o| o.number == *n)).collect()
    };
    left.par_iter().try_for_each(|&number| -> Result<(), Failure> {
        let draw = draw::draw(arguments.seed, number);
        let outcome = outcome(number, &draw, program, &limits, &arguments.out)?;
        let (all, file) = &mut *done.lock().expect("nobody panics");
        file.write_all((serde_json::to_string(&outcome)? + "\n").as_bytes())?;
        if arguments.verbose {
            bar.suspend(|| println!("{}", table::line(&outcome)));
        }
        all.push(outcome);
        bar.inc(1);
        Ok(())
    })?;
    bar.finish_and_clear();
    let (mut outcomes, _) = done.into_inner().expect("nobody panics");
    outcomes.sort_by_key(|o| o.number);
    print!("{}", table::text(&outcomes));
    Ok(outcomes.iter().all(|o| o.faults.is_empty()))
}
