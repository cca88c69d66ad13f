//! A basis as a function of scalars.

use serde::{Deserialize, Serialize};

use super::Chebyshev;
use crate::linalg::{Lanes, Real, set_zero};
use crate::scalars::ScalarFunction;

/// A ready-made basis of functions of scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Linear in each scalar: what the features of Yao et al. (2021) allow without a network.
    Reference,
    /// Chebyshev polynomials of each scalar, up to a degree: any smooth function of each scalar,
    /// summed.
    Spectral {
        /// Highest degree.
        degree: usize,
    },
    /// The scalars and their products two by two.
    Polynomial,
    /// Chebyshev polynomials of each scalar, and products of two.
    SpectralPolynomial {
        /// Highest degree.
        degree: usize,
    },
}

impl Kind {
    /// Name as in the result files.
    pub fn name(self) -> String {
        match self {
            Self::Reference => "reference".into(),
            Self::Spectral { degree } => format!("spectral({degree})"),
            Self::Polynomial => "polynomial".into(),
            Self::SpectralPolynomial { degree } => format!("spectral({degree})+polynomial"),
        }
    }
}

/// Functions of one scalar, or a product of two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Term {
    /// The chosen degrees (ascending) of Chebyshev polynomials of one scalar: one parameter each.
    Univariate {
        /// Index of the scalar.
        scalar: usize,
        /// The polynomials.
        family: Chebyshev,
        /// Degrees in use, ascending.
        degrees: Vec<usize>,
    },
    /// Product of two scalars, each relative to its range.
    Product {
        /// Indices of the scalars; they may be equal.
        scalars: (usize, usize),
        /// Unit in which the product is measured.
        scale: f64,
    },
}

impl Term {
    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        match self {
            Self::Univariate { degrees, .. } => degrees.len(),
            Self::Product { .. } => 1,
        }
    }
}

/// h(s; theta) = sum_k theta_k phi_k(s).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    scalars: usize,
    terms: Vec<Term>,
    parameters: usize,
}

impl Basis {
    /// A basis of given terms over `scalars` scalars.
    pub fn new(scalars: usize, terms: Vec<Term>) -> Self {
        let parameters = terms.iter().map(Term::parameters).sum();
        Self { scalars, terms, parameters }
    }

    /// A ready-made basis on the `ranges` (low, high) that the scalars take in the data.
    pub fn of_kind(kind: Kind, ranges: &[(f64, f64)]) -> Self {
        let univariate = |degree: usize| {
            ranges.iter().enumerate().map(move |(scalar, &(low, high))| Term::Univariate {
                scalar,
                family: Chebyshev::on(low, high, degree),
                degrees: (1..=degree).collect(),
            })
        };
        let unit =
            |i: usize| 0.5 * (ranges[i].1 - ranges[i].0) + 0.5 * (ranges[i].1 + ranges[i].0).abs();
        let products = || {
            (0..ranges.len()).flat_map(|j| (0..=j).map(move |i| (i, j))).map(|scalars| {
                let scale = unit(scalars.0) * unit(scalars.1);
                Term::Product { scalars, scale: if scale > 0.0 { scale } else { 1.0 } }
            })
        };
        let terms = match kind {
            Kind::Reference => univariate(1).collect(),
            Kind::Spectral { degree } => univariate(degree).collect(),
            Kind::Polynomial => univariate(1).chain(products()).collect(),
            Kind::SpectralPolynomial { degree } => univariate(degree).chain(products()).collect(),
        };
        Self::new(ranges.len(), terms)
    }

    /// The terms, in the order of their parameters.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The basis that keeps only the parameters in `kept` (ascending).
    pub fn subset(&self, kept: &[usize]) -> Self {
        let mut first = 0;
        let mut terms = Vec::new();
        for term in &self.terms {
            let n = term.parameters();
            let here: Vec<usize> = kept
                .iter()
                .filter(|k| (first..first + n).contains(*k))
                .map(|k| k - first)
                .collect();
            first += n;
            match term {
                _ if here.is_empty() => {}
                Term::Univariate { scalar, family, degrees } => terms.push(Term::Univariate {
                    scalar: *scalar,
                    family: family.clone(),
                    degrees: here.iter().map(|&i| degrees[i]).collect(),
                }),
                Term::Product { .. } => terms.push(term.clone()),
            }
        }
        Self::new(self.scalars, terms)
    }

    /// The basis in which each scalar in use has all degrees of its family, and where the
    /// parameters of this one stand in it.
    pub fn filled(&self) -> (Self, Vec<usize>) {
        let (mut terms, mut places, mut first) = (self.terms.clone(), Vec::new(), 0);
        for term in &mut terms {
            if let Term::Univariate { family, degrees, .. } = term {
                places.extend(degrees.iter().map(|degree| first + degree - 1));
                *degrees = (1..=family.degree).collect();
            } else {
                places.push(first);
            }
            first += term.parameters();
        }
        (Self::new(self.scalars, terms), places)
    }

    /// Degree of each parameter's function, for ordering simple functions before complicated ones.
    pub fn degrees(&self) -> Vec<usize> {
        let degrees = |term: &Term| match term {
            Term::Univariate { degrees, .. } => degrees.clone(),
            Term::Product { .. } => vec![2],
        };
        self.terms.iter().flat_map(degrees).collect()
    }

    /// Calls `visit(k, i, dphi_k/ds_i)` for every parameter k and every scalar i that it depends
    /// on.
    #[inline(always)]
    pub fn slopes(&self, s: &[Lanes], mut visit: impl FnMut(usize, usize, Lanes)) {
        let mut k = 0;
        for term in &self.terms {
            match term {
                Term::Univariate { scalar, family, degrees } => {
                    family.visit(
                        degrees,
                        s[*scalar],
                        #[inline(always)]
                        |i, _, slope, _| visit(k + i, *scalar, slope),
                    );
                    k += degrees.len();
                }
                &Term::Product { scalars: (i, j), scale } => {
                    visit(k, i, s[j] * (1.0 / scale));
                    visit(k, j, s[i] * (1.0 / scale));
                    k += 1;
                }
            }
        }
    }
}

impl ScalarFunction for Basis {
    fn scalars(&self) -> usize {
        self.scalars
    }
    fn parameters(&self) -> usize {
        self.parameters
    }
    fn work_len(&self) -> usize {
        0
    }

    #[inline(always)]
    fn value(&self, theta: &[f64], s: &[Lanes], _: &mut [Lanes]) -> Lanes {
        let mut h = Lanes::zero();
        let mut k = 0;
        for term in &self.terms {
            match term {
                Term::Univariate { scalar, family, degrees } => {
                    family.visit(
                        degrees,
                        s[*scalar],
                        #[inline(always)]
                        |i, value, _, _| h += value * theta[k + i],
                    );
                    k += degrees.len();
                }
                &Term::Product { scalars: (i, j), scale } => {
                    h += s[i] * s[j] * (theta[k] / scale);
                    k += 1;
                }
            }
        }
        h
    }

    #[inline(always)]
    fn gradient_into(&self, theta: &[f64], s: &[Lanes], gradient: &mut [Lanes], _: &mut [Lanes]) {
        set_zero(gradient);
        self.slopes(
            s,
            #[inline(always)]
            |k, i, slope| gradient[i] += slope * theta[k],
        );
    }

    #[inline(always)]
    fn tangent_gradient_into(
        &self,
        theta: &[f64],
        s: &[Lanes],
        ds: &[Lanes],
        gradient: &mut [Lanes],
        curvature: &mut [Lanes],
        theta_bar: &mut [Lanes],
        _: &mut [Lanes],
    ) {
        set_zero(gradient);
        set_zero(curvature);
        let mut k = 0;
        for term in &self.terms {
            match term {
                Term::Univariate { scalar, family, degrees } => {
                    let ds = ds[*scalar];
                    let (mut h, mut c) = (Lanes::zero(), Lanes::zero());
                    family.visit(
                        degrees,
                        s[*scalar],
                        #[inline(always)]
                        |i, _, slope, bend| {
                            h += slope * theta[k + i];
                            c += bend * theta[k + i];
                            theta_bar[k + i] += slope * ds;
                        },
                    );
                    k += degrees.len();
                    gradient[*scalar] += h;
                    curvature[*scalar] += c * ds;
                }
                &Term::Product { scalars: (i, j), scale } => {
                    let c = theta[k] / scale;
                    gradient[i] += s[j] * c;
                    gradient[j] += s[i] * c;
                    curvature[i] += ds[j] * c;
                    curvature[j] += ds[i] * c;
                    theta_bar[k] += (ds[i] * s[j] + s[i] * ds[j]) * (1.0 / scale);
                    k += 1;
                }
            }
        }
    }
}
