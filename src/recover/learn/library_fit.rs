//! A basis of functions of scalars, fitted along paths.

use ndarray::Array2;

use crate::basis::{ChebyshevProduct, Map, MappedScalar, ProductBasis};
use crate::expr::Scalar;
use crate::linalg::{self, solve, triangular_factor, with_ridge};
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::learn::fitted::{Fitted, Group};
use crate::recover::learn::limits::LOWER_DEGREE;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;

/// Ratio of the largest to the smallest value of a length from which on its logarithm is offered
/// too.
const LOGARITHMIC: f64 = 2.5;

/// Rounds of improving paths, at most.
const ROUNDS: usize = 8;

/// Chunks whose mean square residual is so many times the median count half.
const DIFFICULT: f64 = 25.0;

/// Least trust in a chunk.
const LEAST: f64 = 1e-6;

impl Learner<'_> {
    pub(crate) fn size(&self, groups: &[Vec<usize>], degree: usize) -> usize {
        self.basis(groups, degree).0.functions().len()
    }

    /// The functions of the given scalars and pairs of scalars up to a degree.
    pub(crate) fn basis(&self, wanted: &[Vec<usize>], degree: usize) -> (ProductBasis, Vec<Group>) {
        let mut axes: Vec<MappedScalar> = Vec::new();
        let mut functions: Vec<ChebyshevProduct> = Vec::new();
        let mut groups = Vec::new();
        let mut axis = |scalar: usize, map: Map| {
            let found = axes.iter().position(|a| a.scalar == scalar && a.map == map);
            found.unwrap_or_else(|| {
                axes.push(MappedScalar::on(scalar, map, self.ranges[scalar]));
                axes.len() - 1
            })
        };
        for scalars in wanted {
            let first = functions.len();
            match scalars[..] {
                [i] if self.is_square(i) => functions.push(vec![(axis(i, Map::Square), 1)]),
                // Of a function of what is constant only the slope has an effect.
                [i] if self.is_constant_length(i) => {
                    functions.push(vec![(axis(i, Map::Identity), 1)]);
                }
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
                        let a = axis(
                            i,
                            if degree <= LOWER_DEGREE { Map::Inverse } else { Map::Logarithm },
                        );
                        functions.extend((1..=degree).map(|d| vec![(a, d)]));
                    }
                }
                [i, j] => {
                    let map = |i: usize| {
                        if self.is_logarithmic(i) { Map::Logarithm } else { Map::Identity }
                    };
                    let (a, b) = (axis(i, map(i)), axis(j, map(j)));
                    let most = |i: usize| if self.is_constant_length(i) { 1 } else { degree };
                    for d in 1..degree.min(most(i) + 1) {
                        let highest = (degree - d).min(most(j));
                        functions.extend((1..=highest).map(|e| vec![(a, d), (b, e)]));
                    }
                }
                _ => continue,
            }
            groups.push(Group {
                scalars: scalars.clone(),
                columns: (first..functions.len()).collect(),
            });
        }
        (ProductBasis::new(self.set.len(), axes, functions), groups)
    }

    /// Whether a scalar is a distance that varies much.
    fn is_logarithmic(&self, i: usize) -> bool {
        let (low, high) = self.ranges[i];
        let distance = matches!(&self.set.scalars()[i], Scalar::Norm(v) if v.terms().iter().all(|(name, _)| !name.starts_with('p')));
        distance && low > 0.0 && high > LOGARITHMIC * low
    }

    /// Fits until the paths settle.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub fn fit(
        &self,
        wanted: &[Vec<usize>],
        degree: usize,
        start: Option<&Fitted>,
    ) -> linalg::Result<Fitted> {
        let (basis, groups) = self.basis(wanted, degree);
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let mut trust = start.map_or_else(|| vec![1.0; self.train.len()], |s| s.trust.clone());
        let mut found: Option<Round> = None;
        for round in 0..ROUNDS {
            let flow = match (&found, start) {
                (Some(found), _) => Some(Flow { model: &model, theta: &found.theta }),
                (None, Some(start)) => Some(Flow { model: &start.model, theta: &start.theta }),
                (None, None) => None,
            };
            let mut next = self.round(flow.as_ref(), &model, &trust)?;
            if flow.is_some() && !next.misfit.is_finite() {
                // A model whose flow follows no chunk says nothing about paths.
                next = self.round::<ScalarHamiltonian<ProductBasis>>(
                    None,
                    &model,
                    &vec![1.0; self.train.len()],
                )?;
            }
            trust.clone_from(&next.trust);
            let last = found.as_ref().map(|f| f.misfit);
            let settled = last.is_some_and(|last| next.misfit > 0.7 * last) && round > 1;
            let worse = last.is_some_and(|last| next.misfit.is_nan() || next.misfit > 1.5 * last);
            let done =
                settled || worse || next.misfit < 1e-13 || self.teacher.is_some() || self.late();
            if !worse {
                found = Some(next);
            }
            if done {
                break;
            }
        }
        let Round { theta, factor, rows, misfit, trust } = found.unwrap_or_default();
        let validation = self.validate(&model, &theta);
        Ok(Fitted { model, groups, degree, theta, factor, rows, misfit, validation, trust })
    }

    /// One linear fit, along the flow of a model or, without one, along polynomials through the
    /// points.
    fn round<F: Model>(
        &self,
        flow: Option<&Flow<F>>,
        model: &ScalarHamiltonian<ProductBasis>,
        trust: &[f64],
    ) -> linalg::Result<Round> {
        let paths = self.paths(flow, trust);
        let design = self.taught(&paths, paths.design(model));
        let factor = with_ridge(&triangular_factor(&design)?)?;
        // Rows of chunks that are not followed are zero.
        let followed = design.iter().flatten().any(|x| *x != 0.0);
        let theta = if followed { solve(&factor)? } else { vec![0.0; model.parameters()] };
        let misfits = paths.misfits(&design, &theta);
        let trust = trust_in(&misfits);
        let (mut squares, mut weight) = (0.0, 0.0);
        for (m, t) in misfits.iter().zip(&trust).filter(|(m, _)| m.is_finite()) {
            squares += m * t * t;
            weight += t * t;
        }
        let misfit = if weight > 0.0 { (squares / weight).sqrt() } else { f64::INFINITY };
        Ok(Round { theta, factor, rows: design.iter().map(Array2::nrows).sum(), misfit, trust })
    }

    /// Median over the held-out chunks of their root mean square residuals.
    pub(crate) fn validate<M: Model>(&self, model: &M, theta: &[f64]) -> f64 {
        let flow = Flow { model, theta };
        let paths = Paths::new(
            Some(&flow),
            &self.check,
            &self.weights,
            self.pieces,
            &vec![1.0; self.check.len()],
        );
        let mut misfits =
            paths.misfits(&self.taught(&paths, paths.increments(model, theta)), &[1.0]);
        misfits.sort_by(f64::total_cmp);
        misfits.get(misfits.len() / 2).map_or(f64::INFINITY, |m| m.sqrt())
    }
}

/// What a linear fit along some paths gives.
#[derive(Default)]
struct Round {
    theta: Vec<f64>,
    factor: Array2<f64>,
    rows: usize,
    misfit: f64,
    trust: Vec<f64>,
}

/// Less trust in chunks that fit much worse than the median one, next to none where the path fails:
/// never none, so that a better model may win it back.
pub(crate) fn trust_in(misfits: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = misfits.iter().copied().filter(|m| m.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0).max(f64::MIN_POSITIVE);
    let trust = |m: &f64| {
        if m.is_finite() {
            (1.0 / (1.0 + m / (DIFFICULT * median)).sqrt()).max(LEAST)
        } else {
            LEAST
        }
    };
    misfits.iter().map(trust).collect()
}
