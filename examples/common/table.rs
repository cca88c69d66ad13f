//! Options that say how a table is to be read.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use scalar_dynamics::dataset::{Gaps, ReadOptions};

/// How a table is to be read.
#[derive(Args, Default)]
pub struct TableArguments {
    /// Names of the table's columns where they are not ours: q1_x=x,q1_y=y,t=time.
    #[arg(long, value_name = "OURS=THEIRS,..", value_delimiter = ',', value_parser = name)]
    pub columns: Vec<(String, String)>,
    /// Time from row to row, or from frame to frame where there is a column `frame`; the table's
    /// own times are left out.
    #[arg(long, value_name = "DT", value_parser = step)]
    pub time_step: Option<f64>,
    /// Coordinates that are angles in radians and may jump by 2 pi: q1, or q1_x.
    #[arg(long, value_name = "Q,..", value_delimiter = ',')]
    pub angle: Vec<String>,
    /// What is done with rows that lack a value or can't be read, and where time goes back.
    #[arg(long, value_enum, default_value_t)]
    pub gaps: OnGaps,
}

/// Refuse the table, or cut its trajectories there.
#[derive(Clone, Copy, Default, PartialEq, ValueEnum)]
pub enum OnGaps {
    #[default]
    Refuse,
    Cut,
}

fn name(text: &str) -> Result<(String, String), String> {
    let (ours, theirs) = text
        .split_once('=')
        .ok_or("accepted is OURS=THEIRS,.., for example q1_x=x,q1_y=y,t=time")?;
    Ok((ours.trim().into(), theirs.trim().into()))
}

fn step(text: &str) -> Result<f64, String> {
    let positive = |x: &f64| x.is_finite() && *x > 0.0;
    text.parse().ok().filter(positive).ok_or_else(|| "a positive number is accepted".into())
}

impl TableArguments {
    /// The options, with masses of particles.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn options(&self, masses: BTreeMap<usize, f64>) -> Result<ReadOptions, String> {
        let columns: BTreeMap<String, String> = self.columns.iter().cloned().collect();
        if columns.len() < self.columns.len() {
            return Err("--columns: each of our names once is accepted".into());
        }
        let gaps = if self.gaps == OnGaps::Cut { Gaps::Cut } else { Gaps::Refuse };
        let (time_step, angles) = (self.time_step, self.angle.clone());
        Ok(ReadOptions { masses, columns, time_step, angles, gaps, ..ReadOptions::default() })
    }
}
