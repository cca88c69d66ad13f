//! Expressions as trees: their nodes, constants and complexity.

use super::vector::{Scalar, Vector, sorted_names};

/// An elementary function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// Exponential.
    Exp,
    /// Natural logarithm.
    Log,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Magnitude.
    Abs,
}

impl Function {
    /// Every function, in order.
    pub const ALL: [Self; 6] = [Self::Exp, Self::Log, Self::Sin, Self::Cos, Self::Tan, Self::Abs];

    /// The name in expression text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Tan => "tan",
            Self::Abs => "abs",
        }
    }
}

/// A scalar-valued expression.
///
/// Built directly it stays as it is; [`Expr::sum`], [`Expr::product`] and [`Expr::pow`] build the
/// canonical form.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number; in a fit, a free parameter.
    Constant(f64),
    /// An invariant of the input vectors.
    Scalar(Scalar),
    /// Sum of terms.
    Sum(Vec<Expr>),
    /// Product of factors; a quotient is a factor to the power -1.
    Product(Vec<Expr>),
    /// Power with a literal exponent; a square root has 0.5. In a fit it is a free parameter, but
    /// for multiples of one half.
    Pow(Box<Expr>, f64),
    /// An elementary function.
    Apply(Function, Box<Expr>),
}

/// A vector-valued expression: the sum of coefficient times vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorExpr(pub Vec<(Expr, Vector)>);

/// Whether an exponent is a constant to be fitted: not a multiple of one half.
pub(crate) fn is_free(exponent: f64) -> bool {
    (2.0 * exponent).fract() != 0.0
}

impl Expr {
    pub(super) fn children(&self) -> &[Expr] {
        match self {
            Self::Constant(_) | Self::Scalar(_) => &[],
            Self::Sum(children) | Self::Product(children) => children,
            Self::Pow(child, _) | Self::Apply(_, child) => std::slice::from_ref(child),
        }
    }

    /// The same node over mapped children.
    pub(crate) fn map_children(&self, mut f: impl FnMut(&Expr) -> Expr) -> Expr {
        match self {
            Self::Constant(_) | Self::Scalar(_) => self.clone(),
            Self::Sum(terms) => Self::Sum(terms.iter().map(f).collect()),
            Self::Product(factors) => Self::Product(factors.iter().map(f).collect()),
            Self::Pow(base, n) => Self::Pow(Box::new(f(base)), *n),
            Self::Apply(function, x) => Self::Apply(*function, Box::new(f(x))),
        }
    }

    /// Visits every node, parents first, children from left to right.
    pub(super) fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Expr)) {
        f(self);
        for child in self.children() {
            child.visit(f);
        }
    }

    /// The distinct scalars, in order of first appearance.
    pub fn scalars(&self) -> Vec<Scalar> {
        let mut scalars = Vec::new();
        self.visit(&mut |node| {
            if let Self::Scalar(scalar) = node
                && !scalars.contains(scalar)
            {
                scalars.push(scalar.clone());
            }
        });
        scalars
    }

    /// The names of the vectors, each once, in order (`q2` before `q10`).
    pub fn names(&self) -> Vec<String> {
        let scalars = self.scalars();
        sorted_names(scalars.iter().flat_map(Scalar::vectors))
    }

    /// The names of the [parameters](Scalar::Parameter), each once, in order.
    pub fn parameters(&self) -> Vec<String> {
        let scalars = self.scalars();
        let names = scalars.iter().filter_map(|scalar| match scalar {
            Scalar::Parameter(name) => Some(Vector::named(name.clone())),
            _ => None,
        });
        sorted_names(names.collect::<Vec<_>>().iter())
    }

    /// The numbers in it from left to right, an exponent before its base: [`Expr::Constant`] nodes,
    /// and exponents but for multiples of one half. The coefficients inside vectors are no
    /// constants.
    pub fn constants(&self) -> Vec<f64> {
        let mut constants = Vec::new();
        self.visit(&mut |node| match node {
            Self::Constant(c) => constants.push(*c),
            Self::Pow(_, n) if is_free(*n) => constants.push(*n),
            _ => {}
        });
        constants
    }

    /// The same expression with other constants, in the order of [`constants`](Self::constants);
    /// where `constants` is shorter, the remaining ones keep their values. An exponent that becomes
    /// a multiple of one half is no constant any more.
    pub fn with_constants(&self, constants: &[f64]) -> Expr {
        fn replace(expr: &Expr, constants: &mut impl Iterator<Item = f64>) -> Expr {
            match expr {
                Expr::Constant(c) => Expr::Constant(constants.next().unwrap_or(*c)),
                Expr::Pow(base, n) if is_free(*n) => {
                    let n = constants.next().unwrap_or(*n);
                    Expr::Pow(Box::new(replace(base, constants)), n)
                }
                _ => expr.map_children(|child| replace(child, constants)),
            }
        }
        replace(self, &mut constants.iter().copied())
    }

    /// The same expression over other vectors, as when names change or the origin moves.
    pub fn map_vectors(&self, f: &mut impl FnMut(&Vector) -> Vector) -> Expr {
        match self {
            Self::Scalar(Scalar::Dot(a, b)) => Expr::dot(f(a), f(b)),
            Self::Scalar(Scalar::Norm(a)) => Expr::norm(f(a)),
            _ => self.map_children(|child| child.map_vectors(f)),
        }
    }

    /// Puts a vector in the place of a name: `q1` by `q1-q0`, say.
    pub fn substitute(&self, name: &str, by: &Vector) -> Expr {
        self.map_vectors(&mut |v| v.substitute(name, by))
    }

    /// The number of symbols that a reader meets: a constant, a scalar and an operator count one
    /// each.
    ///
    /// A sum or product of n has n - 1 operators; a factor -1 is read as a sign and counts nothing.
    /// A square root and a square count one, other powers two (operator and exponent). A power
    /// below zero among other factors is read as division by the opposite power, so that `a/b`
    /// counts three; standing alone, `1/b` counts two.
    pub fn complexity(&self) -> usize {
        let own = match self {
            Self::Constant(_) | Self::Scalar(_) | Self::Apply(..) => 1,
            Self::Sum(terms) => terms.len().saturating_sub(1),
            Self::Product(factors) => {
                let signs = factors.iter().filter(|f| **f == Self::Constant(-1.0)).count();
                let read = factors.len() - signs;
                let reciprocals =
                    factors.iter().filter(|f| matches!(f, Self::Pow(_, n) if *n < 0.0)).count();
                // Each sign was counted as a constant; one division stands in for each product
                // sign, except when nothing is above the line.
                return factors.iter().map(Self::complexity).sum::<usize>()
                    + read.saturating_sub(1)
                    - signs
                    - if reciprocals == read {
                        reciprocals.saturating_sub(1)
                    } else {
                        reciprocals
                    };
            }
            Self::Pow(_, n) => {
                let exponent = if [0.5, 2.0].contains(&n.abs()) { 1 } else { 2 };
                match *n {
                    -1.0 => 1,
                    n if n < 0.0 => 1 + exponent,
                    _ => exponent,
                }
            }
        };
        own + self.children().iter().map(Self::complexity).sum::<usize>()
    }
}

impl VectorExpr {
    /// The names of the vectors, those inside coefficients too, each once, in order.
    pub fn names(&self) -> Vec<String> {
        let scalars: Vec<Scalar> = self.0.iter().flat_map(|(c, _)| c.scalars()).collect();
        sorted_names(scalars.iter().flat_map(Scalar::vectors).chain(self.0.iter().map(|(_, v)| v)))
    }
}
