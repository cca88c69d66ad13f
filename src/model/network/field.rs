//! A network as a vector field.

use std::borrow::Cow;

use rand::RngCore;

use super::hamiltonian::{NetworkScratch, gather, groups, scatter};
use super::{Network, Order, State};
use crate::model::{Model, ParameterMatrix, RandomStart};

/// dz/dt = N(z; theta): a neural ordinary differential equation (Chen, Rubanova, Bettencourt &
/// Duvenaud 2018).
#[derive(Debug)]
pub struct NetworkField {
    state: State,
    network: Network,
}

impl NetworkField {
    /// Takes the network's outputs for the field.
    ///
    /// # Panics
    /// When the network has not as many outputs as inputs.
    pub fn new(network: Network) -> Self {
        assert_eq!(
            network.inputs(),
            network.outputs(),
            "a field has as many components as the state"
        );
        Self { state: State(network.inputs()), network }
    }
}

impl Model for NetworkField {
    type Work = NetworkScratch<()>;
    type Sum = f64;

    fn dim(&self) -> usize {
        self.network.inputs()
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
    fn work(&self) -> Self::Work {
        NetworkScratch::new(&self.state, &self.network)
    }

    fn field_into(&self, weights: &[f64], z: &[f64], dz: &mut [f64], work: &mut Self::Work) {
        let dim = self.dim();
        for (at, tiles) in groups(z, dim) {
            gather(z, dim, at, &mut work.signals.input_mut()[..tiles * dim]);
            self.network.forward(weights, tiles, Order::Values, &mut work.signals);
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
        let dim = self.dim();
        for (at, tiles) in groups(z, dim) {
            gather(z, dim, at, &mut work.signals.input_mut()[..tiles * dim]);
            self.network.forward(weights, tiles, Order::Values, &mut work.signals);
            let seed = |bar: &mut [crate::linalg::Lanes]| gather(lambda, dim, at, bar);
            self.network.reverse(
                weights,
                tiles,
                Order::Values,
                &mut work.signals,
                seed,
                Some(&mut *weights_bar),
            );
            scatter(&work.signals.input_bar()[..tiles * dim], dim, at, z_bar);
        }
    }
}

impl RandomStart for NetworkField {
    fn initial(&self, rng: &mut dyn RngCore) -> Vec<f64> {
        self.network.initial(rng)
    }
}
