//! A closed form as a function of its scalars, its constants the parameters: how a found law is
//! refitted on trajectories.

use crate::expr::{Expr, Function, Scalar, is_free, power};
use crate::linalg::{Lanes, Real, ZipInlined, set_zero};
use crate::scalars::ScalarFunction;

/// One step of the tape; arguments are earlier registers.
#[derive(Clone, Copy, Debug)]
enum Op {
    Literal(f64),
    Add(usize, usize),
    Mul(usize, usize),
    Pow(usize, f64),
    /// A power whose exponent is a parameter.
    FreePow(usize, usize),
    Apply(Function, usize),
}

/// An [`Expr`] compiled to a tape h(s; theta).
///
/// The parameters theta are the expression's [`constants`](Expr::constants) in their order. The
/// registers hold the parameters, the scalars, then one result for each step. Derivatives are by a
/// reverse sweep over the tape; those of the tangent T = sum_i (dh/ds_i) ds_i by a reverse sweep
/// over values and tangents together (Griewank & Walther, Evaluating Derivatives, 2008, section
/// 5.1), exact and at a small multiple of the cost of h.
#[derive(Clone, Debug)]
pub struct ClosedForm {
    parameters: usize,
    scalars: usize,
    ops: Vec<Op>,
    root: usize,
}

impl ClosedForm {
    /// Compiles an expression; gives also the scalars that it is a function of, in the order of
    /// [`Expr::scalars`].
    pub fn new(expr: &Expr) -> (Self, Vec<Scalar>) {
        let scalars = expr.scalars();
        let mut tape = Self {
            parameters: expr.constants().len(),
            scalars: scalars.len(),
            ops: Vec::new(),
            root: 0,
        };
        tape.root = tape.compile(expr, &scalars, &mut 0);
        (tape, scalars)
    }

    /// Appends the steps of an expression and gives the register of its value; `constant` counts
    /// the constants seen.
    fn compile(&mut self, expr: &Expr, scalars: &[Scalar], constant: &mut usize) -> usize {
        match expr {
            Expr::Constant(_) => {
                *constant += 1;
                *constant - 1
            }
            Expr::Scalar(s) => {
                let place = scalars.iter().position(|known| known == s);
                self.parameters + place.expect("an expression lists all its scalars")
            }
            Expr::Sum(terms) => self.chain(terms, 0.0, Op::Add, scalars, constant),
            Expr::Product(factors) => self.chain(factors, 1.0, Op::Mul, scalars, constant),
            Expr::Pow(base, n) if is_free(*n) => {
                *constant += 1;
                let exponent = *constant - 1;
                let base = self.compile(base, scalars, constant);
                self.push(Op::FreePow(base, exponent))
            }
            Expr::Pow(base, n) => {
                let base = self.compile(base, scalars, constant);
                self.push(Op::Pow(base, *n))
            }
            Expr::Apply(f, x) => {
                let x = self.compile(x, scalars, constant);
                self.push(Op::Apply(*f, x))
            }
        }
    }

    fn chain(
        &mut self,
        exprs: &[Expr],
        empty: f64,
        op: fn(usize, usize) -> Op,
        scalars: &[Scalar],
        constant: &mut usize,
    ) -> usize {
        let registers: Vec<usize> =
            exprs.iter().map(|e| self.compile(e, scalars, constant)).collect();
        match registers.into_iter().reduce(|a, b| self.push(op(a, b))) {
            Some(register) => register,
            None => self.push(Op::Literal(empty)),
        }
    }

    fn push(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.inputs() + self.ops.len() - 1
    }

    fn inputs(&self) -> usize {
        self.parameters + self.scalars
    }

    fn registers(&self) -> usize {
        self.inputs() + self.ops.len()
    }

    /// Fills the registers with values.
    #[inline(always)]
    fn forward(&self, theta: &[f64], s: &[Lanes], v: &mut [Lanes]) {
        for (v, theta) in v.iter_mut().zip_inlined(theta) {
            *v = Lanes::splat(*theta);
        }
        v[self.parameters..self.inputs()].copy_from_slice(s);
        for (i, op) in (self.inputs()..).zip_inlined(&self.ops) {
            v[i] = match *op {
                Op::Literal(c) => Lanes::splat(c),
                Op::Add(a, b) => v[a] + v[b],
                Op::Mul(a, b) => v[a] * v[b],
                Op::Pow(a, n) => power(v[a], n),
                Op::FreePow(a, n) => power(v[a], theta[n]),
                Op::Apply(f, a) => f.of(v[a]),
            };
        }
    }
}

/// f'(x) and f''(x) of a step with one argument, where `y` = f(x).
#[inline(always)]
fn slopes(op: Op, x: Lanes, y: Lanes) -> (Lanes, Lanes) {
    match op {
        Op::Pow(_, n) => (scaled_power(x, n, n - 1.0), scaled_power(x, n * (n - 1.0), n - 2.0)),
        Op::Apply(Function::Exp, _) => (y, y),
        Op::Apply(Function::Log, _) => {
            let inverse = Lanes::splat(1.0) / x;
            (inverse, -(inverse * inverse))
        }
        Op::Apply(Function::Sin, _) => (x.cos(), -y),
        Op::Apply(Function::Cos, _) => (-x.sin(), -y),
        Op::Apply(Function::Tan, _) => {
            let slope = y * y + 1.0;
            (slope, y * slope * 2.0)
        }
        Op::Apply(Function::Abs, _) => {
            (x.map(|x| if x == 0.0 { 0.0 } else { x.signum() }), Lanes::zero())
        }
        Op::Literal(_) | Op::Add(..) | Op::Mul(..) | Op::FreePow(..) => {
            (Lanes::zero(), Lanes::zero())
        }
    }
}

/// c x^n, zero where c is: the second derivative of x at 0 is 0.
#[inline(always)]
fn scaled_power(x: Lanes, c: f64, n: f64) -> Lanes {
    if c == 0.0 { Lanes::zero() } else { power(x, n) * c }
}

impl ScalarFunction for ClosedForm {
    fn scalars(&self) -> usize {
        self.scalars
    }

    fn parameters(&self) -> usize {
        self.parameters
    }

    fn work_len(&self) -> usize {
        4 * self.registers()
    }

    #[inline(always)]
    fn value(&self, theta: &[f64], s: &[Lanes], work: &mut [Lanes]) -> Lanes {
        self.forward(theta, s, work);
        work[self.root]
    }

    #[inline(always)]
    fn gradient_into(
        &self,
        theta: &[f64],
        s: &[Lanes],
        gradient: &mut [Lanes],
        work: &mut [Lanes],
    ) {
        let (v, work) = work.split_at_mut(self.registers());
        let bar = &mut work[..v.len()];
        self.forward(theta, s, v);
        set_zero(bar);
        bar[self.root] = Lanes::splat(1.0);
        for (i, op) in (self.inputs()..self.registers()).rev().zip_inlined(self.ops.iter().rev()) {
            let y = bar[i];
            match *op {
                Op::Literal(_) => {}
                Op::Add(a, b) => {
                    bar[a] += y;
                    bar[b] += y;
                }
                Op::Mul(a, b) => {
                    bar[a] += y * v[b];
                    bar[b] += y * v[a];
                }
                Op::FreePow(a, n) => bar[a] += y * slopes(Op::Pow(a, theta[n]), v[a], v[i]).0,
                Op::Pow(a, _) | Op::Apply(_, a) => bar[a] += y * slopes(*op, v[a], v[i]).0,
            }
        }
        gradient.copy_from_slice(&bar[self.parameters..self.inputs()]);
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
        // Values and tangents, forward; then the derivatives of T with respect to the values and to
        // the tangents, backward.
        let (v, work) = work.split_at_mut(self.registers());
        let (dv, work) = work.split_at_mut(v.len());
        let (v_bar, work) = work.split_at_mut(v.len());
        let dv_bar = &mut work[..v.len()];
        self.forward(theta, s, v);
        set_zero(&mut dv[..self.parameters]);
        dv[self.parameters..self.inputs()].copy_from_slice(ds);
        for (i, op) in (self.inputs()..).zip_inlined(&self.ops) {
            dv[i] = match *op {
                Op::Literal(_) => Lanes::zero(),
                Op::Add(a, b) => dv[a] + dv[b],
                Op::Mul(a, b) => dv[a] * v[b] + v[a] * dv[b],
                Op::FreePow(a, n) => slopes(Op::Pow(a, theta[n]), v[a], v[i]).0 * dv[a],
                Op::Pow(a, _) | Op::Apply(_, a) => slopes(*op, v[a], v[i]).0 * dv[a],
            };
        }
        set_zero(v_bar);
        set_zero(dv_bar);
        dv_bar[self.root] = Lanes::splat(1.0);
        for (i, op) in (self.inputs()..self.registers()).rev().zip_inlined(self.ops.iter().rev()) {
            let (y, dy) = (v_bar[i], dv_bar[i]);
            match *op {
                Op::Literal(_) => {}
                Op::Add(a, b) => {
                    for a in [a, b] {
                        v_bar[a] += y;
                        dv_bar[a] += dy;
                    }
                }
                Op::Mul(a, b) => {
                    for (a, b) in [(a, b), (b, a)] {
                        v_bar[a] += y * v[b] + dy * dv[b];
                        dv_bar[a] += dy * v[b];
                    }
                }
                Op::FreePow(a, n) => {
                    let (slope, bend) = slopes(Op::Pow(a, theta[n]), v[a], v[i]);
                    v_bar[a] += y * slope + dy * bend * dv[a];
                    dv_bar[a] += dy * slope;
                    // d/dn of x^n and of its tangent n x^(n-1) dx; at x = 0 the logarithm doesn't
                    // count.
                    let log = v[a].map(|x| if x == 0.0 { 0.0 } else { x.ln() });
                    v_bar[n] += y * v[i] * log
                        + dy * dv[a]
                            * scaled_power(v[a], 1.0, theta[n] - 1.0)
                            * (log * theta[n] + 1.0);
                }
                Op::Pow(a, _) | Op::Apply(_, a) => {
                    let (slope, bend) = slopes(*op, v[a], v[i]);
                    v_bar[a] += y * slope + dy * bend * dv[a];
                    dv_bar[a] += dy * slope;
                }
            }
        }
        gradient.copy_from_slice(&dv_bar[self.parameters..self.inputs()]);
        curvature.copy_from_slice(&v_bar[self.parameters..self.inputs()]);
        for (sum, bar) in theta_bar.iter_mut().zip_inlined(&v_bar[..self.parameters]) {
            *sum += *bar;
        }
    }
}
