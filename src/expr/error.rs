//! What can be wrong with an expression.

/// An error of reading or evaluating an expression.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ExprError {
    /// The text is not an expression.
    #[error("expression, column {column}: found {found}; accepted here: {accepted}")]
    Syntax {
        /// Position of the offending piece, in characters from 1.
        column: usize,
        /// The piece of text, or what it means.
        found: String,
        /// What would be read instead.
        accepted: String,
    },
    /// Parentheses or exponents are nested too deep.
    #[error("expression, column {column}: nested deeper than {limit} levels")]
    TooDeep {
        /// Position where the limit was passed, in characters from 1.
        column: usize,
        /// The greatest accepted depth.
        limit: usize,
    },
    /// The text is too long.
    #[error("expression: {length} bytes of text; at most {limit} are accepted")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The greatest accepted length.
        limit: usize,
    },
    /// A vector has no value.
    #[error("vector {name} has no value; there are: {}", known.join(", "))]
    Unbound {
        /// The name in the expression.
        name: String,
        /// The names that have values.
        known: Vec<String>,
    },
    /// A vector has another number of components than those it meets.
    #[error("vector {name} has {found} components where {expected} are needed")]
    Dimension {
        /// The vector.
        name: String,
        /// Its number of components.
        found: usize,
        /// The number of components of the others.
        expected: usize,
    },
}
