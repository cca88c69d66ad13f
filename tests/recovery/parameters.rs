//! Runs that differ in masses, stiffnesses, lengths and gravity: one law for all.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{Shape, Trajectory};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::recover::{RecoverSettings, recover};
use scalar_dynamics::rewrite::{EqualityOptions, Proof};
use scalar_dynamics::scalars::{Inputs, RunInput};
use scalar_dynamics::train::states;

use crate::motion::motion;

const NAMES: [&str; 3] = ["m", "k", "l"];

/// A mass on a spring under gravity, each run with its own of all.
fn runs(count: i64) -> Vec<Trajectory> {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let run = |id: i64| {
        let [m, k, l] = [0.6..2.0, 0.8..3.0, 0.5..1.5].map(|range| rng.random_range(range));
        let [g_x, g_y, x, y, p_x, p_y] = std::array::from_fn(|_| rng.random_range(-1.5..1.5));
        let slope = |[x, y, p_x, p_y]: [f64; 4]| {
            let r = x.hypot(y);
            let pull = -k * (r - l) / r;
            [p_x / m, p_y / m, pull * x + m * g_x, pull * y + m * g_y]
        };
        let states = motion(slope, [x, y, p_x, p_y], 0.2, (5, 400));
        let rows = states.into_iter().flat_map(|[x, y, p_x, p_y]| {
            [
                x, y, g_x, g_y, m, 0.0, k, 0.0, l, 0.0, p_x, p_y, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
                0.0, 0.0,
            ]
        });
        Trajectory {
            id,
            times: (0..5).map(|row| 0.2 * f64::from(row)).collect(),
            states: Array2::from_shape_vec((5, 20), rows.collect()).unwrap(),
        }
    };
    (0..count).map(run).collect()
}

#[test]
fn regress_parameters_that_follow_from_others_leave_the_law_undetermined() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let run = |id: i64| {
        // A stiffness of twice the mass: k q^2/2 is m q^2.
        let m = rng.random_range(0.5..2.0);
        let [q, p] = [rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)];
        let states = motion(|[q, p]: [f64; 2]| [p / m, -2.0 * m * q], [q, p], 0.2, (5, 400));
        let rows = states.into_iter().flat_map(|[q, p]| [q, m, 2.0 * m, 3.0, p, 0.0, 0.0, 0.0]);
        Trajectory {
            id,
            times: (0..5).map(|row| 0.2 * f64::from(row)).collect(),
            states: Array2::from_shape_vec((5, 8), rows.collect()).unwrap(),
        }
    };
    let mut train: Vec<Trajectory> = (0..60).map(run).collect();
    let held_out = train.split_off(48);
    let numbers = ["m", "k", "c"].map(|name| RunInput::Number(name.into()));
    let shape = Shape { particles: 1, dimension: 1 };
    let inputs = Inputs::new(shape, vec![0.0], Vec::new()).unwrap();
    let inputs = inputs.with_run_inputs(numbers.to_vec()).unwrap();
    let settings = RecoverSettings::default();
    let law = recover(&inputs, &train, &held_out, &settings, &mut |_| {}).unwrap();
    assert!(law.verdict.explained() && !law.verdict.determined(), "{:?}", law.verdict);
    let told = law.checks.iter().map(|check| &check.message[..]).collect::<Vec<_>>().join("; ");
    assert!(told.contains("k follows from m") && told.contains("c is the same"), "{told}");
}

#[test]
fn regress_a_law_is_found_with_the_parameters_of_runs_as_symbols() {
    let shape = Shape { particles: 1, dimension: 2 };
    let numbers = NAMES.map(|name| RunInput::Number(name.into()));
    let of_run = [&[RunInput::Vector("g".into())], &numbers[..]].concat();
    let inputs = Inputs::new(shape, vec![0.0; 2], Vec::new()).unwrap();
    let inputs = inputs.with_run_inputs(of_run).unwrap();
    let mut train = runs(200);
    let held_out = train.split_off(160);
    let settings = RecoverSettings::default();
    let law = recover(&inputs, &train, &held_out, &settings, &mut |_| {}).unwrap();
    assert!(law.exact(), "{} {:?}", law.best(), law.verdict);
    let truth = "0.5*norm(p1)**2/m + 0.5*k*norm(q1)**2 - k*l*norm(q1) - m*dot(g,q1)";
    let truth = Expr::with_parameters(truth, &NAMES.map(str::to_string)).unwrap();
    let options = EqualityOptions::default();
    let compared = law.against(&inputs, &truth, states(&train).view(), &options).unwrap();
    assert!(matches!(compared.proof, Proof::Equal { .. }), "{} {compared:?}", law.best());
}
