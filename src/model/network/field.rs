//! A network as a vector field.

use std::borrow::Cow;

use rand::RngCore;

use super::hamiltonian::{NetworkScratch, gather, groups, scatter};
use super::{Features, Network, Order, State};
use crate::linalg::ZipInlined;
use crate::model::{Model, ParameterMatrix, RandomStart};
use crate::scalars::{Inputs, InputsError};

/// dz/dt = N(x(z); theta) with the state and constant input vectors x(z): a neural ordinary
/// differential equation (Chen, Rubanova, Bettencourt & Duvenaud 2018).
#[derive(Clone, Debug)]
pub struct NetworkField {
    state: State,
    network: Network,
}

impl NetworkField {
    /// Takes the network's outputs for the field.
    ///
    /// # Panics
    /// When the network takes another number of inputs, or has not as many outputs as the state has
    /// components.
    pub fn new(state: State, network: Network) -> Self {
        assert_eq!(
            (network.inputs(), network.outputs()),
            (state.features(), state.dim()),
            "a network from the state and constant vectors to a field"
        );
        Self { state, network }
    }

    /// Takes the `tiles` tiles of states from `at` on through the network.
    fn forward(
        &self,
        weights: &[f64],
        batch: &[f64],
        (at, tiles): (usize, usize),
        NetworkScratch { signals, z, .. }: &mut NetworkScratch<()>,
    ) {
        let (dim, m) = (self.state.dim(), self.state.features());
        let z = &mut z[..tiles * dim];
        gather(batch, dim, at, z);
        for (z, x) in z.chunks_exact(dim).zip_inlined(signals.input_mut().chunks_exact_mut(m)) {
            self.state.values_into(z, x, &mut ());
        }
        self.network.forward(weights, tiles, Order::Values, signals);
    }
}

impl Model for NetworkField {
    type Work = NetworkScratch<()>;
    type Sum = f64;

    fn dim(&self) -> usize {
        self.state.dim()
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
        self.state.set_inputs(inputs)
    }
    fn work(&self) -> Self::Work {
        NetworkScratch::new(&self.state, &self.network)
    }

    fn field_into(&self, weights: &[f64], z: &[f64], dz: &mut [f64], work: &mut Self::Work) {
        let dim = self.dim();
        for (at, tiles) in groups(z, dim) {
            self.forward(weights, z, (at, tiles), work);
            scatter(&work.signals.output()[..tiles * dim], dim, at, dz);
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
        let (dim, m) = (self.dim(), self.state.features());
        for (at, tiles) in groups(z, dim) {
            self.forward(weights, z, (at, tiles), work);
            let seed = |bar: &mut [crate::linalg::Lanes]| gather(lambda, dim, at, bar);
            self.network.reverse(
                weights,
                tiles,
                Order::Values,
                &mut work.signals,
                seed,
                Some(&mut *weights_bar),
            );
            let NetworkScratch { signals, out, .. } = &mut *work;
            let bars = signals.input_bar()[..tiles * m].chunks_exact(m);
            for (x_bar, out) in bars.zip_inlined(out.chunks_exact_mut(dim)) {
                self.state.gradient_into(&[], x_bar, out, &mut ());
            }
            scatter(&out[..tiles * dim], dim, at, z_bar);
        }
    }
}

impl RandomStart for NetworkField {
    fn initial(&self, rng: &mut dyn RngCore) -> Vec<f64> {
        self.network.initial(rng)
    }
}
