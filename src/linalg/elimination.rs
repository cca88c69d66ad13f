//! Which terms of a least-squares problem the data demand: elimination and exchange.

use ndarray::{Array2, Axis, s};

use super::{Result, independent_columns, triangular_factor, triangular_inverse};

/// Relative residual below which a column counts as a combination of earlier ones.
const DEPENDENT: f64 = 1e-8;

/// A choice of terms with the coefficients that fit best.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Indices of the kept terms, ascending.
    pub kept: Vec<usize>,
    /// The coefficients of the terms that are kept.
    pub coefficients: Vec<f64>,
    /// By how much the sum of squared residuals is larger than with all terms.
    pub increase: f64,
}

/// Eliminates terms one by one, always the one whose loss raises the sum of squares least, down to
/// one term.
///
/// `augmented` is the triangular factor of `[J y]`, so that |J c - y|^2 is the sum of squares of
/// coefficients c. `order` lists the terms, preferred ones first: of terms that say the same, later
/// ones go first and free of cost. Choices come with falling number of terms.
///
/// Removing term j alone costs c_j^2 / (J^T J)^-1_jj, from the rows of the inverse of the
/// triangular factor (the exact form of optimal brain surgery, Hassibi & Stork 1993).
///
/// # Errors
/// Numbers that are not finite.
pub fn eliminate(augmented: &Array2<f64>, order: &[usize]) -> Result<Vec<Choice>> {
    eliminate_from(augmented, independent(augmented, order)?, |_, _| true)
}

/// The terms with the least sum of squares plus `price` for each, where terms of one group
/// (`groups` has one number for each term) are nested: none is there without those of its group
/// before it, as degrees of a polynomial are.
///
/// Elimination from all terms down gives a first choice; then terms are added, removed or exchanged
/// for others as long as that makes it better. Errors and arguments are as for [`eliminate`].
///
/// # Errors
/// Numbers that are not finite.
pub fn best_nested(
    augmented: &Array2<f64>,
    order: &[usize],
    groups: &[usize],
    price: f64,
) -> Result<Option<Choice>> {
    let candidates = independent(augmented, order)?;
    let same = |a: usize, b: usize| groups[a] == groups[b];
    let is_tip = |kept: &[usize], j: usize| !kept.iter().any(|&k| same(k, j) && k > j);
    let choices = eliminate_from(augmented, candidates.clone(), is_tip)?;
    let Some(first) = select(&choices, price, 0.0) else { return Ok(None) };
    let full = fit(augmented, &candidates)?.rest;
    let value =
        |kept: &[usize]| fit(augmented, kept).map(|fit| fit.rest + price * kept.len() as f64);
    let mut kept = first.kept.clone();
    let mut best = value(&kept)?;
    loop {
        let mut better: Option<(Vec<usize>, f64)> = None;
        for neighbour in neighbours(&kept, &candidates, same) {
            let value = value(&neighbour)?;
            if value < better.as_ref().map_or(best, |b| b.1) - IMPROVEMENT * price {
                better = Some((neighbour, value));
            }
        }
        let Some((found, value)) = better else { break };
        (kept, best) = (found, value);
    }
    let Fit { coefficients, rest, .. } = fit(augmented, &kept)?;
    Ok(Some(Choice { kept, coefficients, increase: rest - full }))
}

/// A change must be better by this part of a term's price.
const IMPROVEMENT: f64 = 1e-6;

/// All nested choices that differ by one term more, one less, or one exchanged.
fn neighbours(
    kept: &[usize],
    candidates: &[usize],
    same: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<usize>> {
    let nested = |choice: &[usize]| {
        choice
            .iter()
            .all(|&k| candidates.iter().all(|&c| !same(c, k) || c > k || choice.contains(&c)))
    };
    let without: Vec<Vec<usize>> = std::iter::once(kept.to_vec())
        .chain(kept.iter().map(|&j| kept.iter().copied().filter(|&k| k != j).collect()))
        .collect();
    let mut all = Vec::new();
    for base in without {
        for &new in candidates.iter().filter(|c| !kept.contains(c)) {
            let mut choice = base.clone();
            choice.push(new);
            choice.sort_unstable();
            all.push(choice);
        }
        all.push(base);
    }
    all.retain(|choice| !choice.is_empty() && choice != kept && nested(choice));
    all
}

/// Terms (ascending) that are independent of those before them in `order`.
fn independent(augmented: &Array2<f64>, order: &[usize]) -> Result<Vec<usize>> {
    let in_order = triangular_factor(&[augmented.select(Axis(1), order)])?;
    let mut kept: Vec<usize> =
        independent_columns(&in_order, DEPENDENT)?.into_iter().map(|i| order[i]).collect();
    kept.sort_unstable();
    Ok(kept)
}

/// Least squares in some of the terms.
struct Fit {
    coefficients: Vec<f64>,
    /// Sum of squared residuals.
    rest: f64,
    /// Inverse of the triangular factor.
    inverse: Array2<f64>,
}

fn fit(augmented: &Array2<f64>, kept: &[usize]) -> Result<Fit> {
    let n = kept.len();
    let columns: Vec<usize> = kept.iter().copied().chain([augmented.ncols() - 1]).collect();
    let factor = triangular_factor(&[augmented.select(Axis(1), &columns)])?;
    let inverse = triangular_inverse(&factor.slice(s![..n, ..n]))?;
    let coefficients = inverse.dot(&factor.slice(s![..n, n])).to_vec();
    Ok(Fit { coefficients, rest: factor[[n, n]] * factor[[n, n]], inverse })
}

fn eliminate_from(
    augmented: &Array2<f64>,
    mut kept: Vec<usize>,
    may_go: impl Fn(&[usize], usize) -> bool,
) -> Result<Vec<Choice>> {
    let mut choices = Vec::new();
    let mut full = None;
    while !kept.is_empty() {
        let Fit { coefficients, rest, inverse } = fit(augmented, &kept)?;
        let increase = rest - *full.get_or_insert(rest);
        let cost =
            |j: usize| coefficients[j] * coefficients[j] / inverse.row(j).dot(&inverse.row(j));
        let free = (0..kept.len()).filter(|&j| may_go(&kept, kept[j]));
        let least = free
            .min_by(|&a, &b| cost(a).total_cmp(&cost(b)))
            .expect("the last term of a group may go");
        choices.push(Choice { kept: kept.clone(), coefficients, increase });
        kept.remove(least);
    }
    Ok(choices)
}

/// The choice of fewest terms whose increase stays below `floor` plus `price` for each term that it
/// saves.
pub fn select(choices: &[Choice], price: f64, floor: f64) -> Option<&Choice> {
    let all = choices.first()?.kept.len();
    choices.iter().rfind(|c| c.increase <= floor + price * (all - c.kept.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, concatenate};

    #[test]
    fn regress_elimination_finds_the_support_and_drops_duplicates() {
        let j =
            Array2::from_shape_fn((40, 6), |(i, k)| ((i * (k + 2)) as f64 * 0.7 + k as f64).sin());
        let mut j = j;
        let copy = &j.column(1) * 2.0;
        j.column_mut(4).assign(&copy);
        let truth = Array1::from(vec![0.0, 3.0, 0.0, -0.5, 0.0, 0.0]);
        let y = j.dot(&truth);
        let augmented =
            triangular_factor(&[concatenate![Axis(1), j, y.insert_axis(Axis(1))]]).unwrap();
        let choices = eliminate(&augmented, &[0, 1, 2, 3, 4, 5]).unwrap();
        assert_eq!(choices[0].kept, [0, 1, 2, 3, 5]);
        let best = select(&choices, 1e-20, 1e-20).unwrap();
        assert_eq!(best.kept, [1, 3]);
        assert!((best.coefficients[0] - 3.0).abs() < 1e-12);
        assert_eq!(select(&choices, 1e9, 0.0).unwrap().kept.len(), 1);
        assert!(choices.windows(2).all(|c| c[0].kept.len() == c[1].kept.len() + 1));
    }

    #[test]
    fn regress_nested_terms_are_exchanged_for_fewer() {
        // Two groups of powers: x, x^2, .. and x^2, x^4, ..; the truth is x - x^2 / 2, which the
        // second group can't follow.
        let x = |i: usize| 1.0 + i as f64 / 60.0;
        let columns = |i: usize, k: usize| {
            if k < 5 { x(i).powi(k as i32 + 1) } else { x(i).powi(2 * (k as i32 - 4)) }
        };
        let mut j = Array2::from_shape_fn((60, 9), |(i, k)| columns(i, k));
        for mut column in j.columns_mut() {
            let norm = column.dot(&column).sqrt();
            column /= norm / 60.0;
        }
        let y = Array1::from_shape_fn(60, |i| {
            100.0 * (x(i) - 0.5 * x(i).powi(2)) + (i as f64 * 12.9898).sin()
        });
        let augmented =
            triangular_factor(&[concatenate![Axis(1), j, y.insert_axis(Axis(1))]]).unwrap();
        let order = [0, 5, 1, 6, 2, 7, 3, 8, 4];
        let best =
            best_nested(&augmented, &order, &[0, 0, 0, 0, 0, 1, 1, 1, 1], 4.0).unwrap().unwrap();
        println!("{best:?}");
        assert!(best.kept == [0, 1] || best.kept == [0, 5], "{:?}", best.kept);
    }
}
