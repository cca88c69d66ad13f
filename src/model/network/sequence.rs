//! Layers one after the other.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use rand::RngCore;

use crate::linalg::{Lanes, Real, ZipInlined};
use crate::model::ParameterMatrix;

/// Tiles of eight states that go through a network at once: enough for fast products, few enough
/// for a core's cache.
pub(super) const TILES: usize = 8;

/// What a batch carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A tile of values for each eight states.
    Values,
    /// All tiles of values, then as many of tangents: derivatives along one direction of the state.
    Tangents,
}

impl Order {
    /// Tiles for each eight states.
    pub fn tiles(self) -> usize {
        match self {
            Self::Values => 1,
            Self::Tangents => 2,
        }
    }

    /// Values and tangents; no tangents where there are none.
    pub fn split(self, x: &[Lanes]) -> (&[Lanes], &[Lanes]) {
        x.split_at(x.len() / self.tiles())
    }

    /// The parts that [`split`](Self::split) gives, to be written to.
    pub fn split_mut(self, x: &mut [Lanes]) -> (&mut [Lanes], &mut [Lanes]) {
        x.split_at_mut(x.len() / self.tiles())
    }
}

/// Memory that layers share, grown on first use.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// Tiles.
    pub lanes: Vec<Lanes>,
    /// More tiles.
    pub more: Vec<Lanes>,
    /// Tiles turned into vectors.
    pub strips: Vec<Lanes>,
    /// Matrices.
    pub matrix: Vec<f64>,
}

/// A function of a batch of vectors, y = f(x; weights). Vectors are laid out in tiles of eight, see
/// [`add_product`](crate::linalg::add_product).
pub trait Layer: Send + Sync + Debug {
    /// Components of x.
    fn inputs(&self) -> usize;
    /// Components of y.
    fn outputs(&self) -> usize;
    /// Number of parameters.
    fn parameters(&self) -> usize {
        0
    }
    /// Number of weights, see [`Model::expand`](crate::model::Model::expand).
    fn weights(&self) -> usize {
        self.parameters()
    }
    /// Writes the weights of given parameters.
    fn expand_into(&self, theta: &[f64], weights: &mut [f64]) {
        weights.copy_from_slice(theta);
    }
    /// Writes derivatives by the parameters, given those by the weights.
    fn contract_into(&self, weights_bar: &[f64], theta_bar: &mut [f64]) {
        theta_bar.copy_from_slice(weights_bar);
    }
    /// The matrices that the parameters are made of, see
    /// [`Model::matrices`](crate::model::Model::matrices).
    fn matrices(&self) -> Vec<ParameterMatrix> {
        Vec::new()
    }
    /// Draws parameters.
    fn initial_into(&self, theta: &mut [f64], rng: &mut dyn RngCore) {
        let _ = (theta, rng);
    }
    /// Writes y, and its tangents where x has some.
    fn forward(
        &self,
        weights: &[f64],
        x: &[Lanes],
        y: &mut [Lanes],
        order: Order,
        scratch: &mut Scratch,
    );
    /// Given the derivatives of a number by y (and by its tangents) writes those by x (and by its
    /// tangents), and adds those by the weights where they are wanted.
    #[allow(clippy::too_many_arguments)]
    fn reverse(
        &self,
        weights: &[f64],
        x: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        weights_bar: Option<&mut [f64]>,
        order: Order,
        scratch: &mut Scratch,
    );
}

/// A network: each layer takes what the one before it gives.
#[derive(Clone, Debug)]
pub struct Network {
    layers: Vec<Arc<dyn Layer>>,
    /// Where each layer's parameters and weights are.
    theta: Vec<Range<usize>>,
    weights: Vec<Range<usize>>,
}

/// The signals in a network for up to sixty-four states.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Before the first layer, between layers, after the last.
    values: Vec<Vec<Lanes>>,
    bars: [Vec<Lanes>; 2],
    scratch: Scratch,
}

impl Network {
    /// Puts layers together.
    ///
    /// # Panics
    /// When there are none, or one takes another number of components than the one before gives.
    pub fn new(layers: Vec<Arc<dyn Layer>>) -> Self {
        assert!(!layers.is_empty(), "a network has layers");
        for pair in layers.windows(2) {
            assert_eq!(
                pair[0].outputs(),
                pair[1].inputs(),
                "a layer takes what the one before gives"
            );
        }
        let ranges = |len: &dyn Fn(&dyn Layer) -> usize| {
            let mut end = 0;
            let ranges = layers.iter().map(|layer| {
                let start = end;
                end += len(layer.as_ref());
                start..end
            });
            ranges.collect()
        };
        Self { theta: ranges(&|l| l.parameters()), weights: ranges(&|l| l.weights()), layers }
    }

    /// Components of the input.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }
    /// Components of the output.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs()
    }
    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.theta[self.layers.len() - 1].end
    }
    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.weights[self.layers.len() - 1].end
    }

    /// The weights of given parameters.
    pub fn expand(&self, theta: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; self.weights()];
        for (i, layer) in self.layers.iter().enumerate() {
            layer.expand_into(&theta[self.theta[i].clone()], &mut weights[self.weights[i].clone()]);
        }
        weights
    }

    /// Writes derivatives by the parameters, given those by the weights.
    pub fn contract(&self, weights_bar: &[f64], theta_bar: &mut [f64]) {
        for (i, layer) in self.layers.iter().enumerate() {
            layer.contract_into(
                &weights_bar[self.weights[i].clone()],
                &mut theta_bar[self.theta[i].clone()],
            );
        }
    }

    /// The matrices of all layers.
    pub fn matrices(&self) -> Vec<ParameterMatrix> {
        let mut matrices = Vec::new();
        for (layer, range) in self.layers.iter().zip_inlined(&self.theta) {
            matrices.extend(layer.matrices().into_iter().map(|matrix| matrix.after(range.start)));
        }
        matrices
    }

    /// Draws parameters.
    pub fn initial(&self, rng: &mut dyn RngCore) -> Vec<f64> {
        let mut theta = vec![0.0; self.parameters()];
        for (layer, range) in self.layers.iter().zip_inlined(&self.theta) {
            layer.initial_into(&mut theta[range.clone()], rng);
        }
        theta
    }

    /// Memory for signals.
    pub fn signals(&self) -> Signals {
        let zeros = |n: usize| vec![Lanes::zero(); n * TILES * Order::Tangents.tiles()];
        let mut values = vec![zeros(self.inputs())];
        values.extend(self.layers.iter().map(|l| zeros(l.outputs())));
        let widest = values.iter().map(Vec::len).max().unwrap_or(0);
        let bar = vec![Lanes::zero(); widest];
        Signals { values, bars: [bar.clone(), bar], scratch: Scratch::default() }
    }

    /// Takes [`Signals::input_mut`] through all layers to [`Signals::output`].
    pub fn forward(&self, weights: &[f64], tiles: usize, order: Order, signals: &mut Signals) {
        let tiles = tiles * order.tiles();
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, after) = signals.values.split_at_mut(i + 1);
            let (x, y) =
                (&before[i][..tiles * layer.inputs()], &mut after[0][..tiles * layer.outputs()]);
            layer.forward(&weights[self.weights[i].clone()], x, y, order, &mut signals.scratch);
        }
    }

    /// After [`forward`](Self::forward): takes the derivatives of a number by the output, which
    /// `seed` writes, back to those by the input, [`Signals::input_bar`], and adds those by the
    /// weights where they are wanted.
    pub fn reverse(
        &self,
        weights: &[f64],
        tiles: usize,
        order: Order,
        signals: &mut Signals,
        seed: impl FnOnce(&mut [Lanes]),
        mut weights_bar: Option<&mut [f64]>,
    ) {
        let tiles = tiles * order.tiles();
        let [bar, other] = &mut signals.bars;
        seed(&mut bar[..tiles * self.outputs()]);
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let x = &signals.values[i][..tiles * layer.inputs()];
            let (y_bar, x_bar) =
                (&bar[..tiles * layer.outputs()], &mut other[..tiles * layer.inputs()]);
            let range = self.weights[i].clone();
            let weights_bar = weights_bar.as_deref_mut().map(|bar| &mut bar[range.clone()]);
            layer.reverse(
                &weights[range],
                x,
                y_bar,
                x_bar,
                weights_bar,
                order,
                &mut signals.scratch,
            );
            std::mem::swap(bar, other);
        }
    }
}

impl Signals {
    /// The tiles that go in.
    pub fn input_mut(&mut self) -> &mut [Lanes] {
        &mut self.values[0]
    }
    /// The tiles that came out.
    pub fn output(&self) -> &[Lanes] {
        &self.values[self.values.len() - 1]
    }
    /// The derivatives by the tiles that went in.
    pub fn input_bar(&self) -> &[Lanes] {
        &self.bars[0]
    }
}
