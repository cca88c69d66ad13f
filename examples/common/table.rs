//! Options that say how a table is to be read.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use scalar_dynamics::dataset::{Angle, AngleUnit, Gaps, ReadOptions};

/// How a table is to be read.
#[derive(Args, Default)]
pub struct TableArguments {
    /// Names of the table's columns where they are not ours: q1_x=x,q1_y=y,t=time.
    #[arg(long, value_name = "OURS=THEIRS,..", value_delimiter = ',', value_parser = name)]
    pub columns: Vec<(String, String)>,
    /// Time from row to row, or from frame to frame where there is a column `frame`; the table's
    /// own times are left out.
    #[arg(long, value_name = "DT", value_parser = step, allow_hyphen_values = true)]
    pub time_step: Option<f64>,
    /// Coordinates that are angles and may jump by a turn: q1, or q1_x; q1=deg is in degrees, and is
    /// made radians together with its velocity.
    #[arg(long, value_name = "Q,..", value_delimiter = ',', value_parser = angle)]
    pub angle: Vec<Angle>,
    /// Numbers that stand for no value, such as -9999; none: each is a number.
    #[arg(long, value_name = "VALUE,..", value_delimiter = ',', allow_hyphen_values = true)]
    pub missing: Vec<String>,
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

fn angle(text: &str) -> Result<Angle, String> {
    let (coordinate, unit) = text.split_once('=').unwrap_or((text, ""));
    let unit = match unit.trim().to_lowercase().as_str() {
        "" => AngleUnit::Unsaid,
        "deg" | "degrees" => AngleUnit::Degrees,
        "rad" | "radians" => AngleUnit::Radians,
        _ => return Err("accepted is Q or Q=rad in radians, or Q=deg in degrees".into()),
    };
    Ok(Angle { coordinate: coordinate.trim().into(), unit })
}

fn step(text: &str) -> Result<f64, String> {
    let positive = |x: &f64| x.is_finite() && *x > 0.0;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(positive);
    let step = match text.split_once('/') {
        Some((above, below)) => number(above).zip(number(below)).map(|(a, b)| a / b),
        None => number(text),
    };
    step.filter(positive)
        .ok_or_else(|| "a positive number is accepted, or a fraction such as 1/240".into())
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
        Ok(ReadOptions {
            masses,
            columns,
            time_step: self.time_step,
            angles: self.angle.clone(),
            missing: self.missing()?,
            gaps,
            ..ReadOptions::default()
        })
    }

    /// Numbers that stand for no value, where anything is said of them.
    fn missing(&self) -> Result<Option<Vec<f64>>, String> {
        if self.missing.is_empty() {
            return Ok(None);
        }
        let named = self.missing.iter().filter(|text| *text != "none");
        if self.missing.iter().any(|text| text == "none") && self.missing.len() > 1 {
            return Err("--missing: none, or numbers, is accepted, not both".into());
        }
        let number = |text: &String| {
            let wrong =
                || format!("--missing {text}: a number such as -9999, or none, is accepted");
            text.trim().parse::<f64>().ok().filter(|x| x.is_finite()).ok_or_else(wrong)
        };
        named.map(number).collect::<Result<_, _>>().map(Some)
    }
}
