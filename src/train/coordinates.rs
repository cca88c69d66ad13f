//! Coordinates in which the loss looks round.

use ndarray::{Array2, s};

use super::error::TrainError;
use crate::linalg::Whitening;

/// theta = origin + W u, with W such that a design matrix times W has orthonormal columns.
///
/// For a sum of squares whose Jacobian is the design matrix the Hessian with respect to u is then
/// the identity, up to its scale: L-BFGS needs tens of iterations instead of thousands. Directions
/// that have no effect on the data (constants, duplicates, gauge) have no coordinate.
pub struct Coordinates {
    origin: Vec<f64>,
    scale: Vec<f64>,
    whitening: Whitening,
}

impl Coordinates {
    /// The coordinates that the triangular factor of a design matrix gives, with the observations
    /// in its last column. `tolerance` is relative: singular values of the matrix, its columns
    /// scaled to length one, below it count as zero.
    ///
    /// # Errors
    /// When nothing has an effect, or the factor is not finite.
    pub fn new(
        origin: Vec<f64>,
        augmented: &Array2<f64>,
        tolerance: f64,
    ) -> Result<Self, TrainError> {
        let n = origin.len();
        let mut factor = augmented.slice(s![..n.min(augmented.nrows()), ..n]).to_owned();
        let scale: Vec<f64> = factor
            .columns()
            .into_iter()
            .map(|c| c.dot(&c).sqrt())
            .map(|l| if l > 0.0 { 1.0 / l } else { 0.0 })
            .collect();
        for (mut column, scale) in factor.columns_mut().into_iter().zip(&scale) {
            column *= *scale;
        }
        let whitening = Whitening::new(&factor, tolerance)?;
        if whitening.rank() == 0 {
            return Err(TrainError::NothingToLearn);
        }
        Ok(Self { origin, scale, whitening })
    }

    /// Number of coordinates: the rank of the design matrix.
    pub fn rank(&self) -> usize {
        self.whitening.rank()
    }

    /// Singular values of the design matrix, its columns scaled to length one, that are not
    /// dropped; descending.
    pub fn singular_values(&self) -> ndarray::ArrayView1<'_, f64> {
        self.whitening.singular_values().slice(s![..self.rank()])
    }

    /// theta at u = 0.
    pub fn origin(&self) -> &[f64] {
        &self.origin
    }

    /// theta = origin + W u.
    pub fn parameters_into(&self, u: &[f64], theta: &mut [f64]) {
        self.whitening.parameters_into(u, theta);
        for ((t, s), o) in theta.iter_mut().zip(&self.scale).zip(&self.origin) {
            *t = o + s * *t;
        }
    }

    /// W^T times a gradient with respect to theta, which is overwritten.
    pub fn gradient_into(&self, gradient: &mut [f64], gradient_u: &mut [f64]) {
        for (g, s) in gradient.iter_mut().zip(&self.scale) {
            *g *= s;
        }
        self.whitening.gradient_into(gradient, gradient_u);
    }

    /// The least-squares solution: u = (A W)^T b, for the factor of `[A b]` that the coordinates
    /// were made of.
    pub fn least_squares(&self, augmented: &Array2<f64>) -> Vec<f64> {
        let n = self.origin.len();
        let top = augmented.slice(s![..n.min(augmented.nrows()), ..]);
        let mut gradient = top.slice(s![.., ..n]).t().dot(&top.column(n)).to_vec();
        let mut u = vec![0.0; self.rank()];
        self.gradient_into(&mut gradient, &mut u);
        u
    }
}
