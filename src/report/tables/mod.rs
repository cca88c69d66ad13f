//! Result tables: what a row of each holds, and the Parquet, CSV, Markdown and LaTeX forms.
//!
//! Every row names its model, dynamics, group and basis. Times are kept in [`TimingRow`]s and in
//! the Markdown and LaTeX forms of Table 1 alone, so that all other files are the same byte for
//! byte when made again.

mod frame;
mod noise;
mod read;
mod rows;
mod table1;
mod transfer;

pub use frame::{Rows, frame, write};
pub use noise::{NoiseRow, write_noise};
pub use read::read_error_quantiles;
pub use rows::{
    ErrorQuantileRow, Quantity, RecoveredRow, RolloutErrorRows, RowKey, TimingRow, TrainingEndRow,
    TrainingRow,
};
pub(in crate::report) use table1::with_deviation;
pub use table1::{PaperError, SeedError, Table1Row, table1_latex, table1_markdown, write_table1};
pub use transfer::TransferRow;
