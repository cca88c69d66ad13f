//! The models: training, rollouts, and the law read off.

use super::data::Data;
use super::error::ExperimentError;
use super::evaluation::{Precision, evaluate};
use super::learner::BenchmarkModel;
use super::networks;
use super::profile::Profile;
use super::stopwatch::Stopwatch;
use super::transfer::{REVISION, Stepping, transfer};
use super::unit::{Law, Unit, linear_training, settings, teller, training};
use crate::basis::Kind;
use crate::model::ScalarHamiltonian;
use crate::progress::Progress;
use crate::recover::{Noise, RecoverSettings, recover};
use crate::train::{self, FieldKind, Outcome, Saving, Settings};

/// Longest step of the integrator in training Hamiltonians, and fields, that are linear in their
/// parameters.
const STEPS: (f64, f64) = (0.05, 0.1);

/// All that a trained model depends on, as text.
pub fn key(data: &Data, profile: Profile, learner: BenchmarkModel) -> String {
    let (preset, fingerprint, revision) =
        (data.preset.name(), data.fingerprint(), learner.revision());
    let settings = match (learner.basis(), learner.field(profile)) {
        (Some(basis), _) => format!("{} {}", basis.name(), plan(STEPS.0)),
        (_, Some(field)) => format!("{} {}", field.name(), plan(STEPS.1)),
        _ => networks::plan(learner, profile),
    };
    format!(
        "{} revision {revision}, {preset} data {fingerprint:016x}, {settings}, {}, transfer {REVISION} {}",
        learner.name(),
        Precision::of(learner, profile).settings(),
        Precision::TRANSFER.settings(),
    )
}

/// The settings of a training, as text.
fn plan(step: f64) -> String {
    let plan = settings(step).map(|Settings { rollout, weights, stop, rank_tolerance, .. }| {
        format!(
            "stages {} step {step} batch {} weights {weights:?} {stop:?} rank {rank_tolerance:e}",
            rollout.method.stages(),
            rollout.batch
        )
    });
    plan.expect("the integrator has this order")
}

/// Trains and tests a model; `progress` is told what goes on, `clock` takes the times.
///
/// # Errors
/// [`ExperimentError::Scalars`], [`ExperimentError::Train`], [`ExperimentError::Recover`].
pub fn unit(
    learner: BenchmarkModel,
    profile: Profile,
    data: &Data,
    saving: Saving,
    progress: &mut dyn FnMut(Progress),
    clock: &mut Stopwatch,
) -> Result<Unit, ExperimentError> {
    match (learner, learner.basis(), learner.field(profile)) {
        (BenchmarkModel::ClosedForm, ..) => closed_form_unit(data, progress, clock),
        (_, Some(basis), _) => scalars_unit(basis, data, saving, progress, clock),
        (_, _, Some(field)) => field_unit(field, data, saving, progress, clock),
        _ => networks::unit(learner, profile, data, saving, progress, clock),
    }
}

/// A Hamiltonian that is linear in its parameters: its scalars are the independent ones of all
/// scalars of the inputs, its basis spans their ranges in the training chunks.
fn scalars_unit(
    kind: Kind,
    data: &Data,
    saving: Saving,
    progress: &mut dyn FnMut(Progress),
    clock: &mut Stopwatch,
) -> Result<Unit, ExperimentError> {
    let (chunks, settings) = (&data.train.trajectories, settings(STEPS.0)?);
    let learned = train::learn(
        &data.inputs()?,
        chunks,
        kind,
        &settings,
        Some(saving),
        &mut teller(progress, clock),
    )?;
    clock.lap("training");
    let (model, theta) = (&learned.model, &learned.fit.theta);
    let evaluation = evaluate(model, theta, data, Precision::FULL)?;
    let transfer = transfer(model, theta, data, &Stepping::Chosen(Precision::TRANSFER))?;
    let training = linear_training(&learned.model, learned.fit, data, &settings);
    clock.lap("evaluation");
    Ok(Unit { training, evaluation, transfer, law: None })
}

/// A vector field that is linear in its parameters.
fn field_unit(
    kind: FieldKind,
    data: &Data,
    saving: Saving,
    progress: &mut dyn FnMut(Progress),
    clock: &mut Stopwatch,
) -> Result<Unit, ExperimentError> {
    let (chunks, settings) = (&data.train.trajectories, settings(STEPS.1)?);
    let learned = train::learn_field(
        &data.inputs()?,
        chunks,
        kind,
        &settings,
        Some(saving),
        &mut teller(progress, clock),
    )?;
    clock.lap("training");
    let (model, theta) = (&learned.model, &learned.fit.theta);
    let evaluation = evaluate(model, theta, data, Precision::FULL)?;
    let transfer = transfer(model, theta, data, &Stepping::Chosen(Precision::TRANSFER))?;
    let training = linear_training(&learned.model, learned.fit, data, &settings);
    clock.lap("evaluation");
    Ok(Unit { training, evaluation, transfer, law: None })
}

/// The closed form that is read off a Hamiltonian learned in the spectral basis, its constants
/// refitted on the trajectories.
fn closed_form_unit(
    data: &Data,
    progress: &mut dyn FnMut(Progress),
    clock: &mut Stopwatch,
) -> Result<Unit, ExperimentError> {
    let inputs = data.inputs()?;
    let settings = RecoverSettings { noise: Noise::None, ..RecoverSettings::default() };
    let found = recover(
        &inputs,
        &data.train.trajectories,
        &data.validation.trajectories,
        &settings,
        progress,
    )?;
    let model = ScalarHamiltonian::closed_form(&inputs, &found.expression)?;
    let theta = found.expression.constants();
    clock.lap("recovery");
    let evaluation = evaluate(&model, &theta, data, Precision::FULL)?;
    let transfer = transfer(&model, &theta, data, &Stepping::Chosen(Precision::TRANSFER))?;
    let training =
        training(&model, &theta, data, &self::settings(STEPS.0)?, Vec::new(), Outcome::Converged);
    clock.lap("evaluation");
    Ok(Unit { training, evaluation, transfer, law: Some(Law::new(&found)) })
}
