//! Tables of trajectories in and out, and what bad files do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{
    self, Cut, DatasetError, ReadOptions, Shape, Trajectory, TrajectoryTable, aligned_chunks,
    gaussian_states, overlapped, read_chunks, read_table, split, split_trajectories, write_table,
};
use scalar_dynamics::report::inspect;
use scalar_dynamics::report::tables::{
    self, ErrorQuantileRow, PaperError, Quantity, RecoveredRow, RolloutErrorRows, RowKey,
    SeedError, Table1Row, TimingRow, TrainingEndRow, TrainingRow,
};
use tempfile::TempDir;

const HEADER: &str = "trajectory,t,q1_x,q1_y,p1_x,p1_y";

fn read(path: &Path) -> Result<(TrajectoryTable, Vec<String>), DatasetError> {
    read_table(path, &ReadOptions::default())
}

/// A table of two trajectories with irregular times, values of many magnitudes.
fn example(shape: Shape) -> TrajectoryTable {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let n = shape.state_len();
    let trajectory = |id: i64, times: &[f64], rng: &mut ChaCha8Rng| Trajectory {
        id,
        times: times.to_vec(),
        states: gaussian_states(&vec![1e-3; n], &vec![1e3; n], times.len(), rng),
    };
    let trajectories =
        vec![trajectory(-3, &[0.0, 0.1, 0.5], &mut rng), trajectory(8, &[-1.0, 2.0], &mut rng)];
    let metadata = [("seed", "7"), ("system", "springy double pendulum, k2 = 2 µ")];
    let metadata =
        metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    TrajectoryTable { shape, trajectories, metadata }
}

const PLANE: Shape = Shape { particles: 2, dimension: 2 };

/// What is in a folder, hidden files included.
fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn csv(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    path
}

/// The error of a CSV table with these rows in one particle's plane.
fn error_of(rows: &str) -> DatasetError {
    let folder = TempDir::new().unwrap();
    read(&csv(&folder, &format!("{HEADER}\n{rows}"))).unwrap_err()
}

#[test]
fn round_trip_keeps_every_bit_in_one_two_and_three_dimensions() {
    let folder = TempDir::new().unwrap();
    for dimension in 1..=3 {
        for name in ["table.parquet", "table.csv"] {
            let path = folder.path().join(name);
            let mut table = example(Shape { particles: 3, dimension });
            write_table(&path, &table).unwrap();
            let (back, warnings) = read(&path).unwrap();
            if name.ends_with("csv") {
                table.metadata.clear();
            }
            assert_eq!(back, table, "{name}");
            assert!(warnings.is_empty());
        }
    }
}

#[test]
fn same_table_makes_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let bytes = |name: &str, table: &TrajectoryTable| {
        let path = folder.path().join(name);
        write_table(&path, table).unwrap();
        fs::read(path).unwrap()
    };
    let mut table = example(PLANE);
    assert_eq!(bytes("a.parquet", &table), bytes("b.parquet", &table));
    table.metadata.insert("seed".into(), "8".into());
    assert_ne!(bytes("a.parquet", &example(PLANE)), bytes("b.parquet", &table));
}

#[test]
fn columns_may_come_in_any_order_and_rows_of_trajectories_may_alternate() {
    let folder = TempDir::new().unwrap();
    let path = csv(
        &folder,
        "p1_x,note,t,q1_x,trajectory\n1,a,0,10,7\n2,b,0,20,2\n3,c,1e0,30,7\n4,d,0.5,40,2\n",
    );
    let (table, warnings) = read(&path).unwrap();
    assert_eq!(table.shape, Shape { particles: 1, dimension: 1 });
    let ids: Vec<_> = table.trajectories.iter().map(|trajectory| trajectory.id).collect();
    assert_eq!(ids, [2, 7]);
    assert_eq!(table.trajectories[0].states, ndarray::array![[20.0, 2.0], [40.0, 4.0]]);
    assert_eq!(table.trajectories[1].times, [0.0, 1.0]);
    assert!(warnings.len() == 1 && warnings[0].contains("note"), "{warnings:?}");
}

#[test]
fn velocities_times_masses_make_momenta() {
    let folder = TempDir::new().unwrap();
    let path = csv(&folder, "trajectory,t,q1_x,q2_x,v1_x,v2_x\n0,0,1,2,3,4\n0,1,1,2,5,6\n");
    let masses = |pairs: &[(usize, f64)]| ReadOptions {
        masses: pairs.iter().copied().collect(),
        ..ReadOptions::default()
    };
    let (table, _) = read_table(&path, &masses(&[(1, 2.0), (2, 0.5)])).unwrap();
    assert_eq!(
        table.trajectories[0].states,
        ndarray::array![[1.0, 2.0, 6.0, 2.0], [1.0, 2.0, 10.0, 3.0]]
    );

    // One that is not known is one for now, and that is told.
    let unknown = ReadOptions { unknown_masses: [1].into(), ..masses(&[]) };
    for (options, second, told) in
        [(masses(&[(1, 2.0)]), 6.0, "particle(s) 2 "), (unknown, 3.0, "particle(s) 1, 2 ")]
    {
        let (table, notes) = read_table(&path, &options).unwrap();
        assert_eq!(table.trajectories[0].states[[0, 2]], second);
        assert!(notes.iter().any(|note| note.contains(told)), "{notes:?}");
    }
    for mass in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = read_table(&path, &masses(&[(1, 2.0), (2, mass)])).unwrap_err();
        assert!(matches!(error, DatasetError::BadMass { particle: 2, .. }), "{error}");
    }
    let error = read_table(&path, &masses(&[(1, 2.0), (2, 1.0), (3, 1.0)])).unwrap_err();
    assert!(
        matches!(error, DatasetError::UnknownParticle { particle: 3, particles: 2, .. }),
        "{error}"
    );

    let path = csv(&folder, "trajectory,t,q1_x,p1_x,v1_x\n0,0,1,2,3\n0,1,1,2,3\n");
    let (table, warnings) = read_table(&path, &masses(&[(1, 9.0)])).unwrap();
    assert_eq!(table.trajectories[0].states[[0, 1]], 2.0, "momenta win");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn bad_input_in_a_cell_is_named_with_column_trajectory_and_row() {
    for (word, value) in [("NaN", f64::NAN), ("inf", f64::INFINITY), ("-inf", f64::NEG_INFINITY)] {
        let error = error_of(&format!("4,0,1,1,1,1\n4,1,1,{word},1,1\n"));
        match &error {
            DatasetError::NotFinite { column, trajectory: 4, row: 2, value: v, .. }
                if column == "q1_y" =>
            {
                assert_eq!(v.to_string(), value.to_string())
            }
            other => panic!("{other}"),
        }
        let text = error.to_string();
        for part in ["table.csv", "q1_y", "trajectory 4", "row 2"] {
            assert!(text.contains(part), "{text}");
        }
    }
    let error = error_of("4,0,1,1,1,1\n4,1,1,1,,1\n");
    assert!(
        matches!(&error, DatasetError::Null { column, trajectory: Some(4), row: 2, .. } if column == "p1_x"),
        "{error}"
    );
    let error = error_of("4,0,1,1,1,1\n,1,1,1,1,1\n");
    assert!(
        matches!(&error, DatasetError::Null { column, trajectory: None, row: 2, .. } if column == "trajectory"),
        "{error}"
    );
    let error = error_of("4,0,1,1,1,1\n4,1,1,1,one,1\n");
    assert!(
        matches!(&error, DatasetError::ColumnType { column, found, .. } if column == "p1_x" && found.contains("\"one\" in row 2")),
        "{error}"
    );
    let error = error_of("4.5,0,1,1,1,1\n4.5,1,1,1,1,1\n");
    assert!(
        matches!(&error, DatasetError::ColumnType { column, .. } if column == "trajectory"),
        "{error}"
    );
}

#[test]
fn bad_input_in_time_and_length_is_named() {
    for time in ["1", "0.5"] {
        let error = error_of(&format!(
            "4,0,1,1,1,1\n4,1,1,1,1,1\n5,0,1,1,1,1\n4,{time},1,1,1,1\n5,1,1,1,1,1\n"
        ));
        assert!(
            matches!(error, DatasetError::Time { trajectory: 4, row: 4, previous: 1.0, .. }),
            "{error}"
        );
    }
    let error = error_of("4,0,1,1,1,1\n4,1,1,1,1,1\n5,0,1,1,1,1\n");
    assert!(matches!(error, DatasetError::OneRow { trajectory: 5, row: 3, .. }), "{error}");
    assert!(matches!(error_of(""), DatasetError::NoRows { .. }));
}

#[test]
fn bad_input_in_the_columns_is_named() {
    let folder = TempDir::new().unwrap();
    let missing = |header: &str| match read(&csv(&folder, &format!("{header}\n"))).unwrap_err() {
        DatasetError::MissingColumn { column, .. } => column,
        other => panic!("{header}: {other}"),
    };
    assert_eq!(missing("trajectory,q1_x,p1_x"), "t");
    assert_eq!(missing("trajectory,t"), "q1_x");
    assert_eq!(missing("trajectory,t,p1_x"), "q1_x");
    assert_eq!(missing("trajectory,t,q1_x,q2_x,q2_y,p1_x,p1_y,p2_x,p2_y"), "q1_y");
    assert_eq!(missing("trajectory,t,q1_x,q3_x,p1_x,p3_x"), "q2_x");
    assert_eq!(missing("trajectory,t,q1_x,p1_x,p2_x"), "q2_x");
    assert_eq!(missing("trajectory,t,q1_x,q1_z,p1_x,p1_z"), "q1_y");
    assert_eq!(missing("trajectory,t,q1_x,q18446744073709551615_x,p1_x"), "q2_x");
    assert_eq!(missing("trajectory,t,q01_x,q0_x,q_x,q1_w"), "q1_x");

    let (table, warnings) =
        read(&csv(&folder, "trajectory,t,q1_x,p1_x,q02_x,q1_xy,q+3_x\n0,0,1,1,,,\n0,1,1,1,,,\n"))
            .unwrap();
    assert_eq!(table.shape, Shape { particles: 1, dimension: 1 });
    assert!(warnings[0].ends_with("ignored columns: q02_x, q1_xy, q+3_x"), "{warnings:?}");
}

#[test]
fn bad_input_for_a_path_is_named() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(matches!(read(&path("absent.parquet")), Err(DatasetError::Unreadable { .. })));
    assert!(matches!(read(&path("absent.csv")), Err(DatasetError::Unreadable { .. })));
    fs::write(path("table.xls"), "x").unwrap();
    assert!(matches!(read(&path("table.xls")), Err(DatasetError::UnknownExtension { .. })));
    assert!(matches!(read(folder.path()), Err(DatasetError::NothingFound { .. })));
    fs::create_dir(path("folder.parquet")).unwrap();
    assert!(matches!(read(&path("folder.parquet")), Err(DatasetError::NothingFound { .. })));
    for garbage in [
        &b""[..],
        b"PAR1",
        b"PAR1PAR1",
        b"not Parquet at all",
        b"PAR1\xff\xff\xff\x7fPAR1",
        b"PAR1\x04\0\0\0PAR1",
    ] {
        fs::write(path("garbage.parquet"), garbage).unwrap();
        let error = read(&path("garbage.parquet")).unwrap_err();
        assert!(matches!(error, DatasetError::Corrupt { .. }), "{error}");
    }
    for garbage in [
        &b"\xff\xfe\x00"[..],
        b"\0\0\0\0",
        b"\"",
        b"trajectory,t,q1_x,p1_x\n\"0,1",
        b"trajectory,t,q1_x,p1_x\n1,2,3,4,5,6\n",
        b"",
        b"\n\n",
    ] {
        fs::write(path("garbage.csv"), garbage).unwrap();
        let error = read(&path("garbage.csv")).unwrap_err();
        assert!(!matches!(error, DatasetError::Unreadable { .. }), "{error}");
    }
}

#[test]
fn bad_input_of_truncated_and_mutated_parquet_never_panics() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("table.parquet");
    write_table(&path, &example(Shape { particles: 1, dimension: 1 })).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(
            matches!(read(&path), Err(DatasetError::Corrupt { .. })),
            "cut to {length} of {} bytes",
            whole.len()
        );
    }
    let mut rejected = 0;
    for position in 0..whole.len() {
        for flip in [0x01, 0x10, 0xff] {
            let mut bytes = whole.clone();
            bytes[position] ^= flip;
            fs::write(&path, &bytes).unwrap();
            // A flipped bit of a number makes another number: no reader can know. What must not
            // happen is a panic, or an abort because a page claims 2^63 values.
            rejected += usize::from(read(&path).is_err());
        }
    }
    assert!(rejected > whole.len(), "{rejected} of {} rejected", 3 * whole.len());
}

#[test]
fn bad_input_for_writing_leaves_what_was_there() {
    let folder = TempDir::new().unwrap();
    let table = example(PLANE);
    let lost = folder.path().join("absent").join("table.parquet");
    assert!(matches!(write_table(&lost, &table), Err(DatasetError::Unwritable { .. })));
    assert!(matches!(
        write_table(&folder.path().join("table.xls"), &table),
        Err(DatasetError::UnknownExtension { .. })
    ));
    assert!(listing(folder.path()).is_empty());

    // A folder stands where the file should go: everything is written aside and the last step
    // fails.
    let taken = folder.path().join("taken.parquet");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("inside"), "x").unwrap();
    assert!(matches!(write_table(&taken, &table), Err(DatasetError::Unwritable { .. })));
    assert_eq!(listing(folder.path()), ["taken.parquet"]);

    let kept = folder.path().join("kept.txt");
    fs::write(&kept, "old").unwrap();
    let failing = dataset::files::write_atomically(&kept, |file| {
        std::io::Write::write_all(file, b"new")?;
        Err(std::io::Error::other("disk full"))
    });
    assert!(failing.unwrap_err().to_string().contains("disk full"));
    assert_eq!(fs::read_to_string(&kept).unwrap(), "old");
    assert_eq!(listing(folder.path()), ["kept.txt", "taken.parquet"]);

    let mut ragged = example(PLANE);
    ragged.trajectories[1].times.push(9.0);
    assert!(matches!(
        write_table(&folder.path().join("ragged.parquet"), &ragged),
        Err(DatasetError::BadTrajectory { trajectory: 8, .. })
    ));
    assert_eq!(listing(folder.path()), ["kept.txt", "taken.parquet"]);
}

#[test]
fn chunks_cover_every_interval_once() {
    let trajectory = |n: usize| Trajectory {
        id: 6,
        times: (0..n).map(|i| i as f64).collect(),
        states: Array2::from_shape_fn((n, 2), |(i, k)| (10 * i + k) as f64),
    };
    for (n, points, lengths) in [
        (9, 5, vec![5, 5]),
        (10, 5, vec![5, 5, 2]),
        (4, 5, vec![4]),
        (2, 2, vec![2]),
        (5, 2, vec![2; 4]),
        (150, 5, [vec![5; 37], vec![2]].concat()),
    ] {
        let chunks = trajectory(n).chunks(points).unwrap();
        assert_eq!(
            chunks.iter().map(|chunk| chunk.times.len()).collect::<Vec<_>>(),
            lengths,
            "{n} by {points}"
        );
        let intervals: Vec<_> =
            chunks.iter().flat_map(|chunk| chunk.times.windows(2).map(|w| (w[0], w[1]))).collect();
        assert_eq!(intervals, (0..n - 1).map(|i| (i as f64, i as f64 + 1.0)).collect::<Vec<_>>());
        assert!(
            chunks
                .iter()
                .all(|chunk| chunk.id == 6 && chunk.states[[0, 1]] == 10.0 * chunk.times[0] + 1.0)
        );
    }
    for points in [0, 1] {
        assert!(matches!(
            trajectory(5).chunks(points),
            Err(DatasetError::ChunkLength { available: 5, .. })
        ));
    }
}

#[test]
fn chunks_overlap_where_they_are_few_and_never_reach_into_what_is_held_out() {
    let whole = Trajectory {
        id: 6,
        times: (0..41).map(f64::from).collect(),
        states: Array2::from_shape_fn((41, 2), |(i, _)| i as f64),
    };
    let mut chunks = whole.chunks(5).unwrap();
    assert_eq!(overlapped(chunks.clone(), 5, 10).unwrap(), chunks, "enough as they are");
    // One in the middle is held out.
    let held_out = chunks.remove(4);
    let starts = |enough: usize| -> Vec<f64> {
        let found = overlapped(chunks.clone(), 5, enough).unwrap();
        for chunk in &found {
            assert!(chunk.times.len() == 5 && chunk.times.windows(2).all(|w| w[1] == w[0] + 1.0));
            assert!(chunk.times.iter().zip(chunk.states.column(0)).all(|(t, x)| t == x));
            assert!(
                chunk.times[4] <= held_out.times[0] || chunk.times[0] >= held_out.times[4],
                "{:?}",
                chunk.times
            );
        }
        found.iter().map(|chunk| chunk.times[0]).collect()
    };
    assert_eq!(starts(10), [0.0, 3.0, 6.0, 9.0, 12.0, 20.0, 23.0, 26.0, 29.0, 32.0, 35.0, 36.0]);
    assert_eq!(
        starts(14),
        [0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 20.0, 22.0, 24.0, 26.0, 28.0, 30.0, 32.0, 34.0, 36.0]
    );
    assert_eq!(starts(1000).len(), 13 + 17);
    let short = vec![Trajectory { id: 1, times: vec![0.0, 1.0], states: Array2::zeros((2, 2)) }; 2];
    assert_eq!(overlapped(short.clone(), 5, 100).unwrap(), short);
}

#[test]
fn chunks_of_a_table_are_those_of_the_whole_or_a_draw_of_them() {
    let folder = TempDir::new().unwrap();
    let trajectory = |id: i64, rows: usize| Trajectory {
        id,
        times: (0..rows).map(|i| i as f64 + 0.1 * (i as f64).sin()).collect(),
        states: Array2::from_shape_fn((rows, 4), |(i, k)| {
            (id * 1000 + 10 * i as i64 + k as i64) as f64
        }),
    };
    let trajectories = (1..30).map(|id| trajectory(id, 2 + 3 * id as usize)).collect();
    let table = TrajectoryTable {
        shape: Shape { particles: 1, dimension: 2 },
        trajectories,
        metadata: BTreeMap::new(),
    };
    for name in ["table.parquet", "table.csv"] {
        let path = folder.path().join(name);
        write_table(&path, &table).unwrap();
        let chunks = |most, seed| {
            read_chunks(
                &path,
                &ReadOptions::default(),
                &Cut { points: 5, most, seed, join: false },
                &mut |_| {},
            )
            .unwrap()
            .0
        };
        let all = chunks(10_000, 1);
        assert_eq!(
            (all.rows, all.available, all.shape),
            (table.rows(), all.chunks.len(), table.shape)
        );
        assert_eq!(all.chunks, table.chunks(5).unwrap());
        let some = chunks(40, 1);
        assert_eq!((some.chunks.len(), some.available), (40, all.available));
        assert!(some.chunks.iter().all(|chunk| all.chunks.contains(chunk)));
        assert_eq!(some, chunks(40, 1));
        assert_ne!(some, chunks(40, 2));
        // Rows that are not drawn are checked all the same.
        let error = read_chunks(
            &path,
            &ReadOptions::default(),
            &Cut { points: 1, most: 3, seed: 1, join: false },
            &mut |_| {},
        )
        .unwrap_err();
        assert!(matches!(error, DatasetError::ChunkLength { points: 1, .. }), "{error}");
    }
    let rows: String = (0..2000)
        .map(|i| format!("{},{},1,{}\n", i / 2, i % 2, if i == 1501 { "NaN" } else { "1" }))
        .collect();
    let path = csv(&folder, &format!("trajectory,t,q1_x,p1_x\n{rows}"));
    let error = read_chunks(
        &path,
        &ReadOptions::default(),
        &Cut { points: 5, most: 2, seed: 1, join: false },
        &mut |_| {},
    )
    .unwrap_err();
    assert!(matches!(error, DatasetError::NotFinite { trajectory: 750, row: 1502, .. }), "{error}");
}

#[test]
fn bad_input_of_a_csv_row_or_header_is_named() {
    let folder = TempDir::new().unwrap();
    let error = read(&csv(&folder, "trajectory,t,q1_x,p1_x\n0,0,1,1\n0,1,1,1,7\n")).unwrap_err();
    assert!(error.to_string().contains("row 2 has 5 fields, the header 4"), "{error}");
    let error =
        read(&csv(&folder, "trajectory,t,q1_x,p1_x,q1_x\n0,0,1,1,1\n0,1,1,1,1\n")).unwrap_err();
    assert!(
        matches!(&error, DatasetError::RepeatedColumn { column, .. } if column == "q1_x"),
        "{error}"
    );
    // A mark of the byte order, blanks, line ends of Windows, quoted numbers and a quoted comma are
    // as good as none.
    let text = "\u{feff}trajectory, t ,q1_x,note,p1_x\r\n0, 0,\"1.5\",\"a, \"\"b\"\"\nc\",1\r\n\r\n0,1 ,2,,1\r\n";
    let (table, _) = read(&csv(&folder, text)).unwrap();
    assert_eq!(table.trajectories[0].states, ndarray::array![[1.5, 1.0], [2.0, 1.0]]);
}

#[test]
fn paper_one_aligned_chunk_of_five_points_per_trajectory() {
    let (n, dt) = (3000, 0.2);
    let shape = Shape { particles: 1, dimension: 1 };
    let trajectories =
        Array3::from_shape_fn((n, 150, 2), |(i, j, k)| (1000 * i + 2 * j + k) as f64);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let table = aligned_chunks(shape, trajectories.view(), dt, 5, &mut rng).unwrap();
    let mut counts = [0; 30];
    for (i, chunk) in table.trajectories.iter().enumerate() {
        let start = (chunk.times[0] / dt).round() as usize;
        assert_eq!((chunk.id, chunk.states.dim(), start % 5), (i as i64, (5, 2), 0));
        for (row, time) in chunk.times.iter().enumerate() {
            assert_eq!(*time, (start + row) as f64 * dt);
            assert_eq!(chunk.states[[row, 0]], trajectories[[i, start + row, 0]]);
        }
        counts[start / 5] += 1;
    }
    // 100 each on average, 10 the standard deviation.
    assert!(counts.iter().all(|count| (60..140).contains(count)), "{counts:?}");

    for points in [0, 1, 151] {
        assert!(matches!(
            aligned_chunks(shape, trajectories.view(), dt, points, &mut rng),
            Err(DatasetError::ChunkLength { .. })
        ));
    }
    assert!(matches!(
        aligned_chunks(PLANE, trajectories.view(), dt, 5, &mut rng),
        Err(DatasetError::BadTrajectory { .. })
    ));
}

#[test]
fn paper_initial_states_have_the_given_mean_and_deviation() {
    let n = 40_000;
    let (mean, deviation) = ([0.0, -1.5, -3.0], [0.4, 0.2, 0.0]);
    let draw = |seed| gaussian_states(&mean, &deviation, n, &mut ChaCha8Rng::seed_from_u64(seed));
    let states = draw(3);
    for k in 0..3 {
        let column = states.column(k);
        let (m, s) = (column.mean().unwrap(), column.std(1.0));
        let bound = 5.0 * deviation[k] / (n as f64).sqrt();
        assert!(
            (m - mean[k]).abs() <= bound + 1e-12 && (s - deviation[k]).abs() <= bound + 1e-12,
            "{k}: {m} {s}"
        );
    }
    assert_eq!(states, draw(3));
    assert_ne!(states, draw(4));
}

#[test]
fn split_divides_by_seed_and_loses_nothing() {
    let chunk = |id| Trajectory { id, times: vec![0.0, 1.0], states: Array2::zeros((2, 2)) };
    let sides = |n: i64, fraction, seed| {
        let (train, validation) =
            split((0..n).map(chunk).collect(), fraction, &mut ChaCha8Rng::seed_from_u64(seed));
        let ids = |side: Vec<Trajectory>| side.iter().map(|chunk| chunk.id).collect::<Vec<_>>();
        (ids(train), ids(validation))
    };
    let (train, validation) = sides(100, 0.2, 1);
    assert_eq!((train.len(), validation.len()), (80, 20));
    assert!(train.is_sorted() && validation.is_sorted());
    let mut all = [train.clone(), validation.clone()].concat();
    all.sort();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
    assert_eq!((train, validation.clone()), sides(100, 0.2, 1));
    assert_ne!(validation, sides(100, 0.2, 2).1);
    let sizes = |n, fraction| {
        let (train, validation) = sides(n, fraction, 1);
        (train.len(), validation.len())
    };
    assert_eq!(
        [sizes(0, 0.2), sizes(1, 0.2), sizes(2, 0.0), sizes(3, 1.0)],
        [(0, 0), (1, 0), (1, 1), (1, 2)]
    );
}

#[test]
fn split_by_trajectory_keeps_the_chunks_of_one_together() {
    let chunk = |id| Trajectory { id, times: vec![0.0, 1.0], states: Array2::zeros((2, 2)) };
    let sides = |n: i64, each: i64, seed| {
        let chunks = (0..n * each).map(|i| chunk(i / each)).collect();
        let (train, validation) =
            split_trajectories(chunks, 0.2, &mut ChaCha8Rng::seed_from_u64(seed));
        let ids = |side: Vec<Trajectory>| side.iter().map(|chunk| chunk.id).collect::<Vec<_>>();
        (ids(train), ids(validation))
    };
    let (train, validation) = sides(20, 6, 1);
    assert_eq!((train.len(), validation.len()), (96, 24));
    assert!(
        train.iter().all(|id| !validation.contains(id))
            && train.is_sorted()
            && validation.is_sorted()
    );
    assert_eq!((train, validation.clone()), sides(20, 6, 1));
    assert_ne!(validation, sides(20, 6, 2).1);
    // Of three trajectories chunks are split.
    let (train, validation) = sides(3, 10, 1);
    assert_eq!((train.len(), validation.len()), (24, 6));
    assert!(validation.iter().any(|id| train.contains(id)));
}

/// Names of the columns of a Parquet file.
fn columns(path: &Path) -> Vec<String> {
    dataset::frames::parquet_summary(path)
        .unwrap()
        .columns
        .into_iter()
        .map(|column| column.name)
        .collect()
}

fn key(basis: &str) -> RowKey {
    RowKey {
        model: "Scalars".into(),
        dynamics: "HNN".into(),
        group: "O(3)".into(),
        basis: basis.into(),
    }
}

fn table1() -> Vec<Table1Row> {
    let row = |basis, errors: &[(f64, f64)], paper: Option<(f64, Option<f64>)>| {
        let errors: Vec<SeedError> = errors
            .iter()
            .map(|&(geometric_mean, clamped_mean)| SeedError { geometric_mean, clamped_mean })
            .collect();
        let paper = paper.map(|(value, deviation)| PaperError { value, deviation });
        Table1Row::over_seeds(key(basis), "quick", "reference-code", 18, &errors, paper)
    };
    vec![
        Table1Row {
            limit: "data".into(),
            ..row(
                "reference",
                &[(1e-8, 1e-7), (3e-8, 1e-7), (2e-8, 1e-7)],
                Some((0.005, Some(0.002))),
            )
        },
        row("spectral_6 | a", &[(9.996e-7, 2e-6)], None),
        row("diverged", &[(f64::INFINITY, f64::INFINITY)], None),
    ]
}

#[test]
fn result_tables_have_the_columns_of_the_contract_and_carry_metadata() {
    let folder = TempDir::new().unwrap();
    let metadata = BTreeMap::from([("command".to_string(), "reproduce_figures".to_string())]);
    let path = |name: &str| folder.path().join(name);

    let training = TrainingRow {
        key: key("reference"),
        seed: 1,
        stage: "rollout".into(),
        iteration: 0,
        loss: 0.5,
        gradient_norm: 1.0,
        validation_loss: None,
        field_evaluations: 9,
    };
    tables::write(&path("training.parquet"), &[training], &metadata).unwrap();
    let wanted =
        ["stage", "iteration", "loss", "gradient_norm", "validation_loss", "field_evaluations"];
    assert_eq!(
        columns(&path("training.parquet")),
        [&["model", "dynamics", "group", "basis", "seed"][..], &wanted].concat()
    );

    let end = TrainingEndRow {
        key: key("reference"),
        seed: 1,
        parameters: 3,
        iterations: 7,
        field_evaluations: 9,
        loss: 0.5,
        validation_loss: 0.6,
        gradient_norm: None,
        integration_error: 1e-9,
        outcome: "converged".into(),
        limit: "model".into(),
    };
    tables::write(&path("trainings.parquet"), &[end], &metadata).unwrap();
    let found = columns(&path("trainings.parquet"));
    assert!(
        ["loss", "validation_loss", "gradient_norm", "outcome", "limit"]
            .iter()
            .all(|name| found.iter().any(|f| f == name))
    );

    let quantiles = ErrorQuantileRow {
        key: key("reference"),
        seed: 1,
        t: 30.0,
        quantity: Quantity::AngularMomentum,
        geometric_mean: 1e-8,
        quantiles: [1e-9, 3e-9, 1e-8, 3e-8, 1e-7],
    };
    tables::write(&path("error_quantiles.parquet"), &[quantiles], &metadata).unwrap();
    let wanted = [
        "model",
        "dynamics",
        "group",
        "basis",
        "seed",
        "t",
        "quantity",
        "geometric_mean",
        "q05",
        "q25",
        "q50",
        "q75",
        "q95",
    ];
    assert_eq!(columns(&path("error_quantiles.parquet")), wanted);

    let recovered = |snapped| RecoveredRow {
        preset: "reference-code".into(),
        seed: 0,
        name: "k2".into(),
        meaning: "second spring".into(),
        value: 2.0,
        standard_error: 1e-9,
        snapped,
        truth: Some(2.0),
    };
    tables::write(&path("recovered.parquet"), &[recovered(None), recovered(Some(2.0))], &metadata)
        .unwrap();
    let (frame, back) = dataset::frames::read_parquet(&path("recovered.parquet"), None).unwrap();
    assert_eq!((frame.column("snapped").unwrap().null_count(), back), (1, metadata.clone()));

    let block = |seed| RolloutErrorRows {
        key: key("reference"),
        seed,
        times: vec![0.0, 0.2],
        state: Array2::from_shape_fn((3, 2), |(i, j)| (10 * i + j) as f32),
        angular_momentum: Array2::zeros((3, 2)),
        energy: Array2::from_elem((3, 2), f32::NAN),
    };
    tables::write(&path("rollout_errors.parquet"), &[block(1), block(2)], &metadata).unwrap();
    let wanted = [
        "model",
        "dynamics",
        "group",
        "basis",
        "seed",
        "trajectory",
        "t",
        "state_error",
        "angular_momentum_error",
        "energy_error",
    ];
    assert_eq!(columns(&path("rollout_errors.parquet")), wanted);
    let (frame, _) = dataset::frames::read_parquet(
        &path("rollout_errors.parquet"),
        Some(&["state_error".into()]),
    )
    .unwrap();
    let errors: Vec<f32> =
        frame.column("state_error").unwrap().f32().unwrap().iter().flatten().collect();
    assert_eq!(errors, [0.0, 1.0, 10.0, 11.0, 20.0, 21.0].repeat(2));

    tables::write::<TimingRow>(&path("timings.parquet"), &[], &metadata).unwrap();
    assert_eq!(columns(&path("timings.parquet")), ["phase", "model", "seed", "seconds", "detail"]);
    assert_eq!(dataset::frames::parquet_summary(&path("timings.parquet")).unwrap().rows, 0);

    for (name, part) in [
        ("training", "Scalars HNN  O(3)   reference     1      0       0.500"),
        ("error_quantiles", "angular_momentum  1.00e-8     30  1.00e-8  1.00e-7"),
        ("recovered", "k2    second spring  2.0000000000      1.0e-9        2      2"),
        ("rollout_errors", "energy_error            f32       0          12"),
        ("timings", "Wall times"),
    ] {
        let text =
            inspect::as_text(&inspect::inspect(&path(&format!("{name}.parquet"))).unwrap(), false);
        assert!(
            text.contains(part) && text.contains("command: reproduce_figures"),
            "{part} is not in:\n{text}"
        );
        assert!(text.lines().skip(2).all(|line| line.chars().count() <= 100), "{text}");
    }
}

#[test]
fn table1_has_four_forms_that_name_profile_and_basis() {
    let folder = TempDir::new().unwrap();
    let rows = table1();
    assert!(
        (rows[0].geometric_mean - 2e-8).abs() < 1e-20
            && (rows[0].deviation - 1e-8).abs() < 1e-20
            && rows[0].seeds == 3
    );
    tables::write_table1(folder.path(), &rows, None, &BTreeMap::new()).unwrap();
    assert_eq!(listing(folder.path()), ["table1.csv", "table1.md", "table1.parquet", "table1.tex"]);
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let expected = "| Scalars | HNN | O(3) | reference | quick | reference-code | 18 | (2.00 ± 1.00)e-8 | (1.00 ± 0.00)e-7 | 0.005 ± 0.002 | data |";
    assert!(text("table1.md").lines().any(|line| line == expected), "{}", text("table1.md"));
    assert!(
        text("table1.md")
            .contains("spectral_6 \\| a | quick | reference-code | 18 | 1.00e-6 | 2.00e-6 |  |  |"),
        "{}",
        text("table1.md")
    );
    assert!(
        text("table1.tex").contains("$(2.00 \\pm 1.00) \\times 10^{-8}$")
            && text("table1.tex").contains("spectral\\_6"),
        "{}",
        text("table1.tex")
    );
    assert!(
        text("table1.csv")
            .starts_with("model,dynamics,group,basis,profile,preset,parameters,geometric_mean,"),
        "{}",
        text("table1.csv")
    );
    assert_eq!(text("table1.csv").lines().count(), 4);

    let seconds = [0.84, 3.0, 5.0];
    let timed = tables::table1_markdown(&rows, Some(&seconds));
    assert!(
        timed.lines().next().unwrap().ends_with("| Seconds |") && timed.contains("| 0.8 |"),
        "{timed}"
    );
    let widths: Vec<_> = timed.lines().map(|line| line.matches(" | ").count()).collect();
    assert_eq!(widths, [11; 5], "{timed}");
}

#[test]
fn inspection_ignores_nan_and_shows_the_results() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("table1.parquet");
    tables::write_table1(
        folder.path(),
        &table1(),
        Some(&[1.0; 3]),
        &BTreeMap::from([("seed".into(), "7".into())]),
    )
    .unwrap();
    let inspection = inspect::inspect(&path).unwrap();
    let mean = inspection.columns.iter().find(|column| column.name == "geometric_mean").unwrap();
    assert_eq!((mean.non_finite, mean.max), (Some(1), Some(9.996e-7)));
    let text = inspect::as_text(&inspection, false);
    for part in
        ["seed: 7", "Table 1", "profile quick", "(2.00 ± 1.00)e-8", "0.005 ± 0.002", "reference"]
    {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(text.lines().skip(2).all(|line| line.chars().count() <= 100), "{text}");

    fs::create_dir(folder.path().join("deeper")).unwrap();
    write_table(&folder.path().join("deeper").join("test.parquet"), &example(PLANE)).unwrap();
    let found = dataset::frames::files_to_inspect(folder.path()).unwrap();
    assert_eq!(found, [folder.path().join("deeper").join("test.parquet"), path]);
    let text = inspect::as_text(&inspect::inspect(&found[0]).unwrap(), true);
    assert!(text.contains("2 to 3") && !text.contains("seed"), "{text}");
    assert_eq!(
        inspect::as_csv(std::slice::from_ref(&inspection)).lines().count(),
        1 + inspection.columns.len()
    );
}

#[test]
fn bad_input_for_inspection_is_named() {
    let folder = TempDir::new().unwrap();
    assert!(matches!(
        dataset::frames::files_to_inspect(folder.path()),
        Err(DatasetError::NothingFound { .. })
    ));
    assert!(matches!(
        dataset::frames::files_to_inspect(&folder.path().join("absent")),
        Err(DatasetError::Unreadable { .. })
    ));
    let path = folder.path().join("notes.md");
    fs::write(&path, "x").unwrap();
    assert!(matches!(
        dataset::frames::files_to_inspect(&path),
        Err(DatasetError::UnknownExtension { .. })
    ));
}

#[test]
fn numbers_of_any_width_are_read_and_other_types_are_named() {
    use polars::prelude::{Column, DataFrame, NamedFrom, Series};
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("table.parquet");
    let written = |ids: Column, positions: Column| {
        let columns = vec![
            ids,
            positions,
            Column::new("t".into(), [0u32, 1]),
            Column::new("p1_x".into(), [0.5f32, 1.5]),
        ];
        dataset::frames::write_parquet(
            &path,
            &mut DataFrame::new_infer_height(columns).unwrap(),
            &BTreeMap::new(),
        )
        .unwrap();
        read(&path)
    };
    let id = |ids: Column| ids.with_name("trajectory".into());
    let q = |positions: Column| positions.with_name("q1_x".into());
    let int = || q(Column::new("".into(), [3i32, -4]));
    for ids in [
        Column::new("".into(), [7i32, 7]),
        Column::new("".into(), [7u32, 7]),
        Column::new("".into(), [7i64, 7]),
        Column::new("".into(), [7u64, 7]),
        // What programs make of integers where a cell is empty.
        Column::new("".into(), [7.0, 7.0]),
    ] {
        let (table, _) = written(id(ids), int()).unwrap();
        assert_eq!(table.trajectories[0].id, 7);
        assert_eq!(table.trajectories[0].states, ndarray::array![[3.0, 0.5], [-4.0, 1.5]]);
    }
    for ids in [
        Column::new("".into(), [7.5, 7.5]),
        Column::new("".into(), ["7", "7"]),
        Column::new("".into(), [u64::MAX; 2]),
    ] {
        let error = written(id(ids), int()).unwrap_err();
        assert!(
            matches!(&error, DatasetError::ColumnType { column, .. } if column == "trajectory"),
            "{error}"
        );
    }
    for positions in [Column::new("".into(), [true, false]), Column::new("".into(), ["1", "2"])] {
        let error = written(id(Column::new("".into(), [7i64, 7])), q(positions)).unwrap_err();
        assert!(
            matches!(&error, DatasetError::ColumnType { column, .. } if column == "q1_x"),
            "{error}"
        );
    }
    let lists =
        Column::new("".into(), [Series::new("".into(), [1.0]), Series::new("".into(), [2.0])]);
    let error = written(id(Column::new("".into(), [7i64, 7])), q(lists)).unwrap_err();
    assert!(
        matches!(&error, DatasetError::ColumnType { column, found, .. } if column == "q1_x" && found.contains("List")),
        "{error}"
    );
    let inspection = inspect::inspect(&path).unwrap();
    assert_eq!(
        inspection.columns.iter().map(|column| column.mean).collect::<Vec<_>>(),
        [Some(7.0), None, Some(0.5), Some(1.0)]
    );
    let error = written(
        id(Column::new("".into(), [7i64, 7])),
        q(Column::new("".into(), [Some(1.0), None])),
    )
    .unwrap_err();
    assert!(
        matches!(&error, DatasetError::Null { column, trajectory: Some(7), row: 2, .. } if column == "q1_x"),
        "{error}"
    );
}

/// Replaces all places of a byte string by another of the same length; gives their number.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) -> usize {
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|&i| bytes[i..].starts_with(from)).collect();
    places.iter().for_each(|&i| bytes[i..i + to.len()].copy_from_slice(to));
    places.len()
}

/// Narrow integers are stored in 32 bits and marked in the schema, by a converted type (field 6,
/// here 13, 11, .., doubled) and a logical one (its width in bits, whether it is signed). polars as
/// built here doesn't write them: marks are changed in the file's bytes.
#[test]
fn numbers_of_8_and_16_bits_are_read() {
    use polars::prelude::{Column, DataFrame};
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("table.parquet");
    let columns = vec![
        Column::new("trajectory".into(), [7u32, 7]),
        Column::new("t".into(), [0u32, 1]),
        Column::new("q1_x".into(), [3u32, 100]),
        Column::new("p1_x".into(), [0.5f32, 1.5]),
    ];
    dataset::frames::write_parquet(
        &path,
        &mut DataFrame::new_infer_height(columns).unwrap(),
        &BTreeMap::new(),
    )
    .unwrap();
    let bytes = fs::read(&path).unwrap();
    for (dtype, converted, bits, sign) in
        [("UInt8", 11, 8, 2), ("UInt16", 12, 16, 2), ("Int8", 15, 8, 1), ("Int16", 16, 16, 1)]
    {
        let mut bytes = bytes.clone();
        assert_eq!(replace(&mut bytes, b"ARROW:schema", b"OTHER:schema"), 1);
        assert_eq!(replace(&mut bytes, &[0x25, 2 * 13], &[0x25, 2 * converted]), 3);
        assert_eq!(replace(&mut bytes, &[0x13, 32, 0x12], &[0x13, bits, 0x10 + sign]), 3);
        fs::write(&path, &bytes).unwrap();
        let summary = dataset::frames::parquet_summary(&path).unwrap();
        assert_eq!(
            summary.columns.iter().filter(|c| c.dtype == dtype).count(),
            3,
            "{:?}",
            summary.columns
        );
        let table = read(&path).unwrap().0;
        assert_eq!(
            (table.trajectories[0].id, &table.trajectories[0].times[..]),
            (7, &[0.0, 1.0][..])
        );
        assert_eq!(table.trajectories[0].states, ndarray::array![[3.0, 0.5], [100.0, 1.5]]);
        let inspection = inspect::inspect(&path).unwrap();
        assert_eq!(inspection.columns[2].mean, Some(51.5));
        // Cut off or changed anywhere, the file is refused or read, never a panic.
        for at in bytes.len().saturating_sub(600)..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0x5a;
            fs::write(&path, &broken).unwrap();
            let _ = read(&path);
        }
    }
}
