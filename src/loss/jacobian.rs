//! The Jacobian of all residuals, row by row through the adjoint: what Gauss-Newton matrices and
//! standard errors are made of.

use ndarray::Array2;

use super::RolloutLoss;
use super::variation::Variation;
use crate::linalg::LANES;
use crate::model::Lanewise;

impl<M: Lanewise> RolloutLoss<'_, M> {
    /// The Jacobian of the weighted residuals sqrt(w) (predicted - observed) with respect to theta,
    /// and the residuals themselves in the last column: blocks of rows, parameters + 1 columns.
    /// Eight chunks at a time, one reverse sweep for each component of the state; the loss must
    /// have been laid out with a batch of [`LANES`].
    ///
    /// # Panics
    /// With another batch.
    pub fn jacobian(&self, theta: &[f64]) -> Vec<Array2<f64>> {
        assert_eq!(self.batch(), LANES, "a Jacobian needs one chunk to a lane");
        self.map_blocks(theta, |block, method| {
            let dim = self.model().dim();
            let (n, chunks) = (theta.len(), block.chunks());
            let mut rows = Array2::zeros((block.intervals() * dim * chunks, n + 1));
            let mut row = 0;
            let mut variation = Variation::new(dim, n);
            for interval in 0..block.intervals() {
                variation.advance(block, self.model(), method, theta, interval);
                for component in 0..dim {
                    let (residual, weight) =
                        (block.residual(interval, component), block.weight(interval, component));
                    for lane in (0..chunks.min(LANES)).filter(|&l| weight[l] > 0.0) {
                        let root = weight[lane].sqrt();
                        for (x, t) in
                            rows.row_mut(row).iter_mut().zip(variation.of_theta(component))
                        {
                            *x = root * t.0[lane];
                        }
                        rows[[row, n]] = root * residual[lane];
                        row += 1;
                    }
                }
            }
            rows
        })
    }
}
