//! What the loss and the training need of a model.

use std::borrow::Cow;

use rand::RngCore;

use super::matrix::ParameterMatrix;
use crate::linalg::{Lanes, Total};
use crate::scalars::{Inputs, InputsError};

/// A vector field dz/dt = f(z; theta), with derivatives by hand, over batches of states.
///
/// A batch of B states is flat, component by component: component c of state b is at `c * B + b`. B
/// is a multiple of [`LANES`](crate::linalg::LANES). `work` is scratch made by
/// [`work`](Self::work).
///
/// The parameters theta are [expanded](Self::expand) once to *weights*, the form in which the field
/// uses them (an equivariant matrix, say, from its coordinates), and derivatives by the weights are
/// [contracted](Self::contract) once to those by theta, however many states there are. For most
/// models they are the same.
pub trait Model: Sync {
    /// Scratch space, made once for each worker.
    type Work: Send;
    /// What derivatives by a weight are summed in: one number, or [`Lanes`], see [`Lanewise`].
    type Sum: Total;
    /// Number of components of a state.
    fn dim(&self) -> usize;
    /// Number of parameters.
    fn parameters(&self) -> usize;
    /// Number of weights.
    fn weights(&self) -> usize {
        self.parameters()
    }
    /// The weights of given parameters, a linear map.
    fn expand<'t>(&self, theta: &'t [f64]) -> Cow<'t, [f64]> {
        Cow::Borrowed(theta)
    }
    /// The transpose of that map: writes derivatives by theta, given those by the weights.
    fn contract(&self, weights_bar: &[f64], theta_bar: &mut [f64]) {
        theta_bar.copy_from_slice(weights_bar);
    }
    /// The matrices that the parameters are made of, each parameter in one of them; empty for
    /// models whose parameters are no matrices.
    fn matrices(&self) -> Vec<ParameterMatrix> {
        Vec::new()
    }
    /// Gives the constant input vectors, such as gravity, the values that they have in `inputs`; the
    /// parameters keep their meaning. Says whether the model takes such vectors: one that takes none
    /// stays as it is.
    ///
    /// # Errors
    /// [`InputsError::Unknown`] for a vector of the model that `inputs` lack.
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        let _ = inputs;
        Ok(false)
    }
    /// Scratch space for batches of any size.
    fn work(&self) -> Self::Work;
    /// Writes f(z; weights) to `dz`.
    fn field_into(&self, weights: &[f64], z: &[f64], dz: &mut [f64], work: &mut Self::Work);
    /// Vector-Jacobian product: writes (df/dz)^T lambda to `z_bar` and adds (df/dweights)^T lambda,
    /// summed over the batch, to `weights_bar`, which has one element for each weight.
    fn vjp_into(
        &self,
        weights: &[f64],
        z: &[f64],
        lambda: &[f64],
        z_bar: &mut [f64],
        weights_bar: &mut [Self::Sum],
        work: &mut Self::Work,
    );
}

/// A model that keeps states apart in its derivatives by the weights, which are its parameters:
/// lane l of them sums over the states b with b % LANES = l alone. Jacobians need that.
pub trait Lanewise: Model<Sum = Lanes> {}

impl<M: Model<Sum = Lanes>> Lanewise for M {}

/// A model that conserves a learned energy.
pub trait HamiltonianModel: Model {
    /// Writes H(z; weights) of each state of the batch to `energy`.
    fn energy_into(&self, weights: &[f64], z: &[f64], energy: &mut [f64], work: &mut Self::Work);
}

/// A model whose training starts at random.
pub trait RandomStart: Model {
    /// Parameters drawn so that the size of signals is about the same in all layers.
    fn initial(&self, rng: &mut dyn RngCore) -> Vec<f64>;
}

/// A model that is linear in its parameters: f(z; theta) = sum_k theta_k f_k(z).
pub trait LinearModel: Lanewise {
    /// Writes the field without parameters at one block of states, component by component; says
    /// whether there is one.
    fn offset(&self, z: &[Lanes], offset: &mut [Lanes]) -> bool {
        let _ = (z, offset);
        false
    }

    /// Calls `column(k, f_k(z))` for every parameter k and one block of states z, both component by
    /// component.
    fn columns(&self, z: &[Lanes], work: &mut Self::Work, column: &mut dyn FnMut(usize, &[Lanes]));
}
