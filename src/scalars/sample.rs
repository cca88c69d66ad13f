//! Scalars over many states: their values, their ranges, and which of them are independent.

use ndarray::{Array2, ArrayView2};

use super::{Inputs, InputsError, ScalarSet};
use crate::expr::Scalar;
use crate::linalg::{LANES, Lanes, Real, independent_columns, triangular_factor};

/// A scalar whose gradient is a combination of earlier ones to this relative accuracy is dependent.
const TOLERANCE: f64 = 1e-9;
/// So many states decide about dependence.
const SAMPLE: usize = 512;

impl ScalarSet {
    /// The `candidates` that are linearly independent of the earlier ones and of constants, judged
    /// by the rank of their gradients at the `states` (n x dim).
    ///
    /// # Errors
    /// [`InputsError::Unknown`] when a scalar names a vector that the inputs lack;
    /// [`InputsError::Linalg`] when a gradient is not finite.
    pub fn independent(
        inputs: &Inputs,
        candidates: Vec<Scalar>,
        states: ArrayView2<f64>,
    ) -> Result<Self, InputsError> {
        let all = Self::new(inputs, candidates)?;
        let stride = states.nrows().div_ceil(SAMPLE).max(1);
        let rows = match all.dimension() {
            1 => all.gradient_rows::<1>(states, stride),
            2 => all.gradient_rows::<2>(states, stride),
            _ => all.gradient_rows::<3>(states, stride),
        };
        let kept = independent_columns(&triangular_factor(&rows)?, TOLERANCE)?;
        Self::new(inputs, kept.into_iter().map(|i| all.scalars()[i].clone()).collect())
    }

    /// Smallest and largest value of each scalar over `states` (n x dim).
    pub fn ranges(&self, states: ArrayView2<f64>) -> Vec<(f64, f64)> {
        let values = self.values(states);
        values
            .columns()
            .into_iter()
            .map(|c| {
                c.iter()
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)))
            })
            .collect()
    }

    /// The scalars of the rows of `states` (n x dim): n x number of scalars.
    pub fn values(&self, states: ArrayView2<f64>) -> Array2<f64> {
        match self.dimension() {
            1 => self.values_in::<1>(states),
            2 => self.values_in::<2>(states),
            _ => self.values_in::<3>(states),
        }
    }

    fn values_in<const D: usize>(&self, states: ArrayView2<f64>) -> Array2<f64> {
        let mut values = Array2::zeros((states.nrows(), self.len()));
        let mut frame = self.frame::<D>();
        let mut s = vec![Lanes::zero(); self.len()];
        for first in (0..states.nrows()).step_by(LANES) {
            self.values_into(&block(states, first, 1), &mut frame, &mut s);
            for row in first..(first + LANES).min(states.nrows()) {
                values.row_mut(row).iter_mut().zip(&s).for_each(|(v, s)| *v = s.0[row - first]);
            }
        }
        values
    }

    /// Gradients of the scalars (columns) at every `stride`-th state, component by component
    /// (rows), in blocks of eight states.
    fn gradient_rows<const D: usize>(
        &self,
        states: ArrayView2<f64>,
        stride: usize,
    ) -> Vec<Array2<f64>> {
        let (dim, m) = (self.state_len(), self.len());
        let mut frame = self.frame::<D>();
        let mut s = vec![Lanes::zero(); m];
        let mut gradient = vec![Lanes::zero(); dim];
        let blocks = (0..states.nrows()).step_by(stride * LANES);
        blocks
            .map(|first| {
                self.values_into(&block(states, first, stride), &mut frame, &mut s);
                let mut rows = Array2::zeros((dim * LANES, m));
                for i in 0..m {
                    let mut unit = vec![Lanes::zero(); m];
                    unit[i] = Lanes::splat(1.0);
                    self.gradient_into(&unit, &mut frame, &mut gradient);
                    let flat = gradient.iter().flat_map(|g| g.0);
                    rows.column_mut(i).iter_mut().zip(flat).for_each(|(r, g)| *r = g);
                }
                rows
            })
            .collect()
    }
}

/// Eight rows of `states` from `first`, `stride` apart, as lanes; the last row stands in for
/// missing ones.
fn block(states: ArrayView2<f64>, first: usize, stride: usize) -> Vec<Lanes> {
    let row = |lane: usize| (first + lane * stride).min(states.nrows() - 1);
    states
        .columns()
        .into_iter()
        .map(|column| Lanes(std::array::from_fn(|lane| column[row(lane)])))
        .collect()
}
