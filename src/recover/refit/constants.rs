//! The constants of a closed form, refitted on the trajectories.

use ndarray::{Array1, Array2, Axis, s};

use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::linalg::{triangular_factor, triangular_inverse};
use crate::loss::{RolloutLoss, RolloutOptions};
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::covariance::{clustered, redundancy};
use crate::recover::error::RecoverError;
use crate::recover::form::{Refit, with_fitted};
use crate::scalars::Inputs;
use crate::train::{NoisyFit, NoisyStart, Prior, Settings, fit_noisy, refine};

/// Rollouts determine no constant better than this, relatively: a few dozen roundings.
pub(crate) const ROUNDOFF: f64 = 1e-14;

/// Fits all constants of `expr` to the chunks.
///
/// Their covariance is (J'J)^-1 (sum_c g_c g_c') (J'J)^-1 with the score g_c = J_c' r_c of cluster
/// c (Liang & Zeger 1986): the noise of a chunk's first state is in all its residuals, which
/// are therefore correlated. Clusters are trajectories, or where those are few chunks, those that
/// overlap together. With fewer than two clusters a constant it is that of independent residuals,
/// s^2 (J'J)^-1, and with no more residuals than constants the errors are as large as these. The
/// square of what halving the integration step changes is added, and that of roundoff. It says how
/// the constants scatter from one set of data to another, not by how much noise in the first states
/// biases them.
///
/// # Errors
/// Training fails, or some constants have no effect of their own.
pub fn refit(
    inputs: &Inputs,
    expr: &Expr,
    chunks: &[Trajectory],
    settings: &Settings,
) -> Result<Refit, RecoverError> {
    let model = ScalarHamiltonian::closed_form(inputs, expr)?;
    if model.parameters() == 0 {
        let loss = RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone());
        let (covariance, error) = (Array2::zeros((0, 0)), loss.value(&[]).sqrt());
        return Ok(Refit { expression: expr.clone(), covariance, error });
    }
    let fit = |step: f64, start: Vec<f64>| {
        let loss = RolloutLoss::new(
            &model,
            chunks,
            &settings.weights,
            RolloutOptions { step, ..settings.rollout.clone() },
        );
        let fit = refine(&loss, start, settings, None, &mut |_| {})?;
        Ok::<_, RecoverError>((loss, fit))
    };
    let step = settings.rollout.step;
    let (_, coarse) = fit(step, expr.constants())?;
    let (loss, fine) = fit(0.5 * step, coarse.theta.clone())?;
    let n = fine.theta.len();
    let factor = triangular_factor(&loss.jacobian(&fine.theta))?;
    let inverse = triangular_inverse(&factor.slice(s![..n, ..n]))?;
    let bread = inverse.dot(&inverse.t());
    let scores = clustered(&loss.scores(&fine.theta), chunks);
    let clusters = scores.nrows();
    let scatter = if loss.residuals() <= n {
        // Nothing is left over that could tell: the constants themselves stand for their errors.
        Array2::from_diag(&Array1::from_iter(fine.theta.iter().map(|c| c * c)))
    } else if clusters >= 2 * n {
        let pulls = scores.dot(&bread);
        pulls.t().dot(&pulls) * (clusters as f64 / (clusters - 1) as f64)
    } else {
        let freedom = loss.residuals().saturating_sub(n).max(1) as f64;
        bread * (fine.loss * loss.residuals() as f64 / freedom * redundancy(chunks))
    };
    let shift = Array1::from_iter(fine.theta.iter().zip(&coarse.theta).map(|(a, b)| a - b))
        .insert_axis(Axis(1));
    let roundoff =
        Array2::from_diag(&Array1::from_iter(fine.theta.iter().map(|c| (ROUNDOFF * c).powi(2))));
    let covariance = scatter + shift.dot(&shift.t()) + roundoff;
    Ok(Refit { expression: with_fitted(expr, &fine.theta), covariance, error: fine.loss.sqrt() })
}

/// Fits all constants of `expr` to noisy chunks by maximum likelihood, from `start`, initial states
/// and noise (unless `given`) along with them; the covariance is that of the Cramer-Rao bound at
/// the estimate, larger by as much as the scatter of the chunks says that the fit falls short of
/// it.
///
/// # Errors
/// Training fails.
pub fn refit_noisy(
    inputs: &Inputs,
    expr: &Expr,
    chunks: &[Trajectory],
    settings: &Settings,
    start: NoisyStart,
    given: Option<Vec<f64>>,
) -> Result<(Refit, NoisyFit), RecoverError> {
    let model = ScalarHamiltonian::closed_form(inputs, expr)?;
    let prior = Prior { noise: given, precision: None };
    let fit = fit_noisy(&model, chunks, start, settings, &prior, &mut |_| {})?;
    let scatter = fit.efficiency(settings.rank_tolerance)?.min(1.0);
    let covariance = fit.covariance(settings.rank_tolerance)? * (redundancy(chunks) / scatter);
    let error = RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone())
        .value(&fit.theta)
        .sqrt();
    Ok((Refit { expression: with_fitted(expr, &fit.theta), covariance, error }, fit))
}
