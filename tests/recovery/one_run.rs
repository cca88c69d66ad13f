//! One run of one particle, as most people have it.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{Shape, Trajectory};
use scalar_dynamics::expr::Scalar;
use scalar_dynamics::recover::{RecoverSettings, Recovery, recover};
use scalar_dynamics::scalars::Inputs;

use crate::motion::motion;

const SHAPE: Shape = Shape { particles: 1, dimension: 1 };
const ROWS: usize = 240;
const INTERVAL: f64 = 0.07;
/// g/L of a pendulum that swings far, by its angle.
const STIFFNESS: f64 = 2.3;

fn pendulum() -> Vec<[f64; 2]> {
    let slope = |[q, p]: [f64; 2]| [p, -STIFFNESS * q.sin()];
    motion(slope, [1.9, 0.4], INTERVAL, (ROWS, 300))
}

/// What is recovered of the run, its times in so many seconds.
fn recovered(masses: Vec<f64>, second: f64) -> Recovery {
    recovered_from(pendulum(), masses, second)
}

fn recovered_from(states: Vec<[f64; 2]>, masses: Vec<f64>, second: f64) -> Recovery {
    let chunk = |first: usize| {
        let rows: Vec<f64> = states[first..first + 5].concat();
        Trajectory {
            id: 1,
            times: (first..first + 5).map(|row| row as f64 * INTERVAL / second).collect(),
            states: Array2::from_shape_vec((5, 2), rows).unwrap(),
        }
    };
    let train: Vec<Trajectory> = (0..78).map(|k| chunk(3 * k)).collect();
    let held_out: Vec<Trajectory> = (0..19).map(|k| chunk(12 * k + 2)).collect();
    let inputs = Inputs::new(SHAPE, vec![0.0], vec![("e".into(), vec![1.0])]).unwrap();
    let settings = RecoverSettings { masses, ..RecoverSettings::default() };
    recover(&inputs, &train, &held_out, &settings, &mut |_| {}).unwrap()
}

#[test]
fn regress_a_pendulum_by_its_angle_is_found_from_one_run() {
    let law = recovered(vec![1.0], 1.0);
    let best = law.best().to_string();
    assert!(law.exact(), "{best} {:?}", law.verdict);
    assert!(
        ["0.5*norm(p1)**2 - 2.3*cos(dot(e,q1))", "0.5*norm(p1)**2 - 2.3*cos(norm(q1))"]
            .contains(&best.as_str()),
        "{best}"
    );
}

#[test]
fn regress_a_pendulum_that_turns_over_and_over_is_not_taken_for_a_driven_one() {
    let slope = |[q, p]: [f64; 2]| [p, -STIFFNESS * q.sin()];
    let states = motion(slope, [0.2, 4.1], INTERVAL, (ROWS, 300));
    let law = recovered_from(states, vec![1.0], 1.0);
    let best = law.best().to_string();
    assert!(law.exact() && best.contains("2.3*cos("), "{best} {:?}", law.verdict);
    assert!(law.checks.is_empty(), "{:?}", law.checks);
}

#[test]
fn regress_momenta_of_one_energy_leave_the_law_undetermined() {
    let law = recovered(Vec::new(), 1.0);
    assert!(law.verdict.explained() && !law.verdict.determined(), "{:?}", law.verdict);
    assert!(!law.exact() && law.verdict.reasons().any(|r| r.contains("one energy")));
}

#[test]
fn regress_velocities_in_another_unit_are_told_with_the_factor() {
    let law = recovered(vec![1.0], 60.0);
    let told = law.checks.iter().find(|check| check.name == "velocity").unwrap();
    assert!(told.message.starts_with("dq1/dt is 60.00"), "{}", told.message);
    assert!(recovered(vec![1.0], 1.0).checks.is_empty());
}

#[test]
fn regress_a_kinetic_energy_that_is_known_is_not_searched() {
    let law = recovered(vec![1.0], 1.0);
    // Velocities and masses leave no function of the momenta to be learned.
    let scalars = law.learned.model.scalars();
    let of_momenta =
        |s: &&Scalar| s.vectors().flat_map(|v| v.terms()).any(|(n, _)| n.starts_with('p'));
    assert_eq!(scalars.scalars().iter().filter(of_momenta).count(), 0, "{scalars:?}");
    assert!((scalars.masses()[0] - 1.0).abs() < 1e-12);
}

#[test]
fn regress_a_given_mass_is_the_mass_of_the_law_in_noise_too() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut noisy = |x: f64| x + 0.03 * rng.random_range(-1.0..1.0);
    let states = pendulum().into_iter().map(|[q, p]| [noisy(q), 1.7 * noisy(p)]).collect();
    let law = recovered_from(states, vec![1.7], 1.0);
    let best = law.best().to_string();
    // 1/(2 m) = 0.29412.
    let kinetic = law.expression.constants()[0];
    assert_eq!(kinetic, 0.5 / 1.7, "{best}");
    assert!(law.covariance[[0, 0]].sqrt() < 1e-14, "{}", law.covariance);
    let strength = law.expression.constants()[1].abs();
    assert!((strength - 1.7 * STIFFNESS).abs() < 0.05 * STIFFNESS, "{best}");
}

#[test]
fn free_motion_with_velocities_is_the_kinetic_energy_alone() {
    let states = (0..ROWS).map(|k| [0.3 + 0.8 * INTERVAL * k as f64, 0.8 * 2.5]).collect();
    let law = recovered_from(states, vec![2.5], 1.0);
    assert_eq!(law.best().to_string(), "0.2*norm(p1)**2");
}

/// Friction and a drive of one period, which the oscillator has fallen in with: its orbit alone
/// would follow some law without them.
#[test]
fn regress_a_driving_force_is_told_with_its_period() {
    let slope = |[q, p, t]: [f64; 3]| {
        [p, 0.2 * (0.8 * t).cos() - 0.25 * p - 1.7 * q - 0.6 * q.powi(3), 1.0]
    };
    let rows = motion(slope, [0.9, 0.1, 0.0], 0.1, (900, 100));
    let chunk = |first: usize| Trajectory {
        id: 0,
        times: rows[first..first + 5].iter().map(|row| row[2]).collect(),
        states: Array2::from_shape_fn((5, 2), |(row, c)| rows[first + row][c]),
    };
    let chunks = |held_out: bool| -> Vec<Trajectory> {
        let some = (0..180).filter(|k| (k % 5 == 2) == held_out);
        some.map(|k| chunk(5 * k)).collect()
    };
    let (train, held_out) = (chunks(false), chunks(true));
    let inputs = Inputs::new(SHAPE, vec![0.0], vec![("e".into(), vec![1.0])]).unwrap();
    let settings = RecoverSettings { masses: vec![1.0], ..RecoverSettings::default() };
    let law = recover(&inputs, &train, &held_out, &settings, &mut |_| {}).unwrap();
    assert!(!law.exact() && !law.verdict.explained(), "{:?}", law.verdict);
    let told = law.checks.iter().find(|check| check.name == "driving force").expect("it is seen");
    assert!(told.message.contains("angular frequency 0.8000"), "{}", told.message);
}
