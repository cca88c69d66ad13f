//! A form that was fitted, and one that is to be.

use crate::search::fit::Fit;
use crate::search::form::Form;

/// A form that was fitted to the screening samples.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub form: Form,
    pub fit: Fit,
    pub complexity: usize,
    /// Sum of squares per measurement.
    pub mean_square: f64,
}

/// A form to be fitted, with values of the constants inside where another form suggests some.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub form: Form,
    pub hints: Vec<Option<f64>>,
}
