//! A basis that says little about a law: Chebyshev polynomials of mapped scalars, and products of
//! them.

use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Function, Scalar};
use crate::linalg::{Lanes, Real, ZipInlined, set_zero};
use crate::scalars::ScalarFunction;

/// The variable that polynomials of a scalar are polynomials of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Map {
    /// The scalar itself.
    Identity,
    /// The logarithm of the scalar: for lengths that vary by a large factor, whose inverse powers
    /// it makes smooth.
    Logarithm,
    /// The inverse of the scalar: for inverse powers, in polynomials of low degree.
    Inverse,
    /// The square of the scalar: of a length, where no other function of it is wanted.
    Square,
}

/// A scalar's variable x = (map(s) - centre) / half_width, within -1 .. 1 over the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MappedScalar {
    /// Index of the scalar.
    pub scalar: usize,
    /// What the polynomials are polynomials of.
    pub map: Map,
    /// Middle of the mapped range.
    pub centre: f64,
    /// Half of the width of the mapped range, positive.
    pub half_width: f64,
}

/// Inverses are those of this at most.
const LEAST: f64 = 1e-100;

/// A product of Chebyshev polynomials: for each factor the index of its mapped scalar and the
/// degree, from 1; no mapped scalar twice.
pub type ChebyshevProduct = Vec<(usize, usize)>;

/// h(s; theta) = sum_k theta_k prod_m T_{d_m}(x_{a_m}(s)).
///
/// Outside the data's range the polynomials go on as their second-order Taylor continuations from
/// the nearer end, as those of [`Chebyshev`](super::Chebyshev).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductBasis {
    scalars: usize,
    axes: Vec<MappedScalar>,
    functions: Vec<ChebyshevProduct>,
    /// Highest degree of each mapped scalar.
    degrees: Vec<usize>,
    /// Where the table of each axis begins in the scratch space, and where the last one ends.
    offsets: Vec<usize>,
}

impl MappedScalar {
    /// Maps a scalar whose values range over `low..high` to -1 .. 1.
    pub fn on(scalar: usize, map: Map, (low, high): (f64, f64)) -> Self {
        let (low, high) = match map {
            Map::Identity => (low, high),
            Map::Logarithm => (low.max(f64::MIN_POSITIVE).ln(), high.max(f64::MIN_POSITIVE).ln()),
            Map::Inverse => (high.recip(), low.max(LEAST).recip()),
            Map::Square => (low * low, high * high),
        };
        let half = 0.5 * (high - low);
        let half_width = if half > 1e-12 * (1.0 + low.abs().max(high.abs())) { half } else { 0.5 };
        Self { scalar, map, centre: 0.5 * (low + high), half_width }
    }

    /// The polynomial of degree d within the data's range, given the scalar: in powers of x, so
    /// that roundoff grows with the degree.
    fn expression(&self, scalar: Expr, degree: usize) -> Expr {
        let mapped = match self.map {
            Map::Identity => scalar,
            Map::Logarithm => Expr::Apply(Function::Log, Box::new(scalar)),
            Map::Inverse => Expr::pow(scalar, -1.0),
            Map::Square => Expr::pow(scalar, 2.0),
        };
        let x = Expr::product([
            Expr::Constant(1.0 / self.half_width),
            Expr::sum([mapped, Expr::Constant(-self.centre)]),
        ]);
        let (mut last, mut this) = (vec![1.0], vec![0.0, 1.0]);
        for _ in 0..degree {
            let mut next = vec![0.0; this.len() + 1];
            this.iter().enumerate().for_each(|(k, c)| next[k + 1] += 2.0 * c);
            last.iter().enumerate().for_each(|(k, c)| next[k] -= c);
            last = std::mem::replace(&mut this, next);
        }
        let term = |(k, c): (usize, &f64)| match k {
            0 => Expr::Constant(*c),
            _ => Expr::product([Expr::Constant(*c), Expr::pow(x.clone(), k as f64)]),
        };
        Expr::sum(last.iter().enumerate().filter(|(_, c)| **c != 0.0).map(term))
    }

    /// Derivative by the scalar, at s, of sum_d c_d T_d with the given coefficients c_d, d from 0.
    pub fn slope(&self, coefficients: &[f64], s: f64) -> f64 {
        let degree = coefficients.len().saturating_sub(1);
        let mut table = vec![Lanes::zero(); 3 * (degree + 1)];
        self.table_into(Lanes::splat(s), degree, &mut table);
        coefficients.iter().enumerate().map(|(d, c)| c * table[3 * d + 1].0[0]).sum()
    }

    /// Writes T_k, dT_k/ds and d2T_k/ds2 for k = 0 .. degree to `table`.
    #[inline(always)]
    fn table_into(&self, s: Lanes, degree: usize, table: &mut [Lanes]) {
        let (x, first, second) = match self.map {
            Map::Identity => (s, Lanes::splat(1.0), Lanes::zero()),
            Map::Logarithm => {
                let positive = s.map(|s| s.max(f64::MIN_POSITIVE));
                let inverse = Lanes::splat(1.0) / positive;
                (positive.ln(), inverse, -(inverse * inverse))
            }
            Map::Inverse => {
                let inverse = Lanes::splat(1.0) / s.map(|s| s.max(LEAST));
                let square = inverse * inverse;
                (inverse, -square, square * inverse * 2.0)
            }
            Map::Square => (s * s, s * 2.0, Lanes::splat(2.0)),
        };
        let scale = 1.0 / self.half_width;
        let x = (x + -self.centre) * scale;
        let (first, second) = (first * scale, second * scale);
        let inner = x.map(
            #[inline(always)]
            |x| x.clamp(-1.0, 1.0),
        );
        let excess = x + -inner;
        table[..3].copy_from_slice(&[Lanes::splat(1.0), Lanes::zero(), Lanes::zero()]);
        let mut last = [Lanes::splat(1.0), Lanes::zero(), Lanes::zero()];
        let mut this = [inner, Lanes::splat(1.0), Lanes::zero()];
        for k in 1..=degree {
            let [t, d, dd] = this;
            let slope = d + dd * excess;
            table[3 * k] = t + (d + slope) * excess * 0.5;
            table[3 * k + 1] = slope * first;
            table[3 * k + 2] = dd * first * first + slope * second;
            let next = [
                inner * t * 2.0 - last[0],
                (t + inner * d) * 2.0 - last[1],
                (d * 2.0 + inner * dd) * 2.0 - last[2],
            ];
            last = this;
            this = next;
        }
    }
}

impl ProductBasis {
    /// A basis of given functions over `scalars` scalars.
    pub fn new(scalars: usize, axes: Vec<MappedScalar>, functions: Vec<ChebyshevProduct>) -> Self {
        let mut degrees = vec![0; axes.len()];
        for &(axis, degree) in functions.iter().flatten() {
            degrees[axis] = degrees[axis].max(degree);
        }
        let mut offsets = vec![0];
        for degree in &degrees {
            offsets.push(offsets[offsets.len() - 1] + 3 * (degree + 1));
        }
        Self { scalars, axes, functions, degrees, offsets }
    }

    /// The functions, in the order of their parameters.
    pub fn functions(&self) -> &[ChebyshevProduct] {
        &self.functions
    }

    /// The mapped scalars.
    pub fn axes(&self) -> &[MappedScalar] {
        &self.axes
    }

    /// The function with given parameters as an expression of the scalars: exact within the data's
    /// range, but for roundoff that grows with the degree.
    pub fn expression(&self, theta: &[f64], scalars: &[Scalar]) -> Expr {
        let term = |(product, c): (&ChebyshevProduct, &f64)| {
            let factor = |&(axis, degree): &(usize, usize)| {
                let axis = &self.axes[axis];
                axis.expression(Expr::Scalar(scalars[axis.scalar].clone()), degree)
            };
            Expr::product(std::iter::once(Expr::Constant(*c)).chain(product.iter().map(factor)))
        };
        Expr::sum(self.functions.iter().zip(theta).map(term))
    }

    /// The basis that keeps only the functions in `kept`.
    pub fn subset(&self, kept: &[usize]) -> Self {
        Self::new(
            self.scalars,
            self.axes.clone(),
            kept.iter().map(|&k| self.functions[k].clone()).collect(),
        )
    }

    /// Fills the tables of all axes; axis a begins at the a-th offset.
    #[inline(always)]
    fn tables_into(&self, s: &[Lanes], work: &mut [Lanes]) {
        for ((axis, &degree), at) in
            self.axes.iter().zip_inlined(&self.degrees).zip_inlined(self.offsets.windows(2))
        {
            if degree > 0 {
                axis.table_into(s[axis.scalar], degree, &mut work[at[0]..at[1]]);
            }
        }
    }

    /// Calls `visit(k, i, dphi_k/ds_i)` for every parameter k and every scalar i that it depends
    /// on.
    #[inline(always)]
    pub fn slopes(
        &self,
        s: &[Lanes],
        work: &mut [Lanes],
        mut visit: impl FnMut(usize, usize, Lanes),
    ) {
        self.tables_into(s, work);
        for (k, function) in self.functions.iter().enumerate() {
            for (m, &(axis, degree)) in function.iter().enumerate() {
                let mut slope = work[self.offsets[axis] + 3 * degree + 1];
                for (_, &(other, degree)) in function.iter().enumerate().filter(|(n, _)| *n != m) {
                    slope *= work[self.offsets[other] + 3 * degree];
                }
                visit(k, self.axes[axis].scalar, slope);
            }
        }
    }
}

impl ScalarFunction for ProductBasis {
    fn scalars(&self) -> usize {
        self.scalars
    }
    fn parameters(&self) -> usize {
        self.functions.len()
    }
    fn work_len(&self) -> usize {
        self.offsets[self.axes.len()]
    }

    #[inline(always)]
    fn value(&self, theta: &[f64], s: &[Lanes], work: &mut [Lanes]) -> Lanes {
        self.tables_into(s, work);
        let mut sum = Lanes::zero();
        for (function, theta) in self.functions.iter().zip_inlined(theta) {
            let mut product = Lanes::splat(*theta);
            for &(axis, degree) in function {
                product *= work[self.offsets[axis] + 3 * degree];
            }
            sum += product;
        }
        sum
    }

    #[inline(always)]
    fn gradient_into(
        &self,
        theta: &[f64],
        s: &[Lanes],
        gradient: &mut [Lanes],
        work: &mut [Lanes],
    ) {
        set_zero(gradient);
        self.slopes(
            s,
            work,
            #[inline(always)]
            |k, i, slope| gradient[i] += slope * theta[k],
        );
    }

    #[inline(always)]
    fn tangent_gradient_into(
        &self,
        theta: &[f64],
        s: &[Lanes],
        ds: &[Lanes],
        gradient: &mut [Lanes],
        curvature: &mut [Lanes],
        theta_bar: &mut [Lanes],
        work: &mut [Lanes],
    ) {
        self.tables_into(s, work);
        set_zero(gradient);
        set_zero(curvature);
        for (k, function) in self.functions.iter().enumerate() {
            for (m, &(axis, degree)) in function.iter().enumerate() {
                let i = self.axes[axis].scalar;
                // The product of the factors but m and one more, for each pair; the pair with
                // itself has the second derivative.
                let mut slope = Lanes::splat(1.0);
                let mut bend = work[self.offsets[axis] + 3 * degree + 2] * ds[i];
                for (n, &(other, d)) in function.iter().enumerate().filter(|(n, _)| *n != m) {
                    slope *= work[self.offsets[other] + 3 * d];
                    bend *= work[self.offsets[other] + 3 * d];
                    let mut mixed = work[self.offsets[axis] + 3 * degree + 1]
                        * work[self.offsets[other] + 3 * d + 1];
                    for (_, &(third, d)) in
                        function.iter().enumerate().filter(|(l, _)| *l != m && *l != n)
                    {
                        mixed *= work[self.offsets[third] + 3 * d];
                    }
                    curvature[i] += mixed * ds[self.axes[other].scalar] * theta[k];
                }
                slope *= work[self.offsets[axis] + 3 * degree + 1];
                gradient[i] += slope * theta[k];
                curvature[i] += bend * theta[k];
                theta_bar[k] += slope * ds[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// h at real scalars, and the derivatives that the basis gives along a direction.
    fn derivatives(
        basis: &ProductBasis,
        theta: &[f64],
        s: &[f64],
        ds: &[f64],
    ) -> (f64, [Vec<f64>; 3]) {
        let lanes = |x: &[f64]| x.iter().map(|x| Lanes::splat(*x)).collect::<Vec<_>>();
        let numbers = |x: &[Lanes]| x.iter().map(|x| x.0[0]).collect::<Vec<f64>>();
        let mut work = vec![Lanes::zero(); basis.work_len()];
        let value = basis.value(theta, &lanes(s), &mut work).0[0];
        let (mut gradient, mut curvature) =
            (vec![Lanes::zero(); s.len()], vec![Lanes::zero(); s.len()]);
        let mut theta_bar = vec![Lanes::zero(); theta.len()];
        basis.tangent_gradient_into(
            theta,
            &lanes(s),
            &lanes(ds),
            &mut gradient,
            &mut curvature,
            &mut theta_bar,
            &mut work,
        );
        (value, [numbers(&gradient), numbers(&curvature), numbers(&theta_bar)])
    }

    #[test]
    fn gradient_of_products_agrees_with_differences() {
        let axes = vec![
            MappedScalar::on(0, Map::Identity, (-1.0, 2.0)),
            MappedScalar::on(1, Map::Logarithm, (0.5, 4.0)),
            MappedScalar::on(2, Map::Identity, (0.0, 1.0)),
            MappedScalar::on(1, Map::Inverse, (0.5, 4.0)),
            MappedScalar::on(2, Map::Square, (0.5, 4.0)),
        ];
        let functions = vec![
            vec![(0, 3)],
            vec![(1, 2)],
            vec![(0, 2), (1, 3)],
            vec![(0, 1), (1, 1), (2, 2)],
            vec![(3, 2), (0, 1)],
            vec![(4, 2)],
        ];
        let basis = ProductBasis::new(3, axes, functions);
        let (theta, ds) = ([0.7, -0.4, 0.9, 1.3, -0.6, 0.8], [0.3, -0.8, 0.5]);
        // The last state is outside the ranges.
        for s in [[0.4, 1.7, 0.6], [2.6, 5.0, -0.2]] {
            let (_, [gradient, curvature, theta_bar]) = derivatives(&basis, &theta, &s, &ds);
            let step = 1e-6;
            for i in 0..3 {
                let moved = |sign: f64| -> [f64; 3] {
                    std::array::from_fn(|k| s[k] + if k == i { sign * step } else { 0.0 })
                };
                let (up, [up_gradient, ..]) = derivatives(&basis, &theta, &moved(1.0), &ds);
                let (down, [down_gradient, ..]) = derivatives(&basis, &theta, &moved(-1.0), &ds);
                assert!(
                    ((up - down) / (2.0 * step) - gradient[i]).abs()
                        < 1e-7 * (1.0 + gradient[i].abs())
                );
                let along: f64 = (0..3)
                    .map(|k| (up_gradient[k] - down_gradient[k]) / (2.0 * step) * ds[k])
                    .sum();
                assert!(
                    (along - curvature[i]).abs() < 1e-6 * (1.0 + curvature[i].abs()),
                    "{along} {}",
                    curvature[i]
                );
            }
            for (k, bar) in theta_bar.iter().enumerate() {
                let unit: Vec<f64> = (0..6).map(|i| f64::from(u8::from(i == k))).collect();
                let (_, [gradient, ..]) = derivatives(&basis, &unit, &s, &ds);
                let tangent: f64 = gradient.iter().zip(ds).map(|(g, d)| g * d).sum();
                assert!((tangent - bar).abs() < 1e-12 * (1.0 + bar.abs()));
            }
        }
    }
}
