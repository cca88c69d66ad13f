//! Every derivative by hand against central differences with a step study.

use ndarray::Array2;
use scalar_dynamics::linalg::{LANES, Total};
use scalar_dynamics::model::emlp::{Size, SymmetryGroup};
use scalar_dynamics::model::network::Activation;
use scalar_dynamics::model::{HamiltonianModel, Model, RandomStart};

use crate::common::*;

/// Derivative of `f` at 0 from differences of sixth order, with the step that agrees best with the
/// next one.
pub fn derivative(f: impl Fn(f64) -> f64) -> f64 {
    let at = |h: f64| {
        let d = |k: f64| f(k * h) - f(-k * h);
        (45.0 * d(1.0) - 9.0 * d(2.0) + d(3.0)) / (60.0 * h)
    };
    let values: Vec<f64> = (0..7).map(|i| at(3e-2 * 0.4_f64.powi(i))).collect();
    let best = values
        .windows(2)
        .min_by(|a, b| (a[0] - a[1]).abs().total_cmp(&(b[0] - b[1]).abs()))
        .unwrap();
    best[1]
}

fn moved(x: &[f64], direction: &[f64], h: f64) -> Vec<f64> {
    x.iter().zip(direction).map(|(x, d)| x + h * d).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub fn field<M: Model>(model: &M, theta: &[f64], z: &[f64]) -> Vec<f64> {
    let mut dz = vec![f64::NAN; z.len()];
    model.field_into(&model.expand(theta), z, &mut dz, &mut model.work());
    dz
}

/// A start with biases that are not zero.
pub fn start<M: RandomStart>(model: &M, seed: u64) -> Vec<f64> {
    let mut rng = rng(seed);
    let theta = model.initial(&mut rng);
    assert_eq!(theta.len(), model.parameters());
    let shift = uniform(theta.len(), 0.1, &mut rng);
    theta.iter().zip(shift).map(|(t, s)| t + s).collect()
}

/// The vector-Jacobian product along random directions of all states and all parameters, and of
/// each component of one state.
fn check_product<M: RandomStart>(model: &M, states: &Array2<f64>, bound: f64) {
    for n in [LANES, 72] {
        let mut rng = rng(n as u64);
        let (theta, z) = (start(model, 5), batch(states, n));
        let lambda = uniform(z.len(), 1.0, &mut rng);
        let weights = model.expand(&theta);
        let mut work = model.work();
        let mut z_bar = vec![f64::NAN; z.len()];
        let one = <M::Sum as scalar_dynamics::linalg::Real>::splat(1.0);
        let mut bars = vec![one; model.weights()];
        model.vjp_into(&weights, &z, &lambda, &mut z_bar, &mut bars, &mut work);
        // What was there is added to.
        let bars: Vec<f64> = bars.iter().map(|b| b.total() - one.total()).collect();
        let mut theta_bar = vec![f64::NAN; theta.len()];
        model.contract(&bars, &mut theta_bar);
        let along = |theta: &[f64], z: &[f64]| dot(&lambda, &field(model, theta, z));
        for _ in 0..3 {
            let direction = uniform(z.len(), 1.0, &mut rng);
            let expected = derivative(|h| along(&theta, &moved(&z, &direction, h)));
            assert_close(dot(&z_bar, &direction), expected, bound, "derivative by the state");
            let direction = uniform(theta.len(), 1.0, &mut rng);
            let expected = derivative(|h| along(&moved(&theta, &direction, 0.1 * h), &z)) * 10.0;
            assert_close(
                dot(&theta_bar, &direction),
                expected,
                bound,
                "derivative by the parameters",
            );
        }
        for c in 0..model.dim() {
            let at = c * n + n - 3;
            let mut direction = vec![0.0; z.len()];
            direction[at] = 1.0;
            let expected = derivative(|h| along(&theta, &moved(&z, &direction, h)));
            assert_close(z_bar[at], expected, bound, "derivative by one component");
        }
    }
}

/// A batch is as good as its states one by one.
fn check_batches<M: RandomStart>(model: &M, states: &Array2<f64>) {
    let theta = start(model, 6);
    let whole = field(model, &theta, &batch(states, 72));
    for first in (0..72).step_by(LANES) {
        let part = states.slice(ndarray::s![first..first + LANES, ..]).to_owned();
        let part = field(model, &theta, &batch(&part, LANES));
        for (i, x) in part.iter().enumerate() {
            assert_eq!(*x, whole[i / LANES * 72 + first + i % LANES], "state {first}");
        }
    }
}

/// The field is J grad H.
fn check_energy<M: RandomStart + HamiltonianModel>(model: &M, states: &Array2<f64>, bound: f64) {
    let (theta, z, n) = (start(model, 7), batch(states, 72), 72);
    let weights = model.expand(&theta);
    let energy = |z: &[f64]| {
        let mut energy = vec![f64::NAN; n];
        model.energy_into(&weights, z, &mut energy, &mut model.work());
        energy
    };
    let dz = field(model, &theta, &z);
    let half = model.dim() / 2;
    for c in 0..model.dim() {
        let mut direction = vec![0.0; z.len()];
        direction[c * n..(c + 1) * n].fill(1.0);
        let (row, sign) = if c < half { (c + half, -1.0) } else { (c - half, 1.0) };
        for b in [0, 9, 71] {
            let expected = sign * derivative(|h| energy(&moved(&z, &direction, h))[b]);
            assert_close(dz[row * n + b], expected, bound, "field");
        }
    }
}

#[test]
fn gradient_mlp_hamiltonian() {
    let states = states(&chunks(20, 1));
    let model = mlp_hamiltonian(&states);
    check_energy(&model, &states, 1e-10);
    check_product(&model, &states, 1e-9);
    check_batches(&model, &states);
}

#[test]
fn gradient_mlp_field() {
    let states = states(&chunks(20, 2));
    let model = mlp_field(&states);
    check_product(&model, &states, 1e-9);
    check_batches(&model, &states);
}

#[test]
fn gradient_scalars_mlp_hamiltonian() {
    let states = states(&chunks(20, 3));
    for activation in [Activation::Swish, Activation::Sharp(3.0)] {
        let model = scalars_hamiltonian(&states, activation);
        check_energy(&model, &states, 1e-9);
        check_product(&model, &states, 1e-8);
        check_batches(&model, &states);
    }
}

#[test]
fn gradient_scalars_mlp_field() {
    let states = states(&chunks(20, 4));
    let model = scalars_field(&states);
    check_product(&model, &states, 1e-8);
    check_batches(&model, &states);
}

/// Between its kinks the ReLU's energy is smooth; at a kink the field jumps, and neither
/// differences nor the product see it.
#[test]
fn gradient_relu_between_kinks() {
    let states = states(&chunks(20, 5));
    let model = scalars_hamiltonian(&states, Activation::Relu);
    check_energy(&model, &states, 1e-6);
    check_batches(&model, &states);
}

#[test]
fn gradient_equivariant_networks() {
    let states = states(&chunks(20, 6));
    // Enough channels for tensors of all ranks up to three.
    let size = Size { channels: 110, blocks: 2 };
    let groups = [SymmetryGroup::o2(), SymmetryGroup::dihedral(6)];
    let of_state = groups.iter().map(|group| emlps(group, &states, size));
    for (hamiltonian, field) in of_state.chain([emlps_of_inputs(&inputs(), &states, size)]) {
        check_energy(&hamiltonian, &states, 1e-9);
        check_product(&hamiltonian, &states, 1e-8);
        check_batches(&hamiltonian, &states);
        check_product(&field, &states, 1e-8);
        check_batches(&field, &states);
    }
}
