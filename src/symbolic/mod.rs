//! Rewriting of expressions by equality saturation, and what they mean as physics.

mod constants;
mod cost;
mod equality;
mod error;
mod expand;
mod graph;
mod judge;
mod language;
mod law;
mod order;
mod parts;
mod recover;
mod refit;
mod rules;
pub mod search;
mod simplify;
mod tracked;

pub use constants::{PhysicalConstant, Reading, read_constants, snap};
pub use equality::{EqualityOptions, Proof, prove_equal, prove_equal_with};
pub use error::SymbolicError;
pub use law::{Law, Laws, Threshold};
pub use order::ordered;
pub use parts::RadialForce;
pub use recover::{Candidate, Noise, RecoverError, RecoverSettings, Recovery, recover};
pub use refit::{Refit, model, refit};
pub use rules::{RULES, Rule};
pub use simplify::{Simplified, SimplifyOptions, Stopped, simplify, simplify_up_to_constant, simplify_vector};
