//! Result files: the report of a recovery, tables, figures, and what Parquet files hold.

#[cfg(feature = "figures")]
pub mod figures;
#[cfg(feature = "tables")]
pub mod inspect;
#[cfg(feature = "figures")]
pub mod recovery;
#[cfg(feature = "tables")]
pub mod tables;
#[doc(hidden)]
pub mod nonconservative;
#[doc(hidden)]
pub mod words;
