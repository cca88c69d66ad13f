//! Makes trajectories of named or given laws and recovers them: how general the recovery is.

mod data;
#[path = "../common/messages.rs"]
mod messages;
#[path = "../common/trajectories.rs"]
mod trajectories;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use data::{gradient_error, make};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Deadline;
use scalar_dynamics::dataset::{split, write_table};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::recover::{RecoverSettings, recover};
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::systems::{ExpressionSystem, NamedLaw};
use scalar_dynamics::train::states;
use trajectories::Failure;

/// Recover laws from trajectories made of them: a table of what was found, with the largest
/// relative error of its gradient in the box of the data and in one 1.3 times as wide. Exit status:
/// 0 done, 2 bad arguments, 1 a law whose recovery failed.
#[derive(Parser)]
struct Arguments {
    /// Names of laws; all when none is given.
    names: Vec<String>,
    /// Number of chunks.
    #[arg(long, default_value_t = 500)]
    chunks: usize,
    /// Noise relative to the spread of each component.
    #[arg(long, default_value_t = 0.0, value_parser = noise)]
    noise: f64,
    /// Seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Another Hamiltonian for the named law's particles, vectors and initial states.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    hamiltonian: Option<String>,
    /// Also write each table of trajectories to this folder, as NAME.parquet.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Seconds that a recovery may take.
    #[arg(long, value_name = "SECONDS")]
    time_budget: Option<f64>,
    /// Tell on standard error what goes on.
    #[arg(long)]
    verbose: bool,
}

fn noise(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|x| (0.0..10.0).contains(x))
        .ok_or_else(|| "a number from 0 to 10 is accepted".into())
}

const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.verbose {
        messages::tell();
    }
    if let Err(error) = check(&arguments) {
        eprintln!("error: {error}");
        return ExitCode::from(BAD_INPUT);
    }
    let mut status = ExitCode::SUCCESS;
    println!(
        "| law | seconds | exact | error | error in 1.3x | found |\n|---|---:|---|---:|---:|---|"
    );
    for law in NamedLaw::ALL
        .iter()
        .filter(|l| arguments.names.is_empty() || arguments.names.iter().any(|n| n == l.name))
    {
        let line = one(law, &arguments).unwrap_or_else(|e| {
            status = ExitCode::FAILURE;
            format!("| {} | | failed: {e} | | | |", law.name)
        });
        println!("{line}");
    }
    status
}

fn check(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(name) = arguments.names.iter().find(|n| NamedLaw::find(n).is_none()) {
        let known: Vec<&str> = NamedLaw::ALL.iter().map(|l| l.name).collect();
        return Err(format!("no law `{name}`: accepted are {}", known.join(", ")).into());
    }
    if let Some(folder) = &arguments.write {
        std::fs::create_dir_all(folder)
            .map_err(|e| format!("--write: cannot create {}: {e}", folder.display()))?;
    }
    if let Some(text) = &arguments.hamiltonian {
        text.parse::<Expr>().map_err(|e| format!("--hamiltonian: {e}"))?;
    }
    Ok(())
}

fn one(law: &NamedLaw, arguments: &Arguments) -> Result<String, Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let truth = match &arguments.hamiltonian {
        Some(text) => ExpressionSystem::new(&text.parse()?, law.shape(), &law.context())?,
        None => law.system()?,
    };
    let table = make(law, &truth, arguments.chunks, arguments.noise, &mut rng)?;
    if let Some(folder) = &arguments.write {
        write_table(&folder.join(format!("{}.parquet", law.name)), &table)?;
    }
    let all = states(&table.trajectories);
    let (train, check) = split(table.trajectories, 0.2, &mut rng);
    let inputs = Inputs::new(law.shape(), vec![0.0; law.dimension], law.context())?;
    let begin = Instant::now();
    let deadline = arguments
        .time_budget
        .map(|s| Deadline::at(begin + Duration::from_secs_f64(s)))
        .unwrap_or_default();
    let settings = RecoverSettings { deadline, ..RecoverSettings::default() };
    let found = recover(&inputs, &train, &check, &settings, &mut |_| {})?;
    let seconds = begin.elapsed().as_secs_f64();
    let system = ExpressionSystem::new(found.best(), law.shape(), &law.context())?;
    let errors = [1.0, 1.3].map(|width| gradient_error(&truth, &system, &all, width, &mut rng));
    let best: &Expr = found.best();
    let beside = found
        .nonconservative
        .as_ref()
        .map_or(String::new(), |n| format!(" (beside {:?})", n.forces));
    Ok(format!(
        "| {} | {seconds:.1} | {} | {:.1e} | {:.1e} | `{best}`{beside} |",
        law.name,
        found.exact(),
        errors[0],
        errors[1]
    ))
}
