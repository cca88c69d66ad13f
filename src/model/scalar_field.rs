//! Vector fields that are sums of vectors with invariant coefficients.

use super::scalar_hamiltonian::{gather, scatter};
use super::traits::{LinearModel, Model};
use crate::basis::Chebyshev;
use crate::expr::Vector;
use crate::linalg::{LANES, Lanes, Real, ZipInlined, set_zero};
use crate::scalars::{Form, Frame, Inputs, InputsError, ScalarSet};

/// A vector that a [`ScalarField`] is a sum of.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldVector {
    /// The vector v, a combination of input vectors.
    pub vector: Vector,
    /// Whether v / |v| is meant; it counts as zero where v is.
    pub unit: bool,
}

/// dz/dt = (F_1, .., F_2N) with F_a(z) = sum_v c_av(s(z)) v(z): every O(d)-equivariant field has
/// this form (Villar et al. 2021, proposition 4; Yao et al. 2021, equation 6). The coefficients are
/// explicit functions of the scalars s and linear in the parameters,
///
/// c_av(s) = theta_av0 + sum_i sum_(k = 1..n) theta_avik T_k(s_i),
///
/// with the Chebyshev polynomials of each scalar on its range. Nothing is conserved by
/// construction.
#[derive(Clone, Debug)]
pub struct ScalarField {
    scalars: ScalarSet,
    families: Vec<Chebyshev>,
    /// 1, 2, .. up to the highest degree of all families.
    degrees: Vec<usize>,
    /// Each vector with its values, and whether its direction is meant.
    vectors: Vec<(FieldVector, Form)>,
    groups: Vec<Group>,
}

/// The parameters of one coefficient c_av.
#[derive(Clone, Debug)]
struct Group {
    output: usize,
    vector: usize,
    /// Number of its first parameter.
    first: usize,
    /// The functions of the coefficient, one for each parameter: 0 is the constant, then the
    /// polynomials scalar by scalar.
    functions: Vec<usize>,
}

/// Scratch for one block of eight states.
#[derive(Clone, Debug)]
pub struct FieldWork {
    frames: (Frame<1>, Frame<2>, Frame<3>),
    block: BlockWork,
}

#[derive(Clone, Debug)]
struct BlockWork {
    z: Vec<Lanes>,
    lambda: Vec<Lanes>,
    out: Vec<Lanes>,
    s: Vec<Lanes>,
    s_bar: Vec<Lanes>,
    /// Functions, their slopes and their adjoints.
    phi: Vec<Lanes>,
    dphi: Vec<Lanes>,
    phi_bar: Vec<Lanes>,
    /// Vectors, 1 / length of the unit ones, and their adjoints; three components each, whatever
    /// the dimension.
    u: Vec<[Lanes; 3]>,
    inverse: Vec<Lanes>,
    u_bar: Vec<[Lanes; 3]>,
}

impl ScalarField {
    /// A field of all products of the coefficients' functions and the vectors, for every vector of
    /// the state. `families` has one family of polynomials for each scalar.
    ///
    /// # Errors
    /// [`InputsError::Unknown`] when a vector is made of others than those of the inputs.
    ///
    /// # Panics
    /// When there aren't as many families as scalars.
    pub fn new(
        inputs: &Inputs,
        vectors: &[FieldVector],
        scalars: ScalarSet,
        families: Vec<Chebyshev>,
    ) -> Result<Self, InputsError> {
        assert_eq!(scalars.len(), families.len(), "one family of polynomials for each scalar");
        let functions = 1 + families.iter().map(|f| f.degree).sum::<usize>();
        let places =
            (0..2 * inputs.shape.particles).flat_map(|a| (0..vectors.len()).map(move |v| (a, v)));
        let group = |(at, (output, vector))| Group {
            output,
            vector,
            first: at * functions,
            functions: (0..functions).collect(),
        };
        let groups = places.enumerate().map(group).collect();
        let forms = vectors.iter().map(|v| Ok((v.clone(), Form::new(inputs, &v.vector)?)));
        let degrees = (1..=families.iter().map(|f| f.degree).max().unwrap_or(0)).collect();
        Ok(Self {
            vectors: forms.collect::<Result<_, InputsError>>()?,
            scalars,
            families,
            degrees,
            groups,
        })
    }

    /// The scalars that the coefficients are functions of.
    pub fn scalars(&self) -> &ScalarSet {
        &self.scalars
    }

    /// The field that keeps only the parameters in `kept` (ascending).
    pub fn subset(&self, kept: &[usize]) -> Self {
        let mut groups = Vec::new();
        let mut first = 0;
        for group in &self.groups {
            let range = group.first..group.first + group.functions.len();
            let (from, to) = (
                kept.partition_point(|k| *k < range.start),
                kept.partition_point(|k| *k < range.end),
            );
            let functions: Vec<usize> =
                kept[from..to].iter().map(|k| group.functions[k - range.start]).collect();
            if !functions.is_empty() {
                let here = first;
                first += functions.len();
                groups.push(Group {
                    output: group.output,
                    vector: group.vector,
                    first: here,
                    functions,
                });
            }
        }
        Self { groups, ..self.clone() }
    }

    /// Degree of each parameter's function, for ordering simple functions before complicated ones:
    /// 0 for a constant.
    pub fn degrees(&self) -> Vec<usize> {
        let of_functions: Vec<usize> =
            std::iter::once(0).chain(self.families.iter().flat_map(|f| 1..=f.degree)).collect();
        self.groups
            .iter()
            .flat_map(|group| group.functions.iter().map(|k| of_functions[*k]))
            .collect()
    }

    /// Scalars, functions with their slopes, and vectors of the states in `block.z`.
    #[inline(always)]
    fn prepare<const D: usize>(&self, frame: &mut Frame<D>, block: &mut BlockWork) {
        let BlockWork { z, s, phi, dphi, u, inverse, .. } = block;
        self.scalars.values_into(z, frame, s);
        (phi[0], dphi[0]) = (Lanes::splat(1.0), Lanes::zero());
        let mut at = 1;
        for (family, s) in self.families.iter().zip_inlined(s.iter()) {
            family.visit(
                &self.degrees[..family.degree],
                *s,
                #[inline(always)]
                |k, value, slope, _| (phi[at + k], dphi[at + k]) = (value, slope),
            );
            at += family.degree;
        }
        for (((vector, form), u), inverse) in
            self.vectors.iter().zip_inlined(u.iter_mut()).zip_inlined(inverse.iter_mut())
        {
            let mut v: [Lanes; D] = form.at(z);
            if vector.unit {
                *inverse = dot(&v, &v).sqrt().map(
                    #[inline(always)]
                    |r| if r > 0.0 { 1.0 / r } else { 0.0 },
                );
                for v in &mut v {
                    *v *= *inverse;
                }
            }
            u[..D].copy_from_slice(&v);
        }
    }

    /// Writes the field of the block in `block.z` to `block.out`.
    #[inline(always)]
    fn field_block<const D: usize>(
        &self,
        theta: &[f64],
        frame: &mut Frame<D>,
        block: &mut BlockWork,
    ) {
        self.prepare(frame, block);
        let BlockWork { out, phi, u, .. } = block;
        set_zero(out);
        for group in &self.groups {
            let mut c = Lanes::zero();
            for (k, theta) in group.functions.iter().zip_inlined(&theta[group.first..]) {
                c += phi[*k] * *theta;
            }
            for (out, u) in out[group.output * D..][..D].iter_mut().zip_inlined(&u[group.vector]) {
                *out += c * *u;
            }
        }
    }

    /// For the states in `block.z` and `block.lambda`, writes (df/dz)^T lambda to `block.out` and
    /// adds to `theta_bar`.
    #[inline(always)]
    fn vjp_block<const D: usize>(
        &self,
        theta: &[f64],
        theta_bar: &mut [Lanes],
        frame: &mut Frame<D>,
        block: &mut BlockWork,
    ) {
        self.prepare(frame, block);
        let BlockWork { lambda, out, s_bar, phi, dphi, phi_bar, u, inverse, u_bar, .. } = block;
        set_zero(phi_bar);
        u_bar.fill([Lanes::zero(); 3]);
        for group in &self.groups {
            let lambda: &[Lanes; D] =
                lambda[group.output * D..][..D].try_into().expect("D components");
            let (u, u_bar) = (&u[group.vector], &mut u_bar[group.vector]);
            let mut c = Lanes::zero();
            let c_bar = dot(lambda, u[..D].try_into().expect("D components"));
            let range = group.first..group.first + group.functions.len();
            for ((k, theta), theta_bar) in group
                .functions
                .iter()
                .zip_inlined(&theta[range.clone()])
                .zip_inlined(&mut theta_bar[range])
            {
                *theta_bar += c_bar * phi[*k];
                phi_bar[*k] += c_bar * *theta;
                c += phi[*k] * *theta;
            }
            for (u_bar, lambda) in u_bar.iter_mut().zip_inlined(lambda) {
                *u_bar += c * *lambda;
            }
        }
        let mut at = 1;
        for (family, s_bar) in self.families.iter().zip_inlined(s_bar.iter_mut()) {
            *s_bar = Lanes::zero();
            for (phi_bar, dphi) in phi_bar[at..].iter().zip_inlined(&dphi[at..]).take(family.degree)
            {
                *s_bar += *phi_bar * *dphi;
            }
            at += family.degree;
        }
        self.scalars.gradient_into(s_bar, frame, out);
        for ((((vector, form), u), inverse), u_bar) in
            self.vectors.iter().zip_inlined(u).zip_inlined(inverse).zip_inlined(u_bar)
        {
            let mut v_bar: [Lanes; D] = *u_bar.first_chunk().expect("D components");
            if vector.unit {
                // The derivative of v / |v| is (1 - u u^T) / |v|.
                let along = dot(&v_bar, u[..D].try_into().expect("D components"));
                for (v, u) in v_bar.iter_mut().zip_inlined(u) {
                    *v = (*v - along * *u) * *inverse;
                }
            }
            form.pull_back(&v_bar, out);
        }
    }

    #[inline(always)]
    fn columns_block<const D: usize>(
        &self,
        frame: &mut Frame<D>,
        block: &mut BlockWork,
        column: &mut dyn FnMut(usize, &[Lanes]),
    ) {
        self.prepare(frame, block);
        let BlockWork { out, phi, u, .. } = block;
        set_zero(out);
        for group in &self.groups {
            for (k, number) in group.functions.iter().zip_inlined(group.first..) {
                for (out, u) in
                    out[group.output * D..][..D].iter_mut().zip_inlined(&u[group.vector])
                {
                    *out = phi[*k] * *u;
                }
                column(number, out);
            }
            set_zero(&mut out[group.output * D..][..D]);
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

impl Model for ScalarField {
    type Work = FieldWork;
    type Sum = Lanes;

    fn dim(&self) -> usize {
        self.scalars.state_len()
    }
    fn parameters(&self) -> usize {
        self.groups.iter().map(|group| group.functions.len()).sum()
    }
    fn set_inputs(&mut self, inputs: &Inputs) -> Result<bool, InputsError> {
        self.scalars = self.scalars.with_inputs(inputs)?;
        for (vector, form) in &mut self.vectors {
            *form = Form::new(inputs, &vector.vector)?;
        }
        Ok(true)
    }
    fn work(&self) -> FieldWork {
        let zeros = |n: usize| vec![Lanes::zero(); n];
        let (n, m, v) = (self.dim(), self.scalars.len(), self.vectors.len());
        let functions = 1 + self.families.iter().map(|f| f.degree).sum::<usize>();
        let vectors = vec![[Lanes::zero(); 3]; v];
        let block = BlockWork {
            z: zeros(n),
            lambda: zeros(n),
            out: zeros(n),
            s: zeros(m),
            s_bar: zeros(m),
            phi: zeros(functions),
            dphi: zeros(functions),
            phi_bar: zeros(functions),
            u: vectors.clone(),
            inverse: zeros(v),
            u_bar: vectors,
        };
        FieldWork {
            frames: (self.scalars.frame(), self.scalars.frame(), self.scalars.frame()),
            block,
        }
    }

    fn field_into(&self, theta: &[f64], z: &[f64], dz: &mut [f64], work: &mut FieldWork) {
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
        work: &mut FieldWork,
    ) {
        in_dimension!(self, work, |frame, block| {
            for at in (0..z.len() / self.dim()).step_by(LANES) {
                gather(z, at, &mut block.z);
                gather(lambda, at, &mut block.lambda);
                self.vjp_block(theta, theta_bar, frame, block);
                scatter(&block.out, at, z_bar);
            }
        });
    }
}

impl LinearModel for ScalarField {
    fn columns(&self, z: &[Lanes], work: &mut FieldWork, column: &mut dyn FnMut(usize, &[Lanes])) {
        work.block.z.copy_from_slice(z);
        in_dimension!(self, work, |frame, block| self.columns_block(frame, block, column));
    }
}
