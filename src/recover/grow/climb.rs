//! One rung of the ladder: laws grown from its terms.

use crate::expr::Scalar;
use crate::linalg::{Projection, dot};
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::grow::beam::Growth;
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::offered::{Offered, without_momenta};
use crate::recover::grow::own_paths::{KINETIC, OnOwnPaths};
use crate::recover::grow::pool::Pool;
use crate::recover::grow::resolution::{EXPLAINED, Resolution, WORTH_A_FIT};
use crate::recover::grow::rung::Rung;
use crate::recover::grow::sum::Sum;
use crate::recover::grow::term::{Factor, Shape, Term};
use crate::recover::grow::with_parameters::{Parameter, times_parameters};
use crate::recover::learn::fitted::Fitted;
use crate::recover::paths::Paths;
use crate::recover::problem::learner::Learner;

/// Numbers of a pool, at most: 64 megabytes of them.
const MOST_NUMBERS: usize = 1 << 23;

/// With parameters, which make hundreds of terms of one, as many times more, and so many terms at
/// most, the plainest: all that the double pendulum's masses, stiffnesses and lengths make of plain
/// terms.
const WITH_PARAMETERS: usize = 4;
const MOST_WITH_PARAMETERS: usize = 1 << 14;

/// Terms of a law besides its kinetic energy, at most: of powers, and of functions with numbers
/// inside, of which so many follow anything.
const MOST_TERMS: (usize, usize) = (14, 7);

impl Learner<'_> {
    /// The best laws of a rung, fitted along their own paths.
    pub(super) fn climb(
        &self,
        paths: &Paths,
        offered: &[Offered],
        rung: Rung,
        misfit: f64,
        fitted: &Fitted,
        front: &mut Vec<Adjusted>,
    ) -> Result<Vec<OnOwnPaths>, RecoverError> {
        let nodes = self.nodes(paths);
        let kinetic = self.kinetic(&nodes, (KINETIC * misfit).max(EXPLAINED));
        let offered = without_momenta(offered, kinetic.is_some());
        let start = kinetic.unwrap_or_else(|| Sum::empty(&nodes.target));
        let pool = self.pool(rung, &offered, &nodes);
        log::debug!(
            "{rung:?}: {} terms, {} rows, start with {}",
            pool.len(),
            nodes.rows(),
            start.terms.len()
        );
        let resolution = Resolution::of(misfit);
        let growth = self.growth(rung, (&nodes, &pool), start.terms.len(), resolution.floor());
        let grown = growth.all(&start, &resolution.roughly(&growth), 1);
        front.extend(grown.iter().map(|sum| {
            let expression = sum.expression(&self.catalogue);
            let misfit = (sum.squares() / paths.weight()).sqrt();
            log::debug!("  {misfit:.2e} {expression}");
            Adjusted { expression, misfit, validation: misfit }
        }));
        let few = self.promising(grown, &growth, &resolution);
        let laws = few.into_iter().map(|sum| self.on_own_paths(sum, fitted));
        let laws: Vec<OnOwnPaths> = laws.collect::<Result<_, _>>()?;
        front.extend(laws.iter().map(|law| Adjusted {
            expression: law.expression.clone(),
            misfit: law.misfit,
            validation: law.misfit,
        }));
        Ok(laws)
    }

    /// Of some sums the plainest that does as well as what was learned, and the shortest, both put
    /// plainly.
    pub(super) fn promising(
        &self,
        mut grown: Vec<Sum>,
        growth: &Growth,
        resolution: &Resolution,
    ) -> Vec<Sum> {
        let roughly = resolution.roughly(growth);
        grown.retain(|sum| roughly.is_explained(sum));
        let shortest = |growth: &Growth| {
            grown.iter().min_by(|a, b| growth.length_of(a).total_cmp(&growth.length_of(b)))
        };
        let Some((plain, best)) = shortest(&roughly).zip(shortest(growth)) else {
            return Vec::new();
        };
        let floor = WORTH_A_FIT * growth.rms(best).max(resolution.least);
        let (plain, best) = (roughly.plainer(plain), Growth { floor, ..*growth }.plainer(best));
        if plain.is_like(&best) { vec![best] } else { vec![plain, best] }
    }

    pub(super) fn pool(&self, rung: Rung, offered: &[Offered], nodes: &Nodes) -> Pool {
        let mut terms = rung.terms(offered);
        let parameter = |scalar| Parameter { scalar, range: self.ranges[scalar] };
        let parameters: Vec<Parameter> = self.parameters().map(parameter).collect();
        let mut most = MOST_NUMBERS / nodes.rows().max(1);
        if !parameters.is_empty() {
            let price = |term: &Term| Pool::price(term, &self.catalogue, &self.ranks);
            terms.sort_by_cached_key(price);
            terms.extend(times_parameters(&terms, &parameters, &self.catalogue));
            terms.sort_by_cached_key(price);
            most = (most * WITH_PARAMETERS).min(MOST_WITH_PARAMETERS);
        }
        terms.truncate(most);
        Pool::new(terms, &self.catalogue, &self.ranks, nodes)
    }

    pub(super) fn growth<'a>(
        &'a self,
        rung: Rung,
        (nodes, pool): (&'a Nodes, &'a Pool),
        kept: usize,
        floor: f64,
    ) -> Growth<'a> {
        let most = if rung.has_numbers() { MOST_TERMS.1 } else { MOST_TERMS.0 };
        Growth {
            nodes,
            pool,
            catalogue: &self.catalogue,
            most,
            kept,
            floor,
            deadline: self.deadline(),
        }
    }

    /// The kinetic energy as a sum of the squares of the momenta, where that is all that moves the
    /// positions: it is known, or leaves no more than is `allowed`, root mean square.
    pub(super) fn kinetic(&self, nodes: &Nodes, allowed: f64) -> Option<Sum> {
        if !self.inputs().masses.is_empty() {
            // It is beside the law.
            return Some(Sum::empty(&nodes.target));
        }
        let square = |i: usize| {
            let norm = Scalar::norm(self.inputs().momentum(i));
            let scalar = self.scalars().iter().position(|s| *s == norm)?;
            let power = Factor::new(scalar, Shape::Power(2.0), 0.0);
            self.tells(scalar).then_some(Term(vec![power]))
        };
        let terms: Vec<Term> = (1..=self.inputs().shape.particles).filter_map(square).collect();
        let positions = nodes.positions();
        let columns: Vec<Vec<f64>> = terms
            .iter()
            .map(|t| {
                let mut column = Vec::new();
                t.column(nodes, &mut column);
                column[positions.clone()].to_vec()
            })
            .collect();
        let left = Projection::on(nodes.target[positions.clone()].to_vec(), &columns)?;
        let rms = (dot(&left.residual, &left.residual) / positions.len().max(1) as f64).sqrt();
        log::debug!("kinetic energy p^2/2m: {rms:.2e} of {allowed:.2e}");
        // Masses may be those of each run.
        let allowed = if self.has_parameters() { EXPLAINED } else { allowed };
        if !self.kinetic_is_known && rms > allowed {
            return None;
        }
        Sum::of(terms, nodes, &nodes.target)
    }
}
