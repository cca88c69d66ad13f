//! Random initial states, random chunks, random splits.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView3, Axis, concatenate, s};
use rand::Rng;
use rand::seq::index;
use rand_distr::StandardNormal;

use super::{DatasetError, Shape, Trajectory, TrajectoryTable};

/// Draws `n` states whose components are independent normal with the given means and standard
/// deviations: one state a row.
///
/// # Panics
/// If there aren't as many deviations as means.
pub fn gaussian_states(
    mean: &[f64],
    deviation: &[f64],
    n: usize,
    rng: &mut impl Rng,
) -> Array2<f64> {
    assert_eq!(mean.len(), deviation.len(), "one standard deviation for each mean");
    let standard =
        Array2::from_shape_simple_fn((n, mean.len()), || rng.sample::<f64, _>(StandardNormal));
    standard * ArrayView1::from(deviation) + ArrayView1::from(mean)
}

/// The data scheme of Finzi, Welling and Wilson (2021) and Yao et al. (2021): of each trajectory
/// ONE chunk of `points` consecutive states, starting at row `points * j` with j drawn uniformly
/// among those where a whole chunk fits (of 150 states and 5 points: 30).
///
/// `trajectories` is trajectory x time x component, sampled at t = 0, dt, 2 dt, ..; the chunks keep
/// these times and are numbered as the trajectories, from 0. The metadata are left empty.
///
/// # Errors
/// [`DatasetError::ChunkLength`] for fewer than two points or more than the trajectories have;
/// [`DatasetError::BadTrajectory`] if states don't fit `shape`.
pub fn aligned_chunks(
    shape: Shape,
    trajectories: ArrayView3<f64>,
    dt: f64,
    points: usize,
    rng: &mut impl Rng,
) -> Result<TrajectoryTable, DatasetError> {
    let (_, available, components) = trajectories.dim();
    if points < 2 || points > available {
        return Err(DatasetError::ChunkLength { points, available });
    }
    if components != shape.state_len() {
        let reason =
            format!("its states are {components} numbers; {} are accepted", shape.state_len());
        return Err(DatasetError::BadTrajectory { trajectory: 0, reason });
    }
    let chunk = |(id, trajectory): (i64, ArrayView2<f64>)| {
        let start = points * rng.random_range(0..available / points);
        let times = (start..start + points).map(|row| row as f64 * dt).collect();
        Trajectory { id, times, states: trajectory.slice(s![start..start + points, ..]).to_owned() }
    };
    let trajectories = (0..).zip(trajectories.outer_iter()).map(chunk).collect();
    Ok(TrajectoryTable { shape, trajectories, metadata: BTreeMap::new() })
}

/// Adds independent Gaussian noise to every state, of `level` times each component's standard
/// deviation over all states given; gives the noise's standard deviations, in the data's units.
pub fn add_noise(trajectories: &mut [Trajectory], level: f64, rng: &mut impl Rng) -> Vec<f64> {
    let rows = || trajectories.iter().flat_map(|t| t.states.rows());
    let (n, dim) = (rows().count().max(1) as f64, rows().next().map_or(0, |row| row.len()));
    let noise = |c: usize| {
        let mean = rows().map(|row| row[c]).sum::<f64>() / n;
        level * (rows().map(|row| (row[c] - mean).powi(2)).sum::<f64>() / n).sqrt()
    };
    let noise: Vec<f64> = (0..dim).map(noise).collect();
    for mut row in trajectories.iter_mut().flat_map(|t| t.states.rows_mut()) {
        for (x, s) in row.iter_mut().zip(&noise) {
            *x += s * rng.sample::<f64, _>(StandardNormal);
        }
    }
    noise
}

/// Splits chunks at random into those to train on and those to validate with: `fraction` of them,
/// rounded, but at least one on either side if there are two. Both sides keep the order of the
/// chunks.
pub fn split(
    chunks: Vec<Trajectory>,
    fraction: f64,
    rng: &mut impl Rng,
) -> (Vec<Trajectory>, Vec<Trajectory>) {
    let n = chunks.len();
    let most = n.saturating_sub(1);
    let amount = ((fraction * n as f64).round() as usize).clamp(most.min(1), most);
    let mut validates = vec![false; n];
    for i in index::sample(rng, n, amount) {
        validates[i] = true;
    }
    let (validation, train): (Vec<_>, Vec<_>) =
        chunks.into_iter().zip(validates).partition(|(_, validates)| *validates);
    let strip = |side: Vec<(Trajectory, bool)>| side.into_iter().map(|(chunk, _)| chunk).collect();
    (strip(train), strip(validation))
}

/// With fewer trajectories than this, [`split_trajectories`] splits chunks.
const TRAJECTORIES: usize = 10;

/// Splits chunks at random, as [`split`] does, but leaves all chunks of one trajectory on one side,
/// so that those to validate with are of motion that was not trained on. With fewer than ten
/// trajectories it splits the chunks themselves.
pub fn split_trajectories(
    chunks: Vec<Trajectory>,
    fraction: f64,
    rng: &mut impl Rng,
) -> (Vec<Trajectory>, Vec<Trajectory>) {
    let ids: BTreeSet<i64> = chunks.iter().map(|chunk| chunk.id).collect();
    let n = ids.len();
    if n < TRAJECTORIES {
        return split(chunks, fraction, rng);
    }
    let amount = ((fraction * n as f64).round() as usize).clamp(1, n - 1);
    let chosen: BTreeSet<usize> = index::sample(rng, n, amount).into_iter().collect();
    let validates: BTreeSet<i64> =
        ids.into_iter().enumerate().filter(|(i, _)| chosen.contains(i)).map(|(_, id)| id).collect();
    let (validation, train) = chunks.into_iter().partition(|chunk| validates.contains(&chunk.id));
    (train, validation)
}

/// Where there are fewer chunks than `enough`, more of them from the same states: neighbours that
/// share an end point are joined, and what results is cut into chunks of `points` states that
/// overlap, no more than it takes.
///
/// # Errors
/// [`DatasetError::ChunkLength`] for chunks of fewer than two points.
pub fn overlapped(
    chunks: Vec<Trajectory>,
    points: usize,
    enough: usize,
) -> Result<Vec<Trajectory>, DatasetError> {
    if chunks.len() >= enough {
        return Ok(chunks);
    }
    let mut runs: Vec<Trajectory> = Vec::new();
    for chunk in chunks {
        match runs
            .last_mut()
            .filter(|run| run.id == chunk.id && run.times.last() == chunk.times.first())
        {
            Some(run) => {
                run.times.extend(&chunk.times[1..]);
                let joined =
                    concatenate(Axis(0), &[run.states.view(), chunk.states.slice(s![1.., ..])]);
                run.states = joined.map_err(|e| DatasetError::BadTrajectory {
                    trajectory: chunk.id,
                    reason: e.to_string(),
                })?;
            }
            None => runs.push(chunk),
        }
    }
    let mut found = Vec::new();
    for stride in (1..points.max(3) - 1).rev() {
        let cut = runs
            .iter()
            .map(|run| run.overlapping_chunks(points, stride))
            .collect::<Result<Vec<_>, _>>()?;
        found = cut.concat();
        if found.len() >= enough {
            break;
        }
    }
    Ok(found)
}
