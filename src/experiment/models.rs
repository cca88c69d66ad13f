//! The models: training, rollouts, and the law read off.

use std::path::Path;

use ndarray::{Array2, Array3, ArrayView2};
use serde::{Deserialize, Serialize};

use super::data::{self, CHUNK, Data, FINE_INTERVAL, FINE_POINTS, INTERVAL, POINTS};
use super::Error;
use crate::basis::{Basis, Kind};
use crate::evaluate::{self, RolloutErrors, rollout};
use crate::field::Hamiltonian;
use crate::integrate::RungeKutta;
use crate::linalg::LANES;
use crate::loss;
use crate::model::{LinearModel, Model, ScalarHamiltonian};
use crate::report::tables::RowKey;
use crate::scalars::ScalarSet;
use crate::train::{self, Record, Settings, Stop};

/// Longest step of the integrator in training.
const STEP: f64 = 0.1;
/// Steps per interval that a rollout begins with and may take at most.
const SUBSTEPS: (usize, usize) = (2, 32);
/// A rollout's integration error must be below this part of the model's error.
const NEGLIGIBLE: f64 = 0.1;
/// Degree of the spectral basis.
const DEGREE: usize = 6;

/// A model that is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learner {
    /// Hamiltonian linear in the scalars.
    Reference,
    /// Hamiltonian a sum of smooth functions of the scalars.
    Spectral,
    /// Hamiltonian a closed form.
    ClosedForm,
}

impl Learner {
    /// All of them, in the order of Table 1.
    pub const ALL: [Self; 3] = [Self::Reference, Self::Spectral, Self::ClosedForm];

    /// Name of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "scalars-hnn-reference",
            Self::Spectral => "scalars-hnn-spectral",
            Self::ClosedForm => "scalars-hnn-closed-form",
        }
    }

    /// Name in tables.
    pub fn key(self) -> RowKey {
        let basis = match self {
            Self::Reference => Kind::Reference.name(),
            Self::Spectral => Kind::Spectral { degree: DEGREE }.name(),
            Self::ClosedForm => "closed form".into(),
        };
        RowKey { model: "Scalars".into(), dynamics: "HNN".into(), group: "O(3)".into(), basis }
    }

    /// Name in legends.
    pub fn label(self) -> String {
        format!("HNN, {}", self.key().basis)
    }

    /// Value and deviation in Table 1 of Yao et al. (2021), where it has the model.
    pub fn paper(self) -> Option<(f64, f64)> {
        match self {
            Self::Reference | Self::Spectral => Some((0.005, 0.002)),
            Self::ClosedForm => None,
        }
    }
}

/// A trained model and its test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unit {
    /// The training.
    pub training: Training,
    /// The test.
    pub evaluation: Evaluation,
}

/// How a model was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Training {
    /// Parameters.
    pub theta: Vec<f64>,
    /// Directions in parameter space that the data determine.
    pub rank: usize,
    /// Mean squared error on the training chunks.
    pub loss: f64,
    /// Mean squared error on the validation chunks.
    pub validation: f64,
    /// Every iteration.
    pub history: Vec<Record>,
    /// Field evaluations of one evaluation of loss and gradient.
    pub field_evaluations: usize,
    /// Root of the mean squared difference between training chunks predicted with the step of the training and with half of it: the integrator's error.
    pub step_error: f64,
}

/// Errors of rollouts over the test trajectories, trajectory by trajectory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evaluation {
    /// Steps per interval of the rollouts.
    pub substeps: usize,
    /// Geometric mean of the relative distance between rollouts with this step and with twice it: above the error of their integration.
    pub step_error: f64,
    state: Vec<f64>,
    angular_momentum: Vec<f64>,
    energy: Vec<f64>,
    fine: Vec<f64>,
}

impl Evaluation {
    /// Relative errors, trajectory x time.
    pub fn errors(&self) -> RolloutErrors {
        let array = |values: &[f64]| Array2::from_shape_fn((values.len() / POINTS, POINTS), |(i, j)| values[i * POINTS + j]);
        RolloutErrors { state: array(&self.state), angular_momentum: array(&self.angular_momentum), energy: array(&self.energy) }
    }

    /// The rollout from the first test state at times [`FINE_INTERVAL`] apart.
    pub fn fine(&self) -> Array2<f64> {
        let dim = self.fine.len() / FINE_POINTS;
        Array2::from_shape_fn((FINE_POINTS, dim), |(i, c)| self.fine[i * dim + c])
    }
}

/// All that a trained model depends on besides the data, as text.
pub fn settings_key(data: &Data, name: &str) -> String {
    let settings = settings();
    format!(
        "{} {} {} {:?} {:?} {} data {:016x}",
        env!("CARGO_PKG_VERSION"),
        data.preset.name(),
        name,
        settings.stop,
        (STEP, SUBSTEPS, NEGLIGIBLE, DEGREE, FINE_INTERVAL, FINE_POINTS),
        settings.rank_tolerance,
        data.fingerprint()
    )
}

fn settings() -> Settings {
    Settings {
        rollout: loss::Options { method: method(), step: STEP, batch: LANES },
        weights: vec![1.0; 12],
        stop: Stop { iterations: 300, round: 5, decrease: 1e-3 },
        rank_tolerance: 1e-10,
    }
}

fn method() -> RungeKutta {
    RungeKutta::new(8).expect("order 8 exists")
}

/// Trains and tests a Hamiltonian that is linear in its parameters: its scalars are the independent ones of all scalars of the inputs,
/// its basis spans their ranges in the training chunks.
///
/// # Errors
/// [`Error::Scalars`], [`Error::Train`].
pub fn scalars_unit(kind: Kind, data: &Data, checkpoint: (&Path, &str), watch: &mut dyn FnMut(&Record)) -> Result<Unit, Error> {
    let inputs = data.inputs()?;
    let states = data.train_states();
    let scalars = ScalarSet::independent(&inputs, inputs.catalogue(), states.view())?;
    let basis = Basis::of_kind(kind, &scalars.ranges(states.view()));
    let model = ScalarHamiltonian::new(scalars, basis);
    let training = train_linear(&model, data, checkpoint, watch)?;
    let evaluation = evaluate(&model, &training.theta, data);
    Ok(Unit { training, evaluation })
}

/// The basis of a learner that is trained by [`scalars_unit`].
pub fn kind(learner: Learner) -> Option<Kind> {
    match learner {
        Learner::Reference => Some(Kind::Reference),
        Learner::Spectral => Some(Kind::Spectral { degree: DEGREE }),
        Learner::ClosedForm => None,
    }
}

fn train_linear<M: LinearModel>(
    model: &M,
    data: &Data,
    checkpoint: (&Path, &str),
    watch: &mut dyn FnMut(&Record),
) -> Result<Training, Error> {
    let settings = settings();
    let fit = train::fit(model, &data.train.trajectories, &settings, Some(checkpoint), watch)?;
    Ok(Training {
        rank: fit.rank,
        loss: fit.loss,
        validation: validation_loss(model, &fit.theta, data),
        history: fit.history,
        field_evaluations: fit.field_evaluations,
        step_error: training_step_error(model, &fit.theta, data),
        theta: fit.theta,
    })
}

fn validation_loss<M: Model>(model: &M, theta: &[f64], data: &Data) -> f64 {
    let settings = settings();
    loss::RolloutLoss::new(model, &data.validation.trajectories, &settings.weights, settings.rollout).value(theta)
}

fn training_step_error<M: Model>(model: &M, theta: &[f64], data: &Data) -> f64 {
    let initial = data::first_states(&data.train.trajectories);
    let substeps = (INTERVAL / STEP).ceil() as usize;
    let predict = |substeps| rollout(model, theta, initial.view(), (INTERVAL, CHUNK), &method(), substeps);
    let difference: Array3<f64> = predict(substeps) - predict(2 * substeps);
    let residuals = difference.len() / CHUNK * (CHUNK - 1);
    (difference.iter().map(|x| x * x).sum::<f64>() / residuals as f64).sqrt()
}

/// Rolls a model out from the first test states, the step halved until the integrator's error is negligible beside the model's.
pub fn evaluate<M: Model>(model: &M, theta: &[f64], data: &Data) -> Evaluation {
    let truth = data.truth();
    let initial = data::first_states(&data.test.trajectories);
    let predict = |initial: ArrayView2<f64>, grid, substeps| rollout(model, theta, initial, grid, &method(), substeps);
    let coarse = |substeps| predict(initial.view(), (INTERVAL, POINTS), substeps);
    let (mut substeps, mut before) = (SUBSTEPS.0, coarse(SUBSTEPS.0));
    let (predicted, step_error) = loop {
        substeps *= 2;
        let predicted = coarse(substeps);
        let step_error = data::mean_relative_distance(&before, &predicted);
        if step_error <= NEGLIGIBLE * data::mean_relative_distance(&predicted, &truth) || substeps >= SUBSTEPS.1 {
            break (predicted, step_error);
        }
        before = predicted;
    };
    let system = data.preset.system();
    let errors = RolloutErrors::new(predicted.view(), truth.view(), &|z| system.angular_momentum(z), &|z| system.energy(z));
    let fine = predict(initial.slice(ndarray::s![..1, ..]), (FINE_INTERVAL, FINE_POINTS), substeps);
    let flat = |errors: Array2<f64>| errors.iter().copied().collect();
    Evaluation {
        substeps,
        step_error,
        state: flat(errors.state),
        angular_momentum: flat(errors.angular_momentum),
        energy: flat(errors.energy),
        fine: fine.iter().copied().collect(),
    }
}

/// Errors for statistics of logarithms: those below roundoff, zero among them, count as roundoff.
pub fn above_roundoff(errors: &Array2<f64>) -> Array2<f64> {
    errors.mapv(|e| e.max(f64::EPSILON))
}

/// Unclamped and clamped geometric mean of the state error.
pub fn state_means(errors: &RolloutErrors) -> (f64, f64) {
    (evaluate::geometric_mean(&above_roundoff(&errors.state)), evaluate::clamped_geometric_mean(&errors.state))
}
