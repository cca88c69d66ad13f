//! Closed forms with unknown constants.

use crate::expr::{Expr, Function, Number};

/// An expression over variables whose constants are unknown: the family of all functions that it
/// gives.
///
/// Constants have values apart from the form, listed in the order in which [`Form::Constant`] and
/// the exponents of [`Form::FreePower`] come when the form is read from left to right, a base
/// before its exponent.
///
/// Roots, free powers and logarithms take the magnitude of their argument, which may have either
/// sign but not both: the sign of a sum with free coefficients is only known once they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A variable, counted from 0.
    Variable(usize),
    /// An unknown constant.
    Constant,
    /// A known number.
    Number(Number),
    /// A sum of terms.
    Sum(Vec<Form>),
    /// A product of factors.
    Product(Vec<Form>),
    /// A power with a known exponent.
    Power(Box<Form>, Number),
    /// A power whose exponent is an unknown constant.
    FreePower(Box<Form>),
    /// An elementary function.
    Apply(Function, Box<Form>),
}

impl Form {
    /// The operands.
    pub fn children(&self) -> &[Form] {
        match self {
            Self::Variable(_) | Self::Constant | Self::Number(_) => &[],
            Self::Sum(children) | Self::Product(children) => children,
            Self::Power(child, _) | Self::FreePower(child) | Self::Apply(_, child) => {
                std::slice::from_ref(child)
            }
        }
    }

    /// This operator over mapped operands.
    pub(crate) fn map_children(&self, f: &mut dyn FnMut(&Form) -> Form) -> Form {
        match self {
            Self::Variable(_) | Self::Constant | Self::Number(_) => self.clone(),
            Self::Sum(terms) => Self::Sum(terms.iter().map(f).collect()),
            Self::Product(factors) => Self::Product(factors.iter().map(f).collect()),
            Self::Power(base, n) => Self::Power(Box::new(f(base)), *n),
            Self::FreePower(base) => Self::FreePower(Box::new(f(base))),
            Self::Apply(function, x) => Self::Apply(*function, Box::new(f(x))),
        }
    }

    /// Number of unknown constants.
    pub fn constants(&self) -> usize {
        let own = usize::from(matches!(self, Self::Constant | Self::FreePower(_)));
        own + self.children().iter().map(Self::constants).sum::<usize>()
    }

    /// One more than the largest variable; 0 without variables.
    pub fn variables(&self) -> usize {
        match self {
            Self::Variable(i) => i + 1,
            _ => self.children().iter().map(Self::variables).max().unwrap_or(0),
        }
    }

    /// Number of operators, functions, variables and constants.
    ///
    /// A sum or product of n has n - 1 operators. Reciprocal, square and square root count one,
    /// other powers two (operator and exponent), a factor -1 nothing.
    pub fn complexity(&self) -> usize {
        let all = |children: &[Form]| children.iter().map(Self::complexity).sum::<usize>();
        match self {
            Self::Variable(_) | Self::Constant | Self::Number(_) => 1,
            Self::Sum(terms) => all(terms) + terms.len().saturating_sub(1),
            Self::Product(factors) => {
                let read = factors.iter().filter(|f| **f != MINUS_ONE);
                let (count, sum) =
                    read.fold((0, 0), |(count, sum), f| (count + 1, sum + f.complexity()));
                if count == 0 { 1 } else { sum + count - 1 }
            }
            Self::Power(base, n) => base.complexity() + exponent_complexity(*n),
            Self::FreePower(base) => base.complexity() + 2,
            Self::Apply(_, x) => x.complexity() + 1,
        }
    }

    /// The value at a point `x` with constants `theta`; NaN where a constant or variable is missing
    /// or the form has no value.
    pub fn evaluate(&self, theta: &[f64], x: &[f64]) -> f64 {
        self.fold(&mut theta.iter().copied(), x)
    }

    fn fold(&self, theta: &mut dyn Iterator<Item = f64>, x: &[f64]) -> f64 {
        match self {
            Self::Variable(i) => x.get(*i).copied().unwrap_or(f64::NAN),
            Self::Constant => theta.next().unwrap_or(f64::NAN),
            Self::Number(c) => c.value(),
            Self::Sum(terms) => terms.iter().fold(0.0, |sum, t| sum + t.fold(theta, x)),
            Self::Product(factors) => {
                factors.iter().fold(1.0, |product, f| product * f.fold(theta, x))
            }
            Self::Power(base, n) if n.is_whole() => {
                crate::expr::power(base.fold(theta, x), n.value())
            }
            Self::Power(base, n) => base.fold(theta, x).abs().powf(n.value()),
            Self::FreePower(base) => {
                let base = base.fold(theta, x).abs();
                base.powf(theta.next().unwrap_or(f64::NAN))
            }
            Self::Apply(Function::Log, arg) => arg.fold(theta, x).abs().ln(),
            Self::Apply(f, arg) => f.of(arg.fold(theta, x)),
        }
    }

    /// The expression with constants `theta` where variable i is `variables[i]`. A base or argument
    /// that is negative at the point `x` is written with the opposite sign, so that the expression
    /// has a value there; a constant or variable that is missing becomes NaN.
    pub fn to_expr(&self, theta: &[f64], variables: &[Expr], x: &[f64]) -> Expr {
        self.build(&mut theta.iter().copied(), variables, x).0
    }

    /// Expression and value at `x`.
    fn build(
        &self,
        theta: &mut dyn Iterator<Item = f64>,
        variables: &[Expr],
        x: &[f64],
    ) -> (Expr, f64) {
        let positive = |(e, v): (Expr, f64)| {
            if v < 0.0 { (Expr::product([Expr::Constant(-1.0), e]), -v) } else { (e, v) }
        };
        match self {
            Self::Variable(i) => {
                let expr = variables.get(*i).cloned().unwrap_or(Expr::Constant(f64::NAN));
                (expr, x.get(*i).copied().unwrap_or(f64::NAN))
            }
            Self::Constant => {
                let c = theta.next().unwrap_or(f64::NAN);
                (Expr::Constant(c), c)
            }
            Self::Number(c) => (Expr::Constant(c.value()), c.value()),
            Self::Sum(terms) => {
                let (terms, values): (Vec<Expr>, Vec<f64>) =
                    terms.iter().map(|t| t.build(theta, variables, x)).unzip();
                (Expr::sum(terms), values.iter().sum())
            }
            Self::Product(factors) => {
                let (factors, values): (Vec<Expr>, Vec<f64>) =
                    factors.iter().map(|f| f.build(theta, variables, x)).unzip();
                (Expr::product(factors), values.iter().product())
            }
            Self::Power(base, n) => {
                let base = base.build(theta, variables, x);
                let (base, value) = if n.is_whole() { base } else { positive(base) };
                (Expr::pow(base, n.value()), value.powf(n.value()))
            }
            Self::FreePower(base) => {
                let base = base.build(theta, variables, x);
                let n = theta.next().unwrap_or(f64::NAN);
                let (base, value) = if n.fract() == 0.0 { base } else { positive(base) };
                (Expr::pow(base, n), value.powf(n))
            }
            Self::Apply(f, arg) => {
                let arg = arg.build(theta, variables, x);
                let (arg, value) = if *f == Function::Log { positive(arg) } else { arg };
                (Expr::apply(*f, arg), f.of(value))
            }
        }
    }

    /// A sum; its only term when there is one.
    pub(crate) fn sum_of(mut terms: Vec<Form>) -> Form {
        if terms.len() == 1 { terms.swap_remove(0) } else { Self::Sum(terms) }
    }

    /// A product; its only factor when there is one.
    pub(crate) fn product_of(mut factors: Vec<Form>) -> Form {
        if factors.len() == 1 { factors.swap_remove(0) } else { Self::Product(factors) }
    }

    /// A power, the base itself when the exponent is 1.
    pub(crate) fn power(self, n: f64) -> Form {
        match Number::new(n) {
            Some(n) if n.value() != 1.0 => Self::Power(Box::new(self), n),
            _ => self,
        }
    }

    pub(crate) fn apply(f: Function, x: Form) -> Form {
        Self::Apply(f, Box::new(x))
    }
}

const MINUS_ONE: Form = Form::Number(Number::whole(-1));

/// What an exponent adds to the complexity.
pub(crate) fn exponent_complexity(n: Number) -> usize {
    if [-1.0, 0.5, 2.0].contains(&n.value()) { 1 } else { 2 }
}

/// A sum of terms with free coefficients.
pub(crate) fn combination(terms: &[Form], constant: bool) -> Form {
    let mut all: Vec<Form> = terms.iter().map(scaled).collect();
    if constant || all.is_empty() {
        all.push(Form::Constant);
    }
    Form::sum_of(all)
}

/// A term with a free coefficient.
pub(crate) fn scaled(term: &Form) -> Form {
    let mut factors = vec![Form::Constant];
    match term {
        Form::Product(inner) => factors.extend(inner.iter().cloned()),
        other => factors.push(other.clone()),
    }
    Form::Product(factors)
}

/// A sum of terms up to its scale: the first term has no coefficient.
pub(crate) fn monic(terms: &[Form], constant: bool) -> Form {
    let mut all: Vec<Form> =
        terms.iter().take(1).cloned().chain(terms.iter().skip(1).map(scaled)).collect();
    if constant {
        all.push(Form::Constant);
    }
    Form::sum_of(all)
}
