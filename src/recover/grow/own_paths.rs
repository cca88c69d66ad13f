//! A law along its own paths.

use crate::expr::Expr;
use crate::model::ScalarHamiltonian;
use crate::recover::error::RecoverError;
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::offered::{Offered, without_momenta};
use crate::recover::grow::resolution::{EXPLAINED, Resolution};
use crate::recover::grow::rung::Rung;
use crate::recover::grow::sum::Sum;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::library_fit::trust_in;
use crate::recover::learn::limits::MOST_PIECES;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;

/// Rows that terms are told apart on, about.
const ROWS: usize = 800;

/// Chunks that they are told apart on, at least, and for each parameter: of its values a few tell
/// powers of it apart, and products of two.
const LEAST: usize = 12;
const EACH: usize = 6;

/// Chunks of less trust than this can't be followed.
const HARDLY: f64 = 0.01;

/// Where a law is the law, each of its terms is missed by a great multiple of what is left; the terms
/// of a series that follows another law fall geometrically, and the last is of the size of what is
/// left.
pub(super) const ENDED: f64 = 300.0;

/// The least of a law's terms is missed by so many times what is left, where no other law is looked
/// for on higher rungs: what follows another law to the bound of what is explained has more terms,
/// and ends sooner.
pub(super) const SURELY_ENDED: f64 = 1e5;

/// What a kinetic energy may leave, in misfits of what was learned: its rows are a half of all, and
/// its paths are those of the other model.
pub(super) const KINETIC: f64 = 4.0;

/// Rounds of improving a law's own paths.
const ROUNDS: usize = 8;

/// Gauss-Newton steps along them.
const POLISH: usize = 25;

/// A sum along its own paths.
pub(super) struct OnOwnPaths {
    pub sum: Sum,
    pub expression: Expr,
    /// Pieces that each interval of them is cut into.
    pub pieces: usize,
    /// Root mean square residual.
    pub misfit: f64,
    /// By how much it grows at least when any one term goes.
    pub gap: f64,
}

impl Learner<'_> {
    /// Chunks that are enough to tell terms apart.
    fn enough(&self) -> usize {
        let points = self.train().iter().map(|c| c.times.len()).max().unwrap_or(2);
        let least = LEAST.max(EACH * self.parameters().count());
        (ROWS / (self.set.state_len() * points.saturating_sub(1).max(1))).max(least)
    }

    /// Paths through some of the chunks along the flow of a law.
    pub(super) fn own_paths(
        &self,
        law: &Expr,
        pieces: usize,
        fitted: &Fitted,
    ) -> Result<Paths, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), law)?;
        let theta = law.constants();
        let flow = Flow { model: &model, theta: &theta };
        Ok(self.some_paths_along(Some(&flow), pieces, fitted, self.enough()))
    }

    pub(super) fn learned_paths(&self, fitted: &Fitted) -> Paths {
        // What was learned knows no parameters.
        let flow = (!self.has_parameters()).then(|| fitted.flow());
        self.some_paths_along(flow.as_ref(), self.pieces(), fitted, self.enough())
    }

    /// The nodes of paths, with what any coefficients of the known forces explain taken out.
    pub(super) fn nodes(&self, paths: &Paths) -> Nodes {
        let nodes = Nodes::new(self.inputs(), &self.set, &self.catalogue, paths);
        if self.inputs().momentum_forces.is_empty() {
            return nodes;
        }
        nodes.without(&self.force_columns(paths))
    }

    /// Trust in each chunk by how well a law follows it.
    pub(super) fn trust_by(&self, law: &Expr) -> Result<Vec<f64>, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), law)?;
        let theta = law.constants();
        let paths = self
            .paths(Some(&Flow { model: &model, theta: &theta }), &vec![1.0; self.train().len()]);
        let mut trust = trust_in(&paths.misfits(&paths.increments(&model, &theta), &[1.0]));
        trust.iter_mut().filter(|t| **t < HARDLY).for_each(|t| *t = 0.0);
        Ok(trust)
    }

    /// Fits a sum along its own paths, improved until they settle.
    pub(super) fn on_own_paths(
        &self,
        sum: Sum,
        fitted: &Fitted,
    ) -> Result<OnOwnPaths, RecoverError> {
        let expression = sum.expression(&self.catalogue);
        let mut pieces = self.pieces();
        let mut best = OnOwnPaths { sum, expression, pieces, misfit: f64::INFINITY, gap: 0.0 };
        let followed = self.learned_paths(fitted).weight();
        for _ in 0..ROUNDS {
            let paths = self.own_paths(&best.expression, pieces, fitted)?;
            let nodes = self.nodes(&paths);
            let Some(mut sum) = Sum::of(best.sum.terms.clone(), &nodes, &nodes.target) else {
                break;
            };
            sum.polish(POLISH, &nodes, &nodes.target);
            let weight = paths.weight();
            let mut misfit = (sum.squares() / weight).sqrt();
            // A law that can't follow most of the data does not explain them.
            if weight < 0.5 * followed {
                misfit = f64::INFINITY;
            }
            let settled = misfit.is_nan() || misfit > 0.5 * best.misfit;
            if misfit < best.misfit {
                let expression = sum.expression(&self.catalogue);
                let gap = gap(&sum, &nodes);
                best = OnOwnPaths { sum, expression, pieces, misfit, gap };
            }
            // What is left may be the error of the paths.
            if settled && (2 * pieces > MOST_PIECES || best.misfit <= EXPLAINED) {
                break;
            }
            pieces *= if settled { 2 } else { 1 };
        }
        log::debug!("  own paths: {:.2e}, gap {:.1e} {}", best.misfit, best.gap, best.expression);
        Ok(best)
    }

    /// A law that explains the data put as plainly as they allow.
    pub(super) fn plainest(
        &self,
        law: &OnOwnPaths,
        offered: &[Offered],
        fitted: &Fitted,
    ) -> Result<Expr, RecoverError> {
        let paths = self.own_paths(&law.expression, law.pieces, fitted)?;
        let nodes = self.nodes(&paths);
        let Some(sum) = Sum::of(law.sum.terms.clone(), &nodes, &nodes.target) else {
            return Ok(law.expression.clone());
        };
        let kinetic = self
            .kinetic(&nodes, (KINETIC * law.misfit).max(EXPLAINED))
            .map_or(0, |k| k.terms.len());
        let offered = without_momenta(offered, kinetic > 0);
        let pool = self.pool(Rung::Products, &offered, &nodes);
        let resolution = Resolution::of(law.misfit);
        let growth = self.growth(Rung::Products, (&nodes, &pool), kinetic, resolution.floor());
        Ok(resolution.roughly(&growth).plainer(&sum).expression(&self.catalogue))
    }
}

/// By how much the residual grows at least when any one term goes.
pub(super) fn gap(sum: &Sum, nodes: &Nodes) -> f64 {
    let without = |k: usize| {
        let mut without = sum.without(k, &nodes.target)?;
        without.polish(POLISH, nodes, &nodes.target);
        Some(without.squares())
    };
    let least = (0..sum.terms.len()).filter_map(without).fold(f64::INFINITY, f64::min);
    (least / sum.squares().max(f64::MIN_POSITIVE)).sqrt()
}
