//! Invariant tensors: how many there are, that no element moves them, that layers made of them have
//! the reference's shapes.

use std::f64::consts::PI;

use scalar_dynamics::model::Model;
use scalar_dynamics::model::emlp::{Matrix, Representation, Size, SymmetryGroup, Tensor};
use scalar_dynamics::model::network::{NetworkField, NetworkHamiltonian};

use crate::common::*;

fn dimensions(group: &SymmetryGroup, ranks: std::ops::RangeInclusive<usize>) -> Vec<usize> {
    ranks.map(|rank| group.invariant_tensors(rank).unwrap().len()).collect()
}

#[test]
fn paper_dimensions_of_invariant_tensors_of_rotations() {
    // Motzkin's Riordan numbers (Andrews & Thirunamachandran 1977 for isotropic tensors); in O(3)
    // no odd rank has any.
    assert_eq!(dimensions(&SymmetryGroup::so3(), 0..=7), [1, 0, 1, 1, 3, 6, 15, 36]);
    assert_eq!(dimensions(&SymmetryGroup::o3(), 0..=6), [1, 0, 1, 0, 3, 0, 15]);
    // Central trinomial coefficients; with reflections, those and the powers' average.
    assert_eq!(dimensions(&SymmetryGroup::so2(), 0..=6), [1, 1, 3, 7, 19, 51, 141]);
    assert_eq!(dimensions(&SymmetryGroup::o2(), 0..=6), [1, 1, 2, 4, 10, 26, 71]);
}

/// The average over a finite group of the trace's k-th power counts invariant tensors of rank k
/// (Burnside).
#[test]
fn paper_dimensions_of_invariant_tensors_of_dihedral_groups() {
    for n in [1, 2, 3, 4, 6] {
        let average = |k: usize| {
            // Rotations by 2 pi j / n have the trace 1 + 2 cos, reflections in vertical planes 1.
            let rotations: f64 = (0..n)
                .map(|j| {
                    (1.0 + 2.0 * (2.0 * PI * f64::from(j) / f64::from(n)).cos()).powi(k as i32)
                })
                .sum();
            ((rotations + f64::from(n)) / f64::from(2 * n)).round() as usize
        };
        let expected: Vec<usize> = (0..=6).map(average).collect();
        assert_eq!(dimensions(&SymmetryGroup::dihedral(n), 0..=6), expected, "D{n}");
    }
}

fn dense(tensor: &Tensor, rank: usize) -> Vec<f64> {
    let mut dense = vec![0.0; 3_usize.pow(rank as u32)];
    tensor.iter().for_each(|(i, x)| dense[*i] += x);
    dense
}

/// The image of a tensor under a matrix on each of its indices.
pub fn image(element: &Matrix, tensor: &[f64], rank: usize) -> Vec<f64> {
    (0..rank).fold(tensor.to_vec(), |tensor, place| {
        let stride = 3_usize.pow(place as u32);
        let component = |index: usize| {
            let digit = index / stride % 3;
            (0..3).map(|k| element[digit][k] * tensor[index - digit * stride + k * stride]).sum()
        };
        (0..tensor.len()).map(component).collect()
    })
}

#[test]
fn equivariance_of_invariant_tensors() {
    let mut rng = rng(1);
    for group in [
        SymmetryGroup::so3(),
        SymmetryGroup::o3(),
        SymmetryGroup::so2(),
        SymmetryGroup::o2(),
        SymmetryGroup::dihedral(2),
        SymmetryGroup::dihedral(6),
        SymmetryGroup::dihedral(5),
    ] {
        for rank in 0..=5 {
            let tensors: Vec<Vec<f64>> =
                group.invariant_tensors(rank).unwrap().iter().map(|t| dense(t, rank)).collect();
            for (i, a) in tensors.iter().enumerate() {
                for (j, b) in tensors.iter().enumerate().take(i + 1) {
                    let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    assert_close(product, f64::from(u8::from(i == j)), 1e-13, "orthonormal");
                }
                let element = group.element(&mut rng);
                for (x, y) in a.iter().zip(image(&element, a, rank)) {
                    assert_close(y, *x, 1e-12, &format!("{group}, rank {rank}"));
                }
            }
        }
    }
}

#[test]
fn paper_channels_are_spread_over_ranks() {
    let hidden = Representation::spread(128);
    assert_eq!(hidden, Representation::new([38, 12, 3, 1]));
    assert_eq!((hidden.size(), hidden.gated().size()), (128, 144));
    // The maps between two spaces are the product of the spaces.
    let vectors = Representation::new([0, 4]);
    assert_eq!((vectors.clone() * hidden.clone()).size(), 12 * 128);
    assert_eq!(vectors.clone() * vectors.clone(), Representation::new([0, 0, 16]));
    assert_eq!(vectors + Representation::new([2]), Representation::new([2, 4]));
    for channels in [1, 7, 50, 384] {
        assert_eq!(Representation::spread(channels).size(), channels);
    }
}

/// The public code counts dense matrices, from which it projects: 55,569 and 56,988 numbers.
/// Coordinates are fewer.
#[test]
fn paper_sizes_of_equivariant_networks() {
    let states = states(&chunks(4, 1));
    for group in [
        SymmetryGroup::o2(),
        SymmetryGroup::so2(),
        SymmetryGroup::dihedral(2),
        SymmetryGroup::dihedral(6),
    ] {
        let (hamiltonian, field) = emlps(&group, &states, Size::PAPER);
        assert_eq!((hamiltonian.weights(), field.weights()), (55_569, 56_988), "{group}");
        assert!(hamiltonian.parameters() < hamiltonian.weights());
        println!("{group}: {} and {} parameters", hamiltonian.parameters(), field.parameters());
    }
    let sizes = |width: usize, hidden: usize| {
        let mlp = NetworkHamiltonian::mlp(
            states.view(),
            &vec![width; hidden],
            scalar_dynamics::model::network::Activation::Swish,
        );
        let field = NetworkField::mlp(
            states.view(),
            &vec![width; hidden],
            scalar_dynamics::model::network::Activation::Swish,
        );
        (mlp.parameters(), field.parameters())
    };
    assert_eq!(sizes(128, 3), (34_817, 36_236));
}
