//! Simple numbers in the place of near ones: constants, exponents, phases.

use std::f64::consts::TAU;

use crate::expr::{Expr, Function, is_free};

/// With the constants that are added to the arguments of sines and cosines between -pi and pi.
pub(crate) fn principal_phases(expr: &Expr) -> Expr {
    match expr {
        Expr::Apply(Function::Sin | Function::Cos, x) if matches!(**x, Expr::Sum(_)) => {
            let principal = |term: &Expr| match term {
                Expr::Constant(c) => Expr::Constant(c - TAU * (c / TAU).round()),
                other => principal_phases(other),
            };
            expr.map_children(|sum| sum.map_children(principal))
        }
        _ => expr.map_children(principal_phases),
    }
}

/// Denominators of simple fractions.
const DENOMINATORS: [f64; 12] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 25.0, 50.0, 100.0];

/// A window wider than this part of the distance between neighbouring fractions makes agreement an
/// accident.
const ACCIDENT: f64 = 0.02;

/// The whole number or fraction of small denominator within `window` of a value, the smallest
/// denominator first. `None` where the window is so wide that some fraction would nearly always be
/// inside.
pub fn snap(value: f64, window: f64) -> Option<f64> {
    // Rounding in the last places is no disagreement.
    let window = window.max(8.0 * f64::EPSILON * value.abs());
    let fraction = |d: &f64| ((value * d).round() / d, window * d <= ACCIDENT);
    DENOMINATORS
        .iter()
        .map(fraction)
        .find(|(n, informative)| *informative && (n - value).abs() <= window)
        .map(|(n, _)| n)
}

/// Exponents within some part of a step of its multiples become such.
pub(crate) fn round_exponents(expr: &Expr, step: f64, part: f64) -> Expr {
    match expr {
        Expr::Pow(base, n) => {
            let near = (n / step).round() * step;
            let n = if is_free(*n) && (near - n).abs() < part * step { near } else { *n };
            Expr::pow(round_exponents(base, step, part), n)
        }
        _ => expr.map_children(|child| round_exponents(child, step, part)),
    }
}

#[cfg(test)]
mod tests {
    use super::principal_phases;
    use crate::expr::Expr;

    #[test]
    fn phases_lie_within_pi_and_change_no_value() {
        let law: Expr =
            "2*cos(3*norm(q1) + 69.1) - sin(norm(q1)**2 - 4)*cos(norm(q1))".parse().unwrap();
        let principal = principal_phases(&law);
        for x in [0.3, 1.7, 2.9] {
            let [a, b] = [&law, &principal].map(|e| e.evaluate_with(&[x], &e.constants()));
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
        assert!(
            principal.to_string().contains("0.01503") && principal.to_string().contains("2.283"),
            "{principal}"
        );
    }
}
