//! The equivariant linear layer.

use rand::RngCore;
use rand_distr::{Distribution, StandardNormal};

use super::group::SymmetryGroup;
use super::invariants::Tensor;
use super::representation::{Layout, Representation, power};
use crate::linalg::{Lanes, LinalgError};
use crate::model::network::{Dense, Layer, Order, Scratch};
use crate::model::{ParameterBlock, ParameterMatrix};

/// y = W x + b with an equivariant matrix W and an invariant b.
///
/// From tensors of rank a to tensors of rank b, W is a sum over invariant tensors Q_c of rank a +
/// b: tensor o of the output takes theta_(c,o,i) Q_c of tensor i of the input. So one small basis
/// serves all pairs of tensors of two ranks. The weights are those of a [`Dense`] layer.
#[derive(Clone, Debug)]
pub struct EquivariantLinear {
    input: (Representation, Layout),
    output: (Representation, Layout),
    /// For each pair of ranks.
    pairs: Vec<Pair>,
    /// For each rank of the output.
    biases: Vec<Bias>,
    dense: Dense,
    gain: f64,
}

#[derive(Clone, Debug)]
struct Pair {
    from: usize,
    to: usize,
    basis: Vec<Tensor>,
}

#[derive(Clone, Debug)]
struct Bias {
    rank: usize,
    basis: Vec<Tensor>,
}

impl EquivariantLinear {
    /// The layer between two representations; it starts with outputs of variance `gain` for inputs
    /// of variance one.
    ///
    /// # Errors
    /// When linear algebra fails.
    pub fn new(
        group: &SymmetryGroup,
        input: (Representation, Layout),
        output: (Representation, Layout),
        gain: f64,
    ) -> Result<Self, LinalgError> {
        let highest = input.0.ranks().max().unwrap_or(0) + output.0.ranks().max().unwrap_or(0);
        let invariants = (0..=highest)
            .map(|rank| group.invariant_tensors(rank))
            .collect::<Result<Vec<_>, _>>()?;
        let pairs = output.0.ranks().flat_map(|to| input.0.ranks().map(move |from| (from, to)));
        let pairs = pairs
            .map(|(from, to)| Pair { from, to, basis: invariants[from + to].clone() })
            .collect();
        let biases =
            output.0.ranks().map(|rank| Bias { rank, basis: invariants[rank].clone() }).collect();
        let dense = Dense::new(input.0.size(), output.0.size(), 0.0);
        Ok(Self { pairs, biases, dense, input, output, gain })
    }

    /// Calls `f` for each entry of an invariant tensor of each pair of ranks: where its parameters
    /// and its weights begin, the strides of the weights by output and by input tensor, how many
    /// tensors there are of both, and the entry's value.
    fn each(&self, mut f: impl FnMut(usize, usize, Block, f64)) {
        let columns = self.input.0.size();
        let mut theta = 0;
        for pair in &self.pairs {
            let (input, output) = ((&self.input.0, self.input.1), (&self.output.0, self.output.1));
            let row = |tensor, component| output.0.index(output.1, pair.to, tensor, component);
            let column = |tensor, component| input.0.index(input.1, pair.from, tensor, component);
            let block = Block {
                outputs: output.0.count(pair.to),
                inputs: input.0.count(pair.from),
                row_stride: (row(1, 0) - row(0, 0)) * columns,
                column_stride: column(1, 0) - column(0, 0),
            };
            for tensor in &pair.basis {
                for (entry, value) in tensor {
                    let (to, from) = (entry / power(pair.from), entry % power(pair.from));
                    f(theta, row(0, to) * columns + column(0, from), block, *value);
                }
                theta += block.outputs * block.inputs;
            }
        }
        for bias in &self.biases {
            let row = |tensor, component| {
                self.output.0.index(self.output.1, bias.rank, tensor, component)
            };
            let block = Block {
                outputs: self.output.0.count(bias.rank),
                inputs: 1,
                row_stride: row(1, 0) - row(0, 0),
                column_stride: 0,
            };
            for tensor in &bias.basis {
                for (entry, value) in tensor {
                    f(theta, self.output.0.size() * columns + row(0, *entry), block, *value);
                }
                theta += block.outputs;
            }
        }
    }
}

/// The weights that one entry of an invariant tensor fills: one for each pair of tensors.
#[derive(Clone, Copy, Debug)]
struct Block {
    outputs: usize,
    inputs: usize,
    row_stride: usize,
    column_stride: usize,
}

impl Block {
    /// Offsets of parameters and weights.
    fn offsets(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.outputs).flat_map(move |o| {
            (0..self.inputs)
                .map(move |i| (o * self.inputs + i, o * self.row_stride + i * self.column_stride))
        })
    }
}

impl Layer for EquivariantLinear {
    fn inputs(&self) -> usize {
        self.input.0.size()
    }
    fn outputs(&self) -> usize {
        self.output.0.size()
    }
    fn parameters(&self) -> usize {
        let pair =
            |p: &Pair| p.basis.len() * self.input.0.count(p.from) * self.output.0.count(p.to);
        let bias = |b: &Bias| b.basis.len() * self.output.0.count(b.rank);
        self.pairs.iter().map(pair).sum::<usize>() + self.biases.iter().map(bias).sum::<usize>()
    }
    fn weights(&self) -> usize {
        self.dense.parameters()
    }
    /// One for each rank of the output: a row for each tensor, a column for each invariant tensor
    /// and tensor of the input.
    fn matrices(&self) -> Vec<ParameterMatrix> {
        let (mut theta, mut blocks) = (0, Vec::new());
        let pairs = self.pairs.iter().map(|p| (p.to, p.basis.len(), self.input.0.count(p.from)));
        let biases = self.biases.iter().map(|b| (b.rank, b.basis.len(), 1));
        for (rank, tensors, columns) in pairs.chain(biases) {
            for _ in 0..tensors {
                blocks.push((rank, ParameterBlock { first: theta, columns }));
                theta += self.output.0.count(rank) * columns;
            }
        }
        let of_rank = |rank| ParameterMatrix {
            rows: self.output.0.count(rank),
            blocks: blocks.iter().filter(|block| block.0 == rank).map(|block| block.1).collect(),
        };
        let matrices = self.output.0.ranks().map(of_rank);
        matrices.filter(|matrix| !matrix.blocks.is_empty()).collect()
    }

    fn expand_into(&self, theta: &[f64], weights: &mut [f64]) {
        weights.fill(0.0);
        self.each(|parameter, weight, block, value| {
            for (p, w) in block.offsets() {
                weights[weight + w] += value * theta[parameter + p];
            }
        });
    }

    fn contract_into(&self, weights_bar: &[f64], theta_bar: &mut [f64]) {
        theta_bar.fill(0.0);
        self.each(|parameter, weight, block, value| {
            for (p, w) in block.offsets() {
                theta_bar[parameter + p] += value * weights_bar[weight + w];
            }
        });
    }

    fn initial_into(&self, theta: &mut [f64], rng: &mut dyn RngCore) {
        theta.fill(0.0);
        let mut start = 0;
        for pair in &self.pairs {
            // An output component's variance is the sum over all bases of count times dimension,
            // over the components of its rank.
            let terms = self
                .pairs
                .iter()
                .filter(|p| p.to == pair.to)
                .map(|p| self.input.0.count(p.from) * p.basis.len());
            let deviation =
                (self.gain * power(pair.to) as f64 / terms.sum::<usize>().max(1) as f64).sqrt();
            let count =
                pair.basis.len() * self.input.0.count(pair.from) * self.output.0.count(pair.to);
            for t in &mut theta[start..start + count] {
                let x: f64 = StandardNormal.sample(rng);
                *t = deviation * x;
            }
            start += count;
        }
    }

    fn forward(
        &self,
        weights: &[f64],
        x: &[Lanes],
        y: &mut [Lanes],
        order: Order,
        scratch: &mut Scratch,
    ) {
        self.dense.forward(weights, x, y, order, scratch);
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
        self.dense.reverse(weights, x, y_bar, x_bar, weights_bar, order, scratch);
    }
}
