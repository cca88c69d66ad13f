//! Whole laws grown from the simplest on the data themselves.
//!
//! A law is a sum of terms, a term a constant times a product of functions of one scalar each. Along
//! the paths of the best model so far the increments of the states are linear in the constants, so
//! that a term is fitted, with all others, by one pass over the nodes and a projection. A ladder of
//! grammars is climbed from below; the first rung on which a law explains the data is the last.

mod beam;
mod climb;
mod composed;
pub(crate) mod in_noise;
mod nodes;
mod offered;
mod own_paths;
mod parts;
mod pool;
mod resolution;
pub(crate) mod rung;
mod sum;
mod term;
mod with_parameters;

#[cfg(test)]
mod tests;

use crate::dataset::Units;
use crate::expr::{Expr, Scalar, Vector};
use crate::recover::description_length::systematic_length;
use crate::recover::error::RecoverError;
use crate::recover::form::{Adjusted, on_front};
use crate::recover::grow::offered::Offered;
use crate::recover::grow::own_paths::{ENDED, OnOwnPaths, SURELY_ENDED};
use crate::recover::grow::parts::Parts;
use crate::recover::grow::resolution::EXPLAINED;
use crate::recover::grow::rung::{RUNGS, Rung};
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::{NOISY, PAIRS_ABOVE};
use crate::recover::problem::learner::Learner;

/// A law's own paths are worth another climb of the rung where its misfit is below this part of that
/// of the model that made the paths.
const BETTER_PATHS: f64 = 0.5;

/// What a law that explains some chunks may leave of all of them, with those in which integration is
/// less accurate: the bound for rollouts there.
const OF_ALL: f64 = 10.0 * EXPLAINED;

/// Climbs of one rung, at most.
const CLIMBS: usize = 3;

/// Plain laws that are handed on, at most.
const FEW: usize = 8;

/// Laws that were grown and don't explain the data.
#[derive(Default)]
struct OnTheWay {
    laws: Vec<Adjusted>,
    /// With so many of them, one is as good as what was learned: what both leave of imperfect data
    /// the forms of higher rungs don't explain either, unless one explains all.
    enough: Option<usize>,
}

/// What growing found.
#[derive(Clone)]
pub(crate) struct GrownLaws {
    /// Plain laws on the way that none of fewer symbols does better than, the best few.
    pub front: Vec<Adjusted>,
    /// The law that explains the data, if one does.
    pub explaining: Option<Adjusted>,
}

impl Learner<'_> {
    /// Grows laws on the training chunks up to a rung; `units` are those that the chunks were put in.
    ///
    /// # Errors
    /// A vector that is not among the inputs.
    pub(crate) fn grow(
        &mut self,
        fitted: &mut Fitted,
        highest: Rung,
        units: &Units,
        progress: &mut dyn FnMut(&str),
    ) -> Result<GrownLaws, RecoverError> {
        // Chunks that are hard to follow without parameters may be easy with them.
        if self.has_parameters() {
            fitted.trust.fill(1.0);
        }
        let mut way = OnTheWay::default();
        let explaining = self.climbed(fitted, highest, units, &mut way, progress)?;
        if let Some(enough) = way.enough.filter(|_| explaining.is_none()) {
            way.laws.truncate(enough);
        }
        let front = few_of_front(way.laws, self.train().len());
        Ok(GrownLaws { front, explaining })
    }

    /// The law that explains the data, if the ladder has one; all others are on the `way`.
    fn climbed(
        &mut self,
        fitted: &mut Fitted,
        highest: Rung,
        units: &Units,
        way: &mut OnTheWay,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Option<Adjusted>, RecoverError> {
        let mut best: Option<OnOwnPaths> = None;
        let (mut explaining, mut gap): (Option<Adjusted>, f64) = (None, 0.0);
        let all = self.offered(units);
        let demanded: Vec<Offered> =
            all.iter().filter(|o| self.is_demanded(o, fitted)).copied().collect();
        // Where sums of functions of one scalar do, there are no products.
        let alone =
            fitted.misfit <= PAIRS_ABOVE && fitted.groups.iter().all(|g| g.scalars.len() < 2);
        // What holds a length depends on all that moves.
        if fitted.misfit <= PAIRS_ABOVE && !all.iter().any(|o| o.is_held) {
            progress("growing laws: part by part");
            match self.grown_parts(fitted, &all)? {
                Parts::Law(law) if law.misfit <= EXPLAINED && law.gap > ENDED => {
                    (explaining, gap) = (self.explaining(&law, &all, fitted)?, law.gap);
                    if explaining.is_some() && law.gap > SURELY_ENDED {
                        return Ok(explaining);
                    }
                }
                // The whole ladder has no other functions of one scalar.
                Parts::NoFormOfOneScalar if alone => return Ok(None),
                _ => {}
            }
        }
        let differ = self.has_parameters();
        let rungs = RUNGS.into_iter().filter(|r| *r <= highest && !(alone && r.has_products()));
        for rung in rungs {
            progress(&format!("growing laws: {}", rung.name()));
            // Small rungs are climbed at once with every scalar.
            let offers: &[&[Offered]] = match rung {
                Rung::Plain | Rung::Powers => &[&all],
                _ if demanded.len() == all.len() => &[&all],
                // What was learned knows no parameters, and so not what is demanded.
                _ if fitted.misfit > NOISY && !differ => &[&demanded],
                _ => &[&demanded, &all],
            };
            for offered in offers {
                for _ in 0..CLIMBS {
                    if self.late() || explaining.is_some() && rung > Rung::Composed {
                        return Ok(explaining);
                    }
                    let misfit =
                        best.as_ref().map_or(fitted.misfit, |b| b.misfit.min(fitted.misfit));
                    let paths = match best.as_ref().filter(|b| b.misfit < fitted.misfit) {
                        Some(best) => self.own_paths(&best.expression, best.pieces, fitted)?,
                        None => self.learned_paths(fitted),
                    };
                    let laws = self.climb(&paths, offered, rung, misfit, fitted, &mut way.laws)?;
                    let explains = |l: &&OnOwnPaths| l.misfit <= EXPLAINED && l.gap > ENDED;
                    if let Some(law) = laws.iter().find(explains) {
                        let found = self.explaining(law, offered, fitted)?;
                        let is_better = found.as_ref().is_some_and(|found| {
                            explaining.as_ref().is_none_or(|e| {
                                found.misfit < BETTER_PATHS * e.misfit && law.gap > gap
                            })
                        });
                        if is_better {
                            (explaining, gap) = (found, law.gap);
                        }
                        if explaining.is_some() && law.gap > SURELY_ENDED {
                            return Ok(explaining);
                        }
                    }
                    let first = laws.into_iter().min_by(|a, b| a.misfit.total_cmp(&b.misfit));
                    let Some(first) = first else { break };
                    let better = first.misfit < BETTER_PATHS * misfit;
                    if best.as_ref().is_none_or(|b| first.misfit < b.misfit) {
                        best = Some(first);
                    }
                    if !better {
                        break;
                    }
                }
            }
            // Once functions of one scalar had their turn: what was learned is made of polynomials,
            // which powers follow as well.
            let parameters = |law: &OnOwnPaths| law.expression.constants().len();
            let is_as_good = best.as_ref().is_some_and(|law| {
                let more = fitted.theta.len().saturating_sub(parameters(law)).max(1);
                self.is_as_good(law.misfit, fitted, more)
            });
            if fitted.misfit > NOISY
                && is_as_good
                && !differ
                && rung >= Rung::Alone
                && way.enough.is_none()
            {
                log::debug!("as good as what was learned");
                way.enough = Some(way.laws.len());
            }
        }
        Ok(explaining)
    }

    /// The sum of the squares of the momenta that fits the positions best, with momenta that change
    /// evenly between points: what can be said at once. Of known masses none, which are beside it.
    pub(crate) fn kinetic_energy(&self) -> Expr {
        if !self.inputs().masses.is_empty() {
            return Expr::Sum(Vec::new());
        }
        let shape = self.inputs().shape;
        let half = self.inputs().state_len() / 2;
        let term = |i: usize| {
            let (mut along, mut squares) = (0.0, 0.0);
            for chunk in self.train() {
                let states = &chunk.states;
                for (k, pair) in chunk.times.windows(2).enumerate() {
                    for c in i * shape.dimension..(i + 1) * shape.dimension {
                        let momentum = 0.5 * (states[[k, half + c]] + states[[k + 1, half + c]]);
                        let moved = states[[k + 1, c]] - states[[k, c]];
                        let by_momentum = momentum * (pair[1] - pair[0]);
                        along += moved * by_momentum;
                        squares += by_momentum * by_momentum;
                    }
                }
            }
            let inverse_mass = along / squares;
            let norm = Expr::Scalar(Scalar::norm(self.inputs().momentum(i + 1)));
            inverse_mass
                .is_finite()
                .then(|| Expr::product([Expr::Constant(0.5 * inverse_mass), Expr::pow(norm, 2.0)]))
        };
        Expr::sum((0..shape.particles).filter_map(term))
    }

    /// A law that explains some of the chunks put as plainly as they allow, if it explains all.
    fn explaining(
        &mut self,
        law: &OnOwnPaths,
        offered: &[Offered],
        fitted: &mut Fitted,
    ) -> Result<Option<Adjusted>, RecoverError> {
        self.pieces = self.pieces.max(law.pieces);
        self.factors.clear();
        let plainest = self.plainest(law, offered, fitted)?;
        let spellings: [&Expr; 2] = [&plainest, &law.expression];
        // Chunks that this law is hard to follow in count less, whatever was learned of them.
        fitted.trust = self.trust_by(&law.expression)?;
        for expression in spellings {
            let law = self.adjust(expression, fitted)?;
            log::debug!("explains: {:.2e} {}", law.misfit, law.expression);
            if law.misfit <= OF_ALL {
                return Ok(Some(law));
            }
        }
        Ok(None)
    }

    /// Whether what was learned has a function of a scalar, or of all those of a class.
    fn is_demanded(&self, offered: &Offered, fitted: &Fitted) -> bool {
        let has = |k: &usize| fitted.groups.iter().any(|g| g.scalars.contains(k));
        self.catalogue.members(offered.scalar).iter().all(has)
    }

    /// Whether a scalar is a length that is the same in all of the data, while momenta of the particles
    /// that it is of change.
    fn is_held(&self, scalar: usize) -> bool {
        let changes = |i: usize| self.ranges[i].1 > self.ranges[i].0;
        let momentum = |name: &str| {
            let of = Scalar::norm(Vector::named(format!("p{}", name.strip_prefix('q')?)));
            self.scalars().iter().position(|other| *other == of)
        };
        let mut names = self.scalars()[scalar].vectors().flat_map(|v| v.terms());
        self.is_constant_length(scalar)
            && !self.has_momenta(scalar)
            && names.any(|(name, _)| momentum(name).is_some_and(changes))
    }

    /// Whether a scalar is, in one dimension, the length of a vector whose component along an axis
    /// is among the scalars and keeps its sign.
    fn is_component(&self, scalar: &Scalar) -> bool {
        let Scalar::Norm(vector) = scalar else { return false };
        let along = |name: &String| Scalar::dot(Vector::named(name.clone()), vector.clone());
        let keeps_sign = |component: Scalar| {
            let place = self.scalars().iter().position(|other| *other == component);
            place.is_some_and(|k| self.ranges[k].0 > 0.0 || self.ranges[k].1 < 0.0)
        };
        self.inputs().shape.dimension == 1
            && self.inputs().context.iter().any(|(name, _)| keeps_sign(along(name)))
    }

    /// The scalars, and classes of them, that the data tell anything of.
    fn offered(&self, units: &Units) -> Vec<Offered> {
        let offered = |k: usize| {
            let members = self.catalogue.members(k);
            let ranges = members.iter().map(|&i| self.ranges[i]);
            let scalar = &self.scalars()[members[0]];
            let (low, high) = ranges
                .fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)));
            let passes = members.iter().any(|&i| self.passes_zero(i));
            Offered {
                scalar: k,
                range: (if passes { 0.0 } else { low }, high),
                has_momenta: self.has_momenta(members[0]),
                is_quadratic_in_momenta: self.is_quadratic_in_momenta(members[0]),
                unit: units.of_scalar(scalar),
                is_class: self.catalogue.is_class(k),
                is_length: matches!(scalar, Scalar::Norm(_)),
                is_constant: members.iter().all(|&i| self.is_constant_length(i)),
                is_held: !self.catalogue.is_class(k) && self.is_held(members[0]),
                is_beside: members.iter().any(|&i| !self.tells(i)),
                is_component: self.is_component(scalar),
            }
        };
        let is_rod = self.constant_lengths().next().is_some();
        let tells = |i: usize| self.tells(i) || is_rod && self.is_beside_known(i);
        let all_tell = |k: &usize| self.catalogue.members(*k).iter().all(|&i| tells(i));
        (0..self.catalogue.len()).filter(all_tell).map(offered).collect()
    }
}

/// Those laws that none of fewer symbols does better than, of these the few of least description
/// length, the plainest first.
fn few_of_front(mut all: Vec<Adjusted>, chunks: usize) -> Vec<Adjusted> {
    let complexity = |law: &Adjusted| law.expression.complexity();
    all.retain(|law| law.misfit.is_finite());
    let mut all = on_front(all, |law| (complexity(law), law.misfit));
    let length = |law: &Adjusted| systematic_length(chunks, law.misfit, complexity(law));
    all.sort_by(|a, b| length(a).total_cmp(&length(b)));
    all.truncate(FEW);
    all.sort_by_key(complexity);
    all
}
