//! Leaving out what the data don't demand.

use ndarray::{Array1, Array2, Axis, s};

use crate::expr::{Scalar, Vector};
use crate::linalg::{self, solve, triangular_factor, triangular_inverse};
use crate::recover::learn::fitted::{Fitted, Group};
use crate::recover::learn::limits::NOISY;
use crate::recover::problem::learner::Learner;

/// What is smaller than this part of the increments is of no account.
const NEGLIGIBLE: f64 = 5e-7;

/// So is what is smaller than this part of a teacher's error.
const TAUGHT: f64 = 0.5;

/// A group without an effect is not worth more than this part of its price, but for chance.
const CHANCE: f64 = 0.6;

/// One group does as well as another that costs no more than this part of its price: linear
/// estimates of what noise does to dependent scalars are rough.
const EXCHANGED: f64 = 0.35;

/// Noisy residuals are not as independent as they are taken for.
const CORRELATED: f64 = 2.0;

impl Learner<'_> {
    /// The groups that the data demand, as lists of scalars.
    pub(crate) fn demanded(&self, fitted: &Fitted) -> linalg::Result<Vec<Vec<usize>>> {
        let n = fitted.theta.len();
        let y = fitted.factor.column(n);
        let floor = (y.dot(&y) * NEGLIGIBLE * NEGLIGIBLE)
            .max(fitted.rows as f64 * (TAUGHT * self.resolution()).powi(2));
        let freedom = fitted.rows.saturating_sub(n).max(1) as f64;
        let correlated = if fitted.misfit > NOISY { CORRELATED } else { 1.0 };
        let price = correlated
            * (fitted.rows.max(2) as f64).ln()
            * (fitted.factor[[n, n]] * fitted.factor[[n, n]] / freedom);
        let kept = eliminate_groups(
            &fitted.factor,
            &fitted.groups,
            &self.group_ranks(&fitted.groups),
            (price, floor),
            &|| self.late(),
        )?;
        Ok(kept.into_iter().map(|g| fitted.groups[g].scalars.clone()).collect())
    }

    /// What speaks against each group: the ranks of its scalars, and that there are two.
    pub(crate) fn group_ranks(&self, groups: &[Group]) -> Vec<usize> {
        let rank = |g: &Group| {
            g.scalars.iter().map(|&i| self.preference(i)).max().unwrap_or(0)
                + 20 * (g.scalars.len() - 1)
        };
        groups.iter().map(rank).collect()
    }

    /// What speaks against a scalar: its rank, and among equals that it depends on where the origin
    /// is.
    fn preference(&self, scalar: usize) -> usize {
        let moving =
            |v: &Vector| v.terms().iter().filter(|(name, _)| self.inputs().moves(name)).count();
        let placed = matches!(&self.scalars()[scalar], Scalar::Norm(v) if moving(v) == 1);
        2 * self.ranks[scalar] + usize::from(placed)
    }
}

/// Drops groups of columns one after the other, for as long as one is worth less than `price` for
/// each of its columns plus `floor`; of those that chance may make worth as much the one of highest
/// rank goes first. Then a group is exchanged for a dropped one of lower rank that does as well.
/// Gives the kept groups, those so far once it is late.
///
/// Leaving out a group with coefficients c costs c^T ((R^T R)^-1 restricted to it)^-1 c.
///
/// # Errors
/// Numbers that are not finite.
pub fn eliminate_groups(
    augmented: &Array2<f64>,
    groups: &[Group],
    ranks: &[usize],
    (price, floor): (f64, f64),
    late: &dyn Fn() -> bool,
) -> linalg::Result<Vec<usize>> {
    let limit = |group: usize| floor + price * groups[group].columns.len() as f64;
    let mut kept: Vec<usize> = (0..groups.len()).collect();
    loop {
        drop_cheap(augmented, groups, ranks, &limit, (&mut kept, late))?;
        // Each time the ranks of what is kept fall.
        if late() || !exchange_one(augmented, groups, ranks, &limit, (&mut kept, late))? {
            return Ok(kept);
        }
    }
}

fn drop_cheap(
    augmented: &Array2<f64>,
    groups: &[Group],
    ranks: &[usize],
    limit: &dyn Fn(usize) -> f64,
    (kept, late): (&mut Vec<usize>, &dyn Fn() -> bool),
) -> linalg::Result<()> {
    while kept.len() > 1 && !late() {
        let factor = triangular_factor(&[
            augmented.select(Axis(1), &columns_of(groups, kept, augmented.ncols() - 1))
        ])?;
        let n = factor.ncols() - 1;
        let inverse = triangular_inverse(&factor.slice(s![..n, ..n]))?;
        let theta = inverse.dot(&factor.slice(s![..n, n]));
        let mut first = 0;
        let mut costs = Vec::new();
        for &g in kept.iter() {
            let size = groups[g].columns.len();
            let rows = inverse.slice(s![first..first + size, ..]);
            let c: Array1<f64> = theta.slice(s![first..first + size]).to_owned();
            costs.push(removal_cost(&rows.t().to_owned(), &c)?);
            first += size;
        }
        let cost = |i: usize| costs[i] / limit(kept[i]);
        let free: Vec<usize> = (0..kept.len()).filter(|&i| cost(i) <= CHANCE).collect();
        let cheapest = (0..kept.len()).min_by(|&a, &b| cost(a).total_cmp(&cost(b)));
        let goes = free.into_iter().max_by_key(|&i| (ranks[kept[i]], i)).or(cheapest).unwrap_or(0);
        if cost(goes) > 1.0 {
            break;
        }
        kept.remove(goes);
    }
    Ok(())
}

/// Exchanges one of the kept groups for a dropped one of lower rank that leaves hardly more;
/// whether there is such a pair. Scalars that the data make dependent, such as momenta that add up
/// to zero, may stand for each other.
fn exchange_one(
    augmented: &Array2<f64>,
    groups: &[Group],
    ranks: &[usize],
    limit: &dyn Fn(usize) -> f64,
    (kept, late): (&mut [usize], &dyn Fn() -> bool),
) -> linalg::Result<bool> {
    let y = augmented.ncols() - 1;
    let left = |factor: &Array2<f64>| factor[[factor.ncols() - 1, factor.ncols() - 1]].powi(2);
    let now = left(&triangular_factor(&[augmented.select(Axis(1), &columns_of(groups, kept, y))])?);
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse((ranks[kept[i]], i)));
    for i in order {
        let mut others: Vec<usize> =
            (0..groups.len()).filter(|h| !kept.contains(h) && ranks[*h] < ranks[kept[i]]).collect();
        others.sort_by_key(|&h| ranks[h]);
        if others.is_empty() || late() {
            continue;
        }
        // What is left of all columns beside those of the kept groups but this one.
        let beside: Vec<usize> = kept
            .iter()
            .enumerate()
            .filter(|(k, _)| *k != i)
            .flat_map(|(_, &g)| groups[g].columns.clone())
            .collect();
        let all: Vec<usize> =
            beside.iter().copied().chain(columns_of(groups, &others, y)).collect();
        let factor = triangular_factor(&[augmented.select(Axis(1), &all)])?;
        let rest = factor.slice(s![beside.len().., beside.len()..]);
        let mut first = 0;
        for &h in &others {
            let size = groups[h].columns.len();
            let columns: Vec<usize> = (first..first + size).chain([rest.ncols() - 1]).collect();
            if left(&triangular_factor(&[rest.select(Axis(1), &columns)])?)
                <= now + EXCHANGED * limit(h)
            {
                kept[i] = h;
                kept.sort_unstable();
                return Ok(true);
            }
            first += size;
        }
    }
    Ok(false)
}

/// The columns of some groups, and that of the observations.
fn columns_of(groups: &[Group], some: &[usize], y: usize) -> Vec<usize> {
    some.iter().flat_map(|&g| groups[g].columns.iter().copied()).chain([y]).collect()
}

/// Eliminates single columns, each its own group.
///
/// # Errors
/// Numbers that are not finite.
pub(crate) fn eliminate_terms(
    augmented: &Array2<f64>,
    ranks: &[usize],
    price: f64,
    floor: f64,
) -> linalg::Result<Vec<usize>> {
    let groups: Vec<Group> =
        (0..ranks.len()).map(|k| Group { scalars: vec![k], columns: vec![k] }).collect();
    eliminate_groups(augmented, &groups, ranks, (price, floor), &|| false)
}

/// Least squares with some of the columns of a triangular factor that has the observations in the
/// last.
///
/// # Errors
/// Numbers that are not finite.
pub(crate) fn solve_with(factor: &Array2<f64>, columns: &[usize]) -> linalg::Result<Vec<f64>> {
    let columns: Vec<usize> = columns.iter().copied().chain([factor.ncols() - 1]).collect();
    solve(&triangular_factor(&[factor.select(Axis(1), &columns)])?)
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
