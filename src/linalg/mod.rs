//! Numbers, small kernels and dense linear algebra.

mod dense;
mod elimination;
mod exponential;
mod lapack;
mod product;
mod real;
mod simd;
mod whitening;

pub use dense::{
    Error, Result, cholesky, inverse_spd, null_space, solve_spd, svd, triangular_factor,
    triangular_inverse,
};
pub use elimination::{Choice, best_nested, eliminate, select};
pub use exponential::{exp, sigmoid};
pub use product::{Part, add_outer, add_product, transpose_into};
pub use real::{Dual, LANES, Lanes, Real, Total};
pub use simd::vectorised;
pub use whitening::{Whitening, independent_columns};
