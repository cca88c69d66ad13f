//! Sums of terms grown from the simplest, several side by side.

use ndarray::{Array2, ArrayView1};

use crate::deadline::Deadline;
use crate::linalg::{best_nested, triangular_factor};
use crate::parallel;
use crate::recover::description_length::NATS_PER_SYMBOL;
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::pool::Pool;
use crate::recover::grow::sum::Sum;
use crate::recover::grow::term::Term;
use crate::recover::problem::catalogue::Catalogue;

/// Sums that are grown side by side; more of the first two numbers of terms, where the right ones are
/// not yet seen to be.
const WIDTH: usize = 6;
const FIRST_WIDTHS: [usize; 2] = [24, 12];

/// Sums that are tried in full at each number of terms: six for each sum of the widest beam.
const TRIED: usize = 6 * FIRST_WIDTHS[0];

/// After so many terms that made no law shorter growth ends: two that only together explain something
/// are still found.
const PATIENCE: usize = 2;

/// Gauss-Newton steps of a sum that is tried, and of one that stays.
const STEPS: (usize, usize) = (12, 25);

/// Terms that a sum is exchanged for: the best so many of the whole pool for any sum of the beam. A
/// bound of the work, as are the numbers below; none is a measured optimum.
const SHORT_LIST: usize = 200;

/// Where a sum is made shorter the first so many terms of the pool are tried, the plainest ones.
const PLAINEST: usize = 500;

/// Terms that are tried in full in the place of others.
const REPLACEMENTS: usize = 4;

/// Beside more plain terms than these none are looked for: they are to be a small part of the rows.
const MOST_PLAIN: usize = 40;

/// Functions that are looked for beside all plain terms.
const MOST_FUNCTIONS: usize = 2;

/// From all terms of a larger pool none is eliminated.
const MOST_AT_ONCE: usize = 100;

/// What growing needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Growth<'a> {
    pub nodes: &'a Nodes,
    pub pool: &'a Pool,
    pub catalogue: &'a Catalogue,
    /// Terms that a sum gets at most, besides.
    pub most: usize,
    /// So many first terms stay in every sum.
    pub kept: usize,
    /// Root mean square residuals below this are as good as none.
    pub floor: f64,
    pub deadline: &'a Deadline,
}

/// A sum and its description length.
#[derive(Clone)]
struct Grown {
    sum: Sum,
    length: f64,
}

impl Growth<'_> {
    /// Description length up to a constant: the logarithm of the residuals, and what it takes to
    /// write the terms down.
    fn length(&self, squares: f64, terms: &[Term]) -> f64 {
        let rows = self.nodes.rows() as f64;
        let residual = 0.5 * rows * (squares / rows + self.floor * self.floor).ln();
        residual + terms.iter().map(|t| self.price(t)).sum::<f64>()
    }

    /// A coefficient, a sign, the symbols, half the logarithm of the rows for every number
    /// (Rissanen 1978), and which of the terms that are offered it is (Chen & Chen 2008).
    fn price(&self, term: &Term) -> f64 {
        let symbols = term.symbols(self.catalogue) + 2;
        let numbers = 1.0 + term.numbers() as f64;
        NATS_PER_SYMBOL * symbols as f64
            + 0.5 * numbers * (self.nodes.rows() as f64).ln()
            + self.choice(1)
    }

    /// Nats that say which terms of the pool some terms are.
    pub fn choice(&self, terms: usize) -> f64 {
        terms as f64 * (self.pool.len().max(1) as f64).ln()
    }

    fn grown(&self, mut sum: Sum, steps: usize) -> Grown {
        sum.polish(steps, self.nodes, &self.nodes.target);
        Grown { length: self.length(sum.squares(), &sum.terms), sum }
    }

    /// Root mean square residual.
    pub fn rms(&self, sum: &Sum) -> f64 {
        (sum.squares() / self.nodes.rows() as f64).sqrt()
    }

    /// Whether nothing is left.
    pub fn is_explained(&self, sum: &Sum) -> bool {
        self.rms(sum) <= self.floor
    }

    /// The lengths that one more of some terms of the pool would give, shortest first.
    fn ranked(&self, parent: &Sum, some: &[usize]) -> Vec<(f64, usize)> {
        let (before, projection) = (parent.squares(), &parent.projection);
        let gains = self.pool.gains(some, &projection.basis, &projection.residual);
        let rows = self.nodes.rows() as f64;
        let length = |gain: f64, k: usize| {
            let left = (before - gain).max(0.0) / rows + self.floor * self.floor;
            0.5 * rows * left.ln() + NATS_PER_SYMBOL * self.pool.symbols[k] as f64
        };
        let gains = some.iter().zip(gains).filter(|(_, gain)| *gain > 0.0);
        let mut order: Vec<(f64, usize)> = gains.map(|(k, gain)| (length(gain, *k), *k)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order
    }

    /// The sum with one more of some terms of the pool, the best few, no two of one kind.
    fn children(&self, parent: &Sum, ranked: &[(f64, usize)], most: usize) -> Vec<Grown> {
        let mut taken: Vec<usize> = Vec::new();
        for (_, k) in ranked {
            if !taken.iter().any(|t| self.pool.terms[*t].is_like(&self.pool.terms[*k])) {
                taken.push(*k);
            }
            if taken.len() == most {
                break;
            }
        }
        let child = |k: &usize| {
            let sum = parent.with(self.pool.terms[*k].clone(), STEPS.0, self.nodes)?;
            Some(Grown { length: self.length(sum.squares(), &sum.terms), sum })
        };
        parallel::map_slice(&taken, child).into_iter().flatten().collect()
    }

    /// The shortest few, no two of the same kinds of terms, with all their numbers fitted.
    fn selected(&self, all: Vec<Grown>, width: usize) -> Vec<Grown> {
        let kept = distinct(all, 2 * width);
        let mut kept = parallel::map_items(kept, |g| self.grown(g.sum, STEPS.1));
        sort(&mut kept);
        kept.truncate(width);
        kept
    }

    /// The best few sums of every number of terms, from `start` on.
    fn grow(&self, start: Sum, few: usize) -> Vec<Sum> {
        let start = self.grown(start, STEPS.1);
        let all: Vec<usize> = (0..self.pool.len()).collect();
        let mut shortest = start.length;
        let mut best = vec![start.sum.clone()];
        let mut beam = vec![start];
        let (mut idle, mut numbers) = (0, 0);
        while idle <= PATIENCE
            && beam[0].sum.terms.len() < self.kept + self.most
            && !self.deadline.is_over()
        {
            let (mut next, mut short_list): (Vec<Grown>, Vec<usize>) = Default::default();
            let width = FIRST_WIDTHS.get(numbers).copied().unwrap_or(WIDTH);
            for parent in &beam {
                let ranked = self.ranked(&parent.sum, &all);
                short_list.extend(ranked.iter().take(SHORT_LIST).map(|(_, k)| *k));
                next.extend(self.children(&parent.sum, &ranked, TRIED / beam.len()));
                next = distinct(next, 2 * width);
            }
            short_list.sort_unstable();
            short_list.dedup();
            let mut next = self.selected(next, width);
            if let Some(first) = next.first().cloned()
                && !self.is_explained(&first.sum)
            {
                next.extend(self.exchanged(&first.sum, &short_list, width));
                next = self.selected(next, width);
            }
            let Some(first) = next.first() else { break };
            idle = if first.length < shortest { 0 } else { idle + 1 };
            shortest = shortest.min(first.length);
            best.extend(next.iter().take(few).map(|grown| grown.sum.clone()));
            numbers += 1;
            if self.is_explained(&first.sum) {
                break;
            }
            beam = next;
        }
        best
    }

    /// Terms of the pool that are no sums of others: those of classes are.
    fn of_scalars(&self) -> Vec<usize> {
        let is_class =
            |k: &usize| self.pool.terms[*k].0.iter().any(|f| self.catalogue.is_class(f.scalar));
        (0..self.pool.len()).filter(|k| !is_class(k)).collect()
    }

    /// One or two functions with numbers inside beside all plain terms, less those of these that
    /// are not demanded: what plain terms can take out of the way is not mistaken for a function.
    fn grow_over_plain(&self, start: &Sum) -> Option<Sum> {
        let is_plain = |k: &usize| {
            let term = &self.pool.terms[*k];
            term.0.len() == 1 && term.numbers() == 0
        };
        let (plain, functions): (Vec<usize>, Vec<usize>) =
            self.of_scalars().into_iter().partition(is_plain);
        if plain.len() > MOST_PLAIN || functions.is_empty() {
            return None;
        }
        let mut sum = start.clone();
        for k in plain {
            sum = sum.with(self.pool.terms[k].clone(), 0, self.nodes).unwrap_or(sum);
        }
        // The function that explains most beside plain terms alone need not be one of the two.
        let mut beam = vec![sum];
        for _ in 0..MOST_FUNCTIONS {
            if self.deadline.is_over() {
                return None;
            }
            let child = |sum: &Sum| {
                let ranked = self.ranked(sum, &functions);
                self.children(sum, &ranked, TRIED / beam.len())
            };
            let found = self.selected(beam.iter().flat_map(child).collect(), WIDTH);
            if let Some(found) = found.iter().find(|g| self.is_explained(&g.sum)) {
                return Some(self.demanded(found.sum.clone()));
            }
            beam = found.into_iter().map(|g| g.sum).collect();
        }
        None
    }

    /// Without the terms that the sum explains the data without, one by one.
    fn demanded(&self, mut sum: Sum) -> Sum {
        loop {
            let without = |k: usize| {
                if self.deadline.is_over() {
                    return None;
                }
                let next = self.grown(sum.without(k, &self.nodes.target)?, STEPS.1).sum;
                self.is_explained(&next).then_some(next)
            };
            let next = (self.kept..sum.terms.len())
                .filter_map(without)
                .min_by(|a, b| a.squares().total_cmp(&b.squares()));
            match next {
                Some(next) => sum = next,
                None => return sum,
            }
        }
    }

    /// The sum with one of its terms exchanged: of these twice so many kinds as are wanted.
    fn exchanged(&self, sum: &Sum, short_list: &[usize], width: usize) -> Vec<Grown> {
        let mut found = Vec::new();
        for k in self.kept..sum.terms.len() {
            if self.deadline.is_over() {
                break;
            }
            let Some(without) = sum.without(k, &self.nodes.target) else { continue };
            let without = self.grown(without, STEPS.0).sum;
            let ranked = self.ranked(&without, short_list);
            found.extend(self.children(&without, &ranked, TRIED / sum.terms.len()));
            found = distinct(found, 2 * width);
        }
        found
    }

    /// The shortest few sums that differ from one in a single term.
    pub fn neighbours(&self, sum: &Sum, few: usize) -> Vec<Sum> {
        let all: Vec<usize> = (0..self.pool.len()).collect();
        let found = self.selected(self.exchanged(sum, &all, few), few);
        found.into_iter().map(|grown| grown.sum).collect()
    }

    /// The sum with so many more terms of the pool, each the one that makes it shortest.
    pub fn with_more_terms(&self, sum: &Sum, terms: usize) -> Option<Sum> {
        let all: Vec<usize> = (0..self.pool.len()).collect();
        let more = |sum: Sum, _: usize| {
            let (_, k) = *self.ranked(&sum, &all).first()?;
            sum.with(self.pool.terms[k].clone(), STEPS.0, self.nodes)
        };
        (0..terms).try_fold(sum.clone(), more)
    }

    /// The best few sums of every number of terms, what elimination leaves of all terms of a small
    /// pool, and, down to the floor of `roughly`, functions beside all plain terms.
    pub fn all(&self, start: &Sum, roughly: &Growth, few: usize) -> Vec<Sum> {
        let mut grown = self.grow(start.clone(), few);
        grown.extend(self.eliminated(start));
        grown.extend(roughly.grow_over_plain(start));
        grown
    }

    /// What is left of all terms of a small pool when those go that the data don't demand.
    fn eliminated(&self, start: &Sum) -> Option<Sum> {
        let of_scalars = self.of_scalars();
        let n = of_scalars.len();
        if n > MOST_AT_ONCE || 4 * (n + self.kept) > self.nodes.rows() {
            return None;
        }
        let pool = of_scalars.iter().map(|k| &self.pool.terms[*k]);
        let all: Vec<&Term> = start.terms.iter().chain(pool).collect();
        let mut matrix = Array2::zeros((self.nodes.rows(), all.len() + 1));
        let mut column = Vec::new();
        for (k, term) in all.iter().enumerate() {
            term.column(self.nodes, &mut column);
            matrix.column_mut(k).assign(&ArrayView1::from(&column));
        }
        matrix.column_mut(all.len()).assign(&ArrayView1::from(&self.nodes.target));
        let (order, groups): (Vec<usize>, Vec<usize>) = (0..all.len()).map(|k| (k, k)).unzip();
        let rows = self.nodes.rows() as f64;
        let augmented = triangular_factor(&[matrix]).ok()?;
        // What all terms together leave is not the terms' to explain (Schwarz 1978).
        let left = augmented[[all.len(), all.len()]].powi(2) / rows;
        let price = left.max(self.floor * self.floor) * rows.ln();
        let kept = best_nested(&augmented, &order, &groups, price).ok()??.kept;
        let more = kept.into_iter().filter(|k| *k >= self.kept);
        let terms = (0..self.kept).chain(more).map(|k| all[k].clone()).collect();
        Sum::of(terms, self.nodes, &self.nodes.target)
    }

    /// A sum that is as good within the floor and plainer: without terms, with others in their
    /// place, with one in the place of two.
    pub fn plainer(&self, sum: &Sum) -> Sum {
        let price = |sum: &Sum| sum.terms.iter().map(|t| self.price(t)).sum::<f64>();
        let cost = |sum: &Sum| if self.is_explained(sum) { price(sum) } else { f64::INFINITY };
        self.cheaper(sum, price(sum), &cost)
    }

    /// A sum of less description length, found in the same way.
    pub fn shorter(&self, sum: &Sum) -> Sum {
        let length = |sum: &Sum| self.length_of(sum);
        self.cheaper(sum, length(sum), &length)
    }

    /// Takes away a term or two, or puts one of the plainest in their place, for as long as that
    /// lowers a cost, which is `now` at first.
    fn cheaper(&self, sum: &Sum, mut now: f64, cost: &(dyn Fn(&Sum) -> f64 + Sync)) -> Sum {
        let mut best = sum.clone();
        let plainest: Vec<usize> = (0..self.pool.len().min(PLAINEST)).collect();
        while !self.deadline.is_over() {
            let n = best.terms.len();
            let removed: Vec<(usize, usize)> =
                (self.kept..n).flat_map(|j| (self.kept..=j).map(move |i| (i, j))).collect();
            let tried = |&(i, j): &(usize, usize)| -> Vec<Sum> {
                if self.deadline.is_over() {
                    return Vec::new();
                }
                let mut without = best.without(j, &self.nodes.target);
                if i < j {
                    without = without.and_then(|w| w.without(i, &self.nodes.target));
                }
                let Some(without) = without else { return Vec::new() };
                let ranked = self.ranked(&without, &plainest);
                let more = self.children(&without, &ranked, REPLACEMENTS);
                let alone = self.grown(without, STEPS.0).sum;
                more.into_iter().map(|g| g.sum).chain([alone]).collect()
            };
            let best_of = |sums: &mut dyn Iterator<Item = (f64, Sum)>| {
                sums.filter(|(cost, _)| *cost < now).min_by(|a, b| a.0.total_cmp(&b.0))
            };
            let tried = |removed: &(usize, usize)| {
                best_of(&mut tried(removed).into_iter().map(|sum| (cost(&sum), sum)))
            };
            let next = best_of(&mut parallel::map_slice(&removed, tried).into_iter().flatten());
            match next {
                Some((cost, next)) => {
                    best = self.grown(next, STEPS.1).sum;
                    now = cost;
                }
                None => break,
            }
        }
        best
    }

    /// Its description length.
    pub fn length_of(&self, sum: &Sum) -> f64 {
        self.length(sum.squares(), &sum.terms)
    }
}

/// The shortest of each kind, so many of them at most: a sum has a column of every row for each of its
/// terms, and no more of them are held than may yet be chosen.
fn distinct(mut all: Vec<Grown>, most: usize) -> Vec<Grown> {
    sort(&mut all);
    let mut kept: Vec<Grown> = Vec::new();
    for grown in all {
        if kept.len() == most {
            break;
        }
        if !kept.iter().any(|k| k.sum.is_like(&grown.sum)) {
            kept.push(grown);
        }
    }
    kept
}

fn sort(all: &mut Vec<Grown>) {
    all.retain(|g| !g.length.is_nan());
    all.sort_by(|a, b| a.length.total_cmp(&b.length));
}
