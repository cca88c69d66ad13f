//! Tables of ten million rows, in bounded memory. Minutes and a gigabyte of disk: run with `cargo test --test large_tables -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use scalar_dynamics::dataset::{Cut, Shape, Trajectory, TrajectoryTable, read_chunks, read_table, write_table};

const TRAJECTORIES: usize = 100_000;
const ROWS: usize = 100;

/// Motion of a planar oscillator of mass 2 and stiffness 1.5, irregular in time.
fn oscillation(id: usize) -> Trajectory {
    let (mass, frequency) = (2.0, (1.5f64 / 2.0).sqrt());
    let random = |k: usize| ((id * 4 + k) as f64 * 0.618_033_988_75).fract() - 0.5;
    let times: Vec<f64> = (0..ROWS).map(|i| 0.2 * (i as f64 + 0.3 * (i as f64 * 1.7).sin())).collect();
    let states = Array2::from_shape_fn((ROWS, 4), |(i, k)| {
        let (sin, cos) = (frequency * times[i]).sin_cos();
        let (q, p) = (2.0 * random(k % 2), 3.0 * random(2 + k % 2));
        if k < 2 { q * cos + p / (mass * frequency) * sin } else { p * cos - mass * frequency * q * sin }
    });
    Trajectory { id: id as i64, times, states }
}

fn kilobytes(field: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().split(' ').next().unwrap().parse().unwrap()
}

/// Megabytes that `work` takes at its peak, beyond what is there before.
fn peak_of<R>(work: impl FnOnce() -> R) -> (R, usize) {
    // Resets the peak (Linux, proc(5)).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = kilobytes("VmRSS");
    let result = work();
    (result, kilobytes("VmHWM").saturating_sub(before) / 1024)
}

fn write_csv(path: &Path) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    writeln!(file, "trajectory,t,q1_x,q1_y,p1_x,p1_y").unwrap();
    for trajectory in (0..TRAJECTORIES).map(oscillation) {
        for (t, z) in trajectory.times.iter().zip(trajectory.states.rows()) {
            writeln!(file, "{},{t},{},{},{},{}", trajectory.id, z[0], z[1], z[2], z[3]).unwrap();
        }
    }
}

#[test]
#[ignore = "minutes, a gigabyte of disk"]
fn ten_million_rows_are_read_in_bounded_memory() {
    let folder = std::env::temp_dir().join("scalar-dynamics-large");
    fs::create_dir_all(&folder).unwrap();
    let (parquet, csv) = (folder.join("table.parquet"), folder.join("table.csv"));
    if !parquet.exists() {
        let trajectories = (0..TRAJECTORIES).map(oscillation).collect();
        let shape = Shape { particles: 1, dimension: 2 };
        write_table(&parquet, &TrajectoryTable { shape, trajectories, metadata: BTreeMap::new() }).unwrap();
        write_csv(&csv);
    }
    let cut = Cut { points: 5, most: 1000, seed: 1 };
    let mut sets = Vec::new();
    for (path, most) in [(&parquet, 700), (&csv, 700)] {
        let begin = Instant::now();
        let mut reports = Vec::new();
        let (chunks, megabytes) = peak_of(|| read_chunks(path, &BTreeMap::new(), &cut, &mut |done| reports.push(done)).unwrap().0);
        println!(
            "{}: {} MB of disk, {megabytes} MB at the peak, {:.1?}",
            path.display(),
            fs::metadata(path).unwrap().len() >> 20,
            begin.elapsed()
        );
        assert_eq!((chunks.rows, chunks.chunks.len()), (TRAJECTORIES * ROWS, 1000));
        assert_eq!(chunks.available, TRAJECTORIES * ROWS.div_ceil(4));
        assert!(megabytes < most);
        assert!(reports.len() > 20 && reports.is_sorted() && reports.iter().all(|done| (0.0..=1.0).contains(done)));
        sets.push(chunks.chunks);
    }
    assert_eq!(sets[0], sets[1]);
    // The whole table: its 400 MB, and half as much again for what is known of the rows.
    let begin = Instant::now();
    let (table, megabytes) = peak_of(|| read_table(&parquet, &BTreeMap::new()).unwrap().0);
    println!("whole: {megabytes} MB at the peak, {:.1?}", begin.elapsed());
    assert_eq!(table.rows(), TRAJECTORIES * ROWS);
    assert!(megabytes < 1000);
}
