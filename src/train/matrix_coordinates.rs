//! Coordinates of matrices of parameters in which the loss looks rounder.

use ndarray::Array2;

use super::error::Error;
use crate::linalg::svd;
use crate::model::ParameterMatrix;

/// theta = origin + P u, with P made of one Kronecker product for each matrix of parameters:
/// U to L^(-1/2) U R^(-1/2).
///
/// L and R are the second moments of the rows and of the columns of J^T v, for the Jacobian J of
/// the residuals and random signs v. As v has the covariance one, they are the partial traces of
/// the matrix's block of J^T J, which L x R / tr L approximates: the best of its kind if that block
/// is a Kronecker product (Gupta, Koren & Singer 2018, Shampoo; Martens & Grosse 2015, whose
/// factors come from signals instead). So the Hessian with respect to u is about the same in all
/// directions, and L-BFGS has less to learn.
pub(super) struct MatrixCoordinates {
    origin: Vec<f64>,
    factors: Vec<Factor>,
}

/// L^(-1/2) and R^(-1/2) of a matrix.
struct Factor {
    matrix: ParameterMatrix,
    left: Array2<f64>,
    right: Array2<f64>,
}

/// Part of the mean eigenvalue that is added to all of L and R. Without it directions that the loss
/// hardly sees move as fast as all others: the training loss falls fastest (a perceptron on scalars
/// after 180 iterations: 9.0e-4, root mean square, with 1e-3 here, 7.2e-4 with 0.1, 8.0e-4 with 1,
/// 2.2e-3 in plain coordinates), but others than the training chunks are predicted worse (5.4e-3,
/// 2.2e-3, 1.8e-3, 3.0e-3).
const RIDGE: f64 = 1.0;

impl MatrixCoordinates {
    /// About `origin`, from samples of J^T v; the Hessian is `scale`^-2 times their covariance.
    ///
    /// # Errors
    /// Samples that are not finite.
    pub fn new(
        origin: Vec<f64>,
        matrices: Vec<ParameterMatrix>,
        samples: &[Vec<f64>],
        scale: f64,
    ) -> Result<Self, Error> {
        let factor = |matrix: ParameterMatrix| {
            let (rows, columns) = (matrix.rows, matrix.columns());
            let (mut left, mut right) =
                (Array2::zeros((rows, rows)), Array2::zeros((columns, columns)));
            for sample in samples {
                let sample = matrix.gather(sample);
                left += &sample.dot(&sample.t());
                right += &sample.t().dot(&sample);
            }
            let trace: f64 = left.diag().sum() / samples.len() as f64;
            // A matrix without effect stays as it is.
            if trace == 0.0 {
                return Ok(Factor { matrix, left: Array2::eye(rows), right: Array2::eye(columns) });
            }
            let count = samples.len() as f64;
            let left = inverse_root(&(left / count))? * (trace.sqrt() * scale);
            Ok(Factor { matrix, left, right: inverse_root(&(right / count))? })
        };
        let factors = matrices.into_iter().map(factor).collect::<Result<_, Error>>()?;
        Ok(Self { origin, factors })
    }

    /// theta = origin + P u.
    pub fn parameters(&self, u: &[f64]) -> Vec<f64> {
        let mut theta = self.product(u);
        theta.iter_mut().zip(&self.origin).for_each(|(theta, origin)| *theta += origin);
        theta
    }

    /// P times a vector. P is symmetric: so gradients by theta become those by u.
    pub fn product(&self, x: &[f64]) -> Vec<f64> {
        let mut y = x.to_vec();
        for Factor { matrix, left, right } in &self.factors {
            matrix.scatter(left.dot(&matrix.gather(x)).dot(right).view(), &mut y);
        }
        y
    }
}

/// (A + ridge)^(-1/2) of a symmetric positive A.
fn inverse_root(a: &Array2<f64>) -> Result<Array2<f64>, Error> {
    let (directions, mut values, _) = svd(a)?;
    let ridge = RIDGE * values.sum() / values.len() as f64;
    values.mapv_inplace(|value| 1.0 / (value + ridge).sqrt());
    Ok((&directions * &values).dot(&directions.t()))
}
