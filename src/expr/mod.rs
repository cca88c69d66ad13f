//! Closed-form expressions over scalars of vectors: parse, print, evaluate, differentiate.
//!
//! The text of an expression is Python when the names are bound to numpy vectors, with `dot(a,b)`,
//! `norm(a)`, `sqrt`, `exp`, `log`, `sin`, `cos`, `tan`, `abs`, `+ - * / **` and decimal constants;
//! arguments of `dot` and `norm` are linear combinations of names.
//!
//! ```
//! use scalar_dynamics::expr::{Bindings, Expr};
//! let energy: Expr = "0.5*dot(p1,p1) + 0.5*(norm(q2-q1) - 1)**2".parse()?;
//! let z = Bindings::from([("p1", vec![1.0, 0.0]), ("q1", vec![0.0, 0.0]), ("q2", vec![0.0, 3.0])]);
//! assert_eq!(energy.evaluate(&z)?, 2.5);
//! assert_eq!(energy.force("q1").to_string(), "(norm(q2-q1) - 1)*(q2-q1)/norm(q2-q1)");
//! # Ok::<(), scalar_dynamics::expr::ExprError>(())
//! ```

mod algebra;
mod error;
mod evaluate;
mod expression;
mod gradient;
mod number;
mod parse;
mod print;
mod snap;
mod vector;

pub use error::ExprError;
pub use evaluate::Bindings;
pub use expression::{Expr, Function, VectorExpr};
pub use number::Number;
pub use snap::snap;
pub use vector::{Scalar, Vector};

pub(crate) use evaluate::power;
pub(crate) use expression::is_free;
pub(crate) use print::{digits, is_short, is_short_reciprocal};
pub(crate) use snap::{principal_phases, round_exponents};
