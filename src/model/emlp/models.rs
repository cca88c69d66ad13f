//! Equivariant networks, put together.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::bilinear::Bilinear;
use super::gated::Gated;
use super::group::{SPACE, SymmetryGroup};
use super::linear::EquivariantLinear;
use super::representation::{Layout, Representation};
use crate::linalg::LinalgError;
use crate::model::network::{
    LAST, Layer, Network, NetworkField, NetworkHamiltonian, Standardise, State,
};
use crate::scalars::Inputs;

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
) -> Result<Vec<Arc<dyn Layer>>, LinalgError> {
    let hidden = Representation::spread(size.channels);
    let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
    let (mut input, mut gain) = ((Representation::new([0, vectors]), Layout::ByTensor), 1.0);
    for _ in 0..size.blocks {
        let signal = (hidden.gated(), Layout::ByComponent);
        layers.push(Arc::new(EquivariantLinear::new(group, input, signal.clone(), gain)?));
        layers.push(Arc::new(Bilinear::new(&signal.0)));
        layers.push(Arc::new(Gated::new(hidden.clone())));
        (input, gain) = ((hidden.clone(), Layout::ByComponent), GAIN);
    }
    layers.push(Arc::new(EquivariantLinear::new(
        group,
        input,
        (output, Layout::ByTensor),
        LAST * gain,
    )?));
    Ok(layers)
}

/// What a network takes: the positions, from the origin on, and the momenta, and after them constant
/// vectors.
struct Vectors<'a> {
    states: ArrayView2<'a, f64>,
    origin: Vec<f64>,
    context: Vec<(String, Vec<f64>)>,
}

impl<'a> Vectors<'a> {
    /// The vectors of the state alone.
    fn of_state(states: ArrayView2<'a, f64>) -> Self {
        Self { states, origin: vec![0.0; SPACE], context: Vec::new() }
    }

    /// These and the constant vectors of `inputs`.
    fn of_inputs(inputs: &Inputs, states: ArrayView2<'a, f64>) -> Self {
        Self { states, origin: inputs.origin.clone(), context: inputs.context.clone() }
    }

    /// Number of vectors of the state.
    fn state_vectors(&self) -> usize {
        self.states.ncols() / SPACE
    }

    /// Centres and scales each vector in a way that the group does not see: by the origin and the
    /// part of its mean that the group leaves as it is, and by its root mean square distance from
    /// that. Constant vectors are scaled by their length alone, as they are to be replaced.
    fn standardise(&self, group: &SymmetryGroup) -> Result<Standardise, LinalgError> {
        let n = self.states.nrows();
        let mut invariant = Array2::zeros((SPACE, SPACE));
        for tensor in group.invariant_tensors(1)? {
            for (i, x) in &tensor {
                tensor.iter().for_each(|(j, y)| invariant[[*i, *j]] += x * y);
            }
        }
        let (mut mean, mut deviation) = (Vec::new(), Vec::new());
        let rms = |squares: f64, n: usize| [(squares / (SPACE * n.max(1)) as f64).sqrt(); SPACE];
        for (vector, first) in (0..self.states.ncols()).step_by(SPACE).enumerate() {
            let vectors = self.states.slice(ndarray::s![.., first..first + SPACE]);
            let is_position = 2 * vector < self.state_vectors();
            let origin = if is_position { &self.origin[..] } else { &[0.0; SPACE] };
            let origin = ArrayView1::from(origin);
            let from_origin = vectors.sum_axis(ndarray::Axis(0)) / n.max(1) as f64 - origin;
            let centre = invariant.dot(&from_origin) + origin;
            let squares: f64 = (&vectors - &centre).iter().map(|x| x * x).sum();
            mean.extend(centre);
            deviation.extend(rms(squares, n));
        }
        for (_, vector) in &self.context {
            mean.extend([0.0; SPACE]);
            deviation.extend(rms(vector.iter().map(|x| x * x).sum(), 1));
        }
        Ok(Standardise::new(mean, &deviation))
    }

    /// An equivariant network from all vectors.
    fn network(
        self,
        group: &SymmetryGroup,
        size: Size,
        output: Representation,
    ) -> Result<(State, Network), LinalgError> {
        let mut layers: Vec<Arc<dyn Layer>> = vec![Arc::new(self.standardise(group)?)];
        let vectors = self.state_vectors() + self.context.len();
        layers.extend(equivariant_layers(group, vectors, size, output)?);
        Ok((State::new(self.states.ncols(), self.context), Network::new(layers)))
    }

    fn hamiltonian(
        self,
        group: &SymmetryGroup,
        size: Size,
    ) -> Result<NetworkHamiltonian<State>, LinalgError> {
        let (state, network) = self.network(group, size, Representation::new([1]))?;
        Ok(NetworkHamiltonian::new(state, network))
    }

    fn field(self, group: &SymmetryGroup, size: Size) -> Result<NetworkField, LinalgError> {
        let output = Representation::new([0, self.state_vectors()]);
        let (state, network) = self.network(group, size, output)?;
        Ok(NetworkField::new(state, network))
    }
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
        Vectors::of_state(states).hamiltonian(group, size)
    }

    /// As [`emlp`](Self::emlp), with the constant vectors of `inputs` among the network's: gravity
    /// moves with the group, so that this may be O(3) where [`emlp`](Self::emlp) has O(2).
    /// Positions count from the origin of `inputs`, also when the vectors are given other values.
    ///
    /// # Errors
    /// When linear algebra fails.
    ///
    /// # Panics
    /// When `inputs` or states are not made of vectors in three dimensions.
    pub fn emlp_of_inputs(
        group: &SymmetryGroup,
        inputs: &Inputs,
        states: ArrayView2<f64>,
        size: Size,
    ) -> Result<Self, LinalgError> {
        Vectors::of_inputs(inputs, states).hamiltonian(group, size)
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
        Vectors::of_state(states).field(group, size)
    }

    /// As [`emlp`](Self::emlp), with the constant vectors of `inputs` among the network's, see
    /// [`NetworkHamiltonian::emlp_of_inputs`].
    ///
    /// # Errors
    /// When linear algebra fails.
    ///
    /// # Panics
    /// When `inputs` or states are not made of vectors in three dimensions.
    pub fn emlp_of_inputs(
        group: &SymmetryGroup,
        inputs: &Inputs,
        states: ArrayView2<f64>,
        size: Size,
    ) -> Result<Self, LinalgError> {
        Vectors::of_inputs(inputs, states).field(group, size)
    }
}
