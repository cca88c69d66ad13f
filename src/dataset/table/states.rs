//! The states of a table: of all rows, or of those that were chosen.

use std::collections::HashMap;
use std::ops::Range;

use ndarray::Array2;

use super::cell::{Kind, Value};
use super::index::{Broken, Clock, Index, Segment};
use super::layout::TRAJECTORY;
use super::remarkable::{Jump, Look};
use super::source::{Cell, Source, finite};
use crate::dataset::{DatasetError, Trajectory};

/// The columns of a state.
pub(super) struct Columns {
    /// Their names, in the order of a state.
    pub names: Vec<String>,
    /// What each is multiplied with.
    pub factors: Vec<f64>,
    /// A turn, where it is an angle that may wrap.
    pub turns: Vec<Option<f64>>,
    /// How many are positions: the first.
    pub positions: usize,
    /// How many, the last, stay the same within a trajectory.
    pub of_run: usize,
    /// Whether numbers that are common marks of missing values are refused.
    pub refuse_marks: bool,
}

/// Reads the rows that lack a value, or hold something that can't be read.
///
/// # Errors
/// [`DatasetError`].
pub(super) fn broken(
    source: &mut Source,
    clock: Clock,
    columns: &Columns,
    progress: &mut dyn FnMut(f64),
) -> Result<Broken, DatasetError> {
    let mut wanted: Vec<(&str, Kind)> =
        columns.names.iter().map(|name| (name.as_str(), Kind::Number)).collect();
    wanted.extend(clock.column().map(|name| (name, Kind::Time)));
    wanted.extend(source.has_ids().then_some((TRAJECTORY, Kind::Id)));
    let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    let mut found = Broken::default();
    let mut first: Option<(u64, String)> = None;
    source.read(&wanted, progress, &mut |cell| {
        let whole = match cell.value {
            Some(Value::Number(x)) => x.is_finite(),
            Some(Value::Id(_)) => true,
            _ => false,
        };
        if !whole {
            found.add(cell.row);
            if first.as_ref().is_none_or(|(row, _)| cell.row < *row) {
                let column = names[cell.column];
                let what = format!(
                    "row {} of {}: no number in column {column}",
                    cell.in_file,
                    cell.path.display()
                );
                first = Some((cell.row, what));
            }
        }
        Ok(())
    })?;
    found.sort();
    found.first = first.map(|(_, what)| what);
    Ok(found)
}

/// Reads the states of some ranges of the index's rows, columns times factors; all other rows of
/// these columns are looked at as well, that they hold numbers.
///
/// # Errors
/// [`DatasetError`].
pub(super) fn read(
    source: &mut Source,
    index: &Index,
    columns: &Columns,
    pieces: &[Range<u64>],
    progress: &mut dyn FnMut(f64),
) -> Result<(Vec<Trajectory>, Vec<Jump>), DatasetError> {
    let mut reading = Reading::new(index, columns, pieces);
    let wanted = reading.wanted.clone();
    let wanted: Vec<(&str, Kind)> =
        wanted.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    source.read(&wanted, progress, &mut |cell| reading.cell(&cell))?;
    let path = source.path.clone();
    reading.finish()?.ok_or(DatasetError::Changed { path })
}

/// Where a chosen row goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    row: u64,
    piece: u32,
    at: u32,
}

struct Reading<'a> {
    index: &'a Index,
    columns: &'a Columns,
    wanted: Vec<(String, Kind)>,
    in_order: Vec<&'a Segment>,
    found: Vec<Trajectory>,
    places: Vec<Place>,
    progress: Vec<Progress>,
    /// Of every trajectory the first value of a column that stays the same, and its row.
    constant: HashMap<(usize, i64), (f64, u64)>,
}

/// How far a column is read.
struct Progress {
    /// The next of the places.
    next: usize,
    /// The segment that the last row was in or before.
    segment: usize,
    look: Look,
    /// Turns of the current trajectory so far, and its last value, and those of the others.
    turns: Turns,
    others: HashMap<i64, Turns>,
}

#[derive(Clone, Copy, Default)]
struct Turns {
    turns: f64,
    last: Option<f64>,
}

impl<'a> Reading<'a> {
    fn new(index: &'a Index, columns: &'a Columns, pieces: &[Range<u64>]) -> Self {
        let width = columns.names.len();
        let (mut found, mut places) = (Vec::with_capacity(pieces.len()), Vec::new());
        for (k, piece) in (0..).zip(pieces) {
            let rows = (piece.end - piece.start) as usize;
            let (mut id, mut at, mut times) = (0, 0, Vec::with_capacity(rows));
            for (segment, rows) in index.segments(piece) {
                id = segment.trajectory;
                for row in rows {
                    places.push(Place { row, piece: k, at });
                    let position = segment.position + row - segment.first;
                    times.push(index.clock.time(f64::NAN, position));
                    at += 1;
                }
            }
            found.push(Trajectory { id, times, states: Array2::zeros((rows, width)) });
        }
        places.sort_unstable();
        let clock = index.clock.column().map(|name| (name.to_string(), Kind::Time));
        let states = columns.names.iter().map(|name| (name.clone(), Kind::Number));
        let wanted: Vec<(String, Kind)> = states.chain(clock).collect();
        let progress = wanted.iter().map(|_| Progress::new()).collect();
        Self {
            index,
            columns,
            wanted,
            in_order: index.in_order().collect(),
            found,
            places,
            progress,
            constant: HashMap::new(),
        }
    }

    /// Refuses a value that is not that of its trajectory's first row.
    fn stays(&mut self, cell: &Cell, trajectory: i64, value: f64) -> Result<(), DatasetError> {
        let (first, row) =
            *self.constant.entry((cell.column, trajectory)).or_insert((value, cell.in_file));
        if first == value {
            return Ok(());
        }
        Err(DatasetError::Varies {
            path: cell.path.into(),
            column: self.wanted[cell.column].0.clone(),
            trajectory,
            values: [first, value],
            rows: [row, cell.in_file],
        })
    }

    fn cell(&mut self, cell: &Cell) -> Result<(), DatasetError> {
        let (k, row) = (cell.column, cell.row);
        let of_state = k < self.columns.names.len();
        let progress = &mut self.progress[k];
        while self
            .in_order
            .get(progress.segment)
            .is_some_and(|s| row >= s.first + u64::from(s.rows))
        {
            progress.segment += 1;
            progress.look.begin();
        }
        // A row in no segment was cut out.
        let segment = self.in_order.get(progress.segment).copied().filter(|s| row >= s.first);
        let Some(segment) = segment else { return Ok(()) };
        let name = &self.wanted[k].0;
        let mut value = finite(cell, name, segment.trajectory)?;
        let states = self.columns.names.len();
        if (states - self.columns.of_run..states).contains(&k) {
            self.stays(cell, segment.trajectory, value)?;
        }
        let progress = &mut self.progress[k];
        let name = &self.wanted[k].0;
        // Times may be of any size, but those below zero are rarely far below.
        if of_state || value < 0.0 {
            progress.look.at(cell, value, (name, segment.trajectory));
        }
        if let Some(turn) = self.columns.turns.get(k).copied().flatten() {
            value = progress.unwrapped(segment, row, value, turn);
        }
        while let Some(place) = self.places.get(progress.next).filter(|place| place.row == row) {
            let trajectory = &mut self.found[place.piece as usize];
            if of_state {
                trajectory.states[[place.at as usize, k]] = value * self.columns.factors[k];
            } else {
                trajectory.times[place.at as usize] = self.index.clock.time(value, 0);
            }
            progress.next += 1;
        }
        Ok(())
    }

    /// What was read; nothing if the table is not what it was.
    ///
    /// # Errors
    /// [`DatasetError::Mark`].
    fn finish(self) -> Result<Option<(Vec<Trajectory>, Vec<Jump>)>, DatasetError> {
        let all = self.progress.iter().all(|progress| progress.next == self.places.len());
        let may_jump = self.columns.turns.iter().take(self.columns.positions);
        let looks = self.columns.names.iter().zip(&self.progress).zip(may_jump);
        let plain = looks.filter(|(_, turn)| turn.is_none());
        let jumps = plain.filter_map(|((name, progress), _)| progress.look.jump(name)).collect();
        let mut looks = self.progress.into_iter().map(|progress| progress.look);
        match looks.find_map(Look::mark).filter(|_| self.columns.refuse_marks) {
            Some(mark) => Err(mark),
            None => Ok(all.then_some((self.found, jumps))),
        }
    }
}

impl Progress {
    fn new() -> Self {
        let (turns, others) = (Turns::default(), HashMap::new());
        Self { next: 0, segment: 0, look: Look::new(), turns, others }
    }

    /// An angle without its jumps by whole turns.
    fn unwrapped(&mut self, segment: &Segment, row: u64, value: f64, turn: f64) -> f64 {
        if row == segment.first {
            // Another trajectory may have been in between.
            self.turns = self.others.get(&segment.trajectory).copied().unwrap_or_default();
        }
        if let Some(last) = self.turns.last {
            self.turns.turns -= ((value - last) / turn).round();
        }
        self.turns.last = Some(value);
        if row + 1 == segment.first + u64::from(segment.rows) {
            self.others.insert(segment.trajectory, self.turns);
        }
        value + self.turns.turns * turn
    }
}
