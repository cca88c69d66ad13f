//! What a search has found: the Pareto front of error against complexity, and the choice from it.

use crate::expr::Expr;
use crate::search::error::SearchError;
use crate::search::form::Form;
use crate::search::target::Target;

/// A form with fitted constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The form.
    pub form: Form,
    /// Its constants, in the form's order.
    pub constants: Vec<f64>,
    /// Their standard errors, for the noise of the target or, unknown, the one estimated; NaN where
    /// the data do not determine them.
    pub errors: Vec<f64>,
    /// Number of operators, functions, variables and constants.
    pub complexity: usize,
    /// Root mean square of the residuals of the fit, in units of the noise where it is known, else
    /// of the measurements' own scale.
    pub error: f64,
    /// Root mean square of the residuals on the samples held out; NaN without any.
    pub held_out: f64,
    /// The number of nats that it takes to state form, constants and residuals; less is better.
    pub description_length: f64,
}

impl Found {
    /// The text, over the names of the target's variables: Python and SymPy read it.
    pub fn text(&self, target: &Target) -> String {
        self.form.text(&self.constants, target.names(), &target.middle())
    }

    /// Its value at a point; NaN where it has none.
    pub fn evaluate(&self, x: &[f64]) -> f64 {
        self.form.evaluate(&self.constants, x)
    }

    /// The expression where variable i is `variables[i]`.
    ///
    /// # Errors
    /// Fewer expressions than variables.
    pub fn to_expr(&self, target: &Target, variables: &[Expr]) -> Result<Expr, SearchError> {
        match self.form.variables() {
            needed if needed > variables.len() => {
                Err(SearchError::Variable { variable: needed - 1, variables: variables.len() })
            }
            _ => Ok(self.form.to_expr(&self.constants, variables, &target.middle())),
        }
    }
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Front {
    /// Forms of growing complexity and falling error.
    pub entries: Vec<Found>,
    /// The entry to take: of those that the data do not tell apart, the simplest.
    pub chosen: usize,
    /// Other forms whose description is at most [`RIVALS`] nats longer than that of the chosen one,
    /// shortest first: where noise is known, the data say little for or against them.
    pub rivals: Vec<Found>,
    /// The noise that the choice was made with, in the units of [`Found::error`].
    pub noise: f64,
    /// Whether the chosen form explains the measurements to their noise or, with the noise unknown,
    /// to roundoff.
    pub explained: bool,
    /// What it took.
    pub counts: Counts,
    /// Why it ended.
    pub ended: Ended,
}

impl Front {
    /// The entry to take.
    pub fn best(&self) -> &Found {
        &self.entries[self.chosen]
    }
}

/// Forms beside the front that are not to be forgotten are so many nats longer at most.
pub const RIVALS: f64 = 12.0;

/// Nats to state a symbol of a form.
const NATS_PER_SYMBOL: f64 = 2.0;

/// The description length of `rows` residuals of this mean square with errors of deviation `noise`,
/// a form and its constants.
///
/// Residuals cost -log of their Gaussian density (against exact data), a constant the logarithm of
/// how many of its standard errors it is large, a symbol a fixed number (Rissanen 1978, Automatica
/// 14, 465).
pub(crate) fn description_length(
    mean_square: f64,
    rows: usize,
    noise: f64,
    complexity: usize,
    constants: &[(f64, f64)],
) -> f64 {
    let residuals = 0.5 * rows as f64 * mean_square / (noise * noise);
    let digits = |(value, error): &(f64, f64)| {
        let steps = (value.abs() / error).max(1.0);
        if steps.is_finite() { steps.ln() + 1.0 } else { 0.5 * (rows as f64).ln() + 1.0 }
    };
    residuals + NATS_PER_SYMBOL * complexity as f64 + constants.iter().map(digits).sum::<f64>()
}

/// What a search has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Forms built.
    pub visited: usize,
    /// Forms fitted.
    pub evaluated: usize,
    /// Fits that the e-graph saved: forms whose class was known.
    pub saved: usize,
    /// Classes of the e-graph.
    pub classes: usize,
    /// Nodes of the e-graph.
    pub nodes: usize,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A form explains the measurements to their noise or to roundoff.
    Explained,
    /// All forms up to the largest complexity were tried, or evolution found nothing new.
    Exhausted,
    /// The number of evaluations was reached.
    Evaluations,
    /// The time was over; another run may give another result.
    Time,
}
