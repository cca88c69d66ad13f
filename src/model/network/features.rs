//! What a network sees of a state.

use crate::linalg::{Lanes, Real, ZipInlined, vectorised};
use crate::scalars::{Frame, Inputs, InputsError, ScalarSet};

/// Functions x(z) of the state that a network takes, on one tile of eight states.
pub trait Features: Send + Sync {
    /// Scratch.
    type Frame: Send;
    /// Number of components of the state.
    fn dim(&self) -> usize;
    /// Number of features.
    fn features(&self) -> usize;
    /// Gives constant input vectors other values, and says whether the features take any.
    ///
    /// # Errors
    /// [`InputsError::Unknown`] for a vector of the features that `inputs` lack.
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        let _ = inputs;
        Ok(false)
    }
    /// Scratch for one tile.
    fn frame(&self) -> Self::Frame;
    /// Writes x(z).
    fn values_into(&self, z: &[Lanes], x: &mut [Lanes], frame: &mut Self::Frame);
    /// Writes x(z) and the tangents dx along the direction w.
    fn tangents_into(
        &self,
        z: &[Lanes],
        w: &[Lanes],
        x: &mut [Lanes],
        dx: &mut [Lanes],
        frame: &mut Self::Frame,
    );
    /// Writes the derivatives by z of a number with the derivatives `x_bar` by x.
    fn gradient_into(
        &self,
        z: &[Lanes],
        x_bar: &[Lanes],
        z_bar: &mut [Lanes],
        frame: &mut Self::Frame,
    );
    /// Writes the derivatives by z, w held fixed, of a number with the derivatives `x_bar` by x and
    /// `dx_bar` by dx.
    fn tangent_gradient_into(
        &self,
        z: &[Lanes],
        w: &[Lanes],
        x_bar: &[Lanes],
        dx_bar: &[Lanes],
        z_bar: &mut [Lanes],
        frame: &mut Self::Frame,
    );
}

/// The state and, after it, constant input vectors: x = (z, v, ..). Without such vectors x = z.
#[derive(Clone, Debug)]
pub struct State {
    dim: usize,
    context: Vec<(String, Vec<f64>)>,
}

impl State {
    /// A state of `dim` components, followed by the constant vectors of `context`, each a name with
    /// its components.
    pub fn new(dim: usize, context: Vec<(String, Vec<f64>)>) -> Self {
        Self { dim, context }
    }

    /// The components of the constant vectors, one after the other.
    fn constants(&self) -> impl Iterator<Item = f64> {
        self.context.iter().flat_map(|(_, vector)| vector.iter().copied())
    }
}

impl Features for State {
    type Frame = ();

    fn dim(&self) -> usize {
        self.dim
    }
    fn features(&self) -> usize {
        self.dim + self.constants().count()
    }
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        for (name, vector) in &mut self.context {
            *vector = inputs.constant(name).ok_or_else(|| inputs.unknown(name))?.to_vec();
        }
        Ok(!self.context.is_empty())
    }
    fn frame(&self) {}
    fn values_into(&self, z: &[Lanes], x: &mut [Lanes], (): &mut ()) {
        let (state, constants) = x.split_at_mut(self.dim);
        state.copy_from_slice(z);
        constants.iter_mut().zip_inlined(self.constants()).for_each(|(x, v)| *x = Lanes::splat(v));
    }
    fn tangents_into(
        &self,
        z: &[Lanes],
        w: &[Lanes],
        x: &mut [Lanes],
        dx: &mut [Lanes],
        frame: &mut (),
    ) {
        self.values_into(z, x, frame);
        let (state, constants) = dx.split_at_mut(self.dim);
        state.copy_from_slice(w);
        constants.fill(Lanes::zero());
    }
    fn gradient_into(&self, _: &[Lanes], x_bar: &[Lanes], z_bar: &mut [Lanes], (): &mut ()) {
        z_bar.copy_from_slice(&x_bar[..self.dim]);
    }
    fn tangent_gradient_into(
        &self,
        _: &[Lanes],
        _: &[Lanes],
        x_bar: &[Lanes],
        _: &[Lanes],
        z_bar: &mut [Lanes],
        (): &mut (),
    ) {
        z_bar.copy_from_slice(&x_bar[..self.dim]);
    }
}

/// Invariant scalars of the state in D dimensions.
#[derive(Clone, Debug)]
pub struct Scalars<const D: usize> {
    set: ScalarSet,
}

impl<const D: usize> Scalars<D> {
    /// The scalars of a set.
    ///
    /// # Panics
    /// When the set is in another dimension.
    pub fn new(set: ScalarSet) -> Self {
        assert_eq!(set.dimension(), D, "scalars in {D} dimensions");
        Self { set }
    }
    /// The set of scalars.
    pub fn set(&self) -> &ScalarSet {
        &self.set
    }
}

/// Scratch: vectors of a tile, and scalars that nobody asked for.
#[derive(Clone, Debug)]
pub struct ScalarFrame<const D: usize> {
    frame: Frame<D>,
    s: Vec<Lanes>,
}

impl<const D: usize> Features for Scalars<D> {
    type Frame = ScalarFrame<D>;

    fn dim(&self) -> usize {
        self.set.state_len()
    }
    fn features(&self) -> usize {
        self.set.len()
    }
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        self.set = self.set.with_inputs(inputs)?;
        Ok(true)
    }
    fn frame(&self) -> ScalarFrame<D> {
        ScalarFrame { frame: self.set.frame(), s: vec![Lanes::zero(); self.set.len()] }
    }

    fn values_into(&self, z: &[Lanes], x: &mut [Lanes], scratch: &mut ScalarFrame<D>) {
        vectorised(
            #[inline(always)]
            || self.set.values_into(z, &mut scratch.frame, x),
        );
    }

    fn tangents_into(
        &self,
        z: &[Lanes],
        w: &[Lanes],
        x: &mut [Lanes],
        dx: &mut [Lanes],
        scratch: &mut ScalarFrame<D>,
    ) {
        vectorised(
            #[inline(always)]
            || {
                self.set.values_into(z, &mut scratch.frame, x);
                self.set.tangents_into(w, &mut scratch.frame, dx);
            },
        );
    }

    fn gradient_into(
        &self,
        z: &[Lanes],
        x_bar: &[Lanes],
        z_bar: &mut [Lanes],
        scratch: &mut ScalarFrame<D>,
    ) {
        vectorised(
            #[inline(always)]
            || {
                self.set.values_into(z, &mut scratch.frame, &mut scratch.s);
                self.set.gradient_into(x_bar, &mut scratch.frame, z_bar);
            },
        );
    }

    fn tangent_gradient_into(
        &self,
        z: &[Lanes],
        w: &[Lanes],
        x_bar: &[Lanes],
        dx_bar: &[Lanes],
        z_bar: &mut [Lanes],
        scratch: &mut ScalarFrame<D>,
    ) {
        vectorised(
            #[inline(always)]
            || {
                self.set.values_into(z, &mut scratch.frame, &mut scratch.s);
                self.set.tangents_into(w, &mut scratch.frame, &mut scratch.s);
                self.set.tangent_gradient_into(dx_bar, x_bar, &mut scratch.frame, z_bar);
            },
        );
    }
}
