//! One evaluation of loss and gradient of each network on the springy pendulum: 500 chunks of four
//! intervals of 0.2.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::{Array2, ArrayView2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::{ThreadPool, ThreadPoolBuilder};
use scalar_dynamics::dataset::{Shape, Trajectory, aligned_chunks, gaussian_states};
use scalar_dynamics::expr::Vector;
use scalar_dynamics::integrate::{RungeKutta, Splitting, simulate};
use scalar_dynamics::loss::{RolloutLoss, RolloutOptions};
use scalar_dynamics::model::RandomStart;
use scalar_dynamics::model::emlp::{Size, SymmetryGroup};
use scalar_dynamics::model::network::{
    Activation, Centres, NetworkField, NetworkHamiltonian, VectorSumField,
};
use scalar_dynamics::scalars::{Inputs, ScalarSet};
use scalar_dynamics::systems::SpringyPendulum;

const SHAPE: Shape = Shape { particles: 2, dimension: 3 };
/// Hidden layers of the perceptrons on the state and on scalars.
const STATE: [usize; 3] = [128; 3];
const SCALARS: [usize; 3] = [100; 3];

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

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("two threads can be had")
}

/// Value and gradient once, on one and two threads, with one or two steps of the classic
/// Runge-Kutta method an interval.
fn evaluation<M: RandomStart>(c: &mut Criterion, name: &str, model: &M, chunks: &[Trajectory]) {
    let mut group = c.benchmark_group("loss and gradient");
    group
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(10);
    let theta = model.initial(&mut ChaCha8Rng::seed_from_u64(1));
    for (step, threads) in [(0.2, 2), (0.1, 2), (0.2, 1)] {
        let options =
            RolloutOptions { method: RungeKutta::new(4).expect("order 4 exists"), step, batch: 64 };
        let loss = RolloutLoss::new(model, chunks, &[1.0; 12], options);
        let mut gradient = vec![0.0; theta.len()];
        let pool = pool(threads);
        group.bench_function(
            BenchmarkId::new(name, format!("step {step}, {threads} threads")),
            |b| {
                b.iter(|| pool.install(|| loss.gradient_into(&theta, &mut gradient)));
            },
        );
    }
    group.finish();
}

fn networks(c: &mut Criterion) {
    let chunks = chunks();
    let views: Vec<ArrayView2<f64>> = chunks.iter().map(|c| c.states.view()).collect();
    let states: Array2<f64> = ndarray::concatenate(Axis(0), &views).expect("states of one length");
    let inputs = Inputs::new(SHAPE, vec![0.0; 3], vec![("g".into(), vec![0.0, 0.0, -1.0])])
        .expect("three components each");
    let scalars = || {
        ScalarSet::independent(&inputs, inputs.catalogue(), states.view()).expect("known vectors")
    };
    let [q1, q2, p1, p2, g] = ["q1", "q2", "p1", "p2", "g"].map(Vector::named);
    let relative = &q1 - &q2;
    let vectors = [q1, q2, p1, p2, relative, g];

    evaluation(
        c,
        "MLP HNN",
        &NetworkHamiltonian::mlp(states.view(), &STATE, Activation::Swish),
        &chunks,
    );
    evaluation(
        c,
        "MLP N-ODE",
        &NetworkField::mlp(states.view(), &STATE, Activation::Swish),
        &chunks,
    );
    for (name, activation) in [("ReLU", Activation::Relu), ("swish", Activation::Swish)] {
        let model =
            NetworkHamiltonian::<_>::scalars_mlp(scalars(), states.view(), &SCALARS, activation);
        evaluation::<NetworkHamiltonian<scalar_dynamics::model::network::Scalars<3>>>(
            c,
            &format!("Scalars MLP HNN {name}"),
            &model,
            &chunks,
        );
    }
    for number in [10, 200] {
        let centres = Centres { number, width: 0.2 };
        let model: VectorSumField<3> = VectorSumField::scalars_mlp(
            &inputs,
            scalars(),
            &vectors,
            states.view(),
            centres,
            &SCALARS,
            Activation::Swish,
        )
        .expect("known vectors");
        evaluation(c, &format!("Scalars MLP N-ODE, {number} centres"), &model, &chunks);
    }
    for group in [
        SymmetryGroup::o2(),
        SymmetryGroup::so2(),
        SymmetryGroup::dihedral(2),
        SymmetryGroup::dihedral(6),
    ] {
        let model = NetworkHamiltonian::emlp(&group, states.view(), Size::PAPER)
            .expect("a finite null space");
        evaluation(c, &format!("EMLP {group} HNN"), &model, &chunks);
        let model =
            NetworkField::emlp(&group, states.view(), Size::PAPER).expect("a finite null space");
        evaluation(c, &format!("EMLP {group} N-ODE"), &model, &chunks);
    }
}

criterion_group!(benches, networks);
criterion_main!(benches);
