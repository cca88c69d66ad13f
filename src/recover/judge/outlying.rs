//! Chunks that a law does not follow while it follows nearly all others exactly: broken numbers, or
//! something that acts there only.

use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::ScalarHamiltonian;
use crate::recover::error::RecoverError;
use crate::recover::statistics::Misfit;
use crate::scalars::Inputs;
use crate::train::{Settings, changes_by_steps, followed, marked};

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

/// A chunk is far off whose residuals are larger than this many times the middle chunk's..
const FAR: f64 = 1e3;

/// ..and than what by itself would make all chunks together be missed by more than this, where laws
/// cease to be exact; the middle chunk's are to be smaller..
const SMALL: f64 = 1e-7;

/// ..and than this many times what steps twice as long change: a maker's integrator errs as much in a
/// close encounter.
const HARD: f64 = 10.0;

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
    law: &Expr,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Result<Option<Outlying>, RecoverError> {
    let (model, constants) = (ScalarHamiltonian::closed_form(inputs, law)?, law.constants());
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
    let mut sorted = errors.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or(f64::INFINITY);
    // What is not a number is off.
    let small = SMALL * (errors.len() as f64).sqrt();
    let is_off = |error: f64, hard: f64| {
        let within = error <= (FAR * middle).max(small).max(HARD * hard);
        !within
    };
    if middle > SMALL || !errors.iter().any(|error| is_off(*error, 0.0)) {
        return Ok(None);
    }
    let hard = of(&changes_by_steps(&model, &constants, chunks, settings, [2.0, 1.0]));
    let are_off: Vec<bool> =
        errors.iter().zip(&hard).map(|(error, hard)| is_off(*error, *hard)).collect();
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
