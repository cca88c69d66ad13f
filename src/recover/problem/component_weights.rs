//! What the components of the state count.

use ndarray::Array2;

use crate::dataset::Trajectory;
use crate::scalars::Inputs;
use crate::train::{states, unit_weights_but};

/// A particle whose positions or momenta spread less than this part of what is usual has weights of
/// its own.
const APART: f64 = 1.0 / 16.0;

/// A spread below this part of the numbers themselves may be rounding.
const ROUNDING: f64 = 1e-7;

/// One weight for each component, 1 / variance: as [`unit_weights`](crate::train::unit_weights), pooled over all positions and
/// over all momenta, but for particles that move much less. What moves a sun counts as much as what
/// moves its planet: a fit that follows only the large motions would get the small ones wrong
/// altogether, and forces that depend on them with these.
///
/// What each run has its own of never moves, and counts nothing.
pub(crate) fn particle_weights(inputs: &Inputs, chunks: &[Trajectory]) -> Vec<f64> {
    let (states, d) = (states(chunks), inputs.shape.dimension);
    let of_run = |c: usize| inputs.is_of_run(c / d);
    let mut weights = unit_weights_but(&states, &of_run);
    for (weights, first) in weights.chunks_exact_mut(d).zip((0..).step_by(d)) {
        if of_run(first) {
            weights.fill(0.0);
            continue;
        }
        let spread = spread(&states, first..first + d);
        if spread > 0.0 && spread * weights[0].sqrt() < APART {
            weights.fill(spread.powi(-2));
        }
    }
    weights
}

/// Standard deviation of some columns, pooled, or what rounding may make of it.
fn spread(states: &Array2<f64>, columns: std::ops::Range<usize>) -> f64 {
    let n = columns.len().max(1) as f64;
    let variance = columns.clone().map(|c| states.column(c).var(0.0)).sum::<f64>() / n;
    let largest = columns.flat_map(|c| states.column(c)).fold(0.0, |m: f64, x| m.max(x.abs()));
    if variance > 0.0 { variance.sqrt().max(ROUNDING * largest) } else { 0.0 }
}
