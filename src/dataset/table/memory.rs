//! Tables that are read whole.

use super::cell::{Cells, Kind, Value, Wanted};
use super::parquet::Metadata;
use crate::dataset::DatasetError;

/// Columns of numbers in memory.
pub(super) struct MemoryTable {
    /// What the file is, in words.
    pub kind: String,
    /// Names of the columns.
    pub names: Vec<String>,
    /// Numbers of each column; ids of trajectories are whole.
    pub columns: Vec<Vec<f64>>,
    /// What else the file says.
    pub metadata: Metadata,
    /// Masses of all particles, where the file has them.
    pub masses: Vec<f64>,
    /// What is remarkable about the file.
    pub notes: Vec<String>,
}

impl MemoryTable {
    /// Reads columns: see [`Cells`].
    ///
    /// # Errors
    /// Those of `cells`.
    pub fn read(&self, wanted: &[Wanted], cells: &mut Cells) -> Result<(), DatasetError> {
        for (k, column) in wanted.iter().enumerate() {
            for (row, x) in (0..).zip(&self.columns[column.place]) {
                let value = match column.kind {
                    Kind::Id => Value::Id(*x as i64),
                    Kind::Time | Kind::Number => Value::Number(*x),
                };
                cells(k, row, Some(value))?;
            }
        }
        Ok(())
    }
}
