//! What can go wrong in a recovery.

use crate::rewrite::RewriteError;
use crate::train;

/// What can go wrong in a recovery.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// Training failed.
    #[error(transparent)]
    Train(#[from] train::TrainError),
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] crate::linalg::LinalgError),
    /// A scalar does not fit the inputs.
    #[error(transparent)]
    Scalars(#[from] crate::scalars::InputsError),
    /// Rewriting failed.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
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
