//! Constants of one kind that agree: the same stiffness in two springs, the same mass of two particles.

use ndarray::{Array1, Array2};

use super::{PhysicalConstant, Reading, SimplifyOptions, SymbolicError, simplify_up_to_constant};
use crate::expr::Expr;
use crate::linalg::solve_spd;

/// Constants of one kind that agree within their errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// Their names, such as `k1` and `k2`.
    pub names: Vec<String>,
    /// Their common value.
    pub value: f64,
    /// Its standard error, with all such groups held equal.
    pub standard_error: f64,
}

/// Constants agree within so many standard errors of their difference..
const SIGMAS: f64 = 3.0;
/// ..which must be below this part of their size, or agreement says nothing; rounding is no difference.
const KNOWN: f64 = 0.01;
const ROUNDING: f64 = 1e-13;

/// Finds constants of one kind that agree, and the expression with these held equal, the other constants fitted again to second order of the loss.
///
/// # Errors
/// Rewriting fails.
pub(super) fn shared_constants(
    expr: &Expr,
    covariance: &Array2<f64>,
    reading: &Reading,
) -> Result<Option<(Vec<Shared>, Expr)>, SymbolicError> {
    let groups = groups(&reading.constants, covariance);
    let mut differences: Vec<(f64, Array1<f64>)> = Vec::new();
    for group in &groups {
        let [first, others @ ..] = &group[..] else { continue };
        differences.extend(others.iter().map(|other| difference(first, other)));
    }
    if differences.is_empty() {
        return Ok(None);
    }
    // c' = c - C G (G^T C G)^-1 d with the differences d = G^T c, each in units of its error.
    let pulls: Vec<Array1<f64>> = differences.iter().map(|(_, g)| covariance.dot(g)).collect();
    let unit = |k: usize| differences[k].1.dot(&pulls[k]).max(0.0).sqrt().max(f64::MIN_POSITIVE);
    let n = differences.len();
    let inner = |i: usize, j: usize| differences[i].1.dot(&pulls[j]) / (unit(i) * unit(j)) + if i == j { 1e-9 } else { 0.0 };
    let normal = Array2::from_shape_fn((n, n), |(i, j)| inner(i, j));
    let d: Array1<f64> = (0..n).map(|k| differences[k].0 / unit(k)).collect();
    let Ok(push) = solve_spd(&normal, &d) else { return Ok(None) };
    let change = |vector: &Array1<f64>| -> f64 { (0..n).map(|k| vector.dot(&pulls[k]) * push[k] / unit(k)).sum() };
    let constants = expr.constants();
    let axis = |i: usize| Array1::from_shape_fn(constants.len(), |k| if k == i { 1.0 } else { 0.0 });
    let tied: Vec<f64> = (0..constants.len()).map(|i| constants[i] - change(&axis(i))).collect();
    let shared = groups.iter().map(|group| {
        let gradient = Array1::from(group[0].gradient.clone());
        let own: Array1<f64> = (0..n).map(|k| gradient.dot(&pulls[k]) / unit(k)).collect();
        let gained = solve_spd(&normal, &own).map_or(0.0, |x| own.dot(&x));
        let variance = gradient.dot(&covariance.dot(&gradient)) - gained;
        Shared {
            names: group.iter().map(|c| c.name.clone()).collect(),
            value: group[0].value - change(&gradient),
            standard_error: variance.max(0.0).sqrt(),
        }
    });
    let tied = expr.with_constants(&rounded_alike(&tied));
    let simple = simplify_up_to_constant(&tied, &SimplifyOptions::default())?.expression;
    Ok(Some((shared.collect(), simple)))
}

/// Numbers that differ by rounding only become one, so that what they multiply can be put together.
fn rounded_alike(constants: &[f64]) -> Vec<f64> {
    let mut seen: Vec<f64> = Vec::new();
    let alike = |c: &f64| {
        let known = seen.iter().copied().find(|s| (s.abs() - c.abs()).abs() <= 1e-9 * c.abs());
        let value = known.map_or(*c, |s| s.abs() * c.signum());
        seen.push(value);
        value
    };
    constants.iter().map(alike).collect()
}

/// Groups of two and more constants of one kind that agree with the first of them.
fn groups<'a>(constants: &'a [PhysicalConstant], covariance: &Array2<f64>) -> Vec<Vec<&'a PhysicalConstant>> {
    let kind = |c: &PhysicalConstant| c.name.trim_end_matches(|x: char| x.is_ascii_digit()).to_owned();
    let agree = |a: &PhysicalConstant, b: &PhysicalConstant| {
        let (d, gradient) = difference(a, b);
        let error = gradient.dot(&covariance.dot(&gradient)).max(0.0).sqrt();
        error.is_finite() && error <= KNOWN * a.value.abs() && d.abs() <= SIGMAS * error + ROUNDING * a.value.abs()
    };
    let mut groups: Vec<Vec<&PhysicalConstant>> = Vec::new();
    for constant in constants {
        match groups.iter_mut().find(|g| kind(g[0]) == kind(constant) && agree(g[0], constant)) {
            Some(group) => group.push(constant),
            None => groups.push(vec![constant]),
        }
    }
    groups.retain(|g| g.len() > 1);
    groups
}

fn difference(a: &PhysicalConstant, b: &PhysicalConstant) -> (f64, Array1<f64>) {
    (a.value - b.value, Array1::from(a.gradient.clone()) - Array1::from(b.gradient.clone()))
}
