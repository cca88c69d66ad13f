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
    /// The largest jump, and where the first by most of a turn is.
    largest: f64,
    first: Option<String>,
    /// The first of the numbers that are common marks, with its place, and the least of their
    /// magnitudes.
    mark: Option<DatasetError>,
    least_mark: f64,
}

/// The part of a turn that a jump has at least: no motion that is sampled well makes such a step.
const OF_A_TURN: f64 = 0.8;
/// The part of a turn by which coordinates may exceed its range.
const BEYOND: f64 = 1e-6;

/// Magnitudes of numbers that programs write where there is no value: nines of loggers and weather
/// archives, the least 16-bit integer, the fill values of CMIP (1e20), of NetCDF, and the largest
/// floats.
const MARKS: [f64; 13] = [
    999.0,
    999.9,
    999.99,
    9999.0,
    9999.9,
    99999.0,
    999999.0,
    32768.0,
    1e20,
    9.969209968386869e36,
    9.969209968386869e36f32 as f64,
    f32::MAX as f64,
    f64::MAX,
];
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
            first: None,
            mark: None,
            least_mark: f64::INFINITY,
        }
    }

    /// Another segment begins.
    pub fn begin(&mut self) {
        self.last = None;
    }

    /// Looks at the next number; `column` and `trajectory` name it.
    pub fn at(&mut self, cell: &Cell, value: f64, (column, trajectory): (&str, i64)) {
        let size = value.abs();
        if size >= MARKS[0] && MARKS.contains(&size) {
            self.least_mark = self.least_mark.min(size);
            self.mark.get_or_insert_with(|| DatasetError::Mark {
                path: cell.path.into(),
                column: column.into(),
                trajectory,
                row: cell.in_file as usize,
                value,
            });
            return;
        }
        (self.least, self.most) = (self.least.min(value), self.most.max(value));
        let Some(last) = self.last.replace(value) else { return };
        let step = (value - last).abs();
        if step > OF_A_TURN * TAU {
            self.largest = self.largest.max(step);
            self.first.get_or_insert_with(|| {
                let (row, path) = (cell.in_file, cell.path.display());
                format!("row {row} of {path}, from {last:.4} to {value:.4}")
            });
        }
    }

    /// Whether the column stays within a turn and jumps by nearly that.
    pub fn jump(&self, column: &str) -> Option<Jump> {
        let range = self.most - self.least;
        let is = |turn: f64| range <= turn * (1.0 + BEYOND) && self.largest > OF_A_TURN * turn;
        let degrees = !is(TAU);
        let jump = |place| Jump { column: column.into(), place, degrees };
        self.first.clone().filter(|_| !degrees || is(360.0)).map(jump)
    }

    /// A mark that stands far out.
    pub fn mark(self) -> Option<DatasetError> {
        let others = self.least.abs().max(self.most.abs());
        self.mark
            .filter(|_| others > 0.0 && others.is_finite() && self.least_mark > LARGER * others)
    }
}
