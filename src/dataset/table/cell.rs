//! A cell of a table, and how text is read as one.

use super::stamps;
use crate::dataset::DatasetError;

/// What the cells of a column are read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers.
    Id,
    /// Numbers, stamps of date and time, or durations.
    Time,
    /// Numbers.
    Number,
}

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// A value of a column of ids.
    Id(i64),
    /// A number; it may be NaN or infinite.
    Number(f64),
    /// A date and time: seconds since 1970 and a part of one; or any count that no float holds.
    Stamp(i64, f64),
}

/// A column that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its place among the columns of the file.
    pub place: usize,
    /// Its name in the file.
    pub name: String,
    /// What it is read as.
    pub kind: Kind,
}

/// What is given each cell that is read: the column's place among those wanted, the row from 0, the
/// value, none where there is none. Rows come in order, and in each row or group of rows the
/// columns.
pub(super) type Cells<'a> = dyn FnMut(usize, u64, Option<Value>) -> Result<(), DatasetError> + 'a;

impl Kind {
    /// What a message says of it.
    pub fn accepted(self) -> &'static str {
        match self {
            Self::Id => "integers are",
            Self::Time => {
                "numbers, stamps such as 2023-06-01T12:00:00.5 and durations such as 00:01:30.25 are"
            }
            Self::Number => "numbers are",
        }
    }
}

/// What divides a number's whole part from the rest, as far as the cells of a file have told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// No cell had either.
    Unknown,
    /// A point.
    Point,
    /// A comma.
    Comma,
}

/// Words for a value that is missing.
const MISSING: [&str; 7] = ["na", "n/a", "#n/a", "null", "none", "-", "--"];

/// Reads a cell of text, blanks around it left out; none where nothing, or a word for it, is left.
/// Numbers of one file have points or commas, not both.
pub(super) fn parse(field: &[u8], kind: Kind, mark: &mut Mark) -> Result<Option<Value>, ()> {
    let text = std::str::from_utf8(field).map_err(|_| ())?.trim();
    if text.is_empty() || MISSING.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Ok(None);
    }
    match kind {
        Kind::Id => id(text).map(|id| Some(Value::Id(id))).ok_or(()),
        Kind::Number => number(text, mark).map(|x| Some(Value::Number(x))).ok_or(()),
        // Nanoseconds since 1970, say: only differences are numbers.
        Kind::Time if is_long(text) => Ok(text.parse().ok().map(|count| Value::Stamp(count, 0.0))),
        Kind::Time => number(text, mark)
            .or_else(|| stamps::duration(text))
            .map(Value::Number)
            .or_else(|| stamps::stamp(text).map(|(seconds, part)| Value::Stamp(seconds, part)))
            .map(Some)
            .ok_or(()),
    }
}

/// Whether a text is an integer that no float holds.
fn is_long(text: &str) -> bool {
    text.len() > 15 && text.parse::<i64>().is_ok_and(|x| x.unsigned_abs() > LARGEST_WHOLE as u64)
}

/// Floats hold every whole number up to here.
pub(super) const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A whole number, also one that was written as `3.0`, as programs do where a cell was empty.
fn id(text: &str) -> Option<i64> {
    let whole = |x: &f64| x.fract() == 0.0 && x.abs() <= LARGEST_WHOLE;
    text.parse().ok().or_else(|| text.parse().ok().filter(whole).map(|x| x as i64))
}

fn number(text: &str, mark: &mut Mark) -> Option<f64> {
    if let Ok(x) = text.parse() {
        if *mark != Mark::Point && text.contains('.') {
            if *mark == Mark::Comma {
                return None;
            }
            *mark = Mark::Point;
        }
        return Some(x);
    }
    let bytes = text.as_bytes();
    if let Some(at) = bytes.iter().position(|b| *b == b',') {
        let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_digit);
        let one = !bytes[at + 1..].contains(&b',') && digit(bytes.get(at + 1));
        if !one || *mark == Mark::Point || bytes.contains(&b'.') {
            return None;
        }
        let x = text.replace(',', ".").parse().ok()?;
        *mark = Mark::Comma;
        return Some(x);
    }
    // Fortran writes the exponents of double precision with a D.
    let exponent = |b: &u8| matches!(b, b'd' | b'D');
    let fortran = bytes[0].is_ascii_digit() || b"+-.".contains(&bytes[0]);
    (fortran && bytes.iter().any(exponent)).then(|| text.replace(['d', 'D'], "e").parse().ok())?
}

/// Whether a cell is a number, a stamp or a duration, with a comma in it only where that isn't what
/// divides the cells.
pub(super) fn is_numeric(field: &[u8], separator: u8) -> bool {
    let mut mark = if separator == b',' { Mark::Point } else { Mark::Unknown };
    matches!(parse(field, Kind::Time, &mut mark), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, kind: Kind) -> Result<Option<Value>, ()> {
        parse(text.as_bytes(), kind, &mut Mark::Unknown)
    }

    #[test]
    fn cells_are_numbers_stamps_or_nothing() {
        let number = |x| Ok(Some(Value::Number(x)));
        for (text, x) in
            [("1.5", 1.5), (" -2e3 ", -2e3), ("0,25", 0.25), ("1.5D-03", 1.5e-3), ("-1D2", -100.0)]
        {
            assert_eq!(read(text, Kind::Number), number(x), "{text}");
        }
        for text in ["", " ", "NA", "null", "--"] {
            assert_eq!(read(text, Kind::Number), Ok(None), "{text}");
        }
        for text in ["1,234.5", "1,2,3", "0,", "d", "1d", "fast", "\u{b5}"] {
            assert_eq!(read(text, Kind::Number), Err(()), "{text}");
        }
        assert_eq!(read("00:01:30.25", Kind::Time), number(90.25));
        assert_eq!(read("00:01:30.25", Kind::Number), Err(()));
        assert_eq!(read("4.0", Kind::Id), Ok(Some(Value::Id(4))));
        assert_eq!(read("4.5", Kind::Id), Err(()));
    }

    #[test]
    fn a_file_has_points_or_commas_not_both() {
        let mut mark = Mark::Unknown;
        assert!(parse(b"1", Kind::Number, &mut mark).is_ok() && mark == Mark::Unknown);
        assert!(parse(b"1,5", Kind::Number, &mut mark).is_ok() && mark == Mark::Comma);
        assert_eq!(parse(b"1.234", Kind::Number, &mut mark), Err(()));
        let mut mark = Mark::Unknown;
        assert!(parse(b"0.5", Kind::Number, &mut mark).is_ok() && mark == Mark::Point);
        assert_eq!(parse(b"1,234", Kind::Number, &mut mark), Err(()));
    }
}
