//! Products of functions of two scalars, where sums of functions of one don't do.

use ndarray::{Array2, Axis, s};

use crate::deadline::Deadline;
use crate::linalg::{self, triangular_factor, with_ridge};
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::learn::eliminate::eliminate_groups;
use crate::recover::learn::fitted::{Fitted, Group};
use crate::recover::learn::limits::PAIRS_ABOVE;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;

/// Degree of the products by which pairs are found, and of the first fit with them.
const PAIR_PROBE: usize = 3;

const PAIR_DEGREE: usize = 6;

/// Chunks by which pairs are found, and the most pairs.
const PAIR_CHUNKS: usize = 150;

const MOST_PAIRS: usize = 6;

/// Values of the probe's design, at most: 256 MB. Chunks beyond that are left out.
const MOST_VALUES: usize = 1 << 25;

/// Columns of the probe, at most: to orthogonalise so many in as many rows as fit takes 2e11
/// operations.
const MOST_COLUMNS: usize = 3000;

/// With so many columns or fewer pairs are also found by dropping one after the other.
const BACKWARD_COLUMNS: usize = 260;

impl Learner<'_> {
    /// Adds the products that explain what the functions of one scalar `alone` leave, if any do.
    pub(crate) fn with_products(
        &mut self,
        alone: Fitted,
        progress: &mut dyn FnMut(&str),
    ) -> linalg::Result<Fitted> {
        progress("looking for products of scalars");
        let mut found: Option<Fitted> = None;
        for tier in self.tiers() {
            if self.late()
                || found.as_ref().is_some_and(|f| f.misfit < PAIRS_ABOVE.max(1e-3 * alone.misfit))
            {
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
            log::debug!("with pairs: {}", self.describe(&next));
            if next.validation < 0.9 * alone.validation {
                let next = self.refined(next)?;
                if found.as_ref().is_none_or(|f| next.validation < 0.5 * f.validation) {
                    found = Some(next);
                }
            }
        }
        Ok(found.unwrap_or(alone))
    }

    /// Sets of scalars whose products are tried, one after the other: components along context
    /// vectors, then with lengths, then all.
    fn tiers(&self) -> Vec<Vec<usize>> {
        let useful = |ranks: &[usize]| -> Vec<usize> {
            (0..self.set.len())
                .filter(|&i| self.tells(i) && !self.is_square(i) && ranks.contains(&self.ranks[i]))
                .collect()
        };
        let mut tiers = vec![useful(&[1]), useful(&[0, 1]), useful(&[0, 1, 3, 4])];
        tiers.retain(|t| t.len() > 1);
        tiers.dedup();
        tiers
    }

    /// The pairs of the given scalars whose products explain what sums of functions of one scalar
    /// leave.
    fn pairs(&self, fitted: &Fitted, scalars: &[usize]) -> linalg::Result<Vec<Vec<usize>>> {
        // Where the model is poor its paths are, too.
        let (along, through) =
            (self.probe(fitted, scalars, true)?, self.probe(fitted, scalars, false)?);
        let probe = if along.whole / along.total <= through.whole / through.total {
            along
        } else {
            through
        };
        log::debug!("pairs leave {:.3e} of {:.3e}", probe.whole, probe.total);
        if probe.whole > 0.5 * probe.total {
            return Ok(Vec::new());
        }
        let groups = &probe.groups;
        let names = |pairs: &[usize]| {
            self.names(&pairs.iter().map(|&g| groups[g].scalars.clone()).collect::<Vec<_>>())
        };
        let mut chosen = probe.forward(self.deadline())?;
        log::debug!("forward: {}", names(&chosen));
        if probe.factor.ncols() <= BACKWARD_COLUMNS {
            let rank = |g: &Group| {
                g.scalars.iter().map(|&i| self.ranks[i]).sum::<usize>() + 10 * g.scalars.len()
            };
            let ranks: Vec<usize> = groups.iter().map(rank).collect();
            let allowed = (1e-3 * probe.total).min(30.0 * probe.whole.max(1e-12 * probe.total))
                / probe.factor.ncols() as f64;
            let kept = eliminate_groups(
                &with_ridge(&probe.factor)?,
                groups,
                &ranks,
                (allowed, 0.0),
                &|| self.late(),
            )?;
            let backward: Vec<usize> = kept.into_iter().filter(|&g| g >= probe.single).collect();
            log::debug!("backward: {}", names(&backward));
            let (a, b) = (probe.left(&chosen)?, probe.left(&backward)?);
            let better = b < 0.3 * a || (b < 3.0 * a && backward.len() < chosen.len());
            if !backward.is_empty() && backward.len() <= MOST_PAIRS && better {
                chosen = backward;
            }
        }
        Ok(chosen.into_iter().map(|g| groups[g].scalars.clone()).collect())
    }

    /// Pairs of the given scalars, as many as can be tried: of many particles only those with a
    /// scalar that is demanded, or with two.
    fn some_pairs(&self, demanded: &[Vec<usize>], scalars: &[usize]) -> Vec<Vec<usize>> {
        let known = |i: usize| usize::from(demanded.iter().any(|group| group.contains(&i)));
        let all = scalars
            .iter()
            .enumerate()
            .flat_map(|(k, &j)| scalars[..k].iter().map(move |&i| vec![i, j]));
        let mut pairs: Vec<Vec<usize>> = all.collect();
        for least in 1..=2 {
            if self.size(&pairs, PAIR_PROBE) > MOST_COLUMNS {
                pairs.retain(|pair| pair.iter().map(|&i| known(i)).sum::<usize>() >= least);
            }
        }
        while self.size(&pairs, PAIR_PROBE) > MOST_COLUMNS {
            pairs.truncate(pairs.len() / 2);
        }
        pairs
    }

    /// Pairs of the given scalars, with products of low degree, beside what is there.
    fn probe(&self, fitted: &Fitted, scalars: &[usize], along_flow: bool) -> linalg::Result<Probe> {
        let single = self.groups_of(fitted);
        let pairs = self.some_pairs(&single, scalars);
        let wanted: Vec<Vec<usize>> = single.iter().cloned().chain(pairs).collect();
        let (basis, groups) = self.basis(&wanted, PAIR_PROBE);
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let flow = Flow { model: &fitted.model, theta: &fitted.theta };
        let most = MOST_VALUES / model.parameters().max(1);
        let fit = self.train.iter().scan(0, |sum, chunk| {
            *sum += chunk.states.len();
            (*sum <= most).then_some(())
        });
        let some = fit.count().clamp(1, PAIR_CHUNKS).min(self.train.len());
        let flow = along_flow.then_some(&flow);
        let paths = Paths::new(
            flow,
            &self.train[..some],
            &self.weights,
            self.pieces,
            &fitted.trust[..some],
        );
        let paths = paths.with_factors(&self.factors);
        let factor = triangular_factor(&self.taught(&paths, paths.design(&model)))?;
        let n = factor.ncols() - 1;
        let singles: usize = groups[..single.len()].iter().map(|g| g.columns.len()).sum();
        let rest = factor.slice(s![singles.., ..]).to_owned();
        let total = rest.column(n).dot(&rest.column(n));
        let whole = factor[[n, n]] * factor[[n, n]];
        Ok(Probe { factor, groups, single: single.len(), rest, total, whole })
    }
}

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
    fn forward(&self, deadline: &Deadline) -> linalg::Result<Vec<usize>> {
        let mut left = self.total;
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < MOST_PAIRS && left > 3.0 * self.whole {
            let mut best: Option<(usize, f64)> = None;
            for g in (self.single..self.groups.len()).filter(|g| !chosen.contains(g)) {
                if deadline.is_over() {
                    return Ok(chosen);
                }
                let after = self.left(&[&chosen[..], &[g]].concat())?;
                if best.is_none_or(|(_, b)| after < b * (1.0 - 1e-9)) {
                    best = Some((g, after));
                }
            }
            // What all pairs together can't explain is no reason to take more.
            let Some((g, after)) = best.filter(|(_, after)| {
                left - after >= 0.1 * (left - self.whole) && *after <= 0.97 * left
            }) else {
                break;
            };
            left = after;
            chosen.push(g);
        }
        Ok(chosen)
    }
}

/// Sum of squares that the given columns leave of the last one.
fn left_after<'a>(
    rest: &Array2<f64>,
    columns: impl Iterator<Item = &'a usize>,
) -> linalg::Result<f64> {
    let all: Vec<usize> = columns.copied().chain([rest.ncols() - 1]).collect();
    let small = triangular_factor(&[rest.select(Axis(1), &all)])?;
    let last = all.len() - 1;
    Ok(small[[last, last]] * small[[last, last]])
}
