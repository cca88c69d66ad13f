//! What can be wrong with a search.

/// A search that cannot be done as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// An array has another length than the samples.
    #[error("{what} has {found} entries where there are {expected} samples")]
    Length {
        /// The array.
        what: String,
        /// Its length.
        found: usize,
        /// The number of samples.
        expected: usize,
    },
    /// A number is NaN or infinite.
    #[error("{what}, sample {sample}: {value} is not finite")]
    NotFinite {
        /// The array.
        what: String,
        /// The sample, from 0.
        sample: usize,
        /// The number.
        value: f64,
    },
    /// A noise level or weight that is none.
    #[error("{what} is {value}; a finite number above zero is needed")]
    NotPositive {
        /// The quantity.
        what: String,
        /// The number.
        value: f64,
    },
    /// Names and columns differ in number, or a name is no name.
    #[error(
        "{found}; give one name to each of the {columns} columns, letters, digits and `_`, each once"
    )]
    Names {
        /// What is wrong.
        found: String,
        /// Columns of the samples.
        columns: usize,
    },
    /// There is nothing to explain, or too little.
    #[error(
        "{samples} samples, values: {values}, slopes of {slopes} variables; at least {least} samples with values or slopes are needed"
    )]
    Empty {
        /// Samples given.
        samples: usize,
        /// Whether values were given.
        values: bool,
        /// Variables with slopes.
        slopes: usize,
        /// What is needed.
        least: usize,
    },
    /// A variable that does not exist.
    #[error("variable {variable}, counted from 0, does not exist: there are {variables}")]
    Variable {
        /// The variable asked for.
        variable: usize,
        /// How many there are.
        variables: usize,
    },
    /// The text is not a form.
    #[error("form, column {column}: found {found}; accepted here: {accepted}")]
    Syntax {
        /// Position of the offending piece, in characters from 1.
        column: usize,
        /// The piece of text.
        found: String,
        /// What would be read instead.
        accepted: String,
    },
    /// Constants and form do not fit.
    #[error("{found} constants given to a form that has {expected}")]
    Constants {
        /// Constants given.
        found: usize,
        /// Constants of the form.
        expected: usize,
    },
}
