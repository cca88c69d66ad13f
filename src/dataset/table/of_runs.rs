//! What each trajectory has its own of: read in columns after those of the state, and put among its
//! positions.

use std::collections::BTreeMap;

use ndarray::{Array2, s};

use crate::dataset::Trajectory;
use crate::scalars::RunInput;

/// The values of each trajectory.
pub(super) struct OfRuns {
    inputs: Vec<RunInput>,
    dimension: usize,
    values: BTreeMap<i64, Vec<f64>>,
}

impl OfRuns {
    /// Of these inputs, in so many dimensions.
    pub fn new(inputs: &[RunInput], dimension: usize) -> Self {
        Self { inputs: inputs.to_vec(), dimension, values: BTreeMap::new() }
    }

    /// The columns of an input.
    fn columns(&self, input: &RunInput) -> usize {
        match input {
            RunInput::Vector(_) => self.dimension,
            RunInput::Number(_) => 1,
        }
    }

    /// Keeps the values, which are the same in all rows, and leaves the state.
    pub fn taken_out(&mut self, rows: Trajectory) -> Trajectory {
        let own: usize = self.inputs.iter().map(|input| self.columns(input)).sum();
        if own == 0 || rows.states.nrows() == 0 {
            return rows;
        }
        let state = rows.states.ncols() - own;
        self.values.insert(rows.id, rows.states.slice(s![0, state..]).to_vec());
        Trajectory { states: rows.states.slice(s![.., ..state]).to_owned(), ..rows }
    }

    /// Puts the values after the positions, each in the place of a vector, and as many zeros after the
    /// momenta.
    pub fn put_in(&self, trajectory: Trajectory) -> Trajectory {
        let Some(values) = self.values.get(&trajectory.id) else { return trajectory };
        let (rows, half) = (trajectory.states.nrows(), trajectory.states.ncols() / 2);
        let all = half + self.inputs.len() * self.dimension;
        let mut states = Array2::zeros((rows, 2 * all));
        states.slice_mut(s![.., ..half]).assign(&trajectory.states.slice(s![.., ..half]));
        states.slice_mut(s![.., all..all + half]).assign(&trajectory.states.slice(s![.., half..]));
        let mut values = values.iter();
        for (k, input) in self.inputs.iter().enumerate() {
            let first = half + k * self.dimension;
            for (c, value) in (first..first + self.columns(input)).zip(&mut values) {
                states.column_mut(c).fill(*value);
            }
        }
        Trajectory { states, ..trajectory }
    }
}
