//! The cells of a table's columns.

use polars::prelude::{Column, DataFrame, DataType};

/// The cells of a column of numbers; nothing for other columns.
pub(super) fn numbers(column: &Column) -> Vec<Option<f64>> {
    if !column.dtype().is_primitive_numeric() {
        return Vec::new();
    }
    let cast = column.cast(&DataType::Float64);
    cast.iter().flat_map(|column| column.f64().into_iter().flat_map(|cells| cells.iter())).collect()
}

/// The cells of a column of text; nothing for other columns.
pub(super) fn words(column: &Column) -> Vec<Option<String>> {
    column
        .str()
        .into_iter()
        .flat_map(|cells| cells.iter().map(|cell| cell.map(String::from)))
        .collect()
}

/// Whether a table has all these columns.
pub(super) fn has(frame: &DataFrame, names: &[&str]) -> bool {
    names.iter().all(|name| frame.column(name).is_ok())
}
