//! Columns as arrays of Arrow, which Parquet and Arrow files are read into.

use std::path::Path;

use polars_arrow::array::{Array, PrimitiveArray};
use polars_arrow::datatypes::{ArrowDataType, TimeUnit};
use polars_arrow::types::NativeType;

use super::cell::{Kind, LARGEST_WHOLE, Value, Wanted};
use crate::dataset::DatasetError;

/// Types of integers that polars, as it is built here, has no columns of.
pub(super) const NARROW: [&str; 4] = ["Int8", "Int16", "UInt8", "UInt16"];

/// What is given each value of an array.
type Values<'a> = dyn FnMut(Option<Value>) -> Result<(), DatasetError> + 'a;

/// Whether columns of a type can be read as cells of a kind.
pub(super) fn fits(dtype: &ArrowDataType, kind: Kind) -> bool {
    use ArrowDataType::*;
    let integer = matches!(dtype, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64);
    let number = integer || matches!(dtype, Float32 | Float64);
    match kind {
        // Programs make floats of integers where a cell is empty.
        Kind::Id => number,
        Kind::Number => number,
        Kind::Time => number || seconds(dtype).is_some(),
    }
}

/// How a type of times counts: whether from 1970, and its units in a second.
fn seconds(dtype: &ArrowDataType) -> Option<(bool, f64)> {
    let per_second = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    };
    match dtype {
        ArrowDataType::Timestamp(unit, _) => Some((true, per_second(unit))),
        ArrowDataType::Date32 => Some((true, 1.0 / 86_400.0)),
        ArrowDataType::Date64 => Some((true, 1e3)),
        ArrowDataType::Duration(unit)
        | ArrowDataType::Time32(unit)
        | ArrowDataType::Time64(unit) => Some((false, per_second(unit))),
        _ => None,
    }
}

/// Reads the values of an array.
///
/// # Errors
/// [`DatasetError::ColumnType`] for an array of another type, or an id that is too large; those of
/// `each`.
pub(super) fn read(
    array: &dyn Array,
    wanted: &Wanted,
    path: &Path,
    each: &mut Values,
) -> Result<(), DatasetError> {
    let wrong = |found: String| DatasetError::ColumnType {
        path: path.into(),
        column: wanted.name.clone(),
        found,
        accepted: wanted.kind.accepted(),
    };
    if !fits(array.dtype(), wanted.kind) {
        return Err(wrong(format!("values of type {:?}", array.dtype())));
    }
    if let Some((stamped, per_second)) = seconds(array.dtype()) {
        let time = |x: i64| match stamped {
            true if per_second < 1.0 => Value::Stamp(x.saturating_mul(86_400), 0.0),
            true => Value::Stamp(
                x.div_euclid(per_second as i64),
                x.rem_euclid(per_second as i64) as f64 / per_second,
            ),
            false => Value::Number(x as f64 / per_second),
        };
        return of::<i64>(array, each, |x| Ok(time(x)))
            .or_else(|| of::<i32>(array, each, |x| Ok(time(x.into()))))
            .unwrap_or_else(|| Err(wrong("times of an unknown width".into())));
    }
    if wanted.kind == Kind::Id {
        let id =
            |x: i128| i64::try_from(x).map(Value::Id).map_err(|_| wrong(format!("the number {x}")));
        return of::<i64>(array, each, |x| Ok(Value::Id(x)))
            .or_else(|| of::<i32>(array, each, |x| id(x.into())))
            .or_else(|| of::<i16>(array, each, |x| id(x.into())))
            .or_else(|| of::<i8>(array, each, |x| id(x.into())))
            .or_else(|| of::<u64>(array, each, |x| id(x.into())))
            .or_else(|| of::<u32>(array, each, |x| id(x.into())))
            .or_else(|| of::<u16>(array, each, |x| id(x.into())))
            .or_else(|| of::<u8>(array, each, |x| id(x.into())))
            .or_else(|| float_ids::<f64>(array, each, LARGEST_WHOLE, &wrong))
            .or_else(|| {
                float_ids::<f32>(array, each, f64::from(1u32 << f32::MANTISSA_DIGITS), &wrong)
            })
            .unwrap_or_else(|| Err(wrong("integers of an unknown width".into())));
    }
    let time = |x: i64| match wanted.kind {
        Kind::Time if x.unsigned_abs() > LARGEST_WHOLE as u64 => Value::Stamp(x, 0.0),
        _ => Value::Number(x as f64),
    };
    let number = |x: f64| Ok(Value::Number(x));
    of::<f64>(array, each, number)
        .or_else(|| of::<f32>(array, each, |x| number(x.into())))
        .or_else(|| of::<i64>(array, each, |x| Ok(time(x))))
        .or_else(|| of::<i32>(array, each, |x| number(x.into())))
        .or_else(|| of::<i16>(array, each, |x| number(x.into())))
        .or_else(|| of::<i8>(array, each, |x| number(x.into())))
        .or_else(|| {
            of::<u64>(array, each, |x| {
                i64::try_from(x).map_or_else(|_| number(x as f64), |x| Ok(time(x)))
            })
        })
        .or_else(|| of::<u32>(array, each, |x| number(x.into())))
        .or_else(|| of::<u16>(array, each, |x| number(x.into())))
        .or_else(|| of::<u8>(array, each, |x| number(x.into())))
        .unwrap_or_else(|| Err(wrong("numbers of an unknown width".into())))
}

/// Reads ids that programs made floats of where a cell was empty; whole numbers up to `largest` are
/// ids.
fn float_ids<T: NativeType + Into<f64>>(
    array: &dyn Array,
    each: &mut Values,
    largest: f64,
    wrong: &dyn Fn(String) -> DatasetError,
) -> Option<Result<(), DatasetError>> {
    let array = array.as_any().downcast_ref::<PrimitiveArray<T>>()?;
    let id = |x: f64| match x.fract() == 0.0 && x.abs() <= largest {
        true => Ok(Value::Id(x as i64)),
        false => Err(wrong(format!("the number {x}"))),
    };
    Some(array.iter().try_for_each(|x| {
        let x = x.map(|x| (*x).into()).filter(|x| !x.is_nan());
        each(x.map(id).transpose()?)
    }))
}

/// Reads an array whose values are of type `T`; nothing where they aren't.
fn of<T: NativeType>(
    array: &dyn Array,
    each: &mut Values,
    value: impl Fn(T) -> Result<Value, DatasetError>,
) -> Option<Result<(), DatasetError>> {
    let array = array.as_any().downcast_ref::<PrimitiveArray<T>>()?;
    Some(array.iter().try_for_each(|x| each(x.map(|x| value(*x)).transpose()?)))
}

/// An array of narrow integers with 32 bits; any other as it is.
pub(super) fn widened(array: Box<dyn Array>) -> Box<dyn Array> {
    fn wide<T: NativeType, W: NativeType + From<T>>(array: &dyn Array) -> Option<Box<dyn Array>> {
        let narrow = array.as_any().downcast_ref::<PrimitiveArray<T>>()?;
        let wide = narrow.iter().map(|x| x.map(|x| W::from(*x)));
        Some(Box::new(wide.collect::<PrimitiveArray<W>>()))
    }
    wide::<i8, i32>(&*array)
        .or_else(|| wide::<i16, i32>(&*array))
        .or_else(|| wide::<u8, u32>(&*array))
        .or_else(|| wide::<u16, u32>(&*array))
        .unwrap_or(array)
}
