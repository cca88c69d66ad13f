//! Reads Parquet files with the Apache Arrow project's implementation and compares all that
//! `inspect_results --format json` (standard input) says of them: rows, columns, nulls, least, mean
//! and largest values, words, metadata. Exit status 1 where the two differ.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::process::ExitCode;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let files: Vec<Value> = serde_json::from_str(&text)?;
    let mut cells = 0;
    for file in &files {
        let path = file["path"].as_str().ok_or("a file without a path")?;
        match check(file, path) {
            Ok(count) => cells += count,
            Err(error) => {
                eprintln!("error: {path}: {error}");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    println!("{} files, {cells} cells: two implementations of Parquet agree", files.len());
    Ok(if cells > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What one column holds.
#[derive(Default)]
struct Column {
    nulls: u64,
    numbers: Vec<f64>,
    words: BTreeSet<String>,
}

/// The number of cells that were compared.
fn check(told: &Value, path: &str) -> Result<u64, Failure> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let footer = reader.metadata().file_metadata();
    let pairs = footer.key_value_metadata().into_iter().flatten().filter(|pair| pair.key != "ARROW:schema");
    for pair in pairs {
        equal(&format!("metadata {}", pair.key), &told["metadata"][&pair.key], &Value::from(pair.value.clone()))?;
    }
    let names: Vec<String> = footer.schema().get_fields().iter().map(|field| field.name().to_string()).collect();
    let mut columns: Vec<Column> = names.iter().map(|_| Column::default()).collect();
    let mut rows = 0;
    for row in reader.get_row_iter(None)? {
        rows += 1;
        for (column, (_, field)) in columns.iter_mut().zip(row?.get_column_iter()) {
            take(column, field)?;
        }
    }
    equal("rows", &told["rows"], &rows.into())?;
    let listed = told["columns"].as_array().ok_or("no columns")?;
    equal("number of columns", &listed.len().into(), &names.len().into())?;
    for ((name, column), told) in names.iter().zip(&columns).zip(listed) {
        equal("name", &told["name"], &name.as_str().into())?;
        compare(told, column).map_err(|error| format!("column {name}: {error}"))?;
    }
    Ok(rows * names.len() as u64)
}

fn take(column: &mut Column, field: &Field) -> Result<(), Failure> {
    match field {
        Field::Null => column.nulls += 1,
        Field::Str(text) => drop(column.words.insert(text.clone())),
        Field::Double(x) => column.numbers.push(*x),
        Field::Float(x) => column.numbers.push(f64::from(*x)),
        Field::Byte(x) => column.numbers.push(f64::from(*x)),
        Field::Short(x) => column.numbers.push(f64::from(*x)),
        Field::Int(x) => column.numbers.push(f64::from(*x)),
        Field::Long(x) => column.numbers.push(*x as f64),
        Field::UByte(x) => column.numbers.push(f64::from(*x)),
        Field::UShort(x) => column.numbers.push(f64::from(*x)),
        Field::UInt(x) => column.numbers.push(f64::from(*x)),
        Field::ULong(x) => column.numbers.push(*x as f64),
        Field::Bool(_) => {}
        other => return Err(format!("a cell {other} of another kind").into()),
    }
    Ok(())
}

fn compare(told: &Value, column: &Column) -> Result<(), Failure> {
    equal("nulls", &told["nulls"], &column.nulls.into())?;
    let finite: Vec<f64> = column.numbers.iter().copied().filter(|x| x.is_finite()).collect();
    equal("non-finite numbers", &told["non_finite"], &(column.numbers.len() - finite.len()).into())?;
    for word in told["words"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        column.words.contains(word).then_some(()).ok_or_else(|| format!("word {word} is not there"))?;
    }
    if finite.is_empty() {
        return Ok(());
    }
    let mean = finite.iter().map(|x| x / finite.len() as f64).sum::<f64>();
    equal("least number", &told["min"], &finite.iter().copied().fold(f64::INFINITY, f64::min).into())?;
    equal("largest number", &told["max"], &finite.iter().copied().fold(f64::NEG_INFINITY, f64::max).into())?;
    // The same sum in the same order.
    equal("mean", &told["mean"], &mean.into())
}

fn equal(what: &str, told: &Value, found: &Value) -> Result<(), Failure> {
    let same = told == found || told.as_f64().zip(found.as_f64()).is_some_and(|(a, b)| a == b);
    if same { Ok(()) } else { Err(format!("{what}: {told} and {found}").into()) }
}
