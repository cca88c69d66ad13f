//! Tables of positions alone, and of rows so dense and noisy that points are made of many.

use std::f64::consts::TAU;
use std::fs;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use scalar_dynamics::dataset::{
    Chunks, Cut, DatasetError, MomentaFrom, ReadOptions, Window, overlapped, read_chunks,
    read_table, split_trajectories,
};
use scalar_dynamics::recover::{Noise, RecoverError, RecoverSettings, Recovery, recover};
use scalar_dynamics::scalars::Inputs;

/// A spring of stiffness 2 in the plane, in runs of `rows` rows: columns t, q1_x, q1_y, and if
/// wanted velocities; each with noise.
fn springs(runs: usize, rows: usize, step: f64, noise: f64, velocities: bool) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let names = if velocities { "q1_x,q1_y,v1_x,v1_y" } else { "q1_x,q1_y" };
    let mut text = format!("trajectory,t,{names}\n");
    let omega = 2.0_f64.sqrt();
    for run in 0..runs {
        let [a, b] = [(); 2].map(|()| (rng.random_range(0.5..2.0), rng.random_range(0.0..TAU)));
        for row in 0..rows {
            let t = row as f64 * step;
            let q = [a, b].map(|(size, phase)| size * (omega * t + phase).cos());
            let v = [a, b].map(|(size, phase)| -size * omega * (omega * t + phase).sin());
            let all = q.into_iter().chain(v.into_iter().filter(|_| velocities));
            let cells = all.map(|x| {
                let error: f64 = rng.sample(StandardNormal);
                (x + noise * error).to_string()
            });
            text += &format!("{run},{t},{}\n", cells.collect::<Vec<_>>().join(","));
        }
    }
    text
}

fn chunks_of(table: &str, join: bool) -> (Chunks, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, table).unwrap();
    let cut = Cut { points: 5, most: 1000, seed: 1, join };
    read_chunks(&path, &ReadOptions::default(), &cut, &mut |_| {}).unwrap()
}

/// As `recover_hamiltonian` does it.
fn law_of(table: &str) -> Recovery {
    try_law_of(table).unwrap()
}

fn try_law_of(table: &str) -> Result<Recovery, RecoverError> {
    let (Chunks { shape, chunks, masses, noise, slope_error, .. }, _) = chunks_of(table, true);
    let (train, check) = split_trajectories(chunks, 0.2, &mut ChaCha8Rng::seed_from_u64(1));
    let train = overlapped(train, 5, 100).unwrap();
    let inputs = Inputs::new(shape, vec![0.0; shape.dimension], vec![]).unwrap();
    let noise = noise.map_or(Noise::Auto, Noise::Each);
    let settings = RecoverSettings { noise, masses, slope_error, ..RecoverSettings::default() };
    recover(&inputs, &train, &check, &settings, &mut |_| {})
}

/// Whether p^2/2 + q^2 is found, its constants within some part of theirs.
#[track_caller]
fn assert_spring(law: &Recovery, tolerance: f64) {
    println!("H = {} ({:?})", law.best(), law.verdict);
    let constants = law.best().constants();
    let form = law.best().with_constants(&vec![1.0; constants.len()]).to_string();
    assert!(
        form.contains("norm(p1)") && form.contains("norm(q1)") && constants.len() <= 4,
        "{form}"
    );
    let k = law.reading.constants.iter().find(|c| c.name == "k1").expect("a stiffness");
    assert!((k.value / 2.0 - 1.0).abs() < tolerance, "{}", k.value);
}

#[test]
fn regress_positions_alone_give_the_law() {
    let (chunks, notes) = chunks_of(&springs(6, 60, 0.1, 0.0, false), true);
    assert_eq!(chunks.momenta, MomentaFrom::Positions);
    assert_eq!((chunks.window.rows, chunks.noise), (9, None));
    for told in ["slopes of polynomials", "mass is given", "degree 8 through 9"] {
        assert!(notes.iter().any(|note| note.contains(told)), "{told}: {notes:?}");
    }
    let law = law_of(&springs(6, 60, 0.1, 0.0, false));
    assert_spring(&law, 1e-6);
    // Slopes of a spring's positions obey a spring of another stiffness to the last digit.
    let wide = law_of(&springs(40, 6, 0.2, 0.0, false));
    for law in [law, wide] {
        let told = |reason: &String| reason.contains("momenta are slopes of positions");
        assert!(!law.exact() && law.verdict.undetermined.iter().any(told), "{:?}", law.verdict);
    }
    assert!(law_of(&springs(6, 200, 0.02, 0.0, false)).exact());
}

#[test]
fn regress_runs_that_are_too_short_for_slopes_are_told() {
    let short = springs(4, 8, 0.1, 0.0, false).replace("trajectory,t,q1_x,q1_y\n", "");
    let short: String = short.lines().map(|line| format!("1{line}\n")).collect();
    let table = springs(6, 60, 0.1, 0.0, false) + &short;
    let (_, notes) = chunks_of(&table, true);
    assert!(notes.iter().any(|note| note.contains("4 of 10 run(s)")), "{notes:?}");
}

#[test]
fn regress_noisy_positions_alone_give_the_law() {
    let table = springs(4, 500, 0.02, 0.02, false);
    let (chunks, _) = chunks_of(&table, true);
    assert!(chunks.window.rows > 9 && chunks.noise.is_some(), "{:?}", chunks.window);
    assert_spring(&law_of(&table), 0.03);
}

#[test]
fn regress_dense_noisy_rows_give_the_law() {
    let table = springs(3, 600, 0.01, 0.02, true);
    let (chunks, notes) = chunks_of(&table, true);
    let noise = chunks.noise.expect("it is noisy");
    assert!(chunks.window.rows >= 9 && noise.iter().all(|s| *s < 0.02), "{noise:?}");
    assert!(notes.iter().any(|note| note.contains("fitted to")), "{notes:?}");
    assert_spring(&law_of(&table), 0.03);
    assert_eq!(chunks_of(&table, false).0.window, Window::ROW);
    assert_eq!(chunks_of(&springs(3, 600, 0.01, 0.0, true), true).0.window, Window::ROW);
}

#[test]
fn bad_input_of_positions_alone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    let error = |text: &str| {
        fs::write(&path, text).unwrap();
        read_table(&path, &ReadOptions::default()).unwrap_err()
    };
    let short = error(&springs(3, 3, 0.1, 0.0, false));
    assert!(matches!(short, DatasetError::FewRows { .. }), "{short}");
    assert!(short.to_string().contains("four or more"), "{short}");
    // A momentum under another name is not passed over.
    let named = error(&springs(3, 9, 0.1, 0.0, true).replace("v1_x,v1_y", "vx,vy")).to_string();
    assert!(named.contains("vx seems to be that") && named.contains("v1_x=vx"), "{named}");
    // Masses of several particles are to be found, and that is told.
    fs::write(&path, "t,q1_x,q2_x\n0,1,2\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n5,6,7\n").unwrap();
    let (_, notes) = read_table(&path, &ReadOptions::default()).unwrap();
    assert!(notes.iter().any(|note| note.contains("--mass 1=M")), "{notes:?}");
}

/// Noise without any motion, and motion in as much noise, follow many laws.
#[test]
fn regress_numbers_without_a_law_are_not_exact() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for seed in 0..3 {
        let mut text = "t,q1_x,q1_y\n".to_string();
        for row in 0..300 {
            let [x, y]: [f64; 2] = [(); 2].map(|()| rng.sample(StandardNormal));
            text += &format!("{},{x},{y}\n", f64::from(row) * 0.05);
        }
        match try_law_of(&text) {
            Ok(law) => assert!(!law.exact(), "{seed}: {}", law.best()),
            Err(error) => assert!(matches!(error, RecoverError::NoLaw { .. }), "{error}"),
        }
    }
}

#[test]
fn bad_input_of_numbers_whose_energies_are_none_is_told() {
    let mut table = "t,q1_x,v1_x\n".to_string();
    for row in 0..60 {
        let t = 0.1 * f64::from(row);
        table += &format!("{t},{:e},{:e}\n", 1e200 * t.cos(), -1e200 * t.sin());
    }
    let error = try_law_of(&table).unwrap_err();
    assert!(matches!(error, RecoverError::Scale), "{error}");
}
