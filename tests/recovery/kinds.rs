//! Kinds of laws beyond sums of functions of lengths: generalised coordinates, functions of two
//! scalars and of angles' cosines, and forces that no Hamiltonian gives.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{Trajectory, add_noise};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::field::{Hamiltonian, Shape, VectorField, symplectic_into};
use scalar_dynamics::integrate::{RungeKutta, simulate};
use scalar_dynamics::linalg::Real;
use scalar_dynamics::recover::{RecoverSettings, Recovery, recover};
use scalar_dynamics::scalars::{Inputs, MomentumForceKind};
use scalar_dynamics::systems::ExpressionSystem;
use scalar_dynamics::train::states;

use crate::data::gradient_error;

/// A law, and where the runs begin: ranges of the positions' and momenta's components.
struct Kind {
    shape: Shape,
    context: &'static [(&'static str, &'static [f64])],
    law: &'static str,
    starts: &'static [(f64, f64)],
    interval: f64,
}

const AXIS: &[(&str, &[f64])] = &[("e", &[1.0])];
const PLANE: &[(&str, &[f64])] = &[("ex", &[1.0, 0.0]), ("ey", &[0.0, 1.0])];

impl Kind {
    fn inputs(&self) -> Inputs {
        let context = self.context.iter().map(|(name, v)| ((*name).into(), v.to_vec())).collect();
        Inputs::new(self.shape, vec![0.0; self.shape.dimension], context).unwrap()
    }

    fn system(&self) -> ExpressionSystem {
        let law: Expr = self.law.parse().unwrap();
        ExpressionSystem::new(&law, self.shape, &self.inputs().context).unwrap()
    }

    /// Runs of so many points under a field.
    fn runs<S: VectorField>(&self, system: &S, runs: usize, points: usize) -> Vec<Trajectory> {
        let mut rng = ChaCha8Rng::seed_from_u64(17);
        let dim = self.starts.len();
        let initial = Array2::from_shape_fn((runs, dim), |(_, c)| {
            rng.random_range(self.starts[c].0..self.starts[c].1)
        });
        let method = RungeKutta::new(8).unwrap();
        let all = simulate(system, &method, initial.view(), self.interval, points, 8).unwrap();
        let run = |(id, states): (usize, ndarray::ArrayView2<f64>)| Trajectory {
            id: id as i64,
            times: (0..points).map(|j| j as f64 * self.interval).collect(),
            states: states.to_owned(),
        };
        all.outer_iter().enumerate().map(run).collect()
    }

    fn recovered(&self, mut runs: Vec<Trajectory>) -> Recovery {
        let check = runs.split_off(runs.len() * 4 / 5);
        let settings = RecoverSettings::default();
        recover(&self.inputs(), &runs, &check, &settings, &mut |_| {}).unwrap()
    }

    /// From 250 runs of five points.
    #[track_caller]
    fn assert_found(&self) {
        let runs = self.runs(&self.system(), 250, 5);
        let found = self.recovered(runs.clone());
        assert!(found.exact(), "{:?} {}", found.verdict, found.best());
        assert!(found.nonconservative.is_none());
        let form = ExpressionSystem::new(found.best(), self.shape, &self.inputs().context).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let error = gradient_error(&self.system(), &form, &states(&runs), 1.0, &mut rng);
        assert!(error < 1e-7, "{error:e} {}", found.best());
    }
}

/// A swinging Atwood machine: a length, and the angle of the mass that swings on it.
#[test]
fn regress_a_swinging_atwood_machine() {
    let law = "0.125*dot(p1,p1) + dot(p2,p2)/(2*dot(q1,q1)) + 9.81*dot(e,q1)*(3 - cos(dot(e,q2)))";
    Kind {
        shape: Shape { particles: 2, dimension: 1 },
        context: AXIS,
        law,
        starts: &[(1.0, 2.0), (-1.5, 1.5), (-1.0, 1.0), (-1.0, 1.0)],
        interval: 0.05,
    }
    .assert_found();
}

/// A pole on a cart: a kinetic energy that is rational in the cosine of an angle.
#[test]
#[ignore = "slow: half a minute, run with -- --ignored"]
fn regress_a_pole_on_a_cart() {
    Kind {
        shape: Shape { particles: 2, dimension: 1 },
        context: AXIS,
        law: "(dot(p1,p1) - 2*dot(e,p1)*dot(e,p2)*cos(dot(e,q2)) + 3*dot(p2,p2))/(2*(3 - cos(dot(e,q2))**2)) \
              + 2*cos(dot(e,q2))",
        starts: &[(-1.0, 1.0), (-1.5, 1.5), (-1.0, 1.0), (-1.0, 1.0)],
        interval: 0.1,
    }
    .assert_found();
}

#[test]
fn regress_a_logarithm_of_two_components() {
    Kind {
        shape: Shape { particles: 1, dimension: 2 },
        context: PLANE,
        law: "dot(p1,p1)/2 + 0.6*log(0.4 + dot(ex,q1)**2 + 1.7*dot(ey,q1)**2)",
        starts: &[(-1.3, 1.3), (-1.3, 1.3), (-0.6, 0.6), (-0.6, 0.6)],
        interval: 0.15,
    }
    .assert_found();
}

#[test]
fn regress_two_waves_and_one_across() {
    Kind {
        shape: Shape { particles: 1, dimension: 2 },
        context: PLANE,
        law: "dot(p1,p1)/2 - 0.8*cos(dot(ex,q1)) - cos(dot(ey,q1)) \
              - 0.3*cos(dot(ex,q1))*cos(dot(ey,q1))",
        starts: &[(-3.0, 3.0), (-3.0, 3.0), (-1.0, 1.0), (-1.0, 1.0)],
        interval: 0.2,
    }
    .assert_found();
}

#[test]
#[ignore = "slow: most of a minute, run with -- --ignored"]
fn regress_an_exponential_of_a_cosine() {
    Kind {
        shape: Shape { particles: 1, dimension: 1 },
        context: AXIS,
        law: "dot(p1,p1)/2 + 0.7*exp(0.9*cos(dot(e,q1)))",
        starts: &[(-3.0, 3.0), (-1.0, 1.0)],
        interval: 0.2,
    }
    .assert_found();
}

#[test]
fn regress_an_exponential_of_an_inverse_length() {
    Kind {
        shape: Shape { particles: 1, dimension: 2 },
        context: &[],
        law: "dot(p1,p1)/2 + 0.4*norm(q1)**2 + 1.5*exp(-0.8/norm(q1))",
        starts: &[(0.4, 1.6), (0.4, 1.6), (-0.8, 0.8), (-0.8, 0.8)],
        interval: 0.1,
    }
    .assert_found();
}

/// A step along an axis.
#[test]
fn regress_a_step_of_an_exponential() {
    Kind {
        shape: Shape { particles: 1, dimension: 2 },
        context: &[("e", &[0.0, 1.0])],
        law: "dot(p1,p1)/2 + 0.3*norm(q1)**2 + 1.2/(exp(2.5*dot(e,q1)) + 1.4)",
        starts: &[(-1.4, 1.4), (-1.4, 1.4), (-0.8, 0.8), (-0.8, 0.8)],
        interval: 0.1,
    }
    .assert_found();
}

/// A force on the momenta of one particle, beside a Hamiltonian.
pub struct Beside<F>(pub ExpressionSystem, pub F);

/// What a force of the momenta adds.
pub trait Force: Sync {
    fn add<T: Real>(&self, p: &[T], force: &mut [T]);
}

/// dp/dt = .. + p x B, B along z.
struct Field(f64);

impl Force for Field {
    fn add<T: Real>(&self, p: &[T], force: &mut [T]) {
        force[0] += p[1] * self.0;
        force[1] -= p[0] * self.0;
    }
}

/// dp/dt = .. - c |p| p.
struct Air(f64);

impl Force for Air {
    fn add<T: Real>(&self, p: &[T], force: &mut [T]) {
        let mut square = T::zero();
        p.iter().for_each(|p| square += *p * *p);
        let size = square.sqrt() * self.0;
        p.iter().zip(force).for_each(|(p, f)| *f -= *p * size);
    }
}

impl<F: Force> VectorField for Beside<F> {
    fn dim(&self) -> usize {
        Hamiltonian::dim(&self.0)
    }
    fn field_into<T: Real>(&self, z: &[T], dz: &mut [T]) {
        self.0.gradient_into(z, dz);
        symplectic_into(dz);
        let half = z.len() / 2;
        self.1.add(&z[half..], &mut dz[half..]);
    }
}

#[test]
fn regress_a_charge_in_crossed_fields() {
    let kind = Kind {
        shape: Shape { particles: 1, dimension: 3 },
        context: &[("ex", &[1.0, 0.0, 0.0]), ("ez", &[0.0, 0.0, 1.0])],
        law: "dot(p1,p1)/2 - 0.4*dot(ex,q1) + 0.15*dot(ez,q1)",
        starts: &[(-1.0, 1.0); 6],
        interval: 0.1,
    };
    let runs = kind.runs(&Beside(kind.system(), Field(1.3)), 200, 5);
    let found = kind.recovered(runs);
    assert!(found.exact(), "{:?} {}", found.verdict, found.best());
    let beside = found.nonconservative.as_ref().expect("momenta turn");
    assert_eq!(beside.forces.len(), 1, "{beside:?}");
    let (w, _) = beside.of(MomentumForceKind::Turning).expect("momenta turn");
    let error = w.iter().zip([0.0, 0.0, -1.3]).map(|(w, x)| (w - x).abs()).fold(0.0, f64::max);
    assert!(error < 1e-7, "{w:?}");
}

#[test]
fn regress_a_ball_thrown_through_air() {
    let kind = Kind {
        shape: Shape { particles: 1, dimension: 2 },
        context: &[("up", &[0.0, 1.0])],
        law: "dot(p1,p1)/2 + 9.81*dot(up,q1)",
        starts: &[(-1.0, 1.0), (0.0, 1.0), (1.0, 9.0), (1.0, 9.0)],
        interval: 0.05,
    };
    let runs = kind.runs(&Beside(kind.system(), Air(0.04)), 200, 5);
    let found = kind.recovered(runs);
    assert!(found.exact(), "{:?} {}", found.verdict, found.best());
    let beside = found.nonconservative.as_ref().expect("air is felt");
    let (c, _) = beside.of(MomentumForceKind::Drag).expect("drag grows with the square");
    assert!((c[0] - 0.04).abs() < 1e-8 && beside.forces.len() == 1, "{beside:?}");
}

/// dp/dt = .. - c p.
pub struct Stokes(pub f64);

impl Force for Stokes {
    fn add<T: Real>(&self, p: &[T], force: &mut [T]) {
        p.iter().zip(force).for_each(|(p, f)| *f -= *p * self.0);
    }
}

/// Friction that takes half the energy of one noisy run, and too little within a chunk to be seen.
#[test]
fn regress_weak_friction_in_one_noisy_run_is_not_overlooked() {
    let kind = Kind {
        shape: Shape { particles: 1, dimension: 1 },
        context: AXIS,
        law: "dot(p1,p1)/2 + 20*dot(q1,q1)",
        starts: &[(0.119, 0.121), (-0.001, 0.001)],
        interval: 0.04,
    };
    let run = kind.runs(&Beside(kind.system(), Stokes(0.06)), 1, 250).remove(0);
    let chunk = |k: usize| Trajectory {
        id: 0,
        times: run.times[5 * k..5 * k + 5].to_vec(),
        states: run.states.slice(ndarray::s![5 * k..5 * k + 5, ..]).to_owned(),
    };
    let mut chunks: Vec<Trajectory> = (0..50).map(chunk).collect();
    add_noise(&mut chunks, 0.01, &mut ChaCha8Rng::seed_from_u64(3));
    let (mut train, mut check) = (Vec::new(), Vec::new());
    for (k, chunk) in chunks.into_iter().enumerate() {
        if k % 5 == 2 { check.push(chunk) } else { train.push(chunk) }
    }
    let settings = RecoverSettings { masses: vec![1.0], ..RecoverSettings::default() };
    let found = recover(&kind.inputs(), &train, &check, &settings, &mut |_| {}).unwrap();
    let seen = found.nonconservative.as_ref().and_then(|n| n.of(MomentumForceKind::Friction));
    let is_right = seen.is_some_and(|(c, e)| (c[0] - 0.06).abs() < 4.0 * e[0]);
    assert!(is_right || !found.exact(), "{:?} {}", found.nonconservative, found.best());
}
