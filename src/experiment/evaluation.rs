//! The test of a trained model: rollouts from the first test states.

use ndarray::{Array2, Array3, ArrayView2, s};
use serde::{Deserialize, Serialize};

use super::Error;
use super::data::{self, Data, FINE_INTERVAL, FINE_POINTS, INTERVAL, POINTS};
use crate::evaluate::{self, RolloutErrors, rollout};
use crate::field::Hamiltonian;
use crate::integrate::RungeKutta;
use crate::model::Model;

/// Steps per interval of a rollout: at first, and at most.
const SUBSTEPS: (usize, usize) = (1, 64);
/// Test trajectories that decide about the number of steps.
const PILOTS: usize = 40;
/// Halving the step may change rollouts by this fraction of the model's error.
const SHARE: f64 = 0.05;
/// Differences between rollouts of this size come from roundoff as much as from the step.
const ROUNDOFF: f64 = 1e-13;

/// Errors of rollouts over the test trajectories, trajectory by trajectory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Steps per interval of the rollouts.
    pub substeps: usize,
    /// Geometric mean of the relative distance that halving the step makes: above the error of
    /// their integration. Measured on the first forty trajectories; where it comes near roundoff,
    /// the rollouts have the halved step.
    pub step_error: f64,
    state: Vec<f64>,
    angular_momentum: Vec<f64>,
    energy: Vec<f64>,
    fine: Vec<f64>,
}

impl Evaluation {
    /// Relative errors, trajectory x time.
    pub fn errors(&self) -> RolloutErrors {
        let array = |values: &[f64]| {
            Array2::from_shape_fn((values.len() / POINTS, POINTS), |(i, j)| values[i * POINTS + j])
        };
        RolloutErrors {
            state: array(&self.state),
            angular_momentum: array(&self.angular_momentum),
            energy: array(&self.energy),
        }
    }

    /// The rollout from the first test state at times [`FINE_INTERVAL`] apart.
    pub fn fine(&self) -> Array2<f64> {
        let dim = self.fine.len() / FINE_POINTS;
        Array2::from_shape_fn((FINE_POINTS, dim), |(i, c)| self.fine[i * dim + c])
    }

    /// How it is made, as text.
    pub(super) fn settings() -> String {
        format!(
            "evaluation {:?}",
            (SUBSTEPS, PILOTS, SHARE, ROUNDOFF, INTERVAL, POINTS, FINE_INTERVAL, FINE_POINTS)
        )
    }
}

/// Rolls a model out from the first test states by the explicit Runge-Kutta method of order 8. The
/// step is so short that halving it changes the first few trajectories by a small share of the
/// model's error at most.
///
/// # Errors
/// [`Error::Integrate`], never in practice.
pub fn evaluate<M: Model>(model: &M, theta: &[f64], data: &Data) -> Result<Evaluation, Error> {
    let method = RungeKutta::new(8)?;
    let (truth, initial) = (data.truth(), data::first_states(&data.test.trajectories));
    let predict = |initial: ArrayView2<f64>, grid, substeps| {
        rollout(model, theta, initial, grid, &method, substeps)
    };
    let coarse =
        |initial: ArrayView2<f64>, substeps| predict(initial, (INTERVAL, POINTS), substeps);
    let (substeps, step_error) = choose_substeps(&initial, &truth, &coarse);
    let predicted = coarse(initial.view(), substeps);
    let system = data.preset.system();
    let errors =
        RolloutErrors::new(predicted.view(), truth.view(), &|z| system.angular_momentum(z), &|z| {
            system.energy(z)
        });
    let fine = predict(initial.slice(s![..1, ..]), (FINE_INTERVAL, FINE_POINTS), substeps);
    let flat = |errors: Array2<f64>| errors.iter().copied().collect();
    Ok(Evaluation {
        substeps,
        step_error,
        state: flat(errors.state),
        angular_momentum: flat(errors.angular_momentum),
        energy: flat(errors.energy),
        fine: fine.iter().copied().collect(),
    })
}

/// Steps per interval and what halving the step changes.
fn choose_substeps(
    initial: &Array2<f64>,
    truth: &Array3<f64>,
    coarse: &dyn Fn(ArrayView2<f64>, usize) -> Array3<f64>,
) -> (usize, f64) {
    let pilots = PILOTS.min(initial.nrows());
    let (initial, truth) =
        (initial.slice(s![..pilots, ..]), truth.slice(s![..pilots, .., ..]).to_owned());
    let (mut substeps, mut before) = (SUBSTEPS.0, coarse(initial, SUBSTEPS.0));
    loop {
        let finer = coarse(initial, 2 * substeps);
        let step_error = data::mean_relative_distance(&before, &finer);
        if step_error <= SHARE * data::mean_relative_distance(&before, &truth) {
            return (substeps, step_error);
        }
        if step_error <= ROUNDOFF || substeps >= SUBSTEPS.1 {
            return (2 * substeps, step_error);
        }
        (substeps, before) = (2 * substeps, finer);
    }
}

/// Errors for statistics of logarithms: those below roundoff, zero among them, count as roundoff.
pub fn above_roundoff(errors: &Array2<f64>) -> Array2<f64> {
    errors.mapv(|e| e.max(f64::EPSILON))
}

/// Unclamped and clamped geometric mean of the state error.
pub fn state_means(errors: &RolloutErrors) -> (f64, f64) {
    (
        evaluate::geometric_mean(&above_roundoff(&errors.state)),
        evaluate::clamped_geometric_mean(&errors.state),
    )
}
