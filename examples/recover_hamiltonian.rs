//! Reads the law of motion off a table of trajectories.

#[path = "common/messages.rs"]
mod messages;
#[path = "common/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Deadline;
use scalar_dynamics::dataset::{
    self, Chunks, Cut, FolderLock, MomentaFrom, ReadOptions, Trajectory, files, overlapped,
    split_trajectories, without_gaps,
};
use scalar_dynamics::experiment::Profile;
use scalar_dynamics::experiment::data::{Preset, generate};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::recover::{
    CentreOfForce, Comparison, MassesFound, ModelErrors, Noise, RecoverError, RecoverSettings,
    Recovery, bytes_of_chunk, find_masses, recover,
};
use scalar_dynamics::report::inspect;
use scalar_dynamics::report::nonconservative::nonconservative_text;
use scalar_dynamics::report::recovery::RecoveryReport;
use scalar_dynamics::report::words::{
    STOPPED, TRUTH_TOLERANCE, comparison_line, constant_text, law_text, noise_text, outlying_text,
    rollout_error_text, shared_text, verdict_text,
};
use scalar_dynamics::rewrite::EqualityOptions;
use scalar_dynamics::scalars::{Inputs, RunInput};
use scalar_dynamics::train::{self, states};

/// Learn the Hamiltonian behind a table of trajectories and read it back as a formula.
///
/// The table (Parquet, CSV and other text, Arrow IPC, npz, extended XYZ) has columns t, q1_x, q1_y,
/// q1_z, p1_x, .. (or velocities v1_x, .. with --mass, or positions alone), and `trajectory` where it has several runs;
/// --columns tells other names. Without --input the springy double pendulum makes its own data.
/// Exit status: 0 done, 2 bad input or arguments, 1 anything else.
#[derive(Parser)]
#[command(name = "recover_hamiltonian", version)]
struct Arguments {
    /// Table of trajectories: a file (.parquet, .csv, .tsv, .txt, .dat, .arrow, .feather, .npz,
    /// .xyz, .extxyz), a folder of files, or a pattern in quotation marks, such as 'runs/*.csv'.
    #[arg(long, value_name = "TABLE")]
    input: Option<PathBuf>,
    #[command(flatten)]
    table: table::TableArguments,
    /// Folder for the results; created.
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Read and check the table, say what would be done, and write nothing.
    #[arg(long, requires = "input")]
    dry_run: bool,
    /// A constant vector that the law may use, such as g=0,0,-1, or, by its name alone, one that each
    /// trajectory has its own of, in columns g_x, ..; may be repeated.
    #[arg(long, value_name = "NAME[=X,Y,Z]", value_parser = vector, allow_hyphen_values = true)]
    vector: Vec<(String, Option<Vec<f64>>)>,
    /// A column with a number that each trajectory has its own of, a mass, a length or a charge, which
    /// the law may use by its name; may be repeated.
    #[arg(long, value_name = "NAME", requires = "input")]
    parameter: Vec<String>,
    /// The pivot q0 that positions are taken relative to; find (or '?') takes the one that forces point to,
    /// about which angular momentum is conserved [default: zero].
    #[arg(long, value_name = "X,Y,Z", value_parser = origin, allow_hyphen_values = true)]
    origin: Option<Origin>,
    /// Mass of a particle, for tables of velocities or of positions alone; may be repeated. One that
    /// is not given, or as 1='?', is found with the law, up to one factor of all: where none is given
    /// the first is 1.
    #[arg(long, value_name = "I=M", value_parser = mass, requires = "input")]
    mass: Vec<(usize, Option<f64>)>,
    /// Preset of the pendulum when there is no --input: paper or reference-code.
    #[arg(long, default_value = "reference-code", conflicts_with = "input")]
    preset: String,
    /// Chunks of five points that are used at most, learning and checking together; of a larger
    /// table a random draw.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..), requires = "input")]
    max_chunks: u32,
    /// Memory that the program may take, such as 500M or 2G: so many chunks are used at most as are
    /// sure to fit.
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "input")]
    memory: Option<usize>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of threads [default: all cores].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Seconds after which the best law so far is given: learning, searches and refits end.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    time_budget: Option<f64>,
    /// Noise of the data: auto (of unknown size), none, or its standard deviation in each column in
    /// units of that column's own, such as 0.01; known to 5 %. Of positions alone auto or none.
    #[arg(long, default_value = "auto", value_parser = noise, allow_hyphen_values = true)]
    noise: Noise,
    /// A law to compare with, in the names of the vectors (q0 the pivot): proved equal up to a
    /// constant, or a point where they differ. Fitted constants within a relative 1e-6 of its
    /// constants count as equal.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    truth: Option<String>,
    /// No progress bar.
    #[arg(long)]
    quiet: bool,
    /// Tell on standard error what is tried and how well it does.
    #[arg(long)]
    verbose: bool,
}

/// The pivot, as an argument.
#[derive(Clone)]
enum Origin {
    Given(Vec<f64>),
    Unknown,
}

fn origin(text: &str) -> Result<Origin, String> {
    match text.trim() {
        "?" | "find" => Ok(Origin::Unknown),
        _ => components(text).map(Origin::Given),
    }
}

fn components(text: &str) -> Result<Vec<f64>, String> {
    let number = |x: &str| {
        x.trim()
            .parse::<f64>()
            .ok()
            .filter(|x| x.is_finite())
            .ok_or_else(|| format!("`{x}` is not a finite number"))
    };
    text.split(',').map(number).collect()
}

fn vector(text: &str) -> Result<(String, Option<Vec<f64>>), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_string(), Some(components(value)?))),
        None => Ok((text.trim().to_string(), None)),
    }
}

impl Arguments {
    /// The vectors that are the same in all of the table.
    fn vectors(&self) -> Vec<(String, Vec<f64>)> {
        let given =
            |(name, value): &(String, Option<Vec<f64>>)| Some((name.clone(), value.clone()?));
        self.vector.iter().filter_map(given).collect()
    }

    /// What each trajectory has its own of.
    fn of_run(&self) -> Vec<RunInput> {
        let vectors = self.vector.iter().filter(|(_, value)| value.is_none());
        let vectors = vectors.map(|(name, _)| RunInput::Vector(name.clone()));
        vectors.chain(self.parameter.iter().cloned().map(RunInput::Number)).collect()
    }
}

fn mass(text: &str) -> Result<(usize, Option<f64>), String> {
    let accepted = "accepted is I=M with particle I from 1 and mass M positive, for example 1=2.5, or 1='?' for one that is to be found";
    let (i, m) = text.split_once('=').ok_or(accepted)?;
    let i = i.trim().parse::<usize>().ok().filter(|i| *i > 0).ok_or(accepted)?;
    if ["?", "find"].contains(&m.trim()) {
        return Ok((i, None));
    }
    let m = m.trim().parse::<f64>().map_err(|_| accepted)?;
    if !m.is_finite() || m <= 0.0 {
        return Err(accepted.into());
    }
    Ok((i, Some(m)))
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|s| (0.0..1e9).contains(s))
        .ok_or_else(|| "a number of seconds from 0 is accepted".into())
}

fn size(text: &str) -> Result<usize, String> {
    let accepted = || {
        "a whole number of bytes is accepted, or of K, M or G (2^10, 2^20, 2^30), such as 500M"
            .to_string()
    };
    let digits = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return Err(accepted()),
    };
    digits.parse::<usize>().ok().and_then(|n| n.checked_mul(unit)).ok_or_else(accepted)
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
    if arguments.verbose {
        messages::tell();
    }
    let bar = progress(arguments.quiet || arguments.verbose);
    let signals = on_signal(&bar);
    let mut data = load(arguments, &bar)?;
    if arguments.dry_run {
        return dry_run(arguments, &bar, &data);
    }
    let out = arguments.out.as_deref().unwrap_or(Path::new("."));
    signals.learning.store(true, Ordering::Relaxed);
    let stop = signals.stop;
    let truth = arguments.truth.as_deref().map(|text| given_law(text, &data.inputs)).transpose()?;
    let _lock = FolderLock::take(out).map_err(|error| match error {
        dataset::DatasetError::Folder { .. } => Failure::Input(format!("--out: {error}")),
        error => other(error),
    })?;
    let read = begin.elapsed();

    let end = arguments
        .time_budget
        .map(|s| Deadline::at(begin + Duration::from_secs_f64(s - OF_REPORT.min(s / 4.0))))
        .unwrap_or_default();
    let deadline = end.clone().or_when(stop.clone());
    let done = promise_end(end, arguments.time_budget.unwrap_or_default());
    let found = data.find_masses(&deadline, &bar)?;
    let Data {
        inputs,
        train,
        validation,
        masses,
        unknown_masses,
        noise,
        slope_error,
        source,
        notes,
    } = data;
    let settings = RecoverSettings {
        noise,
        masses,
        mass_errors: found.as_ref().map_or_else(Vec::new, |found| found.errors.clone()),
        deadline: deadline.clone(),
        slope_error,
        seed: arguments.seed,
    };
    let failed = |error| match error {
        RecoverError::Train(train::TrainError::NothingToLearn) => input(
            "no function of the basis has an effect on the training data: there is no law to learn from what does not move",
        ),
        RecoverError::NoLaw { stopped: false } | RecoverError::Scale => input(error),
        error => other(error),
    };
    let mut recovery = recover(&inputs, &train, &validation, &settings, &mut |event| {
        bar.set_message(event.to_string())
    })
    .map_err(failed)?;
    done.store(true, Ordering::Relaxed);
    if let Some(found) = &found {
        recovery.tell_masses(found, &unknown_masses);
    }
    let recovered = begin.elapsed();

    bar.set_message("writing the report");
    let options = EqualityOptions {
        up_to_constant: true,
        relative_tolerance: TRUTH_TOLERANCE,
        seed: arguments.seed,
        ..EqualityOptions::default()
    };
    let comparison = match &truth {
        Some(law) => {
            Some(recovery.against(&inputs, law, states(&train).view(), &options).map_err(other)?)
        }
        None => None,
    };
    let command: Vec<String> = std::env::args().skip(1).map(|argument| quoted(&argument)).collect();
    let report = RecoveryReport {
        recovery: &recovery,
        inputs: &inputs,
        train: &train,
        validation: &validation,
        basis: recovery.basis(),
        command: format!("cargo run --example recover_hamiltonian -- {}", command.join(" ")),
        seed: arguments.seed,
        truth: comparison.as_ref(),
        notes: &notes,
    };
    report.write(out).map_err(other)?;
    let seconds = [
        ("read", read),
        ("recover", recovered - read),
        ("report", begin.elapsed() - recovered),
        ("total", begin.elapsed()),
    ];
    let seconds: BTreeMap<_, _> = seconds.iter().map(|(k, d)| (*k, d.as_secs_f64())).collect();
    files::write_text(
        &out.join("timings.json"),
        &(serde_json::to_string_pretty(&seconds).map_err(other)? + "\n"),
    )
    .map_err(other)?;
    bar.finish_and_clear();
    let chunks = format!(
        "{} chunks to learn from, {} to check with; {source}",
        train.len(),
        validation.len()
    );
    let summary =
        summary((&recovery, &inputs.origin), comparison.as_ref(), &chunks, out, begin.elapsed());
    match std::io::stdout().write_all(summary.as_bytes()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(other(format!("standard output: {error}")))
        }
        _ if recovery.stopped && stop.load(Ordering::Relaxed) => {
            Err(other(format!("stopped; {} has the best law so far; {AGAIN}", out.display())))
        }
        _ => Ok(()),
    }
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.into()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

/// The law of `--truth`, what is constant in it as numbers.
fn given_law(text: &str, inputs: &Inputs) -> Result<Expr, Failure> {
    let parameters: Vec<String> = inputs.parameters().map(str::to_string).collect();
    let truth = Expr::with_parameters(text, &parameters)
        .map_err(|e| Failure::Input(format!("--truth: {e}")))?;
    inputs.evaluated(&truth).map_err(|e| Failure::Input(format!("--truth: {e}")))
}

/// What Ctrl-C (or SIGTERM) sees and does.
#[derive(Clone, Default)]
struct Signals {
    /// Whether something is learned that would be lost.
    learning: Arc<AtomicBool>,
    /// Becomes true at the first signal from then on, which is a deadline for the recovery.
    stop: Arc<AtomicBool>,
}

/// The first signal while something is learned asks for the end, the second one, or one while a
/// table is read, ends the process.
fn on_signal(bar: &ProgressBar) -> Signals {
    let (signals, bar) = (Signals::default(), bar.clone());
    let Signals { learning, stop } = signals.clone();
    let handler = move || {
        let anything = learning.load(Ordering::Relaxed);
        if !anything {
            bar.suspend(|| eprintln!("stopped before anything was learned; {AGAIN}"));
        }
        if stop.swap(true, Ordering::Relaxed) || !anything {
            std::process::exit(1);
        }
        bar.suspend(|| {
            eprintln!("stopping; the best law so far will be written; once more stops at once")
        });
    };
    // Without a handler Ctrl-C ends the process, as it does everywhere.
    let _ = ctrlc::set_handler(handler);
    signals
}

/// Seconds of a budget that are kept for the report, at most a quarter of it: on one thread figures
/// take half a second, the last of the judging as much.
const OF_REPORT: f64 = 1.0;

/// A recovery comes to its end in less time than this and a part of what it was given, so that the best
/// law is written; what takes longer doesn't look at the clock. Steps are the longer the more chunks
/// there are: with 1,500 of the pendulum's in noise they end 1.6 s after 8.
const GRACE: Duration = Duration::from_millis(800);
const OF_BUDGET: f64 = 0.5;

/// Ends the process where a recovery doesn't come to its end by itself soon after its time is over,
/// unless the flag is set before.
fn promise_end(end: Deadline, budget: f64) -> Arc<AtomicBool> {
    let done = Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    let grace = GRACE + Duration::from_secs_f64(OF_BUDGET * budget);
    std::thread::spawn(move || {
        let mut over: Option<Instant> = None;
        while !flag.load(Ordering::Relaxed) {
            if end.is_over() && over.get_or_insert_with(Instant::now).elapsed() > grace {
                eprintln!("{OVER}");
                std::process::exit(1);
            }
            std::thread::sleep(GRACE / 40);
        }
    });
    done
}

/// What is said then.
const OVER: &str = "error: the time was over before a law could be judged, and nothing is written: give more of it, or fewer chunks (--max-chunks)";

/// How to go on after Ctrl-C.
const AGAIN: &str = "the same command begins again; --time-budget SECONDS ends it by itself";

/// Points in a chunk, and the part of the chunks that is held out.
const POINTS: usize = 5;
const VALIDATION: f64 = 0.2;
/// With fewer chunks to learn from, these overlap.
const SCARCE: usize = 100;

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

/// Vectors, and chunks to learn from and to check with.
struct Data {
    inputs: Inputs,
    train: Vec<Trajectory>,
    validation: Vec<Trajectory>,
    /// Masses that momenta were made of velocities with, if they were.
    masses: Vec<f64>,
    /// Those of these particles, from 1, are not known.
    unknown_masses: Vec<usize>,
    /// What is known of the noise.
    noise: Noise,
    /// By which part momenta are off that are slopes of positions.
    slope_error: f64,
    /// Where they are from.
    source: String,
    /// What was ignored, assumed or cut in reading them.
    notes: Vec<String>,
}

impl Data {
    /// Finds the masses that are not known, and makes the momenta with them.
    fn find_masses(
        &mut self,
        deadline: &Deadline,
        bar: &ProgressBar,
    ) -> Result<Option<MassesFound>, Failure> {
        let Self { inputs, train, validation, masses, unknown_masses, noise, .. } = self;
        if masses.len() < 2 || unknown_masses.is_empty() {
            return Ok(None);
        }
        if inputs.parameters().next().is_some() {
            return Err(Failure::Input(
                "--parameter: masses are not found yet where runs have numbers of their own; --mass I=M for every particle, or momenta, are accepted"
                    .into(),
            ));
        }
        bar.set_message("finding masses");
        let chunks = (&train[..], &validation[..]);
        let found = find_masses(inputs, chunks, masses, unknown_masses, deadline).map_err(other)?;
        for chunks in [train, validation] {
            found.applied(chunks, masses);
        }
        *noise = found.noise(noise.clone(), masses);
        masses.clone_from(&found.masses);
        Ok(Some(found))
    }
}

fn load(arguments: &Arguments, bar: &ProgressBar) -> Result<Data, Failure> {
    let table = &arguments.table;
    let told = !table.columns.is_empty()
        || table.time_step.is_some()
        || !table.angle.is_empty()
        || !table.missing.is_empty();
    if arguments.input.is_none() && (told || table.gaps == table::OnGaps::Cut) {
        return Err(Failure::Input(
            "--columns, --time-step, --angle, --missing and --gaps say how --input is read; --input is missing"
                .into(),
        ));
    }
    let mut data = match &arguments.input {
        Some(path) => read(path, arguments, bar)?,
        None => pendulum(arguments)?,
    };
    let Inputs { shape, origin, context, .. } = data.inputs;
    let given = |name: &String| arguments.vector.iter().any(|(n, _)| n == name);
    let context =
        context.into_iter().filter(|(name, _)| !given(name)).chain(arguments.vectors()).collect();
    let origin = match &arguments.origin {
        Some(Origin::Given(place)) => place.clone(),
        _ => origin,
    };
    let of_run = arguments.of_run();
    if let Some(input) = of_run.first().filter(|_| arguments.input.is_none()) {
        return Err(Failure::Input(format!(
            "--vector {}: a vector without a value is in columns of --input, which is missing",
            input.name()
        )));
    }
    let with_runs = |inputs: Inputs| inputs.with_run_inputs(of_run.clone()).map_err(input);
    data.inputs = with_runs(Inputs::new(shape, origin, context).map_err(input)?)?;
    if let Some(centre) = centre(arguments, &data)? {
        let Inputs { shape, context, .. } = data.inputs;
        data.notes.push(format!(
            "positions are taken from the point {} (standard errors {}), about which angular momentum changes by {:.1e} of what it does about the table's origin",
            numbers(&centre.place, f64::to_string),
            numbers(&centre.errors, |x| format!("{x:.1e}")),
            centre.left,
        ));
        data.inputs = with_runs(Inputs::new(shape, centre.place, context).map_err(input)?)?;
    }
    Ok(data)
}

fn numbers(all: &[f64], text: impl Fn(&f64) -> String) -> String {
    all.iter().map(text).collect::<Vec<_>>().join(",")
}

/// The origin that --origin ? asks for.
fn centre(arguments: &Arguments, data: &Data) -> Result<Option<CentreOfForce>, Failure> {
    if !matches!(arguments.origin, Some(Origin::Unknown)) {
        return Ok(None);
    }
    let Inputs { shape, origin, .. } = &data.inputs;
    let chunks = [&data.train[..], &data.validation].concat();
    CentreOfForce::of(*shape, origin, &chunks).map(Some).ok_or_else(|| {
        Failure::Input(
            "--origin find: no point was found, away from the origin, about which angular momentum is conserved: forces point to the origin itself, or to no single place, or there is one dimension; accepted is a point, such as --origin 1,0,0, or no --origin"
                .into(),
        )
    })
}

/// How the table of --input is to be read.
fn read_options(arguments: &Arguments) -> Result<ReadOptions, Failure> {
    let all: BTreeMap<usize, Option<f64>> = arguments.mass.iter().copied().collect();
    if all.len() < arguments.mass.len() {
        return Err(Failure::Input(
            "--mass: one mass for each particle is accepted, but a particle is given twice".into(),
        ));
    }
    let masses = all.iter().filter_map(|(i, mass)| Some((*i, (*mass)?))).collect();
    let mut options = arguments.table.options(masses).map_err(Failure::Input)?;
    options.of_run = arguments.of_run();
    options.unknown_masses = all.iter().filter(|(_, m)| m.is_none()).map(|(i, _)| *i).collect();
    Ok(options)
}

fn read(path: &Path, arguments: &Arguments, bar: &ProgressBar) -> Result<Data, Failure> {
    let options = read_options(arguments)?;
    let mut cut = Cut {
        points: POINTS,
        most: arguments.max_chunks as usize,
        seed: arguments.seed,
        join: arguments.noise == Noise::Auto,
    };
    if let Some(memory) = arguments.memory {
        let shape = dataset::read_shape(path, &options).map_err(input)?;
        let inputs = Inputs::new(shape, vec![0.0; shape.dimension], arguments.vectors())
            .and_then(|inputs| inputs.with_run_inputs(arguments.of_run()))
            .map_err(input)?;
        cut.most = cut.most.min(fitting(memory, &inputs)?);
    }
    let (table, warnings) =
        dataset::read_chunks(path, &options, &cut, &mut |event| bar.set_message(event.to_string()))
            .map_err(input)?;
    let told = if arguments.dry_run { &[] } else { &warnings[..] };
    bar.suspend(|| told.iter().for_each(|w| eprintln!("warning: {w}")));
    let Chunks {
        shape,
        chunks,
        available,
        rows,
        momenta,
        masses,
        unknown_masses,
        noise,
        slope_error,
        memory: index,
        ..
    } = table;
    let reading = PROGRAM + index;
    if let Some(memory) = arguments.memory.filter(|memory| *memory < reading) {
        let (given, least) = (memory >> 20, reading.div_ceil(1 << 20));
        bar.suspend(|| eprintln!("warning: to read {rows} rows may have taken {least} MB, more than the {given} MB of --memory"));
    }
    if chunks.len() < 2 {
        return Err(Failure::Input(format!(
            "{}: {} chunk of trajectories: at least 2 are accepted, one to learn from and one to check with",
            path.display(),
            chunks.len()
        )));
    }
    let mut source = format!("{rows} rows, cut into {available} chunks of {POINTS} points");
    if chunks.len() < available {
        source += &format!(
            ", of which {} were drawn ({})",
            chunks.len(),
            if cut.most < arguments.max_chunks as usize { "--memory" } else { "--max-chunks" }
        );
    }
    let (chunks, gaps) = without_gaps(&chunks);
    let (train, validation) = split_trajectories(
        chunks.into_owned(),
        VALIDATION,
        &mut ChaCha8Rng::seed_from_u64(arguments.seed),
    );
    let train = overlapped(train, POINTS, SCARCE).map_err(input)?;
    let inputs = Inputs::new(shape, vec![0.0; shape.dimension], Vec::new()).map_err(input)?;
    let mut notes = warnings;
    notes.extend(gaps);
    if let (MomentaFrom::Positions, Noise::Sigma(_)) = (momenta, &arguments.noise) {
        return Err(Failure::Input(
            "--noise: of positions alone auto and none are accepted: momenta are slopes of many rows, whose noise is found from what is left of these"
                .into(),
        ));
    }
    if momenta == MomentaFrom::Velocities {
        notes.push("momenta are masses times velocities, which are taken to be in the units of the positions over that of t".into());
    }
    let noise = noise.map_or(arguments.noise.clone(), Noise::Each);
    Ok(Data {
        inputs,
        train,
        validation,
        masses,
        unknown_masses,
        noise,
        slope_error,
        source,
        notes,
    })
}

/// Says what a table holds and what would be done with it.
fn dry_run(arguments: &Arguments, bar: &ProgressBar, data: &Data) -> Result<(), Failure> {
    let Data { inputs, train, validation, notes, .. } = data;
    let (learned, checked) = (train.len(), validation.len());
    let path = arguments.input.as_deref().unwrap_or(Path::new(""));
    let tell = &mut |event: scalar_dynamics::Progress| bar.set_message(event.to_string());
    let survey = dataset::survey_table(path, &read_options(arguments)?, tell).map_err(input)?;
    if let Some(text) = &arguments.truth {
        given_law(text, inputs)?;
    }
    bar.finish_and_clear();
    let more = notes.iter().filter(|note| !survey.notes.contains(note));
    let more: String = more.map(|note| format!("note: {note}\n")).collect();
    let text = inspect::survey_text(&survey)
        + &more
        + &format!(
            "would learn from {learned} chunks of {POINTS} points and check with {checked} (--max-chunks, --memory, --seed {}), then search for the law; nothing is written\n",
            arguments.seed
        );
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(other(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Bytes that the program takes besides what it learns from and what it knows of a table's rows.
const PROGRAM: usize = 128 << 20;
/// What it takes besides where runs have numbers of their own, which make many terms of each.
const PARAMETERS: usize = 640 << 20;
/// With fewer chunks little is learned: so much memory there must be.
const FEWEST: usize = 50;

/// Chunks that learning has memory for.
fn fitting(memory: usize, inputs: &Inputs) -> Result<usize, Failure> {
    let of_chunk = bytes_of_chunk(inputs, POINTS);
    let has_parameters = inputs.parameters().next().is_some();
    let program = PROGRAM + if has_parameters { PARAMETERS } else { 0 };
    match memory.saturating_sub(program) / of_chunk {
        chunks if chunks < FEWEST => {
            let least = (program + FEWEST * of_chunk).div_ceil(1 << 20);
            Err(Failure::Input(format!(
                "--memory: {least}M or more is accepted for this table, so that {FEWEST} chunks fit"
            )))
        }
        chunks => Ok(chunks),
    }
}

/// The springy double pendulum's own data: the paper's 500 chunks of five points, and as many to
/// validate with.
fn pendulum(arguments: &Arguments) -> Result<Data, Failure> {
    let (preset, seed) = (&arguments.preset[..], arguments.seed);
    let known = [Preset::ReferenceCode, Preset::Paper];
    let preset = known.into_iter().find(|p| p.name() == preset).ok_or_else(|| {
        Failure::Input(format!(
            "unknown preset `{preset}`: accepted are {}",
            known.map(Preset::name).join(", ")
        ))
    })?;
    let data = generate(preset, Profile::Quick, seed).map_err(other)?;
    let source = "the springy double pendulum's own data".into();
    Ok(Data {
        inputs: data.inputs().map_err(other)?,
        train: data.train.trajectories,
        validation: data.validation.trajectories,
        masses: Vec::new(),
        unknown_masses: Vec::new(),
        noise: arguments.noise.clone(),
        slope_error: 0.0,
        source,
        notes: Vec::new(),
    })
}

fn summary(
    (recovery, origin): (&Recovery, &[f64]),
    comparison: Option<&Comparison>,
    chunks: &str,
    out: &Path,
    elapsed: Duration,
) -> String {
    let mut text = format!("H = {}\n", law_text(recovery));
    if origin.iter().any(|x| *x != 0.0) {
        text += &format!(
            "q0 = ({}), where positions are taken from\n",
            numbers(origin, f64::to_string)
        );
    }
    text += "\n";
    for (q, force) in &recovery.forces {
        text += &format!("force on {q} = {force}\n");
    }
    text += "\nConstants as fitted:\n";
    for c in &recovery.reading.constants {
        let simple = c.snapped.map_or_else(String::new, |s| format!("  (simple: {s:.6})"));
        text += &format!("{:>4} = {}{simple}  {}\n", c.name, constant_text(c), c.meaning);
    }
    let ModelErrors { learned, closed_form: closed } = recovery.validation_error;
    text += &format!(
        "\nheld-out rollout error: learned model {}, closed form {} (of the data's spread)\n{chunks}\n",
        rollout_error_text(learned),
        rollout_error_text(closed)
    );
    recovery.checks.iter().for_each(|check| text += &format!("{}\n", check.message));
    text += "exact: ";
    text += &if recovery.exact() {
        "yes, down to noise or integration error\n".to_string()
    } else {
        format!("no: {}\n", verdict_text(&recovery.verdict))
    };
    if let Some(outlying) = &recovery.outlying {
        text += &format!("{}\n", outlying_text(outlying));
    }
    if !recovery.rivals.is_empty() {
        let others = recovery.rivals.len();
        text += &format!(
            "at least {others} other law(s) explain these noisy data as well: see Rivals in report.md\n"
        );
    }
    if recovery.stopped {
        text += &format!("{STOPPED}\n");
    }
    for s in &recovery.shared {
        text += &format!("{}\n", shared_text(s));
    }
    if let Some(merged) = &recovery.merged {
        text += &format!("with these held equal, H = {}\n", merged.expression);
    }
    if let Some(noise) = &recovery.noise {
        text += &format!("{}\n", noise_text(noise));
    }
    if let Some(found) = &recovery.nonconservative {
        text += &format!("{}\n", nonconservative_text(found, recovery.forces.len()));
    }
    if let Some(comparison) = comparison {
        text += &format!("{}\n", comparison_line(comparison));
    }
    text + &format!("results in {} ({:.1} s)\n", out.display(), elapsed.as_secs_f64())
}
