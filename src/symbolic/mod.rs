//! Rewriting of expressions by equality saturation, and what they mean as physics.

mod absorb;
mod adjust;
mod against;
mod combine;
mod constants;
mod cost;
mod equality;
mod discover;
mod error;
mod expand;
mod follow;
mod forms;
mod friction;
mod graph;
mod in_units;
mod inside;
mod judge;
mod language;
mod learner;
mod likelihood;
mod limits;
mod merged;
mod metric;
mod noise;
mod order;
mod outlying;
mod pareto;
mod parts;
mod paths;
mod recover;
mod refit;
mod rivals;
mod rollouts;
mod rules;
pub mod search;
mod searches;
mod series;
mod shared;
mod simplify;
mod split;
mod tracked;

pub use adjust::Adjusted;
pub use against::{Comparison, SameForm};
pub use constants::{PhysicalConstant, Reading, read_constants, snap};
pub use discover::Discovered;
pub use equality::{EqualityOptions, Proof, prove_equal, prove_equal_at, prove_equal_with};
pub use error::SymbolicError;
pub use forms::PartForm;
pub use friction::Friction;
pub use learner::{
    CandidateScalar, Fitted, Group, Learner, bytes_of_chunk, candidates, eliminate_groups,
};
pub use merged::Merged;
pub use order::ordered;
pub use outlying::Outlying;
pub use parts::{PartCurve, RadialForce};
pub use recover::{
    Candidate, Noise, NoiseFound, RecoverError, RecoverSettings, RecoveredPart, Recovery, recover,
    recover_from,
};
pub use refit::{Refit, model, refit};
pub use rivals::Rival;
pub use rules::{RULES, Rule};
pub use search::Deadline;
pub use shared::Shared;
pub use simplify::{
    Simplified, SimplifyOptions, Stopped, simplify, simplify_up_to_constant, simplify_vector,
};
pub use split::{Part, PartSamples};
