//! The law behind trajectories: learn, split, search, refit, read.

use ndarray::{Array2, Axis};

use super::follow::marked;
use super::friction::Friction;
use super::in_units;
use super::judge::{Circumstances, Misfit};
use super::learner::{Learner, NOISY, Teaching};
use super::likelihood::is_noise_alone;
use super::outlying::{Outlying, outlying};
use super::pareto::{front, with_the_law};
use super::paths::Paths;
use super::refit::confirm_snapped;
use super::rivals::Rival;
use super::rollouts::{closed_form_error, on_trajectories};
use super::search::{Counts, Deadline};
use super::shared::{Shared, Ties, shared_constants};
use super::{
    Merged, PartForm, Reading, SimplifyOptions, SymbolicError, read_constants, simplify_vector,
};
use crate::basis::ProductBasis;
use crate::dataset::{Trajectory, Units};
use crate::expr::{Expr, Scalar, VectorExpr};
use crate::model::Model;
use crate::scalars::Inputs;
use crate::train::{self, Learned, states};

/// What is known of the noise in the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Nothing: that of each component is estimated along with the law.
    Auto,
    /// There is none.
    None,
    /// Its standard deviation in each component (column of the table) in units of that component's
    /// own standard deviation over the training chunks: 0.01 is 1 % of the spread of each. To be
    /// known to 5 %.
    Sigma(f64),
}

/// How to recover a law.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoverSettings {
    /// Noise of the data.
    pub noise: Noise,
    /// After this nothing is begun that can be left out: the best law so far is given.
    pub deadline: Deadline,
    /// Seed of the search for closed forms.
    pub seed: u64,
}

impl Default for RecoverSettings {
    fn default() -> Self {
        Self { noise: Noise::Auto, deadline: Deadline::default(), seed: 0 }
    }
}

/// What can go wrong in a recovery.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Training failed.
    #[error(transparent)]
    Train(#[from] train::Error),
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] crate::linalg::Error),
    /// A scalar does not fit the inputs.
    #[error(transparent)]
    Scalars(#[from] crate::scalars::Error),
    /// Rewriting failed.
    #[error(transparent)]
    Symbolic(#[from] SymbolicError),
}

/// A closed form on the way from few terms to many.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Hamiltonian.
    pub expression: Expr,
    /// Root mean square rollout residual on the validation chunks, in units of the components'
    /// standard deviations.
    pub error: f64,
}

/// What was found of the noise.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseFound {
    /// Its standard deviation in each component of the state, in the data's units.
    pub deviation: Vec<f64>,
    /// Whether that was given.
    pub given: bool,
    /// The Cramer-Rao bound for the variance of the constants over what the scatter of the chunks
    /// says it is, see [`NoisyFit::efficiency`](train::NoisyFit::efficiency); unknown where they
    /// could not be fitted.
    pub efficiency: Option<f64>,
    /// Residuals of more than [`OUTLIER`](train::OUTLIER) standard deviations.
    pub outliers: usize,
}

/// A part of a Hamiltonian.
#[derive(Clone, Debug)]
pub struct RecoveredPart {
    /// Its scalars.
    pub scalars: Vec<Scalar>,
    /// Forms of it.
    pub forms: Vec<PartForm>,
}

/// A recovered law.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The units that it was learned in; everything else here is in those of the chunks.
    pub units: Units,
    /// The learned Hamiltonian that it was read from.
    pub learned: Learned<ProductBasis>,
    /// The closed form with fitted constants.
    pub expression: Expr,
    /// The closed form with constants rounded to simple numbers, where the trajectories agree with
    /// that.
    pub snapped: Option<Expr>,
    /// Covariance of the fitted constants, those of `expression`: noise and integration error.
    pub covariance: Array2<f64>,
    /// Masses, springs, fields, with their standard errors: those of `expression`, the fitted form,
    /// and the simple numbers that they agree with.
    pub reading: Reading,
    /// Constants that agree, if the held-out chunks have nothing against it.
    pub shared: Vec<Shared>,
    /// The closed form with these held equal.
    pub tied: Option<Expr>,
    /// The same in the names of the constants.
    pub merged: Option<Merged>,
    /// Force on each particle, by name of its position.
    pub forces: Vec<(String, VectorExpr)>,
    /// Parts of the Hamiltonian that are functions of few scalars, and the closed forms that were
    /// found for each, best first.
    pub parts: Vec<RecoveredPart>,
    /// What no Hamiltonian explains of the data, if anything.
    pub friction: Option<Friction>,
    /// The noise of the data, where there is any.
    pub noise: Option<NoiseFound>,
    /// Error against complexity; complexity rises and error falls.
    pub pareto: Vec<Candidate>,
    /// Other laws that the noise of the data doesn't tell from this one.
    pub rivals: Vec<Rival>,
    /// Root mean square residuals on the training chunks: learned model, closed form.
    pub train_error: (f64, f64),
    /// The same on the validation chunks.
    pub validation_error: (f64, f64),
    /// Held-out chunks that judge the law: those in which it can be followed (where halving the
    /// integration step changes nothing), and all. The other half of the validation chunks chose
    /// the degrees of the learned Hamiltonian.
    pub followed: (usize, usize),
    /// What the searches for closed forms did, and what their common e-graph saved.
    pub counts: Counts,
    /// Chunks that the law doesn't follow, of data without noise, where it follows nearly all
    /// others exactly; such a law is not `exact`.
    pub outlying: Option<Outlying>,
    /// Whether the closed form explains the validation chunks down to noise or integration error:
    /// it follows them no worse than the learned Hamiltonian does, within chance; what it misses
    /// is, without noise, below 1e-8 of their spread (or ten times the error of integration, up to
    /// 1e-7), and with noise no more, by chi-squared statistics, than that noise as given or as
    /// estimated: neither would the learned Hamiltonian make the chunks more likely, nor are its
    /// residuals other than noise; it is no power series; and more than half of the chunks in which
    /// the learned Hamiltonian can be followed are among them.
    pub exact: bool,
    /// Whether the deadline came before the end, so that what could be left out is missing.
    pub stopped: bool,
}

impl Recovery {
    /// The learned Hamiltonian's basis, in words.
    pub fn basis(&self) -> String {
        let basis = self.learned.model.function();
        let degree = basis.functions().iter().flatten().map(|(_, d)| *d).max().unwrap_or(0);
        let products = if basis.functions().iter().any(|f| f.len() > 1) {
            " and of products of two"
        } else {
            ""
        };
        format!(
            "Chebyshev polynomials to degree {degree} of {} scalars{products}",
            self.learned.model.scalars().len()
        )
    }

    /// The learned Hamiltonian as an expression: polynomials of mapped scalars, to be read where
    /// there is no closed form.
    pub fn learned_expression(&self) -> Expr {
        let Learned { model, fit, .. } = &self.learned;
        model.function().expression(&fit.theta, model.scalars().scalars())
    }

    /// The form to show: with simple numbers where confirmed, else as fitted.
    pub fn best(&self) -> &Expr {
        self.snapped.as_ref().unwrap_or(&self.expression)
    }
}

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
        (super::refit::model(inputs, &law.expression)?, law.expression.constants());
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
        let model = super::refit::model(inputs, tied)?;
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
    let part = |(part, forms): (super::Part, Vec<PartForm>)| RecoveredPart {
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

fn forces(
    hamiltonian: &Expr,
    particles: usize,
) -> Result<Vec<(String, VectorExpr)>, SymbolicError> {
    let force = |i: usize| {
        let name = format!("q{i}");
        Ok((name.clone(), simplify_vector(&hamiltonian.force(&name), &SimplifyOptions::default())?))
    };
    (1..=particles).map(force).collect()
}
