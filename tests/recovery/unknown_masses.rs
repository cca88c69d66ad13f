//! Masses that nobody told.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Deadline;
use scalar_dynamics::dataset::{Shape, Trajectory};
use scalar_dynamics::recover::{MassesFound, RecoverSettings, find_masses, recover};
use scalar_dynamics::scalars::Inputs;

use crate::motion::motion;

const INTERVAL: f64 = 0.05;
const MASSES: [f64; 2] = [1.0, 2.44];

/// Two carts between walls, by positions and velocities: the springs to the walls of strengths 3 and
/// 5, and one between them.
fn carts(coupling: f64, noise: f64) -> (Inputs, Vec<Trajectory>) {
    let slope = |[a, b, u, v]: [f64; 4]| {
        let pull = coupling * (b - a) + 0.4 * coupling * (b - a).powi(3);
        [u, v, (pull - 3.0 * a) / MASSES[0], (-pull - 5.0 * b) / MASSES[1]]
    };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut chunks = Vec::new();
    for (id, first) in [(1, [0.7, -0.4, 0.3, 0.9]), (2, [-0.2, 0.8, -1.1, 0.1])] {
        let states = motion(slope, first, INTERVAL, (150, 40));
        for from in (0..states.len() - 4).step_by(2) {
            let rows: Vec<f64> = states[from..from + 5].concat();
            let times = (from..from + 5).map(|row| row as f64 * INTERVAL).collect();
            let rows = rows.iter().map(|x| x + noise * rng.random_range(-1.0..1.0)).collect();
            let states = Array2::from_shape_vec((5, 4), rows).unwrap();
            chunks.push(Trajectory { id, times, states });
        }
    }
    let shape = Shape { particles: 2, dimension: 1 };
    (Inputs::new(shape, vec![0.0], vec![("e".into(), vec![1.0])]).unwrap(), chunks)
}

fn found(coupling: f64, noise: f64) -> MassesFound {
    let (inputs, chunks) = carts(coupling, noise);
    let (train, held_out) = chunks.split_at(chunks.len() - 40);
    find_masses(&inputs, (train, held_out), &[1.0, 1.0], &[1, 2], &Deadline::default()).unwrap()
}

#[test]
fn masses_are_found_by_what_particles_do_to_each_other() {
    let MassesFound { masses, errors, .. } = found(2.0, 0.0);
    println!("{masses:?} {errors:?}");
    assert_eq!((masses[0], errors[0]), (1.0, 0.0));
    assert!((masses[1] / MASSES[1] - 1.0).abs() < 1e-9, "{masses:?} {errors:?}");
    let MassesFound { masses, errors, .. } = found(2.0, 0.005);
    println!("{masses:?} {errors:?}");
    assert!((masses[1] / MASSES[1] - 1.0).abs() < 0.05, "{masses:?} {errors:?}");
}

#[test]
fn masses_of_particles_apart_are_not_told() {
    for noise in [0.0, 0.005] {
        let MassesFound { masses, errors, .. } = found(0.0, noise);
        assert_eq!((masses[1], errors[1]), (1.0, f64::INFINITY), "{noise}");
    }
}

#[test]
fn a_law_with_masses_that_were_found_is_exact() {
    let (inputs, mut chunks) = carts(2.0, 0.0);
    let given = vec![1.0; 2];
    let of = found(2.0, 0.0);
    of.applied(&mut chunks, &given);
    let (train, held_out) = chunks.split_at(chunks.len() - 40);
    let masses = of.masses.clone();
    let settings =
        RecoverSettings { masses, mass_errors: of.errors.clone(), ..RecoverSettings::default() };
    let law = recover(&inputs, train, held_out, &settings, &mut |_| {}).unwrap();
    assert!(law.exact(), "{} {:?}", law.best(), law.verdict);
    // As well known as the masses are.
    let constants = law.expression.constants();
    let kinetic = constants.iter().position(|c| (c * 4.88 - 1.0).abs() < 1e-6).unwrap();
    let error = law.covariance[[kinetic, kinetic]].sqrt() / constants[kinetic];
    assert!((error * of.masses[1] / of.errors[1] - 1.0).abs() < 0.1, "{error}");
}
