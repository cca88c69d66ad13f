//! Data in which a length never changes.

use ndarray::Array2;
use scalar_dynamics::dataset::{Shape, Trajectory};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::recover::{RecoverSettings, Recovery, recover};
use scalar_dynamics::rewrite::{EqualityOptions, Proof, prove_equal_with};
use scalar_dynamics::scalars::Inputs;

use crate::motion::motion;

const SHAPE: Shape = Shape { particles: 1, dimension: 2 };

/// One run of so many states, cut into chunks of five that share their end points.
fn recovered(inputs: &Inputs, interval: f64, state: impl Fn(usize) -> [f64; 4]) -> Recovery {
    recovered_with(inputs, interval, state, &RecoverSettings::default())
}

fn recovered_with(
    inputs: &Inputs,
    interval: f64,
    state: impl Fn(usize) -> [f64; 4],
    settings: &RecoverSettings,
) -> Recovery {
    let chunk = |first: usize| {
        let rows: Vec<f64> = (first..first + 5).flat_map(&state).collect();
        Trajectory {
            id: 1,
            times: (first..first + 5).map(|row| row as f64 * interval).collect(),
            states: Array2::from_shape_vec((5, 4), rows).unwrap(),
        }
    };
    let (train, held_out): (Vec<Trajectory>, Vec<Trajectory>) =
        ((0..100).map(|k| chunk(3 * k)).collect(), (75..95).map(|k| chunk(4 * k)).collect());
    recover(inputs, &train, &held_out, settings, &mut |_| {}).unwrap()
}

/// Position and momentum of a bob of mass one on a rod.
fn rod_pendulum(length: f64, gravity: f64, interval: f64, rows: usize) -> Vec<[f64; 4]> {
    let slope = |[angle, rate]: [f64; 2]| [rate, -gravity / length * angle.sin()];
    let place = |[angle, rate]: [f64; 2]| {
        let (sine, cosine) = angle.sin_cos();
        [length * sine, -length * cosine, length * rate * cosine, length * rate * sine]
    };
    motion(slope, [1.4, 0.3], interval, (rows, 400)).into_iter().map(place).collect()
}

#[test]
fn regress_a_bob_on_a_rod_is_no_error_and_is_followed_but_not_determined() {
    let (length, gravity) = (0.8, 3.7);
    let states = rod_pendulum(length, gravity, 0.05, 400);
    let inputs = Inputs::new(SHAPE, vec![0.0; 2], vec![("g".into(), vec![0.0, -gravity])]).unwrap();
    let recovery = recovered(&inputs, 0.05, |row| states[row]);
    let [check] = &recovery.checks[..] else { panic!("{:?}", recovery.checks) };
    assert!(check.message.starts_with("norm(q1) is 0.8000000"), "{}", check.message);
    assert!(recovery.validation_error.closed_form < 1e-9, "{:?}", recovery.validation_error);
    assert!(!recovery.exact() && !recovery.verdict.determined());
}

/// Of given velocities and mass: the known kinetic energy, the weight, and what holds the rod.
#[test]
fn regress_what_holds_a_rod_is_found_beside_a_known_kinetic_energy() {
    let (length, gravity, mass) = (0.8, 3.7, 2.5);
    let states: Vec<[f64; 4]> = rod_pendulum(length, gravity, 0.05, 400)
        .into_iter()
        .map(|[x, y, u, v]| [x, y, mass * u, mass * v])
        .collect();
    let inputs = Inputs::new(SHAPE, vec![0.0; 2], vec![("g".into(), vec![0.0, -gravity])]).unwrap();
    let settings = RecoverSettings { masses: vec![mass], ..RecoverSettings::default() };
    let recovery = recovered_with(&inputs, 0.05, |row| states[row], &settings);
    let [check] = &recovery.checks[..] else { panic!("{:?}", recovery.checks) };
    let there = "the law is 0.2*norm(p1)**2 - 2.5*dot(g,q1)";
    assert!(check.message.contains(there), "{} {}", check.message, recovery.best());
    let square = length * length;
    let held =
        format!("(dot(p1,p1)/{mass} + {mass}*dot(g,q1))*(dot(q1,q1) - {square})/{}", 2.0 * square);
    let truth: Expr = format!("dot(p1,p1)/(2*{mass}) - {mass}*dot(g,q1) + {held}").parse().unwrap();
    let options = EqualityOptions {
        up_to_constant: true,
        relative_tolerance: 1e-6,
        ..EqualityOptions::default()
    };
    let proof = prove_equal_with(recovery.best(), &truth, &options);
    assert!(matches!(proof, Proof::Equal { .. }), "{proof:?} {}", recovery.best());
    assert!(recovery.verdict.explained() && !recovery.exact());
}

#[test]
fn regress_one_circular_orbit_determines_no_law() {
    let (radius, speed) = (7.0, 0.4);
    let state = |row: usize| {
        let (sine, cosine) = (row as f64 * 0.9 * speed / radius).sin_cos();
        [radius * cosine, radius * sine, -speed * sine, speed * cosine]
    };
    let inputs = Inputs::new(SHAPE, vec![0.0; 2], Vec::new()).unwrap();
    let recovery = recovered(&inputs, 0.9, state);
    assert_eq!(recovery.checks.len(), 2, "{:?}", recovery.checks);
    assert!(!recovery.exact() && !recovery.verdict.determined(), "{}", recovery.best());
}
