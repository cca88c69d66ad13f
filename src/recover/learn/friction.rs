//! Friction against the momenta, which no Hamiltonian gives: looked for beside what is learned, and
//! known in all that moves from then on.

use ndarray::{Array2, Axis, concatenate, s};

use crate::expr::{Expr, Vector, VectorExpr};
use crate::linalg::{
    self, Lanes, Projection, Real, jacobian, triangular_factor, triangular_inverse, with_ridge,
};
use crate::model::ScalarHamiltonian;
use crate::recover::covariance::redundancy;
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::form_on_paths::column;
use crate::recover::learn::limits::NOISY;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;
use crate::scalars::{InputsError, ScalarSet};

/// Forces against the momenta, -gamma_i p_i on particle i, beside a Hamiltonian:
/// dp_i/dt = -dH/dq_i - gamma_i p_i.
#[derive(Clone, Debug, PartialEq)]
pub struct Friction {
    /// gamma_i: the rate at which the momentum of particle i decays.
    pub rates: Vec<f64>,
    /// Their standard errors.
    pub errors: Vec<f64>,
    /// Root mean square residual along paths without friction.
    pub misfit_without: f64,
    /// Root mean square residual along paths with friction.
    pub misfit_with: f64,
}

/// Friction is reported when it takes away this part of the sum of squares that the learned
/// Hamiltonian leaves..
const SHARE: f64 = 0.2;

/// ..and when a rate is so many standard errors away from zero.
const STANDS_OUT: f64 = 8.0;

/// Misfits below this leave nothing to explain.
const NOTHING: f64 = 1e-6;

/// Rounds in which rates and the law beside them settle.
const ROUNDS: usize = 6;

/// A change of a rate by this part of its error is none.
const SETTLED: f64 = 0.05;

impl Friction {
    /// The force on each particle, -gamma_i p_i, by name of its position.
    pub fn forces(&self) -> Vec<(String, VectorExpr)> {
        let force = |(i, rate): (usize, &f64)| {
            let momentum = Vector::named(format!("p{}", i + 1));
            let force = VectorExpr::from_terms([(Expr::Constant(-rate), momentum)]);
            (format!("q{}", i + 1), force)
        };
        self.rates.iter().enumerate().map(force).collect()
    }

    /// Whether a rate stands out.
    fn stands_out(&self) -> bool {
        self.rates.iter().zip(&self.errors).any(|(r, e)| r.abs() > STANDS_OUT * e)
    }
}

impl Learner<'_> {
    /// Looks for friction in what the learned Hamiltonian does not explain: momenta as forces are
    /// offered beside the functions of its basis.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub(crate) fn friction(&self, fitted: &Fitted) -> linalg::Result<Option<Friction>> {
        if fitted.misfit < NOTHING {
            return Ok(None);
        }
        let paths = self.paths(Some(&fitted.flow()), &fitted.trust);
        let n = fitted.theta.len();
        let columns = paths.design(&fitted.model).into_iter().zip(self.drag(&paths));
        let design: Vec<Array2<f64>> = columns
            .map(|(design, drag)| {
                concatenate![Axis(1), design.slice(s![.., ..n]), drag, design.slice(s![.., n..])]
            })
            .collect();
        let friction = self.rates_of(&design, fitted.rows)?;
        let (before, after) = (friction.misfit_without.powi(2), friction.misfit_with.powi(2));
        let found = friction.stands_out() && before - after > SHARE * before;
        Ok(found.then_some(friction))
    }

    /// The increments that a friction of rate one on each particle makes along paths, a column a
    /// particle, in blocks of rows as [`Paths::design`] has them.
    pub(crate) fn drag(&self, paths: &Paths) -> Vec<Array2<f64>> {
        let (particles, d) = (self.inputs().shape.particles, self.inputs().shape.dimension);
        let half = particles * d;
        paths.of_fields(particles, &|z, fields| {
            fields.fill(Lanes::zero());
            for k in half..2 * half {
                fields[(k - half) / d * 2 * half + k] = -z[k];
            }
        })
    }

    /// What no friction explains of a vector of increments along paths: all of it where there is
    /// none.
    pub(crate) fn beside_friction(&self, paths: &Paths) -> Projection {
        let mut beside = Projection::default();
        if !self.inputs().friction.is_empty() {
            let drag = self.drag(paths);
            for i in 0..self.inputs().shape.particles {
                beside.push(&column(&drag, i).to_vec());
            }
        }
        beside
    }

    /// Rates from a matrix in blocks of rows: other columns, that of each particle's friction, and
    /// what is to be explained beside the friction that is known.
    fn rates_of(&self, design: &[Array2<f64>], rows: usize) -> linalg::Result<Friction> {
        let factor = with_ridge(&triangular_factor(design)?)?;
        let last = factor.ncols() - 1;
        let first = last - self.inputs().shape.particles;
        let rows = rows.max(1) as f64;
        let after = factor[[last, last]] * factor[[last, last]];
        let tail = factor.slice(s![first.., last]);
        let before = tail.dot(&tail);
        let inverse = triangular_inverse(&factor.slice(s![first..last, first..last]))?;
        let more = inverse.dot(&factor.slice(s![first..last, last]));
        // What is left without noise is systematic: the rows of one chunk say it but once.
        let is_noise = (after / rows).sqrt() > NOISY;
        let repeated = if is_noise { 1.0 } else { rows / self.train().len().max(1) as f64 };
        let sigma = (after / rows * redundancy(self.train()) * repeated).sqrt();
        let errors = inverse.rows().into_iter().map(|r| sigma * r.dot(&r).sqrt()).collect();
        let known = self.inputs().friction.iter().copied().chain(std::iter::repeat(0.0));
        let rates = more.iter().zip(known).map(|(more, known)| more + known).collect();
        log::debug!("friction: {before:.3e} to {after:.3e}, rates {rates:?}, errors {errors:?}");
        Ok(Friction {
            rates,
            errors,
            misfit_without: (before / rows).sqrt(),
            misfit_with: (after / rows).sqrt(),
        })
    }

    /// Takes friction of some rates for known from now on; none for no rates.
    ///
    /// # Errors
    /// Rates that are not finite.
    pub(crate) fn set_friction(&mut self, rates: Vec<f64>) -> Result<(), InputsError> {
        self.inputs.friction = rates;
        self.set = ScalarSet::new(&self.inputs, self.set.scalars().to_vec())?;
        Ok(())
    }

    /// The rates beside a law, and the law beside these rates, each improved in turn until they
    /// settle; none where no rate stands out any more.
    ///
    /// # Errors
    /// An unknown vector, numbers that are not finite.
    pub(crate) fn settle_friction(
        &mut self,
        law: &mut Adjusted,
        friction: Friction,
        fitted: &Fitted,
    ) -> Result<Option<Friction>, RecoverError> {
        let mut friction = friction;
        for _ in 0..ROUNDS {
            let next = self.friction_beside(&law.expression, fitted)?;
            let change = next.rates.iter().zip(&friction.rates).map(|(a, b)| (a - b).abs());
            let settled = change.zip(&next.errors).all(|(change, error)| change <= SETTLED * error);
            friction = Friction { misfit_without: friction.misfit_without, ..next };
            self.set_friction(friction.rates.clone())?;
            *law = self.fitted_again(law, fitted)?;
            if settled || self.late() {
                break;
            }
        }
        if friction.stands_out() {
            return Ok(Some(friction));
        }
        self.set_friction(Vec::new())?;
        *law = self.fitted_again(law, fitted)?;
        Ok(None)
    }

    /// A law with its constants fitted again: in noise the most likely ones.
    fn fitted_again(&self, law: &Adjusted, fitted: &Fitted) -> Result<Adjusted, RecoverError> {
        match self.noise_model() {
            Some(noise_model) => {
                let likely = self.likely(&law.expression, noise_model, None);
                Ok(likely.map_or_else(|| law.clone(), |fit| fit.adjusted))
            }
            None => self.adjust(&law.expression, fitted),
        }
    }

    /// Rates beside a law with all its constants free, along its own paths.
    fn friction_beside(&self, law: &Expr, fitted: &Fitted) -> Result<Friction, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), law)?;
        let theta = law.constants();
        let paths = self.paths(Some(&Flow { model: &model, theta: &theta }), &fitted.trust);
        let increments = |theta: &[f64]| column(&paths.increments(&model, theta), 0);
        let mut columns = jacobian(&increments, &theta);
        let drag = self.drag(&paths);
        columns.extend((0..self.inputs().shape.particles).map(|i| column(&drag, i)));
        let blocks = paths.increments(&model, &theta);
        columns.push(column(&blocks, 1) - column(&blocks, 0));
        let shape = (columns[0].len(), columns.len());
        let design = Array2::from_shape_fn(shape, |(row, k)| columns[k][row]);
        Ok(self.rates_of(&[design], paths.weight() as usize)?)
    }
}
