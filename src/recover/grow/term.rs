//! Terms of a law: products of functions of one scalar each.

use crate::expr::{Expr, Function};
use crate::recover::grow::nodes::Nodes;
use crate::recover::problem::catalogue::Catalogue;

/// A function of a scalar s, some with a number a inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// s^n.
    Power(f64),
    /// log(s).
    Logarithm,
    /// s^a.
    FreePower,
    /// exp(a s).
    Exp,
    /// exp(a s^2).
    Gauss,
    /// cos(a s).
    Cos,
    /// sin(a s).
    Sin,
    /// log(s + a).
    Log,
    /// log(s^2 + a).
    LogOfSquare,
    /// (s + a)^n.
    Shifted(f64),
    /// (s^2 + a)^n.
    Softened(f64),
}

/// A function that bends by less than this over the range of its scalar is one of its powers.
const BEND: f64 = 0.02;

/// Radians over the range of a scalar: with more, points of chunks fall on any curve.
const TURNS: f64 = 100.0;

/// A function of one scalar of the catalogue, or, in a term of one factor, the sum of those of the
/// scalars of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    pub scalar: usize,
    pub shape: Shape,
    /// The number inside; of no account where the shape has none.
    pub inside: f64,
}

/// A product of functions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term(pub Vec<Factor>);

impl Shape {
    /// Whether there is a number inside.
    pub fn has_number(self) -> bool {
        !matches!(self, Self::Power(_) | Self::Logarithm)
    }

    /// Whether a function with this number is told from a plainer one where the scalar has these
    /// values: else constants grow that cancel each other.
    fn is_told(self, a: f64, (low, high): (f64, f64)) -> bool {
        let (width, most) = (high - low, low.abs().max(high.abs()));
        match self {
            Self::Exp => a.abs() * width > BEND,
            Self::Cos | Self::Sin => (BEND..TURNS).contains(&(a.abs() * width)),
            Self::Gauss => a.abs() * most * most > BEND,
            Self::Log | Self::Shifted(_) => BEND * (a + low) < width,
            Self::LogOfSquare | Self::Softened(_) => BEND * a.abs() < most * most,
            Self::Power(_) | Self::Logarithm | Self::FreePower => true,
        }
    }

    /// Value and derivative.
    fn at(self, a: f64, s: f64) -> (f64, f64) {
        let power = |x: f64, n: f64| match n {
            1.0 => x,
            2.0 => x * x,
            0.0 => 1.0,
            _ if n.fract() == 0.0 && n.abs() < 64.0 => x.powi(n as i32),
            _ => x.powf(n),
        };
        match self {
            Self::Power(n) => (power(s, n), n * power(s, n - 1.0)),
            Self::Logarithm => (s.ln(), 1.0 / s),
            Self::FreePower => (s.powf(a), a * s.powf(a - 1.0)),
            Self::Exp => {
                let e = (a * s).exp();
                (e, a * e)
            }
            Self::Gauss => {
                let e = (a * s * s).exp();
                (e, 2.0 * a * s * e)
            }
            Self::Cos => {
                let (sin, cos) = (a * s).sin_cos();
                (cos, -a * sin)
            }
            Self::Sin => {
                let (sin, cos) = (a * s).sin_cos();
                (sin, a * cos)
            }
            Self::Log => ((s + a).ln(), 1.0 / (s + a)),
            Self::LogOfSquare => ((s * s + a).ln(), 2.0 * s / (s * s + a)),
            Self::Shifted(n) => (power(s + a, n), n * power(s + a, n - 1.0)),
            Self::Softened(n) => {
                let x = s * s + a;
                (power(x, n), 2.0 * s * n * power(x, n - 1.0))
            }
        }
    }

    fn expression(self, a: f64, s: Expr) -> Expr {
        let times = |x: Expr| Expr::product([Expr::Constant(a), x]);
        let plus = |x: Expr| Expr::sum([x, Expr::Constant(a)]);
        let square = |x: Expr| Expr::pow(x, 2.0);
        match self {
            Self::Power(n) => Expr::pow(s, n),
            Self::Logarithm => Expr::apply(Function::Log, s),
            Self::FreePower => Expr::pow(s, a),
            Self::Exp => Expr::apply(Function::Exp, times(s)),
            Self::Gauss => Expr::apply(Function::Exp, times(square(s))),
            Self::Cos => Expr::apply(Function::Cos, times(s)),
            Self::Sin => Expr::apply(Function::Sin, times(s)),
            Self::Log => Expr::apply(Function::Log, plus(s)),
            Self::LogOfSquare => Expr::apply(Function::Log, plus(square(s))),
            Self::Shifted(n) => Expr::pow(plus(s), n),
            Self::Softened(n) => Expr::pow(plus(square(s)), n),
        }
    }
}

impl Term {
    /// The term as an expression.
    pub fn expression(&self, catalogue: &Catalogue) -> Expr {
        let factor = |f: &Factor| catalogue.sum_of(f.scalar, |s| f.shape.expression(f.inside, s));
        Expr::product(self.0.iter().map(factor))
    }

    /// Symbols that it takes to write the term down: of a class those of one scalar, and its name.
    pub fn symbols(&self, catalogue: &Catalogue) -> usize {
        let one = |f: &Factor| catalogue.one_of(f.scalar, |s| f.shape.expression(f.inside, s));
        let names = self.0.iter().filter(|f| catalogue.is_class(f.scalar)).count();
        Expr::product(self.0.iter().map(one)).complexity() + names
    }

    /// Numbers inside.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        self.0.iter().filter(|f| f.shape.has_number()).map(|f| f.inside)
    }

    /// Whether another term is of the same kind but for its numbers.
    pub fn is_like(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(a, b)| a.scalar == b.scalar && a.shape == b.shape)
    }

    /// Writes the increments that the term makes; says whether they are finite and told
    /// from those of a plainer term.
    pub fn column(&self, nodes: &Nodes, column: &mut Vec<f64>) -> bool {
        let told = |f: &Factor| f.shape.is_told(f.inside, nodes.range(f.scalar));
        if !self.0.iter().all(told) {
            return false;
        }
        if let [f] = self.0[..] {
            let slope = |s: &f64| f.shape.at(f.inside, *s).1;
            let of = |k: &usize| (*k, nodes.values(*k).iter().map(slope).collect());
            let slopes: Vec<(usize, Vec<f64>)> = nodes.members(f.scalar).iter().map(of).collect();
            return nodes.column(&slopes, column);
        }
        let factors: Vec<(Vec<f64>, Vec<f64>)> = self
            .0
            .iter()
            .map(|f| nodes.values(f.scalar).iter().map(|s| f.shape.at(f.inside, *s)).unzip())
            .collect();
        let slope = |k: usize| {
            let mut slope = factors[k].1.clone();
            for (_, (values, _)) in factors.iter().enumerate().filter(|(other, _)| *other != k) {
                slope.iter_mut().zip(values).for_each(|(s, v)| *s *= v);
            }
            (self.0[k].scalar, slope)
        };
        let slopes: Vec<(usize, Vec<f64>)> = (0..factors.len()).map(slope).collect();
        nodes.column(&slopes, column)
    }
}
