//! Coordinates of parameters and free initial states in which the loss looks round.

use super::Coordinates;
use crate::loss::Eliminated;

/// Coordinates (u, xi) of parameters and initial states in which the sum of squares is round: with the reduced factor whitened by
/// dtheta = W u, the initial states are dx = R^-1 (xi - G dtheta), chunk by chunk.
pub(super) struct FreeCoordinates {
    /// Those of the parameters.
    pub theta: Coordinates,
    /// Initial states at the origin, chunk by chunk.
    pub origin: Vec<f64>,
    /// The linearised chunks.
    pub chunks: Vec<Eliminated>,
}

impl FreeCoordinates {
    /// Overwrites parameters, then initial states.
    pub fn parameters_into(&self, u: &[f64], parameters: &mut [f64]) {
        let (u, xi) = u.split_at(self.theta.rank());
        let (theta, starts) = parameters.split_at_mut(parameters.len() - self.origin.len());
        self.theta.parameters_into(u, theta);
        let change: Vec<f64> = theta.iter().zip(self.theta.origin()).map(|(t, o)| t - o).collect();
        let dim = self.origin.len() / self.chunks.len();
        starts.copy_from_slice(&self.origin);
        let mut left = vec![0.0; dim];
        for ((chunk, xi), x) in self.chunks.iter().zip(xi.chunks_exact(dim)).zip(starts.chunks_exact_mut(dim)) {
            for ((l, row), xi) in left.iter_mut().zip(chunk.coupling.rows()).zip(xi) {
                *l = xi - row.iter().zip(&change).map(|(g, c)| g * c).sum::<f64>();
            }
            for (x, row) in x.iter_mut().zip(chunk.inverse.rows()) {
                *x += row.iter().zip(&left).map(|(r, l)| r * l).sum::<f64>();
            }
        }
    }

    /// Overwrites the gradient with respect to theta and starts.
    pub fn gradient_into(&self, gradient: &mut [f64], gradient_u: &mut [f64]) {
        let (of_theta, of_starts) = gradient.split_at_mut(gradient.len() - self.origin.len());
        let (of_u, of_xi) = gradient_u.split_at_mut(self.theta.rank());
        let dim = self.origin.len() / self.chunks.len();
        for ((chunk, g), xi) in self.chunks.iter().zip(of_starts.chunks_exact(dim)).zip(of_xi.chunks_exact_mut(dim)) {
            for (xi, column) in xi.iter_mut().zip(chunk.inverse.columns()) {
                *xi = column.iter().zip(g).map(|(r, g)| r * g).sum();
            }
            for (row, xi) in chunk.coupling.rows().into_iter().zip(xi.iter()) {
                for (t, g) in of_theta.iter_mut().zip(row) {
                    *t -= g * xi;
                }
            }
        }
        self.theta.gradient_into(of_theta, of_u);
    }
}
