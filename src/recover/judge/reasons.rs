//! What is said of a law in the end, with reasons.

use ndarray::{Array2, Axis, concatenate, s};

use crate::expr::Expr;
use crate::model::energies;
use crate::scalars::{Inputs, InputsError};

/// What is said of a law: each "no" has its reasons, in sentences that say what was seen and what
/// data would settle it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Why the law doesn't explain the data down to noise or integration error.
    pub unexplained: Vec<String>,
    /// Why other laws explain the data as well.
    pub undetermined: Vec<String>,
    /// Which of the data it was not held against.
    pub incomplete: Vec<String>,
}

impl Verdict {
    /// Whether the law explains the data down to noise or integration error.
    pub fn explained(&self) -> bool {
        self.unexplained.is_empty()
    }

    /// Whether no other law of like length explains them.
    pub fn determined(&self) -> bool {
        self.undetermined.is_empty()
    }

    /// Whether it was held against all of them.
    pub fn complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    /// Whether there is nothing to be said against it.
    pub fn exact(&self) -> bool {
        self.explained() && self.determined() && self.complete()
    }

    /// All that is to be said against it.
    pub fn reasons(&self) -> impl Iterator<Item = &String> {
        self.unexplained.iter().chain(&self.undetermined).chain(&self.incomplete)
    }
}

/// Energies that spread by less than this part of the energies of like states tell of one energy
/// only: by how much a law may then change from energy to energy is below what else is left of the
/// data, were it to change by its whole size over the range of energies.
const ONE_ENERGY: f64 = 1e-6;

/// Whether all states have one energy, by a law that misses them by `misfit` of their spread: what
/// other energies are like then is any law's guess, for every function of the Hamiltonian whose
/// slope is one there moves the states alike.
pub(crate) fn is_one_energy(
    inputs: &Inputs,
    law: &Expr,
    states: &Array2<f64>,
    misfit: f64,
) -> Result<bool, InputsError> {
    let (rows, half) = (states.nrows(), states.ncols() / 2);
    if rows < 2 {
        return Ok(true);
    }
    // Positions of one state with momenta of another: what the energy might be elsewhere.
    let shifted: Vec<usize> = (0..rows).map(|i| (i + rows / 2) % rows).collect();
    let momenta = states.slice(s![.., half..]).select(Axis(0), &shifted);
    let mixed = concatenate![Axis(1), states.slice(s![.., ..half]), momenta];
    let spread = |states: &Array2<f64>| -> Result<f64, InputsError> {
        let energies = energies(inputs, law, states.view())?;
        let mean = energies.iter().sum::<f64>() / rows as f64;
        Ok((energies.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / rows as f64).sqrt())
    };
    // What noise does to the energies is about what it does to the states.
    Ok(spread(states)? <= ONE_ENERGY.max(3.0 * misfit) * spread(&mixed)?)
}
