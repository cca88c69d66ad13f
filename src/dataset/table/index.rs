//! Which rows of a table belong together.

use std::collections::HashMap;
use std::ops::Range;

use super::cell::{Kind, Value};
use super::layout::{FRAME, TIME, TRAJECTORY};
use super::source::{Cell, Source};
use crate::dataset::DatasetError;

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
    cuts: u32,
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
    segments: Vec<Segment>,
    /// Segments in the order of the table.
    by_row: Vec<u32>,
    /// Trajectories and what is left of them between cuts, as ranges of rows in the order of the
    /// segments.
    pieces: Vec<Range<u64>>,
    /// Number of trajectories.
    pub trajectories: usize,
    /// Rows of the table.
    pub rows: u64,
    pub spacing: Option<Spacing>,
    pub cut: CutRows,
    pub clock: Clock,
}

impl Index {
    /// Reads ids and times, and checks that each trajectory has two rows or more and that its times
    /// increase. `witness` is a column that is read where there is none of times; `broken` are the
    /// rows to leave out, if trajectories may be cut.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn read(
        source: &mut Source,
        clock: Clock,
        witness: &str,
        broken: Option<Broken>,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Self, DatasetError> {
        let may_cut = broken.is_some();
        let mut builder = Builder::new(clock, broken.unwrap_or_default(), may_cut);
        let column = clock.column().map_or((witness, Kind::Number), |name| (name, Kind::Time));
        // Ids of a group of rows come before the times of that group.
        let mut ids = std::collections::VecDeque::new();
        source.read(&[(TRAJECTORY, Kind::Id), column], progress, &mut |cell| {
            match (cell.column, cell.value) {
                (0, Some(Value::Id(id))) => ids.push_back(id),
                (0, _) => {
                    return Err(DatasetError::Null {
                        path: cell.path.into(),
                        column: TRAJECTORY.into(),
                        trajectory: None,
                        row: cell.in_file as usize,
                    });
                }
                _ => builder.row(&cell, ids.pop_front().unwrap_or_default())?,
            }
            Ok(())
        })?;
        builder.index(source)
    }

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
}

/// The last row of a trajectory.
#[derive(Clone, Copy)]
struct Last {
    /// Its time, and that of the first.
    time: f64,
    first_time: f64,
    /// Rows so far, whole or not.
    position: u64,
    cuts: u32,
    /// Whether the next row begins a piece.
    cut: bool,
    /// The segment that it is in; none before the first row.
    segment: Option<usize>,
}

/// Time stands still or goes back; what else is known of that trajectory's times.
struct Fault {
    trajectory: i64,
    place: (std::path::PathBuf, usize),
    previous: f64,
    time: f64,
    last: Last,
}

struct Builder {
    clock: Clock,
    broken: Broken,
    /// Rows of `broken` that were met.
    met: usize,
    may_cut: bool,
    segments: Vec<Segment>,
    /// Trajectories but the current one.
    others: HashMap<i64, Last>,
    current: Option<(i64, Last)>,
    rows: u64,
    least: f64,
    most: f64,
    sum: f64,
    steps: u64,
    cut: CutRows,
    fault: Option<Fault>,
}

impl Builder {
    fn new(clock: Clock, broken: Broken, may_cut: bool) -> Self {
        Self {
            clock,
            may_cut,
            cut: CutRows { broken: broken.rows.len() as u64, ..CutRows::default() },
            broken,
            met: 0,
            segments: Vec::new(),
            others: HashMap::new(),
            current: None,
            rows: 0,
            least: f64::INFINITY,
            most: 0.0,
            sum: 0.0,
            steps: 0,
            fault: None,
        }
    }

    /// Takes a row in.
    fn row(&mut self, cell: &Cell, id: i64) -> Result<(), DatasetError> {
        let row = cell.row;
        self.rows = row + 1;
        let mut last = self.last(id);
        if self.broken.rows.get(self.met) == Some(&row) {
            self.met += 1;
            (last.position, last.cut) = (last.position + 1, true);
            self.current = Some((id, last));
            return Ok(());
        }
        let number = match self.clock.column() {
            Some(column) => finite(cell, column, id)?,
            None => 0.0,
        };
        let time = self.clock.time(number, last.position);
        if last.segment.is_some() && !self.follows(cell, id, &mut last, time) {
            return Ok(());
        }
        let open = last.segment.filter(|&k| {
            let s = &self.segments[k];
            !last.cut && s.first + u64::from(s.rows) == row && s.rows < u32::MAX
        });
        match open {
            Some(k) => self.segments[k].rows += 1,
            None => {
                last.cuts += u32::from(last.cut && last.segment.is_some());
                if last.segment.is_none() {
                    last.first_time = time;
                }
                last.segment = Some(self.segments.len());
                self.segments.push(Segment {
                    trajectory: id,
                    first: row,
                    position: last.position,
                    start: 0,
                    rows: 1,
                    cuts: last.cuts,
                });
            }
        }
        (last.time, last.cut, last.position) = (time, false, last.position + 1);
        self.current = Some((id, last));
        Ok(())
    }

    /// The last row of a trajectory, which becomes the current one.
    fn last(&mut self, id: i64) -> Last {
        let none = || Last {
            time: f64::NAN,
            first_time: f64::NAN,
            position: 0,
            cuts: 0,
            cut: false,
            segment: None,
        };
        match self.current {
            Some((current, last)) if current == id => last,
            current => {
                if let Some((current, last)) = current {
                    self.others.insert(current, last);
                }
                self.others.get(&id).copied().unwrap_or_else(none)
            }
        }
    }

    /// Whether a row's time follows that of the last; else it begins a piece, or is a fault.
    fn follows(&mut self, cell: &Cell, id: i64, last: &mut Last, time: f64) -> bool {
        if let Some(fault) = &mut self.fault {
            if fault.trajectory == id {
                fault.last.position += 1;
                fault.last.time = fault.last.time.max(time);
            }
            return false;
        }
        let step = time - last.time;
        if step > 0.0 {
            if !last.cut {
                (self.least, self.most) = (self.least.min(step), self.most.max(step));
                (self.sum, self.steps) = (self.sum + step, self.steps + 1);
            }
            return true;
        }
        if self.may_cut && step < 0.0 {
            self.cut.back += 1;
            self.cut.first.get_or_insert_with(|| {
                format!("row {} of {}: time goes back", cell.in_file, cell.path.display())
            });
            last.cut = true;
            return true;
        }
        let place = (cell.path.to_path_buf(), cell.in_file as usize);
        let mut known = *last;
        known.position += 1;
        self.fault = Some(Fault { trajectory: id, place, previous: last.time, time, last: known });
        false
    }

    fn index(mut self, source: &Source) -> Result<Index, DatasetError> {
        if let Some(fault) = &self.fault {
            return Err(fault.error(self.clock, source));
        }
        if self.rows == 0 {
            return Err(DatasetError::NoRows { path: source.path.clone() });
        }
        let mut order: Vec<u32> = (0..self.segments.len() as u32).collect();
        order.sort_by_key(|&k| {
            let s = &self.segments[k as usize];
            (s.trajectory, s.cuts, s.first)
        });
        let mut segments: Vec<Segment> = order.iter().map(|&k| self.segments[k as usize]).collect();
        self.segments = Vec::new();
        self.leave_out_alone(&mut segments, source)?;
        let (mut start, mut trajectories) = (0, 0);
        let mut pieces: Vec<Range<u64>> = Vec::new();
        let mut before: Option<(i64, u32)> = None;
        for s in &mut segments {
            s.start = start;
            start += u64::from(s.rows);
            trajectories += usize::from(before.is_none_or(|(id, _)| id != s.trajectory));
            match pieces.last_mut() {
                Some(piece) if before == Some((s.trajectory, s.cuts)) => piece.end = start,
                _ => pieces.push(s.start..start),
            }
            before = Some((s.trajectory, s.cuts));
        }
        let mut by_row: Vec<u32> = (0..segments.len() as u32).collect();
        by_row.sort_by_key(|&k| segments[k as usize].first);
        if self.cut.first.is_none() {
            self.cut.first = self.broken.first.take();
        }
        let mean = self.sum / self.steps as f64;
        let spacing =
            (self.steps > 0).then_some(Spacing { least: self.least, mean, most: self.most });
        let (rows, cut, clock) = (self.rows, self.cut, self.clock);
        Ok(Index { segments, by_row, pieces, trajectories, rows, spacing, cut, clock })
    }

    /// Leaves out pieces of one row, which cuts may leave over; without cuts they are refused.
    fn leave_out_alone(
        &mut self,
        segments: &mut Vec<Segment>,
        source: &Source,
    ) -> Result<(), DatasetError> {
        let piece = |s: &Segment| (s.trajectory, s.cuts);
        let alone: Vec<Segment> = segments
            .chunk_by(|a, b| piece(a) == piece(b))
            .filter(|segments| segments.len() == 1 && segments[0].rows == 1)
            .map(|segments| segments[0])
            .collect();
        if let (Some(s), false) = (alone.first(), self.may_cut) {
            let (path, row) = source.place(s.first);
            return Err(DatasetError::OneRow { path, trajectory: s.trajectory, row });
        }
        self.cut.alone = alone.len() as u64;
        let mut left_out = alone.iter().map(|s| s.first).peekable();
        segments.retain(|s| left_out.next_if_eq(&s.first).is_none());
        if segments.is_empty() {
            let first = self.broken.first.clone().unwrap_or_default();
            let rows = self.rows - self.cut.broken;
            return Err(DatasetError::NothingLeft { path: source.path.clone(), rows, first });
        }
        Ok(())
    }
}

impl Fault {
    fn error(&self, clock: Clock, source: &Source) -> DatasetError {
        let steps = self.last.position.saturating_sub(1).max(1) as f64;
        let mean = (self.last.time - self.last.first_time) / steps;
        let hint = if self.time == self.previous {
            let step = if mean > 0.0 { format!("{mean:.4}") } else { "DT".into() };
            format!(
                "; where stamps are rounded and rows evenly spaced, --time-step {step} takes their place"
            )
        } else if source.has_ids() {
            "; --gaps cut cuts the trajectory where time goes back".into()
        } else {
            "; where a new run begins, --columns trajectory=NAME names the column that numbers runs, and without one --gaps cut cuts where time goes back".into()
        };
        DatasetError::Time {
            path: self.place.0.clone(),
            column: clock.column().unwrap_or(TIME).into(),
            trajectory: self.trajectory,
            row: self.place.1,
            previous: self.previous,
            time: self.time,
            hint,
        }
    }
}

/// A finite number; else an error that tells file, column, trajectory and row.
pub(super) fn finite(cell: &Cell, column: &str, trajectory: i64) -> Result<f64, DatasetError> {
    if let Some(Value::Number(value)) = cell.value
        && value.is_finite()
    {
        return Ok(value);
    }
    let (path, column, row) = (cell.path.into(), column.into(), cell.in_file as usize);
    Err(match cell.value {
        Some(Value::Number(value)) => {
            DatasetError::NotFinite { path, column, trajectory, row, value }
        }
        _ => DatasetError::Null { path, column, trajectory: Some(trajectory), row },
    })
}
