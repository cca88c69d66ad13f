//! Groups that act on space.

use std::f64::consts::PI;
use std::fmt;

use rand::{Rng, RngCore};

/// Dimension of space.
pub(super) const SPACE: usize = 3;

/// A 3 x 3 matrix, row by row.
pub type Matrix = [[f64; SPACE]; SPACE];

/// A group of orthogonal matrices, by generators: infinitesimal ones A, whose exponentials are
/// elements, and elements h.
#[derive(Clone, Debug, PartialEq)]
pub struct SymmetryGroup {
    name: String,
    pub(super) infinitesimal: Vec<Matrix>,
    pub(super) discrete: Vec<Matrix>,
}

const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
/// The generators of rotations about the axes x, y, z.
const ROTATIONS: [Matrix; 3] = [
    [[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
    [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]],
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
];

fn diagonal(x: f64, y: f64, z: f64) -> Matrix {
    [[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]]
}

fn turn(angle: f64) -> Matrix {
    let (s, c) = angle.sin_cos();
    [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..SPACE).map(|k| a[i][k] * b[k][j]).sum()))
}

impl SymmetryGroup {
    fn new(name: impl Into<String>, infinitesimal: Vec<Matrix>, discrete: Vec<Matrix>) -> Self {
        Self { name: name.into(), infinitesimal, discrete }
    }

    /// Rotations about the vertical.
    pub fn so2() -> Self {
        // The half turn is among them; saying so makes most equations trivial.
        Self::new("SO(2)", vec![ROTATIONS[2]], vec![diagonal(-1.0, -1.0, 1.0)])
    }

    /// Rotations about the vertical and reflections in vertical planes: the symmetry of a pendulum.
    pub fn o2() -> Self {
        Self::new(
            "O(2)",
            vec![ROTATIONS[2]],
            vec![diagonal(-1.0, 1.0, 1.0), diagonal(1.0, -1.0, 1.0)],
        )
    }

    /// The symmetries of a regular n-gon about the vertical: n rotations and n reflections in
    /// vertical planes.
    pub fn dihedral(n: u32) -> Self {
        let mut discrete = vec![diagonal(-1.0, 1.0, 1.0)];
        if n.is_multiple_of(2) {
            discrete.push(diagonal(-1.0, -1.0, 1.0));
        }
        if n > 2 {
            discrete.push(turn(2.0 * PI / f64::from(n)));
        }
        Self::new(format!("D{n}"), Vec::new(), discrete)
    }

    /// All rotations.
    pub fn so3() -> Self {
        Self::new(
            "SO(3)",
            ROTATIONS.to_vec(),
            vec![diagonal(1.0, -1.0, -1.0), diagonal(-1.0, -1.0, 1.0)],
        )
    }

    /// All rotations and reflections.
    pub fn o3() -> Self {
        Self::new(
            "O(3)",
            ROTATIONS.to_vec(),
            vec![diagonal(-1.0, 1.0, 1.0), diagonal(1.0, -1.0, 1.0), diagonal(1.0, 1.0, -1.0)],
        )
    }

    /// Name in tables, such as O(2).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A random element: a product of thirty-two powers of generators and exponentials, so that
    /// every part of the group is met.
    pub fn element(&self, rng: &mut dyn RngCore) -> Matrix {
        let generators = self.infinitesimal.len() + self.discrete.len();
        let mut element = IDENTITY;
        for _ in 0..32 {
            let choice = rng.random_range(0..generators.max(1));
            let factor = match self.infinitesimal.get(choice) {
                Some(a) => rotation(a, rng.random_range(-PI..PI)),
                None => self
                    .discrete
                    .get(choice - self.infinitesimal.len())
                    .copied()
                    .unwrap_or(IDENTITY),
            };
            element = product(&factor, &element);
        }
        element
    }
}

/// exp(angle A) for the generator A of rotations about an axis (Rodrigues' formula).
fn rotation(a: &Matrix, angle: f64) -> Matrix {
    let (square, (s, c)) = (product(a, a), angle.sin_cos());
    std::array::from_fn(|i| {
        std::array::from_fn(|j| IDENTITY[i][j] + s * a[i][j] + (1.0 - c) * square[i][j])
    })
}

impl fmt::Display for SymmetryGroup {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.name)
    }
}
