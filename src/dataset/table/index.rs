//! Which rows of a table belong together.

use std::ops::Range;

use super::layout::{FRAME, TIME};

/// What tells the time of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Clock {
    /// The column `t`.
    Column,
    /// The column `frame`, times this.
    Frames(f64),
    /// The number of rows of the trajectory before it, times this.
    Rows(f64),
}

impl Clock {
    /// The column that is read, if there is one.
    pub fn column(self) -> Option<&'static str> {
        match self {
            Self::Column => Some(TIME),
            Self::Frames(_) => Some(FRAME),
            Self::Rows(_) => None,
        }
    }

    /// The time of a row, by the number in the column and the place in the trajectory.
    pub fn time(self, number: f64, position: u64) -> f64 {
        match self {
            Self::Column => number,
            Self::Frames(step) => number * step,
            Self::Rows(step) => position as f64 * step,
        }
    }
}

/// Successive rows of the table that belong to one trajectory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub trajectory: i64,
    /// The first row, from 0.
    pub first: u64,
    /// Rows of the trajectory before it, whole or not.
    pub position: u64,
    /// Rows of all segments before it, in the order of the index.
    pub start: u64,
    pub rows: u32,
    /// Cuts of the trajectory before it.
    pub cuts: u32,
}

/// What lies between the times of successive rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spacing {
    /// The least.
    pub least: f64,
    /// The mean.
    pub mean: f64,
    /// The largest.
    pub most: f64,
}

/// What was cut out of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutRows {
    /// Rows that lack a value or can't be read.
    pub broken: u64,
    /// Rows at which time goes back.
    pub back: u64,
    /// Whole rows that stand alone between cuts; they are left out.
    pub alone: u64,
    /// Where and why the first cut was made.
    pub first: Option<String>,
}

/// The rows of a table by trajectory: memory for each change from one trajectory to another, none
/// for a row.
pub(super) struct Index {
    /// By trajectory, cut and row.
    pub segments: Vec<Segment>,
    /// Segments in the order of the table.
    pub by_row: Vec<u32>,
    /// Trajectories and what is left of them between cuts, as ranges of rows in the order of the
    /// segments.
    pub pieces: Vec<Range<u64>>,
    /// Number of trajectories.
    pub trajectories: usize,
    /// Rows of the table.
    pub rows: u64,
    pub spacing: Option<Spacing>,
    pub cut: CutRows,
    pub clock: Clock,
}

impl Index {
    /// Bytes that were held at most.
    pub fn memory(&self) -> usize {
        // Sorting takes as much again as there is.
        2 * size_of_val(&self.segments[..])
            + size_of_val(&self.by_row[..])
            + size_of_val(&self.pieces[..])
    }

    /// The pieces that are whole trajectories, or what is left of them between cuts, by increasing
    /// id and time, as ranges of rows.
    pub fn pieces(&self) -> &[Range<u64>] {
        &self.pieces
    }

    /// The segments that a range of rows lies in, with the rows of each.
    pub fn segments(&self, rows: &Range<u64>) -> impl Iterator<Item = (&Segment, Range<u64>)> {
        let (start, end) = (rows.start, rows.end);
        let first = self.segments.partition_point(|s| s.start + u64::from(s.rows) <= start);
        let inside = self.segments[first..].iter().take_while(move |s| s.start < end);
        inside.map(move |s| {
            let from = start.max(s.start) - s.start;
            let to = end.min(s.start + u64::from(s.rows)) - s.start;
            (s, s.first + from..s.first + to)
        })
    }

    /// The segments in the order of the table.
    pub fn in_order(&self) -> impl Iterator<Item = &Segment> {
        self.by_row.iter().map(|&k| &self.segments[k as usize])
    }
}

/// Rows to leave out, and where and why the first is.
#[derive(Clone, Debug, Default)]
pub(super) struct Broken {
    /// In the order of the table.
    pub rows: Vec<u64>,
    pub first: Option<String>,
    /// Rows after which they are sorted.
    full: usize,
}

/// Rows that are kept before those that are there twice are left out: half a megabyte.
const SORTED_FROM: usize = 1 << 16;

impl Broken {
    /// A row, once for each column that breaks it: memory is that of twice the rows.
    pub fn add(&mut self, row: u64) {
        if self.rows.last() != Some(&row) {
            self.rows.push(row);
        }
        if self.rows.len() > self.full.max(SORTED_FROM) {
            self.sort();
            self.full = 2 * self.rows.len();
        }
    }

    /// Each row once, in the order of the table.
    pub fn sort(&mut self) {
        self.rows.sort_unstable();
        self.rows.dedup();
    }
}
