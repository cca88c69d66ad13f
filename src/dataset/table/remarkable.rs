//! What is remarkable in a column of numbers: jumps as of an angle, and marks where a value is
//! missing.

use std::f64::consts::TAU;

use super::source::Cell;
use crate::dataset::DatasetError;

/// What is told of a coordinate that jumps as an angle does.
pub(super) struct Jump {
    pub column: String,
    /// Where the first jump is.
    pub place: String,
    /// Whether it jumps by nearly 360, and not by 2 pi.
    pub degrees: bool,
}

/// A column, as far as it is read.
pub(super) struct Look {
    /// The value of the row before; none at the beginning of a segment.
    last: Option<f64>,
    least: f64,
    most: f64,
    /// The largest jump, and where the first is by most of 2 pi, and by most of 360.
    largest: f64,
    first: [Option<String>; 2],
    /// The largest magnitude of the others.
    others: f64,
    /// Common marks that were larger than all others so far, each with its magnitude and first place.
    marks: Vec<(f64, DatasetError)>,
}

/// Turns in radians and in degrees.
const TURNS: [f64; 2] = [TAU, 360.0];
/// The part of a turn that a jump has at least: no motion that is sampled well makes such a step.
const OF_A_TURN: f64 = 0.8;
/// The part of a turn by which coordinates may exceed its range: what printing in seven digits rounds.
const BEYOND: f64 = 1e-6;

/// Magnitudes of fill values: the largest integers of 16 and 32 bits, those of CMIP, IDL, CDF and
/// NetCDF, and the largest floats.
const FILLS: [f64; 11] = [
    32767.0,
    32768.0,
    65535.0,
    2147483647.0,
    2147483648.0,
    1e20,
    1e30,
    1e31,
    9.969209968386869e36,
    f32::MAX as f64,
    f64::MAX,
];

/// Different marks that are kept of a column: a bound of memory, for programs have one or two.
const MOST_KINDS: usize = 4;

/// Whether loggers and archives write such a number where there is no value: two or more of the digits
/// 7, 8 or 9, all the same, such as -99, 999.9 and -8888; or a fill value.
fn is_mark(size: f64) -> bool {
    // Two decimals at most, and no more digits than an integer holds.
    const DECIMALS: f64 = 100.0;
    if size < 77.0 {
        return false;
    }
    // As they are printed, or as numbers of 32 bits.
    let is = |fill: &f64| (size / fill - 1.0).abs() < 1e-6;
    if FILLS.iter().any(is) {
        return true;
    }
    let hundreds = (size * DECIMALS).round();
    if size > 1e12 || (hundreds / DECIMALS - size).abs() > 1e-6 * size {
        return false;
    }
    let mut digits = hundreds as u64;
    for _ in 0..2 {
        digits = if digits.is_multiple_of(10) { digits / 10 } else { digits };
    }
    let digit = digits % 10;
    while digits % 10 == digit {
        digits /= 10;
    }
    digits == 0 && digit >= 7
}

/// A mark is so many times as large as every other number of its column: motion comes to its largest
/// value through others that are nearly as large.
const LARGER: f64 = 10.0;

impl Look {
    pub fn new() -> Self {
        Self {
            last: None,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            largest: 0.0,
            first: [None, None],
            others: 0.0,
            marks: Vec::new(),
        }
    }

    /// Another segment begins.
    pub fn begin(&mut self) {
        self.last = None;
    }

    /// Looks at the next number; `column` and `trajectory` name it.
    pub fn at(&mut self, cell: &Cell, value: f64, (column, trajectory): (&str, i64)) {
        let size = value.abs();
        // What is smaller is none at the end either.
        if size > LARGER * self.others && is_mark(size) {
            let is_new = !self.marks.iter().any(|(other, _)| *other == size);
            if is_new && self.marks.len() < MOST_KINDS {
                let (path, row) = (cell.path.into(), cell.in_file as usize);
                let column = column.into();
                let mark = DatasetError::Mark { path, column, trajectory, row, value };
                self.marks.push((size, mark));
            }
            return;
        }
        self.others = self.others.max(size);
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
        let Some(last) = self.last.replace(value) else { return };
        let step = (value - last).abs();
        self.largest = self.largest.max(step);
        for (turn, first) in TURNS.into_iter().zip(&mut self.first) {
            if step > OF_A_TURN * turn && first.is_none() {
                let (row, path) = (cell.in_file, cell.path.display());
                *first = Some(format!("row {row} of {path}, from {last:.4} to {value:.4}"));
            }
        }
    }

    /// Whether the column stays within a turn and jumps by nearly that.
    pub fn jump(&self, column: &str) -> Option<Jump> {
        let range = self.most - self.least;
        let is = |turn: f64| range <= turn * (1.0 + BEYOND) && self.largest > OF_A_TURN * turn;
        let turn = TURNS.into_iter().position(is)?;
        Some(Jump { column: column.into(), place: self.first[turn].clone()?, degrees: turn == 1 })
    }

    /// A mark that stands far out of all others, if there are others.
    pub fn mark(mut self) -> Option<DatasetError> {
        if self.least > self.most {
            return None;
        }
        self.marks.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (size, mark) in self.marks {
            if size > LARGER * self.others {
                return Some(mark);
            }
            self.others = size;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::is_mark;

    #[test]
    fn marks_are_repeated_digits_and_fill_values() {
        for mark in [
            99.0,
            999.0,
            999.9,
            99.99,
            9999.0,
            888.0,
            7777.0,
            32768.0,
            1e20,
            9999.1f32 as f64 - 0.1,
        ] {
            assert!(is_mark(mark), "{mark}");
        }
        for number in [0.0, 9.0, 77.5, 998.0, 990.0, 111.0, 9989.0, 1000.0, 1e6, 360.0, 989.8] {
            assert!(!is_mark(number), "{number}");
        }
    }
}
