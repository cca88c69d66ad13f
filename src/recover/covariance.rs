//! Covariance of fitted constants.

use ndarray::{Array1, Array2};

use crate::dataset::Trajectory;
use crate::linalg::solve_spd;

/// With fewer trajectories than this, the chunks are taken for independent, else the trajectories.
const TRAJECTORIES: usize = 40;

/// Sums of the rows of `scores`, one for each chunk, over the chunks of each trajectory, or where
/// those are few over chunks that overlap.
pub(crate) fn clustered(scores: &Array2<f64>, chunks: &[Trajectory]) -> Array2<f64> {
    let mut ids: Vec<i64> = chunks.iter().map(|c| c.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut clusters: Vec<usize> = Vec::new();
    for (k, chunk) in chunks.iter().enumerate() {
        let overlaps = |before: &Trajectory| {
            before.id == chunk.id && before.times.last() > chunk.times.first()
        };
        clusters.push(match clusters.last() {
            _ if ids.len() >= TRAJECTORIES => ids.binary_search(&chunk.id).unwrap_or(0),
            Some(last) => last + usize::from(!overlaps(&chunks[k - 1])),
            None => 0,
        });
    }
    let mut sums =
        Array2::zeros((clusters.iter().max().map_or(0, |last| last + 1), scores.ncols()));
    for (row, cluster) in scores.rows().into_iter().zip(clusters) {
        let mut sum = sums.row_mut(cluster);
        sum += &row;
    }
    sums
}

/// How often a state of overlapping chunks is there on average: so much smaller than it is does
/// their scatter seem.
pub(crate) fn redundancy(chunks: &[Trajectory]) -> f64 {
    let mut ends: Vec<(i64, u64)> =
        chunks.iter().flat_map(|c| c.times.iter().skip(1).map(|t| (c.id, t.to_bits()))).collect();
    let all = ends.len();
    ends.sort_unstable();
    ends.dedup();
    all.max(1) as f64 / ends.len().max(1) as f64
}

/// Standard errors of constants, never below rounding.
pub(crate) fn standard_errors(constants: &[f64], covariance: &Array2<f64>) -> Vec<f64> {
    let rounding = |i: usize| (4.0 * f64::EPSILON * constants[i].abs()).max(f64::MIN_POSITIVE);
    (0..constants.len()).map(|i| covariance[[i, i]].sqrt().max(rounding(i))).collect()
}

/// A correlation of two errors, such that matrices of these can be inverted.
pub(crate) fn correlation(covariance: &Array2<f64>, errors: &[f64], i: usize, j: usize) -> f64 {
    covariance[[i, j]] / (errors[i] * errors[j]) + if i == j { 1e-9 } else { 0.0 }
}

/// The squared length of a shift of constants in units of their covariance C: d^T C^-1 d. None
/// where that can't be inverted.
pub(crate) fn in_standard_errors(
    shift: &[f64],
    constants: &[f64],
    covariance: &Array2<f64>,
) -> Option<f64> {
    let (n, errors) = (shift.len(), standard_errors(constants, covariance));
    let matrix = Array2::from_shape_fn((n, n), |(i, j)| correlation(covariance, &errors, i, j));
    let scaled: Array1<f64> = shift.iter().zip(&errors).map(|(d, error)| d / error).collect();
    Some(scaled.dot(&solve_spd(&matrix, &scaled).ok()?))
}
