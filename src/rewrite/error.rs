//! What can go wrong when expressions are rewritten.

/// An expression that cannot be rewritten.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// A constant is NaN or infinite.
    #[error(
        "the expression contains the number {value}; every constant, exponent and coefficient must be finite"
    )]
    NotFinite {
        /// The number found.
        value: f64,
    },
}
