//! What can go wrong in an experiment.

use std::path::PathBuf;

use crate::{dataset, integrate, report, scalars, symbolic, train};

/// Why an experiment did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder for the results cannot be made.
    #[error("folder {}: cannot be made: {source}; a place where folders can be made is accepted", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A name that is none of those that exist.
    #[error("unknown {kind} `{name}`; accepted are {accepted}")]
    Unknown {
        /// What it should name.
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
    /// The data could not be made.
    #[error("making the data: {0}")]
    Integrate(#[from] integrate::Error),
    /// A table was not read or written.
    #[error(transparent)]
    Dataset(#[from] dataset::Error),
    /// The scalars could not be made.
    #[error("scalars: {0}")]
    Scalars(#[from] scalars::Error),
    /// Training failed.
    #[error("training: {0}")]
    Train(#[from] train::Error),
    /// The law could not be read off.
    #[error("recovering the law: {0}")]
    Recover(#[from] symbolic::RecoverError),
    /// A figure could not be made.
    #[error(transparent)]
    Figure(#[from] report::figures::Error),
}

impl Error {
    /// Whether the arguments are at fault, not the run.
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Folder { .. } | Self::Unknown { .. })
    }
}
