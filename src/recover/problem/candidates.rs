//! The scalars that a law may be a function of.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1, ArrayView2, s};

use crate::expr::{Scalar, Vector};
use crate::field::Shape;
use crate::scalars::{Inputs, ScalarSet};

/// A scalar that may be in the law, with what speaks against it: among equals those of low rank
/// stay.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateScalar {
    /// The scalar.
    pub scalar: Scalar,
    /// 0 for lengths and components along context vectors, more for what such can replace.
    pub rank: usize,
}

/// The part of the values on either side that does not decide about ranges.
const EXTREME: f64 = 0.003;

/// All scalars of the input vectors, without those that are functions of one other, and the
/// parameters of runs.
pub fn candidates(inputs: &Inputs) -> Vec<CandidateScalar> {
    let n = inputs.shape.particles;
    let positions: Vec<Vector> = (1..=n).map(|i| inputs.position(i)).collect();
    let momenta: Vec<Vector> = (1..=n).map(|i| inputs.momentum(i)).collect();
    let relative: Vec<Vector> = (1..n)
        .flat_map(|j| (0..j).map(move |i| (i, j)))
        .map(|(i, j)| &positions[j] - &positions[i])
        .collect();
    let context: Vec<Vector> = inputs.vectors().map(Vector::named).collect();
    let mut found: Vec<CandidateScalar> = Vec::new();
    let mut add = |scalar: Scalar, rank: usize| {
        if !found.iter().any(|c| c.scalar == scalar) {
            found.push(CandidateScalar { scalar, rank });
        }
    };
    for name in inputs.parameters() {
        add(Scalar::Parameter(name.into()), 0);
    }
    for v in momenta.iter().chain(&positions).chain(&relative) {
        add(Scalar::norm(v.clone()), 0);
    }
    for c in &context {
        positions.iter().chain(&momenta).for_each(|v| add(Scalar::dot(c.clone(), v.clone()), 1));
        relative.iter().for_each(|v| add(Scalar::dot(c.clone(), v.clone()), 2));
    }
    for i in 0..n {
        for j in 0..n {
            add(Scalar::dot(positions[i].clone(), momenta[j].clone()), 3);
            if i < j {
                add(Scalar::dot(momenta[i].clone(), momenta[j].clone()), 3);
                add(Scalar::dot(positions[i].clone(), positions[j].clone()), 4);
            }
        }
    }
    found
}

/// A scalar varies if its range is a larger part of its size than this, the square root of machine
/// epsilon: of what varies less, scaled to its range, roundoff leaves fewer than half the digits.
pub(crate) const VARIES: f64 = 1.5e-8;

/// The largest that a scalar could be on states whose vectors have these lengths: roundoff of its
/// value is in proportion to it, however small the value itself.
fn size(scalar: &Scalar, length: &dyn Fn(&str) -> f64) -> f64 {
    let of = |v: &Vector| v.terms().iter().map(|(name, c)| c.abs() * length(name)).sum::<f64>();
    match scalar {
        Scalar::Parameter(name) => length(name),
        Scalar::Norm(v) => of(v),
        Scalar::Dot(a, b) => of(a) * of(b),
    }
}

/// Of each scalar the range of its values as [`robust_ranges`] gives it, or, where it is constant
/// but for roundoff, its value twice.
pub(crate) fn ranges(inputs: &Inputs, set: &ScalarSet, states: ArrayView2<f64>) -> Vec<(f64, f64)> {
    let largest = |vector: &dyn Fn(ArrayView1<f64>) -> f64| {
        states.rows().into_iter().map(vector).fold(0.0, f64::max)
    };
    let norm = |x: ArrayView1<f64>| x.dot(&x).sqrt();
    let Shape { particles, dimension } = inputs.shape;
    let slots = inputs.slots();
    let mut lengths = BTreeMap::from([("q0".to_string(), norm(ArrayView1::from(&inputs.origin)))]);
    for (letter, first) in [("q", 0), ("p", slots * dimension)] {
        for i in 0..particles {
            let at = first + i * dimension;
            let length = largest(&|row| norm(row.slice(s![at..at + dimension])));
            lengths.insert(format!("{letter}{}", i + 1), length);
        }
    }
    for (name, value) in &inputs.context {
        lengths.insert(name.clone(), norm(ArrayView1::from(value)));
    }
    for (k, input) in inputs.of_run.iter().enumerate() {
        let at = (particles + k) * dimension;
        let length = largest(&|row| norm(row.slice(s![at..at + dimension])));
        lengths.insert(input.name().into(), length);
    }
    let length = |name: &str| lengths.get(name).copied().unwrap_or(0.0);
    let all = robust_ranges(&set.values(states));
    let range = |(scalar, (low, high)): (&Scalar, (f64, f64))| {
        let (roundoff, middle) = (VARIES * size(scalar, &length), 0.5 * (low + high));
        match high - low > roundoff {
            true => (low, high),
            false if middle.abs() > roundoff => (middle, middle),
            false => (0.0, 0.0),
        }
    };
    set.scalars().iter().zip(all).map(range).collect()
}

/// Of each column the range of all but the most extreme values, widened by a tenth of its width
/// where there are any beyond.
pub(crate) fn robust_ranges(values: &Array2<f64>) -> Vec<(f64, f64)> {
    let range = |column: ndarray::ArrayView1<f64>| {
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len().saturating_sub(1);
        let at = |q: f64| sorted.get((n as f64 * q).round() as usize).copied().unwrap_or(0.0);
        let (low, high) = (at(EXTREME), at(1.0 - EXTREME));
        let margin = 0.1 * (high - low);
        ((low - margin).max(at(0.0)), (high + margin).min(at(1.0)))
    };
    values.columns().into_iter().map(range).collect()
}
