//! The test of a trained model: rollouts from the first test states.

use ndarray::{Array2, Array3, ArrayView2, Axis, s};
use serde::{Deserialize, Serialize};

use super::data::{self, Data, FINE_INTERVAL, FINE_POINTS, INTERVAL, POINTS};
use super::error::ExperimentError;
use super::learner::{BenchmarkModel, Dynamics};
use super::profile::Profile;
use crate::evaluate::{self, RolloutErrors, TimeGrid, rollout};
use crate::field::Hamiltonian;
use crate::integrate::RungeKutta;
use crate::model::Model;
use crate::report::tables::SeedError;

/// Steps per interval of a rollout: at first, and at most.
const SUBSTEPS: (usize, usize) = (1, 64);
/// The times at which rollouts are compared with the truth.
const GRID: TimeGrid = TimeGrid { interval: INTERVAL, points: POINTS };
/// The times of the rollout that figures show.
const FINE_GRID: TimeGrid = TimeGrid { interval: FINE_INTERVAL, points: FINE_POINTS };
/// Differences between rollouts of this size come from roundoff as much as from the step.
const ROUNDOFF: f64 = 1e-13;

/// How finely models are rolled out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Orders of the explicit Runge-Kutta methods to choose from.
    orders: &'static [usize],
    /// Test trajectories that decide about method and number of steps.
    pilots: usize,
    /// Halving the step may change rollouts by this fraction of the model's error.
    share: f64,
}

impl Precision {
    /// Steps whose errors can be seen in no digit of a table.
    pub const FULL: Self = Self { orders: &[8], pilots: 40, share: 0.05 };
    /// For networks at the small profiles: errors of steps are independent of those of the model,
    /// so a fifth of these adds two percent to them. Order 4 has cheaper steps, and where a force
    /// jumps no order helps.
    pub const NETWORKS: Self = Self { orders: &[4, 8], pilots: 16, share: 0.2 };
    /// As [`NETWORKS`](Self::NETWORKS), for smooth Hamiltonians: rollouts conserve what the model
    /// conserves only as well as they are integrated, and one step of order 4 would leave 2e-4 of
    /// the angular momentum of models that conserve it, where order 8 leaves 1e-9.
    pub const HAMILTONIANS: Self = Self { orders: &[8], ..Self::NETWORKS };

    /// For explicit models under other gravity: orders of magnitude are compared, in many tests.
    pub const TRANSFER: Self = Self { orders: &[8], pilots: 8, share: 0.2 };

    /// The precision with which a model is tested at this size of the experiment.
    pub fn of(learner: BenchmarkModel, profile: Profile) -> Self {
        let smooth = learner != BenchmarkModel::ScalarsMlpRelu;
        match learner.dynamics() {
            _ if learner.is_explicit() || profile == Profile::Paper => Self::FULL,
            Dynamics::Hnn if smooth => Self::HAMILTONIANS,
            _ => Self::NETWORKS,
        }
    }

    /// The settings as text, for the keys of saved work.
    pub(super) fn settings(self) -> String {
        let Self { orders, pilots, share } = self;
        let rest =
            (SUBSTEPS, pilots, share, ROUNDOFF, INTERVAL, POINTS, FINE_INTERVAL, FINE_POINTS);
        match orders {
            [8] => format!("evaluation {rest:?}"),
            _ => format!("evaluation orders {orders:?} {rest:?}"),
        }
    }
}

/// Errors of rollouts over the test trajectories, trajectory by trajectory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Order of the explicit Runge-Kutta method.
    #[serde(default = "highest")]
    pub order: usize,
    /// Steps per interval of the rollouts.
    pub substeps: usize,
    /// Geometric mean of the relative distance that halving the step makes: above the error of
    /// their integration. Measured on the first trajectories; where it comes near roundoff, the
    /// rollouts have the halved step.
    pub step_error: f64,
    state: Vec<f64>,
    angular_momentum: Vec<f64>,
    energy: Vec<f64>,
    fine: Vec<f64>,
}

fn highest() -> usize {
    8
}

impl Evaluation {
    /// The steps of the rollouts.
    ///
    /// # Errors
    /// [`ExperimentError::Integrate`] for an order that no method has.
    pub(super) fn steps(&self) -> Result<Steps, ExperimentError> {
        Steps::new(self.order, self.substeps)
    }

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
}

/// Rolls a model out from the rows of `initial`: trajectory x time x component.
pub(super) fn roll_out<M: Model>(
    model: &M,
    theta: &[f64],
    initial: ArrayView2<f64>,
    steps: &Steps,
) -> Array3<f64> {
    rollout(model, theta, initial, GRID, &steps.method, steps.substeps)
}

/// The same with steps that are short enough: rollouts of a model whose true trajectories are
/// `truth`, the steps, and what halving them changes.
///
/// # Errors
/// [`ExperimentError::Integrate`], never in practice.
pub(super) fn roll_out_precisely<M: Model>(
    model: &M,
    theta: &[f64],
    initial: &Array2<f64>,
    truth: &Array3<f64>,
    precision: Precision,
) -> Result<(Array3<f64>, Steps, f64), ExperimentError> {
    let predict = |initial: ArrayView2<f64>, steps: &Steps| roll_out(model, theta, initial, steps);
    let Chosen { steps, step_error, pilots } = choose_steps(initial, truth, &predict, precision)?;
    let all = pilots.len_of(Axis(0)) == initial.nrows();
    let predicted = if all { pilots } else { predict(initial.view(), &steps) };
    Ok((predicted, steps, step_error))
}

/// Rolls a model out from the first test states by an explicit Runge-Kutta method. The step is so
/// short that halving it changes the first few trajectories by a small share of the model's error
/// at most.
///
/// # Errors
/// [`ExperimentError::Integrate`], never in practice.
pub fn evaluate<M: Model>(
    model: &M,
    theta: &[f64],
    data: &Data,
    precision: Precision,
) -> Result<Evaluation, ExperimentError> {
    let (truth, initial) = (data.truth(), data::first_states(&data.test.trajectories));
    let (predicted, steps, step_error) =
        roll_out_precisely(model, theta, &initial, &truth, precision)?;
    let system = data.preset.system();
    let errors =
        RolloutErrors::new(predicted.view(), truth.view(), &|z| system.angular_momentum(z), &|z| {
            system.energy(z)
        });
    let fine_steps = if precision == Precision::FULL {
        steps.clone()
    } else {
        steps.over(FINE_INTERVAL / INTERVAL)
    };
    let first = initial.slice(s![..1, ..]);
    let fine = rollout(model, theta, first, FINE_GRID, &fine_steps.method, fine_steps.substeps);
    let flat = |errors: Array2<f64>| errors.iter().copied().collect();
    Ok(Evaluation {
        order: steps.order,
        substeps: steps.substeps,
        step_error,
        state: flat(errors.state),
        angular_momentum: flat(errors.angular_momentum),
        energy: flat(errors.energy),
        fine: fine.iter().copied().collect(),
    })
}

/// Integration steps of an interval.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    order: usize,
    method: RungeKutta,
    substeps: usize,
}

impl Steps {
    fn new(order: usize, substeps: usize) -> Result<Self, ExperimentError> {
        Ok(Self { order, method: RungeKutta::new(order)?, substeps })
    }

    fn halved(&self) -> Self {
        Self { substeps: 2 * self.substeps, ..self.clone() }
    }

    /// Steps no longer than these in an interval of so much of the length.
    fn over(&self, part: f64) -> Self {
        let substeps = (self.substeps as f64 * part - 1e-9).ceil().max(1.0) as usize;
        Self { substeps, ..self.clone() }
    }

    /// Evaluations of the field in an interval.
    fn cost(&self) -> usize {
        self.substeps * self.method.stages()
    }
}

/// Steps that are short enough.
struct Chosen {
    steps: Steps,
    /// Mean relative distance that halving them makes.
    step_error: f64,
    /// The pilots' rollouts with these steps.
    pilots: Array3<f64>,
}

/// The cheapest steps of all methods that are short enough.
fn choose_steps(
    initial: &Array2<f64>,
    truth: &Array3<f64>,
    coarse: &dyn Fn(ArrayView2<f64>, &Steps) -> Array3<f64>,
    precision: Precision,
) -> Result<Chosen, ExperimentError> {
    let pilots = precision.pilots.min(initial.nrows());
    let (initial, truth) =
        (initial.slice(s![..pilots, ..]), truth.slice(s![..pilots, .., ..]).to_owned());
    let first = |&order: &usize| {
        let steps = Steps::new(order, SUBSTEPS.0)?;
        let before = coarse(initial, &steps);
        Ok((steps, before))
    };
    let mut candidates =
        precision.orders.iter().map(first).collect::<Result<Vec<_>, ExperimentError>>()?;
    loop {
        let cheapest = (0..candidates.len()).min_by_key(|&i| candidates[i].0.cost());
        let (steps, before) = candidates.swap_remove(cheapest.expect("there is a method"));
        let halved = steps.halved();
        let finer = coarse(initial, &halved);
        let step_error = evaluate::mean_relative_distance(&before, &finer);
        if step_error <= precision.share * evaluate::mean_relative_distance(&before, &truth) {
            return Ok(Chosen { steps, step_error, pilots: before });
        }
        if step_error <= ROUNDOFF || steps.substeps >= SUBSTEPS.1 {
            return Ok(Chosen { steps: halved, step_error, pilots: finer });
        }
        candidates.push((halved, finer));
    }
}

/// Errors for statistics of logarithms: those below roundoff, zero among them, count as roundoff.
pub fn above_roundoff(errors: &Array2<f64>) -> Array2<f64> {
    errors.mapv(|e| e.max(f64::EPSILON))
}

/// The geometric means of the state's relative error over trajectories and times.
pub fn state_means(errors: &RolloutErrors) -> SeedError {
    SeedError {
        geometric_mean: evaluate::geometric_mean(&above_roundoff(&errors.state)),
        clamped_mean: evaluate::clamped_geometric_mean(&errors.state),
    }
}
