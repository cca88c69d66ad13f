//! Whole laws grown from the simplest on the data themselves.
//!
//! A law is a sum of terms, a term a constant times a product of functions of one scalar each. Along
//! the paths of the best model so far the increments of the states are linear in the constants, so
//! that a term is fitted, with all others, by one pass over the nodes and a projection. A ladder of
//! grammars is climbed from below; the first rung on which a law explains the data is the last.

mod beam;
mod climb;
mod nodes;
mod own_paths;
mod parts;
mod pool;
mod projection;
mod sum;
mod term;

use crate::dataset::Units;
use crate::expr::{Expr, Scalar};
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::grow::own_paths::{EXPLAINED, OnOwnPaths};
use crate::recover::grow::pool::{Offered, RUNGS, Rung};
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::PAIRS_ABOVE;
use crate::recover::problem::learner::Learner;

/// A law's own paths are worth another climb of the rung where its misfit is below this part of that
/// of the model that made the paths.
const BETTER_PATHS: f64 = 0.5;

/// Climbs of one rung, at most.
const CLIMBS: usize = 3;

/// Where a law is the law, each of its terms is missed by a great multiple of what is left; the terms
/// of a series that follows another law fall geometrically, and the last is of the size of what is
/// left.
const ENDED: f64 = 300.0;

/// What growing found.
pub(crate) struct GrownLaws {
    /// Laws on the way, fitted along their own paths.
    pub laws: Vec<Adjusted>,
    /// The law that explains the data, if one does.
    pub explaining: Option<Adjusted>,
}

impl Learner<'_> {
    /// Grows laws on the training chunks; `units` are those that the chunks were put in.
    ///
    /// # Errors
    /// A vector that is not among the inputs.
    pub(crate) fn grow(
        &mut self,
        fitted: &Fitted,
        units: &Units,
        progress: &mut dyn FnMut(&str),
    ) -> Result<GrownLaws, RecoverError> {
        let mut found = GrownLaws { laws: Vec::new(), explaining: None };
        let mut best: Option<OnOwnPaths> = None;
        let all = self.offered(units);
        let demanded: Vec<Offered> = all
            .iter()
            .filter(|o| fitted.groups.iter().any(|g| g.scalars.contains(&o.scalar)))
            .copied()
            .collect();
        // Where sums of functions of one scalar do, there are no products.
        let alone =
            fitted.misfit <= PAIRS_ABOVE && fitted.groups.iter().all(|g| g.scalars.len() < 2);
        if fitted.misfit <= PAIRS_ABOVE {
            progress("growing laws: part by part");
            if let Some(law) = self.grown_parts(fitted, &all)?
                && law.misfit <= EXPLAINED
                && law.gap > ENDED
            {
                found.explaining = self.explaining(&law, &all, fitted)?;
                if found.explaining.is_some() {
                    return Ok(found);
                }
            }
        }
        for rung in RUNGS.into_iter().filter(|r| !(alone && r.has_products())) {
            progress(&format!("growing laws: {}", rung.name()));
            // Small rungs are climbed at once with every scalar.
            let offers: &[&[Offered]] = match rung {
                Rung::Plain | Rung::Powers => &[&all],
                _ if demanded.len() == all.len() => &[&all],
                _ => &[&demanded, &all],
            };
            for offered in offers {
                for _ in 0..CLIMBS {
                    if self.late() {
                        return Ok(found);
                    }
                    let misfit =
                        best.as_ref().map_or(fitted.misfit, |b| b.misfit.min(fitted.misfit));
                    let paths = match best.as_ref().filter(|b| b.misfit < fitted.misfit) {
                        Some(best) => self.own_paths(&best.expression, best.pieces, fitted)?,
                        None => self.learned_paths(fitted),
                    };
                    let laws = self.climb(&paths, offered, rung, misfit, fitted)?;
                    let explains = |l: &&OnOwnPaths| l.misfit <= EXPLAINED && l.gap > ENDED;
                    if let Some(law) = laws.iter().find(explains) {
                        found.explaining = self.explaining(law, offered, fitted)?;
                        if found.explaining.is_some() {
                            return Ok(found);
                        }
                    }
                    let first = laws.into_iter().min_by(|a, b| a.misfit.total_cmp(&b.misfit));
                    let Some(first) = first else { break };
                    let better = first.misfit < BETTER_PATHS * misfit;
                    if best.as_ref().is_none_or(|b| first.misfit < b.misfit) {
                        found.laws.push(Adjusted {
                            expression: first.expression.clone(),
                            misfit: first.misfit,
                            validation: first.misfit,
                        });
                        best = Some(first);
                    }
                    if !better {
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    /// A law that explains some of the chunks put as plainly as they allow, if it explains all.
    fn explaining(
        &mut self,
        law: &OnOwnPaths,
        offered: &[Offered],
        fitted: &Fitted,
    ) -> Result<Option<Adjusted>, RecoverError> {
        self.pieces = self.pieces.max(law.pieces);
        let plainest = self.plainest(law, offered, fitted)?;
        let spellings: [&Expr; 2] = [&plainest, &law.expression];
        for expression in spellings {
            let law = self.adjust(expression, fitted)?;
            log::debug!("explains: {:.2e} {}", law.misfit, law.expression);
            if law.misfit <= EXPLAINED {
                return Ok(Some(law));
            }
        }
        Ok(None)
    }

    fn has_momenta(&self, scalar: usize) -> bool {
        let is_momentum = |name: &str| name.starts_with('p') && self.inputs().slot(name).is_some();
        self.scalars()[scalar].vectors().any(|v| v.terms().iter().any(|(n, _)| is_momentum(n)))
    }

    /// The scalars that the data tell anything of.
    fn offered(&self, units: &Units) -> Vec<Offered> {
        let offered = |i: usize| Offered {
            scalar: i,
            range: self.ranges[i],
            has_momenta: self.has_momenta(i),
            unit: units.of_scalar(&self.scalars()[i]),
            is_length: matches!(self.scalars()[i], Scalar::Norm(_)),
        };
        (0..self.set.len()).filter(|i| self.tells(*i)).map(offered).collect()
    }
}
