//! Terms with their columns.

use crate::linalg::dot;
use crate::parallel;
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::term::{Factor, Term};
use crate::recover::problem::catalogue::Catalogue;

/// Terms with their columns.
pub(crate) struct Pool {
    pub terms: Vec<Term>,
    /// Symbols of each term, and what speaks against its scalars.
    pub symbols: Vec<usize>,
    rows: usize,
    /// Of unit length, one after the other.
    columns: Vec<f64>,
}

/// Columns whose cosine differs from one by less are the same function.
const SAME: f64 = 1e-12;

impl Pool {
    /// The terms whose columns are finite, each function once: of two that are the same on the data
    /// the one of fewer symbols.
    pub fn new(
        mut terms: Vec<Term>,
        catalogue: &Catalogue,
        ranks: &[usize],
        nodes: &Nodes,
    ) -> Self {
        let symbols = |t: &Term| Self::price(t, catalogue, ranks);
        terms.sort_by_cached_key(symbols);
        let columns = parallel::map_slice(&terms, |term| {
            let mut column = Vec::new();
            let finite = term.column(nodes, &mut column);
            let size = dot(&column, &column).sqrt();
            column.iter_mut().for_each(|x| *x /= size);
            (finite && size > 0.0 && size.is_finite()).then_some(column)
        });
        let mut pool = Self {
            terms: Vec::new(),
            symbols: Vec::new(),
            rows: nodes.rows(),
            columns: Vec::new(),
        };
        // The same function has the same products with any two vectors.
        let probe = |k: usize| -> Vec<f64> {
            (0..nodes.rows())
                .map(|i| ((i * (2 * k + 3) + k) as f64 * 0.754_877_666).fract() - 0.5)
                .collect()
        };
        let (first, second) = (probe(0), probe(1));
        let mut seen: Vec<(f64, f64, usize)> = Vec::new();
        for (term, column) in terms.into_iter().zip(columns) {
            let Some(column) = column else { continue };
            let (a, b) = (dot(&column, &first), dot(&column, &second));
            let (a, b) = if a < 0.0 { (-a, -b) } else { (a, b) };
            let near = seen.partition_point(|s| s.0 < a - 1e-6);
            let same = seen[near..].iter().take_while(|s| s.0 < a + 1e-6).any(|s| {
                (s.1 - b).abs() < 1e-6 && 1.0 - dot(&column, pool.column(s.2)).abs() < SAME
            });
            if same {
                continue;
            }
            let at = seen.partition_point(|s| s.0 < a);
            seen.insert(at, (a, b, pool.terms.len()));
            pool.symbols.push(symbols(&term));
            pool.terms.push(term);
            pool.columns.extend(column);
        }
        pool
    }

    /// Symbols of a term, and what speaks against its scalars.
    pub fn price(term: &Term, catalogue: &Catalogue, ranks: &[usize]) -> usize {
        let rank = |k: usize| ranks[catalogue.members(k)[0]];
        let ranks = term.0.iter().flat_map(Factor::scalars).map(rank);
        term.symbols(catalogue) + ranks.max().unwrap_or(0)
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// The column of a term, of unit length.
    pub fn column(&self, k: usize) -> &[f64] {
        &self.columns[k * self.rows..][..self.rows]
    }

    /// By how much each of some terms would lower the sum of squares that a projection leaves.
    pub fn gains(&self, some: &[usize], basis: &[Vec<f64>], residual: &[f64]) -> Vec<f64> {
        let gain = |k: &usize| {
            let column = self.column(*k);
            let along = dot(column, residual);
            let left = 1.0 - basis.iter().map(|q| dot(column, q).powi(2)).sum::<f64>();
            // What is left of a dependent column is roundoff.
            if left > 1e-9 { along * along / left } else { 0.0 }
        };
        parallel::map_slice(some, gain)
    }
}
