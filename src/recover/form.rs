//! Closed forms with numbers that say how well they fit.

use ndarray::Array2;

use crate::expr::Expr;

/// A closed form with fitted constants.
#[derive(Clone, Debug)]
pub struct Adjusted {
    /// The form.
    pub expression: Expr,
    /// Root mean square residual on the training chunks.
    pub misfit: f64,
    /// Median over the held-out chunks of their root mean square residuals.
    pub validation: f64,
}

/// A closed form of one part, its constants fitted along the paths with all other parts as learned.
#[derive(Clone, Debug)]
pub struct PartForm {
    /// The form over the part's scalars.
    pub expression: Expr,
    /// Root mean square residual of the whole on the training chunks.
    pub misfit: f64,
    /// Complexity of the expression.
    pub complexity: usize,
}

/// A closed form on the way from few terms to many.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Hamiltonian.
    pub expression: Expr,
    /// Root mean square rollout residual on the validation chunks, in units of the components'
    /// standard deviations.
    pub error: f64,
}

/// A closed form fitted to trajectories.
pub struct Refit {
    /// With the fitted constants.
    pub expression: Expr,
    /// Covariance of the constants.
    pub covariance: Array2<f64>,
    /// Root mean square weighted residual.
    pub error: f64,
}

/// With constants as they were fitted, all of which stay constants: an exponent that happens to be
/// a multiple of one half is moved by a rounding.
pub(crate) fn with_fitted(expr: &Expr, theta: &[f64]) -> Expr {
    let fitted = expr.with_constants(theta);
    if fitted.constants().len() == theta.len() {
        fitted
    } else {
        expr.with_constants(&theta.iter().map(|c| c.next_up()).collect::<Vec<_>>())
    }
}

/// Those with a smaller error than all that are simpler, simplest first.
pub(crate) fn on_front<T>(
    mut all: Vec<T>,
    complexity_error: impl Fn(&T) -> (usize, f64),
) -> Vec<T> {
    all.sort_by(|a, b| {
        let (a, b) = (complexity_error(a), complexity_error(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let mut lowest = f64::INFINITY;
    all.retain(|one| {
        let error = complexity_error(one).1;
        error < lowest && {
            lowest = error;
            true
        }
    });
    all
}
