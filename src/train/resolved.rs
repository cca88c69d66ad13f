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

/// Whether, in each chunk, halving the integration step changes the rollouts by no more than
/// `allowed` (root mean square, in units of the weights).
pub(crate) fn followed<M: Model>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    settings: &Settings,
    allowed: f64,
) -> Vec<bool> {
    let predictions = |step: f64| {
        let options = RolloutOptions { step, ..settings.rollout.clone() };
        RolloutLoss::new(model, chunks, &settings.weights, options).predictions(theta, chunks)
    };
    let (coarse, fine) =
        (predictions(settings.rollout.step), predictions(0.5 * settings.rollout.step));
    let follows = |(a, b): (&Array2<f64>, &Array2<f64>)| {
        let error = |((_, c), x): ((usize, usize), &f64)| settings.weights[c] * x * x;
        let mean = (a - b).indexed_iter().map(error).sum::<f64>() / a.len().max(1) as f64;
        mean.sqrt() <= allowed
    };
    coarse.iter().zip(&fine).map(follows).collect()
}

/// The chunks that are marked.
pub(crate) fn marked(chunks: &[Trajectory], marks: &[bool]) -> Vec<Trajectory> {
    chunks.iter().zip(marks).filter(|(_, mark)| **mark).map(|(chunk, _)| chunk.clone()).collect()
}
