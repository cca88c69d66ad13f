//! The residuals chunk by chunk: what tests of a model and standard errors of its parameters are
//! made of.

use ndarray::Array2;

use super::RolloutLoss;
use super::block::Block;
use crate::integrate::RungeKutta;
use crate::linalg::LANES;
use crate::model::{Lanewise, Model};

impl<M: Model> RolloutLoss<'_, M> {
    /// The sum of weighted squared residuals of each chunk, in their order; not finite where its
    /// rollout diverges.
    pub fn chunk_losses(&self, theta: &[f64]) -> Vec<f64> {
        let of_block = |block: &mut Block<M>, _: &RungeKutta| -> Vec<f64> {
            let places = || {
                (0..block.intervals()).flat_map(|j| (0..self.model().dim()).map(move |c| (j, c)))
            };
            let square = |b: usize, (j, c)| {
                let (r, w) = (block.residual(j, c)[b], block.weight(j, c)[b]);
                if w > 0.0 { w * r * r } else { 0.0 }
            };
            (0..block.chunks()).map(|b| places().map(|at| square(b, at)).sum()).collect()
        };
        self.map_blocks(theta, of_block).concat()
    }
}

impl<M: Lanewise> RolloutLoss<'_, M> {
    /// The gradient of half the sum of weighted squared residuals of each chunk: chunks x
    /// parameters. Residuals within a chunk are correlated, those of different chunks hardly do; so
    /// the outer products of these rows say how much the parameters scatter. The loss must have
    /// been laid out with a batch of [`LANES`].
    ///
    /// # Panics
    /// With another batch.
    pub fn scores(&self, theta: &[f64]) -> Array2<f64> {
        assert_eq!(self.batch(), LANES, "scores need one chunk to a lane");
        let of_block = |block: &mut Block<M>, method: &RungeKutta| {
            block.backward(self.model(), method, theta);
            let of_chunk =
                |lane: usize| block.weights_bar().iter().map(|t| 0.5 * t.0[lane]).collect();
            (0..block.chunks()).map(of_chunk).collect::<Vec<Vec<f64>>>()
        };
        let rows = self.map_blocks(theta, of_block).concat();
        Array2::from_shape_fn((rows.len(), theta.len()), |(i, k)| rows[i][k])
    }
}
