//! Rows are put together to trajectories, as they are read.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use super::cell::{Kind, Value};
use super::index::{Broken, Clock, CutRows, Index, Segment, Spacing};
use super::layout::{TIME, TRAJECTORY};
use super::source::{Cell, Source, finite};
use crate::dataset::DatasetError;

/// Reads ids and times, and checks that each trajectory has two rows or more and that its times
/// increase. `witness` is a column that is read where there is none of times; `broken` are the
/// rows to leave out, if trajectories may be cut.
///
/// # Errors
/// [`DatasetError`].
pub(super) fn read(
    source: &mut Source,
    clock: Clock,
    witness: &str,
    broken: Option<Broken>,
    progress: &mut dyn FnMut(f64),
) -> Result<Index, DatasetError> {
    let may_cut = broken.is_some();
    let mut builder = Builder::new(clock, broken.unwrap_or_default(), may_cut);
    let column = clock.column().map_or((witness, Kind::Number), |name| (name, Kind::Time));
    // Ids of a group of rows come before the times of that group.
    let mut ids = VecDeque::new();
    source.read(&[(TRAJECTORY, Kind::Id), column], progress, &mut |cell| {
        match (cell.column, cell.value) {
            (0, Some(Value::Id(id))) => ids.push_back(id),
            // What run a row to be left out is of says the row before it.
            (0, _) if builder.is_broken(cell.row) => {
                ids.push_back(ids.back().copied().unwrap_or(builder.last_id()))
            }
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

    /// Whether a row is to be left out.
    fn is_broken(&self, row: u64) -> bool {
        self.broken.rows.binary_search(&row).is_ok()
    }

    /// The run of the last row.
    fn last_id(&self) -> i64 {
        self.current.map_or(0, |(id, _)| id)
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
