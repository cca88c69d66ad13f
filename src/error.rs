//! One error for those who use several modules.

#[cfg(feature = "paper")]
use crate::experiment;
#[cfg(feature = "figures")]
use crate::report;
use crate::{dataset, expr, integrate, linalg, recover, rewrite, scalars, search, systems, train};

/// Anything that can go wrong in this crate; each module has an error of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Linear algebra.
    #[error(transparent)]
    Linalg(#[from] linalg::LinalgError),
    /// Expressions.
    #[error(transparent)]
    Expr(#[from] expr::ExprError),
    /// Known systems.
    #[error(transparent)]
    System(#[from] systems::SystemError),
    /// Integration.
    #[error(transparent)]
    Integrate(#[from] integrate::IntegrateError),
    /// Input vectors.
    #[error(transparent)]
    Scalars(#[from] scalars::InputsError),
    /// Tables.
    #[error(transparent)]
    Dataset(#[from] dataset::DatasetError),
    /// Training.
    #[error(transparent)]
    Train(#[from] train::TrainError),
    /// Rewriting.
    #[error(transparent)]
    Rewrite(#[from] rewrite::RewriteError),
    /// Search for closed forms.
    #[error(transparent)]
    Search(#[from] search::SearchError),
    /// Recovery of a law.
    #[error(transparent)]
    Recover(#[from] recover::RecoverError),
    /// Result files.
    #[cfg(feature = "figures")]
    #[error(transparent)]
    Report(#[from] report::recovery::ReportError),
    /// Experiments.
    #[cfg(feature = "paper")]
    #[error(transparent)]
    Experiment(#[from] experiment::ExperimentError),
}
