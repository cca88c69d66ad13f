//! Candidates a second of the expression search: one variable from slopes, three from values, and
//! the e-graph with its enumeration.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::search::{Counts, SearchOptions, Target, search};
use std::time::Duration;

/// Slopes of a law that no short form explains.
fn one_variable() -> Target {
    let x = Array2::from_shape_fn((200, 1), |(i, _)| 0.5 + 0.01 * i as f64);
    let slopes: Array1<f64> =
        x.column(0).mapv(|r: f64| 2.0 * (r - 1.3) + 0.1 * (5.0 * r).sin() / r);
    Target::new(["r"], x.view())
        .and_then(|t| t.with_slopes(0, slopes.view()))
        .expect("finite samples")
}

fn three_variables() -> Target {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let x = Array2::from_shape_fn((200, 3), |_| rng.random_range(0.5..2.0));
    let y: Array1<f64> =
        x.rows().into_iter().map(|x| f64::sin(x[0] + x[1] * x[2]) / (1.0 + x[0] * x[1])).collect();
    Target::new(["a", "b", "c"], x.view())
        .and_then(|t| t.with_values(y.view()))
        .expect("finite samples")
}

fn run(target: &Target, options: &SearchOptions) -> Counts {
    search(target, options, &mut |_| {}).expect("there are measurements").counts
}

fn candidates(c: &mut Criterion) {
    let mut group = c.benchmark_group("candidates");
    group.sample_size(10);
    let patient =
        SearchOptions { time_budget: Duration::from_secs(600), ..SearchOptions::default() };
    for (name, target) in
        [("one variable, slopes", one_variable()), ("three variables, values", three_variables())]
    {
        let options = SearchOptions {
            max_evaluations: 1000,
            exhaustive_evaluations: 1000,
            ..patient.clone()
        };
        let counts = run(&target, &options);
        println!("{name}: {counts:?}");
        group.throughput(Throughput::Elements(counts.evaluated as u64));
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("two threads can be had");
            group.bench_function(format!("{name}, {threads} threads"), |b| {
                b.iter(|| pool.install(|| run(&target, &options)))
            });
        }
    }
    group.finish();
}

criterion_group!(benches, candidates);
criterion_main!(benches);
