//! Learning a Hamiltonian that nothing is known of, and which scalars it is a function of.
//!
//! Every scalar of the input vectors is offered with polynomials of itself or of its logarithm; the
//! fit along paths is linear. Scalars that the data don't demand are eliminated as a whole, the
//! simple ones last, and what is left gets polynomials of higher degree for as long as that
//! predicts held-out chunks better. Where sums of functions of one scalar don't do, products of two
//! are offered.

mod candidates;
mod eliminate;
mod errors;
mod in_noise;
mod fit;
mod pieces;
mod products;
mod teacher;
mod weights;

use std::borrow::Cow;

use ndarray::{Array2, s};

use super::noise;
use super::paths::{Flow, Paths};
use super::search::Deadline;
use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::expr::{Expr, Scalar};
use crate::linalg::{self, Whitening};
use crate::model::{Model, ScalarHamiltonian};
use crate::scalars::{Inputs, ScalarSet};
use crate::train::states;

use candidates::robust_ranges;
pub use candidates::{CandidateScalar, candidates};
pub use eliminate::eliminate_groups;
pub(super) use eliminate::{eliminate_terms, solve_with};
pub(super) use errors::{Errors, NoisyChunks, OF_NOISE};
pub(super) use fit::with_ridge;
use teacher::Teacher;
pub(super) use teacher::Teaching;
use weights::particle_weights;

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
    /// Triangular factor of the design matrix with the observations in the last column, a trace of
    /// ridge included.
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

impl Fitted {
    /// Number of directions of the parameters that the data determine.
    pub(super) fn rank(&self) -> linalg::Result<usize> {
        let n = self.theta.len();
        Ok(Whitening::new(&self.factor.slice(s![..n, ..n]), RANK)?.rank())
    }
}

/// Singular values below this part of the largest are none: the ridge's.
const RANK: f64 = 1e-7;

/// What the learner is given.
pub struct Learner<'a> {
    inputs: &'a Inputs,
    train: Cow<'a, [Trajectory]>,
    check: Cow<'a, [Trajectory]>,
    weights: Vec<f64>,
    set: ScalarSet,
    ranks: Vec<usize>,
    ranges: Vec<(f64, f64)>,
    pieces: usize,
    /// Factors for the rows of noisy training chunks.
    factors: Vec<Vec<f64>>,
    /// How noisy chunks are fitted, if they are.
    errors: Option<Errors>,
    deadline: Deadline,
    /// Whom to learn from in the place of the data.
    teacher: Option<Teacher<'a>>,
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

/// Bytes that learning takes for each chunk of so many points at most: its residuals' derivatives
/// by the initial state and by the parameters, twice.
pub fn bytes_of_chunk(inputs: &Inputs, points: usize) -> usize {
    const EACH: usize = FIRST_DEGREE + FIRST_DEGREE / 2;
    const LEAST: usize = 100;
    let (dim, functions) =
        (inputs.shape.state_len(), (EACH * candidates(inputs).len()).clamp(LEAST, MOST_FUNCTIONS));
    2 * size_of::<f64>() * points * dim * (dim + 1 + functions)
}

impl<'a> Learner<'a> {
    /// Readies the catalogue for the chunks; `check` are held out, and decide about degrees. Chunks
    /// of one point say nothing.
    ///
    /// # Errors
    /// A scalar does not fit the inputs.
    pub fn new(
        inputs: &'a Inputs,
        train: &'a [Trajectory],
        check: &'a [Trajectory],
        deadline: Deadline,
    ) -> Result<Self, crate::scalars::Error> {
        let (scalars, ranks): (Vec<Scalar>, Vec<usize>) =
            candidates(inputs).into_iter().map(|c| (c.scalar, c.rank)).unzip();
        let set = ScalarSet::new(inputs, scalars)?;
        let (train, check) = (of_two_points(train), of_two_points(check));
        let ranges = robust_ranges(&set.values(states(&train).view()));
        Ok(Self {
            inputs,
            weights: particle_weights(inputs.shape, &train),
            train,
            check,
            set,
            ranks,
            ranges,
            pieces: 1,
            factors: Vec::new(),
            errors: None,
            deadline,
            teacher: None,
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
        &self.train
    }

    /// States of the training chunks, so many at most, evenly taken.
    pub(super) fn some_states(&self, most: usize) -> Array2<f64> {
        let all = states(&self.train);
        let rows: Vec<usize> =
            (0..all.nrows()).step_by(all.nrows().div_ceil(most).max(1)).collect();
        all.select(ndarray::Axis(0), &rows)
    }

    /// Paths through the training chunks.
    pub(super) fn paths<F: Model>(&self, flow: Option<&Flow<F>>, trust: &[f64]) -> Paths {
        let flow = flow.filter(|_| self.teacher.is_none());
        Paths::new(flow, &self.train, &self.weights, self.pieces, trust).with_factors(&self.factors)
    }

    /// Paths of what was learned through some of the training chunks, evenly taken.
    pub(super) fn some_paths(&self, fitted: &Fitted, most: usize) -> Paths {
        let n = self.train.len();
        if n <= most || !self.factors.is_empty() {
            return self
                .paths(Some(&Flow { model: &fitted.model, theta: &fitted.theta }), &fitted.trust);
        }
        let taken = || (0..most).map(|k| k * n / most);
        let (chunks, trust): (Vec<Trajectory>, Vec<f64>) =
            taken().map(|i| (self.train[i].clone(), fitted.trust[i])).unzip();
        let flow = Flow { model: &fitted.model, theta: &fitted.theta };
        Paths::new(
            self.teacher.is_none().then_some(&flow),
            &chunks,
            &self.weights,
            self.pieces,
            &trust,
        )
    }

    /// When the time is over.
    pub(super) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Whether it is.
    pub(super) fn late(&self) -> bool {
        self.deadline.is_over()
    }

    /// Learns: every scalar at first, then those that are demanded, then products of two where sums
    /// of functions of one don't do.
    ///
    /// # Errors
    /// Linear algebra fails: numbers that are not finite.
    pub fn learn(&mut self, progress: &mut dyn FnMut(&str)) -> linalg::Result<Fitted> {
        progress("learning with every scalar");
        let (all, degree) = self.first_groups();
        let first = self.fit(&all, degree, None)?;
        log::debug!("all scalars: {}", self.describe(&first));
        let mut first = self.with_enough_pieces(first, &all, degree)?;
        if first.misfit > NOISY && self.teacher.is_none() {
            progress("weighing what noise does to each interval");
            for _ in 0..2 {
                if self.late() {
                    break;
                }
                self.factors = noise::factors(self, &first);
                first = self.fit(&all, degree, Some(&first))?;
                log::debug!("with the noise of each interval: {}", self.describe(&first));
            }
        }
        progress("leaving out what the data don't demand");
        let alone = self.refined(first)?;
        if alone.misfit > PAIRS_ABOVE { self.with_products(alone, progress) } else { Ok(alone) }
    }

    /// Every scalar that varies, and the degree of its functions; as many as [`MOST_FUNCTIONS`]
    /// allow, those of low rank first: the number of inner products grows with the square of that
    /// of the particles.
    fn first_groups(&self) -> (Vec<Vec<usize>>, usize) {
        let of_rank = |most: usize| -> Vec<Vec<usize>> {
            let varies =
                |i: &usize| self.ranges[*i].1 > self.ranges[*i].0 && self.ranks[*i] <= most;
            (0..self.set.len()).filter(varies).map(|i| vec![i]).collect()
        };
        let highest = self.ranks.iter().copied().max().unwrap_or(0);
        let tried = (0..=highest).rev().map(|rank| (of_rank(rank), FIRST_DEGREE));
        let tried = tried.chain((1..FIRST_DEGREE).rev().map(|degree| (of_rank(0), degree)));
        let fits = |(groups, degree): &(Vec<Vec<usize>>, usize)| {
            self.size(groups, *degree) <= MOST_FUNCTIONS
        };
        tried.into_iter().find(fits).unwrap_or_else(|| (of_rank(0), 1))
    }

    /// Drops what is not demanded and raises the degree of the rest, in turn, until neither helps.
    fn refined(&mut self, first: Fitted) -> linalg::Result<Fitted> {
        let mut best = first;
        let mut tried = best.degree;
        let mut idle = 0;
        loop {
            let kept = self.demanded(&best)?;
            let fewer = kept.len() < best.groups.len();
            let degree = HIGHER_DEGREES
                .into_iter()
                .find(|d| *d > tried)
                .filter(|_| best.misfit > ENOUGH.max(self.resolution()) && idle < 3);
            if !fewer && (self.late() || degree.is_none()) {
                return Ok(best);
            }
            if fewer {
                log::debug!("demanded: {}", self.names(&kept));
                let next = self.fit(&kept, best.degree, Some(&best))?;
                log::debug!("without the rest: {}", self.describe(&next));
                // The estimate of what a group is worth holds for the paths as they were; a bad
                // surprise is taken back.
                if next.misfit > 1.5 * best.misfit.max(ENOUGH)
                    && next.validation > 1.5 * best.validation.max(ENOUGH)
                {
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
            g.iter()
                .map(|&i| Expr::Scalar(self.set.scalars()[i].clone()).to_string())
                .collect::<Vec<_>>()
                .join(" x ")
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

fn of_two_points(chunks: &[Trajectory]) -> Cow<'_, [Trajectory]> {
    let enough = |c: &&Trajectory| c.times.len() > 1;
    if chunks.iter().all(|c| enough(&c)) {
        chunks.into()
    } else {
        chunks.iter().filter(enough).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
