//! Polynomials in invariants whose coefficients remember how they depend on the constants of an
//! expression.

use crate::expr::{Expr, Scalar, Vector, is_free};

/// A number and its gradient with respect to the constants of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueWithGradient {
    pub value: f64,
    pub gradient: Vec<f64>,
}

impl ValueWithGradient {
    pub fn exact(value: f64, constants: usize) -> Self {
        Self { value, gradient: vec![0.0; constants] }
    }

    pub fn constant(value: f64, index: usize, constants: usize) -> Self {
        let mut constant = Self::exact(value, constants);
        constant.gradient[index] = 1.0;
        constant
    }

    fn combined(&self, other: &Self, value: f64, d_self: f64, d_other: f64) -> Self {
        let gradient = self
            .gradient
            .iter()
            .zip(&other.gradient)
            .map(|(a, b)| d_self * a + d_other * b)
            .collect();
        Self { value, gradient }
    }

    pub fn plus(&self, other: &Self) -> Self {
        self.combined(other, self.value + other.value, 1.0, 1.0)
    }

    pub fn times(&self, other: &Self) -> Self {
        self.combined(other, self.value * other.value, other.value, self.value)
    }

    pub fn over(&self, other: &Self) -> Self {
        let quotient = self.value / other.value;
        self.combined(other, quotient, 1.0 / other.value, -quotient / other.value)
    }

    pub fn scaled(&self, factor: f64) -> Self {
        self.combined(self, self.value * factor, factor, 0.0)
    }

    fn power(&self, n: f64) -> Self {
        self.combined(self, self.value.powf(n), n * self.value.powf(n - 1.0), 0.0)
    }
}

/// A coefficient times powers of expressions that are not multiplied out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    pub coefficient: ValueWithGradient,
    pub powers: Vec<(Expr, f64)>,
}

impl Term {
    /// The term as an expression.
    pub fn expression(&self) -> Expr {
        Expr::product([Expr::Constant(self.coefficient.value), self.without_coefficient()])
    }

    /// What the coefficient multiplies.
    pub fn without_coefficient(&self) -> Expr {
        Expr::product(self.powers.iter().map(|(base, n)| Expr::pow(base.clone(), *n)))
    }
}

/// Powers of sums above this stay as they are.
const MAX_POWER: f64 = 4.0;

/// The expression multiplied out, constants tracked in the order of [`Expr::constants`]: inner
/// products are split over the named vectors, except those of a vector with itself, which are
/// squares of lengths.
pub(crate) fn multiply_out(expr: &Expr) -> Vec<Term> {
    let count = expr.constants().len();
    collect(Walk { next: 0, count }.terms(expr))
}

fn collect(terms: Vec<Term>) -> Vec<Term> {
    let mut merged: Vec<Term> = Vec::new();
    for mut term in terms {
        term.powers.sort_by(|a, b| a.0.total_cmp(&b.0));
        term.powers.dedup_by(|next, first| {
            let same = next.0 == first.0;
            first.1 += if same { next.1 } else { 0.0 };
            same
        });
        match merged.iter_mut().find(|known| known.powers == term.powers) {
            Some(known) => known.coefficient = known.coefficient.plus(&term.coefficient),
            None => merged.push(term),
        }
    }
    merged
}

/// A walk over the constants from left to right.
struct Walk {
    next: usize,
    count: usize,
}

impl Walk {
    fn term(&self, coefficient: f64, powers: Vec<(Expr, f64)>) -> Term {
        Term { coefficient: ValueWithGradient::exact(coefficient, self.count), powers }
    }

    fn terms(&mut self, expr: &Expr) -> Vec<Term> {
        match expr {
            Expr::Constant(c) => {
                self.next += 1;
                vec![Term {
                    coefficient: ValueWithGradient::constant(*c, self.next - 1, self.count),
                    powers: vec![],
                }]
            }
            Expr::Scalar(Scalar::Parameter(_)) => vec![self.term(1.0, vec![(expr.clone(), 1.0)])],
            Expr::Scalar(Scalar::Norm(v)) => vec![self.length(v, 1.0)],
            Expr::Scalar(Scalar::Dot(a, b)) => self.dot(a, b),
            Expr::Sum(terms) => collect(terms.iter().flat_map(|t| self.terms(t)).collect()),
            Expr::Product(factors) => factors
                .iter()
                .fold(vec![self.term(1.0, vec![])], |product, f| times(&product, &self.terms(f))),
            Expr::Pow(base, n) => {
                self.next += usize::from(is_free(*n));
                let start = self.next;
                let inner = self.terms(base);
                let whole = n.fract() == 0.0;
                match &inner[..] {
                    [one] if whole => {
                        let powers = one.powers.iter().map(|(b, m)| (b.clone(), m * n)).collect();
                        vec![Term { coefficient: one.coefficient.power(*n), powers }]
                    }
                    _ if whole && (1.0..=MAX_POWER).contains(n) => {
                        (1..*n as usize).fold(inner.clone(), |power, _| times(&power, &inner))
                    }
                    _ => vec![self.skip(base, start, *n)],
                }
            }
            Expr::Apply(_, x) => {
                let start = self.next;
                vec![self.skip_with(expr, x, start, 1.0)]
            }
        }
    }

    fn skip(&mut self, base: &Expr, start: usize, n: f64) -> Term {
        self.skip_with(base, base, start, n)
    }

    /// Takes an expression as it stands, past the constants inside.
    fn skip_with(&mut self, atom: &Expr, inside: &Expr, start: usize, n: f64) -> Term {
        self.next = start + inside.constants().len();
        self.term(1.0, vec![(atom.clone(), n)])
    }

    fn length(&self, v: &Vector, n: f64) -> Term {
        let (factor, v) = v.split_factor();
        self.term(factor.abs().powf(n), vec![(Expr::Scalar(Scalar::Norm(v)), n)])
    }

    fn dot(&self, a: &Vector, b: &Vector) -> Vec<Term> {
        if a == b {
            return vec![self.length(a, 2.0)];
        }
        let pairs =
            a.terms().iter().flat_map(|(a, x)| b.terms().iter().map(move |(b, y)| (a, b, x * y)));
        let named = |(a, b, c): (&String, &String, f64)| match a == b {
            true => {
                let mut square = self.length(&Vector::named(a.clone()), 2.0);
                square.coefficient = square.coefficient.scaled(c);
                square
            }
            false => self.term(
                c,
                vec![(
                    Expr::Scalar(Scalar::dot(Vector::named(a.clone()), Vector::named(b.clone()))),
                    1.0,
                )],
            ),
        };
        collect(pairs.map(named).collect())
    }
}

fn times(a: &[Term], b: &[Term]) -> Vec<Term> {
    let product = |a: &Term, b: &Term| Term {
        coefficient: a.coefficient.times(&b.coefficient),
        powers: a.powers.iter().chain(&b.powers).cloned().collect(),
    };
    collect(a.iter().flat_map(|a| b.iter().map(move |b| product(a, b))).collect())
}
