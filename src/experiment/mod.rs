//! The experiments: one function for each table or figure, three sizes, and runs that go on where
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
//! | `data/<profile>/results` | [`tables`], among them error against [`noise`] |
//! | `figures/<profile>` | [`figures`] |
//!
//! The same seed gives the same bytes, whatever the number of threads; only `timings.parquet`
//! differs.

pub mod data;
mod error;
pub mod evaluation;
pub mod figures;
mod learner;
pub mod models;
mod networks;
pub mod noise;
mod profile;
mod run;
pub mod store;
mod summary;
pub mod tables;
mod timings;
mod units;

pub use error::Error;
pub use learner::{Dynamics, Learner, Symmetry};
pub use profile::{Product, Profile};
pub use run::{Options, Watch, reproduce};
pub use summary::Summary;
pub use units::{Shard, UnitId, Work, all_units, resolve};
