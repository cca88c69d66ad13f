//! Damaged Parquet and CSV.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ndarray::Array2;
use polars::prelude::{Column, DataFrame};
use polars_io::prelude::{ParquetCompression, ParquetWriter};
use proptest::prelude::*;
use scalar_dynamics::dataset::{
    Cut, DatasetError, MomentaFrom, ReadOptions, Shape, Trajectory, TrajectoryTable, frames,
    read_chunks, read_table, write_table,
};
use tempfile::TempDir;

use crate::mutation::{MEMORY, Mutation, apply, cases, mutation, peak, runner};

/// Bytes that Thrift reads as absurd numbers, and any others.
fn thrift_bytes() -> impl Strategy<Value = Vec<u8>> + Clone {
    let huge = |n: usize| [vec![0xff; n], vec![0x07]].concat();
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 1..6),
        1 => (1usize..9).prop_map(huge),
        // Heads of long lists of structs, of fields of lists, structs and numbers.
        1 => (1usize..5, prop::sample::select(vec![0xfcu8, 0xf5, 0xf8, 0x19, 0x1c, 0x15, 0x16])).prop_map(move |(n, head)| [vec![head], huge(n)].concat()),
    ]
    .boxed()
}

fn csv_bytes() -> impl Strategy<Value = Vec<u8>> + Clone {
    let pieces = [
        "\"",
        "\"\"",
        ",",
        ",,",
        "\n",
        "\r",
        "\r\n",
        "NaN",
        "inf",
        "1e999",
        "-",
        "9",
        "99999999999999999999",
        "\0",
        "\u{feff}",
        "q9_x",
        " ",
    ];
    prop_oneof![
        3 => prop::sample::select(pieces.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
    .boxed()
}

fn example(rows: usize) -> TrajectoryTable {
    let trajectory = |id: i64| Trajectory {
        id,
        times: (0..rows).map(|i| i as f64 * 0.25).collect(),
        states: Array2::from_shape_fn((rows, 4), |(i, k)| {
            ((i * 7 + k) as f64 * 0.37).sin() * 10f64.powi(id as i32)
        }),
    };
    let metadata = BTreeMap::from([("seed".to_string(), "7".to_string())]);
    TrajectoryTable {
        shape: Shape { particles: 1, dimension: 2 },
        trajectories: (0..4).map(trajectory).collect(),
        metadata,
    }
}

/// Parquet files of several kinds: as we write them; narrow columns, dictionaries and nulls in
/// several row groups, other compression.
fn parquet_files(folder: &Path) -> Vec<Vec<u8>> {
    let path = folder.join("base.parquet");
    let mut found = Vec::new();
    for rows in [2, 40] {
        write_table(&path, &example(rows)).unwrap();
        found.push(fs::read(&path).unwrap());
    }
    let n = 60u32;
    let columns = vec![
        Column::new("note".into(), (0..n).map(|i| format!("row {}", i % 3)).collect::<Vec<_>>()),
        Column::new("trajectory".into(), (0..n).map(|i| i / 20).collect::<Vec<_>>()),
        Column::new("t".into(), (0..n).map(|i| i as f32).collect::<Vec<_>>()),
        Column::new("q1_x".into(), (0..n).map(|i| i as i64 % 5).collect::<Vec<_>>()),
        Column::new(
            "p1_x".into(),
            (0..n).map(|i| Some(i as f64).filter(|x| *x != 90.0)).collect::<Vec<_>>(),
        ),
    ];
    for compression in [ParquetCompression::Uncompressed, ParquetCompression::Zstd(None)] {
        let mut frame = DataFrame::new_infer_height(columns.clone()).unwrap();
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes)
            .with_compression(compression)
            .with_row_group_size(Some(16))
            .finish(&mut frame)
            .unwrap();
        found.push(bytes);
    }
    found
}

/// Reads a file in every way; what comes out is sound.
pub fn read_every_way(path: &Path) -> Result<(), TestCaseError> {
    let begin = Instant::now();
    let options = ReadOptions { masses: BTreeMap::from([(1, 2.0)]), ..ReadOptions::default() };
    let cut = Cut { points: 5, most: 3, seed: 1, join: false };
    let whole = read_table(path, &options);
    let some = read_chunks(path, &options, &cut, &mut |_| {});
    prop_assert_eq!(whole.is_ok(), some.is_ok());
    for result in [whole.as_ref().err(), some.as_ref().err()].into_iter().flatten() {
        let named = result.to_string().contains("damaged.")
            && !matches!(result, DatasetError::Unreadable { .. } | DatasetError::Changed { .. });
        prop_assert!(named, "{}", result);
    }
    if let (Ok((table, _)), Ok((chunks, _))) = (whole, some) {
        // Of positions alone points are fewer than rows.
        if chunks.momenta != MomentaFrom::Positions {
            prop_assert_eq!(table.rows(), chunks.rows);
        }
        for trajectory in table.trajectories.iter().chain(&chunks.chunks) {
            prop_assert!(
                trajectory.times.len() >= 2 && trajectory.times.windows(2).all(|w| w[0] < w[1])
            );
            prop_assert!(trajectory.states.nrows() == trajectory.times.len());
        }
    }
    if path.extension().is_some_and(|e| e == "parquet") {
        let summary = frames::parquet_summary(path);
        prop_assert!(summary.is_ok() || frames::read_parquet(path, None).is_err());
        let _ = frames::read_parquet(path, None);
    }
    prop_assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    Ok(())
}

#[test]
fn bad_input_of_mutated_parquet_ends_in_a_table_or_an_error() {
    let folder = TempDir::new().unwrap();
    let bases = parquet_files(folder.path());
    let path = folder.path().join("damaged.parquet");
    let mutations = prop::collection::vec(mutation(thrift_bytes()), 1..4);
    // Mostly the footer is changed, with its length put right, so that readers get far.
    let strategy = (0..bases.len(), prop::bool::weighted(0.7), mutations);
    let run = |(base, footer, mutations): (usize, bool, Vec<Mutation>)| {
        let mut bytes = bases[base].clone();
        if footer {
            let end = bytes.len() - 8;
            let length = u32::from_le_bytes(bytes[end..end + 4].try_into().unwrap()) as usize;
            let mut footer = bytes[end - length..end].to_vec();
            mutations.iter().for_each(|m| apply(m, &mut footer));
            bytes.truncate(end - length);
            bytes.extend(&footer);
            bytes.extend((footer.len() as u32).to_le_bytes());
            bytes.extend(b"PAR1");
        } else {
            mutations.iter().for_each(|m| apply(m, &mut bytes));
        }
        fs::write(&path, &bytes).unwrap();
        read_every_way(&path)
    };
    runner(cases(4000)).run(&strategy, run).unwrap();
    assert!(peak() < MEMORY, "{} MB", peak() >> 20);
}

#[test]
fn bad_input_of_mutated_csv_ends_in_a_table_or_an_error() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("damaged.csv");
    write_table(&path, &example(6)).unwrap();
    let base = fs::read(&path).unwrap();
    let run = |mutations: Vec<Mutation>| {
        let mut bytes = base.clone();
        mutations.iter().for_each(|m| apply(m, &mut bytes));
        fs::write(&path, &bytes).unwrap();
        read_every_way(&path)
    };
    runner(cases(4000)).run(&prop::collection::vec(mutation(csv_bytes()), 1..4), run).unwrap();
    assert!(peak() < MEMORY, "{} MB", peak() >> 20);
}

#[test]
fn bad_input_of_a_footer_that_claims_absurd_sizes_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("damaged.parquet");
    let refused = |footer: &[u8]| {
        let bytes = [b"PAR1", footer, &(footer.len() as u32).to_le_bytes()[..], b"PAR1"].concat();
        fs::write(&path, bytes).unwrap();
        matches!(read_table(&path, &ReadOptions::default()), Err(DatasetError::Corrupt { .. }))
    };
    // version 2, then a schema of 2^31 elements; the same as row groups behind an empty schema; a
    // list that says it is a number.
    assert!(refused(&[0x15, 4, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0]));
    assert!(refused(&[0x15, 4, 0x19, 0x0c, 0x16, 0, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0]));
    assert!(refused(&[0x15, 4, 0x15, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0]));
    // A CSV row that a quotation mark never ends.
    let path = folder.path().join("damaged.csv");
    let endless = format!("trajectory,t,q1_x,p1_x\n0,0,1,\"{}", "1\n".repeat(1 << 20));
    fs::write(&path, endless).unwrap();
    let error = read_table(&path, &ReadOptions::default()).unwrap_err();
    assert!(
        matches!(&error, DatasetError::Corrupt { reason, .. } if reason.contains("row 1") && reason.contains("quotation")),
        "{error}"
    );
}
