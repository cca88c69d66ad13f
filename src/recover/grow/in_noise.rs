//! Laws grown where every state is uncertain: along the paths of what was learned, through the states
//! that it finds, and then fitted by maximum likelihood.

use ndarray::s;

use crate::dataset::{Trajectory, Units};
use crate::expr::{Expr, Scalar};
use crate::loss::RolloutLoss;
use crate::recover::description_length::HOPELESS;
use crate::recover::error::RecoverError;
use crate::recover::grow::beam::Growth;
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::offered::{Offered, without_momenta};
use crate::recover::grow::rung::{RUNGS, Rung};
use crate::recover::grow::sum::Sum;
use crate::recover::grow::term::Factor;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::form_on_paths::column;
use crate::recover::learn::library_fit::trust_in;
use crate::recover::learn::likelihood::Fit;
use crate::recover::paths::Paths;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::noise_model::NoiseModel;
use crate::recover::statistics::SIGMAS;
use crate::rewrite::multiply_out;

/// Rows that laws are grown on, about: their likelihood is that of all.
const ROWS: usize = 6_000;

/// Laws of a rung that are fitted by maximum likelihood, the shortest.
const FEW: usize = 6;

/// What leaves so much more than what was learned along the same paths, four times the sum of
/// squares, is not as likely with any constants.
const HARDLY_AS_LIKELY: f64 = 2.0;

/// The last rung: of products of functions so many follow noise that one that does says little.
const LAST: Rung = Rung::Composed;

/// A law with its most likely constants, the sum that it is, and the nats that say which of the
/// terms that were offered its are, all but the first that are kept in any.
#[derive(Clone)]
struct Likely {
    sum: Sum,
    fit: Fit,
    choice: f64,
    kept: usize,
}

impl Likely {
    /// Its description length.
    fn length(&self, noise_model: &NoiseModel) -> f64 {
        noise_model.length_of(&self.fit.adjusted) + self.choice
    }

    /// The nats that say which one of its terms is, on average.
    fn choice_of_one(&self) -> f64 {
        self.choice / self.sum.terms.len().saturating_sub(self.kept).max(1) as f64
    }
}

/// The shortest of some laws.
fn shortest<'a>(
    laws: impl Iterator<Item = &'a Likely>,
    noise_model: &NoiseModel,
) -> Option<&'a Likely> {
    let length = |law: &&Likely| law.length(noise_model);
    laws.min_by(|a, b| length(a).total_cmp(&length(b)))
}

/// The shortest of those laws that are as likely as what was learned.
fn shortest_likely<'a>(laws: &'a [Likely], noise_model: &NoiseModel) -> Option<&'a Likely> {
    let likely = laws.iter().filter(|law| noise_model.is_as_likely_in_scatter(&law.fit));
    shortest(likely, noise_model)
}

/// A sum that may be worth a fit: its description length along paths, and the nats of that which say
/// which of the terms that are offered its are.
struct Hopeful {
    sum: Sum,
    length: f64,
    choice: f64,
    kept: usize,
}

/// Laws that were grown in noise.
pub(crate) struct GrownInNoise {
    /// The shortest of those that are as likely as what was learned, else the shortest of all.
    pub shortest: Option<Fit>,
    /// All that were fitted.
    pub laws: Vec<Fit>,
}

impl Learner<'_> {
    /// Grows laws rung by rung, up to the first with a law that is as likely as what was learned, and
    /// on for as long as functions may make that law, put plainly, shorter.
    ///
    /// # Errors
    /// A vector that is not among the inputs.
    pub(crate) fn grow_in_noise(
        &self,
        fitted: &Fitted,
        noise_model: &NoiseModel,
        units: &Units,
        progress: &mut dyn FnMut(&str),
    ) -> Result<GrownInNoise, RecoverError> {
        let paths = self.found_paths(fitted, noise_model);
        let nodes = self.nodes(&paths);
        let misfit = Misfit::of(fitted, &paths);
        let all = self.offered(units);
        let demanded: Vec<Offered> =
            all.iter().filter(|o| self.is_demanded(o, fitted)).copied().collect();
        let mut laws: Vec<Likely> = Vec::new();
        let mut tried: Vec<Sum> = Vec::new();
        let (mut least, mut plainest) = (f64::INFINITY, None);
        let mut put_plainly: Option<Expr> = None;
        for rung in RUNGS.into_iter().filter(|r| *r <= LAST) {
            let is_needed = match &plainest {
                None => true,
                Some(law) => may_be_shorter(law, rung.has_products()),
            };
            if self.late() || !is_needed {
                continue;
            }
            progress(&format!("growing laws in noise: {}", rung.name()));
            let offered = if rung == Rung::Plain { &all } else { &demanded };
            for Hopeful { sum, length, choice, kept } in
                self.few_in_noise(rung, offered, &nodes, misfit, &tried)
            {
                least = length.min(least);
                if length < least + HOPELESS {
                    laws.extend(self.likely_sum(&sum, (choice, kept), noise_model));
                    tried.push(sum);
                }
            }
            if let Some(best) = shortest_likely(&laws, noise_model) {
                let fewer = self.with_fewer_terms(best.clone(), &nodes, noise_model);
                laws.extend(fewer);
            }
            let best = shortest_likely(&laws, noise_model).map(|law| &law.fit);
            if let Some(fit) =
                best.filter(|fit| put_plainly.as_ref() != Some(&fit.adjusted.expression))
            {
                let (law, _) = self.made_shorter(fit.clone(), Vec::new(), noise_model)?;
                put_plainly = Some(fit.adjusted.expression.clone());
                plainest = Some(law.expression);
            }
        }
        if let Some(best) = shortest_likely(&laws, noise_model).cloned() {
            laws.extend(self.with_plain_terms(&best, &all, &nodes, noise_model));
        }
        let best = shortest_likely(&laws, noise_model);
        let best = best.or_else(|| shortest(laws.iter(), noise_model));
        Ok(GrownInNoise {
            shortest: best.map(|law| law.fit.clone()),
            laws: laws.into_iter().map(|law| law.fit).collect(),
        })
    }

    fn likely_sum(
        &self,
        sum: &Sum,
        (choice, kept): (f64, usize),
        noise_model: &NoiseModel,
    ) -> Option<Likely> {
        let fit = self.likely(&sum.expression(&self.catalogue), noise_model, None)?;
        Some(Likely { sum: sum.clone(), fit, choice, kept })
    }

    /// Shorter laws without terms of a given one: along paths a term may seem to explain what these
    /// get wrong.
    fn with_fewer_terms(
        &self,
        law: Likely,
        nodes: &Nodes,
        noise_model: &NoiseModel,
    ) -> Vec<Likely> {
        let length = |law: &Likely| law.length(noise_model);
        let (of_term, kept) = (law.choice_of_one(), law.kept);
        let (mut best, mut found) = (law, Vec::new());
        while !self.late() {
            let rows = nodes.rows() as f64;
            let loss = |sum: &Sum| 0.5 * rows * (sum.squares() / best.sum.squares()).ln();
            let without = (kept..best.sum.terms.len())
                .filter_map(|k| best.sum.without(k, &nodes.target))
                .filter(|sum| !sum.terms.is_empty() && loss(sum) < HOPELESS)
                .filter_map(|sum| {
                    let choice = of_term * (sum.terms.len() - kept) as f64;
                    self.likely_sum(&sum, (choice, kept), noise_model)
                });
            let next = without.min_by(|a, b| length(a).total_cmp(&length(b)));
            match next.filter(|next| length(next) < length(&best)) {
                Some(next) => {
                    found.push(next.clone());
                    best = next;
                }
                None => break,
            }
        }
        found
    }

    /// Laws with plain terms in the place of one that has numbers inside, so many that they have as
    /// many constants: what the data don't tell apart fitted numbers don't decide.
    fn with_plain_terms(
        &self,
        law: &Likely,
        offered: &[Offered],
        nodes: &Nodes,
        noise_model: &NoiseModel,
    ) -> Vec<Likely> {
        let (one, kept) = (law.choice_of_one(), law.kept);
        let of_powers = |k: usize| {
            let term = &law.sum.terms[k];
            let scalars: Vec<usize> = term.0.iter().flat_map(Factor::scalars).collect();
            let own: Vec<Offered> =
                offered.iter().filter(|o| scalars.contains(&o.scalar)).copied().collect();
            let rung = if own.len() > 1 { Rung::Products } else { Rung::Powers };
            let pool = self.pool(rung, &own, nodes);
            let growth = self.growth(rung, (nodes, &pool), 0, 0.0);
            let terms = term.numbers() + 1;
            let sum = growth.with_more_terms(&law.sum.without(k, &nodes.target)?, terms)?;
            Some((sum, law.choice - one + growth.choice(terms)))
        };
        (kept..law.sum.terms.len())
            .filter(|k| law.sum.terms[*k].numbers() > 0 && !self.late())
            .filter_map(of_powers)
            .filter_map(|(sum, choice)| self.likely_sum(&sum, (choice, kept), noise_model))
            .collect()
    }

    /// The shortest laws of a rung that weren't tried yet.
    fn few_in_noise(
        &self,
        rung: Rung,
        offered: &[Offered],
        nodes: &Nodes,
        misfit: Misfit,
        tried: &[Sum],
    ) -> Vec<Hopeful> {
        // Down to what was learned, but for chance, nothing is left to explain.
        let chance = |rows: usize| 1.0 + SIGMAS / (rows.max(1) as f64).sqrt();
        let kinetic = self.kinetic(nodes, misfit.of_positions * chance(nodes.positions().len()));
        let floor = misfit.of_all * chance(nodes.rows());
        let offered = without_momenta(offered, kinetic.is_some());
        let start = kinetic.unwrap_or_else(|| Sum::empty(&nodes.target));
        let pool = self.pool(rung, &offered, nodes);
        log::debug!("{rung:?}: {} terms, {} rows, {misfit:.3?}", pool.len(), nodes.rows());
        let kept = start.terms.len();
        let growth = self.growth(rung, (nodes, &pool), kept, 0.0);
        let explained = Growth { floor, ..growth };
        let mut grown = growth.all(&start, &explained, FEW);
        let length = |sum: &&Sum| growth.length_of(sum);
        let shortest = grown.iter().min_by(|a, b| length(a).total_cmp(&length(b)));
        if let Some(shortest) = shortest.map(|sum| growth.shorter(sum)) {
            grown.extend(growth.neighbours(&shortest, FEW));
            grown.push(shortest);
        }
        let is_near = |sum: &Sum| growth.rms(sum) < HARDLY_AS_LIKELY * misfit.of_all;
        grown.retain(|sum| is_near(sum) && !tried.iter().any(|t| t.is_like(sum)));
        grown.sort_by(|a, b| growth.length_of(a).total_cmp(&growth.length_of(b)));
        let mut few: Vec<Hopeful> = Vec::new();
        for sum in grown {
            if few.len() < FEW && !few.iter().any(|f| f.sum.is_like(&sum)) {
                let (rms, length) = (growth.rms(&sum), growth.length_of(&sum));
                let choice = growth.choice(sum.terms.len().saturating_sub(growth.kept));
                log::debug!("  {rms:.4}, length {length:.1}: {}", sum.expression(&self.catalogue));
                few.push(Hopeful { sum, length, choice, kept: growth.kept });
            }
        }
        few
    }

    /// Paths along the learned flow through the states that what was learned finds, with the
    /// observed increments, in units of the noise; of some of the chunks.
    fn found_paths(&self, fitted: &Fitted, noise_model: &NoiseModel) -> Paths {
        let dim = noise_model.noise.len();
        let settings = &noise_model.chunks.settings;
        let starts = noise_model.starts.chunks(dim);
        let points = |c: &Trajectory| c.times.len().saturating_sub(1) * dim;
        let rows: usize = noise_model.chunks.train.iter().map(points).sum();
        let all = noise_model.chunks.train.iter().zip(starts).step_by(rows.div_ceil(ROWS).max(1));
        let (observed, from): (Vec<&Trajectory>, Vec<Trajectory>) = all
            .map(|(chunk, start)| {
                let mut from = chunk.clone();
                from.states.row_mut(0).iter_mut().zip(start).for_each(|(x, s)| *x = *s);
                (chunk, from)
            })
            .unzip();
        let loss =
            RolloutLoss::new(&fitted.model, &from, &settings.weights, settings.rollout.clone());
        let found: Vec<Trajectory> = loss
            .predictions(&fitted.theta, &from)
            .into_iter()
            .zip(&from)
            .map(|(states, chunk)| Trajectory { states, ..chunk.clone() })
            .collect();
        // A component that never changes has no noise, and says nothing.
        let weight = |s: &f64| if s.powi(-2).is_finite() { s.powi(-2) } else { 0.0 };
        let weights: Vec<f64> = noise_model.noise.iter().map(weight).collect();
        let along = |trust: &[f64]| {
            let flow = fitted.flow();
            Paths::new(Some(&flow), &found, &weights, self.pieces(), trust)
                .with_increments_of(&observed)
        };
        // Close encounters that what was learned gets wrong must not speak for all.
        let paths = along(&vec![1.0; found.len()]);
        let misfits = paths.misfits(&paths.increments(&fitted.model, &fitted.theta), &[1.0]);
        along(&trust_in(&misfits))
    }
}

/// Whether functions with numbers inside, of one scalar or in products, may make a law shorter: one
/// takes the place of two terms or more of the same scalars, but for the two of a spring.
fn may_be_shorter(law: &Expr, in_products: bool) -> bool {
    let form = |term: &Expr| term.with_constants(&vec![1.0; term.constants().len()]);
    let scalars = |term: &Expr| {
        let mut scalars = term.scalars();
        scalars.sort_by(Scalar::total_cmp);
        scalars.dedup();
        scalars
    };
    let terms: Vec<(Vec<Scalar>, Expr)> = multiply_out(law)
        .iter()
        .map(|term| term.expression())
        .map(|term| (scalars(&term), form(&term)))
        .collect();
    let of_spring = |scalar: &Scalar| {
        let power = |n| Expr::pow(Expr::Scalar(scalar.clone()), n);
        [1.0, 2.0].map(|n| form(&Expr::product([Expr::Constant(0.5), power(n)])))
    };
    terms.iter().any(|(own, _)| {
        let same: Vec<&Expr> = terms.iter().filter(|t| t.0 == *own).map(|t| &t.1).collect();
        let is_spring = own.len() == 1
            && same.len() == 2
            && of_spring(&own[0]).iter().all(|power| same.contains(&power));
        same.len() > 1 && (own.len() > 1) == in_products && !is_spring
    })
}

/// Root mean square residual of what was learned along some paths.
#[derive(Clone, Copy, Debug)]
struct Misfit {
    of_all: f64,
    /// Of the positions' increments alone.
    of_positions: f64,
}

impl Misfit {
    fn of(fitted: &Fitted, paths: &Paths) -> Self {
        let blocks = paths.increments(&fitted.model, &fitted.theta);
        let left = column(&blocks, 0) - column(&blocks, 1);
        let dim = paths.dim();
        let rms = |rows: usize| {
            let parts = left.exact_chunks(dim).into_iter();
            let squares: f64 = parts.map(|row| row.slice(s![..rows]).pow2().sum()).sum();
            (squares * dim as f64 / (rows * left.len().max(1)) as f64).sqrt()
        };
        Self { of_all: rms(dim), of_positions: rms(dim / 2) }
    }
}

#[cfg(test)]
mod tests {
    use super::may_be_shorter;

    #[test]
    fn functions_are_looked_for_where_terms_share_scalars_but_not_for_springs() {
        let needed = |law: &str| {
            let law = law.parse().expect("a law");
            [false, true].map(|in_products| may_be_shorter(&law, in_products))
        };
        assert_eq!(needed("0.5*norm(p1)**2 + 2*(norm(q1) - 1.5)**2"), [false, false]);
        assert_eq!(needed("0.5*norm(p1)**2 + 2*norm(q1)**2 - 0.3*norm(q1)**4"), [true, false]);
        // Two terms of a class of distances.
        let class = "0.3*(norm(q2-q1)**2 + norm(q3-q2)**2) + 2*(norm(q2-q1)**3 + norm(q3-q2)**3)";
        assert_eq!(needed(class), [true, false]);
        let products = "0.3*norm(q1)**2*dot(e,q1) + 2*dot(e,q1)**2*norm(q1)";
        assert_eq!(needed(products), [false, true]);
    }
}
