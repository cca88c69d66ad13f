//! Numbers, small kernels and dense linear algebra.

mod real;
mod simd;

pub use real::{Dual, LANES, Lanes, Real};
pub use simd::vectorised;
