//! What was learned in natural units, put back into those of the table.

use ndarray::{Array1, Array2};

use super::discover::Discovered;
use super::recover::RecoverError;
use super::refit::Refit;
use super::{Friction, NoiseFound};
use crate::basis::{Map, ProductBasis};
use crate::dataset::Units;
use crate::model::ScalarHamiltonian;
use crate::scalars::{Inputs, ScalarSet};
use crate::train::Learned;

/// A learned Hamiltonian, with the settings of its training.
pub(super) fn learned(
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
            Map::Identity => (axis.centre, axis.half_width) = (axis.centre * unit, axis.half_width * unit),
            Map::Logarithm => axis.centre += unit.ln(),
        }
    }
    let basis = ProductBasis::new(scalars.len(), axes, basis.functions().to_vec());
    let Learned { mut fit, mut settings, integration_error, .. } = natural;
    fit.theta.iter_mut().for_each(|theta| *theta *= units.energy());
    settings.rollout.step *= units.time;
    let dim = settings.weights.len();
    settings.weights.iter_mut().zip(units.of_state(dim)).for_each(|(weight, unit)| *weight /= unit * unit);
    Ok(Learned { model: ScalarHamiltonian::new(ScalarSet::new(inputs, scalars)?, basis), fit, settings, integration_error })
}

/// A fitted law; each of its constants is a linear function of the natural ones.
pub(super) fn refit(units: &Units, natural: &Refit) -> Refit {
    let out = |constants: &[f64]| units.hamiltonian(&natural.expression.with_constants(constants));
    let constants = natural.expression.constants();
    let expression = out(&constants);
    let values = Array1::from(expression.constants());
    let mut jacobian = Array2::zeros((values.len(), constants.len()));
    for (k, mut column) in jacobian.columns_mut().into_iter().enumerate() {
        let mut moved = constants.clone();
        let step = if constants[k] == 0.0 { 1.0 } else { constants[k] };
        moved[k] += step;
        column.assign(&((Array1::from(out(&moved).constants()) - &values) / step));
    }
    Refit { expression, covariance: jacobian.dot(&natural.covariance).dot(&jacobian.t()), error: natural.error }
}

/// All expressions that were found.
pub(super) fn discovered(units: &Units, mut natural: Discovered) -> Discovered {
    let laws = std::iter::once(&mut natural.chosen).chain(&mut natural.laws).map(|law| &mut law.expression);
    let parts = natural.parts.iter_mut().flatten().map(|form| &mut form.expression);
    laws.chain(parts).for_each(|expression| *expression = units.hamiltonian(expression));
    natural
}

/// Rates of friction.
pub(super) fn friction(units: &Units, mut natural: Friction) -> Friction {
    natural.rates.iter_mut().chain(&mut natural.errors).for_each(|rate| *rate /= units.time);
    natural
}

/// Deviations of noise.
pub(super) fn noise(units: &Units, mut natural: NoiseFound) -> NoiseFound {
    let dim = natural.deviation.len();
    natural.deviation.iter_mut().zip(units.of_state(dim)).for_each(|(deviation, unit)| *deviation *= unit);
    natural
}
