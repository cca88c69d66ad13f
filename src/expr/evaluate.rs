//! Values of expressions, over any kind of number.

use super::error::ExprError;
use super::expression::{Expr, Function, VectorExpr, is_free};
use super::vector::{Scalar, Vector};
use crate::linalg::Real;
use std::collections::BTreeMap;

/// The components of named vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct Bindings<T = f64>(BTreeMap<String, Vec<T>>);

impl<T> Default for Bindings<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Bindings<T> {
    /// Bindings of no name.
    pub fn new() -> Self {
        Self::default()
    }
    /// Gives a name its components, in the place of those it had.
    pub fn bind(&mut self, name: impl Into<String>, components: impl Into<Vec<T>>) -> &mut Self {
        self.0.insert(name.into(), components.into());
        self
    }
    /// The components of a name.
    pub fn get(&self, name: &str) -> Option<&[T]> {
        self.0.get(name).map(Vec::as_slice)
    }
    fn find(&self, name: &str) -> Result<&[T], ExprError> {
        self.get(name).ok_or_else(|| ExprError::Unbound {
            name: name.to_owned(),
            known: self.0.keys().cloned().collect(),
        })
    }
}

/// As `p1 = (0.1, -2), q1 = (3, 0.5)`.
impl<T: std::fmt::Display> std::fmt::Display for Bindings<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (k, (name, components)) in self.0.iter().enumerate() {
            let components: Vec<String> = components.iter().map(T::to_string).collect();
            write!(f, "{}{name} = ({})", if k > 0 { ", " } else { "" }, components.join(", "))?;
        }
        Ok(())
    }
}

impl<S: Into<String>, V: Into<Vec<T>>, T, const N: usize> From<[(S, V); N]> for Bindings<T> {
    fn from(pairs: [(S, V); N]) -> Self {
        Self(pairs.into_iter().map(|(name, x)| (name.into(), x.into())).collect())
    }
}

impl Function {
    /// The value of the function at x.
    #[inline(always)]
    pub fn of<T: Real>(self, x: T) -> T {
        match self {
            Self::Exp => x.exp(),
            Self::Log => x.ln(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tan => x.tan(),
            Self::Abs => x.abs(),
        }
    }
}

/// The largest exponent that is multiplied out.
const MULTIPLIED: f64 = 8.0;

/// x^n: small multiples of 1/2 by multiplication and a square root.
#[inline(always)]
pub(crate) fn power<T: Real>(x: T, n: f64) -> T {
    let magnitude = n.abs();
    if magnitude > MULTIPLIED || (2.0 * n).fract() != 0.0 {
        return x.powf(n);
    }
    let mut y = if magnitude.fract() == 0.0 { T::splat(1.0) } else { x.sqrt() };
    for _ in 0..magnitude as usize {
        y *= x;
    }
    if n < 0.0 { T::splat(1.0) / y } else { y }
}

impl Vector {
    /// Its components; none for the zero vector.
    ///
    /// # Errors
    /// A name has no value, or two names have different numbers of components.
    pub fn evaluate<T: Real>(&self, bindings: &Bindings<T>) -> Result<Vec<T>, ExprError> {
        let mut sum: Vec<T> = Vec::new();
        for (i, (name, c)) in self.terms().iter().enumerate() {
            let x = bindings.find(name)?;
            if i == 0 {
                sum = vec![T::zero(); x.len()];
            }
            if x.len() != sum.len() {
                return Err(ExprError::Dimension {
                    name: name.clone(),
                    found: x.len(),
                    expected: sum.len(),
                });
            }
            for (sum, x) in sum.iter_mut().zip(x) {
                *sum += *x * *c;
            }
        }
        Ok(sum)
    }
}

impl Scalar {
    /// Its value.
    ///
    /// # Errors
    /// A name has no value, or two names have different numbers of components.
    pub fn evaluate<T: Real>(&self, bindings: &Bindings<T>) -> Result<T, ExprError> {
        let inner = |a: &[T], b: &[T]| a.iter().zip(b).fold(T::zero(), |sum, (a, b)| sum + *a * *b);
        match self {
            Self::Parameter(name) => match bindings.find(name)? {
                [value] => Ok(*value),
                other => {
                    let (name, found) = (name.clone(), other.len());
                    Err(ExprError::Dimension { name, found, expected: 1 })
                }
            },
            Self::Norm(a) => {
                let a = a.evaluate(bindings)?;
                Ok(inner(&a, &a).sqrt())
            }
            Self::Dot(v, w) => {
                let (a, b) = (v.evaluate(bindings)?, w.evaluate(bindings)?);
                if a.len() != b.len() && !v.is_zero() && !w.is_zero() {
                    return Err(ExprError::Dimension {
                        name: w.to_string(),
                        found: b.len(),
                        expected: a.len(),
                    });
                }
                Ok(inner(&a, &b))
            }
        }
    }
}

impl Expr {
    /// Its value where the vectors are `bindings`; infinite or NaN outside its domain.
    ///
    /// # Errors
    /// A name has no value, or two names that meet have different numbers of components.
    pub fn evaluate<T: Real>(&self, bindings: &Bindings<T>) -> Result<T, ExprError> {
        let scalars =
            self.scalars().iter().map(|s| s.evaluate(bindings)).collect::<Result<Vec<T>, _>>()?;
        let constants: Vec<T> = self.constants().into_iter().map(T::splat).collect();
        Ok(self.evaluate_with(&scalars, &constants))
    }

    /// Its value where [`scalars`](Self::scalars) and [`constants`](Self::constants) have these
    /// values; both slices as long as those lists.
    pub fn evaluate_with<T: Real>(&self, scalars: &[T], constants: &[T]) -> T {
        let known = self.scalars();
        let value = |s: &Scalar| {
            known.iter().position(|k| k == s).map_or(T::splat(f64::NAN), |i| scalars[i])
        };
        self.fold(&value, &mut constants.iter().copied())
    }

    fn fold<T: Real>(
        &self,
        scalar: &impl Fn(&Scalar) -> T,
        constants: &mut impl Iterator<Item = T>,
    ) -> T {
        match self {
            Self::Constant(c) => constants.next().unwrap_or(T::splat(*c)),
            Self::Scalar(s) => scalar(s),
            Self::Sum(terms) => {
                terms.iter().fold(T::zero(), |sum, t| sum + t.fold(scalar, constants))
            }
            Self::Product(factors) => {
                factors.iter().fold(T::splat(1.0), |product, f| product * f.fold(scalar, constants))
            }
            Self::Pow(base, n) if is_free(*n) => {
                let n = constants.next().unwrap_or(T::splat(*n));
                (n * base.fold(scalar, constants).ln()).exp()
            }
            Self::Pow(base, n) => power(base.fold(scalar, constants), *n),
            Self::Apply(f, x) => f.of(x.fold(scalar, constants)),
        }
    }

    /// Its value when it holds no scalar.
    pub fn as_constant(&self) -> Option<f64> {
        let mut constant = true;
        self.visit(&mut |node| constant &= !matches!(node, Self::Scalar(_)));
        constant.then(|| self.evaluate_with(&[], &self.constants()))
    }
}

impl VectorExpr {
    /// Its components where the vectors are `bindings`; none for the zero vector.
    ///
    /// # Errors
    /// A name has no value, or two names that meet have different numbers of components.
    pub fn evaluate<T: Real>(&self, bindings: &Bindings<T>) -> Result<Vec<T>, ExprError> {
        let mut sum: Vec<T> = Vec::new();
        for (coefficient, vector) in self.0.iter().filter(|(_, v)| !v.is_zero()) {
            let (c, x) = (coefficient.evaluate(bindings)?, vector.evaluate(bindings)?);
            if sum.is_empty() {
                sum = vec![T::zero(); x.len()];
            }
            if x.len() != sum.len() {
                return Err(ExprError::Dimension {
                    name: vector.to_string(),
                    found: x.len(),
                    expected: sum.len(),
                });
            }
            for (sum, x) in sum.iter_mut().zip(x) {
                *sum += c * x;
            }
        }
        Ok(sum)
    }
}
