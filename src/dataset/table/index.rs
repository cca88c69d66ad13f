//! Which rows of a table belong together.

use std::ops::Range;

use ndarray::Array2;

use super::source::{Kind, Source, Value};
use crate::dataset::{DatasetError, Trajectory};

/// Trajectory and time of every row: 20 bytes a row.
pub(super) struct Index {
    ids: Vec<i64>,
    times: Vec<f64>,
    /// Rows by trajectory, those of one in the file's order.
    order: Vec<u32>,
}

impl Index {
    /// Reads ids and times, and checks that each trajectory has two rows or more and that its times
    /// increase.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn read(source: &mut Source, progress: &mut dyn FnMut(f64)) -> Result<Self, DatasetError> {
        let path = source.path.clone();
        let (mut ids, mut times) = (Vec::new(), Vec::new());
        source.read(
            &[("trajectory", Kind::Id), ("t", Kind::Number)],
            progress,
            &mut |column, row, value| {
                match (column, value) {
                    (0, Some(Value::Id(id))) => ids.push(id),
                    (0, _) => {
                        return Err(DatasetError::Null {
                            path: path.clone(),
                            column: "trajectory".into(),
                            trajectory: None,
                            row: row + 1,
                        });
                    }
                    (_, value) => {
                        times.push(finite(value, || (path.clone(), "t".into(), ids[row], row + 1))?)
                    }
                }
                Ok(())
            },
        )?;
        if ids.is_empty() {
            return Err(DatasetError::NoRows { path });
        }
        let rows = u32::try_from(ids.len())
            .map_err(|_| DatasetError::TooManyRows { path: path.clone(), rows: ids.len() })?;
        let mut order: Vec<u32> = (0..rows).collect();
        order.sort_by_key(|&row| ids[row as usize]);
        let index = Self { ids, times, order };
        index.trajectories().try_for_each(|piece| index.check(&path, index.rows(&piece)))?;
        Ok(index)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The pieces that are whole trajectories, by increasing id.
    pub fn trajectories(&self) -> impl Iterator<Item = Range<usize>> {
        let same = |a: &u32, b: &u32| self.ids[*a as usize] == self.ids[*b as usize];
        self.order.chunk_by(same).scan(0, |start, rows| {
            *start += rows.len();
            Some(*start - rows.len()..*start)
        })
    }

    fn rows(&self, piece: &Range<usize>) -> &[u32] {
        &self.order[piece.clone()]
    }

    fn check(&self, path: &std::path::Path, rows: &[u32]) -> Result<(), DatasetError> {
        let trajectory = self.ids[rows[0] as usize];
        let time = |row: u32| self.times[row as usize];
        if let [row] = rows {
            return Err(DatasetError::OneRow {
                path: path.into(),
                trajectory,
                row: *row as usize + 1,
            });
        }
        match rows.windows(2).find(|pair| time(pair[1]) <= time(pair[0])) {
            Some(&[before, row]) => {
                let (previous, time) = (time(before), time(row));
                Err(DatasetError::Time {
                    path: path.into(),
                    trajectory,
                    row: row as usize + 1,
                    previous,
                    time,
                })
            }
            _ => Ok(()),
        }
    }

    /// Reads the states of some pieces, columns times factors; all other rows of these columns are
    /// looked at as well, that they hold numbers.
    ///
    /// # Errors
    /// [`DatasetError`].
    pub fn states(
        &self,
        source: &mut Source,
        (columns, factors): (&[String], &[f64]),
        pieces: &[Range<usize>],
        progress: &mut dyn FnMut(f64),
    ) -> Result<Vec<Trajectory>, DatasetError> {
        let empty = |piece: &Range<usize>| {
            let rows = self.rows(piece);
            let times = rows.iter().map(|&row| self.times[row as usize]).collect();
            Trajectory {
                id: self.ids[rows[0] as usize],
                times,
                states: Array2::zeros((rows.len(), columns.len())),
            }
        };
        let mut found: Vec<Trajectory> = pieces.iter().map(empty).collect();
        // Where each row goes: row, piece, place in it.
        let of_piece = |(i, piece): (u32, &Range<usize>)| {
            (0..).zip(self.rows(piece)).map(move |(k, &row)| (row, i, k)).collect::<Vec<_>>()
        };
        let mut places: Vec<(u32, u32, u32)> = (0..).zip(pieces).flat_map(of_piece).collect();
        places.sort_unstable();
        let path = source.path.clone();
        let changed = || DatasetError::Changed { path: path.clone() };
        let mut next = vec![0; columns.len()];
        let wanted: Vec<(&str, Kind)> =
            columns.iter().map(|name| (name.as_str(), Kind::Number)).collect();
        source.read(&wanted, progress, &mut |column, row, value| {
            let id = *self.ids.get(row).ok_or_else(changed)?;
            let value = finite(value, || (path.clone(), columns[column].clone(), id, row + 1))?
                * factors[column];
            let next = &mut next[column];
            while let Some(&(_, piece, place)) =
                places.get(*next).filter(|place| place.0 as usize == row)
            {
                found[piece as usize].states[[place as usize, column]] = value;
                *next += 1;
            }
            Ok(())
        })?;
        if next.iter().all(|n| *n == places.len()) { Ok(found) } else { Err(changed()) }
    }
}

/// A finite number; else an error that tells file, column, trajectory and row.
fn finite(
    value: Option<Value>,
    place: impl Fn() -> (std::path::PathBuf, String, i64, usize),
) -> Result<f64, DatasetError> {
    match value {
        Some(Value::Number(value)) if value.is_finite() => Ok(value),
        Some(Value::Number(value)) => {
            let (path, column, trajectory, row) = place();
            Err(DatasetError::NotFinite { path, column, trajectory, row, value })
        }
        _ => {
            let (path, column, trajectory, row) = place();
            Err(DatasetError::Null { path, column, trajectory: Some(trajectory), row })
        }
    }
}
