//! From chunks to a law.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{
    Shape, Trajectory, add_noise, aligned_chunks, gaussian_states, split,
};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::field::Hamiltonian;
use scalar_dynamics::integrate::{RungeKutta, Splitting, simulate};
use scalar_dynamics::linalg::Real;
use scalar_dynamics::recover::{Noise, RecoverError, RecoverSettings, Recovery, recover, refit};
use scalar_dynamics::report::recovery::RecoveryReport;
use scalar_dynamics::rewrite::{EqualityOptions, Proof, prove_equal_with};
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::systems::{Parameters, SpringyPendulum};
use scalar_dynamics::train::{Settings, unit_weights};

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
    let states =
        simulate(&system, &Splitting::nystrom(8).unwrap(), initial.view(), 0.2, 100, 6).unwrap();
    split(
        aligned_chunks(SHAPE, states.view(), 0.2, 5, &mut rng).unwrap().trajectories,
        0.2,
        &mut rng,
    )
}

fn inputs() -> Inputs {
    let p = parameters();
    Inputs::new(SHAPE, p.pivot.to_vec(), vec![("g".into(), p.gravity.to_vec())]).unwrap()
}

fn recovered(n: usize) -> (Recovery, Vec<Trajectory>, Vec<Trajectory>) {
    let (train, validation) = chunks(n);
    let law =
        recover(&inputs(), &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    (law, train, validation)
}

#[test]
fn regress_unequal_masses_pivot_and_slanting_gravity_are_recovered() {
    let (law, ..) = recovered(400);
    assert!(law.exact(), "{}", law.best());
    // The pivot and gravity are numbers here: dot(g,q0) is a constant.
    let truth: Expr = inputs().evaluated(&TRUTH.parse().unwrap()).unwrap();
    let options = EqualityOptions {
        up_to_constant: true,
        relative_tolerance: 1e-6,
        ..EqualityOptions::default()
    };
    let proof = prove_equal_with(&inputs().evaluated(law.best()).unwrap(), &truth, &options);
    assert!(matches!(proof, Proof::Equal { .. }), "{}: {proof:?}", law.best());
    let expected = [
        ("m1", 1.7),
        ("m2", 0.6),
        ("k1", 1.3),
        ("l1", 1.2),
        ("k2", 2.1),
        ("l2", 0.7),
        ("g1", 1.0),
        ("g2", 1.0),
    ];
    for (name, value) in expected {
        let found = law.reading.constants.iter().find(|c| c.name == name).unwrap();
        assert!((found.value - value).abs() < 1e-8, "{name}: {}", found.value);
        assert!(
            found.standard_error.is_some_and(|e| e > 0.0 && e < 1e-8),
            "{name}: {:?}",
            found.standard_error
        );
    }
    assert_eq!(law.expression.constants().len(), 8, "{}", law.expression);
    // 1/3.4 and 1/1.2 are simple as divisors.
    assert!(
        ["norm(p1)**2/3.4", "norm(p2)**2/1.2"]
            .iter()
            .all(|term| law.best().to_string().contains(term)),
        "{}",
        law.best()
    );
    // The front rises from laws that lack terms to the law.
    println!(
        "{:?}",
        law.pareto.iter().map(|c| (c.expression.to_string(), c.error)).collect::<Vec<_>>()
    );
    assert!(law.pareto.len() >= 4 && law.pareto.windows(2).all(|w| w[1].error < w[0].error));
    assert!(
        law.pareto.windows(2).all(|w| w[1].expression.complexity() > w[0].expression.complexity())
    );
    assert!(law.reading.unread.is_empty());
}

#[test]
fn regress_broken_numbers_in_exact_data_are_told() {
    let (mut train, validation) = chunks(400);
    for k in [3, 70, 71, 200] {
        train[k].states[[2, k % 12]] += 0.7;
    }
    let law =
        recover(&inputs(), &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    let m1 = law.reading.constants.iter().find(|c| c.name == "m1").unwrap();
    assert!((m1.value - 1.7).abs() < 1e-6, "{m1:?}");
    let mut broken: Vec<(i64, f64)> =
        [3, 70, 71, 200].map(|k| (train[k].id, train[k].times[0])).to_vec();
    let assert_told = |law: &Recovery, broken: &[(i64, f64)]| {
        let outlying = law.outlying.as_ref().unwrap();
        let told = outlying.chunks.iter().map(|place| (place.trajectory, place.first_time));
        assert_eq!(told.collect::<Vec<_>>(), broken);
        assert!(!law.exact() && outlying.others < 1e-7, "{outlying:?}");
        assert!(law.verdict.explained() && law.verdict.incomplete.len() == 1, "{:?}", law.verdict);
    };
    // Held-out chunks are whole, and the law is exact on them; what was set aside is told all the same.
    assert_told(&law, &broken);
    // A broken held-out chunk is told, with those of training.
    let mut held_out = validation;
    for k in [1, 4] {
        held_out[k].states[[2, 3]] += 0.7;
        broken.push((held_out[k].id, held_out[k].times[0]));
    }
    broken.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let law =
        recover(&inputs(), &train, &held_out, &RecoverSettings::default(), &mut |_| {}).unwrap();
    assert_told(&law, &broken);
}

fn report<'a>(
    inputs: &'a Inputs,
    recovery: &'a Recovery,
    train: &'a [Trajectory],
    validation: &'a [Trajectory],
) -> RecoveryReport<'a> {
    RecoveryReport {
        recovery,
        inputs,
        train,
        validation,
        basis: "spectral(6)".into(),
        command: "test".into(),
        seed: 3,
        truth: None,
        notes: &[],
    }
}

#[test]
fn determinism_any_number_of_threads_writes_the_same_bytes() {
    let written = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        pool.install(|| {
            let (recovery, train, validation) = recovered(120);
            let inputs = inputs();
            let report = report(&inputs, &recovery, &train, &validation);
            report.write(folder.path()).unwrap();
        });
        [
            "hamiltonian.json",
            "report.md",
            "rollouts.parquet",
            "figures/pareto.png",
            "figures/forces.svg",
        ]
        .map(|name| std::fs::read(folder.path().join(name)).unwrap())
    };
    assert!(written(1) == written(2));
}

#[test]
fn regress_the_files_tell_of_one_mass_and_of_what_was_not_fitted() {
    let (mut recovery, train, validation) = recovered(120);
    // As if the form had the length of the second spring: it is no estimate.
    let l2 = recovery.reading.constants.iter_mut().find(|c| c.name == "l2").unwrap();
    (l2.value, l2.standard_error) = (0.7, None);
    l2.gradient.fill(0.0);
    let inputs = inputs();
    let report = report(&inputs, &recovery, &train, &validation);
    let folder = tempfile::tempdir().unwrap();
    report.write(folder.path()).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (json, text): (serde_json::Value, String) =
        (serde_json::from_str(&read("hamiltonian.json")).unwrap(), read("report.md"));
    for (i, name) in ["m1", "m2"].into_iter().enumerate() {
        let meaning = format!("{name}: one mass moves particle {} and feels g", i + 1);
        assert!(
            json["shared"][i]["names"] == serde_json::json!([name])
                && json["shared"][i]["meaning"] == meaning,
            "{json}"
        );
        assert!(text.contains(&format!("\n{meaning}: ")), "{text}");
    }
    let merged = "norm(p1)**2/(2*m1) + norm(p2)**2/(2*m2) + k1/2*(norm(q1-q0) - l1)**2 + k2/2*(norm(q2-q1) - l2)**2 - m1*dot(g,q1) \
                  - m2*dot(g,q2)";
    assert_eq!(json["merged"]["expression"], merged);
    assert!(text.contains(&format!("`{merged}` with m1 = 1.")), "{text}");
    let of = |name: &str| {
        json["constants"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap()
    };
    assert!(of("l2")["standard_error"].is_null() && of("l2")["fitted"] == false, "{}", of("l2"));
    assert!(of("l1")["standard_error"].is_number() && of("l1")["fitted"] == true, "{}", of("l1"));
    assert!(
        text.contains("| 0.7000000000 | exactly, not fitted |") && !text.contains("unknown"),
        "{text}"
    );
}

#[test]
fn bad_input_no_chunks_and_unknown_laws_are_errors_or_not_exact() {
    let none = recover(&inputs(), &[], &[], &RecoverSettings::default(), &mut |_| {});
    assert!(matches!(none, Err(RecoverError::Train(_))));
    // Without gravity among the vectors no closed form can be right, and none is claimed.
    let (train, validation) = chunks(120);
    let blind = Inputs::new(SHAPE, vec![0.0; 3], vec![]).unwrap();
    let law =
        recover(&blind, &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    assert!(
        !law.exact() && law.validation_error.closed_form > 1e-3,
        "{} {:?}",
        law.best(),
        law.validation_error
    );
}

/// The same chunks with independent normal noise of `sigma` times each component's standard
/// deviation.
fn noisy(mut chunks: Vec<Trajectory>, sigma: f64, seed: u64) -> Vec<Trajectory> {
    add_noise(&mut chunks, sigma, &mut ChaCha8Rng::seed_from_u64(seed));
    chunks
}

#[test]
fn regress_noise_of_known_size_tells_the_law_from_another() {
    let (train, validation) = chunks(400);
    let blind = Inputs::new(SHAPE, vec![0.0; 3], vec![]).unwrap();
    let clean =
        recover(&blind, &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    // Half of what a law without gravity misses: a limit of three standard deviations would let it
    // pass.
    let sigma = 0.5 * clean.validation_error.closed_form;
    let settings = RecoverSettings { noise: Noise::Sigma(sigma), ..RecoverSettings::default() };
    let (train, validation) = (noisy(train, sigma, 5), noisy(validation, sigma, 6));
    for (inputs, exact) in [(blind, false), (inputs(), true)] {
        let law = recover(&inputs, &train, &validation, &settings, &mut |_| {}).unwrap();
        println!(
            "noise {sigma:.1e}, missed {:.1e}: {}",
            law.validation_error.closed_form,
            law.best()
        );
        assert_eq!(law.exact(), exact, "{}", law.best());
        assert!(law.validation_error.closed_form < 3.0 * sigma);
    }
    // Of unknown size too: what a law without gravity leaves is no noise.
    for (inputs, exact) in
        [(Inputs::new(SHAPE, vec![0.0; 3], vec![]).unwrap(), false), (self::inputs(), true)]
    {
        let law = recover(&inputs, &train, &validation, &RecoverSettings::default(), &mut |_| {})
            .unwrap();
        println!("noise of unknown size: {}", law.best());
        assert_eq!(law.exact(), exact, "{}", law.best());
    }
}

#[test]
fn regress_standard_errors_are_the_scatter_over_data_sets() {
    let truth = "0.29411764705882354*dot(p1,p1) + 0.8333333333333334*dot(p2,p2) + 0.65*(norm(q1-q0)-1.2)**2 \
                 + 1.05*(norm(q2-q1)-0.7)**2 - 1.7*dot(g,q1-q0) - 0.6*dot(g,q2-q0)";
    let truth: Expr = truth.parse().unwrap();
    let (all, _) = chunks(500);
    let constants = truth.constants();
    let settings = Settings::new(unit_weights(&all), 0.1).unwrap();
    let mut squares = vec![0.0; constants.len()];
    let sets = 50;
    for set in 0..sets {
        let fitted =
            refit(&inputs(), &truth, &noisy(all[..120].to_vec(), 1e-3, 100 + set), &settings)
                .unwrap();
        for (k, c) in fitted.expression.constants().iter().enumerate() {
            squares[k] += (c - constants[k]).powi(2) / fitted.covariance[[k, k]] / sets as f64;
        }
    }
    let ratios: Vec<f64> = squares.iter().map(|s| s.sqrt()).collect();
    println!("scatter / standard error: {ratios:.2?}");
    // Errors of independent residuals would be too small by factors up to 3.
    assert!(ratios.iter().all(|r| (0.7..1.4).contains(r)), "{ratios:?}");
}

#[test]
fn regress_the_unit_of_time_does_not_matter() {
    let (train, validation) = chunks(200);
    let scaled = |chunks: &[Trajectory], s: f64| -> Vec<Trajectory> {
        let scale = |chunk: &Trajectory| {
            let mut chunk = chunk.clone();
            chunk.times.iter_mut().for_each(|t| *t *= s);
            chunk.states.slice_mut(ndarray::s![.., 6..]).mapv_inplace(|p| p / s);
            chunk
        };
        chunks.iter().map(scale).collect()
    };
    for s in [1e-2, 1e2] {
        let p = parameters();
        let gravity = p.gravity.iter().map(|g| g / (s * s)).collect();
        let inputs = Inputs::new(SHAPE, p.pivot.to_vec(), vec![("g".into(), gravity)]).unwrap();
        let law = recover(
            &inputs,
            &scaled(&train, s),
            &scaled(&validation, s),
            &RecoverSettings::default(),
            &mut |_| {},
        )
        .unwrap();
        let k2 = law.reading.constants.iter().find(|c| c.name == "k2").unwrap().value;
        println!(
            "unit {s}: exact {}, integration error {:.1e}, k2 {k2:e}",
            law.exact(),
            law.learned.integration_error
        );
        assert!(law.exact() && (k2 * s * s / 2.1 - 1.0).abs() < 1e-8);
    }
}

/// One chunk has a gap, so long that a rollout from the first guess diverges there and one in half
/// of it says nothing.
#[test]
fn regress_a_chunk_with_a_gap_is_no_hindrance() {
    let (train, validation) = chunks(200);
    let mut gaps = train;
    gaps[7].times.truncate(2);
    gaps[7].states = gaps[7].states.slice(ndarray::s![..2, ..]).to_owned();
    gaps[7].times[1] = gaps[7].times[0] + 3.0;
    let system = SpringyPendulum::new(parameters()).unwrap();
    let end = simulate(
        &system,
        &Splitting::nystrom(8).unwrap(),
        gaps[7].states.slice(ndarray::s![..1, ..]),
        3.0,
        2,
        90,
    )
    .unwrap();
    gaps[7].states.row_mut(1).assign(&end.slice(ndarray::s![0, 1, ..]));
    let law =
        recover(&inputs(), &gaps, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    println!(
        "gap: exact {}, step {}, {}",
        law.exact(),
        law.learned.settings.rollout.step,
        law.best()
    );
    assert!(law.exact(), "{}", law.best());
}

#[test]
fn bad_input_of_names_and_laws_of_other_vectors() {
    let name =
        |name: &str| Inputs::new(SHAPE, vec![0.0; 3], vec![(name.into(), vec![1.0, 2.0, 3.0])]);
    for taken in [
        "norm", "dot", "sqrt", "exp", "abs", "q7", "p12", "v1", "q0", "lambda", "nan", "Inf", "",
        "2g", "_g", "g-h", "gé",
    ] {
        assert!(
            matches!(name(taken), Err(scalar_dynamics::scalars::InputsError::Name(n)) if n == taken),
            "{taken}"
        );
    }
    for free in ["g", "q", "p", "ex", "field_2", "qx", "E"] {
        assert!(name(free).is_ok(), "{free}");
    }
    let evaluated = |text: &str, inputs: &Inputs| inputs.evaluated(&text.parse().unwrap());
    for (text, unknown) in [("dot(h,q1)", "h"), ("norm(q3)", "q3"), ("norm(p1) + norm(q1-x)", "x")]
    {
        let error = evaluated(text, &inputs()).unwrap_err();
        assert!(error.to_string().contains(&format!("`{unknown}`")), "{error}");
    }
    // q0 = (0.1, -0.2, 0.3), g = (0, 0.6, -0.8): g.q0 = -0.36, |q0|^2 = 0.14.
    for (text, by_hand) in [
        ("norm(q1-q0) + dot(g,q0)", "norm(q1-q0) - 0.36"),
        ("2*dot(g,q1-q0)", "2*dot(g,q1) + 0.72"),
        ("dot(q0,q0)*norm(g)*dot(p1,q2)", "0.14*dot(p1,q2)"),
        ("sqrt(dot(2*g,q0-q2) + 3)", "sqrt(-2*dot(g,q2) + 2.28)"),
    ] {
        let (found, wanted) = (evaluated(text, &inputs()).unwrap(), by_hand.parse().unwrap());
        let proof = prove_equal_with(
            &found,
            &wanted,
            &EqualityOptions { relative_tolerance: 1e-12, ..Default::default() },
        );
        assert!(matches!(proof, Proof::Equal { .. }), "{text}: {found} {proof:?}");
        assert_eq!(found.names(), wanted.names(), "{text}: {found}");
    }
    // A pivot at zero is none.
    let at_zero = Inputs::new(SHAPE, vec![0.0; 3], vec![]).unwrap();
    assert_eq!(evaluated("norm(q1-q0) + dot(q0,q2)", &at_zero).unwrap().to_string(), "norm(q1)");
}

/// Kepler orbits in the plane: 1/r is in no span of powers of r, though many powers follow it
/// closely; the law is found, not a series.
#[test]
fn regress_a_power_series_that_follows_another_law_is_not_taken_for_it() {
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
    let states =
        simulate(&Kepler, &RungeKutta::new(8).unwrap(), initial.view(), 0.1, 20, 20).unwrap();
    let (train, validation) = split(
        aligned_chunks(shape, states.view(), 0.1, 5, &mut rng).unwrap().trajectories,
        0.2,
        &mut rng,
    );
    let inputs = Inputs::new(shape, vec![0.0; 2], vec![]).unwrap();
    let law =
        recover(&inputs, &train, &validation, &RecoverSettings::default(), &mut |_| {}).unwrap();
    assert!(law.exact(), "{} {:?}", law.best(), law.validation_error);
    assert_eq!(law.best().to_string(), "0.5*norm(p1)**2 - 1/norm(q1)");
}
