//! Tensors that a group leaves as they are.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::group::{Matrix, SPACE, SymmetryGroup};
use crate::linalg::{LinalgError, null_space};

/// Below this an entry of an equation or of a solution, all of the order of one, is zero.
const ZERO: f64 = 1e-12;
/// Singular values below this, relative to the largest, are zero; others are far above.
const TOLERANCE: f64 = 1e-9;

/// A tensor as its entries that are not zero: index and value, the tensor's indices read as digits
/// of a number, the first the highest.
pub type Tensor = Vec<(usize, f64)>;

/// One linear equation: the coefficients of entries.
type Equation = Vec<(usize, f64)>;

impl SymmetryGroup {
    /// An orthonormal basis of the tensors T of given rank k that no element moves: (h x .. x h) T
    /// = T for the discrete generators h, (A x 1 x .. + .. + 1 x .. x A) T = 0 for the
    /// infinitesimal ones A (Finzi et al. 2021, theorem 1).
    ///
    /// Equations with a single unknown are solved first. Those that are left fall apart into groups
    /// that share no unknown; the null space of each is by singular value decomposition.
    ///
    /// # Errors
    /// When a decomposition fails.
    pub fn invariant_tensors(&self, rank: usize) -> Result<Vec<Tensor>, LinalgError> {
        let size = SPACE.pow(rank as u32);
        let mut equations: Vec<Equation> = Vec::new();
        for a in &self.infinitesimal {
            equations.extend(rows(size, |index| derivation(a, rank, index)));
        }
        for h in &self.discrete {
            equations.extend(rows(size, |index| {
                let mut column = power(h, rank, index);
                column.push((index, -1.0));
                column
            }));
        }
        let unknown = nonzero(size, &mut equations);
        let mut tensors = Vec::new();
        for (entries, equations) in components(&unknown, &equations) {
            tensors.extend(solutions(&entries, &equations)?);
        }
        Ok(tensors)
    }
}

/// The digits of an index, the first the highest.
fn digit(rank: usize, index: usize, place: usize) -> usize {
    index / SPACE.pow((rank - 1 - place) as u32) % SPACE
}

/// The image of a basis tensor under sum_i 1 x .. A .. x 1.
fn derivation(a: &Matrix, rank: usize, index: usize) -> Vec<(usize, f64)> {
    let mut image = Vec::new();
    for place in 0..rank {
        let (weight, old) = (SPACE.pow((rank - 1 - place) as u32), digit(rank, index, place));
        for (new, row) in a.iter().enumerate() {
            image.push((index + new * weight - old * weight, row[old]));
        }
    }
    image
}

/// The image of a basis tensor under h x .. x h.
fn power(h: &Matrix, rank: usize, index: usize) -> Vec<(usize, f64)> {
    let mut image = vec![(0, 1.0)];
    for place in 0..rank {
        let old = digit(rank, index, place);
        let grown = |(prefix, value): &(usize, f64)| {
            let (prefix, value) = (*prefix, *value);
            (0..SPACE)
                .filter(move |new| h[*new][old] != 0.0)
                .map(move |new| (prefix * SPACE + new, value * h[new][old]))
        };
        image = image.iter().flat_map(grown).collect();
    }
    image
}

/// The rows of the matrix whose columns `column` gives; rows of zeros are left out.
fn rows(size: usize, column: impl Fn(usize) -> Vec<(usize, f64)>) -> Vec<Equation> {
    let mut rows = vec![BTreeMap::new(); size];
    for index in 0..size {
        for (row, value) in column(index) {
            *rows[row].entry(index).or_insert(0.0) += value;
        }
    }
    let cleaned = rows
        .into_iter()
        .map(|row| row.into_iter().filter(|(_, v): &(usize, f64)| v.abs() > ZERO).collect());
    cleaned.filter(|row: &Equation| !row.is_empty()).collect()
}

/// Solves equations with one unknown, which is zero, until there are none; gives the unknowns that
/// are left and keeps the equations among them.
fn nonzero(size: usize, equations: &mut Vec<Equation>) -> Vec<bool> {
    let mut unknown = vec![true; size];
    loop {
        let before = equations.len();
        equations.retain_mut(|equation| {
            equation.retain(|(i, _)| unknown[*i]);
            if let [(i, _)] = equation[..] {
                unknown[i] = false;
            }
            equation.len() > 1
        });
        if equations.len() == before {
            return unknown;
        }
    }
}

/// Groups of unknowns, in order of their first, that share no equation, with their equations.
fn components<'e>(
    unknown: &[bool],
    equations: &'e [Equation],
) -> Vec<(Vec<usize>, Vec<&'e Equation>)> {
    let mut leader: Vec<usize> = (0..unknown.len()).collect();
    fn find(leader: &mut [usize], mut i: usize) -> usize {
        while leader[i] != i {
            leader[i] = leader[leader[i]];
            i = leader[i];
        }
        i
    }
    for equation in equations {
        for (i, _) in equation {
            let (a, b) = (find(&mut leader, equation[0].0), find(&mut leader, *i));
            leader[a.max(b)] = a.min(b);
        }
    }
    let mut groups: BTreeMap<usize, (Vec<usize>, Vec<&Equation>)> = BTreeMap::new();
    for i in (0..unknown.len()).filter(|i| unknown[*i]) {
        groups.entry(find(&mut leader, i)).or_default().0.push(i);
    }
    for equation in equations {
        groups.entry(find(&mut leader, equation[0].0)).or_default().1.push(equation);
    }
    groups.into_values().collect()
}

/// An orthonormal basis of the solutions of one group of equations.
fn solutions(entries: &[usize], equations: &[&Equation]) -> Result<Vec<Tensor>, LinalgError> {
    if equations.is_empty() {
        return Ok(entries.iter().map(|i| vec![(*i, 1.0)]).collect());
    }
    let mut matrix = Array2::zeros((equations.len(), entries.len()));
    for (row, equation) in equations.iter().enumerate() {
        for (i, value) in *equation {
            if let Ok(column) = entries.binary_search(i) {
                matrix[[row, column]] = *value;
            }
        }
    }
    let basis = null_space(&matrix, TOLERANCE)?;
    let tensor = |column: ndarray::ArrayView1<f64>| {
        entries
            .iter()
            .copied()
            .zip(column.iter().copied())
            .filter(|(_, v)| v.abs() > ZERO)
            .collect()
    };
    Ok(basis.columns().into_iter().map(tensor).collect())
}
