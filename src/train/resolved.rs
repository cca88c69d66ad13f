//! Chunks that the integration step resolves: halving it changes their rollouts little.

use ndarray::Array2;

use crate::dataset::Trajectory;
use crate::loss::{RolloutLoss, RolloutOptions};
use crate::model::Model;
use crate::train::Settings;

/// An interval between points that few are shorter than: halving a step that is longer than an
/// interval would change nothing there.
pub(crate) fn short_interval(chunks: &[Trajectory]) -> f64 {
    let mut intervals: Vec<f64> =
        chunks.iter().flat_map(|c| c.times.windows(2)).map(|w| w[1] - w[0]).collect();
    intervals.sort_by(f64::total_cmp);
    intervals.get(intervals.len() / 10).copied().unwrap_or(1.0)
}

/// By how much, squared, weighted and summed over its states, the rollout of each chunk changes
/// between two integration steps, which are given in those of the settings.
pub(crate) fn changes_by_steps<M: Model>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    settings: &Settings,
    steps: [f64; 2],
) -> Vec<f64> {
    let [coarse, fine] = steps.map(|times| {
        let step = times * settings.rollout.step;
        let options = RolloutOptions { step, ..settings.rollout.clone() };
        RolloutLoss::new(model, chunks, &settings.weights, options).predictions(theta, chunks)
    });
    let change = |(a, b): (&Array2<f64>, &Array2<f64>)| -> f64 {
        let square = |((_, c), x): ((usize, usize), &f64)| settings.weights[c] * x * x;
        (a - b).indexed_iter().map(square).sum()
    };
    coarse.iter().zip(&fine).map(change).collect()
}

/// Whether, in each chunk, halving the integration step changes the rollouts by no more than
/// `allowed` (root mean square, in units of the weights).
pub(crate) fn followed<M: Model>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    settings: &Settings,
    allowed: f64,
) -> Vec<bool> {
    let changes = changes_by_steps(model, theta, chunks, settings, [1.0, 0.5]);
    let follows = |(change, chunk): (f64, &Trajectory)| {
        (change / chunk.states.len().max(1) as f64).sqrt() <= allowed
    };
    changes.into_iter().zip(chunks).map(follows).collect()
}

/// The chunks that are marked.
pub(crate) fn marked(chunks: &[Trajectory], marks: &[bool]) -> Vec<Trajectory> {
    chunks.iter().zip(marks).filter(|(_, mark)| **mark).map(|(chunk, _)| chunk.clone()).collect()
}
