//! The law behind trajectories, as a formula with error bars.
//!
//! [`recover`] learns a Hamiltonian in an explicit basis and grows laws from the simplest on the
//! data themselves. Where none of these explains the data, it splits what was learned into parts
//! that are functions of few scalars and searches a closed form for each. The whole law's constants
//! are fitted to the trajectories, it is judged on chunks that were held out, and its masses,
//! springs and fields are read. [`recover_from`] reads the law off a trained model of any kind. The
//! stages are the folders of this module, in the order of the work: `problem`, `learn`, `grow`,
//! `propose`, `assemble`, `refit`, `judge`, `read`; `pipeline` has the phases, [`Recovery`] is the
//! result.

mod assemble;
mod assembled;
mod compare;
mod covariance;
mod curves;
mod description_length;
mod error;
mod form;
mod grow;
mod in_units;
mod judge;
mod known;
mod law;
mod learn;
mod noise;
mod paths;
mod pipeline;
mod problem;
mod propose;
mod read;
mod refit;
mod settings;
mod settle;
mod split;
mod statistics;
mod unknown_masses;

pub use compare::{Comparison, SameForm};
pub use curves::{PartCurve, RadialForce};
pub use error::RecoverError;
pub use form::{Candidate, PartForm, Refit};
pub use judge::outlying::{ChunkPlace, Outlying};
pub use judge::reasons::Verdict;
pub use judge::rivals::{FieldDifference, Rival};
pub use law::{RecoveredPart, Recovery};
pub use learn::bytes_of_chunk;
pub use learn::nonconservative::Nonconservative;
pub use noise::{Noise, NoiseFound};
pub use pipeline::{recover, recover_from};
pub use problem::centre::CentreOfForce;
pub use problem::checks::Check;
pub use read::constants::{PhysicalConstant, Reading, read_constants};
pub use read::equal_constants::Shared;
pub use read::named_form::Merged;
pub use refit::constants::refit;
pub use settings::RecoverSettings;
pub use statistics::{HeldOutChunks, ModelErrors};
pub use unknown_masses::{MassesFound, find_masses};
