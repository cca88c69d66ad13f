//! Canonical sums, products and powers; a total order.

use super::evaluate::power;
use super::expression::{Expr, Function, VectorExpr};
use super::vector::{Scalar, Vector, name_cmp};
use std::cmp::Ordering;

impl Expr {
    /// The inner product, with a common factor of either vector in front: `dot(-q1,2*g)` is
    /// `-2*dot(g,q1)`.
    pub fn dot(a: Vector, b: Vector) -> Expr {
        if a.is_zero() || b.is_zero() {
            return Self::Constant(0.0);
        }
        let ((x, a), (y, b)) = (a.split_factor(), b.split_factor());
        Self::product([Self::Constant(x * y), Self::Scalar(Scalar::dot(a, b))])
    }

    /// The length of a vector, with a common factor in front: `norm(2*q1-2*q2)` is `2*norm(q2-q1)`.
    pub fn norm(a: Vector) -> Expr {
        if a.is_zero() {
            return Self::Constant(0.0);
        }
        let (x, a) = a.split_factor();
        Self::product([Self::Constant(x.abs()), Self::Scalar(Scalar::Norm(a))])
    }

    /// The canonical sum: flat, like terms merged, sorted so that the terms of one particle stand
    /// together, the constant last.
    pub fn sum(terms: impl IntoIterator<Item = Expr>) -> Expr {
        let mut constant = 0.0;
        let mut merged: Vec<(Vec<String>, Expr, f64)> = Vec::new();
        let mut todo: Vec<Expr> = terms.into_iter().collect();
        todo.reverse();
        while let Some(term) = todo.pop() {
            match term {
                Self::Sum(terms) => todo.extend(terms.into_iter().rev()),
                Self::Constant(c) => constant += c,
                term => {
                    let (c, rest) = term.split_coefficient();
                    match merged.iter_mut().find(|(_, r, _)| *r == rest) {
                        Some(known) => known.2 += c,
                        None => merged.push((rest.names().into_iter().rev().collect(), rest, c)),
                    }
                }
            }
        }
        merged.retain(|(_, _, c)| *c != 0.0);
        merged.sort_by(|a, b| by_names(&a.0, &b.0).then_with(|| a.1.total_cmp(&b.1)));
        let mut terms: Vec<Expr> = merged
            .into_iter()
            .map(|(_, rest, c)| Self::product([Self::Constant(c), rest]))
            .collect();
        if constant != 0.0 || terms.is_empty() {
            terms.push(Self::Constant(constant));
        }
        if terms.len() == 1 { terms.swap_remove(0) } else { Self::Sum(terms) }
    }

    /// The canonical product: flat, one constant in front, powers of one base merged (x/x is 1),
    /// sorted.
    pub fn product(factors: impl IntoIterator<Item = Expr>) -> Expr {
        let mut constant = 1.0;
        let mut merged: Vec<(Expr, f64)> = Vec::new();
        let mut todo: Vec<Expr> = factors.into_iter().collect();
        todo.reverse();
        while let Some(factor) = todo.pop() {
            let (base, n) = match factor {
                Self::Product(factors) => {
                    todo.extend(factors.into_iter().rev());
                    continue;
                }
                Self::Constant(c) => {
                    constant *= c;
                    continue;
                }
                Self::Pow(base, n) => (*base, n),
                other => (other, 1.0),
            };
            match merged.iter_mut().find(|(b, _)| *b == base) {
                Some(known) => known.1 += n,
                None => merged.push((base, n)),
            }
        }
        merged.retain(|(_, n)| *n != 0.0);
        if constant == 0.0 {
            return Self::Constant(0.0);
        }
        merged.sort_by(|a, b| a.0.total_cmp(&b.0));
        let powers = merged
            .into_iter()
            .map(|(base, n)| if n == 1.0 { base } else { Self::Pow(Box::new(base), n) });
        let mut factors: Vec<Expr> = (constant != 1.0)
            .then_some(Self::Constant(constant))
            .into_iter()
            .chain(powers)
            .collect();
        match factors.len() {
            0 => Self::Constant(constant),
            1 => factors.swap_remove(0),
            _ => Self::Product(factors),
        }
    }

    /// The canonical power: powers of numbers are computed, whole powers go into products and
    /// powers.
    pub fn pow(base: Expr, n: f64) -> Expr {
        let whole = n.fract() == 0.0;
        match base {
            _ if n == 0.0 => Self::Constant(1.0),
            base if n == 1.0 => base,
            Self::Constant(c) if power(c, n).is_finite() => Self::Constant(power(c, n)),
            Self::Pow(base, m) if whole => Self::pow(*base, m * n),
            Self::Product(factors) if whole => {
                Self::product(factors.into_iter().map(|f| Self::pow(f, n)))
            }
            base => Self::Pow(Box::new(base), n),
        }
    }

    /// A function of an expression, computed when that is a number.
    pub fn apply(f: Function, x: Expr) -> Expr {
        match x {
            Self::Constant(c) if f.of(c).is_finite() => Self::Constant(f.of(c)),
            x => Self::Apply(f, Box::new(x)),
        }
    }

    /// The same value in canonical form, built bottom up by [`sum`](Self::sum),
    /// [`product`](Self::product), [`pow`](Self::pow); equal wherever this expression has a value.
    pub fn simplified(&self) -> Expr {
        match self {
            Self::Constant(_) | Self::Scalar(Scalar::Parameter(_)) => self.clone(),
            Self::Scalar(Scalar::Dot(a, b)) => Self::dot(a.clone(), b.clone()),
            Self::Scalar(Scalar::Norm(a)) => Self::norm(a.clone()),
            Self::Sum(terms) => Self::sum(terms.iter().map(Self::simplified)),
            Self::Product(factors) => Self::product(factors.iter().map(Self::simplified)),
            Self::Pow(base, n) => Self::pow(base.simplified(), *n),
            Self::Apply(f, x) => Self::apply(*f, x.simplified()),
        }
    }

    /// The opposite, a sign folded into a leading constant.
    pub(super) fn negated(self) -> Expr {
        match self {
            Self::Constant(c) => Self::Constant(-c),
            Self::Product(mut factors) => {
                let alone = factors.len() == 1;
                match factors.first_mut() {
                    Some(Self::Constant(c)) if *c != -1.0 || alone => *c = -*c,
                    Some(Self::Constant(_)) => drop(factors.remove(0)),
                    _ => factors.insert(0, Self::Constant(-1.0)),
                }
                if factors.len() == 1 { factors.swap_remove(0) } else { Self::Product(factors) }
            }
            other => Self::Product(vec![Self::Constant(-1.0), other]),
        }
    }

    /// The leading constant of a product, and the rest.
    fn split_coefficient(self) -> (f64, Expr) {
        match self {
            Self::Product(mut factors) => match factors.first() {
                Some(&Self::Constant(c)) => {
                    factors.remove(0);
                    (
                        c,
                        if factors.len() == 1 {
                            factors.swap_remove(0)
                        } else {
                            Self::Product(factors)
                        },
                    )
                }
                _ => (1.0, Self::Product(factors)),
            },
            other => (1.0, other),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Constant(_) => 0,
            Self::Scalar(_) => 1,
            Self::Apply(..) => 2,
            Self::Pow(..) => 3,
            Self::Product(_) => 4,
            Self::Sum(_) => 5,
        }
    }

    /// A total order, floats by [`f64::total_cmp`].
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        let own = match (self, other) {
            (Self::Constant(a), Self::Constant(b)) => a.total_cmp(b),
            (Self::Scalar(a), Self::Scalar(b)) => a.total_cmp(b),
            (Self::Apply(a, _), Self::Apply(b, _)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        };
        let (a, b) = (self.children(), other.children());
        let children = || {
            a.iter()
                .zip(b)
                .map(|(a, b)| a.total_cmp(b))
                .find(|o| o.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len()))
        };
        let exponents = || match (self, other) {
            (Self::Pow(_, a), Self::Pow(_, b)) => a.total_cmp(b),
            _ => Ordering::Equal,
        };
        own.then_with(children).then_with(exponents)
    }
}

fn by_names(a: &[String], b: &[String]) -> Ordering {
    // The constant part has no names and comes last.
    let empty = a.is_empty().cmp(&b.is_empty());
    let pairs = a.iter().zip(b).map(|(a, b)| name_cmp(a, b)).find(|o| o.is_ne());
    empty.then_with(|| pairs.unwrap_or_else(|| a.len().cmp(&b.len())))
}

impl VectorExpr {
    /// The canonical form of a sum of coefficient times vector: each vector once, without a common
    /// factor, constant coefficients last.
    pub fn from_terms(terms: impl IntoIterator<Item = (Expr, Vector)>) -> Self {
        let mut merged: Vec<(Vec<Expr>, Vector)> = Vec::new();
        for (coefficient, vector) in terms {
            let (factor, vector) = vector.split_factor();
            let coefficient = Expr::product([Expr::Constant(factor), coefficient]);
            match merged.iter_mut().find(|(_, v)| *v == vector) {
                Some((coefficients, _)) => coefficients.push(coefficient),
                None => merged.push((vec![coefficient], vector)),
            }
        }
        let mut terms: Vec<(Expr, Vector)> =
            merged.into_iter().map(|(c, v)| (Expr::sum(c), v)).collect();
        terms.retain(|(c, v)| *c != Expr::Constant(0.0) && !v.is_zero());
        let key = |c: &Expr| matches!(c, Expr::Constant(_));
        terms.sort_by(|a, b| key(&a.0).cmp(&key(&b.0)).then_with(|| a.1.total_cmp(&b.1)));
        Self(terms)
    }
}
