//! The constants of a closed form, refitted on the trajectories.

use ndarray::{Array1, Array2, Axis, s};

use super::judge::Misfit;
use super::recover::RecoverError;
use super::{SimplifyOptions, simplify_up_to_constant, snap};
use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::linalg::{solve_spd, triangular_factor, triangular_inverse};
use crate::loss::{Options, RolloutLoss};
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{NoisyFit, NoisyStart, Prior, Settings, fit_noisy, refine};

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

/// With constants as they were fitted, all of which stay constants: an exponent that happens to be
/// a multiple of one half is moved by a rounding.
pub(super) fn with_fitted(expr: &Expr, theta: &[f64]) -> Expr {
    let fitted = expr.with_constants(theta);
    if fitted.constants().len() == theta.len() {
        fitted
    } else {
        expr.with_constants(&theta.iter().map(|c| c.next_up()).collect::<Vec<_>>())
    }
}

/// With fewer trajectories than this, the chunks are taken for independent, else the trajectories.
const TRAJECTORIES: usize = 40;

/// Rollouts determine no constant better than this, relatively: a few dozen roundings.
const ROUNDOFF: f64 = 1e-14;

/// Fits all constants of `expr` to the chunks.
///
/// Their covariance is (J'J)^-1 (sum_c g_c g_c') (J'J)^-1 with the score g_c = J_c' r_c of cluster
/// c (Liang & Zeger 1986): the noise of a chunk's first state is in all its residuals, which
/// therefore hang together. Clusters are trajectories, or where those are few chunks, those that
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
    let model = model(inputs, expr)?;
    let fit = |step: f64, start: Vec<f64>| {
        let loss = RolloutLoss::new(
            &model,
            chunks,
            &settings.weights,
            Options { step, ..settings.rollout.clone() },
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
    let model = model(inputs, expr)?;
    let prior = Prior { noise: given, precision: None };
    let fit = fit_noisy(&model, chunks, start, settings, &prior, &mut |_| {})?;
    let scatter = fit.efficiency(settings.rank_tolerance)?.min(1.0);
    let covariance = fit.covariance(settings.rank_tolerance)? * (redundancy(chunks) / scatter);
    let error = RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone())
        .value(&fit.theta)
        .sqrt();
    Ok((Refit { expression: with_fitted(expr, &fit.theta), covariance, error }, fit))
}

/// Sums of the rows of `scores`, one for each chunk, over the chunks of each trajectory, or where
/// those are few over chunks that overlap.
fn clustered(scores: &Array2<f64>, chunks: &[Trajectory]) -> Array2<f64> {
    let mut ids: Vec<i64> = chunks.iter().map(|c| c.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut clusters: Vec<usize> = Vec::new();
    for (k, chunk) in chunks.iter().enumerate() {
        let overlaps = |before: &Trajectory| {
            before.id == chunk.id && before.times.last() > chunk.times.first()
        };
        clusters.push(match clusters.last() {
            _ if ids.len() >= TRAJECTORIES => ids.binary_search(&chunk.id).unwrap_or(0),
            Some(last) => last + usize::from(!overlaps(&chunks[k - 1])),
            None => 0,
        });
    }
    let mut sums =
        Array2::zeros((clusters.iter().max().map_or(0, |last| last + 1), scores.ncols()));
    for (row, cluster) in scores.rows().into_iter().zip(clusters) {
        let mut sum = sums.row_mut(cluster);
        sum += &row;
    }
    sums
}

/// How often a state of overlapping chunks is there on average: so much smaller than it is does
/// their scatter seem.
pub(super) fn redundancy(chunks: &[Trajectory]) -> f64 {
    let mut ends: Vec<(i64, u64)> =
        chunks.iter().flat_map(|c| c.times.iter().skip(1).map(|t| (c.id, t.to_bits()))).collect();
    let all = ends.len();
    ends.sort_unstable();
    ends.dedup();
    all.max(1) as f64 / ends.len().max(1) as f64
}

/// Constants agree with simple numbers when all of them together are within this many standard
/// deviations of the chi-squared statistic.
const SIGMAS: f64 = 3.0;

/// The expression with constants that agree with simple numbers or their reciprocals, within three
/// standard errors, replaced by these, and the others fitted again under that condition. Numbers
/// that the rest contradicts, or that make the error on the validation chunks larger than chance
/// does, are given up one by one. `floor` is an error of no account.
///
/// # Errors
/// As for [`refit`].
pub fn confirm_snapped(
    inputs: &Inputs,
    fitted: &Refit,
    validation: &[Trajectory],
    settings: &Settings,
    floor: f64,
) -> Result<Option<Expr>, RecoverError> {
    let constants = fitted.expression.constants();
    let error = |i: usize| fitted.covariance[[i, i]].sqrt();
    let simple = |i: usize| {
        let (value, window) = (constants[i], (SIGMAS * error(i)).min(1e-3 * constants[i].abs()));
        let reciprocal =
            || snap(1.0 / value, window / (value * value)).map(|divisor| 1.0 / divisor);
        snap(value, window).or_else(reciprocal).filter(|s| *s != 0.0)
    };
    let mut chosen: Vec<(usize, f64)> =
        (0..constants.len()).filter_map(|i| Some((i, simple(i)?))).collect();
    let misfit = |expr: &Expr| -> Result<Misfit, RecoverError> {
        Ok(Misfit::new(&model(inputs, expr)?, &expr.constants(), validation, settings))
    };
    let free = misfit(&fitted.expression)?;
    while !chosen.is_empty() {
        if let Some(others) = conditional(&constants, &fitted.covariance, &chosen) {
            let expr = fitted.expression.with_constants(&others);
            if !misfit(&expr)?.is_worse_than(&free, floor) {
                return Ok(Some(
                    simplify_up_to_constant(&expr, &SimplifyOptions::default())?.expression,
                ));
            }
        }
        let far = |(i, s): &(usize, f64)| {
            (s - constants[*i]).abs() / error(*i).max(f64::EPSILON * constants[*i].abs())
        };
        let worst = (0..chosen.len())
            .max_by(|&a, &b| far(&chosen[a]).total_cmp(&far(&chosen[b])))
            .unwrap_or(0);
        chosen.remove(worst);
    }
    Ok(None)
}

/// Standard errors of constants, never below rounding.
fn standard_errors(constants: &[f64], covariance: &Array2<f64>) -> Vec<f64> {
    let rounding = |i: usize| (4.0 * f64::EPSILON * constants[i].abs()).max(f64::MIN_POSITIVE);
    (0..constants.len()).map(|i| covariance[[i, i]].sqrt().max(rounding(i))).collect()
}

/// A correlation of two errors, such that matrices of these can be inverted.
fn correlation(covariance: &Array2<f64>, errors: &[f64], i: usize, j: usize) -> f64 {
    covariance[[i, j]] / (errors[i] * errors[j]) + if i == j { 1e-9 } else { 0.0 }
}

/// The squared length of a shift of constants in units of their covariance C: d^T C^-1 d. None
/// where that can't be inverted.
pub(super) fn in_standard_errors(
    shift: &[f64],
    constants: &[f64],
    covariance: &Array2<f64>,
) -> Option<f64> {
    let (n, errors) = (shift.len(), standard_errors(constants, covariance));
    let matrix = Array2::from_shape_fn((n, n), |(i, j)| correlation(covariance, &errors, i, j));
    let scaled: Array1<f64> = shift.iter().zip(&errors).map(|(d, error)| d / error).collect();
    Some(scaled.dot(&solve_spd(&matrix, &scaled).ok()?))
}

/// The constants that fit best when some are held at given values, to second order of the loss: c_B
/// + C_BA C_AA^-1 (a - c_A) with the covariance C. `None` when the values are, together, out of
/// their reach.
fn conditional(
    constants: &[f64],
    covariance: &Array2<f64>,
    held: &[(usize, f64)],
) -> Option<Vec<f64>> {
    let unit = standard_errors(constants, covariance);
    let correlation = |i: usize, j: usize| correlation(covariance, &unit, i, j);
    let block =
        Array2::from_shape_fn((held.len(), held.len()), |(a, b)| correlation(held[a].0, held[b].0));
    let step: Array1<f64> =
        held.iter().map(|&(i, value)| (value - constants[i]) / unit[i]).collect();
    let pull = solve_spd(&block, &step).ok()?;
    let n = held.len() as f64;
    if step.dot(&pull) > n + SIGMAS * (2.0 * n).sqrt() + SIGMAS * SIGMAS {
        return None;
    }
    let others = |i: usize| {
        constants[i]
            + unit[i]
                * held.iter().zip(&pull).map(|((j, _), p)| correlation(i, *j) * p).sum::<f64>()
    };
    let value = |i: usize| {
        held.iter().find(|(j, _)| *j == i).map_or_else(|| others(i), |(_, value)| *value)
    };
    Some((0..constants.len()).map(value).collect())
}
