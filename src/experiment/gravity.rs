//! The pendulum under other gravity than that of the training: what models are tested on for the
//! figure `transfer`.

use ndarray::{Array2, Array3, ArrayView2};
use serde::{Deserialize, Serialize};

use super::error::ExperimentError;
use super::profile::Profile;
use crate::evaluate::{TimeGrid, mean_relative_distance};
use crate::integrate::{Splitting, simulate};
use crate::systems::{Parameters, SpringyPendulum};

/// Steps per interval of the truth, and of what it is compared with: far more than the training's
/// data take, as orbits are wilder here.
const SUBSTEPS: usize = 8;

/// What is changed, with the starting states as in the other tests unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The direction of gravity, and the starting states with it: the same motion, seen from a
    /// turned frame.
    Frame,
    /// The direction of gravity alone: the pendulum falls to where none of the training was.
    Direction,
    /// The strength of gravity.
    Strength,
}

impl Change {
    /// Every change, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Frame, Self::Direction, Self::Strength];

    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Direction => "direction",
            Self::Strength => "strength",
        }
    }

    /// Angles of gravity in degrees from that of the training, about the horizontal y axis; or
    /// strengths in units of that of the training.
    fn values(self, profile: Profile) -> Vec<f64> {
        let angles = |step: u32| (0..=180 / step).map(|k| f64::from(k * step)).collect();
        match (self, profile) {
            (Self::Strength, Profile::Smoke) => vec![0.5, 1.0, 2.0],
            (Self::Strength, Profile::Quick) => vec![0.25, 0.5, 1.0, 2.0, 4.0],
            (Self::Strength, Profile::Paper) => {
                (-4..=4).map(|k| 2_f64.powf(0.5 * f64::from(k))).collect()
            }
            (_, Profile::Smoke) => angles(90),
            (_, Profile::Quick) => angles(45),
            (_, Profile::Paper) => angles(30),
        }
    }
}

/// Test trajectories under one gravity.
#[derive(Clone, Debug)]
pub struct GravityTest {
    /// What is changed.
    pub change: Change,
    /// Angle in degrees, or ratio of strengths.
    pub value: f64,
    /// The gravity vector.
    pub gravity: [f64; 3],
    /// True states, trajectory x time x component; the first of each is where models start.
    pub truth: Array3<f64>,
    /// Geometric mean, over times and trajectories, of their relative distance from those with half
    /// as many steps.
    pub truth_error: f64,
}

/// All tests of a profile, of a pendulum with these parameters otherwise. `starts` are the first
/// states of the other tests, one a row; the first few are used.
///
/// # Errors
/// [`ExperimentError::Integrate`], never in practice.
pub fn gravity_tests(
    parameters: &Parameters,
    starts: ArrayView2<f64>,
    grid: TimeGrid,
    profile: Profile,
) -> Result<Vec<GravityTest>, ExperimentError> {
    let starts = starts.slice(ndarray::s![..starts.nrows().min(number(profile)), ..]);
    let values = |change: Change| change.values(profile).into_iter().map(move |v| (change, v));
    let test = |(change, value): (Change, f64)| {
        let (turn, strength) = match change {
            Change::Strength => (rotation(0.0), value),
            _ => (rotation(value), 1.0),
        };
        let gravity = turned(&turn, parameters.gravity).map(|g| strength * g);
        let initial = match change {
            Change::Frame => turned_states(&turn, starts, parameters.pivot),
            _ => starts.to_owned(),
        };
        let system = SpringyPendulum::new(Parameters { gravity, ..*parameters })
            .expect("finite numbers are accepted as gravity");
        let TimeGrid { interval, points } = grid;
        let method = Splitting::nystrom(8)?;
        let run = |steps| simulate(&system, &method, initial.view(), interval, points, steps);
        let truth = run(2 * SUBSTEPS)?;
        let truth_error = mean_relative_distance(&run(SUBSTEPS)?, &truth);
        Ok(GravityTest { change, value, gravity, truth, truth_error })
    };
    Change::ALL.into_iter().flat_map(values).map(test).collect()
}

/// Test trajectories under each gravity: enough to compare orders of magnitude. Models are rolled out
/// eight at a time.
fn number(profile: Profile) -> usize {
    match profile {
        Profile::Smoke => 2,
        Profile::Quick => 8,
        Profile::Paper => 40,
    }
}

/// The rotation by so many degrees about the y axis; exact by multiples of 90.
fn rotation(degrees: f64) -> [[f64; 3]; 3] {
    let (sin, cos) = match degrees {
        0.0 => (0.0, 1.0),
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        _ => degrees.to_radians().sin_cos(),
    };
    [[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]]
}

fn turned(rotation: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    rotation.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

/// Positions turned about the pivot, and momenta.
fn turned_states(
    rotation: &[[f64; 3]; 3],
    states: ArrayView2<f64>,
    pivot: [f64; 3],
) -> Array2<f64> {
    let positions = states.ncols() / 2;
    let centre = |c: usize| if c < positions { pivot[c % 3] } else { 0.0 };
    Array2::from_shape_fn(states.dim(), |(i, c)| {
        let first = c - c % 3;
        let v = [0, 1, 2].map(|k| states[[i, first + k]] - centre(first + k));
        turned(rotation, v)[c % 3] + centre(c)
    })
}
