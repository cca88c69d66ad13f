//! What can go wrong when expressions are rewritten.

/// An expression that cannot be rewritten.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RewriteError {
    /// A constant is NaN or infinite.
    #[error(
        "the expression contains the number {value}; every constant, exponent and coefficient must be finite"
    )]
    NotFinite {
        /// The number found.
        value: f64,
    },
    /// The covariance does not fit the constants.
    #[error(
        "the covariance is {rows} x {columns}, but the expression has {constants} constants: give a {constants} x {constants} matrix"
    )]
    Covariance {
        /// Rows found.
        rows: usize,
        /// Columns found.
        columns: usize,
        /// Constants of the expression.
        constants: usize,
    },
}
