//! Which terms the data demand: backward elimination on the quadratic model of the loss.

use ndarray::{Array2, Axis, s};

use crate::linalg::{self, independent_columns, triangular_factor, triangular_inverse};

/// Relative residual below which a column counts as a combination of earlier ones.
const DEPENDENT: f64 = 1e-8;

/// A choice of terms with the coefficients that fit best.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Indices of the kept terms, ascending.
    pub kept: Vec<usize>,
    /// Their coefficients.
    pub coefficients: Vec<f64>,
    /// By how much the sum of squared residuals is larger than with all terms.
    pub increase: f64,
}

/// Eliminates terms one by one, always the one whose loss raises the sum of squares least, down to one term.
///
/// `augmented` is the triangular factor of `[J y]`, so that |J c - y|^2 is the sum of squares of coefficients c. `order` lists the terms,
/// preferred ones first: of terms that say the same, later ones go first and free of cost. Choices come with falling number of terms.
///
/// Removing term j alone costs c_j^2 / (J^T J)^-1_jj, from the rows of the inverse of the triangular factor (the exact form of optimal
/// brain surgery, Hassibi & Stork 1993).
///
/// # Errors
/// Numbers that are not finite.
pub fn eliminate(augmented: &Array2<f64>, order: &[usize]) -> linalg::Result<Vec<Choice>> {
    let y = augmented.ncols() - 1;
    let in_order = triangular_factor(&[augmented.select(Axis(1), order)])?;
    let mut kept: Vec<usize> = independent_columns(&in_order, DEPENDENT)?.into_iter().map(|i| order[i]).collect();
    kept.sort_unstable();
    let mut choices = Vec::new();
    let mut full = None;
    while !kept.is_empty() {
        let columns: Vec<usize> = kept.iter().copied().chain([y]).collect();
        let factor = triangular_factor(&[augmented.select(Axis(1), &columns)])?;
        let n = kept.len();
        let inverse = triangular_inverse(&factor.slice(s![..n, ..n]))?;
        let coefficients = inverse.dot(&factor.slice(s![..n, n])).to_vec();
        let rest = factor[[n, n]] * factor[[n, n]];
        let increase = rest - *full.get_or_insert(rest);
        let cost = |j: usize| coefficients[j] * coefficients[j] / inverse.row(j).dot(&inverse.row(j));
        let least = (0..n).min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap_or(0);
        choices.push(Choice { kept: kept.clone(), coefficients, increase });
        kept.remove(least);
    }
    Ok(choices)
}

/// The choice of fewest terms whose increase stays below `floor` plus `price` for each term that it saves.
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
        let j = Array2::from_shape_fn((40, 6), |(i, k)| ((i * (k + 2)) as f64 * 0.7 + k as f64).sin());
        let mut j = j;
        let copy = &j.column(1) * 2.0;
        j.column_mut(4).assign(&copy);
        let truth = Array1::from(vec![0.0, 3.0, 0.0, -0.5, 0.0, 0.0]);
        let y = j.dot(&truth);
        let augmented = triangular_factor(&[concatenate![Axis(1), j, y.insert_axis(Axis(1))]]).unwrap();
        let choices = eliminate(&augmented, &[0, 1, 2, 3, 4, 5]).unwrap();
        assert_eq!(choices[0].kept, [0, 1, 2, 3, 5]);
        let best = select(&choices, 1e-20, 1e-20).unwrap();
        assert_eq!(best.kept, [1, 3]);
        assert!((best.coefficients[0] - 3.0).abs() < 1e-12);
        assert_eq!(select(&choices, 1e9, 0.0).unwrap().kept.len(), 1);
        assert!(choices.windows(2).all(|c| c[0].kept.len() == c[1].kept.len() + 1));
    }
}
