//! The law behind trajectories: learn, split, search, refit, read.

use ndarray::Axis;

use crate::dataset::{Trajectory, Units};
use crate::expr::{Expr, VectorExpr};
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::error::RecoverError;
use crate::recover::form::{Candidate, PartForm};
use crate::recover::in_units;
use crate::recover::judge::noise::is_noise_alone;
use crate::recover::judge::outlying::outlying;
use crate::recover::judge::pareto::{front, with_the_law};
use crate::recover::judge::verdict::Circumstances;
use crate::recover::law::{RecoveredPart, Recovery};
use crate::recover::learn::limits::NOISY;
use crate::recover::noise::Noise;
use crate::recover::paths::Paths;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::teacher::Teaching;
use crate::recover::read::constants::read_constants;
use crate::recover::read::equal_constants::{Ties, shared_constants};
use crate::recover::refit::rollouts::{closed_form_error, on_trajectories};
use crate::recover::refit::snap::confirm_snapped;
use crate::recover::settings::RecoverSettings;
use crate::recover::split::Part;
use crate::recover::statistics::Misfit;
use crate::rewrite::{RewriteError, SimplifyOptions, simplify_vector};
use crate::scalars::Inputs;
use crate::train;
use crate::train::{marked, states};

/// Changes of the rollouts smaller than this, relative to the data's spread, are of no account.
const NEGLIGIBLE: f64 = 1e-9;

/// The same where integration is less accurate than that.
const NEGLIGIBLE_AT_WORST: f64 = 1e-6;

/// Recovers the Hamiltonian from `train`; `validation` judges: one half of it degrees, the other
/// the law. `progress` is told what goes on.
///
/// # Errors
/// [`RecoverError`].
pub fn recover(
    inputs: &Inputs,
    train: &[Trajectory],
    validation: &[Trajectory],
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(&str),
) -> Result<Recovery, RecoverError> {
    recovered(inputs, (train, validation), None, settings, progress)
}

/// Recovers the Hamiltonian that a trained model stands for, whatever it is made of: the form is
/// read off the model's field along the chunks, its constants are then refitted on the
/// trajectories.
///
/// # Errors
/// [`RecoverError`].
pub fn recover_from<M: Model>(
    (model, theta): (&M, &[f64]),
    inputs: &Inputs,
    train: &[Trajectory],
    validation: &[Trajectory],
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(&str),
) -> Result<Recovery, RecoverError> {
    let natural = in_units::Natural::new(model, &Units::of(inputs, train));
    let weights = model.expand(theta);
    let teaching = |paths: &Paths| paths.increments(&natural, &weights);
    recovered(inputs, (train, validation), Some(&teaching), settings, progress)
}

/// As [`recovered_from_all`], and again without the chunks that the law doesn't follow where it
/// follows the others exactly: what is broken must not have a say in units, constants and their
/// errors.
fn recovered(
    inputs: &Inputs,
    (train, validation): (&[Trajectory], &[Trajectory]),
    teaching: Option<Teaching>,
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(&str),
) -> Result<Recovery, RecoverError> {
    let first = recovered_from_all(inputs, (train, validation), teaching, settings, progress)?;
    let Some(outlying) = first.outlying.clone().filter(|_| !first.stopped) else {
        return Ok(first);
    };
    progress("again without chunks that don't follow");
    let whole = |chunks: &[Trajectory]| {
        chunks.iter().filter(|chunk| !outlying.has(chunk)).cloned().collect::<Vec<_>>()
    };
    match recovered_from_all(
        inputs,
        (&whole(train), &whole(validation)),
        teaching,
        settings,
        progress,
    ) {
        // Whatever it is that these chunks have, the law doesn't explain it.
        Ok(second) => {
            Ok(Recovery { outlying: Some(outlying.with(second.outlying)), exact: false, ..second })
        }
        Err(_) => Ok(first),
    }
}

fn recovered_from_all(
    inputs: &Inputs,
    (train, validation): (&[Trajectory], &[Trajectory]),
    teaching: Option<Teaching>,
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(&str),
) -> Result<Recovery, RecoverError> {
    if train.iter().all(|c| c.times.len() < 2) {
        return Err(train::Error::NoChunks.into());
    }
    if train.iter().all(|c| c.states.rows().into_iter().all(|row| row == c.states.row(0))) {
        return Err(train::Error::NothingToLearn.into());
    }
    let units = Units::of(inputs, train);
    let natural = |chunks: &[Trajectory]| chunks.iter().map(|c| units.chunk(c)).collect::<Vec<_>>();
    let (choosing, judging) = halves(validation);
    let (natural_inputs, natural_train, natural_choosing) =
        (units.inputs(inputs), natural(train), natural(&choosing));
    let mut learner = Learner::new(
        &natural_inputs,
        &natural_train,
        &natural_choosing,
        settings.deadline.clone(),
    )?;
    if let Some(teaching) = teaching {
        learner.listen_to(teaching);
    }
    let mut fitted = learner.learn(progress)?;
    learner.sharpen(&mut fitted);
    let friction = learner.friction(&fitted)?;
    if fitted.misfit > NOISY && settings.noise != Noise::None && teaching.is_none() {
        let spread = states(&natural_train).std_axis(Axis(0), 0.0);
        let given = if let Noise::Sigma(sigma) = settings.noise {
            Some((spread * sigma).to_vec())
        } else {
            None
        };
        if let Some(better) = learner.allow_for_noise(&fitted, given, progress)? {
            fitted = better;
        }
    }
    let discovered = learner.discover(&fitted, settings.seed, progress)?;

    progress("refitting on the trajectories");
    let natural_judging = natural(&judging);
    let trained = on_trajectories(&learner, &fitted, &discovered)?;
    let followed = trained.followed(&learner, &discovered, &natural_judging)?;
    let is_series = learner.is_series(&discovered.chosen, &fitted)?;
    let natural_judging = marked(&natural_judging, &followed.closed);
    // What was learned without noise says what a closed form misses.
    let may_be_noise = settings.noise == Noise::Auto && teaching.is_none() && fitted.misfit > NOISY;
    let explains_noise = match learner.errors() {
        Some(errors) if !natural_judging.is_empty() => Some(
            learner
                .explains_noise(&trained.law.expression, &fitted, errors, &natural_judging)
                .unwrap_or(false),
        ),
        None if may_be_noise && !natural_judging.is_empty() => {
            trained.alone.as_ref().map(|alone| {
                let settings = &trained.learned.settings;
                is_noise_alone(
                    learner.inputs(),
                    &trained.law.expression,
                    alone,
                    &natural_judging,
                    settings,
                )
                .unwrap_or(false)
            })
        }
        _ => None,
    };
    let front = front(&learner, &fitted, &discovered, &trained, &natural_judging)?;
    // All that follows is in the units of the table.
    let held_out = validation;
    let validation = &marked(&judging, &followed.closed)[..];
    let (learned, law) = (
        in_units::learned(&units, inputs, trained.learned)?,
        in_units::refit(&units, &trained.law),
    );
    let discovered = in_units::discovered(&units, discovered);
    let friction = friction.map(|f| in_units::friction(&units, f));
    let alone = trained.alone.filter(|_| explains_noise == Some(true)).map(|alone| alone.noise);
    let noise = trained.noise.or(alone).map(|noise| in_units::noise(&units, noise));
    let judged = Misfit::new(&learned.model, &learned.fit.theta, validation, &learned.settings);
    let (model, theta) =
        (ScalarHamiltonian::closed_form(inputs, &law.expression)?, law.expression.constants());
    let closed = Misfit::new(&model, &theta, validation, &learned.settings);
    log::debug!(
        "{} of {} held-out chunks, step {:.2e}, integration error {:.2e}: learned {:.2e}, closed form {:.2e} {}",
        validation.len(),
        judging.len(),
        learned.settings.rollout.step,
        learned.integration_error,
        judged.rms(),
        closed.rms(),
        law.expression
    );

    progress("reading the constants");
    let negligible = (10.0 * learned.integration_error).clamp(NEGLIGIBLE, NEGLIGIBLE_AT_WORST);
    let snapped = if learner.late() {
        None
    } else {
        confirm_snapped(inputs, &law, validation, &learned.settings, negligible)?
    };
    let reading = read_constants(&law.expression, Some(&law.covariance))?;
    let tied = shared_constants(&law.expression, &law.covariance, &reading)?;
    let agrees = |tied: &Expr| -> Result<bool, RecoverError> {
        let model = ScalarHamiltonian::closed_form(inputs, tied)?;
        Ok(!Misfit::new(&model, &tied.constants(), validation, &learned.settings)
            .is_worse_than(&closed, negligible))
    };
    let tied = match tied {
        Some(ties) if !agrees(&ties.expression)? => None,
        other => other,
    };
    let (shared, tied, merged) = tied
        .map_or((Vec::new(), None, None), |Ties { shared, expression, merged }| {
            (shared, Some(expression), Some(merged))
        });
    // No name may stand for two things.
    let is_vector = |name: &String| inputs.context.iter().any(|(vector, _)| vector == name);
    let merged = merged.filter(|m| !m.constants.iter().any(|(name, _)| is_vector(name)));
    let best = snapped.as_ref().unwrap_or(&law.expression);
    let forces = forces(best, inputs.shape.particles)?;
    let error = closed_form_error(inputs, best, validation, &learned.settings)?;
    let pareto = with_the_law(front, &units, Candidate { expression: best.clone(), error });
    let residuals = train.iter().map(|c| c.times.len().saturating_sub(1)).sum::<usize>()
        * inputs.shape.state_len();
    let circumstances = Circumstances {
        noise: settings.noise,
        spread: &states(train).std_axis(Axis(0), 0.0).to_vec(),
        integration_error: learned.integration_error,
        parameters_per_residual: theta.len() as f64 / residuals.max(1) as f64,
    };
    let exact = followed.are_enough()
        && friction.is_none()
        && !is_series
        && match explains_noise {
            Some(explains) => {
                explains && (learner.errors().is_some() || !closed.is_worse_than(&judged, 0.0))
            }
            None => circumstances.explained(
                (&model, &theta),
                (&closed, &judged),
                validation,
                &learned.settings,
            )?,
        };
    let outlying = if exact || noise.is_some() || learner.late() {
        None
    } else {
        outlying(inputs, &law.expression, &[train, held_out].concat(), &learned.settings)?
    };
    let part = |(part, forms): (Part, Vec<PartForm>)| RecoveredPart {
        scalars: part.scalars.iter().map(|&i| learner.scalars()[i].clone()).collect(),
        forms,
    };
    Ok(Recovery {
        units,
        train_error: (learned.fit.loss.sqrt(), law.error),
        validation_error: (judged.rms(), closed.rms()),
        followed: (validation.len(), judging.len()),
        counts: discovered.counts,
        outlying,
        exact,
        stopped: learner.late(),
        expression: law.expression,
        covariance: law.covariance,
        snapped,
        reading,
        shared,
        tied,
        merged,
        forces,
        parts: learner.parts(&fitted).into_iter().zip(discovered.parts).map(part).collect(),
        friction,
        noise,
        pareto,
        rivals: discovered.rivals,
        learned,
    })
}

/// Every other chunk of two points or more, and the rest; the few of a small set serve for both.
fn halves(chunks: &[Trajectory]) -> (Vec<Trajectory>, Vec<Trajectory>) {
    let chunks: Vec<Trajectory> = chunks.iter().filter(|c| c.times.len() > 1).cloned().collect();
    if chunks.len() < FEW {
        return (chunks.clone(), chunks);
    }
    let half = |first: usize| chunks.iter().skip(first).step_by(2).cloned().collect();
    (half(1), half(0))
}

/// Fewer held-out chunks than this are not divided.
const FEW: usize = 8;

fn forces(hamiltonian: &Expr, particles: usize) -> Result<Vec<(String, VectorExpr)>, RewriteError> {
    let force = |i: usize| {
        let name = format!("q{i}");
        Ok((name.clone(), simplify_vector(&hamiltonian.force(&name), &SimplifyOptions::default())?))
    };
    (1..=particles).map(force).collect()
}
