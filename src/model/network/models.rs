//! The multilayer perceptrons of the literature, put together.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::VectorSumField;
use super::{
    Activation, Dense, Elementwise, Layer, Network, NetworkField, NetworkHamiltonian, Radial,
    Scalars, Standardise, State,
};
use crate::expr::Vector;
use crate::scalars::{Inputs, InputsError, ScalarSet};

/// The last layer of a network starts with so much less variance than would preserve that of its
/// inputs: a field that is large somewhere diverges there.
pub(crate) const LAST: f64 = 0.1;

/// Dense layers of sizes `inputs`, `hidden`.., `outputs`, with a nonlinearity after all but the
/// last.
pub fn perceptron(
    inputs: usize,
    hidden: &[usize],
    outputs: usize,
    activation: Activation,
) -> Vec<Arc<dyn Layer>> {
    let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
    let (mut size, mut gain) = (inputs, 1.0);
    for &next in hidden {
        layers.push(Arc::new(Dense::new(size, next, gain)));
        layers.push(Arc::new(Elementwise::new(activation, next)));
        (size, gain) = (next, activation.gain());
    }
    layers.push(Arc::new(Dense::new(size, outputs, LAST * gain)));
    layers
}

/// A perceptron on standardised inputs.
fn standardised(
    standardise: Standardise,
    hidden: &[usize],
    outputs: usize,
    activation: Activation,
) -> Network {
    let inputs = standardise.inputs();
    let mut layers: Vec<Arc<dyn Layer>> = vec![Arc::new(standardise)];
    layers.extend(perceptron(inputs, hidden, outputs, activation));
    Network::new(layers)
}

impl NetworkHamiltonian<State> {
    /// A perceptron on the components of the state, standardised by those of `states` (n x dim).
    pub fn mlp(states: ArrayView2<f64>, hidden: &[usize], activation: Activation) -> Self {
        Self::new(
            State::new(states.ncols(), Vec::new()),
            standardised(Standardise::of(states), hidden, 1, activation),
        )
    }
}

impl NetworkField {
    /// A perceptron on the components of the state, standardised by those of `states` (n x dim).
    pub fn mlp(states: ArrayView2<f64>, hidden: &[usize], activation: Activation) -> Self {
        let dim = states.ncols();
        Self::new(
            State::new(dim, Vec::new()),
            standardised(Standardise::of(states), hidden, dim, activation),
        )
    }
}

impl<const D: usize> NetworkHamiltonian<Scalars<D>> {
    /// A perceptron on scalars, standardised by those of `states` (n x dim) (Yao et al. 2021,
    /// section 3.2).
    ///
    /// # Panics
    /// When the scalars are not of D dimensions.
    pub fn scalars_mlp(
        scalars: ScalarSet,
        states: ArrayView2<f64>,
        hidden: &[usize],
        activation: Activation,
    ) -> Self {
        let standardise = Standardise::of(scalars.values(states).view());
        Self::new(Scalars::new(scalars), standardised(standardise, hidden, 1, activation))
    }
}

/// The Gaussian radial functions of each scalar that a network takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Centres {
    /// Number of functions, their centres evenly over the scalar's range in the data.
    pub number: usize,
    /// Width as a fraction of that range.
    pub width: f64,
}

impl<const D: usize> VectorSumField<D> {
    /// A perceptron on radial functions of scalars, their ranges taken from `states` (n x dim),
    /// gives the coefficients of `vectors` (Yao et al. 2021, section 3.1).
    ///
    /// # Errors
    /// [`InputsError::Unknown`] when a vector has a name that the inputs lack.
    ///
    /// # Panics
    /// When the scalars are not of D dimensions.
    pub fn scalars_mlp(
        inputs: &Inputs,
        scalars: ScalarSet,
        vectors: &[Vector],
        states: ArrayView2<f64>,
        centres: Centres,
        hidden: &[usize],
        activation: Activation,
    ) -> Result<Self, InputsError> {
        let radial = Radial::new(scalars.ranges(states), centres.number, centres.width);
        let outputs = 2 * inputs.shape.particles * vectors.len();
        let mut layers: Vec<Arc<dyn Layer>> = vec![Arc::new(radial.clone())];
        layers.extend(perceptron(radial.outputs(), hidden, outputs, activation));
        Self::new(inputs, Scalars::new(scalars), Network::new(layers), vectors)
    }
}
