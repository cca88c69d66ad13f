//! Memory: that of a recovery by its flag, and of tables of ten million rows (minutes and a
//! gigabyte of disk: run with `cargo test --test large_tables -- --ignored --nocapture`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Progress;
use scalar_dynamics::dataset::{
    Cut, ReadOptions, Shape, Trajectory, TrajectoryTable, add_noise, gaussian_states, read_chunks,
    read_table, write_table,
};
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::systems::NamedLaw;

const TRAJECTORIES: usize = 100_000;
const ROWS: usize = 100;

/// Motion of a planar oscillator of mass 2 and stiffness 1.5, irregular in time.
fn oscillation(id: usize) -> Trajectory {
    let (mass, frequency) = (2.0, (1.5f64 / 2.0).sqrt());
    let random = |k: usize| ((id * 4 + k) as f64 * 0.618_033_988_75).fract() - 0.5;
    let times: Vec<f64> =
        (0..ROWS).map(|i| 0.2 * (i as f64 + 0.3 * (i as f64 * 1.7).sin())).collect();
    let states = Array2::from_shape_fn((ROWS, 4), |(i, k)| {
        let (sin, cos) = (frequency * times[i]).sin_cos();
        let (q, p) = (2.0 * random(k % 2), 3.0 * random(2 + k % 2));
        if k < 2 {
            q * cos + p / (mass * frequency) * sin
        } else {
            p * cos - mass * frequency * q * sin
        }
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
        write_table(&parquet, &TrajectoryTable { shape, trajectories, metadata: BTreeMap::new() })
            .unwrap();
        write_csv(&csv);
    }
    let cut = Cut { points: 5, most: 1000, seed: 1, join: false };
    let mut sets = Vec::new();
    for (path, most) in [(&parquet, 100), (&csv, 100)] {
        let begin = Instant::now();
        let mut reports = Vec::new();
        let (chunks, megabytes) = peak_of(|| {
            read_chunks(path, &ReadOptions::default(), &cut, &mut |event| {
                let Progress::Reading { fraction } = event else { panic!("{event} while reading") };
                reports.push(fraction);
            })
            .unwrap()
            .0
        });
        println!(
            "{}: {} MB of disk, {megabytes} MB at the peak, {:.1?}",
            path.display(),
            fs::metadata(path).unwrap().len() >> 20,
            begin.elapsed()
        );
        assert_eq!((chunks.rows, chunks.chunks.len()), (TRAJECTORIES * ROWS, 1000));
        assert_eq!(chunks.available, TRAJECTORIES * ROWS.div_ceil(4));
        assert!(megabytes < most);
        assert!(
            reports.len() > 20
                && reports.is_sorted()
                && reports.iter().all(|done| (0.0..=1.0).contains(done))
        );
        sets.push(chunks.chunks);
    }
    assert_eq!(sets[0], sets[1]);
    // The whole table: its 400 MB, and half as much again for what is known of the rows.
    let begin = Instant::now();
    let (table, megabytes) = peak_of(|| read_table(&parquet, &ReadOptions::default()).unwrap().0);
    println!("whole: {megabytes} MB at the peak, {:.1?}", begin.elapsed());
    assert_eq!(table.rows(), TRAJECTORIES * ROWS);
    assert!(megabytes < 1000);
}

/// Megabytes that a program takes at its peak, as far as looking often tells.
fn peak_of_program(mut program: std::process::Child) -> usize {
    let mut peak = 0;
    while program.try_wait().unwrap().is_none() {
        let status =
            fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        peak = peak.max(line.trim().split(' ').next().unwrap().parse().unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(program.wait().unwrap().success());
    peak / 1024
}

#[test]
fn memory_of_a_recovery_stays_below_its_flag() {
    let law = NamedLaw::find("pendulum").unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let initial = gaussian_states(law.mean, &[0.1; 12], 500, &mut rng);
    let states = simulate(
        &law.system().unwrap(),
        &RungeKutta::new(8).unwrap(),
        initial.view(),
        law.dt,
        40,
        8,
    )
    .unwrap();
    let times: Vec<f64> = (0..states.dim().1).map(|k| k as f64 * law.dt).collect();
    let trajectory = |(id, states): (i64, ndarray::ArrayView2<f64>)| Trajectory {
        id,
        times: times.clone(),
        states: states.to_owned(),
    };
    let mut trajectories: Vec<Trajectory> =
        (0..).zip(states.outer_iter()).map(trajectory).collect();
    add_noise(&mut trajectories, 0.01, &mut rng);
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table.parquet");
    write_table(
        &table,
        &TrajectoryTable { shape: law.shape(), trajectories, metadata: BTreeMap::new() },
    )
    .unwrap();
    let program = std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/recover_hamiltonian");
    let run = |memory: &str| {
        let mut command = std::process::Command::new(&program);
        let out = folder.path().join("law");
        command.args([
            "--vector",
            "g=0,0,-1",
            "--max-chunks",
            "4000",
            "--quiet",
            "--time-budget",
            "8",
            "--memory",
            memory,
        ]);
        command
            .arg("--input")
            .arg(&table)
            .arg("--out")
            .arg(out)
            .stdout(std::process::Stdio::piped());
        command.stderr(std::process::Stdio::piped());
        command
    };
    for limit in [220, 400] {
        let peak = peak_of_program(run(&format!("{limit}M")).spawn().unwrap());
        println!("{peak} of {limit} MB");
        assert!(peak <= limit, "{peak} MB");
    }
    let output = run("100M").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("M or more is accepted"),
        "{output:?}"
    );
}
