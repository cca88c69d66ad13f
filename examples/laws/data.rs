//! Trajectories of a named law, and how far a found one is from it.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{
    Trajectory, TrajectoryTable, add_noise, aligned_chunks, gaussian_states,
};
use scalar_dynamics::field::Hamiltonian;
use scalar_dynamics::systems::{ExpressionSystem, NamedLaw};

use crate::trajectories::{Failure, keeps_energy, trajectories};

/// Points of a trajectory.
const POINTS: usize = 100;

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
        let states = trajectories(system, &initial, law.dt, POINTS)?;
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
