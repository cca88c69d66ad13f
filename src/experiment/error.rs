//! What can go wrong in an experiment.

use std::path::PathBuf;

use crate::{dataset, integrate, recover, report, scalars, train};

/// Why an experiment did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// A name that is none of those that exist.
    #[error("unknown {kind} `{name}`; accepted are {accepted}")]
    Unknown {
        /// What the name should stand for.
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that exist.
        accepted: String,
    },
    /// A saved piece of work cannot be read, written or removed.
    #[error("{}: {message}", path.display())]
    Saved {
        /// The file or folder.
        path: PathBuf,
        /// What happened.
        message: String,
    },
    /// The run was stopped from outside.
    #[error("stopped; what was done is saved, and the same command goes on from there")]
    Stopped,
    /// The data could not be made.
    #[error("making the data: {0}")]
    Integrate(#[from] integrate::IntegrateError),
    /// A table was not read or written.
    #[error(transparent)]
    Dataset(#[from] dataset::DatasetError),
    /// The scalars could not be made.
    #[error("scalars: {0}")]
    Scalars(#[from] scalars::InputsError),
    /// Training failed.
    #[error("training: {0}")]
    Train(train::TrainError),
    /// The law could not be read off.
    #[error("recovering the law: {0}")]
    Recover(#[from] recover::RecoverError),
    /// A figure could not be made.
    #[error(transparent)]
    Figure(#[from] report::figures::FigureError),
}

impl From<train::TrainError> for ExperimentError {
    fn from(error: train::TrainError) -> Self {
        match error {
            train::TrainError::Stopped => Self::Stopped,
            error => Self::Train(error),
        }
    }
}

impl ExperimentError {
    /// Whether the arguments are at fault, not the run.
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Dataset(dataset::DatasetError::Folder { .. }) | Self::Unknown { .. })
    }
}
