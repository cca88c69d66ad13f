//! From chunks to a law.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{Shape, Trajectory, aligned_chunks, gaussian_states, split};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::field::Hamiltonian;
use scalar_dynamics::integrate::{RungeKutta, Splitting, simulate};
use scalar_dynamics::linalg::Real;
use scalar_dynamics::report::recovery::RecoveryReport;
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::symbolic::{EqualityOptions, Proof, RecoverError, RecoverSettings, Recovery, prove_equal_with, recover};
use scalar_dynamics::systems::{Parameters, SpringyPendulum};

const SHAPE: Shape = Shape { particles: 2, dimension: 3 };
const TRUTH: &str = "dot(p1,p1)/(2*1.7) + dot(p2,p2)/(2*0.6) + 0.65*(norm(q1-q0)-1.2)**2 + 1.05*(norm(q2-q1)-0.7)**2 \
                     - 1.7*dot(g,q1-q0) - 0.6*dot(g,q2-q0)";

fn parameters() -> Parameters {
    let (pivot, gravity) = ([0.1, -0.2, 0.3], [0.0, 0.6, -0.8]);
    Parameters { masses: [1.7, 0.6], stiffness: [1.3, 2.1], lengths: [1.2, 0.7], pivot, gravity }
}

/// Chunks of a pendulum with unequal masses, a pivot away from zero and slanting gravity.
fn chunks(n: usize) -> (Vec<Trajectory>, Vec<Trajectory>) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mean = [0.1, 0.7, -1.1, 0.1, 1.7, -2.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let initial = gaussian_states(&mean, &[0.3; 12], n, &mut rng);
    let system = SpringyPendulum::new(parameters()).unwrap();
    let states = simulate(&system, &Splitting::nystrom(8).unwrap(), initial.view(), 0.2, 100, 6).unwrap();
    split(aligned_chunks(SHAPE, states.view(), 0.2, 5, &mut rng).unwrap().trajectories, 0.2, &mut rng)
}

fn inputs() -> Inputs {
    let p = parameters();
    Inputs::new(SHAPE, p.pivot.to_vec(), vec![("g".into(), p.gravity.to_vec())]).unwrap()
}

fn recovered(n: usize) -> (Recovery, Vec<Trajectory>, Vec<Trajectory>) {
    let (train, validation) = chunks(n);
    let law = recover(&inputs(), &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    (law, train, validation)
}

#[test]
fn regress_unequal_masses_pivot_and_slanting_gravity_are_recovered() {
    let (law, ..) = recovered(400);
    assert!(law.exact, "{}", law.best());
    let truth: Expr = TRUTH.parse().unwrap();
    let options = EqualityOptions { up_to_constant: true, relative_tolerance: 1e-6, ..EqualityOptions::default() };
    let proof = prove_equal_with(law.best(), &truth, &options);
    assert!(!matches!(proof, Proof::Different { .. }), "{}: {proof:?}", law.best());
    let expected = [("m1", 1.7), ("m2", 0.6), ("k1", 1.3), ("l1", 1.2), ("k2", 2.1), ("l2", 0.7), ("g1", 1.0), ("g2", 1.0)];
    for (name, value) in expected {
        let found = law.reading.constants.iter().find(|c| c.name == name).unwrap();
        assert!((found.value - value).abs() < 1e-8, "{name}: {}", found.value);
        assert!(found.standard_error.is_some_and(|e| e > 0.0 && e < 1e-8), "{name}: {:?}", found.standard_error);
    }
    assert_eq!(law.expression.constants().len(), 8, "{}", law.expression);
    assert!(law.reading.unread.is_empty());
}

#[test]
fn determinism_any_number_of_threads_writes_the_same_bytes() {
    let written = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        pool.install(|| {
            let (recovery, train, validation) = recovered(120);
            let report = RecoveryReport {
                recovery: &recovery,
                inputs: &inputs(),
                train: &train,
                validation: &validation,
                basis: "spectral(6)".into(),
                command: "test".into(),
                seed: 3,
                truth: None,
            };
            report.write(folder.path()).unwrap();
        });
        ["hamiltonian.json", "report.md", "rollouts.parquet", "figures/pareto.png", "figures/forces.svg"]
            .map(|name| std::fs::read(folder.path().join(name)).unwrap())
    };
    assert!(written(1) == written(2));
}

#[test]
fn bad_input_no_chunks_and_unknown_laws_are_errors_or_not_exact() {
    let none = recover(&inputs(), &[], &[], &RecoverSettings::default(), &mut |_| {});
    assert!(matches!(none, Err(RecoverError::Train(_))));
    // Without gravity among the vectors no closed form can be right, and none is claimed.
    let (train, validation) = chunks(120);
    let blind = Inputs::new(SHAPE, vec![0.0; 3], vec![]).unwrap();
    let law = recover(&blind, &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    assert!(!law.exact && law.validation_error.1 > 1e-3, "{} {:?}", law.best(), law.validation_error);
}

/// Kepler orbits in the plane: 1/r is in no span of powers of r, though many powers follow it closely.
#[test]
fn regress_a_power_series_that_follows_another_law_is_not_exact() {
    struct Kepler;
    impl Hamiltonian for Kepler {
        fn dim(&self) -> usize {
            4
        }
        fn energy<T: Real>(&self, z: &[T]) -> T {
            (z[2] * z[2] + z[3] * z[3]) * 0.5 - T::splat(1.0) / (z[0] * z[0] + z[1] * z[1]).sqrt()
        }
        fn gradient_into<T: Real>(&self, z: &[T], gradient: &mut [T]) {
            let square = z[0] * z[0] + z[1] * z[1];
            let inverse = T::splat(1.0) / (square * square.sqrt());
            gradient.copy_from_slice(&[z[0] * inverse, z[1] * inverse, z[2], z[3]]);
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let shape = Shape { particles: 1, dimension: 2 };
    let initial = gaussian_states(&[1.1, 0.0, 0.0, 0.95], &[0.05; 4], 80, &mut rng);
    let states = simulate(&Kepler, &RungeKutta::new(8).unwrap(), initial.view(), 0.1, 20, 20).unwrap();
    let (train, validation) = split(aligned_chunks(shape, states.view(), 0.1, 5, &mut rng).unwrap().trajectories, 0.2, &mut rng);
    let inputs = Inputs::new(shape, vec![0.0; 2], vec![]).unwrap();
    let law = recover(&inputs, &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    assert!(!law.exact, "{} {:?}", law.best(), law.validation_error);
    assert!(law.validation_error.1 < 1e-3, "{:?}", law.validation_error);
}
