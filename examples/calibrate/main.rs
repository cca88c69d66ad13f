//! Draws laws, shapes of data and noise, recovers the laws, and counts how often what is said is
//! true.

mod draw;
mod judge;
#[path = "../common/messages.rs"]
mod messages;
#[path = "../common/outcomes.rs"]
mod outcomes;
mod table;
#[path = "../common/trajectories.rs"]
mod trajectories;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use judge::{Outcome, outcome};
use trajectories::Failure;

/// Draw laws of one to four particles with data of many shapes and noise of 0, 1 and 3 %, recover
/// each, and count wrong laws called exact, right laws called exact, right forms found, and how often
/// the errors of constants cover them. A run that was interrupted goes on where it was. Exit status:
/// 0 done, 1 a draw that failed, 2 bad arguments.
#[derive(Parser)]
struct Arguments {
    /// Number of draws.
    #[arg(long, default_value_t = 300)]
    draws: u64,
    /// Number of the first draw.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds that a recovery may take.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS", value_parser = seconds)]
    time_budget: f64,
    /// Folder for outcomes_seedN_Ts.jsonl, a line for each draw, and calibration.md; created.
    #[arg(long, default_value = "calibration", value_name = "DIR")]
    out: PathBuf,
    /// Print each draw's outcome.
    #[arg(long)]
    verbose: bool,
    /// Tell on standard error what goes on inside of a recovery.
    #[arg(long)]
    log: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|s| (0.0..1e6).contains(s))
        .ok_or_else(|| "a number of seconds from 0 is accepted".into())
}

const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.log {
        messages::tell();
    }
    if let Err(error) = fs::create_dir_all(&arguments.out) {
        eprintln!("error: --out: cannot create {}: {error}", arguments.out.display());
        return ExitCode::from(BAD_INPUT);
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let name = format!("outcomes_seed{}_{}s.jsonl", arguments.seed, arguments.time_budget);
    let path = arguments.out.join(name);
    let numbers = arguments.first..arguments.first + arguments.draws;
    let (mut outcomes, mut file): (Vec<Outcome>, _) = outcomes::open(&path)?;
    outcomes.retain(|o| numbers.contains(&o.number));
    let bar = ProgressBar::new(arguments.draws);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    for number in numbers {
        if !outcomes.iter().any(|o| o.number == number) {
            let draw = draw::draw(arguments.seed, number)?;
            bar.set_message(draw.law.to_string());
            let outcome = outcome(number, &draw, arguments.time_budget)?;
            file.write_all((serde_json::to_string(&outcome)? + "\n").as_bytes())?;
            if arguments.verbose {
                bar.suspend(|| println!("{}", table::line(&outcome)));
            }
            outcomes.push(outcome);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    outcomes.sort_by_key(|o| o.number);
    let text = table::text(&outcomes);
    fs::write(arguments.out.join("calibration.md"), &text)?;
    print!("{text}");
    Ok(())
}
