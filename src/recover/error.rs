//! What can go wrong in a recovery.

use crate::rewrite::RewriteError;
use crate::train;

/// What can go wrong in a recovery.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// Training failed.
    #[error(transparent)]
    Train(#[from] train::Error),
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] crate::linalg::Error),
    /// A scalar does not fit the inputs.
    #[error(transparent)]
    Scalars(#[from] crate::scalars::Error),
    /// Rewriting failed.
    #[error(transparent)]
    Symbolic(#[from] RewriteError),
}
