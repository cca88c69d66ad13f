//! Whether the energy that a law gives to noisy runs changes along them.

use std::collections::BTreeMap;

use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::energies;
use crate::recover::covariance::redundancy;
use crate::recover::learn::nonconservative::STANDS_OUT;
use crate::scalars::{Inputs, InputsError};

/// What is wrong with a law whose energy changes along the runs, if it does. Chunks, whose first
/// states are fitted, don't feel what takes a run many chunks.
///
/// # Errors
/// A vector that is not among the inputs.
pub(crate) fn energy_drift(
    inputs: &Inputs,
    law: &Expr,
    chunks: &[Trajectory],
) -> Result<Option<String>, InputsError> {
    let mut runs: BTreeMap<i64, Vec<(f64, f64)>> = BTreeMap::new();
    for chunk in chunks {
        let energies = energies(inputs, law, chunk.states.view())?;
        runs.entry(chunk.id).or_default().extend(chunk.times.iter().copied().zip(energies));
    }
    // Of all runs together the slope of the energy in time, and its variance by what is left.
    let (mut product, mut square) = (0.0, 0.0);
    let centred: Vec<Vec<(f64, f64)>> = runs
        .into_values()
        .map(|points| {
            let n = points.len() as f64;
            let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
            let (time, energy) = (mean(|p| p.0), mean(|p| p.1));
            points.iter().map(|p| (p.0 - time, p.1 - energy)).collect()
        })
        .collect();
    for (t, e) in centred.iter().flatten() {
        product += t * e;
        square += t * t;
    }
    let slope = product / square;
    let left: f64 = centred.iter().flatten().map(|(t, e)| (e - slope * t).powi(2)).sum();
    let points = centred.iter().map(Vec::len).sum::<usize>();
    let free = points.saturating_sub(centred.len() + 1).max(1) as f64;
    let error = (left / free * redundancy(chunks) / square).sqrt();
    let way = if slope < 0.0 { "falls" } else { "rises" };
    Ok((slope.abs() > STANDS_OUT * error).then(|| {
        format!(
            "the energy of the law {way} along the runs, by {:.3e} +- {error:.1e} a unit of time: friction, or \
             another force that isn't in the law, too weak to be seen within a chunk; longer chunks would tell",
            slope.abs()
        )
    }))
}
