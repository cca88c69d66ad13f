//! Forces that no Hamiltonian gives: looked for beside what is learned, and known in all that moves
//! from then on.

use ndarray::{Array2, Axis, concatenate, s};

use crate::expr::Expr;
use crate::linalg::{
    self, Lanes, Projection, Real, jacobian, triangular_factor, triangular_inverse, with_ridge,
};
use crate::model::ScalarHamiltonian;
use crate::recover::covariance::redundancy;
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::form_on_paths::{column, columns_in};
use crate::recover::learn::limits::NOISY;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;
use crate::scalars::{InputsError, MomentumForce, MomentumForceKind};

/// Forces beside a Hamiltonian, dp_i/dt = -dH/dq_i + these.
#[derive(Clone, Debug, PartialEq)]
pub struct Nonconservative {
    /// Of each kind one.
    pub forces: Vec<MomentumForce>,
    /// Standard errors of the coefficients of each.
    pub errors: Vec<Vec<f64>>,
    /// Root mean square residual along paths without them.
    pub misfit_without: f64,
    /// Root mean square residual along paths with them.
    pub misfit_with: f64,
}

/// A force is reported when it takes away this part of the sum of squares that the learned
/// Hamiltonian leaves..
const SHARE: f64 = 0.2;

/// ..and when a coefficient is so many standard errors away from zero.
pub(crate) const STANDS_OUT: f64 = 8.0;

/// Misfits below this leave nothing to explain.
const NOTHING: f64 = 1e-6;

/// Rounds in which coefficients and the law beside them settle.
const ROUNDS: usize = 6;

/// A change of a coefficient by this part of its error is none.
const SETTLED: f64 = 0.05;

impl Nonconservative {
    /// The coefficients of a kind of force with their standard errors, if it is there.
    pub fn of(&self, kind: MomentumForceKind) -> Option<(&[f64], &[f64])> {
        let k = self.forces.iter().position(|force| force.kind == kind)?;
        Some((&self.forces[k].coefficients, &self.errors[k]))
    }

    /// Which of its forces have a coefficient that stands out.
    fn standing_out(&self) -> Vec<MomentumForceKind> {
        let stands_out = |(force, errors): &(&MomentumForce, &Vec<f64>)| {
            let stands_out = |(c, e): (&f64, &f64)| c.abs() > STANDS_OUT * e;
            let mut both = force.coefficients.iter().zip(errors.iter());
            // Drag never gives energy: what does is the bias of noisy momenta.
            let gives = |(c, e): (&f64, &f64)| *c < 0.0 && stands_out((c, e));
            let is_drag = force.kind == MomentumForceKind::Drag;
            both.clone().any(stands_out) && !(is_drag && both.any(gives))
        };
        self.forces.iter().zip(&self.errors).filter(stands_out).map(|(f, _)| f.kind).collect()
    }

    /// By which part it lowers the sum of squares.
    fn share(&self) -> f64 {
        1.0 - (self.misfit_with / self.misfit_without).powi(2)
    }
}

impl Learner<'_> {
    /// Looks for one more force in what the learned Hamiltonian, with the forces that are known, does
    /// not explain: the kind that explains most of it. The columns of each are offered beside the
    /// functions of the basis.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub(crate) fn nonconservative(
        &self,
        fitted: &Fitted,
    ) -> linalg::Result<Option<Nonconservative>> {
        if fitted.misfit < NOTHING {
            return Ok(None);
        }
        let paths = self.paths(Some(&fitted.flow()), &fitted.trust);
        let (n, law) = (fitted.theta.len(), paths.design(&fitted.model));
        let known = self.kinds();
        let mut best: Option<Nonconservative> = None;
        for more in MomentumForceKind::ALL {
            let kinds: Vec<_> = known.iter().copied().chain([more]).collect();
            if known.contains(&more) || more.numbers(self.inputs().shape.dimension) == 0 {
                continue;
            }
            let beside = |(law, forces): (&Array2<f64>, Array2<f64>)| {
                concatenate![Axis(1), law.slice(s![.., ..n]), forces, law.slice(s![.., n..])]
            };
            let design: Vec<Array2<f64>> =
                law.iter().zip(self.columns_of(&kinds, &paths)).map(beside).collect();
            let found = self.coefficients(&design, &kinds, fitted.rows)?;
            let is_one = found.standing_out().contains(&more) && found.share() > SHARE;
            if is_one && best.as_ref().is_none_or(|b| found.misfit_with < b.misfit_with) {
                best = Some(found);
            }
        }
        Ok(best)
    }

    /// The kinds of forces that are known.
    fn kinds(&self) -> Vec<MomentumForceKind> {
        self.inputs().momentum_forces.iter().map(|force| force.kind).collect()
    }

    /// The increments that each coefficient of some kinds of forces makes along paths, a column a
    /// coefficient, in blocks of rows as [`Paths::design`] has them.
    fn columns_of(&self, kinds: &[MomentumForceKind], paths: &Paths) -> Vec<Array2<f64>> {
        let shape = self.inputs().shape;
        let each: Vec<MomentumForce> =
            kinds.iter().flat_map(|kind| MomentumForce::each(*kind, shape)).collect();
        self.columns_of_forces(&each, paths)
    }

    /// The increments that some forces make along paths, a column a force.
    pub(crate) fn columns_of_forces(
        &self,
        each: &[MomentumForce],
        paths: &Paths,
    ) -> Vec<Array2<f64>> {
        let shape = self.inputs().shape;
        let half = self.inputs().state_len() / 2;
        paths.of_fields(each.len(), &|z, fields| {
            fields.fill(Lanes::zero());
            for (force, field) in each.iter().zip(fields.chunks_exact_mut(2 * half)) {
                force.add(shape.dimension, &z[half..], &mut field[half..]);
            }
        })
    }

    /// The increments that each coefficient of the known forces makes.
    pub(crate) fn force_columns(&self, paths: &Paths) -> Vec<Array2<f64>> {
        self.columns_of(&self.kinds(), paths)
    }

    /// What no coefficients of the known forces explain of a vector of increments along paths: all
    /// of it where there are none.
    pub(crate) fn beside_forces(&self, paths: &Paths) -> Projection {
        let mut beside = Projection::default();
        if !self.inputs().momentum_forces.is_empty() {
            for column in columns_in(&self.force_columns(paths)) {
                beside.push(&column.to_vec());
            }
        }
        beside
    }

    /// Coefficients from a matrix in blocks of rows: other columns, those of forces of some kinds,
    /// and what is to be explained beside the forces that are known.
    fn coefficients(
        &self,
        design: &[Array2<f64>],
        kinds: &[MomentumForceKind],
        rows: usize,
    ) -> linalg::Result<Nonconservative> {
        let shape = self.inputs().shape;
        let numbers = |kind: MomentumForceKind| kind.numbers(shape.dimension) * shape.particles;
        let factor = with_ridge(&triangular_factor(design)?)?;
        let last = factor.ncols() - 1;
        let first = last - kinds.iter().map(|kind| numbers(*kind)).sum::<usize>();
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
        let errors: Vec<f64> =
            inverse.rows().into_iter().map(|r| sigma * r.dot(&r).sqrt()).collect();
        let known = self.inputs().momentum_forces.iter();
        let mut found = Nonconservative {
            forces: Vec::new(),
            errors: Vec::new(),
            misfit_without: (before / rows).sqrt(),
            misfit_with: (after / rows).sqrt(),
        };
        let mut at = 0;
        for kind in kinds {
            let own = at..at + numbers(*kind);
            let mut coefficients = more.slice(s![own.clone()]).to_vec();
            if let Some(known) = known.clone().find(|force| force.kind == *kind) {
                coefficients.iter_mut().zip(&known.coefficients).for_each(|(c, k)| *c += k);
            }
            at = own.end;
            found.errors.push(errors[own].to_vec());
            found.forces.push(MomentumForce { kind: *kind, coefficients });
        }
        log::debug!("beside a Hamiltonian: {before:.3e} to {after:.3e}, {found:?}");
        Ok(found)
    }

    /// Takes some forces for known from now on.
    ///
    /// # Errors
    /// Coefficients that are not finite.
    pub(crate) fn set_forces(&mut self, forces: Vec<MomentumForce>) -> Result<(), InputsError> {
        self.inputs.momentum_forces = forces;
        self.set = self.set.with_inputs(&self.inputs)?;
        Ok(())
    }

    /// The coefficients beside a law, and the law beside these, each improved in turn until they
    /// settle, without the forces that don't stand out any more; none where none is left.
    ///
    /// # Errors
    /// An unknown vector, numbers that are not finite.
    pub(crate) fn settle_forces(
        &mut self,
        law: &mut Adjusted,
        first: Nonconservative,
        fitted: &Fitted,
    ) -> Result<Option<Nonconservative>, RecoverError> {
        let mut found = first;
        for _ in 0..ROUNDS {
            let kinds = self.kinds();
            let next = self.coefficients_beside(&law.expression, &kinds, fitted)?;
            let kept = next.standing_out();
            let [new, old] = [&next, &found].map(Nonconservative::coefficients);
            let change = new.iter().zip(&old).map(|(a, b)| (a - b).abs());
            let errors = next.errors.concat();
            let settled = kept.len() == kinds.len()
                && change.zip(&errors).all(|(change, error)| change <= SETTLED * error);
            found = Nonconservative { misfit_without: found.misfit_without, ..next };
            found.retain(&kept);
            self.set_forces(found.forces.clone())?;
            *law = self.fitted_again(law, fitted)?;
            if settled || found.forces.is_empty() || self.late() {
                break;
            }
        }
        Ok((!found.forces.is_empty()).then_some(found))
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

    /// Coefficients beside a law with all its constants free, along its own paths.
    fn coefficients_beside(
        &self,
        law: &Expr,
        kinds: &[MomentumForceKind],
        fitted: &Fitted,
    ) -> Result<Nonconservative, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), law)?;
        let theta = law.constants();
        let paths = self.paths(Some(&Flow { model: &model, theta: &theta }), &fitted.trust);
        let increments = |theta: &[f64]| column(&paths.increments(&model, theta), 0);
        let mut columns = jacobian(&increments, &theta);
        columns.extend(columns_in(&self.columns_of(kinds, &paths)));
        let blocks = paths.increments(&model, &theta);
        columns.push(column(&blocks, 1) - column(&blocks, 0));
        let shape = (columns[0].len(), columns.len());
        let design = Array2::from_shape_fn(shape, |(row, k)| columns[k][row]);
        Ok(self.coefficients(&[design], kinds, paths.weight() as usize)?)
    }
}

impl Nonconservative {
    /// All coefficients, of a force after the other.
    fn coefficients(&self) -> Vec<f64> {
        self.forces.iter().flat_map(|force| force.coefficients.clone()).collect()
    }

    /// Keeps the forces of some kinds.
    fn retain(&mut self, kinds: &[MomentumForceKind]) {
        let is_kept: Vec<bool> = self.forces.iter().map(|f| kinds.contains(&f.kind)).collect();
        let mut kept = is_kept.iter();
        self.forces.retain(|_| *kept.next().unwrap_or(&false));
        let mut kept = is_kept.iter();
        self.errors.retain(|_| *kept.next().unwrap_or(&false));
    }
}
