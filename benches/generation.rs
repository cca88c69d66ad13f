//! Generation of the paper's data: 1,500 trajectories of the springy double pendulum, T = 30, 150
//! saved points.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use scalar_dynamics::integrate::{Splitting, refine, simulate};
use scalar_dynamics::systems::SpringyPendulum;

fn initial() -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mean = [0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    Array2::from_shape_fn((1500, 12), |(_, k)| {
        let draw: f64 = StandardNormal.sample(&mut rng);
        mean[k] + draw * if k < 6 { 0.2 } else { 0.4 }
    })
}

fn generation(c: &mut Criterion) {
    let (system, initial) = (SpringyPendulum::reference_code(), initial());
    let mut group = c.benchmark_group("generation");
    group.sample_size(20);
    for order in [6, 8] {
        let method = Splitting::nystrom(order).expect("orders 6 and 8 exist");
        let refined =
            refine(&system, &method, initial.view(), 0.2, 151, 1e-9).expect("1e-9 is within reach");
        println!(
            "nystrom {order}: {} substeps, state error {:.1e} at T = 30",
            refined.substeps, refined.error
        );
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("two threads can be had");
            let id = BenchmarkId::new(format!("nystrom {order}"), format!("{threads} threads"));
            group.bench_function(id, |b| {
                b.iter(|| {
                    pool.install(|| {
                        simulate(&system, &method, initial.view(), 0.2, 151, refined.substeps)
                    })
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, generation);
criterion_main!(benches);
