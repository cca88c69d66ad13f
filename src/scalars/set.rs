//! Values and derivatives of a set of scalars, eight states at a time.

use super::{Inputs, InputsError, MomentumForce};
use crate::expr::{Scalar, Vector};
use crate::linalg::{Lanes, Real, ZipInlined, set_zero};

/// A vector that models use: a combination of state vectors plus a constant.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// Slots in the state, coefficients, and whether motion changes them.
    terms: Vec<(usize, f64, bool)>,
    offset: [f64; 3],
}

#[derive(Clone, Copy, Debug)]
enum Compiled {
    /// The first component of a vector that is a number.
    Parameter(usize),
    Dot(usize, usize),
    Norm(usize),
}

/// Scalars of given inputs, compiled for evaluation: each distinct vector is formed once.
#[derive(Clone, Debug)]
pub struct ScalarSet {
    scalars: Vec<Scalar>,
    compiled: Vec<Compiled>,
    forms: Vec<Form>,
    slots: usize,
    dimension: usize,
    momentum_forces: Vec<MomentumForce>,
    /// One over each known mass.
    inverse_masses: Vec<f64>,
}

/// Scratch for one block of eight states: vectors, their tangents and adjoints, and the scalars.
#[derive(Clone, Debug)]
pub struct Frame<const D: usize> {
    vectors: Vec<[Lanes; D]>,
    tangents: Vec<[Lanes; D]>,
    adjoints: Vec<[Lanes; D]>,
    inverse: Vec<Lanes>,
}

impl ScalarSet {
    /// Compiles `scalars` for `inputs`.
    ///
    /// # Errors
    /// [`InputsError::Unknown`] when a scalar names a vector that the inputs lack,
    /// [`InputsError::MomentumForce`] for coefficients that don't fit the particles,
    /// [`InputsError::Masses`] likewise.
    pub fn new(inputs: &Inputs, scalars: Vec<Scalar>) -> Result<Self, InputsError> {
        if let Some(force) = inputs.momentum_forces.iter().find(|f| !f.is_valid(inputs.shape)) {
            let accepted = force.kind.numbers(inputs.shape.dimension) * inputs.shape.particles;
            let coefficients = force.coefficients.clone();
            return Err(InputsError::MomentumForce { coefficients, accepted });
        }
        let masses = &inputs.masses;
        let are_positive = masses.iter().all(|m| *m > 0.0 && m.is_finite());
        let accepted = inputs.shape.particles;
        if !are_positive || !(masses.is_empty() || masses.len() == accepted) {
            return Err(InputsError::Masses { masses: masses.clone(), accepted });
        }
        let mut set = Self {
            scalars: Vec::new(),
            compiled: Vec::new(),
            forms: Vec::new(),
            slots: 2 * inputs.slots(),
            dimension: inputs.shape.dimension,
            momentum_forces: inputs.momentum_forces.clone(),
            inverse_masses: masses.iter().map(|m| 1.0 / m).collect(),
        };
        let mut vectors: Vec<Vector> = Vec::new();
        for scalar in &scalars {
            let mut form = |v: &Vector| -> Result<usize, InputsError> {
                if let Some(i) = vectors.iter().position(|w| w == v) {
                    return Ok(i);
                }
                set.forms.push(Form::new(inputs, v)?);
                vectors.push(v.clone());
                Ok(vectors.len() - 1)
            };
            let compiled = match scalar {
                Scalar::Parameter(name) if !inputs.parameters().any(|known| known == name) => {
                    return Err(inputs.unknown(name));
                }
                Scalar::Parameter(name) => Compiled::Parameter(form(&Vector::named(name.clone()))?),
                Scalar::Dot(a, b) => Compiled::Dot(form(a)?, form(b)?),
                Scalar::Norm(a) => Compiled::Norm(form(a)?),
            };
            set.compiled.push(compiled);
        }
        set.scalars = scalars;
        Ok(set)
    }

    /// The same scalars of other values of the constant vectors, and with what these inputs know.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_inputs(&self, inputs: &Inputs) -> Result<Self, InputsError> {
        Self::new(inputs, self.scalars.clone())
    }

    /// The scalars, in order.
    pub fn scalars(&self) -> &[Scalar] {
        &self.scalars
    }
    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.scalars.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.scalars.is_empty()
    }
    /// Dimension d of space.
    pub fn dimension(&self) -> usize {
        self.dimension
    }
    /// Number of components of a state.
    pub fn state_len(&self) -> usize {
        self.slots * self.dimension
    }

    /// Forces beside a Hamiltonian of the scalars.
    pub fn momentum_forces(&self) -> &[MomentumForce] {
        &self.momentum_forces
    }

    /// The known masses; none where the kinetic energy isn't known.
    pub fn masses(&self) -> Vec<f64> {
        self.inverse_masses.iter().map(|inverse| 1.0 / inverse).collect()
    }

    /// Whether models have something beside their function of the scalars.
    pub(crate) fn has_known(&self) -> bool {
        !(self.momentum_forces.is_empty() && self.inverse_masses.is_empty())
    }

    /// Adds to the field at a block of states `z` what is known beside a function of the scalars:
    /// velocities p/m, and forces on momenta.
    #[inline(always)]
    pub(crate) fn add_known(&self, z: &[Lanes], field: &mut [Lanes]) {
        let (momenta, half) = (&z[z.len() / 2..], z.len() / 2);
        self.add_velocities(momenta, &mut field[..half]);
        for force in &self.momentum_forces {
            force.add(self.dimension, momenta, &mut field[half..]);
        }
    }

    /// Adds to a gradient with respect to `z` that of lambda . (what [`add_known`](Self::add_known)
    /// adds); `along` are lambda's components along positions and along momenta.
    #[inline(always)]
    pub(crate) fn add_known_transposed(
        &self,
        z: &[Lanes],
        along: (&[Lanes], &[Lanes]),
        gradient: &mut [Lanes],
    ) {
        let half = z.len() / 2;
        self.add_velocities(along.0, &mut gradient[half..]);
        for force in &self.momentum_forces {
            force.add_transposed(self.dimension, &z[half..], along.1, &mut gradient[half..]);
        }
    }

    /// Adds x_i / m_i to vectors y_i, one a particle.
    #[inline(always)]
    fn add_velocities(&self, x: &[Lanes], y: &mut [Lanes]) {
        let d = self.dimension;
        let particles =
            x.chunks_exact(d).zip_inlined(y.chunks_exact_mut(d)).zip_inlined(&self.inverse_masses);
        for ((x, y), inverse) in particles {
            for (y, x) in y.iter_mut().zip_inlined(x) {
                *y += *x * *inverse;
            }
        }
    }

    /// The kinetic energy of the known masses at a block of states.
    #[inline(always)]
    pub(crate) fn known_energy(&self, z: &[Lanes]) -> Lanes {
        let momenta = z[z.len() / 2..].chunks_exact(self.dimension);
        let mut energy = Lanes::zero();
        for (p, inverse) in momenta.zip_inlined(&self.inverse_masses) {
            for p in p {
                energy += *p * *p * (0.5 * inverse);
            }
        }
        energy
    }

    /// Scratch for one block of states in D = [`dimension`](Self::dimension) dimensions.
    pub fn frame<const D: usize>(&self) -> Frame<D> {
        let zero = [Lanes::zero(); D];
        let n = self.forms.len();
        Frame {
            vectors: vec![zero; n],
            tangents: vec![zero; n],
            adjoints: vec![zero; n],
            inverse: vec![Lanes::zero(); self.len()],
        }
    }

    /// Writes the scalars of the states `z` (component by component) to `s`, and readies `frame`
    /// for the derivatives.
    #[inline(always)]
    pub fn values_into<const D: usize>(&self, z: &[Lanes], frame: &mut Frame<D>, s: &mut [Lanes]) {
        for (form, u) in self.forms.iter().zip_inlined(&mut frame.vectors) {
            *u = form.at(z);
        }
        for ((scalar, s), inverse) in
            self.compiled.iter().zip_inlined(s).zip_inlined(&mut frame.inverse)
        {
            match *scalar {
                Compiled::Parameter(a) => *s = frame.vectors[a][0],
                Compiled::Dot(a, b) => *s = dot(&frame.vectors[a], &frame.vectors[b]),
                Compiled::Norm(a) => {
                    *s = dot(&frame.vectors[a], &frame.vectors[a]).sqrt();
                    // The length has no derivative at zero; zero is the one that its symmetry
                    // demands.
                    *inverse = s.map(
                        #[inline(always)]
                        |r| if r > 0.0 { 1.0 / r } else { 0.0 },
                    );
                }
            }
        }
    }

    /// Writes sum_i h_i grad s_i, the gradient with respect to the state, to `gradient`.
    #[inline(always)]
    pub fn gradient_into<const D: usize>(
        &self,
        h: &[Lanes],
        frame: &mut Frame<D>,
        gradient: &mut [Lanes],
    ) {
        for adjoint in &mut frame.adjoints {
            set_zero(adjoint);
        }
        let (u, u_bar) = (&frame.vectors, &mut frame.adjoints);
        for ((scalar, &h), &inverse) in
            self.compiled.iter().zip_inlined(h).zip_inlined(&frame.inverse)
        {
            match *scalar {
                // No motion changes it.
                Compiled::Parameter(_) => {}
                Compiled::Dot(a, b) => {
                    axpy(h, &u[b], &mut u_bar[a]);
                    axpy(h, &u[a], &mut u_bar[b]);
                }
                Compiled::Norm(a) => axpy(h * inverse, &u[a], &mut u_bar[a]),
            }
        }
        self.pull_back(frame, gradient);
    }

    /// Writes the tangents ds_i = grad s_i . w along a direction `w` of states to `ds`, and keeps
    /// them in `frame`.
    #[inline(always)]
    pub fn tangents_into<const D: usize>(
        &self,
        w: &[Lanes],
        frame: &mut Frame<D>,
        ds: &mut [Lanes],
    ) {
        for (form, du) in self.forms.iter().zip_inlined(&mut frame.tangents) {
            *du = form.along(w);
        }
        let (u, du) = (&frame.vectors, &frame.tangents);
        for ((scalar, ds), &inverse) in
            self.compiled.iter().zip_inlined(ds).zip_inlined(&frame.inverse)
        {
            *ds = match *scalar {
                Compiled::Parameter(_) => Lanes::zero(),
                Compiled::Dot(a, b) => dot(&du[a], &u[b]) + dot(&u[a], &du[b]),
                Compiled::Norm(a) => dot(&u[a], &du[a]) * inverse,
            };
        }
    }

    /// For T = sum_i h_i ds_i, given h_i and c_i = dT/ds_i, writes dT/dz to `gradient`
    /// (w is held fixed): sum_i c_i grad s_i + h_i (Hessian of s_i) w.
    #[inline(always)]
    pub fn tangent_gradient_into<const D: usize>(
        &self,
        h: &[Lanes],
        c: &[Lanes],
        frame: &mut Frame<D>,
        gradient: &mut [Lanes],
    ) {
        for adjoint in &mut frame.adjoints {
            set_zero(adjoint);
        }
        let (u, du, u_bar) = (&frame.vectors, &frame.tangents, &mut frame.adjoints);
        for (i, scalar) in self.compiled.iter().enumerate() {
            match *scalar {
                Compiled::Parameter(_) => {}
                Compiled::Dot(a, b) => {
                    axpy(c[i], &u[b], &mut u_bar[a]);
                    axpy(h[i], &du[b], &mut u_bar[a]);
                    axpy(c[i], &u[a], &mut u_bar[b]);
                    axpy(h[i], &du[a], &mut u_bar[b]);
                }
                Compiled::Norm(a) => {
                    // The Hessian of a length r is (1 - n n^T) / r with the unit vector n.
                    let slope = h[i] * frame.inverse[i];
                    let mut unit = u[a];
                    for x in &mut unit {
                        *x *= frame.inverse[i];
                    }
                    axpy(c[i] - slope * dot(&unit, &du[a]), &unit, &mut u_bar[a]);
                    axpy(slope, &du[a], &mut u_bar[a]);
                }
            }
        }
        self.pull_back(frame, gradient);
    }

    #[inline(always)]
    fn pull_back<const D: usize>(&self, frame: &Frame<D>, gradient: &mut [Lanes]) {
        set_zero(gradient);
        for (form, u_bar) in self.forms.iter().zip_inlined(&frame.adjoints) {
            form.pull_back(u_bar, gradient);
        }
    }
}

impl Form {
    /// The vector of this name or combination.
    pub(crate) fn new(inputs: &Inputs, vector: &Vector) -> Result<Self, InputsError> {
        let mut form = Self { terms: Vec::new(), offset: [0.0; 3] };
        for (name, c) in vector.terms() {
            if let Some(slot) = inputs.slot(name) {
                form.terms.push((slot, *c, !inputs.is_of_run(slot)));
            } else {
                let value = inputs.constant(name).ok_or_else(|| inputs.unknown(name))?;
                for (o, x) in form.offset.iter_mut().zip(value) {
                    *o += c * x;
                }
            }
        }
        Ok(form)
    }

    /// The vector at states `z`.
    #[inline(always)]
    pub(crate) fn at<const D: usize>(&self, z: &[Lanes]) -> [Lanes; D] {
        let mut u = [Lanes::zero(); D];
        for (u, offset) in u.iter_mut().zip_inlined(&self.offset) {
            *u = Lanes::splat(*offset);
        }
        self.add_terms(z, false, &mut u);
        u
    }

    /// Its change along a direction of motion.
    #[inline(always)]
    pub(crate) fn along<const D: usize>(&self, w: &[Lanes]) -> [Lanes; D] {
        let mut u = [Lanes::zero(); D];
        self.add_terms(w, true, &mut u);
        u
    }

    #[inline(always)]
    fn add_terms<const D: usize>(&self, z: &[Lanes], moving: bool, u: &mut [Lanes; D]) {
        for &(slot, c, moves) in &self.terms {
            if moving && !moves {
                continue;
            }
            for (u, z) in u.iter_mut().zip_inlined(&z[slot * D..slot * D + D]) {
                *u += *z * c;
            }
        }
    }

    /// Adds the state's share of an adjoint of the vector to `gradient`.
    #[inline(always)]
    pub(crate) fn pull_back<const D: usize>(&self, u_bar: &[Lanes; D], gradient: &mut [Lanes]) {
        for &(slot, c, _) in self.terms.iter().filter(|term| term.2) {
            for (g, x) in gradient[slot * D..slot * D + D].iter_mut().zip_inlined(u_bar) {
                *g += *x * c;
            }
        }
    }
}

#[inline(always)]
fn dot<const D: usize>(a: &[Lanes; D], b: &[Lanes; D]) -> Lanes {
    let mut sum = a[0] * b[0];
    for i in 1..D {
        sum += a[i] * b[i];
    }
    sum
}

#[inline(always)]
fn axpy<const D: usize>(c: Lanes, x: &[Lanes; D], y: &mut [Lanes; D]) {
    for (y, x) in y.iter_mut().zip_inlined(x) {
        *y += c * *x;
    }
}
