//! Numbers, small kernels and dense linear algebra.

mod dense;
mod lapack;
mod real;
mod simd;
mod whitening;

pub use dense::{
    Error, LeastSquares, Result, cholesky, eigh, inverse_spd, least_squares, least_squares_from_factor, null_space, solve_spd, svd,
    triangular_factor, triangular_inverse,
};
pub use real::{Dual, LANES, Lanes, Real};
pub use simd::vectorised;
pub use whitening::{Whitening, independent_columns};
