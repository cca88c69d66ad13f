//! Constants of a form: those it is linear in by variable projection, those inside by
//! Levenberg-Marquardt.
//!
//! Variable projection: Golub & Pereyra 1973 (SIAM J. Numer. Anal. 10, 413), with the derivative
//! simplified by Kaufman 1975 (BIT 15, 49). Damping: Marquardt 1963 (J. SIAM 11, 431).

use ndarray::Array2;

use crate::linalg::{Lanes, Real, ZipInlined, inverse_spd};
use crate::search::form::Form;
use crate::search::starts::Starts;
use crate::search::tape::registers::Registers;
use crate::search::tape::{MAX_INNER, Slot, Tape};
use crate::search::target::{Problem, dot, whiten_into};

/// Fitted constants, in the form's order, and the sum of squares that is left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fit {
    pub theta: Vec<f64>,
    pub squares: f64,
}

/// A column whose part outside of the others is smaller than this is taken as dependent on them.
const DEPENDENT: f64 = 1e-11;

/// A form whose sum of squares is this many times that of a simpler one after a few steps is given
/// up.
const HOPELESS: f64 = 100.0;

/// One that is below this many times is fitted to the end.
const PROMISING: f64 = 3.0;

/// Draws of a glance, for each of up to four constants inside.
const GLANCES: usize = 2;

/// A form with what it takes to fit it.
pub(crate) struct Fitter<'a> {
    tape: Tape,
    problem: &'a Problem,
    registers: Registers,
    /// Orthonormal columns of the linear constants, then derivatives of the inner ones.
    columns: Vec<Vec<Lanes>>,
    slopes: Vec<Vec<Lanes>>,
    residual: Vec<Lanes>,
    saved: Vec<Lanes>,
    measured: Measured,
    /// Upper triangle: row-major, linear x linear.
    triangle: Vec<f64>,
    linear: Vec<f64>,
}

/// One component before and after it is whitened.
struct Measured {
    raw: Vec<Lanes>,
    whitened: Vec<Lanes>,
}

/// Takes a multiple of `b` from `a`.
#[inline(always)]
pub(crate) fn subtract(a: &mut [Lanes], factor: f64, b: &[Lanes]) {
    for (a, b) in a.iter_mut().zip_inlined(b) {
        *a -= *b * factor;
    }
}

impl<'a> Fitter<'a> {
    /// `None` when the form has too many constants.
    pub fn new(form: &Form, problem: &'a Problem) -> Option<Self> {
        let tape = Tape::new(form, problem)?;
        let (k, p, rows) = (tape.linear, tape.inner_constants(), problem.data.len());
        let empty = vec![Lanes::zero(); rows];
        Some(Self {
            registers: tape.registers(problem),
            columns: vec![empty.clone(); k],
            slopes: vec![empty.clone(); p],
            residual: empty.clone(),
            saved: empty,
            measured: Measured {
                raw: vec![Lanes::zero(); problem.weights.len()],
                whitened: vec![Lanes::zero(); problem.data.len()],
            },
            triangle: vec![0.0; k * k],
            linear: vec![0.0; k],
            tape,
            problem,
        })
    }

    /// A component of a term's register in the data: weighted in all measurements, and whitened
    /// where these are not independent.
    fn gather(
        problem: &Problem,
        (registers, measured): (&Registers, &mut Measured),
        register: Option<usize>,
        b: usize,
        mut each: impl FnMut(usize, Lanes),
    ) {
        let Some(rows) = &problem.whitening else {
            return Self::measure(problem, registers, register, b, each);
        };
        let Measured { raw, whitened } = measured;
        Self::measure(problem, registers, register, b, |i, x| raw[i] = x);
        whiten_into(rows, raw, whitened);
        whitened.iter().enumerate().for_each(|(i, x)| each(i, *x));
    }

    fn measure(
        problem: &Problem,
        registers: &Registers,
        register: Option<usize>,
        b: usize,
        mut each: impl FnMut(usize, Lanes),
    ) {
        let blocks = problem.blocks();
        let first = usize::from(!problem.has_values);
        for m in 0..problem.weights.len() / blocks.max(1) {
            match register {
                Some(r) => {
                    let values = registers.get(r, m + first, b);
                    (0..blocks).for_each(|k| {
                        each(m * blocks + k, values[k] * problem.weights[m * blocks + k])
                    });
                }
                None if m + first == 0 && b == 0 => {
                    (0..blocks).for_each(|k| each(k, problem.weights[k]))
                }
                None => (0..blocks).for_each(|k| each(m * blocks + k, Lanes::zero())),
            }
        }
    }

    /// Runs the tape and solves for the linear constants; the sum of squares that is left, infinite
    /// where the form has no value.
    fn project(&mut self, inner: &[f64], derivatives: bool) -> f64 {
        if !self.tape.run(inner, self.problem, &mut self.registers, derivatives) {
            return f64::INFINITY;
        }
        self.solve()
    }

    fn solve(&mut self) -> f64 {
        crate::linalg::vectorised(
            #[inline(always)]
            || self.solve_plain(),
        )
    }

    #[inline(always)]
    fn solve_plain(&mut self) -> f64 {
        self.residual.copy_from_slice(&self.problem.data);
        let (problem, from) = (self.problem, (&self.registers, &mut self.measured));
        for term in &self.tape.terms {
            match term.coefficient {
                Some(k) => {
                    let column = &mut self.columns[k];
                    Self::gather(problem, (from.0, &mut *from.1), term.register, 0, |i, x| {
                        column[i] = x
                    });
                }
                None => {
                    let residual = &mut self.residual;
                    Self::gather(problem, (from.0, &mut *from.1), term.register, 0, |i, x| {
                        residual[i] -= x
                    });
                }
            }
        }
        let n = self.tape.linear;
        let mut shares = [0.0; 64];
        for k in 0..n {
            let (known, rest) = self.columns.split_at_mut(k);
            let column = &mut rest[0];
            let scale = dot(column, column).sqrt();
            for _ in 0..2 {
                for (j, q) in known.iter().enumerate() {
                    let share = dot(q, column);
                    subtract(column, share, q);
                    self.triangle[j * n + k] += share;
                }
            }
            let norm = dot(column, column).sqrt();
            let independent = norm > DEPENDENT * scale && norm.is_finite();
            let inverse = if independent { 1.0 / norm } else { 0.0 };
            column.iter_mut().for_each(|x| *x = *x * inverse);
            self.triangle[k * n + k] = if independent { norm } else { 0.0 };
            let share = dot(column, &self.residual);
            subtract(&mut self.residual, share, column);
            if let Some(place) = shares.get_mut(k) {
                *place = share;
            }
        }
        for k in (0..n).rev() {
            let sum: f64 = (k + 1..n).map(|j| self.triangle[k * n + j] * self.linear[j]).sum();
            let pivot = self.triangle[k * n + k];
            self.linear[k] = if pivot > 0.0 {
                (shares.get(k).copied().unwrap_or(0.0) - sum) / pivot
            } else {
                0.0
            };
        }
        self.triangle.fill(0.0);
        let squares = dot(&self.residual, &self.residual);
        if squares.is_finite() { squares } else { f64::INFINITY }
    }

    /// After [`project`](Self::project) with derivatives: the model's derivatives with respect to
    /// the constants inside, without what the linear ones can follow when `projected`.
    fn differentiate(&mut self, projected: bool) {
        let (problem, from) = (self.problem, (&self.registers, &mut self.measured));
        for (p, slope) in self.slopes.iter_mut().enumerate() {
            slope.fill(Lanes::zero());
            for term in self.tape.terms.iter().filter(|t| t.register.is_some()) {
                let factor = term.coefficient.map_or(1.0, |k| self.linear[k]);
                Self::gather(problem, (from.0, &mut *from.1), term.register, p + 1, |i, x| {
                    slope[i] += x * factor
                });
            }
            if projected {
                let before = dot(slope, slope);
                for q in &self.columns {
                    let share = dot(q, slope);
                    subtract(slope, share, q);
                }
                // The linear constants do all that this one can.
                if dot(slope, slope) <= DEPENDENT * before {
                    slope.fill(Lanes::zero());
                }
            }
        }
    }

    /// Levenberg-Marquardt from constants inside with a sum of squares; improves both. Ends after
    /// `iterations`, or when the sum of squares falls by less than a fraction `least` of itself, or
    /// is below `floor`.
    fn improve(
        &mut self,
        inner: &mut [f64],
        squares: &mut f64,
        iterations: usize,
        least: f64,
        floor: f64,
    ) {
        let mut damping = 1e-2;
        for _ in 0..iterations {
            if *squares <= floor || !self.project(inner, true).is_finite() {
                return;
            }
            self.differentiate(true);
            self.saved.copy_from_slice(&self.residual);
            let before = *squares;
            let mut better = false;
            for _ in 0..6 {
                let Some(step) = self.step(damping) else { return };
                let trial: Vec<f64> = inner.iter().zip(&step).map(|(x, d)| x + d).collect();
                let found = self.project(&trial, false);
                if found < *squares {
                    inner.copy_from_slice(&trial);
                    (*squares, better) = (found, true);
                    damping = (damping * 0.1).max(1e-12);
                    break;
                }
                self.residual.copy_from_slice(&self.saved);
                damping = (damping * 8.0).min(1e12);
            }
            if !better || before - *squares < least * before {
                return;
            }
        }
    }

    /// The damped Gauss-Newton step.
    fn step(&self, damping: f64) -> Option<[f64; MAX_INNER]> {
        let n = self.slopes.len();
        let scale: Vec<f64> = self.slopes.iter().map(|s| dot(s, s).sqrt()).collect();
        let unit = |i: usize| if scale[i] > 0.0 { 1.0 / scale[i] } else { 0.0 };
        let mut a = [[0.0; MAX_INNER]; MAX_INNER];
        let mut step = [0.0; MAX_INNER];
        for i in 0..n {
            for (j, a) in a[i].iter_mut().enumerate().take(i) {
                *a = dot(&self.slopes[i], &self.slopes[j]) * unit(i) * unit(j);
            }
            a[i][i] = 1.0 + damping;
            step[i] = dot(&self.slopes[i], &self.residual) * unit(i);
        }
        // Cholesky in place, then both triangular solves.
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = a[i][j] - (0..j).map(|k| a[i][k] * a[j][k]).sum::<f64>();
                if i == j {
                    if sum.is_nan() || sum <= 0.0 {
                        return None;
                    }
                    a[i][i] = sum.sqrt();
                } else {
                    a[i][j] = sum / a[j][j];
                }
            }
        }
        for i in 0..n {
            step[i] = (step[i] - (0..i).map(|k| a[i][k] * step[k]).sum::<f64>()) / a[i][i];
        }
        for i in (0..n).rev() {
            step[i] = (step[i] - (i + 1..n).map(|k| a[k][i] * step[k]).sum::<f64>()) / a[i][i];
        }
        (0..n).for_each(|i| step[i] *= unit(i));
        step.iter().all(|s| s.is_finite()).then_some(step)
    }

    /// All constants in the form's order.
    fn theta(&self, inner: &[f64]) -> Vec<f64> {
        let value = |slot: &Slot| match slot {
            Slot::Linear(k) => self.linear[*k],
            Slot::Inner(p) => inner[*p],
        };
        self.tape.slots.iter().map(value).collect()
    }

    /// The constants inside, out of all.
    fn inner(&self, theta: &[f64]) -> Vec<f64> {
        let inner =
            self.tape.slots.iter().zip(theta).filter(|(slot, _)| matches!(slot, Slot::Inner(_)));
        inner.map(|(_, value)| *value).collect()
    }

    /// Fits from several starts; those that look bad are given up early, unless they come close to
    /// `bar`.
    pub fn fit(&mut self, starts: &Starts, bar: f64) -> Option<Fit> {
        let inner = self.tape.inner_constants();
        let floor = self.problem.roundoff() * self.problem.rows as f64;
        if inner == 0 {
            let squares = self.project(&[], false);
            return squares.is_finite().then(|| Fit { theta: self.theta(&[]), squares });
        }
        let mut tried: Vec<(f64, Vec<f64>)> =
            (0..starts.count(inner)).filter_map(|k| self.draw(starts, k)).collect();
        for (keep, iterations, least) in [(4, 4, 1e-3), (2, 12, 1e-3)] {
            tried.sort_by(|a, b| a.0.total_cmp(&b.0));
            if keep == 2 && tried.first().is_some_and(|(squares, _)| *squares > HOPELESS * bar) {
                break;
            }
            tried.dedup_by(|b, a| (a.0 - b.0).abs() <= 1e-9 * a.0);
            tried.truncate(keep);
            for (squares, theta) in &mut tried {
                self.improve(theta, squares, iterations, least, floor);
            }
        }
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut squares, mut theta) = tried.into_iter().next()?;
        if squares < PROMISING * bar {
            self.improve(&mut theta, &mut squares, 40, 1e-7, floor);
        }
        let squares = self.project(&theta, false);
        squares.is_finite().then(|| Fit { theta: self.theta(&theta), squares })
    }

    /// The sum of squares with the constants inside just drawn, the best of a few draws.
    pub fn glance(&mut self, starts: &Starts) -> Option<f64> {
        let inner = self.tape.inner_constants();
        if inner == 0 {
            return Some(self.project(&[], false)).filter(|s| s.is_finite());
        }
        let draws = 0..GLANCES * (1 + inner.min(3));
        let squares = draws.filter_map(|k| self.draw(starts, k).map(|(squares, _)| squares));
        squares.min_by(f64::total_cmp)
    }

    /// The weighted column of the first term of a form with these constants inside; `None` where it
    /// has no value.
    pub fn column(mut self, inner: &[f64]) -> Option<Vec<Lanes>> {
        if self.tape.inner_constants() != inner.len()
            || !self.tape.run(inner, self.problem, &mut self.registers, false)
        {
            return None;
        }
        let register = self.tape.terms.first()?.register;
        let column = &mut self.residual;
        Self::gather(self.problem, (&self.registers, &mut self.measured), register, 0, |i, x| {
            column[i] = x
        });
        let finite = dot(column, column).is_finite();
        finite.then_some(self.residual)
    }

    /// One start with its sum of squares.
    fn draw(&mut self, starts: &Starts, k: usize) -> Option<(f64, Vec<f64>)> {
        let mut theta = vec![0.0; self.tape.inner_constants()];
        let mut drawing = starts.drawing(k);
        let mut draw = |role, p: usize, x: &[Lanes], y: &[Lanes]| drawing.draw(role, p, x, y);
        if !self.tape.run_drawing(&mut theta, self.problem, &mut self.registers, &mut draw) {
            return None;
        }
        let squares = self.solve();
        squares.is_finite().then_some((squares, theta))
    }

    /// Fits from given constants, to the end.
    pub fn refit(&mut self, theta: &[f64]) -> Option<Fit> {
        let mut inner = self.inner(theta);
        let mut squares = self.project(&inner, false);
        if squares.is_finite() {
            self.improve(&mut inner, &mut squares, 200, 1e-13, 0.0);
        }
        let squares = self.project(&inner, false);
        squares.is_finite().then(|| Fit { theta: self.theta(&inner), squares })
    }

    /// The sum of squares with all constants given.
    pub fn squares_at(&mut self, theta: &[f64]) -> f64 {
        let inner = self.inner(theta);
        if !self.tape.run(&inner, self.problem, &mut self.registers, false) {
            return f64::INFINITY;
        }
        let coefficients: Vec<f64> = self
            .tape
            .slots
            .iter()
            .zip(theta)
            .filter(|(s, _)| matches!(s, Slot::Linear(_)))
            .map(|(_, v)| *v)
            .collect();
        self.residual.copy_from_slice(&self.problem.data);
        let residual = &mut self.residual;
        for term in &self.tape.terms {
            let factor = term.coefficient.map_or(1.0, |k| coefficients[k]);
            Self::gather(
                self.problem,
                (&self.registers, &mut self.measured),
                term.register,
                0,
                |i, x| residual[i] -= x * factor,
            );
        }
        let squares = dot(&self.residual, &self.residual);
        if squares.is_finite() { squares } else { f64::INFINITY }
    }

    /// The covariance of the constants at a fit, in the form's order, for errors of unit deviation;
    /// `None` when the data do not determine them.
    pub fn covariance(&mut self, theta: &[f64]) -> Option<Array2<f64>> {
        let inner = self.inner(theta);
        if !self.project(&inner, true).is_finite() {
            return None;
        }
        self.differentiate(false);
        let (problem, from) = (self.problem, (&self.registers, &mut self.measured));
        for term in &self.tape.terms {
            if let Some(k) = term.coefficient {
                let column = &mut self.columns[k];
                Self::gather(problem, (from.0, &mut *from.1), term.register, 0, |i, x| {
                    column[i] = x
                });
            }
        }
        let column = |slot: &Slot| match slot {
            Slot::Linear(k) => &self.columns[*k],
            Slot::Inner(p) => &self.slopes[*p],
        };
        let columns: Vec<&Vec<Lanes>> = self.tape.slots.iter().map(column).collect();
        let scale: Vec<f64> = columns.iter().map(|c| dot(c, c).sqrt()).collect();
        if scale.iter().any(|s| !s.is_finite() || *s == 0.0) {
            return None;
        }
        let n = columns.len();
        let gram = Array2::from_shape_fn((n, n), |(i, j)| {
            dot(columns[i], columns[j]) / (scale[i] * scale[j])
        });
        let inverse = inverse_spd(&gram).ok()?;
        Some(Array2::from_shape_fn((n, n), |(i, j)| inverse[[i, j]] / (scale[i] * scale[j])))
    }
}
