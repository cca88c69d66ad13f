//! Numbers, small kernels and dense linear algebra.

mod dense;
mod elimination;
mod exponential;
mod golden_section;
mod lapack;
mod least_squares;
mod product;
mod projection;
mod real;
mod ridge;
mod simd;
mod whitening;

pub use dense::{
    LinalgError, Result, cholesky, inverse_spd, null_space, solve_spd, svd, triangular_factor,
    triangular_inverse,
};
pub use elimination::{Choice, best_nested, eliminate, select};
pub use exponential::{exp, sigmoid};
pub(crate) use golden_section::golden_section;
pub(crate) use least_squares::{jacobian, least_squares};
pub use product::{TilePart, add_outer, add_product, transpose_into};
pub(crate) use projection::{Projection, dot};
pub use real::{Dual, LANES, Lanes, Real, Total};
pub(crate) use ridge::{solve, with_ridge};
pub use simd::{ZipInlined, set_zero, vectorised};
pub use whitening::{Whitening, independent_columns};
