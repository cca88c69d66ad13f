//! The dense layer.

use rand::RngCore;
use rand_distr::{Distribution, StandardNormal};

use super::{Layer, Order, Scratch};
use crate::linalg::{Lanes, Real, TilePart, ZipInlined, add_outer, add_product, transpose_into};
use crate::model::{ParameterBlock, ParameterMatrix};

/// y = W x + b. The weights are W, row by row, then b.
#[derive(Clone, Copy, Debug)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    gain: f64,
}

impl Dense {
    /// A layer of given size; W starts with normal entries of variance `gain` / inputs, b at zero.
    pub fn new(inputs: usize, outputs: usize, gain: f64) -> Self {
        Self { inputs, outputs, gain }
    }

    fn parts(&self) -> (TilePart, TilePart) {
        (TilePart::whole(self.inputs), TilePart::whole(self.outputs))
    }
}

impl Layer for Dense {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn parameters(&self) -> usize {
        (self.inputs + 1) * self.outputs
    }
    fn matrices(&self) -> Vec<ParameterMatrix> {
        let weights = ParameterBlock { first: 0, columns: self.inputs };
        let bias = ParameterBlock { first: self.inputs * self.outputs, columns: 1 };
        vec![ParameterMatrix { rows: self.outputs, blocks: vec![weights, bias] }]
    }

    fn initial_into(&self, theta: &mut [f64], rng: &mut dyn RngCore) {
        let deviation = (self.gain / self.inputs.max(1) as f64).sqrt();
        let (matrix, bias) = theta.split_at_mut(self.inputs * self.outputs);
        for w in matrix {
            let x: f64 = StandardNormal.sample(rng);
            *w = deviation * x;
        }
        bias.fill(0.0);
    }

    fn forward(
        &self,
        weights: &[f64],
        x: &[Lanes],
        y: &mut [Lanes],
        order: Order,
        _: &mut Scratch,
    ) {
        let (matrix, bias) = weights.split_at(self.inputs * self.outputs);
        let (values, tangents) = order.split_mut(y);
        for tile in values.chunks_exact_mut(self.outputs) {
            for (y, b) in tile.iter_mut().zip_inlined(bias) {
                *y = Lanes::splat(*b);
            }
        }
        tangents.fill(Lanes::zero());
        let (from, to) = self.parts();
        add_product(matrix, x, from, y, to);
    }

    fn reverse(
        &self,
        weights: &[f64],
        x: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        weights_bar: Option<&mut [f64]>,
        order: Order,
        scratch: &mut Scratch,
    ) {
        let size = self.inputs * self.outputs;
        let (from, to) = self.parts();
        scratch.matrix.resize(scratch.matrix.len().max(size), 0.0);
        transpose_into(&weights[..size], self.inputs, &mut scratch.matrix);
        x_bar.fill(Lanes::zero());
        add_product(&scratch.matrix[..size], y_bar, to, x_bar, from);
        if let Some(bar) = weights_bar {
            let (matrix_bar, bias_bar) = bar.split_at_mut(size);
            add_outer(y_bar, to, x, from, matrix_bar, &mut scratch.strips);
            for tile in order.split(y_bar).0.chunks_exact(self.outputs) {
                for (b, y) in bias_bar.iter_mut().zip_inlined(tile) {
                    *b += y.sum();
                }
            }
        }
    }
}
