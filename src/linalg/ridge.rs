//! Linear least squares with a trace of ridge.

use ndarray::{Array2, Axis as Direction, concatenate, s};

use super::dense::{Result, triangular_factor, triangular_inverse};

/// Ridge relative to the length of each column.
const RIDGE: f64 = 1e-8;

/// The triangular factor with a trace of ridge under every column but the last.
pub(crate) fn with_ridge(factor: &Array2<f64>) -> Result<Array2<f64>> {
    let n = factor.ncols() - 1;
    let largest =
        (0..n).map(|k| factor.column(k).dot(&factor.column(k)).sqrt()).fold(0.0, f64::max);
    // Of nothing at all any ridge makes a factor that can be inverted.
    let largest = if largest > 0.0 { largest } else { 1.0 };
    let mut ridge = Array2::zeros((n, n + 1));
    for k in 0..n {
        let length = factor.column(k).dot(&factor.column(k)).sqrt();
        ridge[[k, k]] = RIDGE * if length > 0.0 { length } else { largest };
    }
    triangular_factor(&[concatenate![Direction(0), factor.view(), ridge.view()]])
}

/// Least squares from the triangular factor of a design matrix with the observations in the last
/// column.
pub(crate) fn solve(factor: &Array2<f64>) -> Result<Vec<f64>> {
    let n = factor.ncols() - 1;
    Ok(triangular_inverse(&factor.slice(s![..n, ..n]))?.dot(&factor.slice(s![..n, n])).to_vec())
}
