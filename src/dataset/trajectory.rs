//! Trajectories in memory.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array2, s};

use super::DatasetError;
use crate::field::Shape;

/// States at increasing times.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// Number by which the table names it.
    pub id: i64,
    /// Times, strictly increasing, in the table's unit.
    pub times: Vec<f64>,
    /// States z = (q1, .., qN, p1, .., pN), one a row, in the table's units: times x 2 N d.
    pub states: Array2<f64>,
}

/// Trajectories of the same particles.
#[derive(Clone, Debug, PartialEq)]
pub struct TrajectoryTable {
    /// Particles and dimension.
    pub shape: Shape,
    /// The trajectories, by increasing id.
    pub trajectories: Vec<Trajectory>,
    /// Where the data come from: command, seed, system and the like.
    pub metadata: BTreeMap<String, String>,
}

impl Trajectory {
    /// Cuts the trajectory into consecutive chunks of `points` states that share their end points,
    /// so that no interval is lost. The last may be shorter; each has two states or more and bears
    /// the trajectory's id.
    ///
    /// # Errors
    /// [`DatasetError::ChunkLength`] for chunks of fewer than two points.
    pub fn chunks(&self, points: usize) -> Result<Vec<Trajectory>, DatasetError> {
        let all = 0..self.times.len() as u64;
        let rows = (0..chunk_count(&all, points)?).map(|k| chunk_range(&all, points, k));
        Ok(rows.map(|rows| self.rows(rows.start as usize, rows.end as usize)).collect())
    }

    /// Cuts out chunks of `points` states that begin at every `stride`-th row, and the last such
    /// chunk; the whole trajectory where it is no longer.
    ///
    /// # Errors
    /// [`DatasetError::ChunkLength`] for chunks of fewer than two points.
    pub fn overlapping_chunks(
        &self,
        points: usize,
        stride: usize,
    ) -> Result<Vec<Trajectory>, DatasetError> {
        let available = self.times.len();
        if points < 2 {
            return Err(DatasetError::ChunkLength { points, available });
        }
        let last = available.saturating_sub(points);
        let mut starts: Vec<usize> = (0..=last).step_by(stride.max(1)).collect();
        if !last.is_multiple_of(stride.max(1)) {
            starts.push(last);
        }
        Ok(starts
            .into_iter()
            .map(|start| self.rows(start, (start + points).min(available)))
            .collect())
    }

    /// The part from row `start` up to and without row `end`, at the same times and under the same
    /// id.
    fn rows(&self, start: usize, end: usize) -> Trajectory {
        let states = self.states.slice(s![start..end, ..]).to_owned();
        Trajectory { id: self.id, times: self.times[start..end].to_vec(), states }
    }
}

impl TrajectoryTable {
    /// Cuts every trajectory into chunks of `points` states: see [`Trajectory::chunks`].
    ///
    /// # Errors
    /// [`DatasetError::ChunkLength`] for chunks of fewer than two points.
    pub fn chunks(&self, points: usize) -> Result<Vec<Trajectory>, DatasetError> {
        let chunks = self
            .trajectories
            .iter()
            .map(|trajectory| trajectory.chunks(points))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(chunks.into_iter().flatten().collect())
    }

    /// Number of states of all trajectories together.
    pub fn rows(&self) -> usize {
        self.trajectories.iter().map(|trajectory| trajectory.times.len()).sum()
    }
}

/// How many chunks of `points` consecutive rows, which share their end points, a trajectory makes.
pub(super) fn chunk_count(rows: &Range<u64>, points: usize) -> Result<usize, DatasetError> {
    let available = (rows.end - rows.start) as usize;
    if points < 2 {
        return Err(DatasetError::ChunkLength { points, available });
    }
    Ok(available.saturating_sub(1).div_ceil(points - 1))
}

/// The rows of chunk k of a trajectory; the last may be shorter than the others.
pub(super) fn chunk_range(rows: &Range<u64>, points: usize, k: usize) -> Range<u64> {
    let start = rows.start + (k * (points - 1)) as u64;
    start..(start + points as u64).min(rows.end)
}
