//! Prints what tables hold: schema, metadata, statistics, Table 1, error quantiles,
//! recovered constants.

#[path = "common/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use scalar_dynamics::dataset::frames;
use scalar_dynamics::report::inspect::{self, Inspection};

/// Prints what tables hold (Parquet, CSV and other text, Arrow IPC, npz, extended XYZ): schema,
/// metadata, row counts and statistics of each, and the results themselves: Table 1, error
/// quantiles, recovered constants, training, timings; of trajectories runs, steps of time and gaps.
///
/// Exit status: 0 done, 2 bad input or arguments, 1 anything else.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Files, patterns such as 'runs/*.csv', or folders that are searched for .parquet files, and
    /// where there is none for other tables
    #[arg(default_value = "data")]
    paths: Vec<PathBuf>,
    /// Form of the output; csv has the statistics of the columns alone
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Leave out schemas, metadata and statistics (text only): just the results
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    table: table::TableArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Csv,
    Json,
}

const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = match arguments.table.options(BTreeMap::new()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    let mut inspections = Vec::new();
    let mut status = ExitCode::SUCCESS;
    // What can be read is shown, whatever else cannot.
    for path in &arguments.paths {
        let files = frames::files_to_inspect(path).map(|files| {
            files.into_iter().map(|file| inspect::inspect_table(&file, &options)).collect()
        });
        for inspection in files.unwrap_or_else(|error| vec![Err(error)]) {
            match inspection {
                Ok(inspection) => inspections.push(inspection),
                Err(error) => {
                    eprintln!("error: {error}");
                    status = ExitCode::from(BAD_INPUT);
                }
            }
        }
    }
    match print(&inspections, &arguments) {
        Ok(()) => status,
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => status,
        Err(error) => {
            eprintln!("error: standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(inspections: &[Inspection], arguments: &Arguments) -> std::io::Result<()> {
    let text = match arguments.format {
        Format::Text => inspections
            .iter()
            .map(|inspection| inspect::as_text(inspection, arguments.quiet))
            .collect(),
        Format::Csv => inspect::as_csv(inspections),
        Format::Json => serde_json::to_string_pretty(inspections)? + "\n",
    };
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, text.as_bytes())?;
    std::io::Write::flush(&mut out)
}
