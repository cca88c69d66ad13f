//! Equivariant networks, put together.

use ndarray::{Array2, ArrayView2};

use super::bilinear::Bilinear;
use super::gated::Gated;
use super::group::{SPACE, SymmetryGroup};
use super::linear::EquivariantLinear;
use super::representation::{Layout, Representation};
use crate::linalg::LinalgError;
use crate::model::network::{
    LAST, Layer, Network, NetworkField, NetworkHamiltonian, Standardise, State,
};

/// 1 / the mean square of what a gate lets through.
const GAIN: f64 = 2.0;

/// How wide and deep an equivariant network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Components of the signals between blocks, see [`Representation::spread`].
    pub channels: usize,
    /// Number of blocks.
    pub blocks: usize,
}

impl Size {
    /// As in Finzi et al. (2021): three blocks of 128 channels.
    pub const PAPER: Self = Self { channels: 128, blocks: 3 };
}

/// Blocks of linear, bilinear and gated layers from the vectors of a state to `output`, which is
/// laid out tensor by tensor.
///
/// # Errors
/// When linear algebra fails.
pub fn equivariant_layers(
    group: &SymmetryGroup,
    vectors: usize,
    size: Size,
    output: Representation,
) -> Result<Vec<Box<dyn Layer>>, LinalgError> {
    let hidden = Representation::spread(size.channels);
    let mut layers: Vec<Box<dyn Layer>> = Vec::new();
    let (mut input, mut gain) = ((Representation::new([0, vectors]), Layout::ByTensor), 1.0);
    for _ in 0..size.blocks {
        let signal = (hidden.gated(), Layout::ByComponent);
        layers.push(Box::new(EquivariantLinear::new(group, input, signal.clone(), gain)?));
        layers.push(Box::new(Bilinear::new(&signal.0)));
        layers.push(Box::new(Gated::new(hidden.clone())));
        (input, gain) = ((hidden.clone(), Layout::ByComponent), GAIN);
    }
    layers.push(Box::new(EquivariantLinear::new(
        group,
        input,
        (output, Layout::ByTensor),
        LAST * gain,
    )?));
    Ok(layers)
}

/// Centres and scales each vector of the state in a way that the group does not see: by the part of
/// its mean that the group leaves as it is, and by its root mean square distance from that, over
/// `states` (n x dim).
fn standardise(group: &SymmetryGroup, states: ArrayView2<f64>) -> Result<Standardise, LinalgError> {
    let (n, dim) = states.dim();
    let mut invariant = Array2::zeros((SPACE, SPACE));
    for tensor in group.invariant_tensors(1)? {
        for (i, x) in &tensor {
            tensor.iter().for_each(|(j, y)| invariant[[*i, *j]] += x * y);
        }
    }
    let (mut mean, mut deviation) = (Vec::new(), Vec::new());
    for first in (0..dim).step_by(SPACE) {
        let vectors = states.slice(ndarray::s![.., first..first + SPACE]);
        let centre = invariant.dot(&(vectors.sum_axis(ndarray::Axis(0)) / n.max(1) as f64));
        let squares: f64 = (&vectors - &centre).iter().map(|x| x * x).sum();
        mean.extend(centre);
        deviation.extend([(squares / (SPACE * n.max(1)) as f64).sqrt(); SPACE]);
    }
    Ok(Standardise::new(mean, &deviation))
}

fn network(
    group: &SymmetryGroup,
    states: ArrayView2<f64>,
    size: Size,
    output: Representation,
) -> Result<Network, LinalgError> {
    let mut layers: Vec<Box<dyn Layer>> = vec![Box::new(standardise(group, states)?)];
    layers.extend(equivariant_layers(group, states.ncols() / SPACE, size, output)?);
    Ok(Network::new(layers))
}

impl NetworkHamiltonian<State> {
    /// An equivariant network from the vectors of the state, scaled as those of `states` (n x dim)
    /// need it, to a scalar.
    ///
    /// # Errors
    /// When linear algebra fails.
    ///
    /// # Panics
    /// When a state is not made of vectors in three dimensions.
    pub fn emlp(
        group: &SymmetryGroup,
        states: ArrayView2<f64>,
        size: Size,
    ) -> Result<Self, LinalgError> {
        Ok(Self::new(
            State(states.ncols()),
            network(group, states, size, Representation::new([1]))?,
        ))
    }
}

impl NetworkField {
    /// An equivariant network from the vectors of the state, scaled as those of `states` (n x dim)
    /// need it, to as many vectors.
    ///
    /// # Errors
    /// When linear algebra fails.
    ///
    /// # Panics
    /// When a state is not made of vectors in three dimensions.
    pub fn emlp(
        group: &SymmetryGroup,
        states: ArrayView2<f64>,
        size: Size,
    ) -> Result<Self, LinalgError> {
        Ok(Self::new(network(
            group,
            states,
            size,
            Representation::new([0, states.ncols() / SPACE]),
        )?))
    }
}
