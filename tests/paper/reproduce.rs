//! The whole of `reproduce_figures`, at the smoke profile: files and columns, determinism, resume,
//! accuracy, the data scheme.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};

use scalar_dynamics::Progress;
use scalar_dynamics::dataset::frames::{parquet_summary, read_parquet};
use scalar_dynamics::dataset::{ReadOptions, read_table};
use scalar_dynamics::experiment::data::{INTERVAL, Preset, TOLERANCE, generate};
use scalar_dynamics::experiment::evaluation::state_means;
use scalar_dynamics::experiment::gravity::Change;
use scalar_dynamics::experiment::models;
use scalar_dynamics::experiment::noise::{NoiseId, all_noise};
use scalar_dynamics::experiment::{
    Artefact, BenchmarkModel, ExperimentError, Profile, ReproduceOptions, Shard, Summary, UnitId,
    all_units, reproduce, resolve,
};

use crate::common::{assert_same, files_below};

/// A first run on one thread and what it left behind, shared by the tests.
struct First {
    folder: tempfile::TempDir,
    summary: Summary,
    files: BTreeMap<PathBuf, Vec<u8>>,
}

static FIRST: LazyLock<First> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let summary = run(folder.path(), 1, &[]).unwrap();
    First { files: files(folder.path()), summary, folder }
});

fn options(folder: &Path, only: &[&str]) -> ReproduceOptions {
    let only = only.iter().map(|name| name.to_string()).collect();
    let (data, figures) = (folder.join("data"), folder.join("figures"));
    ReproduceOptions {
        profile: Profile::Smoke,
        only,
        shard: None,
        redraw: false,
        data,
        figures,
        seed: 1,
        stop: Arc::default(),
    }
}

fn run(folder: &Path, threads: usize, only: &[&str]) -> Result<Summary, ExperimentError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| reproduce(&options(folder, only), &mut |_| {}))
}

/// Files that tell times.
const TIMED: [&str; 6] = [
    "timings.parquet",
    "table1.md",
    "table1.tex",
    "error_seconds.svg",
    "error_seconds.png",
    ".lock",
];

/// All files below a folder that must not change from run to run: without times and saved work.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files_below(folder, |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        TIMED.contains(&name) || name == "checkpoints"
    })
}

/// A folder with the saved work of the first run and nothing else.
fn folder_with_saved_work() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_saved_work(FIRST.folder.path(), folder.path());
    folder
}

fn copy_saved_work(from: &Path, to: &Path) {
    let (from, to): (PathBuf, PathBuf) =
        [from, to].map(|base| base.join("data/smoke/checkpoints")).into();
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn contract_files_and_columns_exist() {
    const KEY: [&str; 3] = ["model", "dynamics", "group"];
    let results: [(&str, &[&str]); 9] = [
        ("training", &["basis", "seed", "iteration", "loss", "gradient_norm", "field_evaluations"]),
        (
            "trainings",
            &["basis", "seed", "loss", "validation_loss", "gradient_norm", "outcome", "limit"],
        ),
        (
            "rollout_errors",
            &["seed", "trajectory", "t", "state_error", "angular_momentum_error", "energy_error"],
        ),
        (
            "error_quantiles",
            &["seed", "t", "quantity", "geometric_mean", "q05", "q25", "q50", "q75", "q95"],
        ),
        (
            "table1",
            &[
                "basis",
                "profile",
                "preset",
                "parameters",
                "geometric_mean",
                "deviation",
                "clamped_mean",
                "paper",
            ],
        ),
        ("recovered", &["preset", "seed", "name", "value", "standard_error", "snapped", "truth"]),
        (
            "noise",
            &[
                "noise",
                "model",
                "seeds",
                "error",
                "lowest",
                "highest",
                "efficiency",
                "variance_efficiency",
                "recovered",
            ],
        ),
        (
            "transfer",
            &["basis", "seed", "change", "value", "takes_gravity", "state_error", "truth_error"],
        ),
        ("timings", &["phase", "model", "seed", "seconds", "detail"]),
    ];
    let data = FIRST.folder.path().join("data/smoke");
    for (name, columns) in results {
        let summary = parquet_summary(&data.join(format!("results/{name}.parquet"))).unwrap();
        let keyed = !["recovered", "noise", "timings"].contains(&name);
        let wanted = KEY.iter().filter(|_| keyed).chain(columns);
        let found: Vec<&str> = summary.columns.iter().map(|column| column.name.as_str()).collect();
        wanted.for_each(|column| assert!(found.contains(column), "{name} lacks {column}"));
        assert!(summary.rows > 0, "{name} is empty");
        for key in ["version", "command", "seed"] {
            assert!(summary.metadata.contains_key(key), "{name} lacks metadata {key}");
        }
    }
    for name in ["train", "validation", "test"] {
        let summary = parquet_summary(&data.join(format!("trajectories/{name}.parquet"))).unwrap();
        for key in [
            "version",
            "command",
            "seed",
            "system",
            "parameters",
            "integrator",
            "step",
            "substeps",
            "state_error",
        ] {
            assert!(summary.metadata.contains_key(key), "{name} lacks metadata {key}");
        }
    }
    for name in ["table1.csv", "table1.md", "table1.tex", "noise.csv", "noise.md"] {
        assert!(data.join("results").join(name).is_file(), "{name}");
    }
    for name in [
        "noise",
        "transfer",
        "figure1",
        "figure2",
        "figure3",
        "phase_space",
        "training_history",
        "error_seconds",
    ] {
        for ending in ["svg", "png"] {
            assert!(
                FIRST.folder.path().join(format!("figures/smoke/{name}.{ending}")).is_file(),
                "{name}.{ending}"
            );
        }
    }
}

#[test]
fn data_follow_the_scheme() {
    let folder = FIRST.folder.path().join("data/smoke/trajectories");
    let read = |name: &str| {
        read_table(&folder.join(format!("{name}.parquet")), &ReadOptions::default()).unwrap().0
    };
    let data = generate(Preset::ReferenceCode, Profile::Smoke, 1).unwrap();
    for (name, made) in [("train", &data.train), ("validation", &data.validation)] {
        let table = read(name);
        assert_eq!(table.trajectories, made.trajectories);
        assert_eq!(table.trajectories.len(), Profile::Smoke.chunks());
        for chunk in &table.trajectories {
            let first = (chunk.times[0] / INTERVAL).round();
            assert_eq!(
                (chunk.times.len(), first % 5.0),
                (5, 0.0),
                "{name}: chunk at t = {}",
                chunk.times[0]
            );
            assert!(chunk.times[4] <= 29.8 + 1e-12);
        }
        let starts: std::collections::BTreeSet<u64> =
            table.trajectories.iter().map(|chunk| chunk.times[0].to_bits()).collect();
        assert!(starts.len() > 10, "{name}: chunks begin at {} different times only", starts.len());
    }
    let test = read("test");
    assert_eq!(test.trajectories.len(), Profile::Smoke.tests());
    for trajectory in &test.trajectories {
        assert_eq!((trajectory.times.len(), trajectory.times[0]), (150, 0.0));
        assert!((trajectory.times[149] - 29.8).abs() < 1e-12);
    }
    // Chunks keep the initial states' randomness: no two begin alike, here or in another split or
    // seed.
    let other = generate(Preset::ReferenceCode, Profile::Smoke, 2).unwrap();
    let tables = [&data.train, &data.validation, &data.test, &other.train];
    let firsts: Vec<u64> =
        tables.iter().flat_map(|t| &t.trajectories).map(|t| t.states[[0, 0]].to_bits()).collect();
    let distinct: std::collections::BTreeSet<&u64> = firsts.iter().collect();
    assert_eq!(distinct.len(), firsts.len());
}

/// The scheme at its real size, and the truth against an integration of our own with a step of a
/// third.
#[test]
fn data_of_the_paper_are_accurate_to_the_tolerance() {
    use scalar_dynamics::integrate::{Splitting, simulate};
    let data = generate(Preset::ReferenceCode, Profile::Quick, 1).unwrap();
    assert_eq!(
        [&data.train, &data.validation, &data.test].map(|table| table.trajectories.len()),
        [500; 3]
    );
    assert!(
        data.accuracy.error <= TOLERANCE && data.accuracy.truth_error <= TOLERANCE,
        "{:?}",
        data.accuracy
    );
    let initial = scalar_dynamics::experiment::data::first_states(&data.test.trajectories);
    let (system, method) = (Preset::ReferenceCode.system(), Splitting::new(8).unwrap());
    let finer = simulate(&system, &method, initial.view(), INTERVAL, 150, 36).unwrap();
    let worst = (&finer - &data.truth()).iter().fold(0.0, |worst: f64, x| worst.max(x.abs()));
    assert!(worst < TOLERANCE, "{worst:e}");
}

#[test]
fn accuracy_of_every_model() {
    // Measured on these 40 chunks: see `cargo run --example reproduce_figures -- --profile smoke`.
    // About ten times that is allowed.
    for done in FIRST.summary.results.of_table1() {
        let means = state_means(&done.unit.evaluation.errors());
        let (error, clamped) = (means.geometric_mean, means.clamped_mean);
        let bound = match done.learner {
            BenchmarkModel::Reference => REFERENCE,
            BenchmarkModel::Spectral => SPECTRAL,
            BenchmarkModel::ClosedForm => CLOSED_FORM,
            BenchmarkModel::Lengths => LENGTHS,
            BenchmarkModel::Directions => DIRECTIONS,
            BenchmarkModel::ScalarsMlp(_)
            | BenchmarkModel::ScalarsMlpRelu
            | BenchmarkModel::Emlp(..)
            | BenchmarkModel::Mlp(_) => NETWORKS,
        };
        let step_error = done.unit.training.step_error;
        println!("{:?}: {error:e}, clamped {clamped:e}, integrator {step_error:e}", done.learner);
        assert!(error < bound, "{:?}: {error:e}", done.learner);
        assert!(
            clamped > 0.999e-7 && clamped < bound.max(3e-6),
            "{:?}: clamped {clamped:e}",
            done.learner
        );
        let step_bound = match done.learner {
            BenchmarkModel::Reference | BenchmarkModel::Spectral | BenchmarkModel::ClosedForm => {
                2e-13
            }
            BenchmarkModel::ScalarsMlpRelu => 1.0,
            _ => 1e-4,
        };
        assert!(
            step_error < step_bound,
            "{:?}: the integrator's error in training is {step_error:e}",
            done.learner
        );
    }
}

/// Models that take gravity as a vector do as well whichever way it points, as long as the pendulum
/// hangs along it; others are not told, and fail.
#[test]
fn equivariance_under_gravity_that_was_not_trained_on() {
    for done in FIRST.summary.results.of_its_system() {
        let transfer = &done.unit.transfer;
        let (learner, of) = (done.learner, |change: Change| {
            transfer.tests.iter().filter(move |test| test.change == change)
        });
        let takes = learner.on_scalars() || BenchmarkModel::BESIDE_TABLE1.contains(&learner);
        assert_eq!(transfer.takes_gravity, takes, "{learner:?}");
        let upright = of(Change::Frame).find(|test| test.value == 0.0).unwrap().error;
        for test in of(Change::Frame) {
            let (ratio, told) = (test.error / upright, transfer.takes_gravity);
            // Networks on scalars see other roundoff, explicit models have nothing but roundoff.
            let near = if learner.is_explicit() { 10.0 } else { 1.5 };
            assert!(!told || (1.0 / near..near).contains(&ratio), "{learner:?}: {test:?}");
            assert!(told || test.value == 0.0 || test.error > 0.2, "{learner:?}: {test:?}");
        }
        // A law in closed form knows what gravity does whatever its strength and direction.
        let is_law = matches!(learner, BenchmarkModel::ClosedForm | BenchmarkModel::Reference);
        for test in &transfer.tests {
            assert!(!is_law || test.error < 1e-7, "{learner:?}: {test:?}");
            assert!(test.truth_error < 1e-7, "{test:?}");
        }
    }
}

const REFERENCE: f64 = 2e-13;
const SPECTRAL: f64 = 2e-8;
const CLOSED_FORM: f64 = 2e-13;
const LENGTHS: f64 = 0.3;
const DIRECTIONS: f64 = 3e-10;
/// A handful of iterations on a few chunks: better than nothing is all that there is to ask.
const NETWORKS: f64 = 1.0;

#[test]
fn recovered_constants_are_those_of_both_presets() {
    for (preset, k2) in [(Preset::ReferenceCode, 2.0), (Preset::Paper, 1.0)] {
        let done = FIRST
            .summary
            .results
            .models
            .iter()
            .find(|done| done.preset == preset && done.unit.law.is_some())
            .unwrap();
        let law = done.unit.law.as_ref().unwrap();
        assert!(law.exact && law.unread.is_empty(), "{law:?}");
        let names: Vec<&str> =
            law.constants.iter().map(|constant| constant.name.as_str()).collect();
        assert_eq!(names, ["m1", "m2", "k1", "l1", "k2", "l2", "g1", "g2"]);
        for constant in &law.constants {
            let truth = if constant.name == "k2" { k2 } else { 1.0 };
            assert_eq!(constant.snapped, Some(truth), "{}", constant.name);
            assert!(
                (constant.value - truth).abs() < 1e-10,
                "{} = {:e}",
                constant.name,
                constant.value
            );
        }
    }
    let shown = FIRST.summary.to_string();
    assert!(shown.contains("k2  = 2") && shown.contains("force on q2 ="), "{shown}");
}

#[test]
fn determinism_over_threads_runs_and_interruptions() {
    // Saved work is used: the same bytes on two threads, and nothing is learned.
    let resumed = folder_with_saved_work();
    let phases: Vec<&str> =
        run(resumed.path(), 2, &[]).unwrap().seconds.iter().map(|(phase, _)| *phase).collect();
    assert_eq!(
        phases,
        [
            "data",
            "training",
            "recovery",
            "evaluation",
            "tables and figures",
            "total of the last run"
        ]
    );
    let saved = |folder: &Path| {
        fs::read(folder.join("data/smoke/checkpoints/scalars-hnn-reference-seed1.times")).unwrap()
    };
    assert!(saved(resumed.path()) == saved(FIRST.folder.path()), "a finished unit was made again");
    assert_same(&FIRST.files, &files(resumed.path()));
    // Nothing is saved: more threads do everything anew.
    for threads in [2, 4] {
        let anew = tempfile::tempdir().unwrap();
        run(anew.path(), threads, &[]).unwrap();
        assert_same(&FIRST.files, &files(anew.path()));
    }
}

#[test]
fn resume_replaces_damaged_and_foreign_work() {
    let folder = folder_with_saved_work();
    let saved = |learner: BenchmarkModel| {
        folder.path().join(format!("data/smoke/checkpoints/{}-seed1.unit", learner.name()))
    };
    let [whole, own] = [BenchmarkModel::Reference, BenchmarkModel::Spectral]
        .map(|learner| fs::read(saved(learner)).unwrap());
    fs::write(saved(BenchmarkModel::Reference), &whole[..whole.len() / 2]).unwrap();
    // The key stands at the beginning of the file; another number in it is that of another code.
    let mut foreign = own.clone();
    let revision = b"revision ";
    let at = foreign.windows(revision.len()).position(|bytes| bytes == revision).unwrap();
    foreign[at + revision.len()] = b'0';
    fs::write(saved(BenchmarkModel::Spectral), foreign).unwrap();
    run(folder.path(), 2, &["table1"]).unwrap();
    let table = Path::new("data/smoke/results/table1.parquet");
    assert!(files(folder.path())[table] == FIRST.files[table]);
    assert!(
        fs::read(saved(BenchmarkModel::Reference)).unwrap() == whole,
        "damaged work was not made again"
    );
    assert!(
        fs::read(saved(BenchmarkModel::Spectral)).unwrap() == own,
        "foreign work was not made again"
    );
}

#[test]
fn resume_goes_on_from_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), &["training"]);
    // Stopped when a training has come to its sixth iteration.
    let stopped = reproduce(&options, &mut |event| {
        let sixth = matches!(event, Progress::Iteration { iteration: 6, .. });
        options.stop.fetch_or(sixth, Ordering::Relaxed);
    })
    .map(|_| ());
    assert!(
        matches!(stopped, Err(ExperimentError::Stopped)),
        "no training was long enough to be stopped"
    );
    let checkpoints = folder.path().join("data/smoke/checkpoints");
    let name = format!("{}-seed1", BenchmarkModel::Spectral.name());
    let half = checkpoints.join(&name).join("whitening0.checkpoint");
    assert!(half.is_file() && !checkpoints.join(format!("{name}.unit")).exists());
    let data = generate(Preset::ReferenceCode, Profile::Smoke, 1).unwrap();
    let key = models::key(&data, Profile::Smoke, BenchmarkModel::Spectral);
    let bytes = fs::read(&half).unwrap();
    assert!(
        bytes.windows(key.len()).any(|window| window == key.as_bytes()),
        "the checkpoint does not name its problem"
    );
    options.stop.store(false, Ordering::Relaxed);
    reproduce(&options, &mut |_| {}).unwrap();
    let table = Path::new("data/smoke/results/training.parquet");
    assert!(files(folder.path())[table] == FIRST.files[table]);
    assert!(!checkpoints.join(name).exists(), "checkpoints of finished work are left");
}

#[test]
fn shards_together_are_the_whole() {
    let names = |shard| {
        let work = resolve(Profile::Paper, 5, &[], shard).unwrap();
        assert!(shard.is_none() || work.products.is_empty());
        work.units
            .into_iter()
            .map(UnitId::name)
            .chain(work.noise.into_iter().map(NoiseId::name))
            .collect::<Vec<String>>()
    };
    let whole = names(None);
    let noise = all_noise(Profile::Paper, 5).into_iter().map(NoiseId::name);
    assert_eq!(
        whole,
        all_units(Profile::Paper, 5).into_iter().map(UnitId::name).chain(noise).collect::<Vec<_>>()
    );
    for of in [1, 2, 5, 100] {
        let mut shards: Vec<String> =
            (1..=of).flat_map(|number| names(Some(Shard { number, of }))).collect();
        let mut sorted = whole.clone();
        shards.sort();
        sorted.sort();
        assert_eq!(shards, sorted, "{of} shards");
    }
    // Two machines, one after the other here; the files of their units together make what one
    // machine makes.
    let (folders, together) =
        ([1, 2].map(|_| tempfile::tempdir().unwrap()), tempfile::tempdir().unwrap());
    for (number, folder) in (1..).zip(&folders) {
        let shard = Some(Shard { number, of: 2 });
        reproduce(&ReproduceOptions { shard, ..options(folder.path(), &[]) }, &mut |_| {}).unwrap();
        copy_saved_work(folder.path(), together.path());
    }
    let summary = run(together.path(), 2, &[]).unwrap();
    assert!(
        summary.seconds.iter().any(|(phase, seconds)| *phase == "training" && *seconds > 0.0),
        "times come along"
    );
    assert_same(&FIRST.files, &files(together.path()));
}

#[test]
fn names_choose_products_models_and_units() {
    let resolved = |only: &[&str]| {
        let only: Vec<String> = only.iter().map(|name| name.to_string()).collect();
        let work = resolve(Profile::Paper, 1, &only, None).unwrap();
        (work.products, work.units.into_iter().map(UnitId::name).collect::<Vec<_>>())
    };
    let [one, two, three] = [1, 2, 3].map(|seed| format!("scalars-node-lengths-seed{seed}"));
    assert_eq!(resolved(&["scalars-node-lengths"]), (vec![], vec![one, two.clone(), three]));
    assert_eq!(
        resolved(&["table1", "scalars-node-lengths-seed2"]),
        (vec![Artefact::Table1], vec![two])
    );
    assert_eq!(resolved(&["figure2"]), (vec![Artefact::Figure2], vec![]));
    let (_, units) = resolved(&["recovered"]);
    assert!(units.len() == 6 && units.iter().all(|name| name.contains("closed-form")), "{units:?}");
    let error =
        resolve(Profile::Quick, 1, &["scalars-node-lengths-seed2".into()], None).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("scalars-node-lengths"), "{error}");
    for bad in ["0/2", "3/2", "2", "a/b", "1/0"] {
        assert!(bad.parse::<Shard>().is_err_and(|error| error.is_bad_input()), "{bad}");
    }
}

#[test]
fn only_what_is_asked_for_is_made() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), 1, &["figure1", "figure2"]).unwrap();
    let made: Vec<PathBuf> = files(folder.path()).into_keys().collect();
    let wanted = ["figure1.png", "figure1.svg", "figure2.png", "figure2.svg"]
        .map(|name| Path::new("figures/smoke").join(name));
    assert_eq!(made, wanted);
}

#[test]
fn rollout_errors_start_at_zero_and_are_those_of_table1() {
    let folder = FIRST.folder.path().join("data/smoke/results");
    let (errors, _) = read_parquet(&folder.join("rollout_errors.parquet"), None).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        let column =
            errors.column(name).unwrap().cast(&polars::prelude::DataType::Float64).unwrap();
        column.f64().unwrap().iter().map(|cell| cell.unwrap()).collect()
    };
    let (t, error) = (numbers("t"), numbers("state_error"));
    assert_eq!(t.len(), BenchmarkModel::ALL.len() * Profile::Smoke.tests() * 150);
    assert!(t.iter().zip(&error).all(|(t, error)| (*t > 0.0) == (*error > 0.0)));
    let n = t.len() / BenchmarkModel::ALL.len();
    let logs = error[..n].iter().filter(|error| **error > 0.0).map(|error| error.ln());
    let mean = (logs.sum::<f64>() / (n - Profile::Smoke.tests()) as f64).exp();
    let (table, _) = read_parquet(&folder.join("table1.parquet"), None).unwrap();
    let told = table.column("geometric_mean").unwrap().f64().unwrap().get(0).unwrap();
    assert!((mean / told - 1.0).abs() < 0.05, "{mean:e} in the rollouts, {told:e} in Table 1");
}

#[test]
fn bad_input_is_told_from_failure() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), "a file in the way").unwrap();
    let error = run(folder.path(), 1, &[]).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("data"), "{error}");
    for (result, names) in [
        ("table2".parse::<Artefact>().map(|_| ()), "phase_space"),
        ("huge".parse::<Profile>().map(|_| ()), "smoke"),
    ] {
        let error = result.unwrap_err();
        assert!(error.is_bad_input() && error.to_string().contains(names), "{error}");
    }
}

#[test]
fn figure3_is_drawn_again_from_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let table = "data/smoke/results/error_quantiles.parquet";
    let drawn = |only: &[&str]| {
        let options = ReproduceOptions { redraw: true, ..options(folder.path(), only) };
        reproduce(&options, &mut |_| {})
    };
    let error = drawn(&["figure3"]).unwrap_err();
    assert!(error.to_string().contains("error_quantiles.parquet"), "{error}");
    fs::copy(FIRST.folder.path().join(table), folder.path().join(table)).unwrap();
    drawn(&["figure3"]).unwrap();
    let figure = |of: &Path| fs::read(of.join("figures/smoke/figure3.svg")).unwrap();
    assert!(figure(folder.path()) == figure(FIRST.folder.path()), "the figure is another one");
    let error = drawn(&["table1"]).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("figure3"), "{error}");
}
