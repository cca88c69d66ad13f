//! The integral form of the equations of motion as a loss for any model: no rollouts, so a tenth of
//! their cost.

use std::sync::Mutex;

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::integral::cumulative_quadrature;
use crate::dataset::Trajectory;
use crate::linalg::{Real, Total};
use crate::model::Model;
use crate::parallel;
use crate::parallel::lock;

/// L(theta) = sum w (r_cj)^2 / number of residuals, with r_cj = sum_i C_ji f(z_ci; theta) - (z_cj -
/// z_c0) - E_cj for each chunk c and point j > 0.
///
/// C is the quadrature of [`integral_form`](super::integral_form) on the chunk's own points. Its
/// error E is zero at first. Given the points zh_ci that a model predicts, it is what the
/// quadrature leaves on the model's own trajectory, E_cj = sum_i C_ji f(zh_ci) - (zh_cj - zh_c0):
/// once the model is near the truth, that is the quadrature's error on the true trajectory up to
/// the product of both errors (deferred correction; Zadunaisky 1976, Numerische Mathematik 27, 21).
pub struct QuadratureLoss<'a, M: Model> {
    model: &'a M,
    blocks: Vec<Mutex<Block<M>>>,
    size: usize,
    residuals: usize,
    states: usize,
}

/// Chunks side by side: state i of chunk b is state i * size + b of a batch.
struct Block<M: Model> {
    chunks: usize,
    points: usize,
    states: Vec<f64>,
    /// C, by j - 1, i and chunk.
    quadrature: Vec<f64>,
    /// z_j - z_0, its weight, and E, by j - 1, component and chunk.
    moved: Vec<f64>,
    weight: Vec<f64>,
    correction: Vec<f64>,
    field: Vec<f64>,
    lambda: Vec<f64>,
    z_bar: Vec<f64>,
    weights_bar: Vec<M::Sum>,
    work: M::Work,
}

impl<'a, M: Model> QuadratureLoss<'a, M> {
    /// Lays out the chunks, `batch` of them (a multiple of [`LANES`](crate::linalg::LANES)) side by
    /// side; `weights` has one weight for each component of the state.
    pub fn new(model: &'a M, chunks: &[Trajectory], weights: &[f64], batch: usize) -> Self {
        let blocks: Vec<Block<M>> =
            chunks.chunks(batch).map(|chunks| Block::new(model, chunks, weights, batch)).collect();
        let residuals = blocks.iter().flat_map(|block| &block.weight).filter(|w| **w > 0.0).count();
        let states = chunks.iter().map(|chunk| chunk.times.len()).sum();
        Self {
            model,
            blocks: blocks.into_iter().map(Mutex::new).collect(),
            size: batch,
            residuals,
            states,
        }
    }

    /// Field evaluations, counted by state, of one evaluation of loss and gradient; a
    /// vector-Jacobian product counts as one.
    pub fn field_evaluations(&self) -> usize {
        2 * self.states
    }

    /// Takes the quadrature's error from the model's own `predictions` (for each chunk points x
    /// components). Where it is not finite it stays.
    pub fn correct(&mut self, theta: &[f64], predictions: &[Array2<f64>]) {
        let (weights, size, dim) = (self.model.expand(theta), self.size, self.model.dim());
        for (block, predicted) in self.blocks.iter_mut().zip(predictions.chunks(size)) {
            let block = block.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            let observed = block.states.clone();
            let batch = block.points * size;
            for (b, predicted) in predicted.iter().enumerate() {
                for ((i, c), z) in predicted.indexed_iter() {
                    block.states[c * batch + i * size + b] = *z;
                }
            }
            self.model.field_into(&weights, &block.states, &mut block.field, &mut block.work);
            for (b, predicted) in predicted.iter().enumerate() {
                for j in 1..predicted.nrows() {
                    for c in 0..dim {
                        let error = block.integral(size, j - 1, c, b)
                            - (predicted[[j, c]] - predicted[[0, c]]);
                        if error.is_finite() {
                            block.correction[((j - 1) * dim + c) * size + b] = error;
                        }
                    }
                }
            }
            block.states = observed;
        }
    }

    /// Number of scalar residuals.
    pub fn residuals(&self) -> usize {
        self.residuals
    }

    /// J^T v, with the Jacobian J of the weighted residuals sqrt(w) r by theta and random signs v:
    /// one vector for each block of chunks, of its residuals alone. Its covariance is J^T J.
    pub fn probes(&self, theta: &[f64], seed: u64) -> Vec<Vec<f64>> {
        let (weights, size) = (self.model.expand(theta), self.size);
        let probe = |(stream, block): (usize, &Mutex<Block<M>>)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(stream as u64);
            let mut block = lock(block);
            block.probe(self.model, &weights, size, &mut rng);
            let weights_bar: Vec<f64> = block.weights_bar.iter().map(|x| x.total()).collect();
            let mut theta_bar = vec![0.0; theta.len()];
            self.model.contract(&weights_bar, &mut theta_bar);
            theta_bar
        };
        parallel::map_items(self.blocks.iter().enumerate(), probe)
    }

    /// L(theta), and its gradient to `gradient`.
    pub fn gradient_into(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let (weights, size) = (self.model.expand(theta), self.size);
        let sweep = |block: &Mutex<Block<M>>| lock(block).sweep(self.model, &weights, size);
        let parts = parallel::map_slice(&self.blocks, sweep);
        let scale = 1.0 / self.residuals as f64;
        let mut weights_bar = vec![0.0; weights.len()];
        for block in &self.blocks {
            for (sum, x) in weights_bar.iter_mut().zip(&lock(block).weights_bar) {
                *sum += scale * x.total();
            }
        }
        self.model.contract(&weights_bar, gradient);
        parts.iter().sum::<f64>() * scale
    }
}

impl<M: Model> Block<M> {
    /// Shorter chunks and missing ones are padded by weights of zero.
    fn new(model: &M, chunks: &[Trajectory], weights: &[f64], size: usize) -> Self {
        let dim = model.dim();
        let chunk = |b: usize| &chunks[b.min(chunks.len() - 1)];
        let points = chunks.iter().map(|chunk| chunk.times.len()).max().unwrap_or(1);
        let present = |b: usize, j: usize| b < chunks.len() && j < chunk(b).times.len();
        let batch = points * size;
        let state = |k: usize| {
            let (c, i, b) = (k / batch, k % batch / size, k % size);
            chunk(b).states[[i.min(chunk(b).times.len() - 1), c]]
        };
        let rules: Vec<Array2<f64>> =
            chunks.iter().map(|chunk| cumulative_quadrature(&chunk.times)).collect();
        let rule = |k: usize| {
            let (j, i, b) = (k / batch + 1, k % batch / size, k % size);
            if present(b, j) && present(b, i) { rules[b][[j, i]] } else { 0.0 }
        };
        let at = |k: usize| (k / (dim * size) + 1, k / size % dim, k % size);
        let moved = |k: usize| {
            let (j, c, b) = at(k);
            if present(b, j) { chunk(b).states[[j, c]] - chunk(b).states[[0, c]] } else { 0.0 }
        };
        let weight = |k: usize| {
            let (j, c, b) = at(k);
            if present(b, j) { weights[c] } else { 0.0 }
        };
        let residuals = (points - 1) * dim * size;
        Self {
            chunks: chunks.len(),
            points,
            states: (0..dim * batch).map(state).collect(),
            quadrature: (0..(points - 1) * batch).map(rule).collect(),
            moved: (0..residuals).map(moved).collect(),
            weight: (0..residuals).map(weight).collect(),
            correction: vec![0.0; residuals],
            field: vec![0.0; dim * batch],
            lambda: vec![0.0; dim * batch],
            z_bar: vec![0.0; dim * batch],
            weights_bar: Vec::new(),
            work: model.work(),
        }
    }

    /// sum_i C_ji f(z_i) of component c of chunk b.
    #[inline(always)]
    fn integral(&self, size: usize, j: usize, c: usize, b: usize) -> f64 {
        let batch = self.points * size;
        (0..self.points)
            .map(|i| {
                self.quadrature[j * batch + i * size + b] * self.field[c * batch + i * size + b]
            })
            .sum()
    }

    /// Weighted sum of squares; leaves its gradient in `weights_bar`.
    fn sweep(&mut self, model: &M, weights: &[f64], size: usize) -> f64 {
        model.field_into(weights, &self.states, &mut self.field, &mut self.work);
        let (dim, batch) = (model.dim(), self.points * size);
        self.lambda.fill(0.0);
        let mut loss = 0.0;
        for j in 0..self.points - 1 {
            for c in 0..dim {
                for b in 0..self.chunks {
                    let at = (j * dim + c) * size + b;
                    let w = self.weight[at];
                    let r = self.integral(size, j, c, b) - self.moved[at] - self.correction[at];
                    if w > 0.0 {
                        loss += w * r * r;
                        for i in 0..self.points {
                            self.lambda[c * batch + i * size + b] +=
                                2.0 * w * r * self.quadrature[j * batch + i * size + b];
                        }
                    }
                }
            }
        }
        self.pull_back(model, weights);
        loss
    }

    /// Leaves J^T v in `weights_bar`, for random signs v.
    fn probe(&mut self, model: &M, weights: &[f64], size: usize, rng: &mut impl Rng) {
        let (dim, batch) = (model.dim(), self.points * size);
        self.lambda.fill(0.0);
        for j in 0..self.points - 1 {
            for c in 0..dim {
                for b in 0..self.chunks {
                    let root = self.weight[(j * dim + c) * size + b].sqrt();
                    let v = if rng.random() { root } else { -root };
                    for i in 0..self.points {
                        self.lambda[c * batch + i * size + b] +=
                            v * self.quadrature[j * batch + i * size + b];
                    }
                }
            }
        }
        self.pull_back(model, weights);
    }

    /// Leaves the derivatives by the weights of lambda . f in `weights_bar`.
    fn pull_back(&mut self, model: &M, weights: &[f64]) {
        self.weights_bar.clear();
        self.weights_bar.resize(weights.len(), M::Sum::zero());
        model.vjp_into(
            weights,
            &self.states,
            &self.lambda,
            &mut self.z_bar,
            &mut self.weights_bar,
            &mut self.work,
        );
    }
}
