//! Makes the data, trains every model, reads the law off, writes tables and figures.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use scalar_dynamics::Progress;
use scalar_dynamics::experiment::{Profile, ReproduceOptions, Shard, reproduce};

/// Makes the springy double pendulum's data, trains every model on 500 short chunks, reads the law
/// off, and writes the tables and figures of Yao, Storey-Fisher, Hogg and Villar (2021). Stopped
/// and started again, it goes on where it was.
///
/// Several machines share the work with --shard 1/3, 2/3, 3/3; then copy the files of their folders
/// data/PROFILE/checkpoints together and run without --shard.
///
/// Ctrl-C saves and ends the run, twice ends it at once. Exit status: 0 done, 2 bad input or
/// arguments, 1 anything else.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Size: smoke (about a minute, says nothing about accuracy), quick (the paper's data, one
    /// seed, up to a quarter of an hour), paper (three seeds, an hour or two)
    #[arg(long, default_value = "quick")]
    profile: Profile,
    /// Make only these products: trajectories, training, trainings, rollout_errors,
    /// error_quantiles, table1, recovered, noise, transfer, figure1, figure2, figure3, phase_space,
    /// training_history, error_seconds; or train only these models (such as scalars-hnn-spectral)
    /// or units (such as scalars-hnn-spectral-seed2)
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Do only every N-th unit, beginning with the I-th, and no tables or figures
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Train nothing: draw figure1, figure2, and figure3 from the error_quantiles.parquet that is there
    #[arg(long, conflicts_with = "shard")]
    redraw: bool,
    /// Folder for data and tables
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Folder for figures
    #[arg(long, value_name = "DIR", default_value = "figures")]
    figures: PathBuf,
    /// Seed of the data (of the first, where there are several)
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Threads; by default as many as there are processors
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let threads = arguments.threads.map_or(0, usize::from);
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        eprintln!("error: --threads: {error}");
        return ExitCode::FAILURE;
    }
    let bar = Bar::new(arguments.quiet);
    let Arguments { profile, only, shard, redraw, data, figures, seed, .. } = arguments;
    let stop = stop_on_signal(&bar.0);
    let result = reproduce(
        &ReproduceOptions { profile, only, shard, redraw, data, figures, seed, stop },
        &mut |event| bar.show(event),
    );
    bar.0.finish_and_clear();
    match result.map(|summary| writeln!(std::io::stdout(), "{summary}")) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, as `head` does.
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("error: standard output: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            if error.is_bad_input() { ExitCode::from(BAD_INPUT) } else { ExitCode::FAILURE }
        }
    }
}

/// Becomes true at the first Ctrl-C (or SIGTERM); the second ends the process. Nothing is lost
/// either way, but for some seconds of training.
fn stop_on_signal(bar: &ProgressBar) -> Arc<AtomicBool> {
    let (stop, bar) = (Arc::new(AtomicBool::new(false)), bar.clone());
    let asked = stop.clone();
    let handler = move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
        bar.suspend(|| eprintln!("stopping after this iteration; once more stops at once"));
    };
    // Without a handler Ctrl-C ends the process, as it does everywhere.
    let _ = ctrlc::set_handler(handler);
    stop
}

/// A progress bar on standard error, if that is a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(1);
        let style =
            ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {pos}/{len} {prefix} {msg}");
        bar.set_style(style.expect("the template is valid"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }
}

impl Bar {
    fn show(&self, event: Progress) {
        match event {
            Progress::Piece { number, of, name } => {
                self.0.set_length(of as u64);
                self.0.set_position(number as u64 - 1);
                self.0.set_prefix(name);
                self.0.set_message("");
            }
            // Whether standard output can be written to is said at the end, with the summary.
            Progress::Found { text } => self.0.suspend(|| {
                let _ =
                    write!(std::io::stdout(), "{text}").and_then(|()| std::io::stdout().flush());
            }),
            event => self.0.set_message(event.to_string()),
        }
    }
}
