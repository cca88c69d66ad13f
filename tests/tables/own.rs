//! Tables as users have them, from file to law: two rows a trajectory, irregular times, velocities,
//! and few data.

use std::collections::BTreeMap;
use std::fs;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{
    Chunks, Cut, DatasetError, MomentaFrom, ReadOptions, Shape, gaussian_states, overlapped,
    read_chunks, read_table, split_trajectories,
};
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::recover::{RecoverSettings, Recovery, recover};
use scalar_dynamics::report::inspect;
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::systems::ExpressionSystem;

const MASS: f64 = 2.5;

/// A CSV table of planar Kepler motion: trajectories of `rows` rows at irregular times, velocities,
/// columns shuffled.
fn kepler_table(trajectories: usize, rows: usize) -> String {
    let shape = Shape { particles: 1, dimension: 2 };
    let law =
        ExpressionSystem::new(&"dot(p1,p1)/5 - 3/norm(q1)".parse().unwrap(), shape, &[]).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let initial = gaussian_states(&[1.0, 0.0, 0.0, 2.8], &[0.15; 4], trajectories, &mut rng);
    let states =
        simulate(&law, &RungeKutta::new(8).unwrap(), initial.view(), 0.04, rows * 5, 2).unwrap();
    let mut text = "v1_y,q1_x,trajectory,comment,v1_x,t,q1_y\n".to_string();
    for id in 0..trajectories {
        let mut at = 0;
        for _ in 0..rows {
            let z = |k: usize| states[[id, at, k]];
            text += &format!(
                "{},{},{id},\"a, b\",{},{},{}\n",
                z(3) / MASS,
                z(0),
                z(2) / MASS,
                at as f64 * 0.04,
                z(1)
            );
            at += rng.random_range(2..=5);
        }
    }
    text
}

/// As `recover_hamiltonian` does it.
fn law_of(table: &str, scarce: usize) -> (Recovery, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, table).unwrap();
    let cut = Cut { points: 5, most: 1000, seed: 1, join: false };
    let options = ReadOptions { masses: BTreeMap::from([(1, MASS)]), ..ReadOptions::default() };
    let (Chunks { shape, chunks, momenta, .. }, warnings) =
        read_chunks(&path, &options, &cut, &mut |_| {}).unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("comment"));
    let (train, check) = split_trajectories(chunks, 0.2, &mut ChaCha8Rng::seed_from_u64(1));
    let train = overlapped(train, 5, scarce).unwrap();
    let inputs = Inputs::new(shape, vec![0.0; 2], vec![]).unwrap();
    assert_eq!(momenta, MomentaFrom::Velocities);
    let settings = RecoverSettings { masses: vec![MASS], ..RecoverSettings::default() };
    (recover(&inputs, &train, &check, &settings, &mut |_| {}).unwrap(), train.len())
}

#[track_caller]
fn assert_kepler(law: &Recovery) {
    let constants: Vec<_> = law
        .reading
        .constants
        .iter()
        .map(|c| (c.name.as_str(), c.value, c.standard_error))
        .collect();
    println!("H = {} (exact {}) {constants:?} {:?}", law.best(), law.exact(), law.validation_error);
    assert!(law.exact(), "{}", law.best());
    for (name, truth) in [("m1", MASS), ("c1", -3.0)] {
        let (_, value, error) = constants.iter().find(|c| c.0 == name).unwrap();
        assert!((value - truth).abs() < 1e-8 && error.unwrap() < 1e-7, "{name}: {value} {error:?}");
    }
}

#[test]
fn regress_trajectories_of_two_rows_at_irregular_times_are_enough() {
    assert_kepler(&law_of(&kepler_table(600, 2), 100).0);
}

#[test]
fn regress_a_single_trajectory_is_cut_into_overlapping_chunks() {
    let table = kepler_table(1, 80);
    let (alone, n) = law_of(&table, 0);
    let (law, m) = law_of(&table, 100);
    println!("alone: {n} chunks, {} (exact {})", alone.best(), alone.exact());
    assert!(m > 2 * n, "{m} {n}");
    assert_kepler(&law);
}

/// Columns trajectory, t, q1_x (half-precision floats, 1 and 2), p1_x in two rows, as pyarrow
/// 26.0.1 writes them: polars as built here can't.
const HALF_FLOATS: &str = "\
504152311500152c152c2c15041500150615061c000000020000000401010000000000000001000000000000001500152c152c2c15041500150615061c0000000200\
000004010000000000000000000000000000e03f1500151415142c15041500150615061c000000020000000401003c00401500152c152c2c15041500150615061c00\
00000200000004010000000000000000000000000000f03f1504195c35001806736368656d6115080015042502180a7472616a6563746f727900150a250218017400\
150e15041502180471315f786cfc000000150a2502180470315f78001604191c194c26001c15041925060019180a7472616a6563746f727915001604165216522608\
491c150015001502003c29061926000400000026001c150a19250600191801741500160416521652265a491c150015001502003c29061926000400000026001c150e\
1925060019180471315f7815001604163a163a26ac01491c150015001502003c29061926000400000026001c150a1925060019180470315f78150016041652165226\
e601491c150015001502003c29061926000400000016b0021604260816b002002820706172717565742d6370702d6172726f772076657273696f6e2032362e302e31\
194c1c00001c00001c00001c0000004101000050415231\
";

#[test]
fn bad_input_of_half_precision_is_told_with_what_is_accepted() {
    let byte = |k: usize| u8::from_str_radix(&HALF_FLOATS[2 * k..2 * k + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..HALF_FLOATS.len() / 2).map(byte).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.parquet");
    fs::write(&path, bytes).unwrap();
    let error = read_table(&path, &ReadOptions::default()).unwrap_err();
    assert!(
        matches!(&error, DatasetError::ColumnType { column, .. } if column == "q1_x"),
        "{error}"
    );
    let told = "column q1_x holds values of type Float16 (half precision); integers of any width and floats of 32 or 64 bits are accepted";
    assert!(error.to_string().ends_with(told), "{error}");
    // A column that is not needed may be of any type, and files are inspected without it.
    let columns = inspect::inspect(&path).unwrap().columns;
    assert_eq!(
        columns.iter().map(|c| c.mean).collect::<Vec<_>>(),
        [Some(1.0), Some(0.25), None, Some(0.5)]
    );
}
