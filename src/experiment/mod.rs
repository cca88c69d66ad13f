//! The experiments of the paper: its tables and figures, in three sizes, by runs that go on where
//! they stopped.
//!
//! [`reproduce`] makes the data of the springy double pendulum (Finzi, Welling & Wilson 2021),
//! trains every model on it, reads the law off, and writes the tables and figures of Yao,
//! Storey-Fisher, Hogg & Villar (2021, arXiv:2110.03761):
//!
//! | folder | content |
//! |---|---|
//! | `data/<profile>/trajectories` | the base seed's data: [`data`] |
//! | `data/<profile>/checkpoints` | finished and unfinished work: [`store`] |
//! | `data/<profile>/results` | [`tables`], among them error against [`noise`], and [under other gravity](transfer_results) |
//! | `figures/<profile>` | [`figures`] |
//!
//! The same seed gives the same bytes, whatever the number of threads; only `timings.parquet`
//! differs.

#[doc(hidden)]
pub mod data;
mod error;
#[doc(hidden)]
pub mod evaluation;
mod figure3;
#[doc(hidden)]
pub mod figures;
mod files;
#[doc(hidden)]
pub mod gravity;
mod learner;
#[doc(hidden)]
pub mod models;
mod networks;
#[doc(hidden)]
pub mod noise;
mod product;
mod profile;
mod results;
mod run;
mod stopwatch;
#[doc(hidden)]
pub mod store;
mod summary;
#[doc(hidden)]
pub mod tables;
mod timings;
mod transfer;
#[doc(hidden)]
pub mod transfer_results;
mod unit;
mod unit_id;
mod units;

pub use error::ExperimentError;
pub use learner::{BenchmarkModel, Dynamics, Symmetry};
pub use product::Artefact;
pub use profile::Profile;
pub use results::{Done, Results};
pub use run::{ReproduceOptions, reproduce};
#[doc(hidden)]
pub use stopwatch::Stopwatch;
pub use summary::Summary;
pub use unit::{Constant, Law, Limit, Step, Training, Unit};
pub use unit_id::UnitId;
pub use units::{RunPlan, Shard, all_units, resolve};
