//! A network as a Hamiltonian.

use std::borrow::Cow;

use rand::RngCore;

use super::sequence::TILES;
use super::{Features, Network, Order, Signals};
use crate::field::symplectic_into;
use crate::linalg::{LANES, Lanes, Real, ZipInlined};
use crate::model::{HamiltonianModel, Model, ParameterMatrix, RandomStart};
use crate::scalars::{Inputs, InputsError};

/// H(z) = N(x(z); theta) with a network N of one output on features x: a Hamiltonian neural network
/// (Greydanus, Dzamba & Yosinski 2019).
#[derive(Clone, Debug)]
pub struct NetworkHamiltonian<F> {
    features: F,
    network: Network,
}

/// Scratch for up to sixty-four states.
#[derive(Debug)]
pub struct NetworkScratch<Frame> {
    pub(super) signals: Signals,
    pub(super) frame: Frame,
    pub(super) z: Vec<Lanes>,
    pub(super) w: Vec<Lanes>,
    pub(super) out: Vec<Lanes>,
}

impl<Frame> NetworkScratch<Frame> {
    pub(super) fn new(features: &impl Features<Frame = Frame>, network: &Network) -> Self {
        let tiles = vec![Lanes::zero(); features.dim() * TILES];
        Self {
            signals: network.signals(),
            frame: features.frame(),
            z: tiles.clone(),
            w: tiles.clone(),
            out: tiles,
        }
    }
}

/// Groups of tiles of a batch: the index of each group's first state and its number of tiles.
pub(super) fn groups(batch: &[f64], dim: usize) -> impl Iterator<Item = (usize, usize)> {
    let states = batch.len() / dim;
    (0..states).step_by(TILES * LANES).map(move |at| (at, TILES.min((states - at) / LANES)))
}

/// Copies the states of a batch from `at` on to tiles of `dim` components.
pub(super) fn gather(batch: &[f64], dim: usize, at: usize, tiles: &mut [Lanes]) {
    let size = batch.len() / dim;
    for (t, tile) in tiles.chunks_exact_mut(dim).enumerate() {
        for (c, x) in tile.iter_mut().enumerate() {
            *x = Lanes::load(&batch[c * size + at + t * LANES..]);
        }
    }
}

/// Copies tiles to the states of a batch from `at` on.
pub(super) fn scatter(tiles: &[Lanes], dim: usize, at: usize, batch: &mut [f64]) {
    let size = batch.len() / dim;
    for (t, tile) in tiles.chunks_exact(dim).enumerate() {
        for (c, x) in tile.iter().enumerate() {
            x.store(&mut batch[c * size + at + t * LANES..]);
        }
    }
}

impl<F: Features> NetworkHamiltonian<F> {
    /// Puts the network on the features.
    ///
    /// # Panics
    /// When the network takes another number of features, or has more than one output.
    pub fn new(features: F, network: Network) -> Self {
        assert_eq!(
            (network.inputs(), network.outputs()),
            (features.features(), 1),
            "a network from the features to one number"
        );
        Self { features, network }
    }

    /// The features.
    pub fn features(&self) -> &F {
        &self.features
    }

    /// Takes `tiles` tiles of states through the network.
    fn forward(&self, weights: &[f64], tiles: usize, work: &mut NetworkScratch<F::Frame>) {
        let (dim, m) = (self.features.dim(), self.features.features());
        let input = work.signals.input_mut().chunks_exact_mut(m);
        for (x, z) in input.zip_inlined(work.z[..tiles * dim].chunks_exact(dim)) {
            self.features.values_into(z, x, &mut work.frame);
        }
        self.network.forward(weights, tiles, Order::Values, &mut work.signals);
    }

    /// Takes them and their tangents along `work.w` through the network.
    fn forward_tangents(&self, weights: &[f64], tiles: usize, work: &mut NetworkScratch<F::Frame>) {
        let (dim, m) = (self.features.dim(), self.features.features());
        let (x, dx) = work.signals.input_mut()[..2 * tiles * m].split_at_mut(tiles * m);
        let states = work.z.chunks_exact(dim).zip_inlined(work.w.chunks_exact(dim));
        for ((x, dx), (z, w)) in
            x.chunks_exact_mut(m).zip_inlined(dx.chunks_exact_mut(m)).zip_inlined(states)
        {
            self.features.tangents_into(z, w, x, dx, &mut work.frame);
        }
        self.network.forward(weights, tiles, Order::Tangents, &mut work.signals);
    }
}

impl<F: Features> Model for NetworkHamiltonian<F> {
    type Work = NetworkScratch<F::Frame>;
    type Sum = f64;

    fn dim(&self) -> usize {
        self.features.dim()
    }
    fn parameters(&self) -> usize {
        self.network.parameters()
    }
    fn weights(&self) -> usize {
        self.network.weights()
    }
    fn expand<'t>(&self, theta: &'t [f64]) -> Cow<'t, [f64]> {
        Cow::Owned(self.network.expand(theta))
    }
    fn contract(&self, weights_bar: &[f64], theta_bar: &mut [f64]) {
        self.network.contract(weights_bar, theta_bar);
    }
    fn matrices(&self) -> Vec<ParameterMatrix> {
        self.network.matrices()
    }
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        self.features.set_inputs(inputs)
    }
    fn work(&self) -> Self::Work {
        NetworkScratch::new(&self.features, &self.network)
    }

    fn field_into(&self, weights: &[f64], z: &[f64], dz: &mut [f64], work: &mut Self::Work) {
        let (dim, m) = (self.dim(), self.features.features());
        for (at, tiles) in groups(z, dim) {
            gather(z, dim, at, &mut work.z[..tiles * dim]);
            self.forward(weights, tiles, work);
            let NetworkScratch { signals, frame, z, out, .. } = work;
            self.network.reverse(
                weights,
                tiles,
                Order::Values,
                signals,
                |h_bar| h_bar.fill(Lanes::splat(1.0)),
                None,
            );
            for ((x_bar, z), out) in signals
                .input_bar()
                .chunks_exact(m)
                .zip_inlined(z[..tiles * dim].chunks_exact(dim))
                .zip_inlined(out.chunks_exact_mut(dim))
            {
                self.features.gradient_into(z, x_bar, out, frame);
                symplectic_into(out);
            }
            scatter(&out[..tiles * dim], dim, at, dz);
        }
    }

    fn vjp_into(
        &self,
        weights: &[f64],
        z: &[f64],
        lambda: &[f64],
        z_bar: &mut [f64],
        weights_bar: &mut [f64],
        work: &mut Self::Work,
    ) {
        let (dim, m) = (self.dim(), self.features.features());
        for (at, tiles) in groups(z, dim) {
            gather(z, dim, at, &mut work.z[..tiles * dim]);
            gather(lambda, dim, at, &mut work.w[..tiles * dim]);
            for w in work.w.chunks_exact_mut(dim) {
                symplectic_into(w);
                w.iter_mut().for_each(|w| *w = -*w);
            }
            self.forward_tangents(weights, tiles, work);
            let NetworkScratch { signals, frame, z, w, out } = work;
            let seed = |h_bar: &mut [Lanes]| {
                let (value, tangent) = Order::Tangents.split_mut(h_bar);
                value.fill(Lanes::zero());
                tangent.fill(Lanes::splat(1.0));
            };
            self.network.reverse(
                weights,
                tiles,
                Order::Tangents,
                signals,
                seed,
                Some(&mut *weights_bar),
            );
            let (x_bar, dx_bar) = Order::Tangents.split(&signals.input_bar()[..2 * tiles * m]);
            let bars = x_bar.chunks_exact(m).zip_inlined(dx_bar.chunks_exact(m));
            let states = z.chunks_exact(dim).zip_inlined(w.chunks_exact(dim));
            for (((x_bar, dx_bar), (z, w)), out) in
                bars.zip_inlined(states).zip_inlined(out.chunks_exact_mut(dim))
            {
                self.features.tangent_gradient_into(z, w, x_bar, dx_bar, out, frame);
            }
            scatter(&out[..tiles * dim], dim, at, z_bar);
        }
    }
}

impl<F: Features> HamiltonianModel for NetworkHamiltonian<F> {
    fn energy_into(&self, weights: &[f64], z: &[f64], energy: &mut [f64], work: &mut Self::Work) {
        for (at, tiles) in groups(z, self.dim()) {
            gather(z, self.dim(), at, &mut work.z[..tiles * self.features.dim()]);
            self.forward(weights, tiles, work);
            scatter(&work.signals.output()[..tiles], 1, at, energy);
        }
    }
}

impl<F: Features> RandomStart for NetworkHamiltonian<F> {
    fn initial(&self, rng: &mut dyn RngCore) -> Vec<f64> {
        self.network.initial(rng)
    }
}
