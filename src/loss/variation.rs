//! Derivatives of rolled-out states by where they started and by the parameters, carried from
//! interval to interval.

use super::block::Block;
use crate::integrate::RungeKutta;
use crate::linalg::{LANES, Lanes, ZipInlined, vectorised};
use crate::model::Lanewise;

/// The derivatives of each component of the states at the end of an interval, one chunk of a block
/// to a lane.
///
/// Over one interval the adjoint gives those by the state at its start and by the parameters; the
/// chain rule does the rest. So all rows of a Jacobian take as many reverse sweeps over the whole
/// rollout as the state has components, however many points there are.
pub(super) struct Variation {
    dim: usize,
    parameters: usize,
    /// Component by component: dim derivatives by the start, then those by the parameters.
    rows: Vec<Lanes>,
    before: Vec<Lanes>,
}

impl Variation {
    /// At the start of chunks: the identity, and none by the parameters.
    pub fn new(dim: usize, parameters: usize) -> Self {
        let zero = Lanes([0.0; LANES]);
        let mut rows = vec![zero; dim * (dim + parameters)];
        for c in 0..dim {
            rows[c * (dim + parameters) + c] = Lanes([1.0; LANES]);
        }
        Self { dim, parameters, before: rows.clone(), rows }
    }

    /// Carries the derivatives from the start of `interval` to its end, after a forward rollout of
    /// the block.
    pub fn advance<M: Lanewise>(
        &mut self,
        block: &mut Block<M>,
        model: &M,
        method: &RungeKutta,
        theta: &[f64],
        interval: usize,
    ) {
        std::mem::swap(&mut self.rows, &mut self.before);
        let (dim, width) = (self.dim, self.dim + self.parameters);
        for (component, row) in self.rows.chunks_exact_mut(width).enumerate() {
            let (of_state, of_theta) =
                block.backward_over(model, method, theta, (interval, component));
            let before = &self.before;
            vectorised(
                #[inline(always)]
                || {
                    row[..dim].fill(Lanes([0.0; LANES]));
                    row[dim..].copy_from_slice(of_theta);
                    for (of_state, before) in
                        of_state.chunks_exact(LANES).zip_inlined(before.chunks_exact(width))
                    {
                        let factor = Lanes::load(of_state);
                        for (x, b) in row.iter_mut().zip_inlined(before) {
                            *x += factor * *b;
                        }
                    }
                },
            );
        }
    }

    /// The derivatives of a component by the start.
    pub fn of_start(&self, component: usize) -> &[Lanes] {
        &self.rows[component * (self.dim + self.parameters)..][..self.dim]
    }

    /// The derivatives of a component by the parameters.
    pub fn of_theta(&self, component: usize) -> &[Lanes] {
        &self.rows[component * (self.dim + self.parameters) + self.dim..][..self.parameters]
    }
}
