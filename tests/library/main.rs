//! The parts that stand below a recovery: expressions, linear algebra, integrators, rewriting,
//! search.

mod expr;
mod integrators;
mod linalg;
mod rewrite;
mod search;
