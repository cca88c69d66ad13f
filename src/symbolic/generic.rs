//! Learning a Hamiltonian that nothing is known of, and which scalars it is a function of.
//!
//! Every scalar of the input vectors is offered with polynomials of itself or of its logarithm; the fit along [paths](super::paths) is
//! linear. Scalars that the data don't demand are eliminated as a whole, the simple ones last, and what is left gets polynomials of higher
//! degree for as long as that predicts held-out chunks better. Where sums of functions of one scalar don't do, products of two are offered.

use std::time::Instant;

use ndarray::{Array1, Array2, Axis as Direction, concatenate, s};

use super::noise;
use super::paths::{Flow, Paths};
use crate::basis::{Axis, Map, Product, ProductBasis};
use crate::dataset::Trajectory;
use crate::expr::{Scalar, Vector};
use crate::linalg::{self, triangular_factor, triangular_inverse};
use crate::model::{Model, ScalarHamiltonian};
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{states, unit_weights};

/// A scalar that may be in the law, with what speaks against it: among equals those of low rank stay.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateScalar {
    /// The scalar.
    pub scalar: Scalar,
    /// 0 for lengths and components along context vectors, more for what such can replace.
    pub rank: usize,
}

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
    deadline: Option<Instant>,
}

/// Ratio of the largest to the smallest value of a length from which on its logarithm is offered too.
const LOGARITHMIC: f64 = 2.5;
/// The part of the values on either side that does not decide about ranges.
const EXTREME: f64 = 0.003;
/// Ridge relative to the length of each column.
const RIDGE: f64 = 1e-8;
/// Rounds of improving paths, at most.
const ROUNDS: usize = 8;
/// Chunks whose mean square residual is so many times the median count half.
const DIFFICULT: f64 = 25.0;
/// What is smaller than this part of the increments is of no account.
const NEGLIGIBLE: f64 = 5e-7;

/// All scalars of the input vectors, without those that are functions of one other.
pub fn candidates(inputs: &Inputs) -> Vec<CandidateScalar> {
    let n = inputs.shape.particles;
    let positions: Vec<Vector> = (1..=n).map(|i| inputs.position(i)).collect();
    let momenta: Vec<Vector> = (1..=n).map(|i| inputs.momentum(i)).collect();
    let relative: Vec<Vector> =
        (1..n).flat_map(|j| (0..j).map(move |i| (i, j))).map(|(i, j)| &positions[j] - &positions[i]).collect();
    let context: Vec<Vector> = inputs.context.iter().map(|(name, _)| Vector::named(name.clone())).collect();
    let mut found: Vec<CandidateScalar> = Vec::new();
    let mut add = |scalar: Scalar, rank: usize| {
        if !found.iter().any(|c| c.scalar == scalar) {
            found.push(CandidateScalar { scalar, rank });
        }
    };
    for v in momenta.iter().chain(&positions).chain(&relative) {
        add(Scalar::norm(v.clone()), 0);
    }
    for c in &context {
        positions.iter().chain(&momenta).for_each(|v| add(Scalar::dot(c.clone(), v.clone()), 1));
        relative.iter().for_each(|v| add(Scalar::dot(c.clone(), v.clone()), 2));
    }
    for i in 0..n {
        for j in 0..n {
            add(Scalar::dot(positions[i].clone(), momenta[j].clone()), 3);
            if i < j {
                add(Scalar::dot(momenta[i].clone(), momenta[j].clone()), 3);
                add(Scalar::dot(positions[i].clone(), positions[j].clone()), 4);
            }
        }
    }
    found
}

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
        trace(&format!("all scalars: {}", self.describe(&first)));
        let mut first = self.with_enough_pieces(first, &all, FIRST_DEGREE)?;
        if first.misfit > NOISY {
            progress("weighing what noise does to each interval");
            for _ in 0..2 {
                self.factors = noise::factors(self, &first);
                first = self.fit(&all, FIRST_DEGREE, Some(&first))?;
                trace(&format!("with the noise of each interval: {}", self.describe(&first)));
            }
        }
        progress("leaving out what the data don't demand");
        let mut best = self.refined(first)?;
        if best.misfit > PAIRS_ABOVE {
            progress("looking for products of scalars");
            let alone = best;
            let mut found: Option<Fitted> = None;
            for tier in self.tiers() {
                if self.late() || found.as_ref().is_some_and(|f| f.misfit < PAIRS_ABOVE.max(1e-3 * alone.misfit)) {
                    break;
                }
                let pairs = self.pairs(&alone, &tier)?;
                if pairs.is_empty() {
                    continue;
                }
                let mut groups: Vec<Vec<usize>> = self.groups_of(&alone);
                for i in pairs.iter().flatten() {
                    if !groups.contains(&vec![*i]) {
                        groups.push(vec![*i]);
                    }
                }
                groups.extend(pairs);
                let next = self.fit(&groups, PAIR_DEGREE, Some(&alone))?;
                trace(&format!("with pairs: {}", self.describe(&next)));
                if next.validation < 0.9 * alone.validation {
                    let next = self.refined(next)?;
                    if found.as_ref().is_none_or(|f| next.validation < 0.5 * f.validation) {
                        found = Some(next);
                    }
                }
            }
            best = found.unwrap_or(alone);
        }
        Ok(best)
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
                trace(&format!("demanded: {}", self.names(&kept)));
                let next = self.fit(&kept, best.degree, Some(&best))?;
                trace(&format!("without the rest: {}", self.describe(&next)));
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
            trace(&format!("degree {degree}: {}", self.describe(&next)));
            if next.validation < 0.9 * best.validation {
                idle = 0;
                best = self.with_enough_pieces(next, &groups, degree)?;
            } else {
                idle += 1;
            }
        }
    }

    /// Cuts the intervals finer while the error of the paths is what is left of the misfit.
    fn with_enough_pieces(&mut self, mut fitted: Fitted, groups: &[Vec<usize>], degree: usize) -> linalg::Result<Fitted> {
        let mut last = f64::INFINITY;
        while self.pieces < MOST_PIECES && !self.late() {
            let error = self.path_error(&fitted);
            trace(&format!("pieces {}: path error {error:.2e}", self.pieces));
            if error < 0.1 * fitted.misfit || error < 0.1 * ENOUGH || error > 0.5 * last {
                break;
            }
            last = error;
            self.pieces *= 2;
            fitted = self.fit(groups, degree, Some(&fitted))?;
        }
        Ok(fitted)
    }

    /// Root mean square difference (over the middle nine tenths of the held-out chunks) that twice as many pieces make to the residuals.
    fn path_error(&self, fitted: &Fitted) -> f64 {
        let mut errors = self.path_errors(fitted, self.check);
        errors.retain(|e| e.is_finite());
        errors.sort_by(f64::total_cmp);
        errors.truncate(errors.len() * 9 / 10);
        (errors.iter().sum::<f64>() / errors.len().max(1) as f64).sqrt()
    }

    /// Mean square difference, in each chunk, that twice as many pieces make to the residuals.
    fn path_errors(&self, fitted: &Fitted, chunks: &[Trajectory]) -> Vec<f64> {
        let flow = Flow { model: &fitted.model, theta: &fitted.theta };
        let trust = vec![1.0; chunks.len()];
        let increments = |pieces: usize| {
            let paths = Paths::new(Some(&flow), chunks, &self.weights, pieces, &trust);
            let blocks = paths.increments(&fitted.model, &fitted.theta);
            (paths, blocks)
        };
        let ((paths, coarse), (_, fine)) = (increments(self.pieces), increments(2 * self.pieces));
        let difference: Vec<Array2<f64>> = coarse.iter().zip(&fine).map(|(a, b)| a - b).collect();
        paths.misfits(&difference, &[1.0])
    }

    /// Readies for closed forms, which are cheap to evaluate: cuts the intervals finer until nearly all chunks are followed to the misfit's own accuracy,
    /// and trusts the others no more.
    pub(super) fn sharpen(&mut self, fitted: &mut Fitted) {
        let allowed = (0.1 * fitted.misfit).clamp(1e-11, 1e-3);
        loop {
            let errors = self.path_errors(fitted, self.train);
            let bad = errors.iter().filter(|e| e.sqrt() > allowed || e.is_nan()).count();
            trace(&format!("pieces {}: {bad} of {} chunks not followed to {allowed:.1e}", self.pieces, errors.len()));
            if bad * 50 <= errors.len() || 2 * self.pieces > MOST_PIECES {
                for (trust, error) in fitted.trust.iter_mut().zip(&errors) {
                    let ratio = error.sqrt() / allowed;
                    *trust *= if ratio.is_finite() { 1.0 / (1.0 + ratio * ratio) } else { 0.0 };
                }
                return;
            }
            self.pieces *= 2;
        }
    }

    fn groups_of(&self, fitted: &Fitted) -> Vec<Vec<usize>> {
        fitted.groups.iter().map(|g| g.scalars.clone()).collect()
    }

    fn size(&self, groups: &[Vec<usize>], degree: usize) -> usize {
        self.basis(groups, degree).0.functions().len()
    }

    /// Sets of scalars whose products are tried, one after the other: components along context vectors, then with lengths, then all.
    fn tiers(&self) -> Vec<Vec<usize>> {
        let useful = |ranks: &[usize]| -> Vec<usize> {
            (0..self.set.len()).filter(|&i| self.ranges[i].1 > self.ranges[i].0 && ranks.contains(&self.ranks[i])).collect()
        };
        let mut tiers = vec![useful(&[1]), useful(&[0, 1]), useful(&[0, 1, 3, 4])];
        tiers.retain(|t| t.len() > 1);
        tiers.dedup();
        tiers
    }

    /// The pairs of the given scalars whose products explain what sums of functions of one scalar leave.
    fn pairs(&self, fitted: &Fitted, scalars: &[usize]) -> linalg::Result<Vec<Vec<usize>>> {
        // Where the model is poor its paths are, too.
        let (along, through) = (self.probe(fitted, scalars, true)?, self.probe(fitted, scalars, false)?);
        let probe = if along.whole / along.total <= through.whole / through.total { along } else { through };
        trace(&format!("pairs leave {:.3e} of {:.3e}", probe.whole, probe.total));
        if probe.whole > 0.5 * probe.total {
            return Ok(Vec::new());
        }
        let groups = &probe.groups;
        let names = |pairs: &[usize]| self.names(&pairs.iter().map(|&g| groups[g].scalars.clone()).collect::<Vec<_>>());
        let mut chosen = probe.forward()?;
        trace(&format!("forward: {}", names(&chosen)));
        if probe.factor.ncols() <= BACKWARD_COLUMNS {
            let rank = |g: &Group| g.scalars.iter().map(|&i| self.ranks[i]).sum::<usize>() + 10 * g.scalars.len();
            let ranks: Vec<usize> = groups.iter().map(rank).collect();
            let allowed = (1e-3 * probe.total).min(30.0 * probe.whole.max(1e-12 * probe.total)) / probe.factor.ncols() as f64;
            let kept = eliminate_groups(&with_ridge(&probe.factor)?, groups, &ranks, allowed, 0.0)?;
            let backward: Vec<usize> = kept.into_iter().filter(|&g| g >= probe.single).collect();
            trace(&format!("backward: {}", names(&backward)));
            let (a, b) = (probe.left(&chosen)?, probe.left(&backward)?);
            let better = b < 0.3 * a || (b < 3.0 * a && backward.len() < chosen.len());
            if !backward.is_empty() && backward.len() <= MOST_PAIRS && better {
                chosen = backward;
            }
        }
        Ok(chosen.into_iter().map(|g| groups[g].scalars.clone()).collect())
    }

    /// All pairs of the given scalars, with products of low degree, beside what is there.
    fn probe(&self, fitted: &Fitted, scalars: &[usize], along_flow: bool) -> linalg::Result<Probe> {
        let pairs = scalars.iter().enumerate().flat_map(|(k, &j)| scalars[..k].iter().map(move |&i| vec![i, j]));
        let single = self.groups_of(fitted);
        let wanted: Vec<Vec<usize>> = single.iter().cloned().chain(pairs).collect();
        let (basis, groups) = self.basis(&wanted, PAIR_PROBE);
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let flow = Flow { model: &fitted.model, theta: &fitted.theta };
        let some = self.train.len().min(PAIR_CHUNKS);
        let flow = along_flow.then_some(&flow);
        let paths = Paths::new(flow, &self.train[..some], &self.weights, self.pieces, &fitted.trust[..some]);
        let paths = paths.with_factors(&self.factors);
        let factor = triangular_factor(&paths.design(&model))?;
        let n = factor.ncols() - 1;
        let singles: usize = groups[..single.len()].iter().map(|g| g.columns.len()).sum();
        let rest = factor.slice(s![singles.., ..]).to_owned();
        let total = rest.column(n).dot(&rest.column(n));
        let whole = factor[[n, n]] * factor[[n, n]];
        Ok(Probe { factor, groups, single: single.len(), rest, total, whole })
    }

    /// The functions of the given scalars and pairs of scalars up to a degree.
    fn basis(&self, wanted: &[Vec<usize>], degree: usize) -> (ProductBasis, Vec<Group>) {
        let mut axes: Vec<Axis> = Vec::new();
        let mut functions: Vec<Product> = Vec::new();
        let mut groups = Vec::new();
        let mut axis = |scalar: usize, map: Map| {
            let found = axes.iter().position(|a| a.scalar == scalar && a.map == map);
            found.unwrap_or_else(|| {
                axes.push(Axis::on(scalar, map, self.ranges[scalar]));
                axes.len() - 1
            })
        };
        for scalars in wanted {
            let first = functions.len();
            match scalars[..] {
                [i] => {
                    let logarithmic = self.is_logarithmic(i);
                    let plain = match (self.ranks[i], logarithmic) {
                        (3.., _) => degree.div_ceil(2),
                        (_, true) => degree.div_ceil(2).max(2),
                        _ => degree,
                    };
                    let a = axis(i, Map::Identity);
                    functions.extend((1..=plain).map(|d| vec![(a, d)]));
                    if logarithmic {
                        let a = axis(i, Map::Logarithm);
                        functions.extend((1..=degree).map(|d| vec![(a, d)]));
                    }
                }
                [i, j] => {
                    let map = |i: usize| if self.is_logarithmic(i) { Map::Logarithm } else { Map::Identity };
                    let (a, b) = (axis(i, map(i)), axis(j, map(j)));
                    for d in 1..degree {
                        functions.extend((1..=degree - d).map(|e| vec![(a, d), (b, e)]));
                    }
                }
                _ => continue,
            }
            groups.push(Group { scalars: scalars.clone(), columns: (first..functions.len()).collect() });
        }
        (ProductBasis::new(self.set.len(), axes, functions), groups)
    }

    /// Whether a scalar is a distance that varies much.
    fn is_logarithmic(&self, i: usize) -> bool {
        let (low, high) = self.ranges[i];
        let distance =
            matches!(&self.set.scalars()[i], Scalar::Norm(v) if v.terms().iter().all(|(name, _)| !name.starts_with('p')));
        distance && low > 0.0 && high > LOGARITHMIC * low
    }

    /// Fits until the paths settle.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn fit(&self, wanted: &[Vec<usize>], degree: usize, start: Option<&Fitted>) -> linalg::Result<Fitted> {
        let (basis, groups) = self.basis(wanted, degree);
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let mut trust = start.map_or_else(|| vec![1.0; self.train.len()], |s| s.trust.clone());
        let mut found: Option<(Vec<f64>, Array2<f64>, usize, f64)> = None;
        for round in 0..ROUNDS {
            let flow = match (&found, start) {
                (Some((theta, ..)), _) => Some(Flow { model: &model, theta }),
                (None, Some(start)) => Some(Flow { model: &start.model, theta: &start.theta }),
                (None, None) => None,
            };
            let paths = self.paths(flow.as_ref(), &trust);
            let design = paths.design(&model);
            let factor = with_ridge(&triangular_factor(&design)?)?;
            let theta = solve(&factor)?;
            let misfits = paths.misfits(&design, &theta);
            trust = trust_in(&misfits);
            let (mut squares, mut weight) = (0.0, 0.0);
            for (m, t) in misfits.iter().zip(&trust).filter(|(_, t)| **t > 0.0) {
                squares += m * t * t;
                weight += t * t;
            }
            let misfit = (squares / weight.max(f64::MIN_POSITIVE)).sqrt();
            let rows = design.iter().map(Array2::nrows).sum();
            let settled = found.as_ref().is_some_and(|(.., last)| misfit > 0.7 * last) && round > 1;
            let worse = found.as_ref().is_some_and(|(.., last)| misfit.is_nan() || misfit > 1.5 * last);
            if !worse || found.is_none() {
                found = Some((theta, factor, rows, misfit));
            }
            if settled || worse || misfit < 1e-13 {
                break;
            }
        }
        let (theta, factor, rows, misfit) = found.unwrap_or_default();
        let validation = self.validate(&model, &theta);
        Ok(Fitted { model, groups, degree, theta, factor, rows, misfit, validation, trust })
    }

    /// Median over the held-out chunks of their root mean square residuals.
    pub(super) fn validate<M: Model>(&self, model: &M, theta: &[f64]) -> f64 {
        let flow = Flow { model, theta };
        let paths = Paths::new(Some(&flow), self.check, &self.weights, self.pieces, &vec![1.0; self.check.len()]);
        let mut misfits = paths.misfits(&paths.increments(model, theta), &[1.0]);
        misfits.sort_by(f64::total_cmp);
        misfits.get(misfits.len() / 2).map_or(f64::INFINITY, |m| m.sqrt())
    }

    /// The groups that the data demand, as lists of scalars.
    fn demanded(&self, fitted: &Fitted) -> linalg::Result<Vec<Vec<usize>>> {
        let n = fitted.theta.len();
        let y = fitted.factor.column(n);
        let floor = y.dot(&y) * NEGLIGIBLE * NEGLIGIBLE;
        let freedom = fitted.rows.saturating_sub(n).max(1) as f64;
        let correlated = if fitted.misfit > NOISY { CORRELATED } else { 1.0 };
        let price = correlated * (fitted.rows.max(2) as f64).ln() * (fitted.factor[[n, n]] * fitted.factor[[n, n]] / freedom);
        let ranks: Vec<usize> = fitted
            .groups
            .iter()
            .map(|g| g.scalars.iter().map(|&i| self.ranks[i]).max().unwrap_or(0) + 10 * (g.scalars.len() - 1))
            .collect();
        let kept = eliminate_groups(&fitted.factor, &fitted.groups, &ranks, price, floor)?;
        Ok(kept.into_iter().map(|g| fitted.groups[g].scalars.clone()).collect())
    }

    fn names(&self, groups: &[Vec<usize>]) -> String {
        let name = |g: &Vec<usize>| g.iter().map(|&i| scalar_text(&self.set.scalars()[i])).collect::<Vec<_>>().join(" x ");
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

/// A misfit above this may be noise.
pub(super) const NOISY: f64 = 1e-5;
/// Noisy residuals are not as independent as they are taken for.
const CORRELATED: f64 = 2.0;
/// Degree of the first fit.
const FIRST_DEGREE: usize = 6;
/// Degrees of later ones.
const HIGHER_DEGREES: [usize; 6] = [8, 11, 14, 18, 26, 36];
/// A misfit below which nothing is to be gained.
const ENOUGH: f64 = 1e-8;
/// No basis has more functions.
const MOST_FUNCTIONS: usize = 400;
/// No interval is cut into more pieces.
const MOST_PIECES: usize = 8;
/// Products of scalars are looked for when the misfit is above this.
const PAIRS_ABOVE: f64 = 1e-6;
/// Degree of the products by which pairs are found, and of the first fit with them.
const PAIR_PROBE: usize = 3;
const PAIR_DEGREE: usize = 6;
/// Chunks by which pairs are found, and the most pairs.
const PAIR_CHUNKS: usize = 150;
const MOST_PAIRS: usize = 6;

/// With so many columns or fewer pairs are also found by dropping one after the other.
const BACKWARD_COLUMNS: usize = 260;

/// A design with many pairs of scalars.
struct Probe {
    factor: Array2<f64>,
    groups: Vec<Group>,
    /// The first groups are no pairs.
    single: usize,
    /// The factor below their columns.
    rest: Array2<f64>,
    /// Sum of squares left without any pair, and with all.
    total: f64,
    whole: f64,
}

impl Probe {
    fn left(&self, pairs: &[usize]) -> linalg::Result<f64> {
        left_after(&self.rest, pairs.iter().flat_map(|&g| &self.groups[g].columns))
    }

    /// The pairs that explain most, one after the other.
    fn forward(&self) -> linalg::Result<Vec<usize>> {
        let mut left = self.total;
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < MOST_PAIRS && left > 3.0 * self.whole {
            let mut best: Option<(usize, f64)> = None;
            for g in (self.single..self.groups.len()).filter(|g| !chosen.contains(g)) {
                let after = self.left(&[&chosen[..], &[g]].concat())?;
                if best.is_none_or(|(_, b)| after < b * (1.0 - 1e-9)) {
                    best = Some((g, after));
                }
            }
            // What all pairs together can't explain is no reason to take more.
            let Some((g, after)) = best.filter(|(_, after)| left - after >= 0.1 * (left - self.whole) && *after <= 0.97 * left)
            else {
                break;
            };
            left = after;
            chosen.push(g);
        }
        Ok(chosen)
    }
}

/// Sum of squares that the given columns leave of the last one.
fn left_after<'a>(rest: &Array2<f64>, columns: impl Iterator<Item = &'a usize>) -> linalg::Result<f64> {
    let all: Vec<usize> = columns.copied().chain([rest.ncols() - 1]).collect();
    let small = triangular_factor(&[rest.select(Direction(1), &all)])?;
    let last = all.len() - 1;
    Ok(small[[last, last]] * small[[last, last]])
}

/// Of each column the range of all but the most extreme values, widened by a tenth of its width where there are any beyond.
fn robust_ranges(values: &Array2<f64>) -> Vec<(f64, f64)> {
    let range = |column: ndarray::ArrayView1<f64>| {
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len().saturating_sub(1);
        let at = |q: f64| sorted.get((n as f64 * q).round() as usize).copied().unwrap_or(0.0);
        let (low, high) = (at(EXTREME), at(1.0 - EXTREME));
        let margin = 0.1 * (high - low);
        ((low - margin).max(at(0.0)), (high + margin).min(at(1.0)))
    };
    values.columns().into_iter().map(range).collect()
}

fn scalar_text(s: &Scalar) -> String {
    crate::expr::Expr::Scalar(s.clone()).to_string()
}

pub(super) fn trace(text: &str) {
    if std::env::var_os("SCALAR_TRACE").is_some() {
        static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        eprintln!("{:8.2} {text}", BEGIN.get_or_init(Instant::now).elapsed().as_secs_f64());
    }
}

/// Less trust in chunks that fit much worse than the median one.
fn trust_in(misfits: &[f64]) -> Vec<f64> {
    let mut sorted = misfits.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
    misfits.iter().map(|m| 1.0 / (1.0 + m / (DIFFICULT * median)).sqrt()).collect()
}

/// The triangular factor with a trace of ridge under every column but the last.
pub(super) fn with_ridge(factor: &Array2<f64>) -> linalg::Result<Array2<f64>> {
    let n = factor.ncols() - 1;
    let largest = (0..n).map(|k| factor.column(k).dot(&factor.column(k)).sqrt()).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut ridge = Array2::zeros((n, n + 1));
    for k in 0..n {
        let length = factor.column(k).dot(&factor.column(k)).sqrt();
        ridge[[k, k]] = RIDGE * if length > 0.0 { length } else { largest };
    }
    triangular_factor(&[concatenate![Direction(0), factor.view(), ridge.view()]])
}

fn solve(factor: &Array2<f64>) -> linalg::Result<Vec<f64>> {
    let n = factor.ncols() - 1;
    Ok(triangular_inverse(&factor.slice(s![..n, ..n]))?.dot(&factor.slice(s![..n, n])).to_vec())
}

/// Drops groups of columns one after the other, for as long as one is worth less than `price` for each of its columns plus `floor`; of those that cost next to
/// nothing the one of highest rank goes first. Gives the kept groups.
///
/// Leaving out a group with coefficients c costs c^T ((R^T R)^-1 restricted to it)^-1 c.
///
/// # Errors
/// Numbers that are not finite.
pub fn eliminate_groups(
    augmented: &Array2<f64>,
    groups: &[Group],
    ranks: &[usize],
    price: f64,
    floor: f64,
) -> linalg::Result<Vec<usize>> {
    let y = augmented.ncols() - 1;
    let mut kept: Vec<usize> = (0..groups.len()).collect();
    let mut factor = augmented.clone();
    while kept.len() > 1 {
        let n = factor.ncols() - 1;
        let inverse = triangular_inverse(&factor.slice(s![..n, ..n]))?;
        let theta = inverse.dot(&factor.slice(s![..n, n]));
        let mut first = 0;
        let mut costs = Vec::new();
        for &g in &kept {
            let size = groups[g].columns.len();
            let rows = inverse.slice(s![first..first + size, ..]);
            let c: Array1<f64> = theta.slice(s![first..first + size]).to_owned();
            costs.push(removal_cost(&rows.t().to_owned(), &c)?);
            first += size;
        }
        let limit = |i: usize| floor + price * groups[kept[i]].columns.len() as f64;
        let free: Vec<usize> = (0..kept.len()).filter(|&i| costs[i] <= 0.3 * limit(i)).collect();
        let cheapest = (0..kept.len()).min_by(|&a, &b| (costs[a] / limit(a)).total_cmp(&(costs[b] / limit(b))));
        let goes = free.into_iter().max_by_key(|&i| (ranks[kept[i]], i)).or(cheapest).unwrap_or(0);
        if costs[goes] > limit(goes) {
            break;
        }
        kept.remove(goes);
        let columns: Vec<usize> = kept.iter().flat_map(|&g| groups[g].columns.clone()).chain([y]).collect();
        factor = triangular_factor(&[augmented.select(Direction(1), &columns)])?;
    }
    Ok(kept)
}

/// c^T (W^T W)^-1 c for the columns W of the transposed inverse factor.
fn removal_cost(w: &Array2<f64>, c: &Array1<f64>) -> linalg::Result<f64> {
    let t = triangular_factor(std::slice::from_ref(w))?;
    let mut x: Vec<f64> = Vec::with_capacity(c.len());
    for i in 0..c.len() {
        let sum: f64 = (0..i).map(|k| t[[k, i]] * x[k]).sum();
        x.push((c[i] - sum) / t[[i, i]].max(f64::MIN_POSITIVE));
    }
    Ok(x.iter().map(|x| x * x).sum())
}
