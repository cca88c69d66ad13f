//! What can go wrong in integrating.

/// Why states cannot be integrated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IntegrateError {
    /// The method does not come in this order.
    #[error("{method} of order {order}: the order must be one of {accepted}")]
    Order {
        /// Name of the method.
        method: &'static str,
        /// The order asked for.
        order: usize,
        /// The orders that exist.
        accepted: &'static str,
    },
    /// The initial states have the wrong number of components.
    #[error("initial states have {found} components, must have {expected}")]
    Dimension {
        /// Components of the given states.
        found: usize,
        /// Components of the system's states.
        expected: usize,
    },
    /// An argument that must be positive (or finite) is not.
    #[error("{name} = {value}: must be {accepted}")]
    Argument {
        /// Name of the argument.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What would be accepted.
        accepted: &'static str,
    },
    /// An initial state holds NaN or infinity.
    #[error("initial state {row}, component {column} = {value}: must be finite")]
    Initial {
        /// Row of the initial states.
        row: usize,
        /// Column of the initial states.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// The iteration of an implicit method did not settle.
    #[error(
        "the stages of an implicit step of length {step} did not settle in {iterations} iterations: take a shorter step"
    )]
    NotConverged {
        /// Length of the step.
        step: f64,
        /// Iterations made.
        iterations: usize,
    },
    /// No step is short enough for the wanted accuracy.
    #[error(
        "state error {reached:e} with {substeps} steps per interval is the best reached: a tolerance of {tolerance:e} is out of reach"
    )]
    Tolerance {
        /// The wanted state error.
        tolerance: f64,
        /// The least error found.
        reached: f64,
        /// Its number of steps per interval.
        substeps: usize,
    },
}
