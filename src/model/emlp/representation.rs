//! Direct sums of tensor powers.

use std::ops::{Add, Mul};

use super::group::SPACE;

/// A direct sum of tensor powers of R^3: `counts[r]` tensors of rank r, each of 3^r components. For
/// orthogonal groups a space is its own dual, so one number is all there is to a rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
    counts: Vec<usize>,
}

/// How the components of tensors lie in a signal; ranks come in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Tensor by tensor, as in a state.
    ByTensor,
    /// Component by component, each of all tensors of a rank side by side: products over tensors
    /// run through memory in order.
    ByComponent,
}

impl Representation {
    /// So many tensors of each rank.
    pub fn new(counts: impl Into<Vec<usize>>) -> Self {
        Self { counts: counts.into() }
    }

    /// `channels` components spread over ranks 0, 1, .. so that each rank gets about as many (the
    /// heuristic of Finzi et al. 2021, appendix D): rank by rank as many tensors as make a power of
    /// three of components, then again with what is left.
    pub fn spread(channels: usize) -> Self {
        let mut counts = Vec::new();
        let mut left = channels;
        while left > 0 {
            let largest = (0..).take_while(|r| (r + 1) * power(*r) <= left).last().unwrap_or(0);
            counts.resize(counts.len().max(largest + 1), 0);
            for (rank, count) in counts.iter_mut().enumerate().take(largest + 1) {
                *count += power(largest - rank);
            }
            left -= (largest + 1) * power(largest);
        }
        Self { counts }
    }

    /// This and a scalar for each tensor that is none: gates.
    pub fn gated(&self) -> Self {
        self.clone() + Self::new([self.gates()])
    }

    /// Number of tensors that are not scalars.
    pub fn gates(&self) -> usize {
        self.counts.iter().skip(1).sum()
    }

    /// Number of tensors of a rank.
    pub fn count(&self, rank: usize) -> usize {
        self.counts.get(rank).copied().unwrap_or(0)
    }

    /// The ranks there are, in order.
    pub fn ranks(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.counts.len()).filter(|rank| self.counts[*rank] > 0)
    }

    /// Number of components.
    pub fn size(&self) -> usize {
        self.first(self.counts.len())
    }

    /// Index of the first component of a rank.
    pub fn first(&self, rank: usize) -> usize {
        self.counts.iter().take(rank).enumerate().map(|(r, n)| n * power(r)).sum()
    }

    /// Index of a component of one of the tensors of a rank.
    pub fn index(&self, layout: Layout, rank: usize, tensor: usize, component: usize) -> usize {
        match layout {
            Layout::ByTensor => self.first(rank) + tensor * power(rank) + component,
            Layout::ByComponent => self.first(rank) + component * self.count(rank) + tensor,
        }
    }
}

/// 3^rank.
pub(super) fn power(rank: usize) -> usize {
    SPACE.pow(rank as u32)
}

impl Add for Representation {
    type Output = Self;
    /// Direct sum.
    fn add(self, other: Self) -> Self {
        let ranks = self.counts.len().max(other.counts.len());
        Self { counts: (0..ranks).map(|r| self.count(r) + other.count(r)).collect() }
    }
}

impl Mul for Representation {
    type Output = Self;
    /// Tensor product.
    fn mul(self, other: Self) -> Self {
        let mut counts = vec![0; (self.counts.len() + other.counts.len()).saturating_sub(1)];
        for (a, m) in self.counts.iter().enumerate() {
            for (b, n) in other.counts.iter().enumerate() {
                counts[a + b] += m * n;
            }
        }
        Self { counts }
    }
}
