//! What was learned in natural units, put back into those of the table.

use std::borrow::Cow;

use ndarray::{Array1, Array2};

use crate::basis::{Map, ProductBasis};
use crate::dataset::Units;
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::assemble::exact::Discovered;
use crate::recover::error::RecoverError;
use crate::recover::form::Refit;
use crate::recover::judge::rivals::Rival;
use crate::recover::learn::nonconservative::Nonconservative;
use crate::recover::noise::NoiseFound;
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
    let inputs = inputs.clone().with_momentum_forces(forces);
    Ok(Learned {
        model: ScalarHamiltonian::new(ScalarSet::new(&inputs, scalars)?, basis),
        fit,
        settings,
        integration_error,
    })
}

/// Relative step of differences.
const STEP: f64 = 1e-5;

/// A fitted law. Its constants are smooth functions of the natural ones: linear, but that a unit
/// has a fitted exponent too.
pub(crate) fn refit(units: &Units, natural: &Refit) -> Refit {
    let out = |constants: &[f64]| units.hamiltonian(&natural.expression.with_constants(constants));
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
    Refit {
        expression,
        covariance: jacobian.dot(&natural.covariance).dot(&jacobian.t()),
        error: natural.error,
    }
}

/// All expressions that were found.
pub(crate) fn discovered(units: &Units, mut natural: Discovered) -> Discovered {
    let laws = std::iter::once(&mut natural.chosen)
        .chain(&mut natural.laws)
        .map(|law| &mut law.expression);
    let parts = natural.parts.iter_mut().flatten().map(|form| &mut form.expression);
    laws.chain(parts).for_each(|expression| *expression = units.hamiltonian(expression));
    natural
}

/// Rivals of the law.
pub(crate) fn rivals(units: &Units, mut natural: Vec<Rival>) -> Vec<Rival> {
    natural.iter_mut().for_each(|rival| rival.expression = units.hamiltonian(&rival.expression));
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

    use super::{Refit, refit};
    use crate::dataset::Units;

    #[test]
    fn errors_of_exponents_are_errors_of_strengths_in_other_units() {
        // c r^n in units of length L: c' = c E L^-n, so that dc' = E L^-n (dc - c log(L) dn).
        let covariance = Array2::from_shape_vec((2, 2), vec![4e-6, 1e-7, 1e-7, 1e-6]).unwrap();
        let natural = Refit {
            expression: "3*norm(q1)**1.7".parse().unwrap(),
            covariance: covariance.clone(),
            error: 0.0,
        };
        let units = Units { length: 1024.0, time: 64.0, momentum: 0.5, context: vec![] };
        let scaled = refit(&units, &natural);
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
