//! What the tests share: random states, chunks of the springy pendulum, models, second derivatives
//! by dual numbers.

use ndarray::{Array2, ArrayView2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::Deadline;
use scalar_dynamics::basis::{Basis, Kind};
use scalar_dynamics::dataset::{Shape, Trajectory};
use scalar_dynamics::expr::{Scalar, Vector};
use scalar_dynamics::integrate::{RungeKutta, Splitting, simulate};
use scalar_dynamics::linalg::{Dual, LANES, Lanes, Real};
use scalar_dynamics::loss::RolloutOptions;
use scalar_dynamics::model::ScalarHamiltonian;
use scalar_dynamics::scalars::{Inputs, ScalarSet};
use scalar_dynamics::systems::SpringyPendulum;
use scalar_dynamics::train::{Settings, Stop};

/// A number with derivatives along two directions and along both.
pub type Dual2 = Dual<Dual<f64>>;

/// Value, first derivatives along `w` and along `v`, and the mixed second derivative of `f` at `x`.
pub fn derivatives(
    f: impl Fn(&[Dual2]) -> Dual2,
    x: &[f64],
    w: &[f64],
    v: &[f64],
) -> (f64, f64, f64, f64) {
    let x: Vec<Dual2> = x
        .iter()
        .zip(w)
        .zip(v)
        .map(|((&x, &w), &v)| Dual::new(Dual::new(x, v), Dual::new(w, 0.0)))
        .collect();
    let y = f(&x);
    (y.re.re, y.eps.re, y.re.eps, y.eps.eps)
}

/// The unit vector along axis `k` of `n`.
pub fn axis(n: usize, k: usize) -> Vec<f64> {
    (0..n).map(|i| f64::from(u8::from(i == k))).collect()
}

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Uniform numbers between -`spread` and `spread`.
pub fn uniform(n: usize, spread: f64, rng: &mut impl Rng) -> Vec<f64> {
    (0..n).map(|_| rng.random_range(-spread..spread)).collect()
}

pub fn lanes(rows: &[Vec<f64>]) -> Vec<Lanes> {
    (0..rows[0].len()).map(|k| Lanes(std::array::from_fn(|lane| rows[lane][k]))).collect()
}

/// Eight rows of `n` random numbers, as rows and as lanes.
pub fn eight(n: usize, spread: f64, rng: &mut impl Rng) -> (Vec<Vec<f64>>, Vec<Lanes>) {
    let rows: Vec<Vec<f64>> = (0..LANES).map(|_| uniform(n, spread, rng)).collect();
    let lanes = lanes(&rows);
    (rows, lanes)
}

/// `a` and `b` agree to `bound`, relative where they are large.
#[track_caller]
pub fn assert_close(a: f64, b: f64, bound: f64, what: &str) {
    assert!(
        (a - b).abs() <= bound * (1.0 + a.abs().max(b.abs())),
        "{what}: {a} against {b}, difference {:e}",
        a - b
    );
}

/// A scalar from its definition.
pub fn scalar<T: Real>(inputs: &Inputs, scalar: &Scalar, z: &[T]) -> T {
    let d = inputs.shape.dimension;
    let component = |v: &Vector, i: usize| {
        v.terms().iter().fold(T::zero(), |sum, (name, c)| match inputs.slot(name) {
            Some(slot) => sum + z[slot * d + i] * *c,
            None => sum + inputs.constant(name).unwrap()[i] * c,
        })
    };
    let dot = |a: &Vector, b: &Vector| {
        (0..d).fold(T::zero(), |sum, i| sum + component(a, i) * component(b, i))
    };
    match scalar {
        Scalar::Parameter(name) => panic!("{name} is no scalar of vectors"),
        Scalar::Dot(a, b) => dot(a, b),
        Scalar::Norm(a) => dot(a, a).sqrt(),
    }
}

/// Inputs with an origin away from zero and `context` random constant vectors.
pub fn inputs(particles: usize, dimension: usize, context: usize, rng: &mut impl Rng) -> Inputs {
    let vectors = ["g", "field"]
        .into_iter()
        .take(context)
        .map(|name| (name.to_owned(), uniform(dimension, 1.0, rng)))
        .collect();
    Inputs::new(Shape { particles, dimension }, uniform(dimension, 0.5, rng), vectors).unwrap()
}

/// The springy pendulum's vectors.
pub fn pendulum_inputs() -> Inputs {
    Inputs::new(
        Shape { particles: 2, dimension: 3 },
        vec![0.0; 3],
        vec![("g".into(), vec![0.0, 0.0, -1.0])],
    )
    .unwrap()
}

/// Initial states of the springy pendulum, spread as in the paper.
pub fn pendulum_states(n: usize, seed: u64) -> Array2<f64> {
    let mean = [0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let deviation: [f64; 12] = std::array::from_fn(|k| if k < 6 { 0.2 } else { 0.4 });
    scalar_dynamics::dataset::gaussian_states(&mean, &deviation, n, &mut rng(seed))
}

/// `n` chunks of five points 0.2 apart of the reference code's pendulum, each from its own
/// trajectory, after a random time.
pub fn pendulum_chunks(n: usize, seed: u64) -> Vec<Trajectory> {
    let (system, method) = (SpringyPendulum::reference_code(), Splitting::nystrom(8).unwrap());
    let states = simulate(&system, &method, pendulum_states(n, seed).view(), 0.2, 150, 4).unwrap();
    let shape = Shape { particles: 2, dimension: 3 };
    scalar_dynamics::dataset::aligned_chunks(shape, states.view(), 0.2, 5, &mut rng(seed))
        .unwrap()
        .trajectories
}

/// `n` chunks of two to six points at irregular times.
pub fn irregular_chunks(n: usize, seed: u64) -> Vec<Trajectory> {
    let (system, method) = (SpringyPendulum::reference_code(), Splitting::nystrom(8).unwrap());
    let states = simulate(&system, &method, pendulum_states(n, seed).view(), 0.05, 60, 1).unwrap();
    let mut rng = rng(seed);
    let chunk = |id: usize| {
        let mut rows = vec![rng.random_range(0..20)];
        for _ in 0..1 + id % 5 {
            rows.push(rows[rows.len() - 1] + rng.random_range(1..8));
        }
        let states = states.slice(s![id, .., ..]).select(ndarray::Axis(0), &rows);
        Trajectory { id: id as i64, times: rows.iter().map(|&r| 0.05 * r as f64).collect(), states }
    };
    (0..n).map(chunk).collect()
}

/// All states of the chunks, one a row.
pub fn all_states(chunks: &[Trajectory]) -> Array2<f64> {
    let views: Vec<ArrayView2<f64>> = chunks.iter().map(|c| c.states.view()).collect();
    ndarray::concatenate(ndarray::Axis(0), &views).unwrap()
}

/// The pendulum's independent scalars under a ready-made basis on the range of the chunks.
pub fn pendulum_model(kind: Kind, chunks: &[Trajectory]) -> ScalarHamiltonian<Basis> {
    let (inputs, states) = (pendulum_inputs(), all_states(chunks));
    let set = ScalarSet::independent(&inputs, inputs.catalogue(), states.view()).unwrap();
    let basis = Basis::of_kind(kind, &set.ranges(states.view()));
    ScalarHamiltonian::new(set, basis)
}

pub fn rollout(order: usize, step: f64) -> RolloutOptions {
    RolloutOptions { method: RungeKutta::new(order).unwrap(), step, batch: LANES }
}

pub fn settings(iterations: usize) -> Settings {
    let stop = Stop { iterations, round: 10, decrease: 1e-6 };
    Settings {
        rollout: rollout(8, 0.1),
        weights: vec![1.0; 12],
        stop,
        rank_tolerance: 1e-9,
        deadline: Deadline::default(),
    }
}

/// `run` on one, two and four threads.
pub fn on_threads<R: Send>(run: impl Fn() -> R + Sync + Send) -> Vec<R> {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    [1, 2, 4].into_iter().map(|threads| pool(threads).install(&run)).collect()
}
