//! Nonlinear least squares.

use ndarray::{Array1, Array2};

use super::dense::solve_spd;

/// Steps of Levenberg-Marquardt on one set of paths.
const STEPS: usize = 30;

/// Derivatives of residuals by each parameter, by central differences.
pub(crate) fn jacobian(
    residual: &dyn Fn(&[f64]) -> Array1<f64>,
    theta: &[f64],
) -> Vec<Array1<f64>> {
    (0..theta.len()).map(|k| derivative(residual, theta, k)).collect()
}

/// The derivative of residuals by one parameter, by central differences.
fn derivative(residual: &dyn Fn(&[f64]) -> Array1<f64>, theta: &[f64], k: usize) -> Array1<f64> {
    let step = 1e-5 * theta[k].abs().max(1e-3);
    let (mut up, mut down) = (theta.to_vec(), theta.to_vec());
    up[k] += step;
    down[k] -= step;
    (residual(&up) - residual(&down)) / (2.0 * step)
}

/// Parameters that minimise a sum of squares, and the residuals there, by the method of Levenberg
/// and Marquardt with central differences. Ends with a step that lowers the sum by less than the
/// part `least`, or where it is `late`.
pub(crate) fn least_squares(
    start: Vec<f64>,
    residual: &dyn Fn(&[f64]) -> Array1<f64>,
    least: f64,
    late: &dyn Fn() -> bool,
) -> (Vec<f64>, Array1<f64>) {
    let n = start.len();
    let mut theta = start;
    let mut r = residual(&theta);
    let mut damping = 1e-6;
    if n == 0 || !r.dot(&r).is_finite() {
        return (theta, r);
    }
    for _ in 0..STEPS {
        // A law of many constants takes long for a single step.
        let one = |k: usize| (!late()).then(|| derivative(residual, &theta, k));
        let Some(columns) = (0..n).map(one).collect::<Option<Vec<_>>>() else { break };
        // A constant without effect stays.
        let size = |c: &Array1<f64>| c.dot(c).sqrt();
        let scale: Vec<f64> =
            columns.iter().map(|c| if size(c) > 0.0 { size(c) } else { 1.0 }).collect();
        let gram = Array2::from_shape_fn((n, n), |(i, j)| {
            columns[i].dot(&columns[j]) / (scale[i] * scale[j])
        });
        let gradient = Array1::from_shape_fn(n, |i| -columns[i].dot(&r) / scale[i]);
        let before = r.dot(&r);
        let mut improved = false;
        for _ in 0..8 {
            if late() {
                break;
            }
            let damped = &gram + &(Array2::<f64>::eye(n) * damping);
            let Ok(step) = solve_spd(&damped, &gradient) else {
                damping = (damping * 100.0).max(1e-12);
                continue;
            };
            let next: Vec<f64> =
                theta.iter().zip(&step).zip(&scale).map(|((t, s), scale)| t + s / scale).collect();
            let after = residual(&next);
            let squares = after.dot(&after);
            if squares.is_finite() && squares < before {
                improved = squares < before * (1.0 - least);
                (theta, r) = (next, after);
                damping = (damping * 0.03).max(1e-15);
                break;
            }
            damping = (damping * 30.0).max(1e-12);
        }
        if !improved {
            break;
        }
    }
    (theta, r)
}
