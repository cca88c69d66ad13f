//! Gaussian radial functions of each component.

use super::{Layer, Order, Scratch};
use crate::linalg::{Lanes, Real, ZipInlined, exp, vectorised};

/// y_(i,k) = exp(-((x_i - c_ik) / width_i)^2), with centres c_ik evenly from one end of a range to
/// the other.
#[derive(Clone, Debug)]
pub struct Radial {
    ranges: Vec<(f64, f64)>,
    centres: usize,
    width: f64,
}

impl Radial {
    /// `centres` functions for each of the `ranges`; `width` is a fraction of a range.
    pub fn new(ranges: Vec<(f64, f64)>, centres: usize, width: f64) -> Self {
        Self { ranges, centres, width }
    }

    /// Calls `f` with each component's index, its functions' first index, (x - c) / width of the
    /// first, the step from one to the next and 1 / width.
    #[inline(always)]
    fn each(&self, x: &[Lanes], mut f: impl FnMut(usize, usize, Lanes, f64, f64)) {
        for (i, (x, (low, high))) in x.iter().zip_inlined(self.ranges.iter().cycle()).enumerate() {
            let range = if high > low { high - low } else { 1.0 };
            let inverse = 1.0 / (self.width * range);
            let step = range * inverse / self.centres.saturating_sub(1).max(1) as f64;
            f(i, i * self.centres, (*x + -*low) * inverse, step, inverse);
        }
    }
}

impl Layer for Radial {
    fn inputs(&self) -> usize {
        self.ranges.len()
    }
    fn outputs(&self) -> usize {
        self.ranges.len() * self.centres
    }

    fn forward(&self, _: &[f64], x: &[Lanes], y: &mut [Lanes], order: Order, _: &mut Scratch) {
        let ((x, dx), (y, dy)) = (order.split(x), order.split_mut(y));
        vectorised(
            #[inline(always)]
            || {
                self.each(
                    x,
                    #[inline(always)]
                    |i, first, u, step, inverse| {
                        for k in 0..self.centres {
                            let u = u + -(step * k as f64);
                            let value = exp(-(u * u));
                            y[first + k] = value;
                            if !dx.is_empty() {
                                dy[first + k] = value * u * dx[i] * (-2.0 * inverse);
                            }
                        }
                    },
                );
            },
        );
    }

    fn reverse(
        &self,
        _: &[f64],
        x: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        _: Option<&mut [f64]>,
        order: Order,
        _: &mut Scratch,
    ) {
        let ((x, dx), (y_bar, dy_bar), (x_bar, dx_bar)) =
            (order.split(x), order.split(y_bar), order.split_mut(x_bar));
        vectorised(
            #[inline(always)]
            || {
                self.each(
                    x,
                    #[inline(always)]
                    |i, first, u, step, inverse| {
                        let (mut bar, mut tangent) = (Lanes::zero(), Lanes::zero());
                        for k in 0..self.centres {
                            let u = u + -(step * k as f64);
                            let value = exp(-(u * u));
                            bar += value * u * y_bar[first + k];
                            if !dx.is_empty() {
                                // The second derivative is (4 u^2 - 2) e^(-u^2) / width^2.
                                tangent += value * u * dy_bar[first + k];
                                let bend = value * (u * u * -2.0 + 1.0) * inverse;
                                bar += bend * dx[i] * dy_bar[first + k];
                            }
                        }
                        x_bar[i] = bar * (-2.0 * inverse);
                        if !dx.is_empty() {
                            dx_bar[i] = tangent * (-2.0 * inverse);
                        }
                    },
                );
            },
        );
    }
}
