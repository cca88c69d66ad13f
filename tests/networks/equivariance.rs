//! Networks move with the elements of their group, and not with others.

use ndarray::{Array2, s};
use scalar_dynamics::linalg::LANES;
use scalar_dynamics::model::emlp::{
    EquivariantLinear, Layout, Matrix, Representation, Size, SymmetryGroup,
};
use scalar_dynamics::model::network::{Activation, Layer};
use scalar_dynamics::model::{HamiltonianModel, Model, RandomStart};
use scalar_dynamics::scalars::Inputs;

use crate::common::*;
use crate::gradients::start;
use crate::invariants::image;

const SMALL: Size = Size { channels: 128, blocks: 2 };

fn turned(states: &Array2<f64>, element: &Matrix) -> Array2<f64> {
    Array2::from_shape_fn(states.dim(), |(b, c)| {
        (0..3).map(|k| element[c % 3][k] * states[[b, c - c % 3 + k]]).sum()
    })
}

fn field<M: Model>(model: &M, theta: &[f64], states: &Array2<f64>) -> Array2<f64> {
    let (n, dim) = states.dim();
    let (z, mut dz) = (batch(states, n), vec![f64::NAN; n * dim]);
    model.field_into(&model.expand(theta), &z, &mut dz, &mut model.work());
    Array2::from_shape_fn((n, dim), |(b, c)| dz[c * n + b])
}

fn energy<M: HamiltonianModel>(model: &M, theta: &[f64], states: &Array2<f64>) -> Array2<f64> {
    let n = states.nrows();
    let mut energy = vec![f64::NAN; n];
    model.energy_into(&model.expand(theta), &batch(states, n), &mut energy, &mut model.work());
    Array2::from_shape_fn((n, 1), |(b, _)| energy[b])
}

/// Largest difference, relative to the largest of the numbers; NaN where anything is.
fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let max = |values: &mut dyn Iterator<Item = f64>| {
        values
            .fold(0.0, |m: f64, x| if m.is_nan() || x.is_nan() { f64::NAN } else { m.max(x.abs()) })
    };
    max(&mut a.iter().zip(b).map(|(a, b)| a - b)) / max(&mut a.iter().copied())
}

/// How far the field is from moving with an element.
fn violation<M: RandomStart>(model: &M, states: &Array2<f64>, element: &Matrix) -> f64 {
    let theta = start(model, 3);
    distance(
        &turned(&field(model, &theta, states), element),
        &field(model, &theta, &turned(states, element)),
    )
}

fn energy_violation<M: RandomStart + HamiltonianModel>(
    model: &M,
    states: &Array2<f64>,
    element: &Matrix,
) -> f64 {
    let theta = start(model, 3);
    distance(&energy(model, &theta, states), &energy(model, &theta, &turned(states, element)))
}

/// Rotation by an angle about the vertical.
fn rotation(angle: f64) -> Matrix {
    let (s, c) = angle.sin_cos();
    [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
}

const REFLECTION: Matrix = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
const TILT: Matrix = [[0.8, 0.0, 0.6], [0.0, 1.0, 0.0], [-0.6, 0.0, 0.8]];
const UPSIDE_DOWN: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];

fn some_states() -> Array2<f64> {
    states(&chunks(8, 2)).slice(s![..3 * LANES, ..]).to_owned()
}

#[test]
fn equivariance_of_equivariant_networks_under_their_group() {
    let (states, mut rng) = (some_states(), rng(4));
    for group in [
        SymmetryGroup::o2(),
        SymmetryGroup::so2(),
        SymmetryGroup::dihedral(2),
        SymmetryGroup::dihedral(6),
    ] {
        let (hamiltonian, ode) = emlps(&group, &states, SMALL);
        for _ in 0..5 {
            let element = group.element(&mut rng);
            for violation in [
                energy_violation(&hamiltonian, &states, &element),
                violation(&hamiltonian, &states, &element),
                violation(&ode, &states, &element),
            ] {
                assert!(violation <= 1e-12, "{group}: {violation:e}");
            }
        }
    }
}

/// Whether a model takes gravity as an input, and how far its field is from moving with gravity and
/// state when both are tilted.
fn tilted<M: RandomStart>(mut model: M, states: &Array2<f64>) -> (bool, f64) {
    let theta = start(&model, 3);
    let upright = turned(&field(&model, &theta, states), &TILT);
    let gravity = TILT.map(|row| -row[2]).to_vec();
    let inputs = Inputs::new(SHAPE, vec![0.0; 3], vec![("g".into(), gravity)]).unwrap();
    let told = model.set_inputs(&inputs).unwrap();
    (told, distance(&upright, &field(&model, &theta, &turned(states, &TILT))))
}

#[test]
fn equivariance_of_networks_that_are_told_of_another_gravity() {
    let states = some_states();
    let (of_o3, ode_of_o3) = emlps_of_inputs(&inputs(), &states, SMALL);
    for (told, violation) in [
        tilted(scalars_hamiltonian(&states, Activation::Swish), &states),
        tilted(scalars_field(&states), &states),
        tilted(of_o3, &states),
        tilted(ode_of_o3, &states),
    ] {
        assert!(told && violation <= 1e-12, "{violation:e}");
    }
    let (hamiltonian, ode) = emlps(&SymmetryGroup::o2(), &states, SMALL);
    for (told, violation) in [
        tilted(mlp_hamiltonian(&states), &states),
        tilted(mlp_field(&states), &states),
        tilted(hamiltonian, &states),
        tilted(ode, &states),
    ] {
        assert!(!told && violation >= 1e-3, "{violation:e}");
    }
    // A vector that the model needs and is not given.
    let nothing = Inputs::new(SHAPE, vec![0.0; 3], Vec::new()).unwrap();
    assert!(scalars_field(&states).set_inputs(&nothing).is_err());
}

/// With gravity among its vectors a network of O(3) sees whether it was turned with the state: the
/// field turns with both, and does not with the state alone.
#[test]
fn equivariance_of_equivariant_networks_with_gravity_as_an_input() {
    let (states, mut rng) = (some_states(), rng(6));
    // The pivot is not at the centre of the turn, and moves too.
    let [gravity, origin] = [vec![0.0, 0.0, -1.0], vec![0.3, -0.2, 0.1]];
    let with = |gravity: Vec<f64>, origin: Vec<f64>| {
        Inputs::new(SHAPE, origin, vec![("g".into(), gravity)]).unwrap()
    };
    let (hamiltonian, ode) =
        emlps_of_inputs(&with(gravity.clone(), origin.clone()), &states, SMALL);
    let theta = [start(&hamiltonian, 3), start(&ode, 3)];
    for _ in 0..5 {
        let element = SymmetryGroup::o3().element(&mut rng);
        let turned_vector = |v: &[f64]| image(&element, v, 1);
        let moved = with(turned_vector(&gravity), turned_vector(&origin));
        // The scale of gravity is its length, the same after a turn.
        let (other_hamiltonian, other_ode) =
            emlps_of_inputs(&moved, &turned(&states, &element), SMALL);
        let violations = [
            distance(
                &turned(&field(&hamiltonian, &theta[0], &states), &element),
                &field(&other_hamiltonian, &theta[0], &turned(&states, &element)),
            ),
            distance(
                &turned(&field(&ode, &theta[1], &states), &element),
                &field(&other_ode, &theta[1], &turned(&states, &element)),
            ),
        ];
        assert!(violations.iter().all(|v| *v <= 1e-12), "{violations:?}");
    }
    let broken = [violation(&hamiltonian, &states, &TILT), violation(&ode, &states, &TILT)];
    assert!(broken.iter().all(|v| *v > 1e-4), "{broken:?}");
}

#[test]
fn equivariance_is_broken_outside_the_group() {
    let states = some_states();
    let outside = [
        (SymmetryGroup::o2(), vec![TILT, UPSIDE_DOWN]),
        (SymmetryGroup::so2(), vec![REFLECTION, TILT, UPSIDE_DOWN]),
        (
            SymmetryGroup::dihedral(2),
            vec![rotation(1.0), rotation(std::f64::consts::FRAC_PI_3), TILT],
        ),
        (
            SymmetryGroup::dihedral(3),
            vec![rotation(1.0), rotation(std::f64::consts::FRAC_PI_3), UPSIDE_DOWN],
        ),
        (SymmetryGroup::dihedral(4), vec![rotation(1.0), rotation(std::f64::consts::FRAC_PI_4)]),
        (SymmetryGroup::dihedral(6), vec![TILT, UPSIDE_DOWN]),
    ];
    for (group, elements) in outside {
        let (hamiltonian, ode) = emlps(&group, &states, SMALL);
        for element in elements {
            let broken = [
                energy_violation(&hamiltonian, &states, &element),
                violation(&ode, &states, &element),
            ];
            println!("{group}: {broken:?}");
            assert!(broken.iter().all(|v| *v > 5e-7), "{group} under {element:?}: {broken:?}");
        }
    }
}

/// The first tensor that D6 leaves alone and O(2) moves has rank six, and only a matrix from rank
/// three to rank three has room for it: that layer is not O(2)-equivariant. A network of such
/// layers on vectors is: the tensor acts on the part of a signal that turns three times as fast as
/// a vector, but no layer makes one of signals that turn slower. Linear layers keep the speed, and
/// a product of the bilinear layer that turns faster than both its factors has a rank of two at
/// most.
#[test]
fn equivariance_of_d6_is_that_of_o2_for_networks_but_not_for_layers() {
    let states = some_states();
    let (hamiltonian, ode) =
        emlps(&SymmetryGroup::dihedral(6), &states, Size { channels: 128, blocks: 3 });
    for violation in
        [violation(&hamiltonian, &states, &rotation(1.0)), violation(&ode, &states, &rotation(1.0))]
    {
        assert!(violation <= 1e-12, "{violation:e}");
    }
    let tensors = || (Representation::new([0, 0, 0, 1]), Layout::ByTensor);
    let (turn, mut rng) = (rotation(1.0), rng(6));
    for (group, least, most) in
        [(SymmetryGroup::o2(), 0.0, 1e-12), (SymmetryGroup::dihedral(6), 1e-3, f64::INFINITY)]
    {
        let layer = EquivariantLinear::new(&group, tensors(), tensors(), 1.0).unwrap();
        let (mut theta, mut weights) = (vec![0.0; layer.parameters()], vec![0.0; layer.weights()]);
        layer.initial_into(&mut theta, &mut rng);
        layer.expand_into(&theta, &mut weights);
        let product = |x: &[f64]| -> Vec<f64> {
            weights[..27 * 27]
                .chunks(27)
                .map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum())
                .collect()
        };
        let x = uniform(27, 1.0, &mut rng);
        let (before, after) = (product(&image(&turn, &x, 3)), image(&turn, &product(&x), 3));
        let violation = before.iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(violation >= least && violation <= most, "{group}: {violation:e}");
    }
}

#[test]
fn equivariance_of_scalars_and_of_no_others() {
    let (states, mut rng) = (some_states(), rng(5));
    let (hamiltonian, ode) =
        (scalars_hamiltonian(&states, Activation::Relu), scalars_field(&states));
    for _ in 0..5 {
        // Gravity stays where it is, so of O(3) only what is about the vertical is seen.
        let element = SymmetryGroup::o2().element(&mut rng);
        for violation in [
            energy_violation(&hamiltonian, &states, &element),
            violation(&hamiltonian, &states, &element),
            violation(&ode, &states, &element),
        ] {
            assert!(violation <= 1e-11, "{violation:e}");
        }
    }
    for broken in [
        violation(&mlp_hamiltonian(&states), &states, &rotation(1.0)),
        violation(&mlp_field(&states), &states, &REFLECTION),
    ] {
        assert!(broken > 1e-3, "{broken:e}");
    }
}
