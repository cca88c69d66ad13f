//! Motion turns with its vectors: rotations, reflections, translations.

use ndarray::{Array1, Array2, Array3};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::basis::{Basis, Kind};
use scalar_dynamics::evaluate::{TimeGrid, rollout};
use scalar_dynamics::integrate::RungeKutta;
use scalar_dynamics::linalg::svd;
use scalar_dynamics::model::{Model, ScalarHamiltonian};
use scalar_dynamics::scalars::{Inputs, ScalarSet};

use crate::common::{inputs, rng, uniform};

/// A random orthogonal matrix with the given sign of its determinant.
fn orthogonal(d: usize, determinant: f64, rng: &mut ChaCha8Rng) -> Array2<f64> {
    let a = Array2::from_shape_vec((d, d), uniform(d * d, 1.0, rng)).unwrap();
    let (u, _, vt) = svd(&a).unwrap();
    let mut r = u.dot(&vt);
    let sign = match d {
        1 => r[[0, 0]],
        2 => r[[0, 0]] * r[[1, 1]] - r[[0, 1]] * r[[1, 0]],
        _ => (0..3)
            .map(|i| {
                r[[0, i]]
                    * (r[[1, (i + 1) % 3]] * r[[2, (i + 2) % 3]]
                        - r[[1, (i + 2) % 3]] * r[[2, (i + 1) % 3]])
            })
            .sum(),
    };
    if sign * determinant < 0.0 {
        r.row_mut(0).mapv_inplace(|x| -x);
    }
    r
}

/// A rigid motion: x -> R x + shift for positions, x -> R x for all else.
struct Motion {
    rotation: Array2<f64>,
    shift: Array1<f64>,
}

impl Motion {
    fn vector(&self, x: &[f64]) -> Vec<f64> {
        self.rotation.dot(&Array1::from(x.to_vec())).to_vec()
    }
    fn position(&self, x: &[f64]) -> Vec<f64> {
        (Array1::from(self.vector(x)) + &self.shift).to_vec()
    }
    fn state(&self, z: &[f64]) -> Vec<f64> {
        let d = self.shift.len();
        let (q, p) = z.split_at(z.len() / 2);
        q.chunks(d)
            .flat_map(|q| self.position(q))
            .chain(p.chunks(d).flat_map(|p| self.vector(p)))
            .collect()
    }
    fn states(&self, states: &Array3<f64>) -> Array3<f64> {
        let (n, points, dim) = states.dim();
        let moved = states.rows().into_iter().flat_map(|z| self.state(&z.to_vec())).collect();
        Array3::from_shape_vec((n, points, dim), moved).unwrap()
    }
    fn inputs(&self, inputs: &Inputs, with_context: bool) -> Inputs {
        let turn = |v: &[f64]| if with_context { self.vector(v) } else { v.to_vec() };
        let context = inputs.context.iter().map(|(name, v)| (name.clone(), turn(v))).collect();
        Inputs::new(inputs.shape, self.position(&inputs.origin), context).unwrap()
    }
}

fn hamiltonian(inputs: &Inputs) -> ScalarHamiltonian<Basis> {
    let set = ScalarSet::new(inputs, inputs.catalogue()).unwrap();
    let basis =
        Basis::of_kind(Kind::SpectralPolynomial { degree: 4 }, &vec![(-1.0, 2.0); set.len()]);
    ScalarHamiltonian::new(set, basis)
}

/// Largest difference, infinite when anything is not finite.
fn distance(a: &Array3<f64>, b: &Array3<f64>) -> f64 {
    (a - b).iter().fold(0.0, |m: f64, x| if x.is_finite() { m.max(x.abs()) } else { f64::INFINITY })
}

#[test]
fn equivariance_of_rollouts_under_rotations_reflections_and_translations() {
    check_equivariance(hamiltonian, 0.01, 4e-14);
}

#[test]
fn equivariance_of_vector_fields() {
    let field = |inputs: &Inputs| crate::field::field(inputs, &mut rng(25)).0;
    check_equivariance(field, 0.02, 1e-13);
}

/// Rollouts of `model` with random parameters of size `spread`, against rollouts of everything
/// turned and shifted.
fn check_equivariance<M: Model>(model: impl Fn(&Inputs) -> M, spread: f64, bound: f64) {
    let mut rng = rng(20);
    let method = RungeKutta::new(8).unwrap();
    for (particles, d) in [(1, 1), (2, 1), (1, 2), (3, 2), (1, 3), (2, 3), (3, 3)] {
        for determinant in [1.0, -1.0] {
            let inputs = inputs(particles, d, 2, &mut rng);
            let motion = Motion {
                rotation: orthogonal(d, determinant, &mut rng),
                shift: Array1::from(uniform(d, 2.0, &mut rng)),
            };
            let theta = uniform(model(&inputs).parameters(), spread, &mut rng);
            let dim = inputs.shape.state_len();
            let initial =
                Array3::from_shape_vec((11, 1, dim), uniform(11 * dim, 0.7, &mut rng)).unwrap();
            let roll = |model: M, initial: Array3<f64>| {
                let initial = initial.into_shape_with_order((11, dim)).unwrap();
                rollout(
                    &model,
                    &theta,
                    initial.view(),
                    TimeGrid { interval: 0.1, points: 11 },
                    &method,
                    2,
                )
            };
            let path = roll(model(&inputs), initial.clone());
            let moved_inputs = motion.inputs(&inputs, true);
            let moved = roll(model(&moved_inputs), motion.states(&initial));
            // A model that is told of its vectors afterwards is the one that was made with them.
            let mut told = model(&inputs);
            assert!(told.set_inputs(&moved_inputs).unwrap());
            assert_eq!(roll(told, motion.states(&initial)), moved);
            let error = distance(&motion.states(&path), &moved);
            println!("{particles} in {d}, determinant {determinant}: {error:.1e}");
            assert!(error < bound, "{particles} particles in {d} dimensions: {error:e}");
            // The context vectors break the symmetry when they do not turn along.
            if d > 1 || determinant < 0.0 {
                let left = roll(model(&motion.inputs(&inputs, false)), motion.states(&initial));
                assert!(distance(&motion.states(&path), &left) > 1e-3);
            }
            // Something must move, or all of this is empty.
            let still = path.slice(ndarray::s![.., 10, ..]).to_owned()
                - initial.slice(ndarray::s![.., 0, ..]);
            assert!(still.iter().any(|x| x.abs() > 0.02));
        }
    }
}
