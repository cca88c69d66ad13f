//! What can be wrong with a system.

/// Why a system cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SystemError {
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
    /// A Hamiltonian names a vector that is not there.
    #[error(
        "vector `{name}`: must be one of q1.., p1.. or a given constant vector of {dimension} components"
    )]
    Vector {
        /// The name.
        name: String,
        /// Dimension of space.
        dimension: usize,
    },
    /// A Hamiltonian is too long.
    #[error("a Hamiltonian of {found} operations: must be at most {accepted}")]
    Length {
        /// Its operations.
        found: usize,
        /// The largest number.
        accepted: usize,
    },
    /// A Hamiltonian is no expression.
    #[error("Hamiltonian: {0}")]
    Text(String),
}
