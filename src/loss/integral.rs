//! The integral form of the equations of motion: a linear least-squares problem for models that are
//! linear in their parameters.

use ndarray::{Array2, s};

use crate::dataset::Trajectory;
use crate::linalg::{LANES, Lanes, Real};
use crate::model::LinearModel;
use crate::parallel;

/// Points that one interval's quadrature uses, at most: an interpolating polynomial of degree four.
const WINDOW: usize = 5;

/// The design matrix of z(t_j) - z(t_0) = sum_k theta_k (integral from t_0 to t_j of f_k(z(t))),
/// for every chunk, point j and component, with the left-hand side, less what the field has
/// without parameters, in the last column: blocks of rows, parameters + 1 columns, each row times
/// sqrt(weight of its component). Rows whose integral spans a gap, an interval longer than three
/// typical ones, are zero: no quadrature is good there.
///
/// The integral is that of the polynomial through f_k at up to five points around each interval, so
/// sampling may be irregular (Schaeffer & McCalla 2017 give the integral form for sparse
/// regression; here it starts the rollout fit).
pub fn integral_form<M: LinearModel>(
    model: &M,
    chunks: &[Trajectory],
    weights: &[f64],
) -> Vec<Array2<f64>> {
    let gap = GAP * typical_interval(chunks);
    let blocks: Vec<&[Trajectory]> = chunks.chunks(LANES).collect();
    let rows = |work: &mut M::Work, k: usize| block_rows(model, blocks[k], weights, gap, work);
    parallel::map_with(blocks.len(), || model.work(), rows)
}

/// So many typical intervals make a gap.
const GAP: f64 = 3.0;

/// The median interval between points.
fn typical_interval(chunks: &[Trajectory]) -> f64 {
    let mut intervals: Vec<f64> =
        chunks.iter().flat_map(|c| c.times.windows(2)).map(|w| w[1] - w[0]).collect();
    intervals.sort_by(f64::total_cmp);
    intervals.get(intervals.len() / 2).copied().unwrap_or(0.0)
}

fn block_rows<M: LinearModel>(
    model: &M,
    chunks: &[Trajectory],
    weights: &[f64],
    gap: f64,
    work: &mut M::Work,
) -> Array2<f64> {
    let (dim, n) = (model.dim(), model.parameters());
    let points = chunks.iter().map(|c| c.times.len()).max().unwrap_or(0);
    let quadrature: Vec<Array2<f64>> =
        chunks.iter().map(|c| cumulative_quadrature(&c.times)).collect();
    let offsets: Vec<usize> = chunks
        .iter()
        .scan(0, |at, c| {
            let here = *at;
            *at += c.times.len().saturating_sub(1) * dim;
            Some(here)
        })
        .collect();
    let rows = chunks.iter().map(|c| c.times.len().saturating_sub(1) * dim).sum();
    let mut design = Array2::zeros((rows, n + 1));
    let (mut z, mut offset) = (vec![Lanes::zero(); dim], vec![Lanes::zero(); dim]);
    for i in 0..points {
        for (c, z) in z.iter_mut().enumerate() {
            *z = Lanes(std::array::from_fn(|lane| {
                let chunk = &chunks[lane.min(chunks.len() - 1)];
                if chunk.times.is_empty() {
                    0.0
                } else {
                    chunk.states[[i.min(chunk.times.len() - 1), c]]
                }
            }));
        }
        let mut add = |k: usize, f: &[Lanes]| {
            for (lane, chunk) in chunks.iter().enumerate().filter(|(_, c)| i < c.times.len()) {
                for j in 1..chunk.times.len() {
                    let weight = quadrature[lane][[j, i]];
                    for (c, f) in f.iter().enumerate() {
                        design[[offsets[lane] + (j - 1) * dim + c, k]] += weight * f.0[lane];
                    }
                }
            }
        };
        model.columns(&z, work, &mut add);
        if model.offset(&z, &mut offset) {
            offset.iter_mut().for_each(|x| *x = -*x);
            add(n, &offset);
        }
    }
    for (chunk, offset) in chunks.iter().zip(&offsets) {
        let mut trusted = 1.0;
        for j in 1..chunk.times.len() {
            if chunk.times[j] - chunk.times[j - 1] > gap {
                trusted = 0.0;
            }
            for (c, weight) in weights.iter().enumerate() {
                let row = offset + (j - 1) * dim + c;
                design[[row, n]] += chunk.states[[j, c]] - chunk.states[[0, c]];
                let root = weight.sqrt() * trusted;
                design.slice_mut(s![row, ..]).mapv_inplace(|x| x * root);
            }
        }
    }
    design
}

/// C with C[j][i] the weight of f(t_i) in the integral from t_0 to t_j.
pub(super) fn cumulative_quadrature(times: &[f64]) -> Array2<f64> {
    let m = times.len();
    let window = m.min(WINDOW);
    let mut weights = Array2::zeros((m, m));
    for j in 1..m {
        let first = (j + 1).saturating_sub((window + 2) / 2).min(m - window);
        let nodes = &times[first..first + window];
        let (above, mut below) = weights.multi_slice_mut((s![..j, ..], s![j, ..]));
        below.assign(&above.row(j - 1));
        for i in 0..window {
            below[first + i] += lagrange_integral(nodes, i, times[j - 1], times[j]);
        }
    }
    weights
}

/// Integral over `from..to` of the Lagrange polynomial that is one at node `i`; exact up to degree
/// five (three Gauss points).
fn lagrange_integral(nodes: &[f64], i: usize, from: f64, to: f64) -> f64 {
    let (mid, half, root) = (0.5 * (from + to), 0.5 * (to - from), 0.6_f64.sqrt());
    let lagrange = |t: f64| -> f64 {
        nodes
            .iter()
            .enumerate()
            .filter(|(k, _)| *k != i)
            .map(|(_, x)| (t - x) / (nodes[i] - x))
            .product()
    };
    [(-root, 5.0 / 9.0), (0.0, 8.0 / 9.0), (root, 5.0 / 9.0)]
        .iter()
        .map(|(x, w)| w * half * lagrange(mid + half * x))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_quadrature_is_exact_for_quartics() {
        let times = [0.0, 0.13, 0.4, 0.5, 0.81, 1.0, 1.3];
        let weights = cumulative_quadrature(&times);
        for (power, j) in (0..=4).flat_map(|p| (1..7).map(move |j| (p, j))) {
            let sum: f64 =
                times.iter().enumerate().map(|(i, t)| weights[[j, i]] * t.powi(power)).sum();
            let exact = times[j].powi(power + 1) / f64::from(power + 1);
            assert!((sum - exact).abs() < 1e-13, "t^{power} to point {j}: {sum} against {exact}");
        }
    }
}
