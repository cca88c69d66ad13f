//! Reads the law of motion off a table of trajectories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{self, Shape, Trajectory, TrajectoryTable, aligned_chunks, files, gaussian_states, split};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::integrate::{Splitting, simulate};
use scalar_dynamics::report::recovery::{RecoveryReport, proof_text};
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::symbolic::{EqualityOptions, Noise, Proof, RecoverSettings, Recovery, prove_equal_with, recover};
use scalar_dynamics::systems::SpringyPendulum;

/// Learn the Hamiltonian behind a table of trajectories and read it back as a formula.
///
/// The table (Parquet or CSV) has columns trajectory, t, q1_x, q1_y, q1_z, p1_x, .. (or velocities v1_x, .. with --mass). Without --input the
/// springy double pendulum makes its own data. Exit status: 0 done, 2 bad input or arguments, 1 anything else.
#[derive(Parser)]
#[command(name = "recover_hamiltonian", version)]
struct Arguments {
    /// Table of trajectories: a .parquet or .csv file.
    #[arg(long, value_name = "TABLE")]
    input: Option<PathBuf>,
    /// Folder for the results; created.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A constant vector that the law may use, such as g=0,0,-1; may be repeated.
    #[arg(long, value_name = "NAME=X,Y,Z", value_parser = vector, allow_hyphen_values = true)]
    vector: Vec<(String, Vec<f64>)>,
    /// The pivot q0 that positions are taken relative to [default: zero].
    #[arg(long, value_name = "X,Y,Z", value_parser = components, allow_hyphen_values = true)]
    origin: Option<Components>,
    /// Mass of a particle, for tables of velocities; may be repeated.
    #[arg(long, value_name = "I=M", value_parser = mass)]
    mass: Vec<(usize, f64)>,
    /// Preset of the pendulum when there is no --input: paper or reference-code.
    #[arg(long, default_value = "reference-code")]
    preset: String,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of threads [default: all cores].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Seconds after which optional refinements are left out.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    time_budget: Option<f64>,
    /// Noise of the data: auto, none, or a standard deviation relative to that of each component.
    #[arg(long, default_value = "auto", value_parser = noise)]
    noise: Noise,
    /// A law to compare with: proved equal up to a constant, or a point where they differ.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    truth: Option<String>,
    /// No progress bar.
    #[arg(long)]
    quiet: bool,
}

/// A list of numbers as one argument.
#[derive(Clone)]
struct Components(Vec<f64>);

fn components(text: &str) -> Result<Components, String> {
    let number =
        |x: &str| x.trim().parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(|| format!("`{x}` is not a finite number"));
    text.split(',').map(number).collect::<Result<_, _>>().map(Components)
}

fn vector(text: &str) -> Result<(String, Vec<f64>), String> {
    let (name, value) = text.split_once('=').ok_or("accepted is NAME=X,Y,Z, for example g=0,0,-1")?;
    Ok((name.trim().to_string(), components(value)?.0))
}

fn mass(text: &str) -> Result<(usize, f64), String> {
    let accepted = "accepted is I=M with particle I from 1 and mass M positive, for example 1=2.5";
    let (i, m) = text.split_once('=').ok_or(accepted)?;
    let (i, m) = (i.trim().parse::<usize>().map_err(|_| accepted)?, m.trim().parse::<f64>().map_err(|_| accepted)?);
    if i == 0 || !m.is_finite() || m <= 0.0 {
        return Err(accepted.into());
    }
    Ok((i, m))
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|s| (0.0..1e9).contains(s)).ok_or_else(|| "a number of seconds from 0 is accepted".into())
}

fn noise(text: &str) -> Result<Noise, String> {
    match text {
        "auto" => Ok(Noise::Auto),
        "none" => Ok(Noise::None),
        _ => text
            .parse()
            .ok()
            .filter(|s| (0.0..10.0).contains(s))
            .map(Noise::Sigma)
            .ok_or_else(|| "auto, none or a number from 0 to 10 is accepted".into()),
    }
}

/// What ends the program early.
enum Failure {
    /// The user can mend it: exit status 2.
    Input(String),
    /// Anything else: exit status 1.
    Other(String),
}

fn input(e: impl std::fmt::Display) -> Failure {
    Failure::Input(e.to_string())
}
fn other(e: impl std::fmt::Display) -> Failure {
    Failure::Other(e.to_string())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (message, code) = match run(&arguments) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Input(message)) => (message, 2),
        Err(Failure::Other(message)) => (message, 1),
    };
    eprintln!("error: {message}");
    ExitCode::from(code)
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let begin = Instant::now();
    if let Some(n) = arguments.threads {
        rayon::ThreadPoolBuilder::new().num_threads(n.into()).build_global().map_err(other)?;
    }
    let truth: Option<Expr> =
        arguments.truth.as_deref().map(str::parse).transpose().map_err(|e| Failure::Input(format!("--truth: {e}")))?;
    let bar = progress(arguments.quiet);
    bar.set_message("reading the trajectories");
    let mut rng = ChaCha8Rng::seed_from_u64(arguments.seed);
    let (table, inputs) = load(arguments, &mut rng)?;
    let chunks = table.chunks(POINTS).map_err(input)?;
    if chunks.len() < 2 {
        return Err(Failure::Input(format!(
            "{} chunk of trajectories: at least 2 are accepted, one to learn from and one to check with",
            chunks.len()
        )));
    }
    let (train, validation) = split(chunks, VALIDATION, &mut rng);
    let read = begin.elapsed();

    let deadline = arguments.time_budget.map(|s| begin + Duration::from_secs_f64(s));
    let settings = RecoverSettings { noise: arguments.noise, deadline, ..RecoverSettings::default() };
    let recovery =
        recover(&inputs, &train, &validation, &settings, &mut |phase| bar.set_message(phase.to_string())).map_err(other)?;
    let recovered = begin.elapsed();

    bar.set_message("writing the report");
    let options =
        EqualityOptions { up_to_constant: true, relative_tolerance: 1e-6, seed: arguments.seed, ..EqualityOptions::default() };
    let proof = truth.map(|t| prove_equal_with(recovery.best(), &t, &options));
    let command: Vec<String> = std::iter::once("recover_hamiltonian".into()).chain(std::env::args().skip(1)).collect();
    let report = RecoveryReport {
        recovery: &recovery,
        inputs: &inputs,
        train: &train,
        validation: &validation,
        basis: settings.kind.name(),
        command: command.join(" "),
        seed: arguments.seed,
        truth: proof.as_ref(),
    };
    report.write(&arguments.out).map_err(other)?;
    let seconds =
        [("read", read), ("recover", recovered - read), ("report", begin.elapsed() - recovered), ("total", begin.elapsed())];
    let seconds: BTreeMap<_, _> = seconds.iter().map(|(k, d)| (*k, d.as_secs_f64())).collect();
    files::write_text(&arguments.out.join("timings.json"), &(serde_json::to_string_pretty(&seconds).map_err(other)? + "\n"))
        .map_err(other)?;
    bar.finish_and_clear();
    summary(&recovery, proof.as_ref(), &train, &arguments.out, begin.elapsed());
    Ok(())
}

/// Points in a chunk, and the part of the chunks that is held out.
const POINTS: usize = 5;
const VALIDATION: f64 = 0.2;

fn progress(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn load(arguments: &Arguments, rng: &mut ChaCha8Rng) -> Result<(TrajectoryTable, Inputs), Failure> {
    let (table, mut context) = match &arguments.input {
        Some(path) => (read(path, arguments)?, Vec::new()),
        None => pendulum(&arguments.preset, rng)?,
    };
    for (name, value) in &arguments.vector {
        context.retain(|(n, _)| n != name || arguments.input.is_some());
        context.push((name.clone(), value.clone()));
    }
    let origin = arguments.origin.as_ref().map_or_else(|| vec![0.0; table.shape.dimension], |o| o.0.clone());
    let inputs = Inputs::new(table.shape, origin, context).map_err(input)?;
    Ok((table, inputs))
}

fn read(path: &Path, arguments: &Arguments) -> Result<TrajectoryTable, Failure> {
    let (table, warnings) = dataset::read_table(path, &arguments.mass.iter().copied().collect()).map_err(input)?;
    warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    Ok(table)
}

/// The springy double pendulum's own data: 625 chunks of five points, made as for the paper's training set.
fn pendulum(preset: &str, rng: &mut ChaCha8Rng) -> Result<(TrajectoryTable, Vec<(String, Vec<f64>)>), Failure> {
    let system = SpringyPendulum::preset(preset).map_err(input)?;
    let mean = [0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let deviation = [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4];
    let initial = gaussian_states(&mean, &deviation, 625, rng);
    let method = Splitting::nystrom(8).map_err(other)?;
    let states = simulate(&system, &method, initial.view(), 0.2, 150, 6).map_err(other)?;
    let table = aligned_chunks(Shape { particles: 2, dimension: 3 }, states.view(), 0.2, POINTS, rng).map_err(other)?;
    Ok((table, vec![("g".into(), system.parameters().gravity.to_vec())]))
}

fn summary(recovery: &Recovery, proof: Option<&Proof>, train: &[Trajectory], out: &Path, elapsed: Duration) {
    println!("H = {}\n", recovery.best());
    for (q, force) in &recovery.forces {
        println!("force on {q} = {force}");
    }
    println!();
    for c in &recovery.reading.constants {
        let error = c.standard_error.map_or_else(String::new, |e| format!(" +- {e:.1e}"));
        let simple = c.snapped.map_or_else(String::new, |s| format!("  (simple: {s:.6})",));
        println!("{:>4} = {:.10}{error}{simple}  {}", c.name, c.value, c.meaning);
    }
    let (learned, closed) = recovery.validation_error;
    println!(
        "\nheld-out rollout error: learned model {learned:.1e}, closed form {closed:.1e} (of the data's spread); {} chunks",
        train.len()
    );
    println!(
        "exact: {}",
        if recovery.exact { "yes, down to noise or integration error" } else { "no, the closed form is an approximation" }
    );
    if let Some(proof) = proof {
        println!("against --truth: {}", proof_text(proof).lines().next().unwrap_or_default());
    }
    println!("results in {} ({:.1} s)", out.display(), elapsed.as_secs_f64());
}
