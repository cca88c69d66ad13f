//! How good a model is: errors of long rollouts, their geometric means and quantiles.

use ndarray::{Array2, Array3, ArrayView1, ArrayView2, ArrayView3, Axis};

use crate::integrate::RungeKutta;
use crate::linalg::LANES;
use crate::model::Model;
use crate::parallel;

/// A conserved quantity as a function of the state.
pub type Invariant<'a> = &'a (dyn Fn(&[f64]) -> f64 + Sync);

/// Smallest error that the clamped geometric mean of Yao et al. (2021) lets through.
pub const CLAMP: f64 = 1e-7;

/// States that are rolled out side by side at most, a multiple of [`LANES`]: networks want many,
/// threads few.
const TOGETHER: usize = 32;

/// Times at equal distances, from 0 on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeGrid {
    /// Distance of two times, in the data's unit of time.
    pub interval: f64,
    /// Number of times, the first among them.
    pub points: usize,
}

/// Rolls a model out from the rows of `initial` (n x dim): the states at all times of the grid, n x
/// points x dim, the first being the initial ones. Each interval takes `substeps` steps
/// of `method`. States beyond a divergence are not finite.
pub fn rollout<M: Model>(
    model: &M,
    theta: &[f64],
    initial: ArrayView2<f64>,
    TimeGrid { interval, points }: TimeGrid,
    method: &RungeKutta,
    substeps: usize,
) -> Array3<f64> {
    let (n, dim) = initial.dim();
    let weights = model.expand(theta);
    let mut states = Array3::zeros((n, points, dim));
    let size = (n.div_ceil(LANES) * LANES).clamp(LANES, TOGETHER);
    let blocks =
        states.axis_chunks_iter_mut(Axis(0), size).zip(initial.axis_chunks_iter(Axis(0), size));
    parallel::map_items(blocks, |(mut states, initial)| {
        let rows = initial.nrows();
        let mut z: Vec<f64> =
            (0..dim * size).map(|i| initial[[(i % size).min(rows - 1), i / size]]).collect();
        let mut scratch = vec![0.0; method.work_len(z.len())];
        let mut work = model.work();
        for point in 0..points {
            for row in 0..rows {
                for c in 0..dim {
                    states[[row, point, c]] = z[c * size + row];
                }
            }
            for _ in 0..if point + 1 < points { substeps } else { 0 } {
                method.step(
                    &mut |z, dz| model.field_into(&weights, z, dz, &mut work),
                    interval / substeps as f64,
                    &mut z,
                    &mut scratch,
                );
            }
        }
    });
    states
}

/// |a - b| / (|a| + |b|) with Euclidean norms: 0 when equal, 1 at worst, and 1 when `a` is not finite.
pub fn relative_error(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| a - b));
    let size = norm(&mut a.iter().copied()) + norm(&mut b.iter().copied());
    if !difference.is_finite() || !size.is_finite() {
        1.0
    } else if size > 0.0 {
        difference / size
    } else {
        0.0
    }
}

/// Relative errors of rollouts, each n trajectories x points.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutErrors {
    /// Relative errors of the state (Yao et al. 2021, equation 13), see [`relative_error`].
    pub state: Array2<f64>,
    /// Relative errors of the angular momentum about gravity (equation 12).
    pub angular_momentum: Array2<f64>,
    /// Relative errors of the true Hamiltonian's value at the predicted state.
    pub energy: Array2<f64>,
}

impl RolloutErrors {
    /// Compares predicted with true states, both n x points x dim.
    pub fn new(
        predicted: ArrayView3<f64>,
        truth: ArrayView3<f64>,
        angular_momentum: Invariant,
        energy: Invariant,
    ) -> Self {
        let (n, points, _) = truth.dim();
        let of = |error: &(dyn Fn(ArrayView1<f64>, ArrayView1<f64>) -> f64 + Sync)| {
            let rows = parallel::map(n, |i| -> Vec<f64> {
                let at = |j| ndarray::s![i, j, ..];
                (0..points).map(|j| error(predicted.slice(at(j)), truth.slice(at(j)))).collect()
            });
            Array2::from_shape_fn((n, points), |(i, j)| rows[i][j])
        };
        let invariant = |f: Invariant, a: ArrayView1<f64>, b: ArrayView1<f64>| {
            let [a, b] = [a, b].map(|z| ndarray::arr1(&[f(&z.to_vec())]));
            relative_error(a.view(), b.view())
        };
        Self {
            state: of(&relative_error),
            angular_momentum: of(&|a, b| invariant(angular_momentum, a, b)),
            energy: of(&|a, b| invariant(energy, a, b)),
        }
    }
}

/// Geometric mean of the errors over trajectories and times, without the first point, where the
/// error is zero by construction.
pub fn geometric_mean(errors: &Array2<f64>) -> f64 {
    mean_log(errors.slice(ndarray::s![.., 1..]).iter().copied())
}

/// Geometric mean over trajectories and times of the [`relative_error`] between two sets of states
/// (trajectory x time x component), without the first point, where they agree; what is below
/// roundoff counts as roundoff.
pub fn mean_relative_distance(a: &Array3<f64>, b: &Array3<f64>) -> f64 {
    let (n, points, _) = a.dim();
    let errors = Array2::from_shape_fn((n, points), |(i, j)| {
        let at = ndarray::s![i, j, ..];
        relative_error(a.slice(at), b.slice(at)).max(f64::EPSILON)
    });
    geometric_mean(&errors)
}

/// The geometric mean as the public reference code takes it: with the first point, and each error
/// raised to [`CLAMP`] at least.
pub fn clamped_geometric_mean(errors: &Array2<f64>) -> f64 {
    mean_log(errors.iter().map(|e| e.max(CLAMP)))
}

fn mean_log(errors: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for e in errors {
        sum += e.max(f64::MIN_POSITIVE).ln();
        count += 1;
    }
    (sum / count as f64).exp()
}

/// Distribution of an error over trajectories at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// Geometric mean of the error over trajectories.
    pub geometric_mean: f64,
    /// Quantiles of the error at 5, 25, 50, 75 and 95 %.
    pub quantiles: [f64; 5],
}

/// [`Quantiles`] at every time, interpolated linearly between order statistics.
pub fn quantiles_over_time(errors: &Array2<f64>) -> Vec<Quantiles> {
    let column = |column: ArrayView1<f64>| {
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        let quantile = |q: f64| {
            let at = q * (sorted.len() - 1) as f64;
            let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
            low + (high - low) * at.fract()
        };
        Quantiles {
            geometric_mean: mean_log(sorted.iter().copied()),
            quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map(quantile),
        }
    };
    errors.columns().into_iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    #[test]
    fn paper_relative_error_is_symmetric_and_bounded() {
        let (a, b) = (arr1(&[3.0, 4.0]), arr1(&[0.0, 0.0]));
        assert_eq!(relative_error(a.view(), b.view()), 1.0);
        assert_eq!(relative_error(a.view(), a.view()), 0.0);
        assert_eq!(relative_error(b.view(), b.view()), 0.0);
        assert_eq!(relative_error(arr1(&[f64::NAN, 0.0]).view(), a.view()), 1.0);
    }

    #[test]
    fn paper_geometric_means_with_and_without_clamp() {
        let errors = arr2(&[[0.0, 1e-9, 1e-3], [0.0, 1e-9, 1e-5]]);
        assert!((geometric_mean(&errors).log10() + 6.5).abs() < 1e-12);
        assert!((clamped_geometric_mean(&errors).log10() + (7.0 * 4.0 + 8.0) / 6.0).abs() < 1e-12);
    }

    #[test]
    fn regress_quantiles_interpolate() {
        let errors = Array2::from_shape_fn((101, 1), |(i, _)| i as f64);
        let q = quantiles_over_time(&errors)[0];
        assert_eq!(q.quantiles, [5.0, 25.0, 50.0, 75.0, 95.0]);
    }
}
