//! Training on the springy pendulum: 500 chunks of five points 0.2 apart.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::{ThreadPool, ThreadPoolBuilder};
use scalar_dynamics::Deadline;
use scalar_dynamics::basis::{Basis, Kind};
use scalar_dynamics::dataset::{Shape, Trajectory, aligned_chunks, gaussian_states};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::integrate::{RungeKutta, Splitting, simulate};
use scalar_dynamics::linalg::LANES;
use scalar_dynamics::loss::{RolloutLoss, RolloutOptions};
use scalar_dynamics::model::{ClosedForm, Model, ScalarHamiltonian};
use scalar_dynamics::recover::{RecoverSettings, recover};
use scalar_dynamics::scalars::{Inputs, ScalarSet};
use scalar_dynamics::systems::SpringyPendulum;
use scalar_dynamics::train::{Settings, Stop, fit, linear_start};

const SHAPE: Shape = Shape { particles: 2, dimension: 3 };
const LAW: &str = "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*(norm(q1) - 1.0)**2 + 1.0*(norm(q2-q1) - 1.0)**2 - 1.0*dot(g,q1) - 1.0*dot(g,q2)";

fn chunks() -> Vec<Trajectory> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mean = [0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let deviation: [f64; 12] = std::array::from_fn(|k| if k < 6 { 0.2 } else { 0.4 });
    let initial = gaussian_states(&mean, &deviation, 500, &mut rng);
    let method = Splitting::nystrom(8).expect("order 8 exists");
    let states = simulate(&SpringyPendulum::reference_code(), &method, initial.view(), 0.2, 150, 4)
        .expect("finite states");
    aligned_chunks(SHAPE, states.view(), 0.2, 5, &mut rng).expect("five of 150 points").trajectories
}

fn inputs() -> Inputs {
    Inputs::new(SHAPE, vec![0.0; 3], vec![("g".into(), vec![0.0, 0.0, -1.0])])
        .expect("three components each")
}

fn basis_model(kind: Kind, chunks: &[Trajectory]) -> ScalarHamiltonian<Basis> {
    let views: Vec<ArrayView2<f64>> = chunks.iter().map(|c| c.states.view()).collect();
    let states: Array2<f64> = ndarray::concatenate(Axis(0), &views).expect("states of one length");
    let inputs = inputs();
    let set =
        ScalarSet::independent(&inputs, inputs.catalogue(), states.view()).expect("known vectors");
    let basis = Basis::of_kind(kind, &set.ranges(states.view()));
    ScalarHamiltonian::new(set, basis)
}

fn settings(step: f64) -> Settings {
    let rollout =
        RolloutOptions { method: RungeKutta::new(8).expect("order 8 exists"), step, batch: LANES };
    let stop = Stop { iterations: 300, round: 10, decrease: 1e-6 };
    Settings {
        rollout,
        weights: vec![1.0; 12],
        stop,
        rank_tolerance: 1e-9,
        deadline: Deadline::default(),
    }
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("two threads can be had")
}

/// Value and gradient once, on one and two threads.
fn evaluation<M: Model>(
    c: &mut Criterion,
    name: &str,
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
) {
    let mut group = c.benchmark_group("loss and gradient");
    group
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    for (step, threads) in [(0.2, 1), (0.2, 2), (0.1, 1)] {
        let settings = settings(step);
        let loss = RolloutLoss::new(model, chunks, &settings.weights, settings.rollout);
        let mut gradient = vec![0.0; theta.len()];
        let pool = pool(threads);
        group.bench_function(
            BenchmarkId::new(name, format!("step {step}, {threads} threads")),
            |b| {
                b.iter(|| pool.install(|| loss.gradient_into(theta, &mut gradient)));
            },
        );
    }
    group.finish();
}

fn learning(c: &mut Criterion) {
    let chunks = chunks();
    let kinds = [Kind::Reference, Kind::Spectral { degree: 6 }, Kind::Polynomial];
    let models = kinds.map(|kind| (kind, basis_model(kind, &chunks)));
    for (kind, model) in &models {
        let theta = linear_start(model, &chunks, &settings(0.2)).expect("finite data");
        evaluation(c, &kind.name(), model, &theta, &chunks);
    }
    let law: Expr = LAW.parse().expect("a formula");
    let (form, scalars) = ClosedForm::new(&law);
    let closed =
        ScalarHamiltonian::new(ScalarSet::new(&inputs(), scalars).expect("known vectors"), form);
    evaluation(c, "closed form", &closed, &law.constants(), &chunks);

    let mut group = c.benchmark_group("once for each fit");
    group.warm_up_time(Duration::from_millis(300)).sample_size(10);
    let settings = settings(0.2);
    for (kind, model) in &models[..2] {
        let theta = linear_start(model, &chunks, &settings).expect("finite data");
        let loss = RolloutLoss::new(model, &chunks, &settings.weights, settings.rollout.clone());
        for threads in [1, 2] {
            let pool = pool(threads);
            let id =
                |what: &str| BenchmarkId::new(what, format!("{}, {threads} threads", kind.name()));
            group.bench_function(id("jacobian"), |b| {
                b.iter(|| pool.install(|| loss.jacobian(&theta)))
            });
            group.bench_function(id("training"), |b| {
                b.iter(|| {
                    pool.install(|| fit(model, &chunks, &settings, None, &mut |_| {}))
                        .expect("clean data")
                });
            });
        }
    }
    let (train, validation) = chunks.split_at(chunks.len() * 4 / 5);
    for threads in [1, 2] {
        let pool = pool(threads);
        group.bench_function(BenchmarkId::new("recovery", format!("{threads} threads")), |b| {
            let law =
                || recover(&inputs(), train, validation, &RecoverSettings::default(), &mut |_| {});
            b.iter(|| pool.install(law).expect("clean data"));
        });
    }
    group.finish();
}

criterion_group!(benches, learning);
criterion_main!(benches);
