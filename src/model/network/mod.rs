//! Neural networks as Hamiltonians and as vector fields: the literature's baselines.
//!
//! | model | features | layers |
//! |---|---|---|
//! | MLP | the state | dense, swish |
//! | Scalars MLP | standardised scalars | dense, ReLU or swish |
//! | EMLP, see [`emlp`](super::emlp) | the state | equivariant linear, bilinear, gated |
//!
//! A [`Network`] takes a batch of states through its [`Layer`]s, eight states to a tile, sixty-four
//! at a time. [`NetworkHamiltonian`] makes of it H(z) with the field J grad H, [`NetworkField`]
//! takes its outputs for the field itself (a neural ODE), [`VectorSumField`] for the coefficients
//! of given vectors.
//!
//! Derivatives are by hand. The field of a Hamiltonian is one reverse sweep. Its vector-Jacobian
//! product lambda^T J grad H is the tangent of H along w = -J lambda: values and tangents go
//! forward through the layers side by side, then both are differentiated in reverse.

mod activation;
mod dense;
mod features;
mod field;
mod hamiltonian;
mod models;
mod radial;
mod sequence;
mod standardise;
mod vector_sum;

pub use activation::{Activation, Elementwise};
pub use dense::Dense;
pub use features::{Features, Scalars, State};
pub use field::NetworkField;
pub use hamiltonian::NetworkHamiltonian;
pub(crate) use models::LAST;
pub use models::{Centres, perceptron};
pub use radial::Radial;
pub use sequence::{Layer, Network, Order, Scratch, Signals};
pub use standardise::Standardise;
pub use vector_sum::VectorSumField;
