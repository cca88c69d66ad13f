//! Chunks that a law does not follow while it follows nearly all others exactly: broken numbers, or
//! something that acts there only.

use ndarray::Array1;

use crate::dataset::Trajectory;
use crate::linalg::svd;
use crate::loss::RolloutLoss;
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::error::RecoverError;
use crate::recover::form::Refit;
use crate::recover::statistics::Misfit;
use crate::scalars::Inputs;
use crate::train::{Settings, followed, marked};

/// Where a chunk is in its table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChunkPlace {
    /// Its trajectory.
    pub trajectory: i64,
    /// Its first time.
    pub first_time: f64,
    /// Its last time.
    pub last_time: f64,
}

/// Chunks that a law does not follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlying {
    /// Where each is.
    pub chunks: Vec<ChunkPlace>,
    /// Number of all chunks.
    pub of: usize,
    /// Root mean square residual on the others, in units of the components' standard deviations.
    pub others: f64,
}

impl Outlying {
    /// Whether a chunk is among them.
    pub(crate) fn has(&self, chunk: &Trajectory) -> bool {
        self.chunks.contains(&place(chunk))
    }

    /// With those that were found among the others.
    pub(crate) fn with(mut self, more: Option<Self>) -> Self {
        if let Some(more) = more {
            self.chunks.extend(more.chunks);
            self.chunks.sort_by(by_place);
            self.others = more.others;
        }
        self
    }
}

fn place(chunk: &Trajectory) -> ChunkPlace {
    let times = &chunk.times;
    ChunkPlace { trajectory: chunk.id, first_time: times[0], last_time: times[times.len() - 1] }
}

fn by_place(a: &ChunkPlace, b: &ChunkPlace) -> std::cmp::Ordering {
    a.trajectory.cmp(&b.trajectory).then(a.first_time.total_cmp(&b.first_time))
}

/// A chunk is far off whose residuals are larger than this many times the middle chunk's, and as
/// many times more as it magnifies errors of the constants, which a close encounter does..
const FAR: f64 = 1e3;

/// ..and than this; the middle chunk's are to be smaller.
const SMALL: f64 = 1e-7;

/// The part of all chunks that may be off.
const FEW: f64 = 0.3;

/// A chunk is judged whose integration is good to this part of what counts as off.
const FOLLOWED: f64 = 0.1;

/// Those of all chunks that a law does not follow, if it follows most of them exactly; chunks that
/// no integration step can follow don't count.
///
/// # Errors
/// An unknown vector.
pub(crate) fn outlying(
    inputs: &Inputs,
    law: &Refit,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Result<Option<Outlying>, RecoverError> {
    let model = ScalarHamiltonian::closed_form(inputs, &law.expression)?;
    let constants = law.expression.constants();
    let resolved = followed(&model, &constants, chunks, settings, FOLLOWED * SMALL);
    let chunks = &marked(chunks, &resolved)[..];
    let of = |sums: &[f64]| -> Vec<f64> {
        let rms = |(sum, chunk): (&f64, &Trajectory)| {
            let residuals = chunk.times.len().saturating_sub(1).max(1) * chunk.states.ncols();
            (sum / residuals as f64).sqrt()
        };
        sums.iter().zip(chunks).map(rms).collect()
    };
    let errors = of(&Misfit::new(&model, &constants, chunks, settings).chunks);
    let middle = median(&errors);
    // What is not a number is off.
    let is_off = |error: f64, times: f64| {
        let within = error <= (FAR * middle * times).max(SMALL);
        !within
    };
    if middle > SMALL || !errors.iter().any(|error| is_off(*error, 1.0)) {
        return Ok(None);
    }
    let magnified = of(&by_constants(&model, law, chunks, settings));
    let of_middle = median(&magnified);
    let times = |magnified: &f64| {
        if of_middle > 0.0 { (magnified / of_middle).max(1.0) } else { 1.0 }
    };
    let are_off: Vec<bool> =
        errors.iter().zip(&magnified).map(|(error, m)| is_off(*error, times(m))).collect();
    let off = marked(chunks, &are_off);
    if off.is_empty() || off.len() as f64 > FEW * chunks.len() as f64 {
        return Ok(None);
    }
    let mut places: Vec<ChunkPlace> = off.iter().map(place).collect();
    places.sort_by(by_place);
    let others = errors.iter().zip(&are_off).filter(|(_, is_off)| !**is_off);
    let others: Vec<f64> = others.map(|(error, _)| error * error).collect();
    let others = (others.iter().sum::<f64>() / others.len().max(1) as f64).sqrt();
    Ok(Some(Outlying { chunks: places, of: chunks.len(), others }))
}

fn median(errors: &[f64]) -> f64 {
    let mut sorted = errors.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// The variance, summed over its states, that the errors of a law's constants give the rollout of
/// each chunk.
fn by_constants<M: Model>(
    model: &M,
    law: &Refit,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Vec<f64> {
    let mut variance = vec![0.0; chunks.len()];
    // Where the errors aren't known nothing is magnified.
    let Ok((directions, variances, _)) = svd(&law.covariance) else { return variance };
    let loss = RolloutLoss::new(model, chunks, &settings.weights, settings.rollout.clone());
    let constants = Array1::from(law.expression.constants());
    let at = |theta: Array1<f64>| loss.predictions(&theta.to_vec(), chunks);
    let here = at(constants.clone());
    for (direction, own) in directions.columns().into_iter().zip(&variances) {
        let there = at(&constants + &(&direction * own.sqrt()));
        for ((sum, a), b) in variance.iter_mut().zip(&here).zip(&there) {
            let square = |((_, c), x): ((usize, usize), &f64)| settings.weights[c] * x * x;
            *sum += (b - a).indexed_iter().map(square).sum::<f64>();
        }
    }
    variance
}
