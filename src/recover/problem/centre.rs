//! The place that all forces point to, where it is not the origin of the table.

use ndarray::{Array1, Array2, s};

use crate::dataset::{Shape, Trajectory};
use crate::linalg::{Whitening, triangular_factor};
use crate::recover::statistics::CERTAIN;

/// A point about which angular momentum is conserved.
#[derive(Clone, Debug, PartialEq)]
pub struct CentreOfForce {
    /// The point, of as many components as space has dimensions, in the unit of positions.
    pub place: Vec<f64>,
    /// Standard errors of these components.
    pub errors: Vec<f64>,
    /// The changes of angular momentum about it over those about the origin (root mean squares).
    pub left: f64,
}

/// Changes of angular momentum about the point are below this part of those about the origin: a
/// centre that leaves more is not the only force.
const CONSERVED: f64 = 0.1;

/// Directions of the total momentum that change by less than this part of the others are roundoff.
const TELLING: f64 = 1e-6;

/// A total momentum that changes by less than this part of what those of the particles change by
/// may be conserved but for noise: then no point is told from another.
const PUSHED: f64 = 0.3;

impl CentreOfForce {
    /// Looks for the point c about which the angular momentum, the sum of (q - c) x p over all
    /// particles, stays as it is within each chunk of states: the changes of q x p are c times
    /// those of the total momentum, so c is found by linear least squares. None in one dimension,
    /// where the point is the origin, and where there is no such point or more than one.
    pub fn of(shape: Shape, origin: &[f64], chunks: &[Trajectory]) -> Option<Self> {
        let d = shape.dimension;
        if !(2..=3).contains(&d) || !is_pushed(shape, chunks) {
            return None;
        }
        let rows: Vec<Vec<f64>> = chunks.iter().flat_map(|c| changes(shape, origin, c)).collect();
        let all = Array2::from_shape_vec((rows.len(), d + 1), rows.concat()).ok()?;
        let before = all.column(d).dot(&all.column(d));
        // Every chunk has its own angular momentum, in one plane or three.
        let planes = d * (d - 1) / 2;
        let free = rows.len().saturating_sub(planes * chunks.len() + d);
        if free == 0 || !before.is_normal() {
            return None;
        }
        let factor = triangular_factor(&[all]).ok()?;
        let whitening = Whitening::of_unit_columns(&factor.slice(s![.., ..d]), TELLING).ok()?;
        let w = whitening.matrix();
        if w.ncols() < d {
            return None;
        }
        let along: Array1<f64> = w.t().dot(&factor.slice(s![.., ..d]).t().dot(&factor.column(d)));
        let place = w.dot(&along);
        let residual = &factor.column(d) - &factor.slice(s![.., ..d]).dot(&place);
        let after = residual.dot(&residual);
        let variance = after / free as f64;
        let errors: Vec<f64> =
            w.rows().into_iter().map(|row| (variance * row.dot(&row)).sqrt()).collect();
        let distance =
            place.iter().zip(&errors).map(|(x, e)| (x / e.max(f64::MIN_POSITIVE)).powi(2));
        let is_elsewhere = distance.sum::<f64>() > CERTAIN * CERTAIN;
        let left = (after / before).sqrt();
        let place = place.iter().zip(origin).map(|(c, q0)| c + q0).collect();
        (is_elsewhere && left < CONSERVED).then_some(Self { place, errors, left })
    }
}

/// Whether the total momentum changes.
fn is_pushed(shape: Shape, chunks: &[Trajectory]) -> bool {
    let (n, d) = (shape.particles, shape.dimension);
    let first = |chunk: &Trajectory| chunk.states.ncols() / 2;
    let (mut total, mut own) = (0.0, 0.0);
    for chunk in chunks {
        let Some(last) = chunk.states.nrows().checked_sub(1) else { continue };
        let change = &chunk.states.row(last) - &chunk.states.row(0);
        for k in 0..d {
            let of_axis = (0..n).map(|i| change[first(chunk) + i * d + k]);
            own += of_axis.clone().map(|p| p * p).sum::<f64>();
            total += of_axis.sum::<f64>().powi(2);
        }
    }
    total > PUSHED * PUSHED * own
}

/// For each state and plane the factors of c and the angular momentum about the origin, less their
/// means over the chunk.
fn changes(shape: Shape, origin: &[f64], chunk: &Trajectory) -> Vec<Vec<f64>> {
    let (n, d) = (shape.particles, shape.dimension);
    let momenta = chunk.states.ncols() / 2;
    let axes: &[[usize; 2]] = if d == 2 { &[[0, 1]] } else { &[[1, 2], [2, 0], [0, 1]] };
    let mut all: Vec<Vec<f64>> = Vec::new();
    for &[a, b] in axes {
        let first = all.len();
        for state in chunk.states.rows() {
            let mut row = vec![0.0; d + 1];
            for i in 0..n {
                let q = |k: usize| state[i * d + k] - origin[k];
                let p = |k: usize| state[momenta + i * d + k];
                row[a] += p(b);
                row[b] -= p(a);
                row[d] += q(a) * p(b) - q(b) * p(a);
            }
            all.push(row);
        }
        let count = (all.len() - first) as f64;
        for k in 0..=d {
            let mean = all[first..].iter().map(|row| row[k]).sum::<f64>() / count;
            all[first..].iter_mut().for_each(|row| row[k] -= mean);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four points of one orbit in two dimensions about `centre`: (q - centre) x p is 1.
    fn orbit(centre: [f64; 2]) -> Trajectory {
        let angles = [0.1, 0.5, 1.2, 2.0_f64];
        let state = |a: &f64| {
            let (r, fall) = (1.0 + 0.3 * a.cos(), 0.2 * a.sin());
            let (x, y) = (a.cos(), a.sin());
            [centre[0] + r * x, centre[1] + r * y, fall * x - y / r, fall * y + x / r]
        };
        let states: Vec<f64> = angles.iter().flat_map(state).collect();
        let states = Array2::from_shape_vec((4, 4), states).expect("four states");
        Trajectory { id: 0, times: angles.to_vec(), states }
    }

    #[test]
    fn a_centre_away_from_the_origin_is_found_and_the_origin_is_none() {
        let shape = Shape { particles: 1, dimension: 2 };
        let found = CentreOfForce::of(shape, &[0.0, 0.0], &[orbit([3.2, -1.5])]).expect("a centre");
        assert!((found.place[0] - 3.2).abs() < 1e-12 && (found.place[1] + 1.5).abs() < 1e-12);
        assert!(found.left < 1e-12);
        assert_eq!(CentreOfForce::of(shape, &[3.2, -1.5], &[orbit([3.2, -1.5])]), None);
        assert_eq!(CentreOfForce::of(shape, &[0.0, 0.0], &[orbit([0.0, 0.0])]), None);
    }

    #[test]
    fn a_pair_far_from_the_origin_has_no_centre_of_force() {
        // One moves as the other's mirror image about a place, with some noise of the momenta.
        let one = orbit([0.0, 0.0]).states;
        let noise = |j: usize, k: usize| 0.01 * ((7 * j + 3 * k) as f64).sin();
        let state = |(j, k): (usize, usize)| match k {
            0 | 1 => 50.0 + one[[j, k]],
            2 | 3 => 50.0 - one[[j, k - 2]],
            4 | 5 => one[[j, k - 2]] + noise(j, k),
            _ => -one[[j, k - 4]] + noise(j, k),
        };
        let states = Array2::from_shape_fn((4, 8), state);
        let pair = Trajectory { id: 0, times: vec![0.0, 1.0, 2.0, 3.0], states };
        let shape = Shape { particles: 2, dimension: 2 };
        assert_eq!(CentreOfForce::of(shape, &[0.0, 0.0], &[pair]), None);
    }
}
