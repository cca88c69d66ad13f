//! Constants rounded to simple numbers, where the trajectories agree.

use ndarray::{Array1, Array2};

use crate::dataset::Trajectory;
use crate::expr::{Expr, snap};
use crate::linalg::solve_spd;
use crate::model::ScalarHamiltonian;
use crate::recover::covariance::{correlation, standard_errors};
use crate::recover::error::RecoverError;
use crate::recover::form::Refit;
use crate::recover::statistics::Misfit;
use crate::rewrite::{SimplifyOptions, simplify_up_to_constant};
use crate::scalars::Inputs;
use crate::train::Settings;

/// Constants agree with simple numbers when all of them together are within this many standard
/// deviations of the chi-squared statistic.
const SIGMAS: f64 = 3.0;

/// Relative error of constants by what made the data: integrators of good tables are accurate to about
/// this, and constants follow them closely.
const MADE: f64 = 1e-11;

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
        let (value, size) = (constants[i], constants[i].abs());
        let within = |window: f64| {
            let reciprocal =
                || snap(1.0 / value, window / (value * value)).map(|divisor| 1.0 / divisor);
            snap(value, window).or_else(reciprocal).filter(|s| *s != 0.0)
        };
        // A wide window may hold some fraction by accident.
        within((SIGMAS * error(i)).min(1e-3 * size)).or_else(|| within(MADE * size))
    };
    let mut chosen: Vec<(usize, f64)> =
        (0..constants.len()).filter_map(|i| Some((i, simple(i)?))).collect();
    let misfit = |expr: &Expr| -> Result<Misfit, RecoverError> {
        Ok(Misfit::new(
            &ScalarHamiltonian::closed_form(inputs, expr)?,
            &expr.constants(),
            validation,
            settings,
        ))
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
            (s - constants[*i]).abs() / error(*i).max(MADE * constants[*i].abs())
        };
        let worst = (0..chosen.len())
            .max_by(|&a, &b| far(&chosen[a]).total_cmp(&far(&chosen[b])))
            .unwrap_or(0);
        chosen.remove(worst);
    }
    Ok(None)
}

/// The constants that fit best when some are held at given values, to second order of the loss:
/// `c_B + C_BA C_AA^-1 (a - c_A)` with the covariance C. `None` when the values are, together, out
/// of their reach.
pub(crate) fn conditional(
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
    // What the data's own making leaves is no disagreement.
    let made = |i: usize| MADE * constants[i].abs() / unit[i];
    let beyond =
        |(&(i, _), step): (&(usize, f64), &f64)| step.signum() * (step.abs() - made(i)).max(0.0);
    let beyond: Array1<f64> = held.iter().zip(&step).map(beyond).collect();
    if beyond.dot(&solve_spd(&block, &beyond).ok()?)
        > n + SIGMAS * (2.0 * n).sqrt() + SIGMAS * SIGMAS
    {
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

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::conditional;

    #[test]
    fn what_made_the_data_is_no_disagreement() {
        let covariance = arr2(&[[1e-30, 0.0], [0.0, 1e-30]]);
        for (off, reached) in [(5e-12, true), (1e-9, false)] {
            let held = conditional(&[4.0 + off, 1.0], &covariance, &[(0, 4.0)]);
            assert_eq!(held, reached.then(|| vec![4.0, 1.0]), "{off}");
        }
    }
}
