//! What is to be explained: chunks, weights, scalars, and the state of learning from them.

use std::borrow::Cow;

use ndarray::Array2;

use crate::dataset::Trajectory;
use crate::deadline::Deadline;
use crate::expr::{Expr, Function, Scalar};
use crate::recover::problem::candidates::{candidates, ranges};
use crate::recover::problem::catalogue::Catalogue;
use crate::recover::problem::component_weights::particle_weights;
use crate::recover::problem::noise_model::NoiseModel;
use crate::recover::problem::teacher::Teacher;
use crate::scalars::{Inputs, InputsError, ScalarSet};
use crate::train::states;

/// What the learner is given.
pub struct Learner<'a> {
    pub(crate) inputs: Inputs,
    pub(crate) train: Cow<'a, [Trajectory]>,
    pub(crate) check: Cow<'a, [Trajectory]>,
    pub(crate) weights: Vec<f64>,
    pub(crate) set: ScalarSet,
    /// The same scalars, and classes of them.
    pub(crate) catalogue: Catalogue,
    pub(crate) ranks: Vec<usize>,
    /// Of each scalar the range of its values; both ends are the same where it is constant.
    pub(crate) ranges: Vec<(f64, f64)>,
    pub(crate) pieces: usize,
    /// Factors for the rows of noisy training chunks.
    pub(crate) factors: Vec<Vec<f64>>,
    /// How noisy chunks are fitted, if they are.
    pub(crate) noise_model: Option<NoiseModel>,
    pub(crate) deadline: Deadline,
    /// Whether the kinetic energy is known to be a sum of p_i^2/2m_i, with no other function of the
    /// momenta beside it; where the masses are known too, the inputs have them.
    pub(crate) kinetic_is_known: bool,
    /// Whom to learn from in the place of the data.
    pub(crate) teacher: Option<Teacher<'a>>,
}

impl<'a> Learner<'a> {
    /// Readies the catalogue for the chunks; `check` are held out, and decide about degrees. Chunks
    /// of one point say nothing.
    ///
    /// # Errors
    /// A scalar does not fit the inputs.
    pub fn new(
        inputs: &Inputs,
        train: &'a [Trajectory],
        check: &'a [Trajectory],
        deadline: Deadline,
    ) -> Result<Self, InputsError> {
        let (scalars, ranks): (Vec<Scalar>, Vec<usize>) =
            candidates(inputs).into_iter().map(|c| (c.scalar, c.rank)).unzip();
        let catalogue = Catalogue::new(inputs, scalars.clone());
        let set = ScalarSet::new(inputs, scalars)?;
        let (train, check) = (of_two_points(train), of_two_points(check));
        let ranges = ranges(inputs, &set, states(&train).view());
        Ok(Self {
            inputs: inputs.clone(),
            weights: particle_weights(inputs, &train),
            train,
            check,
            set,
            catalogue,
            ranks,
            ranges,
            pieces: 1,
            factors: Vec::new(),
            noise_model: None,
            deadline,
            kinetic_is_known: false,
            teacher: None,
        })
    }

    /// The scalars.
    pub fn scalars(&self) -> &[Scalar] {
        self.set.scalars()
    }
    /// Weights of the components of the state.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Inputs, with the masses and the forces on momenta that are known by now.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Takes the kinetic energy of some masses for known from now on; of none, for unknown.
    ///
    /// # Errors
    /// A mass that is not positive.
    pub(crate) fn set_masses(&mut self, masses: Vec<f64>) -> Result<(), InputsError> {
        self.inputs.masses = masses;
        self.set = self.set.with_inputs(&self.inputs)?;
        Ok(())
    }

    /// Whether the data tell anything of functions of a scalar, and these aren't known to be
    /// absent: it varies, or is a constant length.
    pub(crate) fn tells(&self, scalar: usize) -> bool {
        let (low, high) = self.ranges[scalar];
        let (is_beside, is_square) = (!self.inputs.masses.is_empty(), self.is_kinetic(scalar));
        let is_absent = is_beside || self.kinetic_is_known && !is_square;
        let is_absent = is_absent && self.has_momenta(scalar) || self.is_parameter(scalar);
        !is_absent && (high > low || self.is_constant_length(scalar))
    }

    /// Whether a scalar is a parameter: no function of it alone moves anything.
    pub(crate) fn is_parameter(&self, scalar: usize) -> bool {
        matches!(self.scalars()[scalar], Scalar::Parameter(_))
    }

    /// The parameters that differ from run to run.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        let varies = |&i: &usize| self.ranges[i].1 > self.ranges[i].0;
        (0..self.set.len()).filter(|&i| self.is_parameter(i)).filter(varies)
    }

    /// Whether there are any: what was learned, whose basis knows none, is no yardstick then.
    pub(crate) fn has_parameters(&self) -> bool {
        self.parameters().next().is_some()
    }

    /// Whether a scalar is the length of a momentum whose kinetic energy is known: the law has no
    /// other function of it, but on a surface.
    pub(crate) fn is_beside_known(&self, scalar: usize) -> bool {
        let (low, high) = self.ranges[scalar];
        !self.inputs.masses.is_empty() && self.is_kinetic(scalar) && high > low
    }

    /// Whether a scalar is a function of momenta.
    pub(crate) fn has_momenta(&self, scalar: usize) -> bool {
        let mut vectors = self.scalars()[scalar].vectors();
        vectors.any(|v| v.terms().iter().any(|(name, _)| self.is_momentum(name)))
    }

    /// Whether a scalar is the length of a particle's momentum.
    fn is_kinetic(&self, scalar: usize) -> bool {
        matches!(&self.scalars()[scalar], Scalar::Norm(v) if v.terms().len() == 1 && self.has_momenta(scalar))
    }

    /// Whether a scalar is a length of a momentum, or a product of two momenta.
    pub(crate) fn is_quadratic_in_momenta(&self, scalar: usize) -> bool {
        let mut vectors = self.scalars()[scalar].vectors();
        vectors.all(|v| v.terms().iter().all(|(name, _)| self.is_momentum(name)))
    }

    fn is_momentum(&self, name: &str) -> bool {
        name.starts_with('p') && self.inputs().moves(name)
    }

    /// Whether a scalar is in the law as its square alone: a momentum's length, where the kinetic
    /// energy is known.
    pub(crate) fn is_square(&self, scalar: usize) -> bool {
        self.kinetic_is_known && self.is_kinetic(scalar)
    }

    /// Whether a scalar is a length on a line that passes through zero within a chunk.
    pub(crate) fn passes_zero(&self, scalar: usize) -> bool {
        let Scalar::Norm(vector) = &self.scalars()[scalar] else { return false };
        let on_a_line = self.inputs.shape.dimension == 1;
        let slots: Option<Vec<(usize, f64)>> =
            vector.terms().iter().map(|(n, c)| Some((self.inputs.slot(n)?, *c))).collect();
        let Some(slots) = slots.filter(|_| on_a_line) else { return false };
        let value =
            |row: ndarray::ArrayView1<f64>| -> f64 { slots.iter().map(|(k, c)| c * row[*k]).sum() };
        self.train.iter().any(|chunk| {
            let values: Vec<f64> = chunk.states.rows().into_iter().map(value).collect();
            values.windows(2).any(|w| w[0] * w[1] <= 0.0)
        })
    }

    /// Whether a law has a kink where a length on a line passes through zero: an odd or broken power of
    /// it, or a function that is not even.
    pub(crate) fn has_kink(&self, law: &Expr) -> bool {
        let passes = |scalar: &Scalar| {
            let place = self.scalars().iter().position(|other| other == scalar);
            place.is_some_and(|i| self.passes_zero(i))
        };
        match law {
            Expr::Scalar(scalar) => passes(scalar),
            Expr::Pow(x, n) if matches!(**x, Expr::Scalar(_)) && n % 2.0 == 0.0 => false,
            Expr::Apply(Function::Cos, x)
                if x.scalars().len() == 1 && !matches!(**x, Expr::Sum(_)) =>
            {
                false
            }
            Expr::Sum(all) | Expr::Product(all) => all.iter().any(|x| self.has_kink(x)),
            Expr::Pow(x, _) | Expr::Apply(_, x) => self.has_kink(x),
            Expr::Constant(_) => false,
        }
    }

    /// Whether a scalar is a length that is the same in all states but not zero: of a rod, of a bond,
    /// of a circular orbit. All that the data tell of a function of it is its slope there.
    pub(crate) fn is_constant_length(&self, scalar: usize) -> bool {
        let (low, high) = self.ranges[scalar];
        matches!(self.scalars()[scalar], Scalar::Norm(_)) && low == high && low > 0.0
    }

    /// Such lengths, with their values.
    pub(crate) fn constant_lengths(&self) -> impl Iterator<Item = (&Scalar, f64)> {
        let constant = (0..self.set.len()).filter(|&i| self.is_constant_length(i));
        constant.map(|i| (&self.scalars()[i], self.ranges[i].0))
    }

    /// Pieces that each interval is cut into.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Training chunks.
    pub(crate) fn train(&self) -> &[Trajectory] {
        &self.train
    }

    /// States of the training chunks, so many at most, evenly taken.
    pub(crate) fn some_states(&self, most: usize) -> Array2<f64> {
        let all = states(&self.train);
        let rows: Vec<usize> =
            (0..all.nrows()).step_by(all.nrows().div_ceil(most).max(1)).collect();
        all.select(ndarray::Axis(0), &rows)
    }

    /// Training chunks, so many at most, evenly taken.
    pub(crate) fn some_chunks(&self, most: usize) -> Vec<Trajectory> {
        let step = self.train.len().div_ceil(most.max(1)).max(1);
        self.train.iter().step_by(step).cloned().collect()
    }

    /// When the time is over.
    pub(crate) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Whether the time is over.
    pub(crate) fn late(&self) -> bool {
        self.deadline.is_over()
    }
}

pub(crate) fn of_two_points(chunks: &[Trajectory]) -> Cow<'_, [Trajectory]> {
    let enough = |c: &&Trajectory| c.times.len() > 1;
    if chunks.iter().all(|c| enough(&c)) {
        chunks.into()
    } else {
        chunks.iter().filter(enough).cloned().collect()
    }
}
