//! Symbolic gradients with respect to a named vector.

use super::expression::{Expr, Function, VectorExpr};
use super::vector::{Scalar, Vector};

impl Expr {
    /// The gradient with respect to the components of a named vector, in canonical form: d|v|/dv =
    /// v/|v|.
    pub fn gradient(&self, name: &str) -> VectorExpr {
        let mut terms = Vec::new();
        self.chain(name, Expr::Constant(1.0), &mut terms);
        VectorExpr::from_terms(terms)
    }

    /// Minus the gradient: the force on a particle when this is the Hamiltonian and `name` its
    /// position.
    pub fn force(&self, name: &str) -> VectorExpr {
        let minus = |(c, v)| (Expr::product([Expr::Constant(-1.0), c]), v);
        VectorExpr::from_terms(self.gradient(name).0.into_iter().map(minus))
    }

    /// Adds `outer` times the gradient of this expression to `terms`.
    fn chain(&self, name: &str, outer: Expr, terms: &mut Vec<(Expr, Vector)>) {
        match self {
            Self::Constant(_) | Self::Scalar(Scalar::Parameter(_)) => {}
            Self::Scalar(Scalar::Dot(a, b)) => {
                for (a, b) in [(a, b), (b, a)] {
                    terms.push((
                        Self::product([Self::Constant(a.coefficient(name)), outer.clone()]),
                        b.clone(),
                    ));
                }
            }
            Self::Scalar(Scalar::Norm(a)) => {
                let slope = Self::product([
                    Self::Constant(a.coefficient(name)),
                    outer,
                    Self::pow(self.simplified(), -1.0),
                ]);
                terms.push((slope, a.clone()));
            }
            Self::Sum(sum) => sum.iter().for_each(|term| term.chain(name, outer.clone(), terms)),
            Self::Product(factors) => {
                for (i, factor) in factors.iter().enumerate() {
                    let others = factors
                        .iter()
                        .enumerate()
                        .filter(|(j, _)| *j != i)
                        .map(|(_, f)| f.simplified());
                    factor.chain(name, Self::product(others.chain([outer.clone()])), terms);
                }
            }
            Self::Pow(base, n) => {
                let slope = Self::product([
                    Self::Constant(*n),
                    Self::pow(base.simplified(), n - 1.0),
                    outer,
                ]);
                base.chain(name, slope, terms);
            }
            Self::Apply(f, x) => {
                x.chain(name, Self::product([f.derivative(x.simplified()), outer]), terms)
            }
        }
    }
}

impl Function {
    /// The derivative at x.
    fn derivative(self, x: Expr) -> Expr {
        match self {
            Self::Exp => Expr::apply(Self::Exp, x),
            Self::Log => Expr::pow(x, -1.0),
            Self::Sin => Expr::apply(Self::Cos, x),
            Self::Cos => Expr::product([Expr::Constant(-1.0), Expr::apply(Self::Sin, x)]),
            Self::Tan => Expr::pow(Expr::apply(Self::Cos, x), -2.0),
            Self::Abs => Expr::product([x.clone(), Expr::pow(Expr::apply(Self::Abs, x), -1.0)]),
        }
    }
}
