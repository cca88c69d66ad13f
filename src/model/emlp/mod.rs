//! Equivariant multilayer perceptrons (Finzi, Welling & Wilson 2021, arXiv:2104.09459) for groups
//! that act on space about the vertical.
//!
//! A [`SymmetryGroup`] is given by generators of its action on R^3. Signals are tensors: a
//! [`Representation`] says how many of each rank. An equivariant matrix from tensors of rank a to
//! tensors of rank b is an invariant tensor of rank a + b, and those are the null space of linear
//! equations, one set for each generator, which [`SymmetryGroup::invariant_tensors`] solves. A
//! layer's parameters are coordinates in that space; its dense matrix is made of them once for each
//! evaluation of a loss, not for each state.
//!
//! A block of the network is an [`EquivariantLinear`] layer, a [`Bilinear`] one and a [`Gated`]
//! nonlinearity.

mod bilinear;
mod contraction;
mod gated;
mod group;
mod invariants;
mod linear;
mod models;
mod representation;

pub use bilinear::Bilinear;
pub use gated::Gated;
pub use group::{Matrix, SymmetryGroup};
pub use invariants::Tensor;
pub use linear::EquivariantLinear;
pub use models::{Size, equivariant_layers};
pub use representation::{Layout, Representation};
