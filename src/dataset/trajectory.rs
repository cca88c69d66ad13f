//! Trajectories in memory.

use std::collections::BTreeMap;

use ndarray::Array2;

/// How many particles there are and in how many dimensions they move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of particles.
    pub particles: usize,
    /// Dimension d of space: 1, 2 or 3.
    pub dimension: usize,
}

impl Shape {
    /// Number of components of a state z = (q1, .., qN, p1, .., pN).
    pub fn state_len(self) -> usize {
        2 * self.particles * self.dimension
    }
}

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
