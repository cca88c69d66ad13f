//! Trajectories in memory.

use std::collections::BTreeMap;

use ndarray::{Array2, s};

use super::Error;
use crate::field::Shape;

/// States at increasing times.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// Number by which the table names it.
    pub id: i64,
    /// Times, strictly increasing, in the table's unit.
    pub times: Vec<f64>,
    /// One state z = (q1, .., qN, p1, .., pN) a row.
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
    /// Cuts the trajectory into consecutive chunks of `points` states that share their end points, so that no interval is lost.
    /// The last may be shorter; each has two states or more and bears the trajectory's id.
    ///
    /// # Errors
    /// [`Error::ChunkLength`] for chunks of fewer than two points.
    pub fn chunks(&self, points: usize) -> Result<Vec<Trajectory>, Error> {
        let available = self.times.len();
        if points < 2 {
            return Err(Error::ChunkLength { points, available });
        }
        let starts = (0..available.saturating_sub(1)).step_by(points - 1);
        Ok(starts.map(|start| self.rows(start, (start + points).min(available))).collect())
    }

    /// The part from row `start` up to and without row `end`, at the same times and under the same id.
    fn rows(&self, start: usize, end: usize) -> Trajectory {
        let states = self.states.slice(s![start..end, ..]).to_owned();
        Trajectory { id: self.id, times: self.times[start..end].to_vec(), states }
    }
}

impl TrajectoryTable {
    /// Cuts every trajectory into chunks of `points` states: see [`Trajectory::chunks`].
    ///
    /// # Errors
    /// [`Error::ChunkLength`] for chunks of fewer than two points.
    pub fn chunks(&self, points: usize) -> Result<Vec<Trajectory>, Error> {
        let chunks = self.trajectories.iter().map(|trajectory| trajectory.chunks(points)).collect::<Result<Vec<_>, _>>()?;
        Ok(chunks.into_iter().flatten().collect())
    }

    /// Number of states.
    pub fn rows(&self) -> usize {
        self.trajectories.iter().map(|trajectory| trajectory.times.len()).sum()
    }
}
