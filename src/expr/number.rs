//! Numbers with a total order, as the languages of e-graphs need them.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A finite number without a negative zero, totally ordered.
#[derive(Clone, Copy, Debug)]
pub struct Number(f64);

impl Number {
    /// The number, unless it is NaN or infinite.
    pub fn new(value: f64) -> Option<Self> {
        // Adding zero turns -0 into 0.
        value.is_finite().then_some(Self(value + 0.0))
    }

    /// A small whole number.
    pub const fn whole(value: i32) -> Self {
        Self(value as f64)
    }

    /// The number as a floating-point one.
    pub fn value(self) -> f64 {
        self.0
    }

    /// True for whole numbers.
    pub fn is_whole(self) -> bool {
        self.0.fract() == 0.0
    }

    /// True for even whole numbers.
    pub fn is_even(self) -> bool {
        self.0 % 2.0 == 0.0
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}
