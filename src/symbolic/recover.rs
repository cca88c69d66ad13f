//! The law behind trajectories: learn, sparsify, simplify, refit, read.

use std::time::Instant;

use ndarray::{Array2, Axis};

use super::judge::{Circumstances, Misfit};
use super::law::{Laws, Threshold};
use super::refit::{Refit, confirm_snapped, refit};
use super::{Reading, SimplifyOptions, SymbolicError, read_constants, simplify_up_to_constant, simplify_vector};
use crate::basis::Kind;
use crate::dataset::Trajectory;
use crate::expr::{Expr, Scalar, Vector, VectorExpr};
use crate::loss::RolloutLoss;
use crate::scalars::Inputs;
use crate::train::{self, Learned, Settings, learn, states, unit_weights};

/// What is known of the noise in the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Nothing: its level is taken from the learned model's training error, and only data without noise can show a law to be exact.
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
    /// Basis of the learned Hamiltonian.
    pub kind: Kind,
    /// Noise of the data.
    pub noise: Noise,
    /// After this moment optional refinements are left out.
    pub deadline: Option<Instant>,
}

impl Default for RecoverSettings {
    fn default() -> Self {
        Self { kind: Kind::Spectral { degree: 6 }, noise: Noise::Auto, deadline: None }
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

/// A recovered law.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The learned Hamiltonian that it was read from.
    pub learned: Learned,
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
    /// Error against complexity; complexity rises and error falls.
    pub pareto: Vec<Candidate>,
    /// Root mean square residuals on the training chunks: learned model, closed form.
    pub train_error: (f64, f64),
    /// The same on the validation chunks.
    pub validation_error: (f64, f64),
    /// Whether the closed form explains the validation chunks down to noise or integration error: it follows them no worse than the learned
    /// Hamiltonian does, within chance; what it misses is, without noise, below 1e-8 of their spread (or ten times the error of integration,
    /// up to 1e-7), and with noise of given size no more, by a chi-squared statistic, than that noise; and it is no power series.
    pub exact: bool,
}

impl Recovery {
    /// The form to show: with simple numbers where confirmed, else as fitted.
    pub fn best(&self) -> &Expr {
        self.snapped.as_ref().unwrap_or(&self.expression)
    }
}

/// Changes of the rollouts smaller than this, relative to the data's spread, are of no account: no term is kept for them.
const NEGLIGIBLE: f64 = 1e-9;
/// The same where integration is less accurate than that.
const NEGLIGIBLE_AT_WORST: f64 = 1e-6;
/// The integration step is halved at most so often.
const HALVINGS: usize = 8;
/// So many laws are refitted at most, the chosen one first.
const REFITS: usize = 4;
/// A law with more powers of one length than this is a series that follows another law, not the law.
const POWERS: usize = 3;
/// Candidates of more terms than this are not shown.
const SHOWN: usize = 24;

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
    progress("learning the Hamiltonian");
    let learned = learn_accurately(inputs, train, settings)?;
    let judged = Misfit::new(&learned.model, &learned.fit.theta, validation, &learned.settings);

    progress("dropping the terms that the data don't demand");
    let n = train.iter().map(|c| c.times.len().saturating_sub(1)).sum::<usize>() as f64 * inputs.shape.state_len() as f64;
    let freedom = (n - learned.fit.rank as f64).max(1.0);
    let misfit = (learned.fit.loss * n / freedom).sqrt();
    let sigma = match settings.noise {
        Noise::Sigma(s) => s.max(misfit),
        Noise::Auto | Noise::None => misfit,
    };
    let negligible = (10.0 * learned.integration_error).clamp(NEGLIGIBLE, NEGLIGIBLE_AT_WORST);
    let threshold = Threshold { price: n.ln() * sigma * sigma, floor: n * negligible * negligible };
    let laws = Laws::find(&learned, train, threshold)?;

    progress("simplifying and refitting on the trajectories");
    let late = || settings.deadline.is_some_and(|d| Instant::now() > d);
    let good = negligible.max(1.5 * judged.rms());
    let (fitted, series) = refit_best(inputs, &laws, (train, validation), &learned.settings, good, &late)?;
    let error = |expr: &Expr| closed_form_error(inputs, expr, validation, &learned.settings);
    let (model, theta) = (super::refit::model(inputs, &fitted.expression)?, fitted.expression.constants());
    let closed = Misfit::new(&model, &theta, validation, &learned.settings);

    progress("reading the constants");
    let snapped = if late() { None } else { confirm_snapped(inputs, &fitted, validation, &learned.settings, negligible)? };
    let reading = read_constants(&fitted.expression, Some(&fitted.covariance))?;
    let best = snapped.as_ref().unwrap_or(&fitted.expression);
    let forces = forces(best, inputs.shape.particles)?;
    let pareto = pareto(&laws, error, (best, error(best)?));
    let circumstances = Circumstances {
        noise: settings.noise,
        spread: &states(train).std_axis(Axis(0), 0.0).to_vec(),
        integration_error: learned.integration_error,
        parameters_per_residual: theta.len() as f64 / n,
    };
    let exact = !series && circumstances.explained((&model, &theta), (&closed, &judged), validation, &learned.settings)?;
    Ok(Recovery {
        train_error: (learned.fit.loss.sqrt(), fitted.error),
        validation_error: (judged.rms(), closed.rms()),
        exact,
        expression: fitted.expression,
        covariance: fitted.covariance,
        snapped,
        reading,
        forces,
        pareto,
        learned,
    })
}

/// Learns with an integration step that is halved until its error is well below what is left of the loss. Where training with a long step
/// diverges, a shorter one is tried.
fn learn_accurately(inputs: &Inputs, train: &[Trajectory], settings: &RecoverSettings) -> Result<Learned, RecoverError> {
    let intervals = train.iter().flat_map(|c| c.times.windows(2)).map(|w| w[1] - w[0]);
    let longest = intervals.fold(0.0, f64::max);
    let weights = unit_weights(train);
    let mut last: Option<Result<Learned, train::Error>> = None;
    for halvings in 1..=HALVINGS as i32 {
        let step = longest * 0.5_f64.powi(halvings);
        let learned = learn(inputs, train, settings.kind, &Settings::new(weights.clone(), step)?, None, &mut |_| {});
        let enough = match &learned {
            Ok(l) => l.integration_error < (0.1 * l.fit.loss.sqrt()).max(0.1 * NEGLIGIBLE),
            Err(train::Error::NotFinite) => false,
            Err(_) => true,
        };
        // A step that was good enough to train with is better than one that is not.
        if learned.is_ok() || !matches!(last, Some(Ok(_))) {
            last = Some(learned);
        }
        if enough || settings.deadline.is_some_and(|d| Instant::now() > d) {
            break;
        }
    }
    Ok(last.unwrap_or(Err(train::Error::NoChunks))?)
}

/// The chosen law or, if that misses the validation chunks by more than `good`, the best of it and the next larger ones; and whether it is a
/// power series. A law that cannot be fitted is passed over.
fn refit_best(
    inputs: &Inputs,
    laws: &Laws,
    (train, validation): (&[Trajectory], &[Trajectory]),
    settings: &Settings,
    good: f64,
    late: &dyn Fn() -> bool,
) -> Result<(Refit, bool), RecoverError> {
    let mut found: Option<(Refit, f64, bool)> = None;
    let mut failure = RecoverError::NoLaw;
    for law in laws.laws.iter().skip(laws.chosen).take(REFITS) {
        let fitted = simplify_up_to_constant(&law.expression, &SimplifyOptions::default())
            .map_err(RecoverError::from)
            .and_then(|simple| refit(inputs, &simple.expression, train, settings))
            .and_then(|fitted| Ok((closed_form_error(inputs, &fitted.expression, validation, settings)?, fitted)));
        match fitted {
            Ok((error, fitted)) if found.as_ref().is_none_or(|(_, best, _)| error < *best) => {
                found = Some((fitted, error, is_series(&law.expression)));
            }
            Ok(_) => {}
            Err(error) => failure = error,
        }
        if late() || found.as_ref().is_some_and(|(_, error, _)| *error <= good) {
            break;
        }
    }
    found.map(|(fitted, _, series)| (fitted, series)).ok_or(failure)
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

/// Laws of growing complexity that each lower the error.
fn pareto(laws: &Laws, error: impl Fn(&Expr) -> Result<f64, RecoverError>, chosen: (&Expr, f64)) -> Vec<Candidate> {
    let few = laws.laws.iter().filter(|l| l.expression.constants().len() <= SHOWN);
    let mut all: Vec<Candidate> = few
        .filter_map(|law| {
            let expression = simplify_up_to_constant(&law.expression, &SimplifyOptions::default()).ok()?.expression;
            let error = error(&expression).ok().filter(|e| e.is_finite())?;
            Some(Candidate { expression, error })
        })
        .collect();
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
