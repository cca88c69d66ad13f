//! What can go wrong in training.

use std::path::PathBuf;

/// What can go wrong in training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// There is nothing to learn from.
    #[error("no training chunks: at least one chunk of two points is accepted")]
    NoChunks,
    /// The loss or its gradient is not finite at the starting point.
    #[error(
        "the loss is not finite at the start of training: the model diverges on the training chunks; a shorter integration step may help"
    )]
    NotFinite,
    /// No function of the basis moves anything.
    #[error("no function of the basis has an effect on the training data")]
    NothingToLearn,
    /// A number of the prior has a value that it cannot have.
    #[error(
        "what is known before a fit: {what} of {of} {index} is {value}; {accepted} is accepted"
    )]
    Prior {
        /// `noise` or `precision`.
        what: &'static str,
        /// Component of the state, or parameter.
        of: &'static str,
        /// Number of the component or parameter, from 0.
        index: usize,
        /// The number given.
        value: f64,
        /// Which numbers are accepted, in words.
        accepted: &'static str,
    },
    /// The prior does not fit the model.
    #[error(
        "what is known before a fit: {what} has {found} numbers, but there must be {expected}, one for each {of}"
    )]
    PriorLength {
        /// `noise`, `precision` or `initial states`.
        what: &'static str,
        /// Component of the state, or parameter.
        of: &'static str,
        /// Numbers given.
        found: usize,
        /// Numbers needed.
        expected: usize,
    },
    /// A checkpoint can't be read or written.
    #[error("checkpoint {}: {message}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What happened.
        message: String,
    },
    /// Training was stopped from outside.
    #[error("training was stopped; its state is saved")]
    Stopped,
    /// The input vectors don't fit.
    #[error(transparent)]
    Scalars(#[from] crate::scalars::InputsError),
    /// The integrator doesn't exist.
    #[error(transparent)]
    Integrate(#[from] crate::integrate::IntegrateError),
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] crate::linalg::LinalgError),
}
