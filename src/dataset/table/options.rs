//! How a table is to be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::scalars::RunInput;

/// What is told about a table besides its path: nothing, by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// Masses of particles, from 1, for tables of velocities or of positions alone.
    pub masses: BTreeMap<usize, f64>,
    /// Particles whose mass is not known, whatever the file says; so are those without any.
    pub unknown_masses: BTreeSet<usize>,
    /// Names: ours (`q1_x`, `t`, `trajectory`) to those of the table.
    pub columns: BTreeMap<String, String>,
    /// Time from row to row, or from frame to frame where there is a column `frame`; then times of
    /// the table are left out.
    pub time_step: Option<f64>,
    /// Coordinates that are angles and may jump by a turn.
    pub angles: Vec<Angle>,
    /// Numbers that stand for no value. A table with another that is a common mark of that, far beyond
    /// all other numbers of its column, is refused, unless this is an empty list.
    pub missing: Option<Vec<f64>>,
    /// Vectors, in columns `NAME_x`, .., and numbers, in a column of that name, which each trajectory
    /// has its own of: they don't change within one.
    pub of_run: Vec<RunInput>,
    /// What is done where values are missing.
    pub gaps: Gaps,
}

/// A coordinate that is an angle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Angle {
    /// `q1`, or `q2_y`.
    pub coordinate: String,
    /// What it is in.
    pub unit: AngleUnit,
}

/// What an angle is in. Its velocity is in the same over time, unless that column's name says `deg` or
/// `rad`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AngleUnit {
    /// Radians, unless the column's name says degrees: then the table is refused.
    #[default]
    Unsaid,
    /// Radians.
    Radians,
    /// Degrees, which are made radians.
    Degrees,
}

/// What is done with rows that lack a value or can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gaps {
    /// The table is refused.
    #[default]
    Refuse,
    /// They are left out, and the trajectory is cut there; likewise where time goes back.
    Cut,
}

impl ReadOptions {
    /// Options with these masses, and else as by default.
    pub fn with_masses(masses: &BTreeMap<usize, f64>) -> Self {
        Self { masses: masses.clone(), ..Self::default() }
    }
}
