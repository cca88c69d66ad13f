//! The law behind trajectories: learn, split, search, refit, read.

use std::time::Instant;

use ndarray::{Array2, Axis};

use super::discover::Discovered;
use super::follow::{chosen, followed, short_interval};
use super::friction::Friction;
use super::in_units;
use super::judge::{Circumstances, Misfit};
use super::learner::{Errors, Fitted, Learner, NOISY};
use super::refit::{Refit, confirm_snapped, refit, refit_noisy};
use super::{PartForm, Reading, SimplifyOptions, SymbolicError, read_constants, simplify_vector};
use crate::basis::ProductBasis;
use crate::dataset::{Trajectory, Units};
use crate::expr::{Expr, Scalar, Vector, VectorExpr};
use crate::loss::RolloutLoss;
use crate::model::ScalarHamiltonian;
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{self, Fit, Learned, Settings, states};

/// What is known of the noise in the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Nothing: that of each component is estimated along with the law.
    Auto,
    /// There is none.
    None,
    /// Its standard deviation in each component (column of the table) in units of that component's own standard deviation over the training
    /// chunks: 0.01 is 1 % of the spread of each. To be known to 5 %.
    Sigma(f64),
}

/// How to recover a law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecoverSettings {
    /// Noise of the data.
    pub noise: Noise,
    /// After this moment optional refinements are left out.
    pub deadline: Option<Instant>,
    /// Seed of the search for closed forms.
    pub seed: u64,
}

impl Default for RecoverSettings {
    fn default() -> Self {
        Self { noise: Noise::Auto, deadline: None, seed: 0 }
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
    /// A search for closed forms failed.
    #[error(transparent)]
    Search(super::search::SearchError),
    /// No term survives.
    #[error("no term of the basis explains the data")]
    NoLaw,
}

/// A closed form on the way from few terms to many.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Hamiltonian.
    pub expression: Expr,
    /// Root mean square rollout residual on the validation chunks, in units of the components' standard deviations.
    pub error: f64,
}

/// What was found of the noise.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseFound {
    /// Its standard deviation in each component of the state, in the data's units.
    pub deviation: Vec<f64>,
    /// Whether that was given.
    pub given: bool,
    /// The Cramer-Rao bound for the variance of the constants over what the scatter of the chunks says it is, see
    /// [`NoisyFit::efficiency`](train::NoisyFit::efficiency).
    pub efficiency: f64,
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
    /// The closed form with constants rounded to simple numbers, where the trajectories agree with that.
    pub snapped: Option<Expr>,
    /// Covariance of the fitted constants, those of `expression`: noise and integration error.
    pub covariance: Array2<f64>,
    /// Masses, springs, fields, with their standard errors: those of `expression`, the fitted form, and the simple numbers that they agree with.
    pub reading: Reading,
    /// Force on each particle, by name of its position.
    pub forces: Vec<(String, VectorExpr)>,
    /// Parts of the Hamiltonian that are functions of few scalars, and the closed forms that were found for each, best first.
    pub parts: Vec<RecoveredPart>,
    /// What no Hamiltonian explains of the data, if anything.
    pub friction: Option<Friction>,
    /// The noise of the data, where there is any.
    pub noise: Option<NoiseFound>,
    /// Error against complexity; complexity rises and error falls.
    pub pareto: Vec<Candidate>,
    /// Root mean square residuals on the training chunks: learned model, closed form.
    pub train_error: (f64, f64),
    /// The same on the validation chunks.
    pub validation_error: (f64, f64),
    /// Whether the closed form explains the validation chunks down to noise or integration error: it follows them no worse than the learned
    /// Hamiltonian does, within chance; what it misses is, without noise, below 1e-8 of their spread (or ten times the error of integration,
    /// up to 1e-7), and with noise no more, by chi-squared statistics, than that noise as given or as estimated: neither would the learned Hamiltonian
    /// make the chunks more likely, nor are its residuals other than noise; and it is no power series.
    pub exact: bool,
}

impl Recovery {
    /// The learned Hamiltonian's basis, in words.
    pub fn basis(&self) -> String {
        let basis = self.learned.model.function();
        let degree = basis.functions().iter().flatten().map(|(_, d)| *d).max().unwrap_or(0);
        let products = if basis.functions().iter().any(|f| f.len() > 1) { " and of products of two" } else { "" };
        format!("Chebyshev polynomials to degree {degree} of {} scalars{products}", self.learned.model.scalars().len())
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
/// The integration step is halved at most so often.
const HALVINGS: i32 = 8;
/// A law with more powers of one length than this is a series that follows another law, not the law.
const POWERS: usize = 3;

/// Recovers the Hamiltonian from `train`; `validation` judges. `progress` is told what goes on.
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
    if train.is_empty() {
        return Err(train::Error::NoChunks.into());
    }
    if train.iter().all(|c| c.states.rows().into_iter().all(|row| row == c.states.row(0))) {
        return Err(train::Error::NothingToLearn.into());
    }
    let units = Units::of(inputs, train);
    let natural = |chunks: &[Trajectory]| chunks.iter().map(|c| units.chunk(c)).collect::<Vec<_>>();
    let (natural_inputs, natural_train, natural_validation) = (units.inputs(inputs), natural(train), natural(validation));
    let mut learner = Learner::new(&natural_inputs, &natural_train, &natural_validation, settings.deadline)?;
    let mut fitted = learner.learn(progress)?;
    learner.sharpen(&mut fitted);
    let friction = learner.friction(&fitted)?;
    if fitted.misfit > NOISY && settings.noise != Noise::None {
        let spread = states(&natural_train).std_axis(Axis(0), 0.0);
        let given = if let Noise::Sigma(sigma) = settings.noise { Some((spread * sigma).to_vec()) } else { None };
        fitted = learner.allow_for_noise(fitted, given, progress)?;
    }
    let discovered = learner.discover(&fitted, settings.seed, progress)?;

    progress("refitting on the trajectories");
    let OnTrajectories { learned, refit: fitted_law, noise, used: easy } = match learner.errors() {
        Some(errors) => in_noise(&learner, &fitted, &discovered, errors)?,
        None => on_trajectories(&learner, &fitted, &discovered, &natural_train)?,
    };
    let explained = match learner.errors() {
        Some(errors) => Some(errors.explained(&learner.likelihood(&fitted_law.expression, errors)?)?),
        None => None,
    };
    let all = validation;
    let followed = match learner.errors() {
        Some(errors) => errors.followed.clone(),
        None => easily_followed(&learner, &discovered, &natural_validation, &learned.settings)?,
    };
    let validation = &chosen(all, &followed)[..];
    // All that follows is in the units of the table.
    let (learned, fitted_law) = (in_units::learned(&units, inputs, learned)?, in_units::refit(&units, &fitted_law));
    let discovered = in_units::discovered(&units, discovered);
    let friction = friction.map(|f| in_units::friction(&units, f));
    let noise = noise.map(|noise| in_units::noise(&units, noise));
    log::debug!(
        "{} of {} training and {} of {} validation chunks, step {:.2e}, integration error {:.2e}",
        easy,
        train.len(),
        validation.len(),
        all.len(),
        learned.settings.rollout.step,
        learned.integration_error
    );
    let judged = Misfit::new(&learned.model, &learned.fit.theta, validation, &learned.settings);
    let error = |expr: &Expr| closed_form_error(inputs, expr, validation, &learned.settings);
    let (model, theta) = (super::refit::model(inputs, &fitted_law.expression)?, fitted_law.expression.constants());
    let closed = Misfit::new(&model, &theta, validation, &learned.settings);

    log::debug!("validation: learned {:.2e}, closed form {:.2e} {}", judged.rms(), closed.rms(), fitted_law.expression);
    progress("reading the constants");
    let negligible = (10.0 * learned.integration_error).clamp(NEGLIGIBLE, NEGLIGIBLE_AT_WORST);
    let snapped = confirm_snapped(inputs, &fitted_law, validation, &learned.settings, negligible)?;
    let reading = read_constants(&fitted_law.expression, Some(&fitted_law.covariance))?;
    let best = snapped.as_ref().unwrap_or(&fitted_law.expression);
    let forces = forces(best, inputs.shape.particles)?;
    let pareto = pareto(&discovered, error, (best, error(best)?));
    let residuals = train.iter().map(|c| c.times.len().saturating_sub(1)).sum::<usize>() * inputs.shape.state_len();
    let circumstances = Circumstances {
        noise: settings.noise,
        spread: &states(train).std_axis(Axis(0), 0.0).to_vec(),
        integration_error: learned.integration_error,
        parameters_per_residual: theta.len() as f64 / residuals.max(1) as f64,
    };
    // Without a held-out chunk that can be followed nothing speaks for the law.
    let exact = !validation.is_empty()
        && friction.is_none()
        && !is_series(&fitted_law.expression)
        && match explained {
            Some(explained) => explained,
            None => circumstances.explained((&model, &theta), (&closed, &judged), validation, &learned.settings)?,
        };
    let part = |(part, forms): (super::Part, Vec<PartForm>)| RecoveredPart {
        scalars: part.scalars.iter().map(|&i| learner.scalars()[i].clone()).collect(),
        forms,
    };
    Ok(Recovery {
        units,
        train_error: (learned.fit.loss.sqrt(), fitted_law.error),
        validation_error: (judged.rms(), closed.rms()),
        exact,
        expression: fitted_law.expression,
        covariance: fitted_law.covariance,
        snapped,
        reading,
        forces,
        parts: learner.parts(&fitted).into_iter().zip(discovered.parts).map(part).collect(),
        friction,
        noise,
        pareto,
        learned,
    })
}

/// What the fits on the trajectories give.
struct OnTrajectories {
    learned: Learned<ProductBasis>,
    refit: Refit,
    noise: Option<NoiseFound>,
    /// Number of chunks used.
    used: usize,
}

/// The learned Hamiltonian and the closed form fitted to noisy chunks, all their states uncertain.
fn in_noise(learner: &Learner, fitted: &Fitted, discovered: &Discovered, errors: &Errors) -> Result<OnTrajectories, RecoverError> {
    let (inputs, expression) = (learner.inputs(), &discovered.chosen.expression);
    let (refit, fit) = refit_noisy(inputs, expression, &errors.train, &errors.settings, errors.given.clone())?;
    let noise = NoiseFound {
        deviation: fit.noise.clone(),
        given: errors.given.is_some(),
        efficiency: fit.efficiency(errors.settings.rank_tolerance)?,
        outliers: fit.outliers,
    };
    let (model, theta) = compact(learner, fitted)?;
    let learned = learned(model, theta, &errors.train, &errors.settings, (inputs, &refit.expression))?;
    Ok(OnTrajectories { learned, refit, noise: Some(noise), used: errors.train.len() })
}

/// A learned Hamiltonian with its error on the trajectories, and the integrator's for a closed form.
fn learned(
    model: ScalarHamiltonian<ProductBasis>,
    theta: Vec<f64>,
    chunks: &[Trajectory],
    settings: &Settings,
    (inputs, expression): (&Inputs, &Expr),
) -> Result<Learned<ProductBasis>, RecoverError> {
    let closed = super::refit::model(inputs, expression)?;
    let integration_error = train::integration_error(&closed, &expression.constants(), chunks, settings);
    let integration_error = if integration_error.is_finite() { integration_error } else { 1.0 };
    let loss = RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone());
    let fit = Fit {
        loss: loss.value(&theta),
        field_evaluations: 2 * loss.field_evaluations(),
        rank: theta.len(),
        history: Vec::new(),
        costs: Vec::new(),
        outcome: train::Outcome::Converged,
        theta,
    };
    Ok(Learned { model, fit, settings: settings.clone(), integration_error })
}

/// The learned Hamiltonian and the closed form on the trajectories themselves, with an integration step whose error shows in neither, and the number of
/// chunks that were used: those few where no step does (close encounters) are left out.
fn on_trajectories(
    learner: &Learner,
    fitted: &Fitted,
    discovered: &Discovered,
    train: &[Trajectory],
) -> Result<OnTrajectories, RecoverError> {
    let (model, theta) = compact(learner, fitted)?;
    let mut settings = Settings::new(learner.weights().to_vec(), short_interval(train))?;
    let expression = &discovered.chosen.expression;
    let mut easy = Vec::new();
    for _ in 0..HALVINGS {
        settings.rollout.step *= 0.5;
        easy = chosen(train, &easily_followed(learner, discovered, train, &settings)?);
        if easy.len() as f64 >= ENOUGH_CHUNKS * train.len() as f64 {
            break;
        }
    }
    if easy.is_empty() {
        easy = train.to_vec();
    }
    // With noise all states are uncertain.
    let refitted = if discovered.chosen.misfit > NOISY {
        refit_noisy(learner.inputs(), expression, &easy, &settings, None).map(|(refit, _)| refit)
    } else {
        refit(learner.inputs(), expression, &easy, &settings)
    };
    let refit = refitted.or_else(|e| {
        log::debug!("refit failed: {e}");
        learner.as_adjusted(&discovered.chosen, fitted)
    })?;
    let learned = learned(model, theta, &easy, &settings, (learner.inputs(), expression))?;
    Ok(OnTrajectories { learned, refit, noise: None, used: easy.len() })
}

/// Whether halving the integration step changes nothing worth mentioning in a chunk.
fn easily_followed(
    learner: &Learner,
    discovered: &Discovered,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Result<Vec<bool>, RecoverError> {
    let expression = &discovered.chosen.expression;
    let model = super::refit::model(learner.inputs(), expression)?;
    let theta = expression.constants();
    let allowed = (0.01 * discovered.chosen.misfit).max(0.1 * NEGLIGIBLE);
    Ok(followed(&model, &theta, chunks, settings, allowed))
}

/// The part of the chunks that the integrator must follow.
const ENOUGH_CHUNKS: f64 = 0.95;

/// The learned model without the scalars that it does not use.
fn compact(learner: &Learner, fitted: &Fitted) -> Result<(ScalarHamiltonian<ProductBasis>, Vec<f64>), RecoverError> {
    let basis = fitted.model.function();
    let mut used: Vec<usize> = basis.axes().iter().map(|a| a.scalar).collect();
    used.sort_unstable();
    used.dedup();
    let scalars: Vec<Scalar> = used.iter().map(|&i| learner.scalars()[i].clone()).collect();
    let axes = basis.axes().iter().map(|a| {
        let mut axis = a.clone();
        axis.scalar = used.binary_search(&a.scalar).unwrap_or(0);
        axis
    });
    let compact = ProductBasis::new(used.len(), axes.collect(), basis.functions().to_vec());
    Ok((ScalarHamiltonian::new(ScalarSet::new(learner.inputs(), scalars)?, compact), fitted.theta.clone()))
}

fn closed_form_error(inputs: &Inputs, expr: &Expr, chunks: &[Trajectory], settings: &Settings) -> Result<f64, RecoverError> {
    let model = super::refit::model(inputs, expr)?;
    Ok(RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone()).value(&expr.constants()).sqrt())
}

fn forces(hamiltonian: &Expr, particles: usize) -> Result<Vec<(String, VectorExpr)>, SymbolicError> {
    let force = |i: usize| {
        let name = format!("q{i}");
        Ok((name.clone(), simplify_vector(&hamiltonian.force(&name), &SimplifyOptions::default())?))
    };
    (1..=particles).map(force).collect()
}

/// Laws of growing complexity that each lower the error: those tried, the chosen forms of the parts with one of them put more simply, and the
/// chosen law with ever more of its terms left out. Their constants are those of the law that they are taken from.
fn pareto(discovered: &Discovered, error: impl Fn(&Expr) -> Result<f64, RecoverError>, chosen: (&Expr, f64)) -> Vec<Candidate> {
    let mut laws: Vec<Expr> = discovered.laws.iter().map(|l| l.expression.clone()).collect();
    let best = |skipped: usize| {
        discovered
            .parts
            .iter()
            .enumerate()
            .filter(move |(k, _)| *k != skipped)
            .filter_map(|(_, forms)| Some(forms.first()?.expression.clone()))
    };
    for (k, forms) in discovered.parts.iter().enumerate() {
        let Some(own) = forms.first() else { continue };
        let simpler = forms.iter().filter(|f| f.complexity < own.complexity);
        laws.extend(simpler.map(|f| Expr::sum(best(k).chain([f.expression.clone()]))));
    }
    let with_error = |expression: Expr| Some(Candidate { error: error(&expression).ok().filter(|e| e.is_finite())?, expression });
    let mut all: Vec<Candidate> = laws.into_iter().filter_map(with_error).collect();
    all.extend(with_fewer_terms(chosen.0, with_error));
    // What is as good as the chosen law and no simpler adds nothing.
    all.retain(|c| c.expression.complexity() < chosen.0.complexity());
    all.push(Candidate { expression: chosen.0.clone(), error: chosen.1 });
    all.sort_by(|a, b| a.expression.complexity().cmp(&b.expression.complexity()).then(a.error.total_cmp(&b.error)));
    let mut lowest = f64::INFINITY;
    all.retain(|c| {
        c.error < lowest && {
            lowest = c.error;
            true
        }
    });
    all
}

/// The law without one term, without two, and so on: always the one goes that is missed least. Factors before sums are multiplied out.
fn with_fewer_terms(law: &Expr, candidate: impl Fn(Expr) -> Option<Candidate>) -> Vec<Candidate> {
    let mut terms = match law {
        Expr::Sum(terms) => terms.iter().flat_map(spread).collect(),
        other => spread(other),
    };
    let mut found = Vec::new();
    while terms.len() > 1 {
        let without = |k: usize| Expr::sum(terms.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, term)| term.clone()));
        let tried = (0..terms.len()).filter_map(|k| Some((k, candidate(without(k))?)));
        let Some((k, least)) = tried.min_by(|a, b| a.1.error.total_cmp(&b.1.error)) else { break };
        terms.remove(k);
        found.push(least);
    }
    found
}

/// The terms of c (a + b): c a and c b.
fn spread(term: &Expr) -> Vec<Expr> {
    if let Expr::Product(factors) = term
        && let [Expr::Constant(c), Expr::Sum(terms)] = &factors[..]
    {
        return terms.iter().map(|t| Expr::product([Expr::Constant(*c), t.clone()])).collect();
    }
    vec![term.clone()]
}

/// Whether a sum of powers of scalars looks like a power series in one of its lengths.
fn is_series(law: &Expr) -> bool {
    let terms = if let Expr::Sum(terms) = law { terms.as_slice() } else { std::slice::from_ref(law) };
    let mut lengths: Vec<Vector> = Vec::new();
    for scalar in terms.iter().flat_map(Expr::scalars) {
        match scalar {
            Scalar::Norm(v) => lengths.push(v),
            Scalar::Dot(a, b) if a == b => lengths.push(a),
            Scalar::Dot(a, b) => lengths.extend([a, b]),
        }
    }
    let count = |v: &Vector| {
        let only = |s: &Scalar| matches!(s, Scalar::Norm(w) if w == v) || matches!(s, Scalar::Dot(a, b) if a == v && b == v);
        terms.iter().filter(|t| t.scalars().iter().all(only)).count()
    };
    lengths.iter().any(|v| count(v) > POWERS)
}
