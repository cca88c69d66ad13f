//! Functions of scalars, as a Hamiltonian model needs them.

use crate::linalg::Lanes;

/// A smooth function h(s; theta) of m scalars s with parameters theta, with derivatives by hand.
///
/// Everything acts on eight states at once; `work` is scratch of [`work_len`](Self::work_len)
/// elements with any content. Implementations mark the methods `#[inline(always)]`, so that they
/// are compiled for the machine's vector instructions where they are called.
pub trait ScalarFunction: Sync {
    /// m, the number of scalars.
    fn scalars(&self) -> usize;
    /// Number of parameters.
    fn parameters(&self) -> usize;
    /// Length of the scratch space.
    fn work_len(&self) -> usize;
    /// h(s; theta).
    fn value(&self, theta: &[f64], s: &[Lanes], work: &mut [Lanes]) -> Lanes;
    /// Writes dh/ds_i to `gradient`.
    fn gradient_into(&self, theta: &[f64], s: &[Lanes], gradient: &mut [Lanes], work: &mut [Lanes]);
    /// Differentiates the tangent T = sum_i (dh/ds_i) ds_i along a direction `ds`: writes
    /// dT/d(ds_i) = dh/ds_i to `gradient` and dT/ds_i = sum_j (d2h/ds_i ds_j) ds_j to `curvature`,
    /// and adds dT/dtheta_k to `theta_bar`.
    #[allow(clippy::too_many_arguments)]
    fn tangent_gradient_into(
        &self,
        theta: &[f64],
        s: &[Lanes],
        ds: &[Lanes],
        gradient: &mut [Lanes],
        curvature: &mut [Lanes],
        theta_bar: &mut [Lanes],
        work: &mut [Lanes],
    );
}
