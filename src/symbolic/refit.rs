//! The constants of a closed form, refitted on the trajectories.

use ndarray::{Array1, Array2, Axis, s};

use super::recover::RecoverError;
use super::{SimplifyOptions, simplify_up_to_constant, snap};
use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::linalg::{triangular_factor, triangular_inverse};
use crate::loss::{Options, RolloutLoss};
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{Settings, refine};

/// A closed form fitted to trajectories.
pub struct Refit {
    /// With the fitted constants.
    pub expression: Expr,
    /// Covariance of the constants.
    pub covariance: Array2<f64>,
    /// Root mean square weighted residual.
    pub error: f64,
}

/// A closed form as a model; its parameters are the expression's constants.
///
/// # Errors
/// An unknown vector.
pub fn model(inputs: &Inputs, expr: &Expr) -> Result<ScalarHamiltonian<ClosedForm>, RecoverError> {
    let (form, scalars) = ClosedForm::new(expr);
    Ok(ScalarHamiltonian::new(ScalarSet::new(inputs, scalars)?, form))
}

/// Fits all constants of `expr` to the chunks. Their covariance is that of Gauss-Newton, s^2 (J^T J)^-1 with the residual variance s^2, plus
/// the square of what halving the integration step changes.
///
/// # Errors
/// Training fails, or some constants have no effect of their own.
pub fn refit(inputs: &Inputs, expr: &Expr, chunks: &[Trajectory], settings: &Settings) -> Result<Refit, RecoverError> {
    let model = model(inputs, expr)?;
    let fit = |step: f64, start: Vec<f64>| {
        let loss = RolloutLoss::new(&model, chunks, &settings.weights, Options { step, ..settings.rollout.clone() });
        let fit = refine(&loss, start, settings, None, &mut |_| {})?;
        Ok::<_, RecoverError>((loss, fit))
    };
    let step = settings.rollout.step;
    let (_, coarse) = fit(step, expr.constants())?;
    let (loss, fine) = fit(0.5 * step, coarse.theta.clone())?;
    let n = fine.theta.len();
    let factor = triangular_factor(&loss.jacobian(&fine.theta))?;
    let inverse = triangular_inverse(&factor.slice(s![..n, ..n]))?;
    let freedom = loss.residuals().saturating_sub(n).max(1) as f64;
    let variance = fine.loss * loss.residuals() as f64 / freedom;
    let shift = Array1::from_iter(fine.theta.iter().zip(&coarse.theta).map(|(a, b)| a - b)).insert_axis(Axis(1));
    let covariance = inverse.dot(&inverse.t()) * variance + shift.dot(&shift.t());
    Ok(Refit { expression: expr.with_constants(&fine.theta), covariance, error: fine.loss.sqrt() })
}

/// The expression with each constant that agrees with a simple number replaced by it, if its error on the validation chunks stays below
/// `limit`.
///
/// # Errors
/// As for [`refit`].
pub fn confirm_snapped(
    inputs: &Inputs,
    fitted: &Refit,
    validation: &[Trajectory],
    settings: &Settings,
    limit: f64,
) -> Result<Option<Expr>, RecoverError> {
    let constants = fitted.expression.constants();
    let window = |i: usize, c: f64| (3.0 * fitted.covariance[[i, i]].sqrt()).min(1e-3 * c.abs()).max(1e-8 * c.abs());
    let rounded: Vec<f64> = constants.iter().enumerate().map(|(i, &c)| snap(c, window(i, c)).unwrap_or(c)).collect();
    if rounded == constants || rounded.contains(&0.0) {
        return Ok(None);
    }
    let expr = fitted.expression.with_constants(&rounded);
    let model = model(inputs, &expr)?;
    let error = RolloutLoss::new(&model, validation, &settings.weights, settings.rollout.clone()).value(&expr.constants()).sqrt();
    let simple = simplify_up_to_constant(&expr, &SimplifyOptions::default())?;
    Ok((error <= limit).then_some(simple.expression))
}
