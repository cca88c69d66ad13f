//! Linear combinations of named vectors, and their scalars.

use std::cmp::Ordering;
use std::ops::{Add, Neg, Sub};

/// A linear combination of named vectors with constant coefficients, such as `q2 - q1`; sorted by
/// name, no zero coefficient.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(Vec<(String, f64)>);

/// An O(d)-invariant scalar of named vectors, or a number with a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// A number that each run has its own of: a mass, a length, a charge.
    Parameter(String),
    /// Inner product, arguments in order.
    Dot(Vector, Vector),
    /// Euclidean length.
    Norm(Vector),
}

/// Names in the order people count: `q2` before `q10`.
pub(super) fn name_cmp(a: &str, b: &str) -> Ordering {
    let split = |s: &str| s.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let ((a_stem, a_digits), (b_stem, b_digits)) = (a.split_at(split(a)), b.split_at(split(b)));
    let (x, y) = (a_digits.trim_start_matches('0'), b_digits.trim_start_matches('0'));
    a_stem.cmp(b_stem).then(x.len().cmp(&y.len())).then(x.cmp(y)).then(a.cmp(b))
}

/// The names in `vectors`, each once, in order.
pub(super) fn sorted_names<'a>(vectors: impl Iterator<Item = &'a Vector>) -> Vec<String> {
    let mut names: Vec<String> =
        vectors.flat_map(Vector::terms).map(|(name, _)| name.clone()).collect();
    names.sort_by(|a, b| name_cmp(a, b));
    names.dedup();
    names
}

impl Vector {
    /// The vector with this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self(vec![(name.into(), 1.0)])
    }

    /// The sum of coefficient times name; the same name may come again, the coefficients may be
    /// zero.
    pub fn from_terms<S: Into<String>>(terms: impl IntoIterator<Item = (S, f64)>) -> Self {
        let mut terms: Vec<(String, f64)> =
            terms.into_iter().map(|(name, c)| (name.into(), c)).collect();
        terms.sort_by(|a, b| name_cmp(&a.0, &b.0));
        terms.dedup_by(|next, first| {
            next.0 == first.0 && {
                first.1 += next.1;
                true
            }
        });
        terms.retain(|(_, c)| *c != 0.0);
        Self(terms)
    }

    /// The terms, sorted by name (`q2` before `q10`), no coefficient zero.
    pub fn terms(&self) -> &[(String, f64)] {
        &self.0
    }

    /// The coefficient of a name, zero when absent.
    pub fn coefficient(&self, name: &str) -> f64 {
        self.0.iter().find(|(n, _)| n == name).map_or(0.0, |(_, c)| *c)
    }

    /// True for the zero vector.
    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all coefficients are finite.
    pub(super) fn is_finite(&self) -> bool {
        self.0.iter().all(|(_, c)| c.is_finite())
    }

    /// This vector times a number.
    pub fn scale(&self, factor: f64) -> Self {
        Self::from_terms(self.0.iter().map(|(name, c)| (name.as_str(), factor * c)))
    }

    /// Puts a vector in the place of a name.
    pub fn substitute(&self, name: &str, by: &Vector) -> Self {
        let rest = Self(self.0.iter().filter(|(n, _)| n != name).cloned().collect());
        &rest + &by.scale(self.coefficient(name))
    }

    /// A factor and a vector whose product is this vector: of the two opposite vectors the one
    /// whose last name has a coefficient above zero, as in `q2-q1`; and where all coefficients have
    /// the same magnitude, that with coefficients of 1 and -1.
    pub fn split_factor(&self) -> (f64, Self) {
        let Some((_, last)) = self.0.last() else { return (1.0, self.clone()) };
        let uniform = self.0.iter().all(|(_, c)| c.abs() == last.abs());
        let factor = if uniform { *last } else { last.signum() };
        (factor, Self(self.0.iter().map(|(name, c)| (name.clone(), c / factor)).collect()))
    }

    /// A total order: by names, then by coefficients.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        let names = |a: &Self, b: &Self| {
            let pairs = a.0.iter().zip(&b.0);
            pairs
                .map(|((a, _), (b, _))| name_cmp(a, b))
                .find(|o| o.is_ne())
                .unwrap_or_else(|| a.0.len().cmp(&b.0.len()))
        };
        let coefficients = |a: &Self, b: &Self| {
            a.0.iter()
                .zip(&b.0)
                .map(|((_, a), (_, b))| a.total_cmp(b))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        names(self, other).then_with(|| coefficients(self, other))
    }
}

impl Add for &Vector {
    type Output = Vector;
    fn add(self, other: &Vector) -> Vector {
        Vector::from_terms(self.0.iter().chain(&other.0).cloned())
    }
}

impl Sub for &Vector {
    type Output = Vector;
    fn sub(self, other: &Vector) -> Vector {
        self + &-other
    }
}

impl Neg for &Vector {
    type Output = Vector;
    fn neg(self) -> Vector {
        self.scale(-1.0)
    }
}

impl Scalar {
    /// The inner product, its arguments in canonical order.
    pub fn dot(a: Vector, b: Vector) -> Self {
        if a.total_cmp(&b).is_le() { Self::Dot(a, b) } else { Self::Dot(b, a) }
    }

    /// The Euclidean length; of the two opposite vectors of that length the canonical one.
    pub fn norm(a: Vector) -> Self {
        match a.terms().last() {
            Some((_, last)) if *last < 0.0 => Self::Norm(-&a),
            _ => Self::Norm(a),
        }
    }

    /// The one or two vectors that it is made of; none for a parameter.
    pub fn vectors(&self) -> impl Iterator<Item = &Vector> {
        let (a, b) = match self {
            Self::Parameter(_) => (None, None),
            Self::Dot(a, b) => (Some(a), Some(b)),
            Self::Norm(a) => (Some(a), None),
        };
        a.into_iter().chain(b)
    }

    /// A total order: parameters by name, then inner products, then lengths, each by vectors.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Parameter(a), Self::Parameter(b)) => name_cmp(a, b),
            (Self::Parameter(_), _) => Ordering::Less,
            (_, Self::Parameter(_)) => Ordering::Greater,
            (Self::Dot(a, b), Self::Dot(c, d)) => a.total_cmp(c).then_with(|| b.total_cmp(d)),
            (Self::Norm(a), Self::Norm(b)) => a.total_cmp(b),
            (Self::Dot(..), Self::Norm(_)) => Ordering::Less,
            (Self::Norm(_), Self::Dot(..)) => Ordering::Greater,
        }
    }
}
