//! The whole way from chunks to a learned Hamiltonian.

use ndarray::{Array2, Axis, concatenate};

use super::error::TrainError;
use super::fit::{Fit, Settings, fit};
use super::lbfgs::Stop;
use super::saving::Saving;
use crate::basis::{Basis, Kind};
use crate::dataset::Trajectory;
use crate::deadline::Deadline;
use crate::integrate::RungeKutta;
use crate::linalg::{LANES, independent_columns, triangular_factor};
use crate::loss::{RolloutLoss, RolloutOptions, integral_form};
use crate::model::{Model, ScalarHamiltonian};
use crate::progress::Progress;
use crate::scalars::{Inputs, ScalarSet};

/// A Hamiltonian learned from chunks: H(z) = sum_k theta_k phi_k(scalars of z).
#[derive(Clone, Debug)]
pub struct Learned<F = Basis> {
    /// The Hamiltonian: its scalars and its basis.
    pub model: ScalarHamiltonian<F>,
    /// The parameters of the model and how they were found.
    pub fit: Fit,
    /// The settings that it was trained with.
    pub settings: Settings,
    /// Root mean square difference that halving the integration step makes to the weighted
    /// residuals: the integrator's error in training.
    pub integration_error: f64,
}

impl Settings {
    /// Settings for given weights and longest integration step: explicit Runge-Kutta of order 8, up
    /// to 300 iterations of L-BFGS. `weights` has one weight for each component of a state, 1 / its
    /// unit squared; `step` is in the data's unit of time.
    ///
    /// # Errors
    /// None in practice: the integrator of order 8 exists.
    pub fn new(weights: Vec<f64>, step: f64) -> Result<Self, TrainError> {
        Ok(Self {
            rollout: RolloutOptions { method: RungeKutta::new(8)?, step, batch: LANES },
            weights,
            stop: Stop { iterations: 300, round: 5, decrease: 1e-3 },
            rank_tolerance: 1e-10,
            deadline: Deadline::default(),
        })
    }
}

/// The states of all chunks, one a row, in the order of chunks and times: (sum of points) x
/// components. Without chunks it is empty.
///
/// # Panics
/// When chunks differ in the number of components.
pub fn states(chunks: &[Trajectory]) -> Array2<f64> {
    if chunks.is_empty() {
        return Array2::default((0, 0));
    }
    let views: Vec<_> = chunks.iter().map(|c| c.states.view()).collect();
    concatenate(Axis(0), &views).expect("all chunks have as many components")
}

/// A function whose effect on the data is a combination of those of simpler functions to this
/// relative accuracy is left out.
const DEPENDENT: f64 = 1e-7;

/// Learns a Hamiltonian in a ready-made basis of the independent scalars of the inputs, less the
/// functions that the data don't tell from combinations of simpler ones: |v|^4 is a polynomial in
/// |v| and one in |v|^2, and where both stand in the basis any share of each fits the data, but
/// only one of them the states beyond the data's range.
///
/// # Errors
/// [`TrainError`]: no chunks, unknown vectors, divergence, linear algebra.
pub fn learn(
    inputs: &Inputs,
    chunks: &[Trajectory],
    kind: Kind,
    settings: &Settings,
    saving: Option<Saving>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Learned, TrainError> {
    if chunks.iter().all(|chunk| chunk.times.len() < 2) {
        return Err(TrainError::NoChunks);
    }
    let states = states(chunks);
    let scalars = ScalarSet::independent(inputs, inputs.catalogue(), states.view())?;
    let basis = Basis::of_kind(kind, &scalars.ranges(states.view()));
    let whole = ScalarHamiltonian::new(scalars.clone(), basis);
    let basis = whole.function().subset(&independent_functions(&whole, chunks, &settings.weights)?);
    let model = ScalarHamiltonian::new(scalars, basis);
    let fit = fit(&model, chunks, settings, saving, progress)?;
    let integration_error = integration_error(&model, &fit.theta, chunks, settings);
    Ok(Learned { model, fit, settings: settings.clone(), integration_error })
}

/// The parameters (ascending) whose functions are independent on the chunks: functions of low
/// degree come first, and of one degree those of the scalar that comes first. Judged by the rank of
/// the integral form of the equations of motion.
fn independent_functions(
    model: &ScalarHamiltonian<Basis>,
    chunks: &[Trajectory],
    weights: &[f64],
) -> Result<Vec<usize>, TrainError> {
    let factor = triangular_factor(&integral_form(model, chunks, weights))?;
    let degrees = model.function().degrees();
    let mut order: Vec<usize> = (0..model.parameters()).collect();
    order.sort_by_key(|&k| degrees[k]);
    let in_order = triangular_factor(&[factor.select(Axis(1), &order)])?;
    let mut kept: Vec<usize> =
        independent_columns(&in_order, DEPENDENT)?.into_iter().map(|i| order[i]).collect();
    kept.sort_unstable();
    Ok(kept)
}

/// Root mean square difference between the weighted residuals with the settings' integration step
/// and with half of it.
pub fn integration_error<M: Model>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    settings: &Settings,
) -> f64 {
    let residuals = |step: f64| {
        RolloutLoss::new(
            model,
            chunks,
            &settings.weights,
            RolloutOptions { step, ..settings.rollout.clone() },
        )
        .residuals_at(theta)
    };
    let (coarse, fine) = (residuals(settings.rollout.step), residuals(0.5 * settings.rollout.step));
    let squares: f64 = coarse.iter().zip(&fine).map(|(a, b)| (a - b) * (a - b)).sum();
    (squares / coarse.len().max(1) as f64).sqrt()
}

/// One weight for each component: 1 / variance, pooled over all positions and over all momenta, so
/// that the loss has no unit.
pub fn unit_weights(chunks: &[Trajectory]) -> Vec<f64> {
    unit_weights_but(&states(chunks), &|_| false)
}

/// The same, in which some components have no say in the variance.
pub(crate) fn unit_weights_but(states: &Array2<f64>, apart: &dyn Fn(usize) -> bool) -> Vec<f64> {
    let half = states.ncols() / 2;
    let variance = |columns: std::ops::Range<usize>| -> f64 {
        let columns: Vec<usize> = columns.filter(|c| !apart(*c)).collect();
        let n = columns.len().max(1) as f64;
        columns.into_iter().map(|c| states.column(c).var(0.0)).sum::<f64>() / n
    };
    let weight = |v: f64| if v > 0.0 && v.is_finite() { 1.0 / v } else { 1.0 };
    let (q, p) = (weight(variance(0..half)), weight(variance(half..2 * half)));
    (0..2 * half).map(|c| if c < half { q } else { p }).collect()
}
