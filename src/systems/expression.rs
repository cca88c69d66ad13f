//! A system given by the text of its Hamiltonian.

use super::error::SystemError;
use crate::expr::{Expr, Function, Scalar, Vector, power};
use crate::field::{Hamiltonian, Shape};
use crate::linalg::Real;

/// Registers that the evaluation of an expression may take.
const REGISTERS: usize = 192;

/// A linear combination of vectors of the state plus a constant vector.
#[derive(Clone, Debug, PartialEq)]
struct Form {
    terms: Vec<(usize, f64)>,
    offset: [f64; 3],
}

/// One step of the evaluation; arguments are earlier registers or forms.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Constant(f64),
    Dot(usize, usize),
    Norm(usize),
    Add(usize, usize),
    Mul(usize, usize),
    Pow(usize, f64),
    Apply(Function, usize),
}

/// H(z) as any closed-form expression of the vectors `q1`, .., `p1`, .. and constant ones, with
/// exact gradients by a reverse sweep: makes data for any law from its text.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpressionSystem {
    shape: Shape,
    forms: Vec<Form>,
    ops: Vec<Op>,
}

impl ExpressionSystem {
    /// Compiles the Hamiltonian of particles of the given shape; `constants` are the vectors other
    /// than those of the state, by name.
    ///
    /// # Errors
    /// [`SystemError::Vector`] for a name that is no vector of the state nor among the constants,
    /// or a constant with the wrong number of components; [`SystemError::Length`] for an expression
    /// of more than 192 operations.
    pub fn new(
        expr: &Expr,
        shape: Shape,
        constants: &[(String, Vec<f64>)],
    ) -> Result<Self, SystemError> {
        let mut system = Self { shape, forms: Vec::new(), ops: Vec::new() };
        let mut known = Vec::new();
        system.compile(expr, constants, &mut known)?;
        if system.ops.len() > REGISTERS {
            return Err(SystemError::Length { found: system.ops.len(), accepted: REGISTERS });
        }
        Ok(system)
    }

    /// Particles and dimension.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    fn compile(
        &mut self,
        expr: &Expr,
        constants: &[(String, Vec<f64>)],
        known: &mut Vec<(Scalar, usize)>,
    ) -> Result<usize, SystemError> {
        let op = match expr {
            Expr::Constant(c) => Op::Constant(*c),
            Expr::Scalar(s) => {
                if let Some((_, register)) = known.iter().find(|(k, _)| k == s) {
                    return Ok(*register);
                }
                let op = match s {
                    Scalar::Parameter(name) => {
                        let value = constants.iter().find(|(known, _)| known == name);
                        match value.map(|(_, value)| &value[..]) {
                            Some([value]) => Op::Constant(*value),
                            _ => {
                                let (name, dimension) = (name.clone(), 1);
                                return Err(SystemError::Vector { name, dimension });
                            }
                        }
                    }
                    Scalar::Dot(a, b) => {
                        Op::Dot(self.form(a, constants)?, self.form(b, constants)?)
                    }
                    Scalar::Norm(a) => Op::Norm(self.form(a, constants)?),
                };
                known.push((s.clone(), self.ops.len()));
                op
            }
            Expr::Sum(terms) => return self.chain(terms, 0.0, Op::Add, constants, known),
            Expr::Product(factors) => return self.chain(factors, 1.0, Op::Mul, constants, known),
            Expr::Pow(base, n) => Op::Pow(self.compile(base, constants, known)?, *n),
            Expr::Apply(f, x) => Op::Apply(*f, self.compile(x, constants, known)?),
        };
        Ok(self.push(op))
    }

    fn chain(
        &mut self,
        exprs: &[Expr],
        empty: f64,
        op: fn(usize, usize) -> Op,
        constants: &[(String, Vec<f64>)],
        known: &mut Vec<(Scalar, usize)>,
    ) -> Result<usize, SystemError> {
        let registers = exprs
            .iter()
            .map(|e| self.compile(e, constants, known))
            .collect::<Result<Vec<_>, _>>()?;
        let result = registers.into_iter().reduce(|a, b| self.push(op(a, b)));
        Ok(result.unwrap_or_else(|| self.push(Op::Constant(empty))))
    }

    fn push(&mut self, op: Op) -> usize {
        self.ops.push(op);
        self.ops.len() - 1
    }

    fn form(
        &mut self,
        vector: &Vector,
        constants: &[(String, Vec<f64>)],
    ) -> Result<usize, SystemError> {
        let mut form = Form { terms: Vec::new(), offset: [0.0; 3] };
        for (name, c) in vector.terms() {
            if let Some(slot) = slot(self.shape, name) {
                form.terms.push((slot, *c));
                continue;
            }
            let value =
                constants.iter().find(|(n, v)| n == name && v.len() == self.shape.dimension);
            let (_, value) = value.ok_or_else(|| SystemError::Vector {
                name: name.clone(),
                dimension: self.shape.dimension,
            })?;
            for (o, x) in form.offset.iter_mut().zip(value) {
                *o += c * x;
            }
        }
        let at = self.forms.iter().position(|f| *f == form);
        Ok(at.unwrap_or_else(|| {
            self.forms.push(form);
            self.forms.len() - 1
        }))
    }

    /// Component `k` of a form.
    #[inline(always)]
    fn component<T: Real>(&self, form: usize, k: usize, z: &[T]) -> T {
        let form = &self.forms[form];
        let mut sum = T::splat(form.offset[k]);
        for &(slot, c) in &form.terms {
            sum += z[slot * self.shape.dimension + k] * c;
        }
        sum
    }

    #[inline(always)]
    fn dot<T: Real>(&self, a: usize, b: usize, z: &[T]) -> T {
        let mut sum = T::zero();
        for k in 0..self.shape.dimension {
            sum += self.component(a, k, z) * self.component(b, k, z);
        }
        sum
    }

    #[inline(always)]
    fn forward<T: Real>(&self, z: &[T], v: &mut [T; REGISTERS]) {
        for (i, op) in self.ops.iter().enumerate() {
            v[i] = match *op {
                Op::Constant(c) => T::splat(c),
                Op::Dot(a, b) => self.dot(a, b, z),
                Op::Norm(a) => self.dot(a, a, z).sqrt(),
                Op::Add(a, b) => v[a] + v[b],
                Op::Mul(a, b) => v[a] * v[b],
                Op::Pow(a, n) => power(v[a], n),
                Op::Apply(f, a) => f.of(v[a]),
            };
        }
    }

    /// Adds `factor` times a form to the gradient, through the vectors that another form is made
    /// of.
    #[inline(always)]
    fn pull_back<T: Real>(
        &self,
        through: usize,
        form: usize,
        factor: T,
        z: &[T],
        gradient: &mut [T],
    ) {
        for k in 0..self.shape.dimension {
            let x = self.component(form, k, z) * factor;
            for &(slot, c) in &self.forms[through].terms {
                gradient[slot * self.shape.dimension + k] += x * c;
            }
        }
    }
}

/// f'(x) of a step with one argument.
#[inline(always)]
fn slope<T: Real>(f: Function, x: T, y: T) -> T {
    match f {
        Function::Exp => y,
        Function::Log => T::splat(1.0) / x,
        Function::Sin => x.cos(),
        Function::Cos => -x.sin(),
        Function::Tan => y * y + 1.0,
        Function::Abs => x / y,
    }
}

/// Position of a vector of the state in z, counted in vectors.
fn slot(shape: Shape, name: &str) -> Option<usize> {
    let (kind, number) = name.split_at_checked(1)?;
    let i = number.parse::<usize>().ok().filter(|i| (1..=shape.particles).contains(i))?;
    match kind {
        "q" => Some(i - 1),
        "p" => Some(shape.particles + i - 1),
        _ => None,
    }
}

impl Hamiltonian for ExpressionSystem {
    fn dim(&self) -> usize {
        self.shape.state_len()
    }

    #[inline(always)]
    fn energy<T: Real>(&self, z: &[T]) -> T {
        let mut v = [T::zero(); REGISTERS];
        self.forward(z, &mut v);
        self.ops.len().checked_sub(1).map_or(T::zero(), |root| v[root])
    }

    #[inline(always)]
    fn gradient_into<T: Real>(&self, z: &[T], gradient: &mut [T]) {
        let (mut v, mut bar) = ([T::zero(); REGISTERS], [T::zero(); REGISTERS]);
        self.forward(z, &mut v);
        gradient.fill(T::zero());
        if let Some(root) = self.ops.len().checked_sub(1) {
            bar[root] = T::splat(1.0);
        }
        for (i, op) in self.ops.iter().enumerate().rev() {
            let y = bar[i];
            match *op {
                Op::Constant(_) => {}
                Op::Dot(a, b) => {
                    self.pull_back(a, b, y, z, gradient);
                    self.pull_back(b, a, y, z, gradient);
                }
                Op::Norm(a) => self.pull_back(a, a, y / v[i], z, gradient),
                Op::Add(a, b) => {
                    bar[a] += y;
                    bar[b] += y;
                }
                Op::Mul(a, b) => {
                    bar[a] += y * v[b];
                    bar[b] += y * v[a];
                }
                Op::Pow(a, n) => bar[a] += y * power(v[a], n - 1.0) * n,
                Op::Apply(f, a) => bar[a] += y * slope(f, v[a], v[i]),
            }
        }
    }
}
