//! What the tests share: random states, chunks of the springy pendulum, the models.

use ndarray::{Array2, ArrayView2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{Shape, Trajectory, aligned_chunks, gaussian_states};
use scalar_dynamics::expr::Vector;
use scalar_dynamics::integrate::{Splitting, simulate};
use scalar_dynamics::model::emlp::{Size, SymmetryGroup};
use scalar_dynamics::model::network::{
    Activation, Centres, NetworkField, NetworkHamiltonian, Scalars, State, VectorSumField,
};
use scalar_dynamics::scalars::{Inputs, ScalarSet};
use scalar_dynamics::systems::SpringyPendulum;

pub const SHAPE: Shape = Shape { particles: 2, dimension: 3 };
/// Sizes that are no multiples of anything.
pub const HIDDEN: [usize; 3] = [17, 23, 14];

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Uniform numbers between -`spread` and `spread`.
pub fn uniform(n: usize, spread: f64, rng: &mut impl Rng) -> Vec<f64> {
    (0..n).map(|_| rng.random_range(-spread..spread)).collect()
}

/// Whether `a` and `b` agree to `bound`, relative where they are large; NaN never does.
#[track_caller]
pub fn assert_close(a: f64, b: f64, bound: f64, what: &str) {
    assert!(
        (a - b).abs() <= bound * (1.0 + a.abs().max(b.abs())),
        "{what}: {a} against {b}, difference {:e}",
        a - b
    );
}

pub fn inputs() -> Inputs {
    Inputs::new(SHAPE, vec![0.0; 3], vec![("g".into(), vec![0.0, 0.0, -1.0])]).unwrap()
}

/// Chunks of five points 0.2 apart of the reference code's pendulum.
pub fn chunks(n: usize, seed: u64) -> Vec<Trajectory> {
    let mut rng = rng(seed);
    let mean = [0.0, 0.0, -1.5, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let deviation: [f64; 12] = std::array::from_fn(|k| if k < 6 { 0.2 } else { 0.4 });
    let initial = gaussian_states(&mean, &deviation, n, &mut rng);
    let states = simulate(
        &SpringyPendulum::reference_code(),
        &Splitting::nystrom(8).unwrap(),
        initial.view(),
        0.2,
        40,
        2,
    )
    .unwrap();
    aligned_chunks(SHAPE, states.view(), 0.2, 5, &mut rng).unwrap().trajectories
}

/// All states of the chunks, one a row.
pub fn states(chunks: &[Trajectory]) -> Array2<f64> {
    let views: Vec<ArrayView2<f64>> = chunks.iter().map(|c| c.states.view()).collect();
    ndarray::concatenate(Axis(0), &views).unwrap()
}

/// The first `n` states as a batch, component by component.
pub fn batch(states: &Array2<f64>, n: usize) -> Vec<f64> {
    states.slice(ndarray::s![..n, ..]).t().iter().copied().collect()
}

pub fn scalar_set(states: &Array2<f64>) -> ScalarSet {
    let inputs = inputs();
    ScalarSet::independent(&inputs, inputs.catalogue(), states.view()).unwrap()
}

pub fn vectors() -> Vec<Vector> {
    let [q1, q2, p1, p2, g] = ["q1", "q2", "p1", "p2", "g"].map(Vector::named);
    let relative = &q1 - &q2;
    vec![q1, q2, p1, p2, relative, g]
}

pub fn mlp_hamiltonian(states: &Array2<f64>) -> NetworkHamiltonian<State> {
    NetworkHamiltonian::mlp(states.view(), &HIDDEN, Activation::Swish)
}

pub fn mlp_field(states: &Array2<f64>) -> NetworkField {
    NetworkField::mlp(states.view(), &HIDDEN, Activation::Swish)
}

pub fn scalars_hamiltonian(
    states: &Array2<f64>,
    activation: Activation,
) -> NetworkHamiltonian<Scalars<3>> {
    NetworkHamiltonian::scalars_mlp(scalar_set(states), states.view(), &HIDDEN, activation)
}

pub fn scalars_field(states: &Array2<f64>) -> VectorSumField<3> {
    let centres = Centres { number: 7, width: 0.3 };
    VectorSumField::scalars_mlp(
        &inputs(),
        scalar_set(states),
        &vectors(),
        states.view(),
        centres,
        &HIDDEN,
        Activation::Swish,
    )
    .unwrap()
}

/// An equivariant network as a Hamiltonian and one as a field.
pub fn emlps(
    group: &SymmetryGroup,
    states: &Array2<f64>,
    size: Size,
) -> (NetworkHamiltonian<State>, NetworkField) {
    (
        NetworkHamiltonian::emlp(group, states.view(), size).unwrap(),
        NetworkField::emlp(group, states.view(), size).unwrap(),
    )
}

/// The same of O(3), with gravity among the vectors that it takes.
pub fn emlps_of_inputs(
    inputs: &Inputs,
    states: &Array2<f64>,
    size: Size,
) -> (NetworkHamiltonian<State>, NetworkField) {
    let (group, states) = (SymmetryGroup::o3(), states.view());
    (
        NetworkHamiltonian::emlp_of_inputs(&group, inputs, states, size).unwrap(),
        NetworkField::emlp_of_inputs(&group, inputs, states, size).unwrap(),
    )
}
