//! Hamiltonians that are functions of invariant scalars.

use super::closed_form::ClosedForm;
use super::traits::{HamiltonianModel, LinearModel, Model};
use crate::basis::{Basis, ProductBasis};
use crate::expr::Expr;
use crate::field::symplectic_into;
use crate::linalg::{LANES, Lanes, Real, ZipInlined, set_zero};
use crate::scalars::{Frame, Inputs, InputsError, ScalarFunction, ScalarSet};

/// H(z) = h(s(z); theta) with scalars s and a [`ScalarFunction`] h (Yao et al. 2021, equation 11):
/// invariant under O(d) whatever h is.
///
/// Where the inputs know masses, h is the potential energy, and the kinetic energy is added to it.
/// The field is J grad H, and the momentum forces that the inputs have. The former's vector-Jacobian
/// product needs no third-order bookkeeping: lambda^T J grad H is the tangent of H along
/// w = -J lambda, so it is that tangent, differentiated in reverse.
#[derive(Clone, Debug)]
pub struct ScalarHamiltonian<F> {
    scalars: ScalarSet,
    function: F,
}

/// Scratch for one block of eight states.
#[derive(Clone, Debug)]
pub struct ScalarScratch {
    frames: (Frame<1>, Frame<2>, Frame<3>),
    block: BlockWork,
}

#[derive(Clone, Debug)]
struct BlockWork {
    z: Vec<Lanes>,
    w: Vec<Lanes>,
    out: Vec<Lanes>,
    s: Vec<Lanes>,
    ds: Vec<Lanes>,
    slope: Vec<Lanes>,
    curvature: Vec<Lanes>,
    function: Vec<Lanes>,
    /// Of each scalar the flow J grad s_i; empty until columns are asked for.
    flows: Vec<Lanes>,
}

impl ScalarHamiltonian<ClosedForm> {
    /// A closed form as a model: its parameters are the expression's constants, in their order.
    ///
    /// # Errors
    /// A vector that is not among the inputs.
    pub fn closed_form(inputs: &Inputs, expr: &Expr) -> Result<Self, InputsError> {
        let (form, scalars) = ClosedForm::new(expr);
        Ok(Self::new(ScalarSet::new(inputs, scalars)?, form))
    }
}

impl<F: ScalarFunction> ScalarHamiltonian<F> {
    /// Puts the function on the scalars.
    ///
    /// # Panics
    /// When the function takes another number of scalars.
    pub fn new(scalars: ScalarSet, function: F) -> Self {
        assert_eq!(
            scalars.len(),
            function.scalars(),
            "the function takes as many scalars as there are"
        );
        Self { scalars, function }
    }
    /// The scalars s(z) that H is a function of.
    pub fn scalars(&self) -> &ScalarSet {
        &self.scalars
    }
    /// The function h of the scalars.
    pub fn function(&self) -> &F {
        &self.function
    }

    /// Writes the field of the block in `block.z` to `block.out`.
    #[inline(always)]
    fn field_block<const D: usize>(
        &self,
        theta: &[f64],
        frame: &mut Frame<D>,
        block: &mut BlockWork,
    ) {
        self.scalars.values_into(&block.z, frame, &mut block.s);
        self.function.gradient_into(theta, &block.s, &mut block.slope, &mut block.function);
        self.scalars.gradient_into(&block.slope, frame, &mut block.out);
        symplectic_into(&mut block.out);
        self.scalars.add_known(&block.z, &mut block.out);
    }

    /// For the states in `block.z` and lambda in `block.w`, writes (df/dz)^T lambda to `block.out`
    /// and adds to `theta_bar`.
    #[inline(always)]
    fn vjp_block<const D: usize>(
        &self,
        theta: &[f64],
        theta_bar: &mut [Lanes],
        frame: &mut Frame<D>,
        block: &mut BlockWork,
    ) {
        symplectic_into(&mut block.w);
        for w in &mut block.w {
            *w = -*w;
        }
        self.scalars.values_into(&block.z, frame, &mut block.s);
        self.scalars.tangents_into(&block.w, frame, &mut block.ds);
        let BlockWork { s, ds, slope, curvature, function, .. } = block;
        self.function.tangent_gradient_into(theta, s, ds, slope, curvature, theta_bar, function);
        self.scalars.tangent_gradient_into(&block.slope, &block.curvature, frame, &mut block.out);
        // Of w = -J lambda the first half is minus lambda along the momenta, the second lambda along
        // the positions.
        let half = block.z.len() / 2;
        block.w[..half].iter_mut().for_each(|w| *w = -*w);
        let (along_momenta, along_positions) = block.w.split_at(half);
        let lambda = (along_positions, along_momenta);
        self.scalars.add_known_transposed(&block.z, lambda, &mut block.out);
    }

    #[inline(always)]
    fn energy_block<const D: usize>(
        &self,
        theta: &[f64],
        frame: &mut Frame<D>,
        block: &mut BlockWork,
    ) -> Lanes {
        self.scalars.values_into(&block.z, frame, &mut block.s);
        let known = self.scalars.known_energy(&block.z);
        self.function.value(theta, &block.s, &mut block.function) + known
    }
}

/// Copies states `at .. at + LANES` of a batch into a block.
#[inline(always)]
pub(super) fn gather(batch: &[f64], at: usize, block: &mut [Lanes]) {
    let size = batch.len() / block.len();
    for (c, x) in block.iter_mut().enumerate() {
        *x = Lanes::load(&batch[c * size + at..]);
    }
}

/// Copies a block to states `at .. at + LANES` of a batch.
#[inline(always)]
pub(super) fn scatter(block: &[Lanes], at: usize, batch: &mut [f64]) {
    let size = batch.len() / block.len();
    for (c, x) in block.iter().enumerate() {
        x.store(&mut batch[c * size + at..]);
    }
}

impl<F: ScalarFunction> Model for ScalarHamiltonian<F> {
    type Work = ScalarScratch;
    type Sum = Lanes;

    fn dim(&self) -> usize {
        self.scalars.state_len()
    }
    fn parameters(&self) -> usize {
        self.function.parameters()
    }
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        self.scalars = self.scalars.with_inputs(inputs)?;
        Ok(true)
    }
    fn work(&self) -> ScalarScratch {
        let zeros = |n: usize| vec![Lanes::zero(); n];
        let (n, m) = (self.dim(), self.scalars.len());
        let block = BlockWork {
            z: zeros(n),
            w: zeros(n),
            out: zeros(n),
            s: zeros(m),
            ds: zeros(m),
            slope: zeros(m),
            curvature: zeros(m),
            function: zeros(self.function.work_len()),
            flows: Vec::new(),
        };
        ScalarScratch {
            frames: (self.scalars.frame(), self.scalars.frame(), self.scalars.frame()),
            block,
        }
    }

    fn field_into(&self, theta: &[f64], z: &[f64], dz: &mut [f64], work: &mut ScalarScratch) {
        in_dimension!(self, work, |frame, block| {
            for at in (0..z.len() / self.dim()).step_by(LANES) {
                gather(z, at, &mut block.z);
                self.field_block(theta, frame, block);
                scatter(&block.out, at, dz);
            }
        });
    }

    fn vjp_into(
        &self,
        theta: &[f64],
        z: &[f64],
        lambda: &[f64],
        z_bar: &mut [f64],
        theta_bar: &mut [Lanes],
        work: &mut ScalarScratch,
    ) {
        in_dimension!(self, work, |frame, block| {
            for at in (0..z.len() / self.dim()).step_by(LANES) {
                gather(z, at, &mut block.z);
                gather(lambda, at, &mut block.w);
                self.vjp_block(theta, theta_bar, frame, block);
                scatter(&block.out, at, z_bar);
            }
        });
    }
}

impl<F: ScalarFunction> HamiltonianModel for ScalarHamiltonian<F> {
    fn energy_into(&self, theta: &[f64], z: &[f64], energy: &mut [f64], work: &mut ScalarScratch) {
        in_dimension!(self, work, |frame, block| {
            for at in (0..z.len() / self.dim()).step_by(LANES) {
                gather(z, at, &mut block.z);
                self.energy_block(theta, frame, block).store(&mut energy[at..]);
            }
        });
    }
}

/// A function of scalars that is linear in its parameters.
pub trait LinearFunction: ScalarFunction {
    /// Calls `visit(k, i, dphi_k/ds_i)` for every parameter k, one after the other, and every
    /// scalar i that phi_k depends on.
    fn slopes(&self, s: &[Lanes], work: &mut [Lanes], visit: impl FnMut(usize, usize, Lanes));
}

impl LinearFunction for Basis {
    #[inline(always)]
    fn slopes(&self, s: &[Lanes], _: &mut [Lanes], visit: impl FnMut(usize, usize, Lanes)) {
        self.slopes(s, visit);
    }
}

impl LinearFunction for ProductBasis {
    #[inline(always)]
    fn slopes(&self, s: &[Lanes], work: &mut [Lanes], visit: impl FnMut(usize, usize, Lanes)) {
        self.slopes(s, work, visit);
    }
}

impl<F: LinearFunction> LinearModel for ScalarHamiltonian<F> {
    fn offset(&self, z: &[Lanes], offset: &mut [Lanes]) -> bool {
        set_zero(offset);
        self.scalars.add_known(z, offset);
        self.scalars.has_known()
    }

    fn columns(
        &self,
        z: &[Lanes],
        work: &mut ScalarScratch,
        column: &mut dyn FnMut(usize, &[Lanes]),
    ) {
        work.block.z.copy_from_slice(z);
        in_dimension!(self, work, |frame, block| {
            let BlockWork { z, s, slope, out, function, flows, .. } = block;
            self.scalars.values_into(z, frame, s);
            set_zero(slope);
            flows.resize(s.len() * out.len(), Lanes::zero());
            for (i, flow) in flows.chunks_exact_mut(out.len()).enumerate() {
                slope[i] = Lanes::splat(1.0);
                self.scalars.gradient_into(slope, frame, flow);
                symplectic_into(flow);
                slope[i] = Lanes::zero();
            }
            // A product has slopes by several scalars, one after the other.
            let mut current = None;
            self.function.slopes(
                s,
                function,
                #[inline(always)]
                |k, i, dphi| {
                    if current != Some(k) {
                        if let Some(last) = current.replace(k) {
                            column(last, out);
                        }
                        set_zero(out);
                    }
                    let flow = &flows[i * out.len()..];
                    for (out, flow) in out.iter_mut().zip_inlined(flow) {
                        *out += dphi * *flow;
                    }
                },
            );
            if let Some(last) = current {
                column(last, out);
            }
        });
    }
}
