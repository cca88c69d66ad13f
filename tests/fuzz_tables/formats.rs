//! Damaged text, Arrow, npz and extended XYZ.

use std::fs;
use std::path::Path;

use polars_arrow::array::{Array, PrimitiveArray};
use polars_arrow::io::ipc::write::Compression;
use proptest::prelude::*;
use scalar_dynamics::dataset::{DatasetError, Gaps, ReadOptions, read_table};
use tempfile::TempDir;

use crate::mutation::{MEMORY, apply, cases, mutation, peak, runner};
use crate::samples::{arrow, npy, npz};
use crate::tables::read_every_way;

const TIMES: [f64; 6] = [0.0, 0.5, 1.0, 2.0, 2.5, 4.0];
const VALUES: [f64; 6] = [0.25, -1.5, 3.0, 0.125, 7.0, -2.0];

fn arrow_file(compression: Option<Compression>) -> Vec<u8> {
    let of = |values: [f64; 6]| -> Box<dyn Array> {
        Box::new(PrimitiveArray::from_vec(values.to_vec()))
    };
    let ids: Box<dyn Array> = Box::new(PrimitiveArray::from_vec(vec![3i16; 6]));
    let gap = VALUES.map(|x| Some(x).filter(|x| *x != 7.0));
    let note: Box<dyn Array> = Box::new(gap.iter().collect::<PrimitiveArray<f64>>());
    arrow(
        &[
            ("trajectory", ids),
            ("t", of(TIMES)),
            ("q1_x", of(VALUES)),
            ("p1_x", of(VALUES)),
            ("note", note),
        ],
        compression,
    )
}

fn npz_file(compressed: bool) -> Vec<u8> {
    let array = |values: &[f64]| npy("(6,)", values);
    npz(&[("t", array(&TIMES)), ("q", array(&VALUES)), ("p", array(&VALUES))], compressed)
}

fn xyz_file() -> Vec<u8> {
    let frame = |(t, x): (&f64, &f64)| {
        format!(
            "1\nLattice=\"9 0 0 0 9 0 0 0 9\" Properties=species:S:1:pos:R:2:momenta:R:2 Time={t}\nAr {x} 0 {x} 1\n"
        )
    };
    TIMES.iter().zip(&VALUES).map(frame).collect::<String>().into_bytes()
}

fn text_file() -> Vec<u8> {
    let line =
        |(t, x): (&f64, &f64)| format!("2023-06-01T00:00:0{t}\t{x:.3}\t1,5\n").replace('.', ",");
    let rows: String = TIMES.iter().zip(&VALUES).map(line).collect();
    format!("a title\n# a comment\nT (s)\tq1_x\tp1_x\n{rows}").into_bytes()
}

/// A small file of each format, and whether any byte that is missing is missed.
fn files() -> Vec<(&'static str, Vec<u8>, bool)> {
    vec![
        ("damaged.arrow", arrow_file(None), true),
        ("damaged.feather", arrow_file(Some(Compression::LZ4)), true),
        ("damaged.arrow", arrow_file(Some(Compression::ZSTD(Default::default()))), true),
        ("damaged.npz", npz_file(false), true),
        ("damaged.npz", npz_file(true), true),
        ("damaged.xyz", xyz_file(), false),
        ("damaged.txt", text_file(), false),
    ]
}

/// Reads a file as it is and with cuts at gaps; what comes out is sound.
fn read_both_ways(path: &Path) -> Result<(), TestCaseError> {
    read_every_way(path)?;
    let options = ReadOptions { gaps: Gaps::Cut, ..ReadOptions::default() };
    if let Ok((table, _)) = read_table(path, &options) {
        for trajectory in &table.trajectories {
            prop_assert!(trajectory.times.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(trajectory.states.iter().all(|x| x.is_finite()));
        }
    }
    Ok(())
}

#[test]
fn files_are_read_while_they_are_whole() {
    let folder = TempDir::new().unwrap();
    for (name, bytes, _) in files() {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let (table, _) = read_table(&path, &ReadOptions::default()).unwrap();
        assert_eq!(table.trajectories[0].times, TIMES, "{name}");
        assert_eq!(table.trajectories[0].states.column(0).to_vec(), VALUES, "{name}");
    }
}

#[test]
fn bad_input_of_files_cut_off_or_flipped_anywhere_never_panics() {
    let folder = TempDir::new().unwrap();
    for (name, whole, missed) in files() {
        let path = folder.path().join(name);
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            read_both_ways(&path).unwrap();
            let refused = read_table(&path, &ReadOptions::default()).is_err();
            assert!(refused || !missed, "{name} cut to {length} of {} bytes", whole.len());
        }
        for position in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[position] ^= flip;
                fs::write(&path, &bytes).unwrap();
                read_both_ways(&path).unwrap();
            }
        }
    }
    assert!(peak() < MEMORY, "{} MB", peak() >> 20);
}

/// Bytes that make numbers absurd, and those of text.
fn bytes() -> impl Strategy<Value = Vec<u8>> + Clone {
    let pieces: Vec<&[u8]> = vec![
        b"\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x80",
        b"99999999999999999999",
        b"-1",
        b"R:999",
        b"pos:",
        b"'shape': (99999999999,",
        b"<f4",
        b"True",
        b"=\"",
        b"\n",
        b"\t",
        b"#",
        b";",
        b",",
        b"T",
        b"-",
    ];
    prop_oneof![
        2 => prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
        2 => prop::collection::vec(any::<u8>(), 1..9),
    ]
    .boxed()
}

#[test]
fn bad_input_of_mutated_files_ends_in_a_table_or_an_error() {
    let folder = TempDir::new().unwrap();
    let files = files();
    let strategy = (0..files.len(), prop::collection::vec(mutation(bytes()), 1..4));
    let run = |(file, mutations): (usize, Vec<_>)| {
        let (name, whole, _) = &files[file];
        let mut bytes = whole.clone();
        mutations.iter().for_each(|m| apply(m, &mut bytes));
        let path = folder.path().join(name);
        fs::write(&path, &bytes).unwrap();
        read_both_ways(&path)
    };
    runner(cases(6000)).run(&strategy, run).unwrap();
    assert!(peak() < MEMORY, "{} MB", peak() >> 20);
}

#[test]
fn bad_input_of_one_format_under_the_name_of_another_is_refused() {
    let folder = TempDir::new().unwrap();
    let endings = ["parquet", "arrow", "npz", "xyz", "csv", "dat"];
    for (name, bytes, _) in files() {
        let own = name.split('.').next_back().unwrap();
        for ending in endings {
            let same = ending == own
                || [own, ending].iter().all(|e| ["arrow", "feather"].contains(e))
                || [own, ending].iter().all(|e| ["txt", "csv", "dat"].contains(e));
            let path = folder.path().join(format!("damaged.{ending}"));
            fs::write(&path, &bytes).unwrap();
            if !same {
                let error = read_table(&path, &ReadOptions::default()).unwrap_err();
                let told = error.to_string();
                assert!(told.contains("damaged."), "{told}");
                // A binary file that is read as text is told by its kind.
                let binary = own != "xyz" && ["csv", "dat"].contains(&ending);
                assert!(!binary || matches!(error, DatasetError::Corrupt { .. }), "{told}");
            }
        }
    }
}

#[test]
fn bad_input_of_gigantic_sizes_is_refused() {
    let folder = TempDir::new().unwrap();
    let told = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        read_table(&path, &ReadOptions::default()).unwrap_err().to_string()
    };
    for shape in ["(999999999999,)", "(999999999999, 999999999999, 3)", "(9, 999999999, 3)"] {
        let arrays =
            [("q", npy(shape, &VALUES)), ("p", npy(shape, &VALUES)), ("t", npy(shape, &TIMES))];
        let error = told("huge.npz", &npz(&arrays, true));
        assert!(error.contains("array q: ") && error.contains("larger than"), "{error}");
    }
    for shape in ["(0, 999999999999, 3)", "(999999999999, 0, 1, 1)", "(0,)"] {
        let arrays = [("q", npy(shape, &[])), ("p", npy(shape, &[]))];
        assert!(told("empty.npz", &npz(&arrays, false)).contains("no rows"));
    }
    let error = told("huge.xyz", b"999999999999999999\nTime=0\nAr 1 2 3\n");
    assert!(error.contains("ends within a frame"), "{error}");
    let error = told("huge.xyz", &[b"1\n".as_slice(), &vec![b'x'; 3 << 20]].concat());
    assert!(error.contains("longer than a megabyte"), "{error}");
    let error = told("huge.txt", &[b"t q1_x p1_x\n".as_slice(), &vec![b'1'; 3 << 20]].concat());
    assert!(error.contains("row 1 is longer than a megabyte"), "{error}");

    // The length that a buffer says it has when decompressed comes first in it.
    let whole = arrow_file(Some(Compression::ZSTD(Default::default())));
    let frame = [0x28, 0xb5, 0x2f, 0xfd];
    let places: Vec<usize> = (8..whole.len()).filter(|&k| whole[k..].starts_with(&frame)).collect();
    assert!(!places.is_empty());
    for place in places {
        let mut bytes = whole.clone();
        bytes[place - 8..place].copy_from_slice(&(1i64 << 50).to_le_bytes());
        let error = told("huge.arrow", &bytes);
        assert!(error.contains("claims to expand"), "{error}");
    }
    assert!(peak() < MEMORY, "{} MB", peak() >> 20);
}
