//! Models of motion: what the loss and the training need of one, and the Hamiltonian model on scalars.

mod closed_form;
mod scalar_hamiltonian;

pub use closed_form::ClosedForm;
pub use scalar_hamiltonian::ScalarHamiltonian;

use crate::linalg::Lanes;

/// A vector field dz/dt = f(z; theta), with derivatives by hand, over batches of states.
///
/// A batch of B states is flat, component by component: component c of state b is at `c * B + b`. B is a multiple of
/// [`LANES`](crate::linalg::LANES). `work` is scratch made by [`work`](Self::work).
pub trait Model: Sync {
    /// Scratch space, made once for each worker.
    type Work: Send;
    /// Number of components of a state.
    fn dim(&self) -> usize;
    /// Number of parameters.
    fn parameters(&self) -> usize;
    /// Scratch space for batches of any size.
    fn work(&self) -> Self::Work;
    /// Writes f(z; theta) to `dz`.
    fn field_into(&self, theta: &[f64], z: &[f64], dz: &mut [f64], work: &mut Self::Work);
    /// Vector-Jacobian product: writes (df/dz)^T lambda to `z_bar` and adds (df/dtheta)^T lambda to `theta_bar`, which has one
    /// element for each parameter; lane l of it sums over the states b with b % LANES = l.
    fn vjp_into(&self, theta: &[f64], z: &[f64], lambda: &[f64], z_bar: &mut [f64], theta_bar: &mut [Lanes], work: &mut Self::Work);
}

/// A model that conserves a learned energy.
pub trait HamiltonianModel: Model {
    /// Writes H(z; theta) of each state of the batch to `energy`.
    fn energy_into(&self, theta: &[f64], z: &[f64], energy: &mut [f64], work: &mut Self::Work);
}

/// A model that is linear in its parameters: f(z; theta) = sum_k theta_k f_k(z).
pub trait LinearModel: Model {
    /// Calls `column(k, f_k(z))` for every parameter k and one block of states z, both component by component.
    fn columns(&self, z: &[Lanes], work: &mut Self::Work, column: &mut dyn FnMut(usize, &[Lanes]));
}
