//! Rewriting of expressions by equality saturation (Willsey et al. 2021, POPL; the crate `egg`):
//! the simplest equal form of an expression, and proofs that two expressions are equal.
//!
//! ```
//! use scalar_dynamics::rewrite::{SimplifyOptions, simplify};
//!
//! let simple = simplify(&"dot(q1,q1)/norm(q1)".parse()?, &SimplifyOptions::default())?;
//! assert_eq!(simple.expression.to_string(), "norm(q1)");
//! # Ok::<(), scalar_dynamics::Error>(())
//! ```

mod cost;
mod equality;
mod error;
mod expand;
mod graph;
mod language;
mod order;
mod polynomial;
mod rules;
mod simplify;

pub use equality::{EqualityOptions, Proof, prove_equal, prove_equal_at, prove_equal_with};
pub use error::RewriteError;
pub use order::ordered;
pub use rules::{RULES, Rule};
pub use simplify::{
    Simplified, SimplifyOptions, Stopped, simplify, simplify_up_to_constant, simplify_vector,
};

pub(crate) use polynomial::{Term, ValueWithGradient, multiply_out};
