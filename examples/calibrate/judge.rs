//! A recovered law held against the one that made the data.

use std::time::{Duration, Instant};

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Deadline;
use scalar_dynamics::dataset::{overlapped, split_trajectories};
use scalar_dynamics::field::Hamiltonian;
use scalar_dynamics::recover::{RecoverSettings, Recovery, recover};
use scalar_dynamics::rewrite::{EqualityOptions, Proof};
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::systems::ExpressionSystem;
use scalar_dynamics::train::states;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::trajectories::Failure;

/// Points in a chunk, the part of the chunks that is held out, and chunks that are enough: those of
/// `recover_hamiltonian`.
const POINTS: usize = 5;
const VALIDATION: f64 = 0.2;
const ENOUGH: usize = 100;

/// Without noise a field that differs by more than this part of its size is another law's.
const RIGHT: f64 = 1e-6;

/// What came of a draw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Number of the draw.
    pub number: u64,
    /// The law that made the data.
    pub law: String,
    /// Particles.
    pub particles: usize,
    /// Dimension of space.
    pub dimension: usize,
    /// Runs.
    pub runs: usize,
    /// Rows of each run.
    pub rows: usize,
    /// Noise relative to the spread of each component.
    pub noise: f64,
    /// Seconds that the recovery took.
    pub seconds: f64,
    /// What was found, or why nothing was.
    pub found: String,
    /// Whether it was called exact.
    pub exact: bool,
    /// Whether constants exist with which it is the law.
    pub form: bool,
    /// Root mean square error of the field at the states of the data, relative to its size.
    pub field_error: f64,
    /// Distances of its constants from those of the law, in standard errors.
    pub distances: Vec<f64>,
    /// Reasons of the verdict.
    pub reasons: Vec<String>,
}

impl Outcome {
    /// Whether the law was found: its form in noise, else the law.
    pub fn right(&self) -> bool {
        self.form && (self.noise > 0.0 || self.field_error < RIGHT)
    }
}

/// Recovers the law of a draw, in some seconds at most, and judges what was found.
///
/// # Errors
/// Chunks that can't be cut; a recovery that fails is an outcome.
pub fn outcome(number: u64, draw: &Draw, seconds: f64) -> Result<Outcome, Failure> {
    let mut chunks = Vec::new();
    for run in &draw.runs {
        chunks.extend(run.chunks(POINTS)?);
    }
    chunks.truncate(1000);
    let mut rng = ChaCha8Rng::seed_from_u64(number);
    let (train, held_out) = split_trajectories(chunks, VALIDATION, &mut rng);
    let train = overlapped(train, POINTS, ENOUGH)?;
    let inputs = Inputs::new(draw.shape, vec![0.0; draw.shape.dimension], draw.context.clone())?;
    let begin = Instant::now();
    let deadline = Deadline::at(begin + Duration::from_secs_f64(seconds));
    let settings = RecoverSettings { deadline, ..RecoverSettings::default() };
    let found = recover(&inputs, &train, &held_out, &settings, &mut |_| {});
    let mut outcome = Outcome {
        number,
        law: draw.law.to_string(),
        particles: draw.shape.particles,
        dimension: draw.shape.dimension,
        runs: draw.size.0,
        rows: draw.size.1,
        noise: draw.noise,
        seconds: begin.elapsed().as_secs_f64(),
        found: String::new(),
        exact: false,
        form: false,
        field_error: f64::INFINITY,
        distances: Vec::new(),
        reasons: Vec::new(),
    };
    match found {
        Ok(found) => judge(found, draw, &inputs, &states(&train), &mut outcome)?,
        Err(error) => outcome.found = format!("error: {error}"),
    }
    Ok(outcome)
}

fn judge(
    found: Recovery,
    draw: &Draw,
    inputs: &Inputs,
    states: &Array2<f64>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    outcome.found = found.best().to_string();
    outcome.exact = found.exact();
    outcome.reasons = found.verdict.reasons().cloned().collect();
    outcome.field_error = field_error(draw, &found, states)?;
    // The constants as they were fitted: rounded ones have no errors.
    let fitted = Recovery { snapped: None, ..found };
    let options = EqualityOptions { up_to_constant: true, ..EqualityOptions::default() };
    let comparison = fitted.against(inputs, &draw.law, states.view(), &options)?;
    outcome.form = matches!(comparison.proof, Proof::Equal { .. });
    if let Some(same) = comparison.same_form {
        outcome.form = true;
        let constants = fitted.expression.constants().into_iter().zip(same.expression.constants());
        let errors = fitted.covariance.diag().to_owned();
        outcome.distances = constants
            .zip(errors)
            .filter(|(_, variance)| *variance > 0.0)
            .map(|((fitted, right), variance)| (fitted - right) / variance.sqrt())
            .collect();
    }
    Ok(())
}

/// Root mean square distance of the fields at some states, relative to the size of the law's.
fn field_error(draw: &Draw, found: &Recovery, states: &Array2<f64>) -> Result<f64, Failure> {
    let truth = ExpressionSystem::new(&draw.law, draw.shape, &draw.context)?;
    // A law that is too long for a system is none.
    let Ok(found) = ExpressionSystem::new(found.best(), draw.shape, &draw.context) else {
        return Ok(f64::INFINITY);
    };
    let (mut distance, mut size) = (0.0, 0.0);
    let (mut a, mut b) = (vec![0.0; states.ncols()], vec![0.0; states.ncols()]);
    for state in states.rows() {
        let z = state.to_vec();
        truth.gradient_into(&z, &mut a);
        found.gradient_into(&z, &mut b);
        distance += a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        size += a.iter().map(|a| a * a).sum::<f64>();
    }
    Ok((distance / size).sqrt())
}
