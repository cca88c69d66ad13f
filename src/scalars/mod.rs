//! Invariant scalars of vectors, and functions of them.

mod function;

pub use function::ScalarFunction;
