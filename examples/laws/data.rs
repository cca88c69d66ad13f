//! Trajectories of a named law, and how far a found one is from it.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, ArrayView1, ArrayView2, Axis};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{
    Trajectory, TrajectoryTable, add_noise, aligned_chunks, gaussian_states,
};
use scalar_dynamics::field::Hamiltonian;
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::systems::{ExpressionSystem, NamedLaw};

/// A trajectory whose energy changes by this part is none.
const LOST: f64 = 1e-6;
/// Intervals of a trajectory, and integration steps to an interval: more where these don't keep the
/// energy.
const INTERVALS: usize = 100;
const STEPS: [usize; 3] = [8, 64, 512];

/// Whatever went wrong.
pub type Failure = Box<dyn std::error::Error>;

/// Largest distance of the gradients, relative to the true one, over random states of a box `width`
/// times as wide as the data.
pub fn gradient_error(
    truth: &ExpressionSystem,
    found: &ExpressionSystem,
    states: &Array2<f64>,
    width: f64,
    rng: &mut ChaCha8Rng,
) -> f64 {
    let range = |c: ArrayView1<f64>| {
        c.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)))
    };
    let ranges: Vec<(f64, f64)> = states.columns().into_iter().map(range).collect();
    let mut worst = 0.0_f64;
    for _ in 0..2000 {
        let z: Vec<f64> = ranges
            .iter()
            .map(|(low, high)| {
                0.5 * (low + high) + 0.5 * width * (high - low) * rng.random_range(-1.0..1.0)
            })
            .collect();
        let (mut a, mut b) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        truth.gradient_into(&z, &mut a);
        found.gradient_into(&z, &mut b);
        let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
        let error = norm(&mut a.iter().zip(&b).map(|(a, b)| a - b))
            / norm(&mut a.iter().copied()).max(1e-300);
        worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
    }
    worst
}

/// Aligned chunks of five points of a law's trajectories, with noise relative to the spread of each
/// component.
pub fn make(
    law: &NamedLaw,
    system: &ExpressionSystem,
    chunks: usize,
    noise: f64,
    rng: &mut ChaCha8Rng,
) -> Result<TrajectoryTable, Failure> {
    let half = law.mean.len() / 2;
    let deviation: Vec<f64> = (0..2 * half)
        .map(|c| if c < half { law.position_spread } else { law.momentum_spread })
        .collect();
    let mut table =
        TrajectoryTable { shape: law.shape(), trajectories: Vec::new(), metadata: BTreeMap::new() };
    while table.trajectories.len() < chunks {
        let initial = gaussian_states(law.mean, &deviation, chunks - table.trajectories.len(), rng);
        let states = trajectories(law, system, &initial)?;
        let chunks = aligned_chunks(law.shape(), states.view(), law.dt, 5, rng)?.trajectories;
        let followed: Vec<Trajectory> = chunks
            .into_iter()
            .filter(|c| keeps_energy(system, initial.row(c.id as usize), c.states.view()))
            .collect();
        if followed.is_empty() {
            return Err("no trajectory keeps its energy".into());
        }
        table.trajectories.extend(followed);
    }
    (0..).zip(&mut table.trajectories).for_each(|(id, chunk)| chunk.id = id);
    if noise > 0.0 {
        add_noise(&mut table.trajectories, noise, rng);
    }
    Ok(table)
}

/// A hundred intervals from each initial state, in shorter integration steps where the energy
/// changes in longer ones: close encounters.
fn trajectories(
    law: &NamedLaw,
    system: &ExpressionSystem,
    initial: &Array2<f64>,
) -> Result<Array3<f64>, Failure> {
    let mut states =
        simulate(system, &RungeKutta::new(8)?, initial.view(), law.dt, INTERVALS, STEPS[0])?;
    for steps in &STEPS[1..] {
        let lost: Vec<usize> = (0..initial.nrows())
            .filter(|&k| !keeps_energy(system, initial.row(k), states.index_axis(Axis(0), k)))
            .collect();
        if lost.is_empty() {
            break;
        }
        let again = initial.select(Axis(0), &lost);
        let finer =
            simulate(system, &RungeKutta::new(8)?, again.view(), law.dt, INTERVALS, *steps)?;
        lost.iter()
            .zip(finer.outer_iter())
            .for_each(|(&k, finer)| states.index_axis_mut(Axis(0), k).assign(&finer));
    }
    Ok(states)
}

/// Whether the energy of some states is that of an initial one.
fn keeps_energy(
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
