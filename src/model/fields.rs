//! Vector fields of models at given states.

use ndarray::{Array2, ArrayView2};

use super::scalar_hamiltonian::ScalarHamiltonian;
use super::{HamiltonianModel, Model};
use crate::expr::Expr;
use crate::linalg::LANES;
use crate::scalars::{Inputs, InputsError};

/// The field (dq/dt, dp/dt) of a law at states, one a row.
///
/// # Errors
/// An unknown vector.
pub(crate) fn field(
    inputs: &Inputs,
    law: &Expr,
    states: ArrayView2<f64>,
) -> Result<Array2<f64>, InputsError> {
    Ok(field_of(&ScalarHamiltonian::closed_form(inputs, law)?, &law.constants(), states))
}

/// The energy of a law at states, one a row.
///
/// # Errors
/// An unknown vector.
pub(crate) fn energies(
    inputs: &Inputs,
    law: &Expr,
    states: ArrayView2<f64>,
) -> Result<Vec<f64>, InputsError> {
    let model = ScalarHamiltonian::closed_form(inputs, law)?;
    let constants = law.constants();
    let mut work = model.work();
    let (rows, dim) = states.dim();
    let (mut z, mut energy) = (vec![0.0; dim * LANES], vec![0.0; LANES]);
    let mut all = Vec::with_capacity(rows);
    for first in (0..rows).step_by(LANES) {
        let row = |lane: usize| (first + lane).min(rows - 1);
        (0..dim * LANES).for_each(|k| z[k] = states[[row(k % LANES), k / LANES]]);
        model.energy_into(&constants, &z, &mut energy, &mut work);
        all.extend(energy.iter().take(rows - first));
    }
    Ok(all)
}

pub(crate) fn field_of<M: Model>(
    model: &M,
    constants: &[f64],
    states: ArrayView2<f64>,
) -> Array2<f64> {
    let weights = model.expand(constants);
    let mut work = model.work();
    let (rows, dim) = states.dim();
    let mut field = Array2::zeros((rows, dim));
    let (mut z, mut dz) = (vec![0.0; dim * LANES], vec![0.0; dim * LANES]);
    for first in (0..rows).step_by(LANES) {
        let row = |lane: usize| (first + lane).min(rows - 1);
        (0..dim * LANES).for_each(|k| z[k] = states[[row(k % LANES), k / LANES]]);
        model.field_into(&weights, &z, &mut dz, &mut work);
        (0..dim * LANES).for_each(|k| field[[row(k % LANES), k / LANES]] = dz[k]);
    }
    field
}
