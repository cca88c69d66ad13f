//! Learning a Hamiltonian that nothing is known of, and which scalars it is a function of.
//!
//! Every scalar of the input vectors is offered with polynomials of itself or of its logarithm; the fit along paths is
//! linear. Scalars that the data don't demand are eliminated as a whole, the simple ones last, and what is left gets polynomials of higher
//! degree for as long as that predicts held-out chunks better. Where sums of functions of one scalar don't do, products of two are offered.

mod candidates;
mod eliminate;
mod errors;
mod fit;
mod pieces;
mod products;

use std::time::Instant;

use ndarray::Array2;

use super::noise;
use super::paths::{Flow, Paths};
use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::expr::{Expr, Scalar};
use crate::linalg;
use crate::model::{Model, ScalarHamiltonian};
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{states, unit_weights};

use candidates::robust_ranges;
pub use candidates::{CandidateScalar, candidates};
pub use eliminate::eliminate_groups;
pub(super) use errors::Errors;
pub(super) use fit::{solve, with_ridge};

/// Columns that are kept or dropped together: the functions of one scalar, or the products of two.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Indices of its scalars, ascending.
    pub scalars: Vec<usize>,
    /// Indices of its functions.
    pub columns: Vec<usize>,
}

/// A fit of a basis along settled paths.
pub struct Fitted {
    /// The model; its scalars are those of the whole catalogue.
    pub model: ScalarHamiltonian<ProductBasis>,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Highest degree.
    pub degree: usize,
    /// Parameters.
    pub theta: Vec<f64>,
    /// Triangular factor of the design matrix with the observations in the last column, a trace of ridge included.
    pub factor: Array2<f64>,
    /// Rows of the design matrix.
    pub rows: usize,
    /// Root mean square residual, difficult chunks counting less.
    pub misfit: f64,
    /// Median over the validation chunks of their root mean square residuals.
    pub validation: f64,
    /// Trust in each training chunk.
    pub trust: Vec<f64>,
}

/// What the learner is given.
pub struct Learner<'a> {
    inputs: &'a Inputs,
    train: &'a [Trajectory],
    check: &'a [Trajectory],
    weights: Vec<f64>,
    set: ScalarSet,
    ranks: Vec<usize>,
    ranges: Vec<(f64, f64)>,
    pieces: usize,
    /// Factors for the rows of noisy training chunks.
    factors: Vec<Vec<f64>>,
    /// How noisy chunks are fitted, if they are.
    errors: Option<Errors>,
    deadline: Option<Instant>,
}

/// A misfit above this may be noise.
pub(super) const NOISY: f64 = 1e-5;
/// Degree of the first fit.
const FIRST_DEGREE: usize = 6;
/// Degrees of later ones.
const HIGHER_DEGREES: [usize; 6] = [8, 11, 14, 18, 26, 36];
/// A misfit below which nothing is to be gained.
const ENOUGH: f64 = 1e-8;
/// No basis has more functions.
const MOST_FUNCTIONS: usize = 400;
/// Products of scalars are looked for when the misfit is above this.
const PAIRS_ABOVE: f64 = 1e-6;

impl<'a> Learner<'a> {
    /// Readies the catalogue for the chunks; `check` are held out.
    ///
    /// # Errors
    /// A scalar does not fit the inputs.
    pub fn new(
        inputs: &'a Inputs,
        train: &'a [Trajectory],
        check: &'a [Trajectory],
        deadline: Option<Instant>,
    ) -> Result<Self, crate::scalars::Error> {
        let (scalars, ranks): (Vec<Scalar>, Vec<usize>) = candidates(inputs).into_iter().map(|c| (c.scalar, c.rank)).unzip();
        let set = ScalarSet::new(inputs, scalars)?;
        let ranges = robust_ranges(&set.values(states(train).view()));
        Ok(Self {
            inputs,
            train,
            check,
            weights: unit_weights(train),
            set,
            ranks,
            ranges,
            pieces: 1,
            factors: Vec::new(),
            errors: None,
            deadline,
        })
    }

    /// The scalars.
    pub fn scalars(&self) -> &[Scalar] {
        self.set.scalars()
    }
    /// Ranges of the scalars over the training data.
    pub fn ranges(&self) -> &[(f64, f64)] {
        &self.ranges
    }
    /// Weights of the components of the state.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Inputs.
    pub fn inputs(&self) -> &Inputs {
        self.inputs
    }

    /// Pieces that each interval is cut into.
    pub(super) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Training chunks.
    pub(super) fn train(&self) -> &[Trajectory] {
        self.train
    }

    /// Paths through the training chunks.
    pub(super) fn paths<F: Model>(&self, flow: Option<&Flow<F>>, trust: &[f64]) -> Paths {
        Paths::new(flow, self.train, &self.weights, self.pieces, trust).with_factors(&self.factors)
    }

    fn late(&self) -> bool {
        self.deadline.is_some_and(|d| Instant::now() > d)
    }

    /// Learns: every scalar at first, then those that are demanded, then products of two where sums of functions of one don't do.
    ///
    /// # Errors
    /// Linear algebra fails: numbers that are not finite.
    pub fn learn(&mut self, progress: &mut dyn FnMut(&str)) -> linalg::Result<Fitted> {
        let all: Vec<Vec<usize>> = (0..self.set.len()).filter(|&i| self.ranges[i].1 > self.ranges[i].0).map(|i| vec![i]).collect();
        progress("learning with every scalar");
        let first = self.fit(&all, FIRST_DEGREE, None)?;
        log::debug!("all scalars: {}", self.describe(&first));
        let mut first = self.with_enough_pieces(first, &all, FIRST_DEGREE)?;
        if first.misfit > NOISY {
            progress("weighing what noise does to each interval");
            for _ in 0..2 {
                self.factors = noise::factors(self, &first);
                first = self.fit(&all, FIRST_DEGREE, Some(&first))?;
                log::debug!("with the noise of each interval: {}", self.describe(&first));
            }
        }
        progress("leaving out what the data don't demand");
        let alone = self.refined(first)?;
        if alone.misfit > PAIRS_ABOVE { self.with_products(alone, progress) } else { Ok(alone) }
    }

    /// Drops what is not demanded and raises the degree of the rest, in turn, until neither helps.
    fn refined(&mut self, first: Fitted) -> linalg::Result<Fitted> {
        let mut best = first;
        let mut tried = best.degree;
        let mut idle = 0;
        loop {
            let kept = self.demanded(&best)?;
            let fewer = kept.len() < best.groups.len();
            let degree = HIGHER_DEGREES.into_iter().find(|d| *d > tried).filter(|_| best.misfit > ENOUGH && idle < 3);
            if self.late() || (!fewer && degree.is_none()) {
                return Ok(best);
            }
            if fewer {
                log::debug!("demanded: {}", self.names(&kept));
                let next = self.fit(&kept, best.degree, Some(&best))?;
                log::debug!("without the rest: {}", self.describe(&next));
                // The estimate of what a group is worth holds for the paths as they were; a bad surprise is taken back.
                if next.misfit > 1.5 * best.misfit.max(ENOUGH) && next.validation > 1.5 * best.validation.max(ENOUGH) {
                    if degree.is_none() {
                        return Ok(best);
                    }
                } else {
                    best = next;
                    continue;
                }
            }
            let Some(degree) = degree else { return Ok(best) };
            let groups = self.groups_of(&best);
            if self.size(&groups, degree) > MOST_FUNCTIONS {
                return Ok(best);
            }
            tried = degree;
            let next = self.fit(&groups, degree, Some(&best))?;
            log::debug!("degree {degree}: {}", self.describe(&next));
            if next.validation < 0.9 * best.validation {
                idle = 0;
                best = self.with_enough_pieces(next, &groups, degree)?;
            } else {
                idle += 1;
            }
        }
    }

    fn groups_of(&self, fitted: &Fitted) -> Vec<Vec<usize>> {
        fitted.groups.iter().map(|g| g.scalars.clone()).collect()
    }

    fn names(&self, groups: &[Vec<usize>]) -> String {
        let name = |g: &Vec<usize>| {
            g.iter().map(|&i| Expr::Scalar(self.set.scalars()[i].clone()).to_string()).collect::<Vec<_>>().join(" x ")
        };
        groups.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    fn describe(&self, f: &Fitted) -> String {
        format!(
            "{} functions, misfit {:.2e}, validation {:.2e}, trust {:.2}",
            f.theta.len(),
            f.misfit,
            f.validation,
            f.trust.iter().sum::<f64>() / f.trust.len() as f64
        )
    }
}
