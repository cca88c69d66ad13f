//! How a search is done.

use std::time::Duration;

use crate::deadline::Deadline;
use crate::expr::Function;
use crate::search::form::Form;

/// Operators that forms are made of, besides sums, products and constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Operators {
    /// Elementary functions.
    pub functions: Vec<Function>,
    /// Known exponents: -1 is division, 0.5 a square root.
    pub exponents: Vec<f64>,
    /// Whether exponents may be constants to be fitted.
    pub free_exponents: bool,
}

impl Default for Operators {
    fn default() -> Self {
        Self {
            functions: Function::ALL.to_vec(),
            exponents: vec![-1.0, 2.0, 0.5, -2.0, -0.5, 3.0, 1.5],
            free_exponents: true,
        }
    }
}

/// Options of a search. Unless time ends it, the result depends on them and the target alone.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchOptions {
    /// What forms are made of.
    pub operators: Operators,
    /// All forms up to this complexity are tried (as far as the number of evaluations allows)
    /// before evolution begins.
    pub exhaustive: usize,
    /// Largest complexity of forms, counted by [`Form::complexity`].
    pub max_complexity: usize,
    /// Most forms whose constants are fitted.
    pub max_evaluations: usize,
    /// Of the evaluations, how many enumeration may use when it does not come to its end: with
    /// several variables it cannot.
    pub exhaustive_evaluations: usize,
    /// Time after which the search ends with what it has.
    pub time_budget: Duration,
    /// When it ends before that.
    pub deadline: Deadline,
    /// Seed of everything random.
    pub seed: u64,
    /// Forms to begin with, each with values that its constants may have; without them the values
    /// are drawn.
    pub warm_start: Vec<(Form, Vec<f64>)>,
    /// Samples that a form is first fitted to; those that belong to the best are fitted to all.
    pub screening_samples: usize,
    /// Whether to end once a form explains the measurements to their noise, or to roundoff where
    /// the noise is unknown.
    pub stop_when_explained: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            operators: Operators::default(),
            exhaustive: 10,
            max_complexity: 30,
            max_evaluations: 40_000,
            exhaustive_evaluations: 2000,
            time_budget: Duration::from_secs(20),
            deadline: Deadline::default(),
            seed: 0,
            warm_start: Vec::new(),
            screening_samples: 64,
            stop_when_explained: true,
        }
    }
}
