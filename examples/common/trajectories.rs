//! Trajectories of a law, accurate to rounding.

use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis};
use scalar_dynamics::field::Hamiltonian;
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::systems::ExpressionSystem;

/// A trajectory whose energy changes by this part is none.
const LOST: f64 = 1e-6;
/// Integration steps to an interval: more where these don't keep the energy.
const STEPS: [usize; 3] = [8, 64, 512];

/// Whatever went wrong.
pub type Failure = Box<dyn std::error::Error>;

/// Some points of the trajectory from each initial state, in shorter integration steps where the
/// energy changes in longer ones: close encounters.
pub fn trajectories(
    system: &ExpressionSystem,
    initial: &Array2<f64>,
    dt: f64,
    points: usize,
) -> Result<Array3<f64>, Failure> {
    let mut states = simulate(system, &RungeKutta::new(8)?, initial.view(), dt, points, STEPS[0])?;
    for steps in &STEPS[1..] {
        let lost: Vec<usize> = (0..initial.nrows())
            .filter(|&k| !keeps_energy(system, initial.row(k), states.index_axis(Axis(0), k)))
            .collect();
        if lost.is_empty() {
            break;
        }
        let again = initial.select(Axis(0), &lost);
        let finer = simulate(system, &RungeKutta::new(8)?, again.view(), dt, points, *steps)?;
        lost.iter()
            .zip(finer.outer_iter())
            .for_each(|(&k, finer)| states.index_axis_mut(Axis(0), k).assign(&finer));
    }
    Ok(states)
}

/// Whether the energy of some states is that of an initial one.
pub fn keeps_energy(
    system: &ExpressionSystem,
    initial: ArrayView1<f64>,
    states: ArrayView2<f64>,
) -> bool {
    let energy = |state: ArrayView1<f64>| system.energy(&state.to_vec());
    let first = energy(initial);
    states
        .rows()
        .into_iter()
        .all(|state| (energy(state) - first).abs() < LOST * (1.0 + first.abs()))
}
