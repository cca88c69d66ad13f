//! One run of one particle, as most people have it.

use ndarray::Array2;
use scalar_dynamics::basis::Map;
use scalar_dynamics::dataset::{Shape, Trajectory};
use scalar_dynamics::expr::Expr;
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
    let states = pendulum();
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
    // Velocities and masses leave no function of the momenta but their squares.
    let learned = law.learned.model.function();
    let momenta: Vec<_> = learned.axes().iter().filter(|axis| axis.map == Map::Square).collect();
    assert_eq!(momenta.len(), 1, "{learned:?}");
    let scalars = law.learned.model.scalars().scalars();
    let of_momenta =
        scalars.iter().filter(|s| Expr::Scalar((*s).clone()).to_string().contains('p'));
    assert_eq!(of_momenta.count(), 1, "{scalars:?}");
}
