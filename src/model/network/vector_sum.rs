//! A network that gives the coefficients of vectors.

use std::borrow::Cow;

use rand::RngCore;

use super::hamiltonian::{NetworkScratch, gather, groups, scatter};
use super::sequence::TILES;
use super::{Features, Network, Order, Scalars};
use crate::expr::Vector;
use crate::linalg::{Lanes, Real, ZipInlined, set_zero, vectorised};
use crate::model::{Model, ParameterMatrix, RandomStart};
use crate::scalars::{Inputs, InputsError};

/// Each vector of dz/dt is a sum over given vectors v of the inputs, with coefficients by a network
/// on scalars (Yao et al. 2021, equation 6): dz_o/dt = sum_v N_(o,v)(s(z); theta) v. It is
/// O(d)-equivariant whatever N is.
#[derive(Clone, Debug)]
pub struct VectorSumField<const D: usize> {
    features: Scalars<D>,
    network: Network,
    vectors: Vec<Form<D>>,
}

/// A vector: a combination of those of the state, plus a constant.
#[derive(Clone, Debug)]
struct Form<const D: usize> {
    vector: Vector,
    terms: Vec<(usize, f64)>,
    offset: [f64; D],
}

/// Scratch for up to sixty-four states.
#[derive(Debug)]
pub struct VectorSumWork<Frame> {
    network: NetworkScratch<Frame>,
    /// The components of all vectors, tile by tile.
    vectors: Vec<Lanes>,
    coefficients_bar: Vec<Lanes>,
}

impl<const D: usize> Form<D> {
    fn new(inputs: &Inputs, vector: &Vector) -> Result<Self, InputsError> {
        let mut form = Self { vector: vector.clone(), terms: Vec::new(), offset: [0.0; D] };
        for (name, c) in vector.terms() {
            if let Some(slot) = inputs.slot(name) {
                form.terms.push((slot, *c));
            } else {
                let value = inputs.constant(name).ok_or_else(|| inputs.unknown(name))?;
                form.offset.iter_mut().zip_inlined(value).for_each(|(o, x)| *o += c * x);
            }
        }
        Ok(form)
    }
}

impl<const D: usize> VectorSumField<D> {
    /// Puts the network between scalars and vectors. Its outputs are the coefficients of all
    /// vectors for the first vector of the state, then for the second, and so on.
    ///
    /// # Errors
    /// [`InputsError::Unknown`] when a vector has a name that the inputs lack.
    ///
    /// # Panics
    /// When the network's inputs aren't the scalars or its outputs not one for each pair of
    /// vectors.
    pub fn new(
        inputs: &Inputs,
        features: Scalars<D>,
        network: Network,
        vectors: &[Vector],
    ) -> Result<Self, InputsError> {
        let pairs = features.dim() / D * vectors.len();
        assert_eq!(
            (network.inputs(), network.outputs()),
            (features.features(), pairs),
            "a network from scalars to coefficients"
        );
        let vectors = vectors.iter().map(|v| Form::new(inputs, v)).collect::<Result<_, _>>()?;
        Ok(Self { features, network, vectors })
    }

    /// Takes the states in `work.network.z` through the network and writes the vectors.
    fn forward(
        &self,
        weights: &[f64],
        tiles: usize,
        work: &mut VectorSumWork<<Scalars<D> as Features>::Frame>,
    ) {
        let (dim, m, n) = (self.features.dim(), self.features.features(), self.vectors.len() * D);
        let VectorSumWork { network: NetworkScratch { signals, frame, z, .. }, vectors, .. } = work;
        let states = z[..tiles * dim].chunks_exact(dim);
        for ((z, x), vectors) in states
            .zip_inlined(signals.input_mut().chunks_exact_mut(m))
            .zip_inlined(vectors.chunks_exact_mut(n))
        {
            self.features.values_into(z, x, frame);
            for (form, v) in self.vectors.iter().zip_inlined(vectors.chunks_exact_mut(D)) {
                for i in 0..D {
                    v[i] =
                        form.terms.iter().fold(Lanes::splat(form.offset[i]), |sum, (slot, c)| {
                            sum + z[slot * D + i] * *c
                        });
                }
            }
        }
        self.network.forward(weights, tiles, Order::Values, signals);
    }
}

impl<const D: usize> Model for VectorSumField<D> {
    type Work = VectorSumWork<<Scalars<D> as Features>::Frame>;
    type Sum = f64;

    fn dim(&self) -> usize {
        self.features.dim()
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
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        self.features.set_inputs(inputs)?;
        for form in &mut self.vectors {
            *form = Form::new(inputs, &form.vector)?;
        }
        Ok(true)
    }
    fn work(&self) -> Self::Work {
        VectorSumWork {
            network: NetworkScratch::new(&self.features, &self.network),
            vectors: vec![Lanes::zero(); self.vectors.len() * D * TILES],
            coefficients_bar: vec![Lanes::zero(); self.network.outputs() * TILES],
        }
    }

    fn field_into(&self, weights: &[f64], z: &[f64], dz: &mut [f64], work: &mut Self::Work) {
        let (dim, n) = (self.dim(), self.vectors.len());
        for (at, tiles) in groups(z, dim) {
            gather(z, dim, at, &mut work.network.z[..tiles * dim]);
            self.forward(weights, tiles, work);
            let VectorSumWork { network: NetworkScratch { signals, out, .. }, vectors, .. } = work;
            let out = &mut out[..tiles * dim];
            vectorised(
                #[inline(always)]
                || {
                    let tiles = out
                        .chunks_exact_mut(dim)
                        .zip_inlined(signals.output().chunks_exact(dim / D * n))
                        .zip_inlined(vectors.chunks_exact(n * D));
                    for ((out, coefficients), vectors) in tiles {
                        for (out, coefficients) in
                            out.chunks_exact_mut(D).zip_inlined(coefficients.chunks_exact(n))
                        {
                            set_zero(out);
                            for (c, v) in coefficients.iter().zip_inlined(vectors.chunks_exact(D)) {
                                out.iter_mut().zip_inlined(v).for_each(|(out, v)| *out += *c * *v);
                            }
                        }
                    }
                },
            );
            scatter(out, dim, at, dz);
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
        let (dim, m, n) = (self.dim(), self.features.features(), self.vectors.len());
        for (at, tiles) in groups(z, dim) {
            gather(z, dim, at, &mut work.network.z[..tiles * dim]);
            gather(lambda, dim, at, &mut work.network.w[..tiles * dim]);
            self.forward(weights, tiles, work);
            let VectorSumWork {
                network: NetworkScratch { signals, frame, z, w: lambda, out },
                vectors,
                coefficients_bar,
            } = work;
            let pairs = dim / D * n;
            let lambda = lambda[..tiles * dim].chunks_exact(dim);
            for ((lambda, vectors), bars) in lambda
                .clone()
                .zip_inlined(vectors.chunks_exact(n * D))
                .zip_inlined(coefficients_bar.chunks_exact_mut(pairs))
            {
                for (lambda, bars) in lambda.chunks_exact(D).zip_inlined(bars.chunks_exact_mut(n)) {
                    for (bar, v) in bars.iter_mut().zip_inlined(vectors.chunks_exact(D)) {
                        *bar = lambda
                            .iter()
                            .zip_inlined(v)
                            .fold(Lanes::zero(), |sum, (l, v)| sum + *l * *v);
                    }
                }
            }
            // The vectors' own derivatives need the coefficients, which the reverse sweep leaves
            // where they are.
            let seed = |bar: &mut [Lanes]| bar.copy_from_slice(&coefficients_bar[..bar.len()]);
            self.network.reverse(
                weights,
                tiles,
                Order::Values,
                signals,
                seed,
                Some(&mut *weights_bar),
            );
            let tiles_of = z
                .chunks_exact(dim)
                .zip_inlined(out.chunks_exact_mut(dim))
                .zip_inlined(signals.input_bar().chunks_exact(m));
            for (((z, out), x_bar), (lambda, coefficients)) in
                tiles_of.zip_inlined(lambda.zip_inlined(signals.output().chunks_exact(pairs)))
            {
                self.features.gradient_into(z, x_bar, out, frame);
                for (lambda, coefficients) in
                    lambda.chunks_exact(D).zip_inlined(coefficients.chunks_exact(n))
                {
                    for (form, c) in self.vectors.iter().zip_inlined(coefficients) {
                        for (slot, factor) in &form.terms {
                            for (out, l) in out[slot * D..].iter_mut().zip_inlined(lambda) {
                                *out += *c * *l * *factor;
                            }
                        }
                    }
                }
            }
            scatter(&out[..tiles * dim], dim, at, z_bar);
        }
    }
}

impl<const D: usize> RandomStart for VectorSumField<D> {
    fn initial(&self, rng: &mut dyn RngCore) -> Vec<f64> {
        self.network.initial(rng)
    }
}
