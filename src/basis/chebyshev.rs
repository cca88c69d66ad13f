//! Chebyshev polynomials of one scalar on the range of the data, continued calmly outside it.

use serde::{Deserialize, Serialize};

use crate::linalg::{Lanes, Real};

/// T_1 .. T_n of x = (s - centre) / half_width.
///
/// Inside the fitted range |x| <= 1 these are the Chebyshev polynomials; outside, their
/// second-order Taylor continuation from the nearer end. So values, slopes and curvatures are
/// continuous, quadratics stay exact everywhere, and no degree grows faster than a square.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chebyshev {
    /// Middle of the fitted range, in the unit of the scalar.
    pub centre: f64,
    /// Half of the width of the fitted range, positive, in the unit of the scalar.
    pub half_width: f64,
    /// Highest degree n.
    pub degree: usize,
}

impl Chebyshev {
    /// Polynomials up to `degree` on the range `low..high`; a range of no width is given width one.
    pub fn on(low: f64, high: f64, degree: usize) -> Self {
        let half = 0.5 * (high - low);
        let half_width = if half > 1e-12 * (1.0 + low.abs().max(high.abs())) { half } else { 0.5 };
        Self { centre: 0.5 * (low + high), half_width, degree }
    }

    /// Calls `visit(i, T_k, dT_k/ds, d2T_k/ds2)` for each k = `degrees[i]`; degrees ascend, from 1
    /// to n.
    #[inline(always)]
    pub fn visit(
        &self,
        degrees: &[usize],
        s: Lanes,
        mut visit: impl FnMut(usize, Lanes, Lanes, Lanes),
    ) {
        let scale = 1.0 / self.half_width;
        let x = (s - self.centre) * scale;
        let inner = x.map(
            #[inline(always)]
            |x| x.clamp(-1.0, 1.0),
        );
        let excess = x - inner;
        let mut last = [Lanes::splat(1.0), Lanes::zero(), Lanes::zero()];
        let mut this = [inner, Lanes::splat(1.0), Lanes::zero()];
        let mut used = 0;
        for k in 1..=degrees.last().copied().unwrap_or(0) {
            let [t, d, dd] = this;
            if degrees[used] == k {
                let slope = d + dd * excess;
                visit(used, t + (d + slope) * excess * 0.5, slope * scale, dd * (scale * scale));
                used += 1;
            }
            let next = [
                inner * t * 2.0 - last[0],
                (t + inner * d) * 2.0 - last[1],
                (d * 2.0 + inner * dd) * 2.0 - last[2],
            ];
            last = this;
            this = next;
        }
    }

    /// Coefficients c_0 .. c_n of the powers of s in sum_k theta_k T_k(x(s)), k from 1; valid
    /// inside the fitted range.
    pub fn monomials(&self, theta: &[f64]) -> Vec<f64> {
        let n = theta.len();
        let mut total = vec![0.0; n + 1];
        let mut last = vec![0.0; n + 1];
        let mut this = vec![0.0; n + 1];
        last[0] = 1.0;
        let (shift, scale) = (-self.centre / self.half_width, 1.0 / self.half_width);
        this[0] = shift;
        if n > 0 {
            this[1] = scale;
        }
        for &c in theta {
            for (total, t) in total.iter_mut().zip(&this) {
                *total += c * t;
            }
            let next = (0..=n)
                .map(|i| {
                    2.0 * (shift * this[i] + if i > 0 { scale * this[i - 1] } else { 0.0 })
                        - last[i]
                })
                .collect();
            last = std::mem::replace(&mut this, next);
        }
        total
    }
}
