//! Laws of many kinds, recovered from chunks of trajectories without a hint.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Deadline;
use scalar_dynamics::dataset::{Trajectory, add_noise, aligned_chunks, gaussian_states, split};
use scalar_dynamics::expr::{Bindings, Expr};
use scalar_dynamics::field::{Hamiltonian, Shape, VectorField};
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::linalg::Dual;
use scalar_dynamics::loss::RolloutOptions;
use scalar_dynamics::model::network::{Activation, NetworkHamiltonian, Scalars};
use scalar_dynamics::model::{HamiltonianModel, Model, RandomStart};
use scalar_dynamics::recover::{
    PhysicalConstant, RecoverSettings, Recovery, read_constants, recover, recover_from,
};
use scalar_dynamics::rewrite::{EqualityOptions, Proof};
use scalar_dynamics::scalars::{Inputs, MomentumForceKind, ScalarSet};
use scalar_dynamics::systems::{ExpressionSystem, NamedLaw, SystemError};
use scalar_dynamics::train::{
    NetworkSettings, NetworkStage, Settings, StageLoss, states, train_network, unit_weights,
};

use crate::data::gradient_error;
use crate::kinds::{Beside, Stokes};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn chunks<S: VectorField>(
    law: &NamedLaw,
    system: &S,
    n: usize,
) -> (Vec<Trajectory>, Vec<Trajectory>) {
    let mut rng = rng(5);
    let half = law.mean.len() / 2;
    let deviation: Vec<f64> = (0..2 * half)
        .map(|c| if c < half { law.position_spread } else { law.momentum_spread })
        .collect();
    let initial = gaussian_states(law.mean, &deviation, n, &mut rng);
    let all =
        simulate(system, &RungeKutta::new(8).unwrap(), initial.view(), law.dt, 50, 8).unwrap();
    split(
        aligned_chunks(law.shape(), all.view(), law.dt, 5, &mut rng).unwrap().trajectories,
        0.2,
        &mut rng,
    )
}

fn recovered(law: &NamedLaw, (train, check): &(Vec<Trajectory>, Vec<Trajectory>)) -> Recovery {
    let inputs = Inputs::new(law.shape(), vec![0.0; law.dimension], law.context()).unwrap();
    recover(&inputs, train, check, &RecoverSettings::default(), &mut |_| {}).unwrap()
}

#[track_caller]
fn assert_recovered(name: &str, n: usize) -> Recovery {
    let law = NamedLaw::find(name).unwrap();
    let system = law.system().unwrap();
    let data = chunks(law, &system, n);
    let found = recovered(law, &data);
    assert!(found.exact(), "{name}: {}", found.best());
    let form = ExpressionSystem::new(found.best(), law.shape(), &law.context()).unwrap();
    let error = gradient_error(&system, &form, &states(&data.0), 1.3, &mut rng(1));
    assert!(error < 1e-7, "{name}: {error:e} {}", found.best());
    assert!(found.nonconservative.is_none());
    found
}

/// The law recovered from 500 chunks with noise of `level` in units of each component's standard
/// deviation: its form, with 2 in the place of every constant, and the constants.
fn in_noise(name: &str, level: f64) -> (Recovery, String) {
    let law = NamedLaw::find(name).unwrap();
    let (mut train, mut check) = chunks(law, &law.system().unwrap(), 500);
    let n = train.len();
    train.append(&mut check);
    add_noise(&mut train, level, &mut rng(8));
    let check = train.split_off(n);
    let found = recovered(law, &(train, check));
    let form = &found.expression;
    let text = form.with_constants(&vec![2.0; form.constants().len()]).to_string();
    println!("{name}, noise {level}: {}, exact {}, {:?}", found.best(), found.exact(), found.noise);
    (found, text)
}

#[test]
fn regress_kepler_is_recovered_in_noise() {
    let (found, form) = in_noise("kepler", 0.01);
    let truth: Expr = "2*norm(p1)**2 + 2/norm(q1)".parse().unwrap();
    assert_eq!(form, truth.to_string());
    let constants = found.expression.constants();
    for (fitted, truth) in constants.iter().zip([0.5, -1.3]) {
        assert!((fitted / truth - 1.0).abs() < 0.02, "{constants:?}");
    }
    assert!(found.exact(), "what is left is noise");
    let noise = found.noise.unwrap();
    assert!(!noise.given && (0.6..1.5).contains(&noise.efficiency.unwrap()), "{noise:?}");
}

#[test]
fn regress_laws_beyond_polynomials_are_recovered_in_noise() {
    // Of a fitted power a sum of plain ones follows the noise as well: then it is not determined.
    for (name, truth, determined) in [
        ("inverse-power", "0.5*norm(p1)**2 + 0.5*norm(q1)**2 + 0.4/norm(q1)**2.5", false),
        ("plummer", "0.5*norm(p1)**2 - 1.5/sqrt(norm(q1)**2 + 0.16)", true),
    ] {
        let (found, _) = in_noise(name, 0.01);
        let shape = |e: &Expr| e.with_constants(&vec![2.0; e.constants().len()]).to_string();
        let truth: Expr = truth.parse().unwrap();
        assert_eq!(shape(found.best()), shape(&truth));
        let constants = |e: &Expr| {
            let mut all: Vec<f64> = e.constants().iter().map(|c| c.abs()).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        for (a, b) in constants(found.best()).iter().zip(constants(&truth)) {
            assert!((a / b - 1.0).abs() < 0.02, "{}", found.best());
        }
        assert!(found.verdict.explained() && found.verdict.complete(), "{:?}", found.verdict);
        assert_eq!(found.verdict.determined(), determined, "{name} {:?}", found.rivals);
        // What is said to be as likely is another law.
        assert!(
            found
                .rivals
                .iter()
                .all(|rival| rival.difference.wider > 0.01 && rival.chi_squared < 9.1),
            "{:?}",
            found.rivals
        );
    }
}

#[test]
#[ignore = "slow: a quarter of a minute, run with -- --ignored"]
fn regress_a_bond_of_two_atoms_is_recovered_in_noise() {
    let (found, form) = in_noise("morse", 0.01);
    let truth: Expr =
        "2*norm(p1)**2 + 2*norm(p2)**2 + 2*(exp(2*norm(q2-q1)) + 2)**2".parse().unwrap();
    assert_eq!(form, truth.to_string());
    assert!(found.verdict.explained(), "{:?}", found.verdict);
}

#[test]
fn regress_pendulum_is_recovered_in_much_noise() {
    let (found, _) = in_noise("pendulum", 0.1);
    let names: Vec<&str> = found.reading.constants.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["m1", "m2", "k1", "l1", "k2", "l2", "g1", "g2"], "{}", found.best());
    assert!(found.reading.unread.is_empty() && found.exact(), "{}", found.best());
}

#[test]
fn regress_kepler_is_recovered() {
    let found = assert_recovered("kepler", 250);
    assert_eq!(found.best().to_string(), "0.5*norm(p1)**2 - 1.3/norm(q1)");
    assert_eq!(found.parts.len(), 2);
    assert!(found.pareto.len() > 1 && found.pareto.windows(2).all(|w| w[0].error > w[1].error));
}

#[test]
fn the_learned_hamiltonian_is_an_expression() {
    let law = NamedLaw::find("kepler").unwrap();
    let data = chunks(law, &law.system().unwrap(), 200);
    let found = recovered(law, &data);
    let form = found.learned_expression();
    let value = |row: &[f64]| {
        let mut point = Bindings::new();
        point.bind("q1", row[..3].to_vec());
        point.bind("p1", row[3..].to_vec());
        form.evaluate(&point).unwrap()
    };
    let all = states(&data.0).slice_move(ndarray::s![..16; 2, ..]);
    let batch: Vec<f64> = all.t().iter().copied().collect();
    let (model, mut energy) = (&found.learned.model, vec![0.0; 8]);
    model.energy_into(&found.learned.fit.theta, &batch, &mut energy, &mut model.work());
    for (row, e) in all.rows().into_iter().zip(&energy) {
        let difference = (value(&row.to_vec()) - value(&all.row(0).to_vec())) - (e - energy[0]);
        assert!(difference.abs() < 1e-6 * e.abs().max(1.0), "{difference:e}");
    }
}

#[test]
fn regress_a_law_with_friction_is_found_with_its_rate() {
    let law = NamedLaw::find("quartic").unwrap();
    let data = chunks(law, &Beside(law.system().unwrap(), Stokes(0.05)), 200);
    let found = recovered(law, &data);
    assert!(found.exact(), "{:?} {}", found.verdict, found.best());
    let beside = found.nonconservative.as_ref().expect("friction is seen");
    assert_eq!(beside.forces.len(), 1, "{beside:?}");
    let (rates, errors) = beside.of(MomentumForceKind::Friction).expect("friction is seen");
    assert!((rates[0] - 0.05).abs() < 1e-8, "{beside:?}");
    assert!((rates[0] - 0.05).abs() < 4.0 * errors[0], "{beside:?}");
    let law: Expr = law.hamiltonian.parse().unwrap();
    let same =
        law.constants().iter().zip(found.best().constants()).all(|(a, b)| (a - b).abs() < 1e-7);
    assert!(same, "{}", found.best());
}

#[test]
fn gradient_of_an_expression_system_agrees_with_dual_numbers() {
    for law in NamedLaw::ALL {
        let system = law.system().unwrap();
        let mut rng = rng(2);
        let z: Vec<f64> = law.mean.iter().map(|m| m + 0.3 * rng.random_range(-1.0..1.0)).collect();
        let mut gradient = vec![0.0; z.len()];
        system.gradient_into(&z, &mut gradient);
        for (k, g) in gradient.iter().enumerate() {
            let dual: Vec<Dual<f64>> = z
                .iter()
                .enumerate()
                .map(|(i, z)| Dual::new(*z, f64::from(u8::from(i == k))))
                .collect();
            let exact = system.energy(&dual).eps;
            assert!(
                (g - exact).abs() < 1e-12 * (1.0 + exact.abs()),
                "{} {k}: {g} {exact}",
                law.name
            );
        }
    }
}

#[test]
fn bad_input_expression_system_names_what_is_wrong() {
    let shape = Shape { particles: 1, dimension: 2 };
    let system = |text: &str| ExpressionSystem::new(&text.parse().unwrap(), shape, &[]);
    assert!(matches!(system("dot(q2,q2)"), Err(SystemError::Vector { name, .. }) if name == "q2"));
    let long = vec!["norm(q1)"; 300].join(" + ");
    assert!(matches!(system(&long), Err(SystemError::Length { .. })));
}

/// Two bodies whose centre of mass is at rest: what is not from noise may be written with the
/// product of the momenta.
#[test]
fn regress_two_bodies_at_rest_have_masses() {
    let truth: Expr = "norm(p1)**2/2.8 + norm(p2)**2/1.6 - 1.2345/norm(q2-q1)".parse().unwrap();
    let system = ExpressionSystem::new(&truth, Shape { particles: 2, dimension: 2 }, &[]).unwrap();
    let mut initial =
        gaussian_states(&[1.0, 0.0, -1.0, 0.0, 0.0, 0.5, 0.0, -0.5], &[0.2; 8], 100, &mut rng(3));
    for mut z in initial.rows_mut() {
        for c in 0..2 {
            (z[2 + c], z[6 + c]) = (-1.4 / 0.8 * z[c], -z[4 + c]);
        }
    }
    let paths =
        simulate(&system, &RungeKutta::new(8).unwrap(), initial.view(), 0.2, 24, 40).unwrap();
    let shape = Shape { particles: 2, dimension: 2 };
    let (mut train, mut check) = split(
        aligned_chunks(shape, paths.view(), 0.2, 5, &mut rng(4)).unwrap().trajectories,
        0.2,
        &mut rng(5),
    );
    let inputs = Inputs::new(shape, vec![0.0; 2], Vec::new()).unwrap();
    for noise in [0.0, 0.01] {
        add_noise(&mut train, noise, &mut rng(6));
        add_noise(&mut check, noise, &mut rng(7));
        let found =
            recover(&inputs, &train, &check, &RecoverSettings::default(), &mut |_| {}).unwrap();
        let names: Vec<&str> = found.reading.constants.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["m1", "m2", "c1"], "noise {noise}: {}", found.best());
        assert!(found.exact(), "{}", found.best());
        // Only without noise is the given law proved, but with it the form is.
        let options = EqualityOptions {
            up_to_constant: true,
            relative_tolerance: 1e-6,
            ..EqualityOptions::default()
        };
        let compared = found.against(&inputs, &truth, states(&train).view(), &options).unwrap();
        assert_eq!(matches!(compared.proof, Proof::Equal { .. }), noise == 0.0, "{compared:?}");
        assert_eq!(
            compared.same_form.as_ref().map(|same| (same.constants, same.within_errors)),
            (noise > 0.0).then_some((3, true))
        );
        let other: Expr = "norm(p1)**2/2.8 + norm(p2)**2/1.6 - 1.2/norm(q2-q1)**2".parse().unwrap();
        let compared = found.against(&inputs, &other, states(&train).view(), &options).unwrap();
        assert!(
            matches!(compared.proof, Proof::Different { .. }) && compared.same_form.is_none(),
            "{compared:?}"
        );
    }
}

#[test]
fn regress_rust_source_compiles_and_agrees() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["morse", "henon-heiles", "relativistic", "cosine", "logarithm", "inverse-power"] {
        let law = NamedLaw::find(name).unwrap();
        let expr: scalar_dynamics::expr::Expr = law.hamiltonian.parse().unwrap();
        let d = law.dimension;
        let z: Vec<f64> = (0..law.shape().state_len()).map(|k| 0.4 + 0.3 * k as f64).collect();
        let vector = |name: &str| -> Vec<f64> {
            let known = law.context().into_iter().find(|(n, _)| n == name).map(|(_, v)| v);
            let slot = name[1..].parse::<usize>().map_or(0, |i| i - 1)
                + if name.starts_with('p') { law.particles } else { 0 };
            known.unwrap_or_else(|| z[slot * d..(slot + 1) * d].to_vec())
        };
        let arguments: Vec<String> =
            expr.names().iter().map(|n| format!("&{:?}", vector(n))).collect();
        let source = format!(
            "{}\nfn main() {{ println!(\"{{:e}}\", hamiltonian({})); }}\n",
            expr.to_rust("hamiltonian"),
            arguments.join(", ")
        );
        let (file, program) = (folder.path().join(format!("{name}.rs")), folder.path().join(name));
        std::fs::write(&file, &source).unwrap();
        let compiled = std::process::Command::new("rustc")
            .arg(&file)
            .arg("-o")
            .arg(&program)
            .output()
            .unwrap();
        assert!(
            compiled.status.success(),
            "{source}\n{}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        let printed = std::process::Command::new(&program).output().unwrap().stdout;
        let value: f64 = String::from_utf8(printed).unwrap().trim().parse().unwrap();
        let exact = law.system().unwrap().energy(&z);
        assert!((value - exact).abs() < 1e-12 * (1.0 + exact.abs()), "{name}: {value} {exact}");
    }
}

#[test]
fn regress_a_polynomial_of_four_powers_is_no_series() {
    let law = NamedLaw::find("duffing").unwrap();
    let text = "0.5*dot(p1,p1) + 0.3*dot(ex,q1) + 0.4*dot(ex,q1)**2 - 0.2*dot(ex,q1)**3 + 0.15*dot(ex,q1)**4";
    let system =
        ExpressionSystem::new(&text.parse().unwrap(), law.shape(), &law.context()).unwrap();
    let found = recovered(law, &chunks(law, &system, 250));
    assert!(found.exact(), "{} {:?}", found.best(), found.validation_error);
}

#[test]
fn regress_equal_constants_are_found_and_tied() {
    let found = assert_recovered("pendulum-paper", 200);
    let names: Vec<&[String]> = found.shared.iter().map(|s| &s.names[..]).collect();
    for pair in [["m1", "m2"], ["k1", "k2"], ["l1", "l2"]] {
        assert!(names.iter().any(|n| *n == pair), "{pair:?} among {names:?}");
    }
    let masses = found.shared.iter().find(|s| s.names == ["m1", "m2"]).unwrap();
    assert_eq!(masses.meaning, "m1, m2: one mass moves particles 1, 2 and feels g");
    let tied = found.tied.unwrap();
    assert!(tied.constants().len() < found.expression.constants().len(), "{tied}");
}

#[test]
fn regress_the_mass_that_moves_is_tied_to_the_weight_only_if_they_agree() {
    let found = assert_recovered("unequal-pendulum", 200);
    let meanings: Vec<&str> = found.shared.iter().map(|s| &s.meaning[..]).collect();
    assert_eq!(
        meanings,
        ["m1: one mass moves particle 1 and feels g", "m2: one mass moves particle 2 and feels g"]
    );
    for (shared, truth) in found.shared.iter().zip([1.7, 0.6]) {
        let of = |constants: &[PhysicalConstant]| {
            constants.iter().find(|c| c.name == shared.names[0]).unwrap().clone()
        };
        let [moves, feels] =
            [&found.reading.constants, &found.reading.repeated].map(|constants| of(constants));
        let error = shared.standard_error.unwrap();
        println!(
            "{} {:e} +- {error:e}: {:?} {:?}",
            shared.names[0],
            shared.value - truth,
            moves.standard_error,
            feels.standard_error
        );
        assert!(error < moves.standard_error.unwrap() && error < feels.standard_error.unwrap());
        assert!((shared.value / truth - 1.0).abs() < 1e-9);
        // The law that is offered has one mass.
        let tied = read_constants(found.tied.as_ref().unwrap(), None).unwrap();
        assert!((of(&tied.constants).value / of(&tied.repeated).value - 1.0).abs() < 1e-9);
        assert!((of(&tied.constants).value / shared.value - 1.0).abs() < 1e-9);
    }
    // A field that takes hold of something else than the mass.
    let law = NamedLaw::find("unequal-pendulum").unwrap();
    let text = law
        .hamiltonian
        .replace("1.7*dot(g,q1)", "1.1*dot(g,q1)")
        .replace("0.6*dot(g,q2)", "0.9*dot(g,q2)");
    let system =
        ExpressionSystem::new(&text.parse().unwrap(), law.shape(), &law.context()).unwrap();
    let found = recovered(law, &chunks(law, &system, 200));
    assert!(
        found.exact() && found.shared.is_empty() && found.tied.is_none(),
        "{} {:?}",
        found.best(),
        found.shared
    );
}

#[test]
fn time_that_is_over_leaves_a_law_and_claims_nothing() {
    let law = NamedLaw::find("three-body").unwrap();
    let (train, check) = chunks(law, &law.system().unwrap(), 100);
    let inputs = Inputs::new(law.shape(), vec![0.0; law.dimension], law.context()).unwrap();
    let settings = RecoverSettings {
        deadline: Deadline::at(std::time::Instant::now()),
        ..RecoverSettings::default()
    };
    let found = recover(&inputs, &train, &check, &settings, &mut |_| {}).unwrap();
    println!("{:?} {} {:?}", found.counts, found.best(), found.validation_error);
    assert!(!found.exact() && found.counts.evaluated <= 40 * found.parts.len());
}

#[test]
fn regress_a_black_box_is_read() {
    let law = NamedLaw::find("pendulum").unwrap();
    let system = law.system().unwrap();
    let (train, check) = chunks(law, &system, 300);
    let inputs = Inputs::new(law.shape(), vec![0.0; 3], law.context()).unwrap();
    let all = states(&train);
    let scalars = ScalarSet::independent(&inputs, inputs.catalogue(), all.view()).unwrap();
    let network = NetworkHamiltonian::<Scalars<3>>::scalars_mlp(
        scalars,
        all.view(),
        &[32, 32],
        Activation::Swish,
    );
    let plain = Settings::new(unit_weights(&train), law.dt).unwrap();
    let settings = NetworkSettings {
        rollout: RolloutOptions { batch: 64, ..plain.rollout },
        weights: plain.weights,
        stages: vec![NetworkStage { loss: StageLoss::Quadrature, iterations: 300 }; 2],
        round: 20,
        patience: 5,
        decay: 0.0,
        probes: None,
    };
    for seed in [7, 8, 9] {
        let start = network.initial(&mut rng(seed));
        let fit =
            train_network(&network, start, &train, &check, &settings, None, &mut |_| {}).unwrap();
        let found = recover_from(
            (&network, &fit.theta),
            &inputs,
            &train,
            &check,
            &RecoverSettings::default(),
            &mut |_| {},
        )
        .unwrap();
        println!(
            "learned {:.1e}, closed form {:.1e}: {}",
            found.validation_error.learned,
            found.validation_error.closed_form,
            found.best()
        );
        // What was read is the network: its own error is far above that of the law.
        assert!(found.validation_error.learned > 1e-5 && found.exact());
        let form = ExpressionSystem::new(found.best(), law.shape(), &law.context()).unwrap();
        assert!(gradient_error(&system, &form, &all, 1.3, &mut rng(1)) < 1e-7);
    }
}
