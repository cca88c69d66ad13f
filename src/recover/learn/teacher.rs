//! Learning from a model in the place of data: a black box that gives values and gradients.

use ndarray::{Array1, Array2};

use crate::basis::ProductBasis;
use crate::model::ScalarHamiltonian;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;
use crate::recover::problem::teacher::{Teacher, Teaching};

/// Pieces of each interval along the teacher's paths.
const PIECES: usize = 2;

impl<'a> Learner<'a> {
    /// Learns from a model from now on, along smooth paths through the points of the chunks.
    pub(crate) fn listen_to(&mut self, increments: Teaching<'a>) {
        self.pieces = PIECES;
        let paths = self
            .paths(None::<&Flow<ScalarHamiltonian<ProductBasis>>>, &vec![1.0; self.train.len()]);
        let miss: Array1<f64> = increments(&paths)
            .iter()
            .flat_map(|b| (&b.column(0) - &b.column(1)).to_vec())
            .collect();
        let error = (miss.dot(&miss) / paths.weight()).sqrt();
        log::debug!("the model misses {error:.2e}");
        self.teacher = Some(Teacher { increments, error });
    }

    /// Goes back to the data.
    pub(crate) fn stop_listening(&mut self) {
        self.teacher = None;
    }

    /// The error of the teacher: what explains less than that is of no account. Zero without one.
    pub(crate) fn resolution(&self) -> f64 {
        self.teacher.map_or(0.0, |t| t.error)
    }

    /// The matrix of a design or of increments with what is to be explained in the last column: the
    /// teacher's increments in the place of the observed ones.
    pub(crate) fn taught(&self, paths: &Paths, mut blocks: Vec<Array2<f64>>) -> Vec<Array2<f64>> {
        if let Some(teacher) = self.teacher {
            for (block, taught) in blocks.iter_mut().zip((teacher.increments)(paths)) {
                let last = block.ncols() - 1;
                block.column_mut(last).assign(&taught.column(0));
            }
        }
        blocks
    }
}
