//! Known systems: what the data come from, and what the learners never see.

mod pendulum;

pub use pendulum::{Parameters, SpringyPendulum};

/// Why a system cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A parameter has a value that the system does not allow.
    #[error("parameter {name} = {value}: must be {accepted}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// The offending value.
        value: f64,
        /// What would be accepted.
        accepted: &'static str,
    },
    /// No preset bears the name.
    #[error("unknown preset {name:?}: must be one of {accepted}")]
    Preset {
        /// The name asked for.
        name: String,
        /// The names that exist.
        accepted: &'static str,
    },
}
