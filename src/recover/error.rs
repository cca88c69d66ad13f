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
    /// Nothing that was tried follows the data.
    #[error("no law was found: {}", if *.stopped {
        "the time was over before any was; give more of it, or fewer chunks"
    } else {
        "no function of the scalars moves the particles as the data say; rows may be too far apart in time, momenta may be no momenta, or there is no law behind them"
    })]
    NoLaw {
        /// Whether the time was over, or a stop was asked for.
        stopped: bool,
    },
    /// Numbers too small or too large.
    #[error(
        "the numbers of the table are so small or so large that energies and forces are beyond what a number can be (1e-308 to 1e308): accepted are units in which they are not"
    )]
    Scale,
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
