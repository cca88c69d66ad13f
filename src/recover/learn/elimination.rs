//! Learning: every scalar at first, then those that the data demand, in higher degrees.

use crate::expr::{Expr, Vector};
use crate::linalg;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::{ENOUGH, FIRST_DEGREE, MOST_FUNCTIONS, NOISY, PAIRS_ABOVE};
use crate::recover::learn::row_weights::factors;
use crate::recover::problem::candidates::candidates;
use crate::recover::problem::learner::Learner;
use crate::scalars::Inputs;

/// Degrees of later ones.
const HIGHER_DEGREES: [usize; 6] = [8, 11, 14, 18, 26, 36];

/// Bytes that learning takes for each chunk of so many points at most: its residuals' derivatives
/// by the initial state and by the parameters, twice.
pub fn bytes_of_chunk(inputs: &Inputs, points: usize) -> usize {
    const EACH: usize = FIRST_DEGREE + FIRST_DEGREE / 2;
    const LEAST: usize = 100;
    let (dim, functions) =
        (inputs.state_len(), (EACH * candidates(inputs).len()).clamp(LEAST, MOST_FUNCTIONS));
    2 * size_of::<f64>() * points * dim * (dim + 1 + functions)
}

impl Learner<'_> {
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
                self.factors = factors(self, &first);
                first = self.fit(&all, degree, Some(&first))?;
                log::debug!("with the noise of each interval: {}", self.describe(&first));
            }
        }
        if self.late() {
            return Ok(first);
        }
        progress("leaving out what the data don't demand");
        let alone = self.refined(first)?;
        if alone.misfit > PAIRS_ABOVE { self.with_products(alone, progress) } else { Ok(alone) }
    }

    /// Every scalar that the data tell anything of, and the degree of its functions; as many as
    /// [`MOST_FUNCTIONS`] allow, those of low rank first: the number of inner products grows with
    /// the square of that of the particles.
    pub(crate) fn first_groups(&self) -> (Vec<Vec<usize>>, usize) {
        let of_rank = |most: usize| -> Vec<Vec<usize>> {
            let wanted = |i: &usize| self.tells(*i) && self.ranks[*i] <= most;
            (0..self.set.len()).filter(wanted).map(|i| vec![i]).collect()
        };
        let highest = self.ranks.iter().copied().max().unwrap_or(0);
        let tried = (0..=highest).rev().map(|rank| (of_rank(rank), FIRST_DEGREE));
        let tried = tried.chain((1..FIRST_DEGREE).rev().map(|degree| (of_rank(0), degree)));
        let fits = |(groups, degree): &(Vec<Vec<usize>>, usize)| {
            self.size(groups, *degree) <= MOST_FUNCTIONS
        };
        tried.into_iter().find(fits).unwrap_or_else(|| {
            // Of very many particles those that are near by number: neighbours of a chain.
            let mut groups = of_rank(0);
            groups.sort_by_key(|group| self.reach(group[0]));
            groups.truncate(MOST_FUNCTIONS);
            (groups, 1)
        })
    }

    /// Drops what is not demanded and raises the degree of the rest, in turn, until neither helps.
    pub(crate) fn refined(&mut self, first: Fitted) -> linalg::Result<Fitted> {
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
            if self.late() || (!fewer && degree.is_none()) {
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

    /// By how much the numbers of the particles differ that a scalar is of.
    fn reach(&self, scalar: usize) -> usize {
        let (mut least, mut most) = (usize::MAX, 0);
        let mut see = |vector: &Vector| {
            for (name, _) in vector.terms() {
                if let Some(number) = name.get(1..).and_then(|digits| digits.parse::<usize>().ok())
                    && self.inputs().moves(name)
                {
                    (least, most) = (least.min(number), most.max(number));
                }
            }
        };
        self.set.scalars()[scalar].vectors().for_each(&mut see);
        most.saturating_sub(least)
    }

    pub(crate) fn groups_of(&self, fitted: &Fitted) -> Vec<Vec<usize>> {
        fitted.groups.iter().map(|g| g.scalars.clone()).collect()
    }

    pub(crate) fn names(&self, groups: &[Vec<usize>]) -> String {
        let name = |g: &Vec<usize>| {
            g.iter()
                .map(|&i| Expr::Scalar(self.set.scalars()[i].clone()).to_string())
                .collect::<Vec<_>>()
                .join(" x ")
        };
        groups.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn describe(&self, f: &Fitted) -> String {
        format!(
            "{} functions, misfit {:.2e}, validation {:.2e}, trust {:.2}",
            f.theta.len(),
            f.misfit,
            f.validation,
            f.mean_trust()
        )
    }
}
