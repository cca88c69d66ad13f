//! Vector fields of models at given states.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::scalar_hamiltonian::ScalarHamiltonian;
use super::{HamiltonianModel, Model};
use crate::expr::Expr;
use crate::linalg::{LANES, least_squares};
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
    let (constants, mut work) = (law.constants(), model.work());
    let (mut energy, mut all) = (vec![0.0; LANES], Vec::with_capacity(states.nrows()));
    in_blocks(states, |z, rows| {
        model.energy_into(&constants, z, &mut energy, &mut work);
        all.extend(energy.iter().take(rows.len()));
    });
    Ok(all)
}

pub(crate) fn field_of<M: Model>(
    model: &M,
    constants: &[f64],
    states: ArrayView2<f64>,
) -> Array2<f64> {
    let (weights, mut work) = (model.expand(constants), model.work());
    let mut field = Array2::zeros(states.dim());
    let mut dz = vec![0.0; states.ncols() * LANES];
    in_blocks(states, |z, rows| {
        model.field_into(&weights, z, &mut dz, &mut work);
        for (lane, row) in rows.enumerate() {
            for (c, field) in field.row_mut(row).iter_mut().enumerate() {
                *field = dz[c * LANES + lane];
            }
        }
    });
    field
}

/// A step that lowers the squares by less than this part is the last.
const LEAST: f64 = 1e-3;

/// The parameters near `start` with which a model's field comes nearest to a given one at some
/// states, and the root mean square distance that is left, each component in units of its size.
pub(crate) fn fit_to_field<M: Model>(
    model: &M,
    start: Vec<f64>,
    wanted: &Array2<f64>,
    states: ArrayView2<f64>,
    late: &dyn Fn() -> bool,
) -> (Vec<f64>, f64) {
    let size = wanted.pow2().mean_axis(Axis(0)).unwrap_or_default().sqrt();
    let residual = |constants: &[f64]| -> Array1<f64> {
        let scale = |((_, c), x): ((usize, usize), f64)| x / size[c].max(f64::MIN_POSITIVE);
        let left = field_of(model, constants, states) - wanted;
        left.indexed_iter().map(|(at, x)| scale((at, *x))).collect()
    };
    let (constants, left) = least_squares(start, &residual, LEAST, late);
    (constants, (left.dot(&left) / left.len().max(1) as f64).sqrt())
}

/// Calls `f` on blocks of eight states, component by component, and the rows that they are; the last
/// row fills up the last block.
fn in_blocks(states: ArrayView2<f64>, mut f: impl FnMut(&[f64], Range<usize>)) {
    let (rows, dim) = states.dim();
    let mut z = vec![0.0; dim * LANES];
    for first in (0..rows).step_by(LANES) {
        let row = |lane: usize| (first + lane).min(rows - 1);
        (0..dim * LANES).for_each(|k| z[k] = states[[row(k % LANES), k / LANES]]);
        f(&z, first..rows.min(first + LANES));
    }
}
