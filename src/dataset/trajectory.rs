//! Trajectories in memory.

use std::collections::BTreeMap;

use ndarray::Array2;

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
