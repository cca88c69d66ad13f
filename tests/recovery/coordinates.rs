//! Velocities of coordinates that are not Cartesian.

use ndarray::Array2;
use scalar_dynamics::dataset::{Shape, Trajectory};
use scalar_dynamics::recover::{RecoverSettings, recover};
use scalar_dynamics::scalars::Inputs;

use crate::motion::motion;

const INTERVAL: f64 = 0.02;
const GRAVITY: f64 = 9.81;

/// A double pendulum on rods of length one with masses of one: its angles, and their rates.
fn rates([a, b, u, v]: [f64; 4]) -> [f64; 4] {
    let (sin, cos) = (b - a).sin_cos();
    let inertia = 2.0 - cos * cos;
    let first = u * u * sin * cos + GRAVITY * b.sin() * cos + v * v * sin - 2.0 * GRAVITY * a.sin();
    let second =
        -v * v * sin * cos + 2.0 * (GRAVITY * a.sin() * cos - u * u * sin - GRAVITY * b.sin());
    [u, v, first / inertia, second / inertia]
}

#[test]
fn regress_velocities_of_angles_with_a_mass_matrix_are_told() {
    let states = motion(rates, [1.4, 1.1, 0.3, -0.2], INTERVAL, (1000, 40));
    let chunk = |first: usize| {
        let rows = states[first..first + 5].concat();
        let times = (first..first + 5).map(|row| row as f64 * INTERVAL).collect();
        Trajectory { id: 1, times, states: Array2::from_shape_vec((5, 4), rows).unwrap() }
    };
    let train: Vec<Trajectory> = (0..200).map(|k| chunk(4 * k)).collect();
    let held_out: Vec<Trajectory> = (200..245).map(|k| chunk(4 * k)).collect();
    let shape = Shape { particles: 2, dimension: 1 };
    let inputs = Inputs::new(shape, vec![0.0], vec![("e".into(), vec![1.0])]).unwrap();
    let settings = RecoverSettings { masses: vec![1.0, 1.0], ..RecoverSettings::default() };
    let law = recover(&inputs, &train, &held_out, &settings, &mut |_| {}).unwrap();
    assert!(!law.verdict.explained(), "{}", law.best());
    let told = |check: &&scalar_dynamics::recover::Check| check.message.contains("quadratic");
    assert_eq!(law.checks.iter().filter(told).count(), 1, "{:?}", law.checks);
}
