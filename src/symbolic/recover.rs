//! The law behind trajectories: learn, sparsify, simplify, refit, read.

use std::time::Instant;

use ndarray::{Array1, Array2};

use super::law::{Laws, Threshold};
use super::refit::{Refit, confirm_snapped, refit};
use super::{Reading, SimplifyOptions, SymbolicError, read_constants, simplify_up_to_constant, simplify_vector};
use crate::basis::Kind;
use crate::dataset::Trajectory;
use crate::expr::{Expr, Scalar, Vector, VectorExpr};
use crate::loss::RolloutLoss;
use crate::scalars::Inputs;
use crate::train::{self, Learned, Settings, learn, unit_weights};

/// What is known of the noise in the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Nothing: its level is taken from the learned model's validation error.
    Auto,
    /// There is none.
    None,
    /// Its standard deviation, in units of each component's own standard deviation.
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
    /// Covariance of the fitted constants: noise and integration error.
    pub covariance: Array2<f64>,
    /// Masses, springs, fields.
    pub reading: Reading,
    /// Force on each particle, by name of its position.
    pub forces: Vec<(String, VectorExpr)>,
    /// Error against complexity; complexity rises and error falls.
    pub pareto: Vec<Candidate>,
    /// Root mean square residuals on the training chunks: learned model, closed form.
    pub train_error: (f64, f64),
    /// The same on the validation chunks.
    pub validation_error: (f64, f64),
    /// Whether the closed form explains the data down to noise or integration error.
    pub exact: bool,
}

impl Recovery {
    /// The form to show: with simple numbers where confirmed, else as fitted.
    pub fn best(&self) -> &Expr {
        self.snapped.as_ref().unwrap_or(&self.expression)
    }
}

/// Changes of the rollouts smaller than this, relative to the data's spread, are of no account: no term is kept for them.
const NEGLIGIBLE: f64 = 1e-6;
/// Largest error, relative to the data's spread, of a closed form that counts as exact for data without noise.
const EXACT: f64 = 1e-8;
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
    let error = |expr: &Expr, chunks: &[Trajectory]| closed_form_error(inputs, expr, chunks, &learned.settings);
    let learned_error = |chunks: &[Trajectory]| {
        let s = &learned.settings;
        RolloutLoss::new(&learned.model, chunks, &s.weights, s.rollout.clone()).value(&learned.fit.theta).sqrt()
    };
    let (learned_train, learned_validation) = (learned.fit.loss.sqrt(), learned_error(validation));

    progress("dropping the terms that the data don't demand");
    let loss = RolloutLoss::new(&learned.model, train, &learned.settings.weights, learned.settings.rollout.clone());
    let n = loss.residuals() as f64;
    let freedom = (n - learned.fit.rank as f64).max(1.0);
    let misfit = (learned.fit.loss * n / freedom).sqrt();
    let sigma = match settings.noise {
        Noise::Sigma(s) => s.max(misfit),
        Noise::Auto | Noise::None => misfit,
    };
    let negligible = NEGLIGIBLE.max(10.0 * learned.integration_error);
    let threshold = Threshold { price: n.ln() * sigma * sigma, floor: n * negligible * negligible };
    let laws = Laws::find(&learned, &loss, threshold)?;

    progress("simplifying and refitting on the trajectories");
    let late = || settings.deadline.is_some_and(|d| Instant::now() > d);
    let good = |e: f64| e <= negligible.max(1.5 * learned_validation);
    let mut found: Option<(Refit, f64, bool)> = None;
    for law in laws.laws.iter().skip(laws.chosen).take(if late() { 1 } else { 4 }) {
        let simple = simplify_up_to_constant(&law.expression, &SimplifyOptions::default())?;
        let fitted = refit(inputs, &simple.expression, train, &learned.settings)?;
        let e = error(&fitted.expression, validation)?;
        if found.as_ref().is_none_or(|(_, best, _)| e < *best) {
            found = Some((fitted, e, is_series(&law.expression)));
        }
        if good(e) {
            break;
        }
    }
    let (fitted, validation_error, series) = found.ok_or(RecoverError::NoLaw)?;

    progress("reading the constants");
    let snapped = if late() {
        None
    } else {
        confirm_snapped(inputs, &fitted, validation, &learned.settings, negligible.max(1.1 * validation_error))?
    };
    let reading = read(&fitted)?;
    let best = snapped.as_ref().unwrap_or(&fitted.expression);
    let forces = forces(best, inputs.shape.particles)?;
    let pareto = pareto(&laws, |e| error(e, validation), (best, validation_error));
    Ok(Recovery {
        train_error: (learned_train, fitted.error),
        validation_error: (learned_validation, validation_error),
        exact: !series && explains(settings.noise, validation_error, learned.integration_error),
        expression: fitted.expression,
        covariance: fitted.covariance,
        snapped,
        reading,
        forces,
        pareto,
        learned,
    })
}

/// Learns with an integration step that is halved until its error is well below what is left of the loss.
fn learn_accurately(inputs: &Inputs, train: &[Trajectory], settings: &RecoverSettings) -> Result<Learned, RecoverError> {
    let intervals = train.iter().flat_map(|c| c.times.windows(2)).map(|w| w[1] - w[0]);
    let mut step = 0.5 * intervals.fold(0.0, f64::max);
    let weights = unit_weights(train);
    loop {
        let learned = learn(inputs, train, settings.kind, &Settings::new(weights.clone(), step)?, None, &mut |_| {})?;
        let enough = learned.integration_error < (0.1 * learned.fit.loss.sqrt()).max(1e-3 * NEGLIGIBLE);
        if enough || step < 0.5_f64.powi(6) || settings.deadline.is_some_and(|d| Instant::now() > d) {
            return Ok(learned);
        }
        step *= 0.5;
    }
}

fn closed_form_error(inputs: &Inputs, expr: &Expr, chunks: &[Trajectory], settings: &Settings) -> Result<f64, RecoverError> {
    let model = super::refit::model(inputs, expr)?;
    Ok(RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone()).value(&expr.constants()).sqrt())
}

/// Constants with standard errors from noise and integration; simple numbers are recognised within the data's own accuracy too.
fn read(fitted: &Refit) -> Result<Reading, SymbolicError> {
    let mut reading = read_constants(&fitted.expression, Some(&fitted.covariance))?;
    let wider = read_constants(&fitted.expression, Some(&fitted.covariance_with_data_error()))?;
    for (constant, wider) in reading.constants.iter_mut().zip(wider.constants) {
        constant.snapped = constant.snapped.or(wider.snapped);
    }
    Ok(reading)
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

/// With noise of unknown size a misfit can't be told from noise: then nothing is claimed.
fn explains(noise: Noise, error: f64, integration_error: f64) -> bool {
    let limit = match noise {
        Noise::Sigma(sigma) => 3.0 * sigma,
        Noise::Auto | Noise::None => 0.0,
    };
    error <= limit.max(EXACT).max(10.0 * integration_error)
}

impl Refit {
    /// The covariance, plus a relative error of 1e-8 of each constant: no data are more accurate than that without being asked.
    fn covariance_with_data_error(&self) -> Array2<f64> {
        let constants = Array1::from(self.expression.constants());
        &self.covariance + &Array2::from_diag(&constants.mapv(|c| (1e-8 * c).powi(2)))
    }
}
