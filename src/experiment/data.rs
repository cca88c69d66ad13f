//! The data scheme of Finzi, Welling & Wilson (2021), as Yao et al. (2021) use it.
//!
//! Initial states are normal: q1 ~ N((0, 0, -1.5), 0.2^2), q2 ~ N((0, 0, -3), 0.2^2), p1, p2 ~ N(0,
//! 0.4^2). Of each trajectory of 150 states, 0.2 apart, one chunk of 5 is kept. The truth of the
//! tests starts from the first state of each test chunk.

use std::sync::OnceLock;

use ndarray::{Array2, Array3, ArrayView2, s};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::error::ExperimentError;
use super::gravity::{GravityTest, gravity_tests};
use super::profile::Profile;
use crate::dataset::frames::Metadata;
use crate::dataset::{Shape, Trajectory, TrajectoryTable, aligned_chunks, gaussian_states};
use crate::evaluate::{TimeGrid, mean_relative_distance};
use crate::integrate::{Splitting, refine, simulate};
use crate::scalars::Inputs;
use crate::systems::SpringyPendulum;

/// Time between states.
pub const INTERVAL: f64 = 0.2;
/// States of a trajectory, at t = 0 .. 29.8.
pub const POINTS: usize = 150;
/// States of a chunk.
pub const CHUNK: usize = 5;
/// Largest distance allowed between a generated final state and the true one.
pub const TOLERANCE: f64 = 1e-9;
/// Time between the states of figures of orbits.
pub const FINE_INTERVAL: f64 = 0.05;
/// Shown part of the orbit in phase space, in states [`FINE_INTERVAL`] apart.
pub const FINE_POINTS: usize = 301;

const SHAPE: Shape = Shape { particles: 2, dimension: 3 };
const MEAN: [f64; 12] = [0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
const DEVIATION: [f64; 12] = [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4];
/// Steps per interval of the truth, compared with those that meet the tolerance: what models are
/// measured with is the finer rule.
const FINER: usize = 2;

/// A preset of the pendulum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// The one of the public reference code, with which Table 1 was made: k2 = 2.
    ReferenceCode,
    /// The one that the paper writes down: k2 = 1.
    Paper,
}

impl Preset {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReferenceCode => "reference-code",
            Self::Paper => "paper",
        }
    }
    /// The pendulum.
    pub fn system(self) -> SpringyPendulum {
        match self {
            Self::ReferenceCode => SpringyPendulum::reference_code(),
            Self::Paper => SpringyPendulum::paper(),
        }
    }
    /// The value of a constant that the data are made with. Gravity acts on each particle with its
    /// full strength: `g1` and `g2` count in units of g.
    pub fn true_value(self, name: &str) -> Option<f64> {
        if ["g1", "g2"].contains(&name) {
            return Some(1.0);
        }
        let parameters = self.system().named_parameters();
        parameters.into_iter().find(|(parameter, _)| *parameter == name).map(|(_, value)| value)
    }
}

/// How accurate the data are: measured by halving the step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    /// Integration steps between states of the trajectories that chunks are cut from.
    pub substeps: usize,
    /// Largest distance of their final states from those with half the step.
    pub error: f64,
    /// Integration steps between states of the true test trajectories.
    pub truth_substeps: usize,
    /// Largest distance of their final states from those with half the step.
    pub truth_error: f64,
    /// Geometric mean, over times and test trajectories, of their relative distance from those with
    /// half the step: no model can be shown to be better.
    pub truth_mean_error: f64,
}

/// The data of one seed.
#[derive(Clone, Debug)]
pub struct Data {
    /// Preset of the system.
    pub preset: Preset,
    /// The seed.
    pub seed: u64,
    /// Chunks to train on.
    pub train: TrajectoryTable,
    /// Chunks to validate with.
    pub validation: TrajectoryTable,
    /// True trajectories from the first states of the test chunks.
    pub test: TrajectoryTable,
    /// The first of them at times [`FINE_INTERVAL`] apart.
    pub fine: Array2<f64>,
    profile: Profile,
    gravity_tests: OnceLock<Vec<GravityTest>>,
    /// Accuracy of all that.
    pub accuracy: Accuracy,
}

/// Makes the data of one seed with a splitting of order 8 whose step is the longest that meets
/// [`TOLERANCE`] on every trajectory.
///
/// # Errors
/// [`ExperimentError::Integrate`] if no step does.
pub fn generate(preset: Preset, profile: Profile, seed: u64) -> Result<Data, ExperimentError> {
    let (system, method) = (preset.system(), Splitting::nystrom(8)?);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (chunks, tests) = (profile.chunks(), profile.tests());
    let initial = gaussian_states(&MEAN, &DEVIATION, 2 * chunks + tests, &mut rng);
    let refined = refine(&system, &method, initial.view(), INTERVAL, POINTS, TOLERANCE)?;
    let states = simulate(&system, &method, initial.view(), INTERVAL, POINTS, refined.substeps)?;
    let mut cut = |from: usize, to: usize| {
        aligned_chunks(SHAPE, states.slice(s![from..to, .., ..]), INTERVAL, CHUNK, &mut rng)
    };
    let train = cut(0, chunks)?;
    let validation = cut(chunks, 2 * chunks)?;
    let starts = first_states(&cut(2 * chunks, 2 * chunks + tests)?.trajectories);

    let wanted = refine(&system, &method, starts.view(), INTERVAL, POINTS, TOLERANCE)?;
    let substeps = FINER * wanted.substeps.max(refined.substeps);
    let truth = |substeps| simulate(&system, &method, starts.view(), INTERVAL, POINTS, substeps);
    let (test, finer) = (truth(substeps)?, truth(2 * substeps)?);
    let accuracy = Accuracy {
        substeps: refined.substeps,
        error: refined.error,
        truth_substeps: substeps,
        truth_error: final_distance(&test, &finer),
        truth_mean_error: mean_relative_distance(&test, &finer),
    };
    let fine = simulate(
        &system,
        &method,
        starts.slice(s![..1, ..]),
        FINE_INTERVAL,
        FINE_POINTS,
        substeps,
    )?
    .slice_move(s![0, .., ..]);
    let (test, gravity_tests) = (whole(&test), OnceLock::new());
    let mut data =
        Data { preset, seed, train, validation, test, fine, profile, gravity_tests, accuracy };
    let metadata = data.metadata();
    data.train.metadata = metadata.clone();
    data.validation.metadata = metadata.clone();
    data.test.metadata = metadata;
    Ok(data)
}

/// The orbit of figure 1: both masses of the first test trajectory, `points` states `interval`
/// apart.
///
/// # Errors
/// [`ExperimentError::Integrate`].
pub fn orbit(
    preset: Preset,
    seed: u64,
    interval: f64,
    points: usize,
) -> Result<Array2<f64>, ExperimentError> {
    let initial = gaussian_states(&MEAN, &DEVIATION, 1, &mut ChaCha8Rng::seed_from_u64(seed));
    Ok(simulate(&preset.system(), &Splitting::nystrom(8)?, initial.view(), interval, points, 2)?
        .slice_move(s![0, .., ..]))
}

/// The first state of each trajectory, one a row.
pub fn first_states(trajectories: &[Trajectory]) -> Array2<f64> {
    let length = trajectories.first().map_or(0, |first| first.states.ncols());
    Array2::from_shape_fn((trajectories.len(), length), |(i, c)| trajectories[i].states[[0, c]])
}

impl Data {
    /// The input vectors that learners see: positions relative to the pivot, momenta, gravity.
    ///
    /// # Errors
    /// [`ExperimentError::Scalars`].
    pub fn inputs(&self) -> Result<Inputs, ExperimentError> {
        self.inputs_under(self.preset.system().parameters().gravity)
    }

    /// The same under another gravity.
    ///
    /// # Errors
    /// [`ExperimentError::Scalars`].
    pub fn inputs_under(&self, gravity: [f64; 3]) -> Result<Inputs, ExperimentError> {
        let pivot = self.preset.system().parameters().pivot.to_vec();
        Ok(Inputs::new(SHAPE, pivot, vec![("g".into(), gravity.to_vec())])?)
    }

    /// Test trajectories under other gravity, of the system that Table 1 is about; made when they
    /// are first asked for.
    ///
    /// # Errors
    /// [`ExperimentError::Integrate`], never in practice.
    pub fn gravity_tests(&self) -> Result<&[GravityTest], ExperimentError> {
        if let Some(tests) = self.gravity_tests.get() {
            return Ok(tests);
        }
        let made = match self.preset {
            Preset::ReferenceCode => {
                let (system, starts) =
                    (self.preset.system(), first_states(&self.test.trajectories));
                let grid = TimeGrid { interval: INTERVAL, points: POINTS };
                gravity_tests(system.parameters(), starts.view(), grid, self.profile)?
            }
            Preset::Paper => Vec::new(),
        };
        Ok(self.gravity_tests.get_or_init(|| made))
    }

    /// True states of the test trajectories: trajectory x time x component.
    pub fn truth(&self) -> Array3<f64> {
        let views: Vec<ArrayView2<f64>> =
            self.test.trajectories.iter().map(|test| test.states.view()).collect();
        ndarray::stack(ndarray::Axis(0), &views)
            .expect("all test trajectories have the same number of states")
    }

    /// Where the data come from, for the footer of Parquet files.
    pub fn metadata(&self) -> Metadata {
        let parameters = self.preset.system().named_parameters();
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let accuracy = &self.accuracy;
        let mut metadata = provenance(self.profile, self.seed);
        metadata.extend([
            ("system".into(), "springy double pendulum".into()),
            ("preset".into(), self.preset.name().into()),
            ("parameters".into(), parameters.join(", ")),
            ("integrator".into(), "Nystrom splitting of order 8 (Blanes, Casas & Escorihuela-Tomas 2022, A18)".into()),
            ("interval".into(), INTERVAL.to_string()),
            ("substeps".into(), accuracy.substeps.to_string()),
            ("step".into(), (INTERVAL / accuracy.substeps as f64).to_string()),
            ("state_error".into(), format!("{:e}", accuracy.error)),
            ("test_substeps".into(), accuracy.truth_substeps.to_string()),
            ("test_state_error".into(), format!("{:e}", accuracy.truth_error)),
            ("test_geometric_mean_error".into(), format!("{:e}", accuracy.truth_mean_error)),
            (
                "state_error_of".into(),
                "largest distance of a final state from that with half the step, over all trajectories".into(),
            ),
        ]);
        metadata
    }

    /// A number that tells these chunks and truths from others.
    pub fn fingerprint(&self) -> u64 {
        let tables = [&self.train, &self.validation, &self.test];
        let states = tables
            .iter()
            .flat_map(|table| &table.trajectories)
            .flat_map(|trajectory| trajectory.states.iter());
        // FNV-1a: unlike the standard library's hashes it stays the same from one version to the
        // next.
        states.fold(0xcbf2_9ce4_8422_2325, |hash, x| {
            (hash ^ x.to_bits()).wrapping_mul(0x0100_0000_01b3)
        })
    }
}

/// Metadata of every file: crate version, command, seed. Neither folders nor threads, which change
/// no byte.
pub fn provenance(profile: Profile, seed: u64) -> Metadata {
    let command = format!("reproduce_figures --profile {} --seed {seed}", profile.name());
    let version = format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let pairs = [
        ("version", version),
        ("command", command),
        ("profile", profile.name().into()),
        ("seed", seed.to_string()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

fn whole(states: &Array3<f64>) -> TrajectoryTable {
    let times: Vec<f64> = (0..states.dim().1).map(|i| i as f64 * INTERVAL).collect();
    let trajectory = |(id, states): (i64, ArrayView2<f64>)| Trajectory {
        id,
        times: times.clone(),
        states: states.to_owned(),
    };
    TrajectoryTable {
        shape: SHAPE,
        trajectories: (0..).zip(states.outer_iter()).map(trajectory).collect(),
        metadata: Metadata::new(),
    }
}

fn final_distance(a: &Array3<f64>, b: &Array3<f64>) -> f64 {
    let difference = &a.slice(s![.., -1, ..]) - &b.slice(s![.., -1, ..]);
    difference.rows().into_iter().map(|row| row.dot(&row).sqrt()).fold(0.0, f64::max)
}
