//! What was learned in natural units, put back into those of the table.

use std::borrow::Cow;

use ndarray::{Array1, Array2};

use crate::basis::{Map, ProductBasis};
use crate::dataset::Units;
use crate::expr::Expr;
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::assemble::exact::Discovered;
use crate::recover::error::RecoverError;
use crate::recover::form::Refit;
use crate::recover::judge::rivals::Rival;
use crate::recover::learn::nonconservative::Nonconservative;
use crate::recover::noise::NoiseFound;
use crate::recover::refit::constants::ROUNDOFF;
use crate::scalars::{Inputs, MomentumForce, ScalarSet};
use crate::train::Learned;

/// A learned Hamiltonian, with the settings of its training.
pub(crate) fn learned(
    units: &Units,
    inputs: &Inputs,
    natural: Learned<ProductBasis>,
) -> Result<Learned<ProductBasis>, RecoverError> {
    let scalars = natural.model.scalars().scalars().to_vec();
    let basis = natural.model.function();
    let mut axes = basis.axes().to_vec();
    for axis in &mut axes {
        let unit = units.of_scalar(&scalars[axis.scalar]);
        match axis.map {
            Map::Identity => {
                (axis.centre, axis.half_width) = (axis.centre * unit, axis.half_width * unit)
            }
            Map::Logarithm => axis.centre += unit.ln(),
            Map::Square => {
                (axis.centre, axis.half_width) =
                    (axis.centre * unit * unit, axis.half_width * unit * unit)
            }
            Map::Inverse => {
                (axis.centre, axis.half_width) = (axis.centre / unit, axis.half_width / unit)
            }
        }
    }
    let basis = ProductBasis::new(scalars.len(), axes, basis.functions().to_vec());
    let Learned { model, mut fit, mut settings, integration_error } = natural;
    fit.theta.iter_mut().for_each(|theta| *theta *= units.energy());
    settings.rollout.step *= units.time;
    let dim = settings.weights.len();
    settings
        .weights
        .iter_mut()
        .zip(units.of_state(dim))
        .for_each(|(weight, unit)| *weight /= unit * unit);
    let forces = in_table(units, model.scalars().momentum_forces());
    let masses = model.scalars().masses().iter().map(|m| m * units.mass()).collect();
    let inputs = inputs.clone().with_momentum_forces(forces).with_masses(masses);
    Ok(Learned {
        model: ScalarHamiltonian::new(ScalarSet::new(&inputs, scalars)?, basis),
        fit,
        settings,
        integration_error,
    })
}

/// Relative step of differences.
const STEP: f64 = 1e-5;

/// The units of a table, and what is known beside the laws in natural ones.
pub(crate) struct Table<'a> {
    pub units: &'a Units,
    /// The table's inputs, with its masses where they are known.
    pub inputs: Inputs,
    /// Standard errors of these, where they have any.
    pub mass_errors: &'a [f64],
}

impl Table<'_> {
    /// A whole law: one in natural units, and the kinetic energy where it is known.
    pub fn whole(&self, natural: &Expr) -> Expr {
        self.whole_with(self.inputs.masses.clone(), natural)
    }

    fn whole_with(&self, masses: Vec<f64>, natural: &Expr) -> Expr {
        let own = self.units.hamiltonian(natural);
        if masses.is_empty() {
            return own;
        }
        // As they are, so that every constant stays one.
        let mut terms = self.inputs.clone().with_masses(masses).kinetic_terms();
        match own {
            Expr::Sum(own) => terms.extend(own),
            own => terms.push(own),
        }
        Expr::Sum(terms)
    }

    /// By how much the constants of a whole law change with each mass, for one standard error of it.
    fn by_masses(&self, natural: &Expr) -> Vec<Array1<f64>> {
        let by = |(i, error): (usize, &f64)| {
            let moved = |sign: f64| {
                let mut masses = self.inputs.masses.clone();
                // Less than half of it, so that it stays one.
                masses[i] += sign * error.min(0.5 * masses[i]);
                Array1::from(self.whole_with(masses, natural).constants())
            };
            0.5 * (moved(1.0) - moved(-1.0))
        };
        let masses = self.mass_errors.iter().take(self.inputs.masses.len());
        masses.enumerate().filter(|(_, error)| **error > 0.0).map(by).collect()
    }
}

/// A fitted law, whole. Its constants are smooth functions of the natural ones: linear, but that a
/// unit has a fitted exponent too; those of the kinetic energy are as well known as its masses.
pub(crate) fn refit(table: &Table, natural: &Refit) -> Refit {
    let out = |constants: &[f64]| table.whole(&natural.expression.with_constants(constants));
    let constants = natural.expression.constants();
    let expression = out(&constants);
    let values = Array1::from(expression.constants());
    let mut jacobian = Array2::zeros((values.len(), constants.len()));
    for (k, mut column) in jacobian.columns_mut().into_iter().enumerate() {
        let step = STEP * if constants[k] == 0.0 { 1.0 } else { constants[k] };
        let [up, down] = [step, -step].map(|step| {
            let mut moved = constants.clone();
            moved[k] += step;
            Array1::from(out(&moved).constants())
        });
        column.assign(&((up - down) / (2.0 * step)));
    }
    let mut covariance = jacobian.dot(&natural.covariance).dot(&jacobian.t());
    for change in table.by_masses(&natural.expression) {
        let column = change.insert_axis(ndarray::Axis(1));
        covariance = covariance + column.dot(&column.t());
    }
    for (k, value) in values.iter().enumerate() {
        covariance[[k, k]] = covariance[[k, k]].max((ROUNDOFF * value).powi(2));
    }
    Refit { expression, covariance, error: natural.error }
}

/// All expressions that were found.
pub(crate) fn discovered(table: &Table, mut natural: Discovered) -> Discovered {
    for law in std::iter::once(&mut natural.chosen).chain(&mut natural.laws) {
        law.expression = table.whole(&law.expression);
    }
    let parts = natural.parts.iter_mut().flatten().map(|form| &mut form.expression);
    parts.for_each(|expression| *expression = table.units.hamiltonian(expression));
    natural
}

/// Rivals of the law.
pub(crate) fn rivals(table: &Table, mut natural: Vec<Rival>) -> Vec<Rival> {
    for rival in &mut natural {
        rival.expression = table.whole(&rival.expression);
    }
    natural
}

/// Forces on momenta.
pub(crate) fn in_table(units: &Units, natural: &[MomentumForce]) -> Vec<MomentumForce> {
    natural.iter().map(|force| force.scaled(1.0 / units.time, 1.0 / units.momentum)).collect()
}

/// Forces beside the Hamiltonian, with their errors.
pub(crate) fn nonconservative(units: &Units, natural: Nonconservative) -> Nonconservative {
    let error = |(force, errors): (&MomentumForce, Vec<f64>)| {
        let errors = MomentumForce { kind: force.kind, coefficients: errors };
        errors.scaled(1.0 / units.time, 1.0 / units.momentum).coefficients
    };
    Nonconservative {
        errors: natural.forces.iter().zip(natural.errors).map(error).collect(),
        forces: in_table(units, &natural.forces),
        ..natural
    }
}

/// A model in natural units: f'(z') = T f(U z') / U with the units U of the state's components and
/// T of time.
pub(crate) struct Natural<'a, M> {
    model: &'a M,
    state: Vec<f64>,
    time: f64,
}

impl<'a, M: Model> Natural<'a, M> {
    pub fn new(model: &'a M, units: &Units) -> Self {
        Self { model, state: units.of_state(model.dim()).collect(), time: units.time }
    }

    /// Each component of a batch times a function of its unit.
    fn scaled(&self, batch: &[f64], factor: impl Fn(f64) -> f64) -> Vec<f64> {
        let size = batch.len() / self.state.len();
        batch
            .chunks_exact(size.max(1))
            .zip(&self.state)
            .flat_map(|(x, unit)| x.iter().map(|x| x * factor(*unit)).collect::<Vec<_>>())
            .collect()
    }
}

impl<M: Model> Model for Natural<'_, M> {
    type Work = M::Work;
    type Sum = M::Sum;

    fn dim(&self) -> usize {
        self.model.dim()
    }
    fn parameters(&self) -> usize {
        self.model.parameters()
    }
    fn weights(&self) -> usize {
        self.model.weights()
    }
    fn expand<'t>(&self, theta: &'t [f64]) -> Cow<'t, [f64]> {
        self.model.expand(theta)
    }
    fn contract(&self, weights_bar: &[f64], theta_bar: &mut [f64]) {
        self.model.contract(weights_bar, theta_bar);
    }
    fn work(&self) -> Self::Work {
        self.model.work()
    }
    fn field_into(&self, weights: &[f64], z: &[f64], dz: &mut [f64], work: &mut Self::Work) {
        self.model.field_into(weights, &self.scaled(z, |u| u), dz, work);
        dz.copy_from_slice(&self.scaled(dz, |u| self.time / u));
    }
    fn vjp_into(
        &self,
        weights: &[f64],
        z: &[f64],
        lambda: &[f64],
        z_bar: &mut [f64],
        weights_bar: &mut [Self::Sum],
        work: &mut Self::Work,
    ) {
        let (z, lambda) = (self.scaled(z, |u| u), self.scaled(lambda, |u| self.time / u));
        self.model.vjp_into(weights, &z, &lambda, z_bar, weights_bar, work);
        z_bar.copy_from_slice(&self.scaled(z_bar, |u| u));
    }
}

/// Deviations of noise.
pub(crate) fn noise(units: &Units, mut natural: NoiseFound) -> NoiseFound {
    let dim = natural.deviation.len();
    natural
        .deviation
        .iter_mut()
        .zip(units.of_state(dim))
        .for_each(|(deviation, unit)| *deviation *= unit);
    natural
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{Refit, Table, refit};
    use crate::dataset::{Shape, Units};
    use crate::scalars::Inputs;

    #[test]
    fn errors_of_exponents_are_errors_of_strengths_in_other_units() {
        // c r^n in units of length L: c' = c E L^-n, so that dc' = E L^-n (dc - c log(L) dn).
        let covariance = Array2::from_shape_vec((2, 2), vec![4e-6, 1e-7, 1e-7, 1e-6]).unwrap();
        let natural = Refit {
            expression: "3*norm(q1)**1.7".parse().unwrap(),
            covariance: covariance.clone(),
            error: 0.0,
        };
        let units =
            Units { length: 1024.0, time: 64.0, momentum: 0.5, context: vec![], of_run: vec![] };
        let shape = Shape { particles: 1, dimension: 1 };
        let inputs = Inputs::new(shape, vec![0.0], Vec::new()).unwrap();
        let scaled = refit(&Table { units: &units, inputs, mass_errors: &[] }, &natural);
        let (factor, log) = (units.energy() * units.length.powf(-1.7), units.length.ln());
        assert!(
            (scaled.expression.constants()[0] / (3.0 * factor) - 1.0).abs() < 1e-12,
            "{}",
            scaled.expression
        );
        let jacobian = ndarray::arr2(&[[factor, -3.0 * log * factor], [0.0, 1.0]]);
        let expected = jacobian.dot(&covariance).dot(&jacobian.t());
        for (a, b) in scaled.covariance.iter().zip(&expected) {
            assert!((a / b - 1.0).abs() < 1e-6, "{} {expected}", scaled.covariance);
        }
    }
}
