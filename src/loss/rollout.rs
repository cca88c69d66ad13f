//! The rollout loss: mean squared error of predicted chunks.

use std::sync::Mutex;

use ndarray::Array2;

use super::block::Block;
use crate::dataset::Trajectory;
use crate::integrate::RungeKutta;
use crate::linalg::Total;
use crate::model::Model;
use crate::parallel::{self, lock};

/// How chunks are rolled out.
#[derive(Clone, Debug)]
pub struct RolloutOptions {
    /// The integrator, an explicit Runge-Kutta method.
    pub method: RungeKutta,
    /// Longest integration step, in the data's unit of time.
    pub step: f64,
    /// Chunks rolled out side by side, a multiple of [`LANES`](crate::linalg::LANES).
    pub batch: usize,
}

/// L(theta) = sum_c w_c (predicted - observed)_c^2 / number of residuals, over all points of all
/// chunks but their first ones, and its gradient by the adjoint of the integrator. Each chunk is
/// rolled out from its own first point.
///
/// Blocks of chunks run in parallel; the sum over blocks is taken in their order, so the number of
/// threads does not show in the result.
pub struct RolloutLoss<'a, M: Model> {
    model: &'a M,
    options: RolloutOptions,
    blocks: Vec<Mutex<Block<M>>>,
    residuals: usize,
    steps: usize,
}

impl<'a, M: Model> RolloutLoss<'a, M> {
    /// Lays out the chunks; `weights` has one weight for each component of the state (1 / its unit
    /// squared).
    pub fn new(
        model: &'a M,
        chunks: &[Trajectory],
        weights: &[f64],
        options: RolloutOptions,
    ) -> Self {
        Self::with_halved_steps(model, chunks, weights, options, &vec![0; chunks.len()])
    }

    /// Lays out the chunks as [`new`](Self::new) does, the longest step of each chunk halved as
    /// often as `halvings` says; chunks of a block take the shortest of their steps.
    pub fn with_halved_steps(
        model: &'a M,
        chunks: &[Trajectory],
        weights: &[f64],
        options: RolloutOptions,
        halvings: &[u8],
    ) -> Self {
        let block = |(c, halvings): (&[Trajectory], &[u8])| {
            let halved = i32::from(halvings.iter().copied().max().unwrap_or(0));
            Block::new(
                model,
                &options.method,
                c,
                options.batch,
                options.step * 0.5f64.powi(halved),
                weights,
            )
        };
        let blocks: Vec<Block<M>> =
            chunks.chunks(options.batch).zip(halvings.chunks(options.batch)).map(block).collect();
        let residuals = blocks.iter().map(Block::residuals).sum();
        let steps = blocks.iter().map(|b| b.steps() * b.chunks()).sum();
        Self {
            model,
            options,
            blocks: blocks.into_iter().map(Mutex::new).collect(),
            residuals,
            steps,
        }
    }

    /// The model that is rolled out.
    pub fn model(&self) -> &'a M {
        self.model
    }
    /// Number of chunks that are rolled out side by side.
    pub fn batch(&self) -> usize {
        self.options.batch
    }
    /// Number of scalar residuals.
    pub fn residuals(&self) -> usize {
        self.residuals
    }
    /// Field evaluations, counted by state, that one forward rollout of all chunks takes; a
    /// gradient takes as many vector-Jacobian products.
    pub fn field_evaluations(&self) -> usize {
        self.steps * self.options.method.stages()
    }

    /// Field evaluations, counted by state, of one [`jacobian`](Self::jacobian): a rollout, and for
    /// each component of the state the vector-Jacobian products of a reverse sweep.
    pub fn jacobian_evaluations(&self) -> usize {
        self.steps * (1 + self.model.dim()) * self.options.method.stages()
    }

    /// L(theta); not finite when a rollout diverges, zero when there are no residuals.
    pub fn value(&self, theta: &[f64]) -> f64 {
        let weights = self.model.expand(theta);
        let method = &self.options.method;
        let part = |b: &Mutex<Block<M>>| lock(b).forward(self.model, method, &weights);
        let parts = parallel::map_slice(&self.blocks, part);
        parts.iter().sum::<f64>() * self.scale()
    }

    /// L(theta), and its gradient to `gradient`.
    pub fn gradient_into(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let (method, weights) = (&self.options.method, self.model.expand(theta));
        let part = |block: &Mutex<Block<M>>| {
            let mut block = lock(block);
            let loss = block.forward(self.model, method, &weights);
            block.backward(self.model, method, &weights);
            loss
        };
        let parts = parallel::map_slice(&self.blocks, part);
        let scale = self.scale();
        let mut weights_bar = vec![0.0; weights.len()];
        for block in &self.blocks {
            for (sum, x) in weights_bar.iter_mut().zip(lock(block).weights_bar()) {
                *sum += scale * x.total();
            }
        }
        self.model.contract(&weights_bar, gradient);
        parts.iter().sum::<f64>() * scale
    }

    fn scale(&self) -> f64 {
        1.0 / self.residuals.max(1) as f64
    }

    /// The weighted residuals sqrt(w) (predicted - observed) at theta: by block of chunks,
    /// interval, component and chunk.
    pub fn residuals_at(&self, theta: &[f64]) -> Vec<f64> {
        let dim = self.model.dim();
        let of_block = |block: &mut Block<M>, _: &RungeKutta| -> Vec<f64> {
            let places = (0..block.intervals()).flat_map(|j| (0..dim).map(move |c| (j, c)));
            let at = |(j, c)| {
                block
                    .residual(j, c)
                    .iter()
                    .zip(block.weight(j, c))
                    .filter(|(_, w)| **w > 0.0)
                    .map(|(r, w)| w.sqrt() * r)
            };
            places.flat_map(at).collect()
        };
        self.map_blocks(theta, of_block).concat()
    }

    /// The predicted states of `chunks`, those that the loss was laid out with: for each its points
    /// x components, the first as observed.
    pub fn predictions(&self, theta: &[f64], chunks: &[Trajectory]) -> Vec<Array2<f64>> {
        let residuals = self.map_blocks(theta, |block, _| {
            let shape = (block.intervals(), self.model.dim());
            let of_chunk =
                |b: usize| Array2::from_shape_fn(shape, |(j, c)| block.residual(j, c)[b]);
            (0..block.chunks()).map(of_chunk).collect::<Vec<_>>()
        });
        let predicted = |(chunk, residual): (&Trajectory, Array2<f64>)| {
            Array2::from_shape_fn(chunk.states.dim(), |(j, c)| {
                chunk.states[[j, c]] + if j > 0 { residual[[j - 1, c]] } else { 0.0 }
            })
        };
        chunks.iter().zip(residuals.into_iter().flatten()).map(predicted).collect()
    }

    pub(super) fn blocks(&self) -> &[Mutex<Block<M>>] {
        &self.blocks
    }

    /// Calls `f` on every block in parallel, after rollouts from `starts` (chunk by chunk) instead
    /// of the observed first states; results in the order of the chunks.
    pub(super) fn map_blocks_from<R: Send>(
        &self,
        theta: &[f64],
        starts: &[f64],
        f: impl Fn(&mut Block<M>, &RungeKutta) -> R + Sync,
    ) -> Vec<R> {
        let (method, size) = (&self.options.method, self.options.batch * self.model.dim());
        let weights = self.model.expand(theta);
        parallel::map_items(self.blocks.iter().zip(starts.chunks(size)), |(block, starts)| {
            lock(block).starting_from(starts, |block| {
                block.forward(self.model, method, &weights);
                f(block, method)
            })
        })
    }

    /// Calls `f` on every block in parallel, after a forward rollout; results in the order of the
    /// chunks.
    pub(super) fn map_blocks<R: Send>(
        &self,
        theta: &[f64],
        f: impl Fn(&mut Block<M>, &RungeKutta) -> R + Sync,
    ) -> Vec<R> {
        let (method, weights) = (&self.options.method, self.model.expand(theta));
        parallel::map_slice(&self.blocks, |block| {
            let mut block = lock(block);
            block.forward(self.model, method, &weights);
            f(&mut block, method)
        })
    }
}
