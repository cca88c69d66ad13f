//! Laws of the parts of what was learned, each grown with all the others as they may be.

use ndarray::Axis;

use crate::expr::{Scalar, Vector};
use crate::recover::error::RecoverError;
use crate::recover::grow::beam::Growth;
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::offered::Offered;
use crate::recover::grow::own_paths::{ENDED, OnOwnPaths, SURELY_ENDED, gap};
use crate::recover::grow::resolution::Resolution;
use crate::recover::grow::rung::RUNGS;
use crate::recover::grow::sum::Sum;
use crate::recover::grow::term::Term;
use crate::recover::learn::fitted::Fitted;
use crate::recover::problem::learner::Learner;
use crate::recover::split::Part;

/// What growing part by part gives.
pub(super) enum Parts {
    /// The sum of the parts' laws.
    Law(Box<OnOwnPaths>),
    /// A part that is a function of one scalar has none.
    NoFormOfOneScalar,
    /// No law.
    None,
}

/// Terms of the law of a part, at most.
const MOST_TERMS: usize = 5;

impl Learner<'_> {
    /// The sum of the plainest terms of every part, each grown with the functions of all other
    /// parts free: what a part is to explain is then all that they can't.
    pub(super) fn grown_parts(
        &self,
        fitted: &Fitted,
        offered: &[Offered],
    ) -> Result<Parts, RecoverError> {
        let paths = self.learned_paths(fitted);
        let design = paths.design(&fitted.model);
        let all = self.nodes(&paths);
        let mut terms: Vec<Term> = Vec::new();
        for part in self.parts_of_vectors(fitted) {
            let others: Vec<usize> =
                (0..fitted.theta.len()).filter(|k| !part.columns.contains(k)).collect();
            let others: Vec<_> = design.iter().map(|b| b.select(Axis(1), &others)).collect();
            let nodes = all.clone().without(&others);
            let own: Vec<Offered> =
                offered.iter().filter(|o| part.scalars.contains(&o.scalar)).copied().collect();
            match self.grown_part(&nodes, &own, fitted.misfit) {
                Some(sum) => terms.extend(sum.terms),
                None if own.len() == 1 => return Ok(Parts::NoFormOfOneScalar),
                None => return Ok(Parts::None),
            }
        }
        match Sum::of(terms, &all, &all.target) {
            Some(sum) => Ok(Parts::Law(Box::new(self.on_own_paths(sum, fitted)?))),
            None => Ok(Parts::None),
        }
    }

    /// The plainest sum that explains what is left for a part, on the first rung that has one which
    /// surely ends, or that of all rungs which ends best.
    fn grown_part(&self, nodes: &Nodes, own: &[Offered], misfit: f64) -> Option<Sum> {
        let several = own.len() > 1;
        let mut best: Option<(f64, Sum)> = None;
        let (resolution, start) = (Resolution::of(misfit), Sum::empty(&nodes.target));
        for rung in RUNGS.into_iter().filter(|r| several || !r.has_products()) {
            let pool = self.pool(rung, own, nodes);
            let growth = self.growth(rung, (nodes, &pool), 0, resolution.floor());
            let growth = Growth { most: MOST_TERMS, ..growth };
            let grown = growth.all(&start, &resolution.roughly(&growth), 1);
            for sum in self.promising(grown, &growth, &resolution) {
                let gap = gap(&sum, nodes);
                let (rms, expression) = (growth.rms(&sum), sum.expression(&self.catalogue));
                log::debug!("  {rung:?}: {rms:.2e}, gap {gap:.1e} {expression}");
                if gap > SURELY_ENDED {
                    return Some(sum);
                }
                if gap > ENDED && best.as_ref().is_none_or(|(most, _)| gap > *most) {
                    best = Some((gap, sum));
                }
            }
        }
        best.map(|(_, sum)| sum)
    }

    /// The parts of what was learned; those that are functions of the same vector are one.
    fn parts_of_vectors(&self, fitted: &Fitted) -> Vec<Part> {
        let vector = |scalar: usize| -> Option<Vector> {
            let mut moving = self.scalars()[scalar]
                .vectors()
                .filter(|v| v.terms().iter().any(|(name, _)| self.inputs().moves(name)));
            moving.next().filter(|_| moving.next().is_none()).cloned()
        };
        let of_one = |s: usize| match &self.scalars()[s] {
            Scalar::Norm(v) => Some(v.clone()),
            Scalar::Dot(..) | Scalar::Parameter(_) => vector(s),
        };
        let mut parts: Vec<Part> = Vec::new();
        for part in self.parts(fitted) {
            let vectors: Vec<Vector> = part.scalars.iter().filter_map(|&s| of_one(s)).collect();
            let alike = parts.iter_mut().find(|p| {
                p.scalars.iter().filter_map(|&s| of_one(s)).any(|v| vectors.contains(&v))
            });
            match alike {
                Some(other) => {
                    other.scalars.extend(part.scalars);
                    other.columns.extend(part.columns);
                }
                None => parts.push(part),
            }
        }
        parts
    }
}
