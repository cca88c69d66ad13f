//! Makes trajectories of named or given laws and recovers them: how general the recovery is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Deadline;
use scalar_dynamics::dataset::{
    Trajectory, TrajectoryTable, add_noise, aligned_chunks, gaussian_states, split, write_table,
};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::field::Hamiltonian;
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::recover::{RecoverSettings, recover};
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::systems::{ExpressionSystem, NamedLaw};
use scalar_dynamics::train::states;

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

/// Writes the crate's debug messages to standard error, with the seconds since the first.
struct Log(Instant);

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.target().starts_with("scalar_dynamics")
    }
    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            eprintln!("{:8.2} {}", self.0.elapsed().as_secs_f64(), record.args());
        }
    }
    fn flush(&self) {}
}

fn noise(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|x| (0.0..10.0).contains(x))
        .ok_or_else(|| "a number from 0 to 10 is accepted".into())
}

/// A trajectory whose energy changes by this part is none.
const LOST: f64 = 1e-6;
/// Intervals of a trajectory, and integration steps to an interval: more where these don't keep the
/// energy.
const INTERVALS: usize = 100;
const STEPS: [usize; 3] = [8, 64, 512];

type Failure = Box<dyn std::error::Error>;

const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.verbose {
        // Fails only where there is a logger already.
        let _ = log::set_boxed_logger(Box::new(Log(Instant::now())));
        log::set_max_level(log::LevelFilter::Debug);
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
    let table = make(law, &truth, arguments, &mut rng)?;
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
    let friction =
        found.friction.as_ref().map_or(String::new(), |f| format!(" (friction {:?})", f.rates));
    Ok(format!(
        "| {} | {seconds:.1} | {} | {:.1e} | {:.1e} | `{best}`{friction} |",
        law.name, found.exact, errors[0], errors[1]
    ))
}

/// Largest distance of the gradients, relative to the true one, over random states of a box `width`
/// times as wide as the data.
fn gradient_error(
    truth: &ExpressionSystem,
    found: &ExpressionSystem,
    states: &Array2<f64>,
    width: f64,
    rng: &mut ChaCha8Rng,
) -> f64 {
    let range = |c: ArrayView1<f64>| {
        c.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)))
    };
    let ranges: Vec<(f64, f64)> = states.columns().into_iter().map(range).collect();
    let mut worst = 0.0_f64;
    for _ in 0..2000 {
        let z: Vec<f64> = ranges
            .iter()
            .map(|(low, high)| {
                0.5 * (low + high) + 0.5 * width * (high - low) * rng.random_range(-1.0..1.0)
            })
            .collect();
        let (mut a, mut b) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        truth.gradient_into(&z, &mut a);
        found.gradient_into(&z, &mut b);
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let error = norm(&mut a.iter().zip(&b).map(|(a, b)| a - b))
            / norm(&mut a.iter().copied()).max(1e-300);
        worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
    }
    worst
}

fn make(
    law: &NamedLaw,
    system: &ExpressionSystem,
    arguments: &Arguments,
    rng: &mut ChaCha8Rng,
) -> Result<TrajectoryTable, Failure> {
    let half = law.mean.len() / 2;
    let deviation: Vec<f64> =
        (0..2 * half).map(|c| if c < half { law.spread.0 } else { law.spread.1 }).collect();
    let mut table =
        TrajectoryTable { shape: law.shape(), trajectories: Vec::new(), metadata: BTreeMap::new() };
    while table.trajectories.len() < arguments.chunks {
        let initial =
            gaussian_states(law.mean, &deviation, arguments.chunks - table.trajectories.len(), rng);
        let states = trajectories(law, system, &initial)?;
        let chunks = aligned_chunks(law.shape(), states.view(), law.dt, 5, rng)?.trajectories;
        let followed: Vec<Trajectory> = chunks
            .into_iter()
            .filter(|c| keeps_energy(system, initial.row(c.id as usize), c.states.view()))
            .collect();
        if followed.is_empty() {
            return Err("no trajectory keeps its energy".into());
        }
        table.trajectories.extend(followed);
    }
    (0..).zip(&mut table.trajectories).for_each(|(id, chunk)| chunk.id = id);
    if arguments.noise > 0.0 {
        add_noise(&mut table.trajectories, arguments.noise, rng);
    }
    Ok(table)
}

/// A hundred intervals from each initial state, in shorter integration steps where the energy
/// changes in longer ones: close encounters.
fn trajectories(
    law: &NamedLaw,
    system: &ExpressionSystem,
    initial: &Array2<f64>,
) -> Result<Array3<f64>, Failure> {
    let mut states =
        simulate(system, &RungeKutta::new(8)?, initial.view(), law.dt, INTERVALS, STEPS[0])?;
    for steps in &STEPS[1..] {
        let lost: Vec<usize> = (0..initial.nrows())
            .filter(|&k| !keeps_energy(system, initial.row(k), states.index_axis(Axis(0), k)))
            .collect();
        if lost.is_empty() {
            break;
        }
        let again = initial.select(Axis(0), &lost);
        let finer =
            simulate(system, &RungeKutta::new(8)?, again.view(), law.dt, INTERVALS, *steps)?;
        lost.iter()
            .zip(finer.outer_iter())
            .for_each(|(&k, finer)| states.index_axis_mut(Axis(0), k).assign(&finer));
    }
    Ok(states)
}

/// Whether the energy of some states is that of an initial one.
fn keeps_energy(
    system: &ExpressionSystem,
    initial: ArrayView1<f64>,
    states: ArrayView2<f64>,
) -> bool {
    let energy = |state: ArrayView1<f64>| system.energy(&state.to_vec());
    let first = energy(initial);
    states
        .rows()
        .into_iter()
        .all(|state| (energy(state) - first).abs() < LOST * (1.0 + first.abs()))
}
