//! How noise in the points shows in the increments: more where motion is unstable, as in close
//! encounters.

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::dataset::{Trajectory, gaussian_states};
use crate::recover::learn::fitted::Fitted;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;

/// Times that noise is drawn.
const DRAWS: usize = 6;

/// Factors for the rows of the training chunks that make the effect of noise equal in all of them;
/// none above one. Noise of the size that the median chunk shows is added to the points, and what
/// that does to the residuals is averaged over the positions and over the momenta of each interval.
pub(crate) fn factors(learner: &Learner, fitted: &Fitted) -> Vec<Vec<f64>> {
    let weights = learner.weights();
    let dim = weights.len();
    let flow = Flow { model: &fitted.model, theta: &fitted.theta };
    let trust = vec![1.0; learner.train().len()];
    let residuals = |chunks: &[Trajectory]| {
        let paths = Paths::new(Some(&flow), chunks, weights, learner.pieces(), &trust);
        let blocks: Vec<Array2<f64>> = paths.increments(&fitted.model, &fitted.theta);
        (paths, blocks)
    };
    let (paths, base) = residuals(learner.train());
    let mut misfits = paths.misfits(&base, &[1.0]);
    misfits.retain(|m| m.is_finite());
    misfits.sort_by(f64::total_cmp);
    // Two points make an increment.
    let sigma = (0.5 * misfits.get(misfits.len() / 2).copied().unwrap_or(0.0)).sqrt();
    // What counts nothing has no noise.
    let of = |w: &f64| if *w > 0.0 { sigma / w.sqrt() } else { 0.0 };
    let deviation: Vec<f64> = weights.iter().map(of).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut squares: Vec<Vec<f64>> = base.iter().map(|b| vec![0.0; b.nrows()]).collect();
    for _ in 0..DRAWS {
        let noisy: Vec<Trajectory> = learner
            .train()
            .iter()
            .map(|chunk| {
                let error =
                    gaussian_states(&vec![0.0; dim], &deviation, chunk.times.len(), &mut rng);
                Trajectory { states: &chunk.states + &error, ..chunk.clone() }
            })
            .collect();
        let (_, moved) = residuals(&noisy);
        for ((squares, moved), base) in squares.iter_mut().zip(&moved).zip(&base) {
            for (row, square) in squares.iter_mut().enumerate() {
                let change =
                    (moved[[row, 0]] - moved[[row, 1]]) - (base[[row, 0]] - base[[row, 1]]);
                *square += change * change / DRAWS as f64;
            }
        }
    }
    let unit = sigma * sigma * 2.0;
    squares
        .iter()
        .map(|block| {
            block
                .chunks(dim / 2)
                .flat_map(|half| {
                    let mean = half.iter().sum::<f64>() / half.len() as f64;
                    let factor = match mean {
                        mean if !mean.is_finite() => 0.0,
                        mean if mean <= unit => 1.0,
                        mean => (unit / mean).sqrt(),
                    };
                    vec![factor; half.len()]
                })
                .collect()
        })
        .collect()
}
