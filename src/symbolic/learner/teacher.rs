//! Learning from a model in the place of data: a black box that gives values and gradients.

use ndarray::{Array1, Array2};

use super::Learner;
use crate::basis::ProductBasis;
use crate::model::ScalarHamiltonian;
use crate::symbolic::paths::{Flow, Paths};

/// The increments of a model's field along given paths, as [`Paths::increments`] gives them.
pub(in crate::symbolic) type Teaching<'a> = &'a (dyn Fn(&Paths) -> Vec<Array2<f64>> + Sync);

/// A model to learn from.
#[derive(Clone, Copy)]
pub(super) struct Teacher<'a> {
    increments: Teaching<'a>,
    /// Root mean square difference from the observed increments.
    error: f64,
}

/// Pieces of each interval along the teacher's paths.
const PIECES: usize = 2;

impl<'a> Learner<'a> {
    /// Learns from a model from now on, along smooth paths through the points of the chunks.
    pub(in crate::symbolic) fn listen_to(&mut self, increments: Teaching<'a>) {
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
    pub(in crate::symbolic) fn stop_listening(&mut self) {
        self.teacher = None;
    }

    /// The error of the teacher: what explains less than that is of no account. Zero without one.
    pub(in crate::symbolic) fn resolution(&self) -> f64 {
        self.teacher.map_or(0.0, |t| t.error)
    }

    /// The matrix of a design or of increments with what is to be explained in the last column: the
    /// teacher's increments in the place of the observed ones.
    pub(in crate::symbolic) fn taught(
        &self,
        paths: &Paths,
        mut blocks: Vec<Array2<f64>>,
    ) -> Vec<Array2<f64>> {
        if let Some(teacher) = self.teacher {
            for (block, taught) in blocks.iter_mut().zip((teacher.increments)(paths)) {
                let last = block.ncols() - 1;
                block.column_mut(last).assign(&taught.column(0));
            }
        }
        blocks
    }
}
