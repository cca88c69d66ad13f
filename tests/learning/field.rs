//! Vector fields that are sums of vectors: derivatives, the rollout's adjoint, training.

use ndarray::{Array2, ArrayView2, s};
use rand::Rng;
use scalar_dynamics::basis::Chebyshev;
use scalar_dynamics::expr::{Scalar, Vector};
use scalar_dynamics::linalg::{Dual, LANES, Lanes, Real};
use scalar_dynamics::loss::RolloutLoss;
use scalar_dynamics::model::{FieldVector, LinearModel, Model, ScalarField};
use scalar_dynamics::scalars::{Inputs, ScalarSet};
use scalar_dynamics::train::{FieldKind, Settings, learn_field};

use crate::common::{
    assert_close, inputs, on_threads, pendulum_chunks, pendulum_inputs, rng, rollout, scalar,
    uniform,
};
use crate::gradients::continued;

const DEGREE: usize = 3;

/// A field of positions, momenta, context and directions, every second function left out, with its
/// vectors.
pub fn field(inputs: &Inputs, rng: &mut impl Rng) -> (ScalarField, Vec<FieldVector>) {
    let last = inputs.shape.particles;
    let mut plain = vec![inputs.position(1), inputs.momentum(1), inputs.momentum(last)];
    plain.extend(inputs.context.iter().map(|(name, _)| Vector::named(name.clone())));
    let plain = plain.into_iter().map(|vector| FieldVector { vector, unit: false });
    let unit = [inputs.position(last), &inputs.position(1) - &inputs.momentum(last)]
        .map(|vector| FieldVector { vector, unit: true });
    let vectors: Vec<FieldVector> = plain.chain(unit).collect();
    let scalars = vec![
        Scalar::Norm(inputs.position(1)),
        Scalar::dot(inputs.position(1), inputs.momentum(last)),
        Scalar::dot(inputs.momentum(1), inputs.momentum(1)),
    ];
    let family = Chebyshev::on(-0.4, 1.1, DEGREE);
    let whole = ScalarField::new(
        inputs,
        &vectors,
        ScalarSet::new(inputs, scalars).unwrap(),
        vec![family; 3],
    )
    .unwrap();
    let kept: Vec<usize> = (0..whole.parameters()).filter(|_| rng.random_bool(0.5)).collect();
    (whole.subset(&kept), vectors)
}

/// F(z; theta) of the whole field from its definition.
fn formula<T: Real>(
    inputs: &Inputs,
    scalars: &[Scalar],
    vectors: &[FieldVector],
    theta: &[f64],
    z: &[T],
    plain: &[f64],
) -> Vec<T> {
    let d = inputs.shape.dimension;
    let component = |v: &Vector, i: usize| {
        v.terms().iter().fold(T::zero(), |sum, (name, c)| match inputs.slot(name) {
            Some(slot) => sum + z[slot * d + i] * *c,
            None => sum + inputs.constant(name).unwrap()[i] * c,
        })
    };
    let mut functions = vec![T::splat(1.0)];
    for s in scalars {
        let (s, plain) = (scalar(inputs, s, z), scalar(inputs, s, plain));
        let x = |s: T| (s + -0.35) * (1.0 / 0.75);
        functions.extend((1..=DEGREE).map(|k| continued(k, x(s), (plain - 0.35) / 0.75)));
    }
    let mut theta = theta.iter();
    let mut field = vec![T::zero(); z.len()];
    for a in 0..2 * inputs.shape.particles {
        for v in vectors {
            let c = functions.iter().fold(T::zero(), |sum, f| sum + *f * *theta.next().unwrap());
            let square = (0..d)
                .fold(T::zero(), |sum, i| sum + component(&v.vector, i) * component(&v.vector, i));
            for i in 0..d {
                let u = component(&v.vector, i);
                field[a * d + i] += c * if v.unit { u / square.sqrt() } else { u };
            }
        }
    }
    field
}

#[test]
fn gradient_of_fields_in_every_dimension() {
    let mut rng = rng(40);
    for (particles, d) in [(1, 1), (3, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3)] {
        let inputs = inputs(particles, d, 1, &mut rng);
        let (_, vectors) = field(&inputs, &mut rng);
        let scalars = vec![
            Scalar::Norm(inputs.position(1)),
            Scalar::dot(inputs.position(1), inputs.momentum(particles)),
            Scalar::dot(inputs.momentum(1), inputs.momentum(1)),
        ];
        let families = vec![Chebyshev::on(-0.4, 1.1, DEGREE); 3];
        let whole = ScalarField::new(
            &inputs,
            &vectors,
            ScalarSet::new(&inputs, scalars.clone()).unwrap(),
            families,
        )
        .unwrap();
        let kept: Vec<usize> = (0..whole.parameters()).filter(|_| rng.random_bool(0.4)).collect();
        let model = whole.subset(&kept);
        let theta = uniform(kept.len(), 1.0, &mut rng);
        let mut full = vec![0.0; whole.parameters()];
        kept.iter().zip(&theta).for_each(|(k, t)| full[*k] = *t);

        let (n, p, batch) = (model.dim(), model.parameters(), 2 * LANES);
        let (z, lambda) = (uniform(n * batch, 1.5, &mut rng), uniform(n * batch, 1.0, &mut rng));
        let (mut dz, mut z_bar) = (vec![f64::NAN; n * batch], vec![f64::NAN; n * batch]);
        let mut theta_bar = vec![Lanes::splat(1.0); p];
        let mut work = model.work();
        model.field_into(&theta, &z, &mut dz, &mut work);
        model.vjp_into(&theta, &z, &lambda, &mut z_bar, &mut theta_bar, &mut work);
        let row = |x: &[f64], b: usize| (0..n).map(|c| x[c * batch + b]).collect::<Vec<f64>>();
        for b in 0..batch {
            let (z, lambda, dz, z_bar) = (row(&z, b), row(&lambda, b), row(&dz, b), row(&z_bar, b));
            let exact = formula(&inputs, &scalars, &vectors, &full, &z, &z);
            dz.iter().zip(&exact).for_each(|(a, b)| assert_close(*a, *b, 1e-13, "field"));
            for (k, z_bar) in z_bar.iter().enumerate() {
                let dual: Vec<Dual<f64>> =
                    (0..n).map(|i| Dual::new(z[i], f64::from(u8::from(i == k)))).collect();
                let slope = formula(&inputs, &scalars, &vectors, &full, &dual, &z);
                let sum: f64 = slope.iter().zip(&lambda).map(|(s, l)| s.eps * l).sum();
                assert_close(*z_bar, sum, 1e-12, "derivative by the state");
            }
        }
        // Linear: the derivative by a parameter is its column.
        let mut sums = vec![[1.0; LANES]; p];
        for half in 0..2 {
            let block: Vec<Lanes> =
                (0..n).map(|c| Lanes::load(&z[c * batch + half * LANES..])).collect();
            let mut seen = 0;
            model.columns(&block, &mut work, &mut |k, column| {
                seen += usize::from(k == seen);
                for lane in 0..LANES {
                    sums[k][lane] += (0..n)
                        .map(|c| column[c].0[lane] * lambda[c * batch + half * LANES + lane])
                        .sum::<f64>();
                }
            });
            assert_eq!(seen, p, "every column once and in order");
        }
        for (bar, sum) in theta_bar.iter().zip(sums) {
            (0..LANES).for_each(|lane| {
                assert_close(bar.0[lane], sum[lane], 1e-12, "derivative by theta")
            });
        }
    }
}

#[test]
fn gradient_of_a_field_is_finite_where_a_vector_is_zero() {
    let inputs = inputs(1, 3, 0, &mut rng(41));
    let direction = FieldVector { vector: inputs.momentum(1), unit: true };
    let set = ScalarSet::new(&inputs, vec![Scalar::Norm(inputs.momentum(1))]).unwrap();
    let model =
        ScalarField::new(&inputs, &[direction], set, vec![Chebyshev::on(0.0, 1.0, 2)]).unwrap();
    let theta = vec![0.5; model.parameters()];
    let (z, lambda) = (vec![0.0; 6 * LANES], vec![1.0; 6 * LANES]);
    let (mut dz, mut z_bar, mut bar) = (z.clone(), z.clone(), vec![Lanes::zero(); theta.len()]);
    model.field_into(&theta, &z, &mut dz, &mut model.work());
    model.vjp_into(&theta, &z, &lambda, &mut z_bar, &mut bar, &mut model.work());
    assert!(dz.iter().chain(&z_bar).chain(bar.iter().flat_map(|b| &b.0)).all(|x| *x == 0.0));
}

#[test]
fn gradient_through_rollouts_agrees_with_central_differences() {
    let chunks = pendulum_chunks(12, 42);
    let (model, _) = field(&pendulum_inputs(), &mut rng(43));
    let n = model.parameters();
    let (theta, direction) = (uniform(n, 0.002, &mut rng(44)), uniform(n, 0.1, &mut rng(45)));
    let loss = RolloutLoss::new(&model, &chunks, &[1.0; 12], rollout(8, 0.1));
    let mut gradient = vec![f64::NAN; n];
    loss.gradient_into(&theta, &mut gradient);
    let exact: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
    let at = |e: f64| {
        loss.value(&theta.iter().zip(&direction).map(|(t, d)| t + e * d).collect::<Vec<_>>())
    };
    let error = |e: f64| ((at(e) - at(-e)) / (2.0 * e) / exact - 1.0).abs();
    let best = (3..8).map(|k| error(10f64.powi(-k))).fold(f64::INFINITY, f64::min);
    println!("{exact:e}, {best:e}");
    assert!(best < 1e-7, "{best:e}");
}

fn settings() -> Settings {
    Settings::new(vec![1.0; 12], 0.1).unwrap()
}

/// Root mean square error of predicted chunks.
fn misfit(model: &ScalarField, theta: &[f64], seed: u64) -> f64 {
    let settings = settings();
    RolloutLoss::new(model, &pendulum_chunks(40, seed), &settings.weights, settings.rollout)
        .value(theta)
        .sqrt()
}

#[test]
fn regress_fields_of_the_pendulum() {
    let chunks = pendulum_chunks(80, 46);
    // Springs are in the span of directions; with vectors alone 1 / length has to be approximated.
    for (kind, bound) in
        [(FieldKind::Directions { degree: 2 }, 2e-10), (FieldKind::Vectors { degree: 4 }, 0.1)]
    {
        let learned =
            learn_field(&pendulum_inputs(), &chunks, kind, &settings(), None, &mut |_| {}).unwrap();
        let error = misfit(&learned.model, &learned.fit.theta, 47);
        println!("{}: {} parameters, {error:e}", kind.name(), learned.model.parameters());
        assert!(error < bound, "{}: {error:e}", kind.name());
        assert!(
            learned.fit.costs.is_sorted() && learned.fit.costs.len() == learned.fit.history.len()
        );
        assert!(learned.fit.costs[0] > 5 * learned.fit.field_evaluations, "the Jacobian counts");
    }
}

#[test]
fn regress_a_field_with_friction_in_the_plane() {
    // dq/dt = p / m, dp/dt = -k (|q| - 1) q / |q| - 0.3 p: no Hamiltonian has this flow.
    let exact = |z: ArrayView2<f64>| {
        let mut dz = Array2::zeros(z.dim());
        for (z, mut dz) in z.rows().into_iter().zip(dz.rows_mut()) {
            let r = z[0].hypot(z[1]);
            for i in 0..2 {
                dz[i] = z[2 + i] / 1.7;
                dz[2 + i] = -1.3 * (1.0 - 1.0 / r) * z[i] - 0.3 * z[2 + i];
            }
        }
        dz
    };
    let (d, n) = (2, 60);
    let mut z = Array2::from_shape_vec((n, 4), uniform(4 * n, 1.0, &mut rng(48))).unwrap();
    z.column_mut(0).mapv_inplace(|x| x + 1.5);
    let mut points = vec![z.clone()];
    let h = 1e-3;
    for _ in 0..4 {
        for _ in 0..200 {
            let k1 = exact(z.view());
            let k2 = exact((&z + &(&k1 * (h / 2.0))).view());
            let k3 = exact((&z + &(&k2 * (h / 2.0))).view());
            let k4 = exact((&z + &(&k3 * h)).view());
            z = z + (k1 + (k2 + k3) * 2.0 + k4) * (h / 6.0);
        }
        points.push(z.clone());
    }
    let shape = scalar_dynamics::dataset::Shape { particles: 1, dimension: d };
    let inputs = Inputs::new(shape, vec![0.0; d], vec![]).unwrap();
    let chunk = |i: usize| scalar_dynamics::dataset::Trajectory {
        id: i as i64,
        times: (0..5).map(|j| 0.2 * f64::from(j)).collect(),
        states: ndarray::stack(
            ndarray::Axis(0),
            &points.iter().map(|p| p.slice(s![i, ..])).collect::<Vec<_>>(),
        )
        .unwrap(),
    };
    let chunks: Vec<_> = (0..n).map(chunk).collect();
    let settings = Settings::new(vec![1.0; 4], 0.05).unwrap();
    let learned = learn_field(
        &inputs,
        &chunks,
        FieldKind::Directions { degree: 3 },
        &settings,
        None,
        &mut |_| {},
    )
    .unwrap();
    println!("{} parameters, loss {:e}", learned.model.parameters(), learned.fit.loss);
    assert!(learned.fit.loss < 1e-22, "{:e}", learned.fit.loss);
}

#[test]
fn determinism_of_a_learned_field_on_any_number_of_threads() {
    let chunks = pendulum_chunks(30, 49);
    let kind = FieldKind::Directions { degree: 1 };
    let run = || {
        learn_field(&pendulum_inputs(), &chunks, kind, &settings(), None, &mut |_| {})
            .unwrap()
            .fit
            .theta
    };
    let thetas = on_threads(run);
    assert!(
        thetas.iter().all(|theta| theta
            .iter()
            .map(|t| t.to_bits())
            .eq(thetas[0].iter().map(|t| t.to_bits())))
    );
}

#[test]
fn bad_input_of_a_field() {
    let inputs = pendulum_inputs();
    let kind = FieldKind::Vectors { degree: 2 };
    assert!(learn_field(&inputs, &[], kind, &settings(), None, &mut |_| {}).is_err());
    let unknown = FieldVector { vector: Vector::named("wind"), unit: false };
    let set = ScalarSet::new(&inputs, vec![]).unwrap();
    let error = ScalarField::new(&inputs, &[unknown], set, vec![]).unwrap_err().to_string();
    assert!(error.contains("wind"), "{error}");
}
