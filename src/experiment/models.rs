//! The models: training, rollouts, and the law read off.

use std::path::Path;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::Error;
use super::data::{self, Data, FINE_INTERVAL, FINE_POINTS, INTERVAL, POINTS};
use super::timings::Stopwatch;
use crate::basis::Kind;
use crate::dataset::TrajectoryTable;
use crate::evaluate::{self, RolloutErrors, rollout};
use crate::field::Hamiltonian;
use crate::integrate::RungeKutta;
use crate::loss::RolloutLoss;
use crate::model::Model;
use crate::report::tables::RowKey;
use crate::symbolic::{self, Noise, PhysicalConstant, RecoverSettings, Recovery, recover};
use crate::train::{self, Record, Settings};

/// Longest step of the integrator in training.
const STEP: f64 = 0.05;
/// Steps per interval that a rollout begins with and may take at most.
const SUBSTEPS: (usize, usize) = (2, 32);
/// Differences between rollouts of this size come from roundoff as much as from the step.
const ROUNDOFF: f64 = 1e-13;
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
    /// The law, if the model is one.
    pub law: Option<Law>,
}

/// How a model was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Training {
    /// Parameters.
    pub theta: Vec<f64>,
    /// Mean squared error on the training chunks.
    pub loss: f64,
    /// Mean squared error on the validation chunks.
    pub validation: f64,
    /// Every iteration; none for a closed form, which is read off another model.
    pub history: Vec<Record>,
    /// Field evaluations of one evaluation of loss and gradient.
    pub field_evaluations: usize,
    /// Root mean square difference that halving the integration step makes to the predicted training chunks: the integrator's error.
    pub step_error: f64,
}

/// A recovered law, as text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Law {
    /// Hamiltonian with fitted constants.
    pub fitted: String,
    /// Hamiltonian with simple numbers, where the trajectories agree with them; else as fitted.
    pub expression: String,
    /// Force on each particle, by name of its position.
    pub forces: Vec<(String, String)>,
    /// Masses, springs, fields.
    pub constants: Vec<Constant>,
    /// Terms that are none of these.
    pub unread: Vec<String>,
    /// Whether the law explains the data down to the error of their integration.
    pub exact: bool,
}

/// A constant of a law.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Constant {
    /// Name.
    pub name: String,
    /// In words.
    pub meaning: String,
    /// Fitted value.
    pub value: f64,
    /// Standard error.
    pub standard_error: f64,
    /// The simple number that it agrees with.
    pub snapped: Option<f64>,
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

/// All that a trained model depends on, as text.
pub fn key(data: &Data, learner: Learner) -> String {
    let (version, preset, data) = (env!("CARGO_PKG_VERSION"), data.preset.name(), data.fingerprint());
    format!(
        "{version} {preset} {} {:?} data {data:016x}",
        learner.name(),
        (STEP, SUBSTEPS, ROUNDOFF, DEGREE, FINE_INTERVAL, FINE_POINTS)
    )
}

/// Trains and tests a model; `watch` is told what goes on, `clock` takes the times.
///
/// # Errors
/// [`Error::Scalars`], [`Error::Train`], [`Error::Recover`].
pub fn unit(
    learner: Learner,
    data: &Data,
    checkpoint: (&Path, &str),
    watch: &mut dyn FnMut(&str),
    clock: &mut Stopwatch,
) -> Result<Unit, Error> {
    match learner {
        Learner::Reference => scalars_unit(Kind::Reference, data, checkpoint, watch, clock),
        Learner::Spectral => scalars_unit(Kind::Spectral { degree: DEGREE }, data, checkpoint, watch, clock),
        Learner::ClosedForm => closed_form_unit(data, watch, clock),
    }
}

/// A Hamiltonian that is linear in its parameters: its scalars are the independent ones of all scalars of the inputs, its basis spans
/// their ranges in the training chunks.
fn scalars_unit(
    kind: Kind,
    data: &Data,
    checkpoint: (&Path, &str),
    watch: &mut dyn FnMut(&str),
    clock: &mut Stopwatch,
) -> Result<Unit, Error> {
    let mut tell = |record: &Record| watch(&format!("iteration {}, loss {:.1e}", record.iteration, record.value));
    let chunks = &data.train.trajectories;
    let learned = train::learn(&data.inputs()?, chunks, kind, &settings()?, Some(checkpoint), &mut tell)?;
    clock.lap("training");
    let fit = learned.fit;
    let evaluation = evaluate(&learned.model, &fit.theta, data)?;
    let (history, field_evaluations) = (fit.history, fit.field_evaluations);
    let training = Training { history, field_evaluations, ..trained(&learned.model, fit.theta, data)? };
    clock.lap("evaluation");
    Ok(Unit { training, evaluation, law: None })
}

/// The closed form that is read off a Hamiltonian learned in the spectral basis, its constants refitted on the trajectories.
fn closed_form_unit(data: &Data, watch: &mut dyn FnMut(&str), clock: &mut Stopwatch) -> Result<Unit, Error> {
    let inputs = data.inputs()?;
    let settings = RecoverSettings { kind: Kind::Spectral { degree: DEGREE }, noise: Noise::None, deadline: None };
    let found = recover(&inputs, &data.train.trajectories, &data.validation.trajectories, &settings, watch)?;
    let model = symbolic::model(&inputs, &found.expression)?;
    let theta = found.expression.constants();
    clock.lap("recovery");
    let evaluation = evaluate(&model, &theta, data)?;
    let training = trained(&model, theta, data)?;
    clock.lap("evaluation");
    Ok(Unit { training, evaluation, law: Some(Law::new(&found)) })
}

impl Law {
    fn new(found: &Recovery) -> Self {
        let constant = |constant: &PhysicalConstant| Constant {
            name: constant.name.clone(),
            meaning: constant.meaning.clone(),
            value: constant.value,
            standard_error: constant.standard_error.unwrap_or(f64::NAN),
            snapped: constant.snapped,
        };
        Self {
            fitted: found.expression.to_string(),
            expression: found.best().to_string(),
            forces: found.forces.iter().map(|(name, force)| (name.clone(), force.to_string())).collect(),
            constants: found.reading.constants.iter().map(constant).collect(),
            unread: found.reading.unread.iter().map(ToString::to_string).collect(),
            exact: found.exact,
        }
    }
}

/// Every component of the state counts alike: all have about the same spread.
fn settings() -> Result<Settings, Error> {
    Ok(Settings::new(vec![1.0; 12], STEP)?)
}

/// What there is to say of given parameters; no history.
fn trained<M: Model>(model: &M, theta: Vec<f64>, data: &Data) -> Result<Training, Error> {
    let settings = settings()?;
    let loss = |table: &TrajectoryTable| {
        RolloutLoss::new(model, &table.trajectories, &settings.weights, settings.rollout.clone()).value(&theta)
    };
    Ok(Training {
        loss: loss(&data.train),
        validation: loss(&data.validation),
        history: Vec::new(),
        field_evaluations: 0,
        step_error: train::integration_error(model, &theta, &data.train.trajectories, &settings),
        theta,
    })
}

/// Rolls a model out from the first test states. The step is halved until that changes less than the model's error; then, the order being 8,
/// the integrator's error is some 256 times less than the model's.
///
/// # Errors
/// [`Error::Integrate`], never in practice.
pub fn evaluate<M: Model>(model: &M, theta: &[f64], data: &Data) -> Result<Evaluation, Error> {
    let method = RungeKutta::new(8)?;
    let truth = data.truth();
    let initial = data::first_states(&data.test.trajectories);
    let predict = |initial: ArrayView2<f64>, grid, substeps| rollout(model, theta, initial, grid, &method, substeps);
    let coarse = |substeps| predict(initial.view(), (INTERVAL, POINTS), substeps);
    let (mut substeps, mut before) = (SUBSTEPS.0, coarse(SUBSTEPS.0));
    let (predicted, step_error) = loop {
        substeps *= 2;
        let predicted = coarse(substeps);
        let step_error = data::mean_relative_distance(&before, &predicted);
        if step_error <= data::mean_relative_distance(&predicted, &truth).max(ROUNDOFF) || substeps >= SUBSTEPS.1 {
            break (predicted, step_error);
        }
        before = predicted;
    };
    let system = data.preset.system();
    let errors = RolloutErrors::new(predicted.view(), truth.view(), &|z| system.angular_momentum(z), &|z| system.energy(z));
    let fine = predict(initial.slice(ndarray::s![..1, ..]), (FINE_INTERVAL, FINE_POINTS), substeps);
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

/// Errors for statistics of logarithms: those below roundoff, zero among them, count as roundoff.
pub fn above_roundoff(errors: &Array2<f64>) -> Array2<f64> {
    errors.mapv(|e| e.max(f64::EPSILON))
}

/// Unclamped and clamped geometric mean of the state error.
pub fn state_means(errors: &RolloutErrors) -> (f64, f64) {
    (evaluate::geometric_mean(&above_roundoff(&errors.state)), evaluate::clamped_geometric_mean(&errors.state))
}
