//! What the columns of any table hold.

use std::path::Path;

use super::cell::{Kind, Value};
use super::options::{Gaps, ReadOptions};
use super::parquet::Metadata;
use super::source::Source;
use crate::dataset::DatasetError;

/// Statistics of a column's finite numbers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnStatistics {
    /// Its name in the file.
    pub name: String,
    /// Whether it holds numbers; else nothing is known of it.
    pub is_numeric: bool,
    /// Cells without a number.
    pub nulls: usize,
    /// Numbers that are NaN or infinite.
    pub non_finite: usize,
    /// Finite numbers.
    pub count: usize,
    /// Least finite number.
    pub min: f64,
    /// Mean of the finite numbers.
    pub mean: f64,
    /// Largest finite number.
    pub max: f64,
}

/// What a file is, in words, its number of rows, its columns and its metadata, whatever the columns
/// mean.
///
/// # Errors
/// [`DatasetError`] for a file that can't be read.
pub fn column_statistics(
    path: &Path,
) -> Result<(String, usize, Vec<ColumnStatistics>, Metadata), DatasetError> {
    let mut source = Source::open(path, &ReadOptions { gaps: Gaps::Cut, ..Default::default() })?;
    let names = source.columns().to_vec();
    let own = source.found().1.to_vec();
    // Of columns with one name only the first is read.
    let numeric = |name: &String| source.check_columns(&[(name.as_str(), Kind::Time)]).is_ok();
    let numeric: Vec<bool> = names.iter().map(numeric).collect();
    let none = |name: &String| ColumnStatistics {
        name: name.clone(),
        is_numeric: false,
        nulls: 0,
        non_finite: 0,
        count: 0,
        min: f64::INFINITY,
        mean: 0.0,
        max: f64::NEG_INFINITY,
    };
    let mut found: Vec<ColumnStatistics> = own.iter().map(none).collect();
    let places: Vec<usize> = (0..names.len()).filter(|&k| numeric[k]).collect();
    let wanted: Vec<(&str, Kind)> =
        places.iter().map(|&k| (names[k].as_str(), Kind::Time)).collect();
    let mut rows = 0;
    source.read(&wanted, &mut |_| {}, &mut |cell| {
        rows = rows.max(cell.row + 1);
        let column = &mut found[places[cell.column]];
        match cell.value {
            Some(Value::Number(x)) if x.is_finite() => {
                column.count += 1;
                column.mean += (x - column.mean) / column.count as f64;
                (column.min, column.max) = (column.min.min(x), column.max.max(x));
            }
            Some(_) => column.non_finite += 1,
            None => column.nulls += 1,
        }
        Ok(())
    })?;
    for column in &mut found {
        column.is_numeric = column.count + column.non_finite > 0;
    }
    Ok((source.first()?.kind(), rows as usize, found, source.metadata()?))
}
