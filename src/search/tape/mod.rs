//! Forms compiled to tapes: values, slopes and their derivatives with respect to the constants
//! inside.
//!
//! The constants that the form is linear in, coefficients and constant of its outermost sum, stay
//! outside of the tape.

use crate::expr::{Function, Number, power};
use crate::linalg::{Lanes, Real};
use crate::search::tape::registers::Registers;
use crate::search::target::Problem;

mod compile;

pub(crate) mod registers;

/// What a constant inside a form does, which decides where its fit begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Factor in the argument of an exponential.
    Rate,
    /// Factor in the argument of a sine, cosine or tangent.
    Frequency,
    /// Added in such an argument.
    Phase,
    /// Factor of a term of a sum, against the term in another register.
    Coefficient(Option<usize>),
    /// Added to a sum.
    Offset,
    /// An exponent.
    Exponent,
}

/// One step; arguments are earlier registers, constants are counted among those inside.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Variable(usize),
    Number(f64),
    AddNumber(usize, f64),
    MulNumber(usize, f64),
    Add(usize, usize),
    Mul(usize, usize),
    Scale(usize, usize),
    Shift(usize, usize),
    Power(usize, Number),
    FreePower(usize, usize),
    Apply(Function, usize),
}

/// A step with the slopes (bit a) and constants (bit b) that its value has derivatives with respect
/// to; bit 0 is always set.
#[derive(Clone, Copy, Debug)]
struct Step {
    op: Op,
    slopes: u32,
    constants: u32,
}

/// Where a constant of the form is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A coefficient outside.
    Linear(usize),
    /// A constant inside.
    Inner(usize),
}

/// A term of the outermost sum: its register (none for 1) and the number of its coefficient (none
/// for 1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    pub register: Option<usize>,
    pub coefficient: Option<usize>,
}

/// A compiled form.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    steps: Vec<Step>,
    pub roles: Vec<Role>,
    pub slots: Vec<Slot>,
    pub terms: Vec<Term>,
    pub linear: usize,
    directions: Vec<usize>,
}

/// Most constants inside a form.
pub(crate) const MAX_INNER: usize = 12;

impl Tape {
    /// Number of constants inside.
    pub fn inner_constants(&self) -> usize {
        self.roles.len()
    }

    /// Registers for this tape.
    pub fn registers(&self, problem: &Problem) -> Registers {
        let (blocks, slopes, constants) =
            (problem.blocks(), self.directions.len() + 1, self.roles.len() + 1);
        let stride = slopes * constants * blocks;
        let zero = Lanes::zero();
        Registers {
            blocks,
            constants,
            stride,
            data: vec![zero; stride * self.steps.len()],
            f: vec![[zero; 3]; blocks],
        }
    }

    /// Fills the registers with values and slopes, and with their derivatives with respect to the
    /// constants inside when asked; false where the form has no value on some sample, a root or
    /// logarithm of both signs, or the magnitude of one sign.
    pub fn run(
        &self,
        theta: &[f64],
        problem: &Problem,
        registers: &mut Registers,
        derivatives: bool,
    ) -> bool {
        crate::linalg::vectorised(
            #[inline(always)]
            || (0..self.steps.len()).all(|i| self.step(i, theta, problem, registers, derivatives)),
        )
    }

    /// Like [`run`](Self::run) without derivatives, each constant inside chosen by `draw` from its
    /// role and the values that it acts on.
    pub fn run_drawing(
        &self,
        theta: &mut [f64],
        problem: &Problem,
        registers: &mut Registers,
        draw: &mut dyn FnMut(Role, usize, &[Lanes], &[Lanes]) -> f64,
    ) -> bool {
        (0..self.steps.len()).all(|i| {
            if let Op::Scale(r, p) | Op::Shift(r, p) | Op::FreePower(r, p) = self.steps[i].op {
                let against =
                    if let Role::Coefficient(Some(first)) = self.roles[p] { first } else { r };
                theta[p] =
                    draw(self.roles[p], p, registers.get(r, 0, 0), registers.get(against, 0, 0));
            }
            self.step(i, theta, problem, registers, false)
        })
    }

    #[inline(always)]
    fn step(
        &self,
        i: usize,
        theta: &[f64],
        problem: &Problem,
        registers: &mut Registers,
        derivatives: bool,
    ) -> bool {
        let Step { op, slopes, constants } = self.steps[i];
        let constants = if derivatives { constants } else { 1 };
        let (known, mut out) = registers.split(i);
        match op {
            Op::Variable(v) => {
                out.get(0, 0).copy_from_slice(&problem.inputs[v]);
                if let Some(a) = self.directions.iter().position(|d| *d == v) {
                    out.get(a + 1, 0).fill(Lanes::splat(1.0));
                }
            }
            Op::Number(c) => out.get(0, 0).fill(Lanes::splat(c)),
            Op::AddNumber(r, c) => {
                out.each(slopes, constants, |a, b, k| {
                    known.at(r, a, b, k) + if a + b == 0 { c } else { 0.0 }
                });
            }
            Op::MulNumber(r, c) => out.each(slopes, constants, |a, b, k| known.at(r, a, b, k) * c),
            Op::Add(x, y) => {
                out.each(slopes, constants, |a, b, k| known.at(x, a, b, k) + known.at(y, a, b, k))
            }
            Op::Mul(x, y) => out.each(slopes, constants, |a, b, k| {
                let mut sum = known.at(x, a, b, k) * known.at(y, 0, 0, k);
                if a + b > 0 {
                    sum += known.at(x, 0, 0, k) * known.at(y, a, b, k);
                }
                if a > 0 && b > 0 {
                    sum += known.at(x, a, 0, k) * known.at(y, 0, b, k)
                        + known.at(x, 0, b, k) * known.at(y, a, 0, k);
                }
                sum
            }),
            Op::Scale(r, p) => out.each(slopes, constants, |a, b, k| {
                let scaled = known.at(r, a, b, k) * theta[p];
                if b == p + 1 { scaled + known.at(r, a, 0, k) } else { scaled }
            }),
            // So far away the rest is a power series about it, and cancellation decides the fit.
            Op::Shift(r, p)
                if self.roles[p] == Role::Offset && too_far(theta[p], known.slice(r)) =>
            {
                return false;
            }
            Op::Shift(r, p) => out.each(slopes, constants, |a, b, k| {
                let own = if a + b == 0 {
                    theta[p]
                } else if a == 0 && b == p + 1 {
                    1.0
                } else {
                    0.0
                };
                known.at(r, a, b, k) + own
            }),
            Op::Power(r, n) => {
                if !n.is_whole() && !one_sign(known.slice(r)) {
                    return false;
                }
                out.unary(known, r, slopes, constants, |x| powers(x, n));
            }
            Op::FreePower(r, p) => {
                if !one_sign(known.slice(r)) {
                    return false;
                }
                out.free_power(known, r, theta[p], p, slopes, constants);
            }
            Op::Apply(f, r) => {
                // The logarithm of both signs has no meaning; the magnitude of one sign is none.
                if matches!(f, Function::Log | Function::Abs)
                    && one_sign(known.slice(r)) == (f == Function::Abs)
                {
                    return false;
                }
                out.unary(known, r, slopes, constants, |x| bends(f, x));
            }
        }
        // A number that is not finite stays so in sums, and 0 inf is NaN: one look at the values
        // suffices.
        out.get(0, 0).iter().fold(Lanes::zero(), |sum, x| sum + *x * 0.0).sum() == 0.0
    }
}

#[inline(always)]
fn one_sign(x: &[Lanes]) -> bool {
    let (mut low, mut high) = (Lanes::splat(f64::INFINITY), Lanes::splat(f64::NEG_INFINITY));
    for x in x {
        for l in 0..x.0.len() {
            low.0[l] = low.0[l].min(x.0[l]);
            high.0[l] = high.0[l].max(x.0[l]);
        }
    }
    low.0.iter().all(|x| *x > 0.0) || high.0.iter().all(|x| *x < 0.0)
}

/// Whether a constant is so much larger than what it is added to that the sum is all but constant.
#[inline(always)]
fn too_far(constant: f64, x: &[Lanes]) -> bool {
    const FAR: f64 = 1e5;
    constant.abs() > FAR * x.iter().fold(0.0, |most: f64, x| most.max(x.max_abs()))
}

/// x^n or |x|^n with its first two derivatives.
#[inline(always)]
fn powers(x: Lanes, n: Number) -> [Lanes; 3] {
    let n_value = n.value();
    if n.is_whole() {
        let scaled = |c: f64, m: f64| if c == 0.0 { Lanes::zero() } else { power(x, m) * c };
        return [
            power(x, n_value),
            scaled(n_value, n_value - 1.0),
            scaled(n_value * (n_value - 1.0), n_value - 2.0),
        ];
    }
    let inverse = Lanes::splat(1.0) / x;
    let y = power(x.abs(), n_value);
    let slope = y * inverse * n_value;
    [y, slope, slope * inverse * (n_value - 1.0)]
}

/// f(x) with its first two derivatives; the logarithm is that of |x|.
#[inline(always)]
fn bends(f: Function, x: Lanes) -> [Lanes; 3] {
    match f {
        Function::Exp => [x.exp(); 3],
        Function::Log => {
            let inverse = Lanes::splat(1.0) / x;
            [x.abs().ln(), inverse, -(inverse * inverse)]
        }
        Function::Sin => {
            let (sin, cos) = (x.sin(), x.cos());
            [sin, cos, -sin]
        }
        Function::Cos => {
            let (sin, cos) = (x.sin(), x.cos());
            [cos, -sin, -cos]
        }
        Function::Tan => {
            let tan = x.tan();
            let slope = tan * tan + 1.0;
            [tan, slope, tan * slope * 2.0]
        }
        Function::Abs => {
            [x.abs(), x.map(|x| if x == 0.0 { 0.0 } else { x.signum() }), Lanes::zero()]
        }
    }
}
