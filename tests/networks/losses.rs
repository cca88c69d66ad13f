//! The losses of networks: their gradients, what they vanish at, and the same bytes from any number
//! of threads.

use ndarray::{Array2, s};
use scalar_dynamics::dataset::Trajectory;
use scalar_dynamics::integrate::RungeKutta;
use scalar_dynamics::loss::{QuadratureLoss, RolloutLoss, RolloutOptions};
use scalar_dynamics::model::RandomStart;
use scalar_dynamics::model::emlp::{Size, SymmetryGroup};
use scalar_dynamics::model::network::{Activation, NetworkHamiltonian, State};

use crate::common::*;
use crate::gradients::{derivative, field, start};

fn check_loss<M: RandomStart>(model: &M, chunks: &[Trajectory], bound: f64) {
    let mut rng = rng(8);
    let options = RolloutOptions { method: RungeKutta::new(4).unwrap(), step: 0.1, batch: 16 };
    let loss = RolloutLoss::new(model, chunks, &[1.0; 12], options);
    // A quarter of a start's size: motions stay bounded.
    let theta: Vec<f64> = start(model, 9).iter().map(|t| 0.5 * t).collect();
    let mut gradient = vec![f64::NAN; theta.len()];
    let value = loss.gradient_into(&theta, &mut gradient);
    assert_close(loss.value(&theta), value, 1e-15, "value");
    for _ in 0..3 {
        let direction = uniform(theta.len(), 1.0, &mut rng);
        let expected = derivative(|h| {
            let moved: Vec<f64> =
                theta.iter().zip(&direction).map(|(t, d)| t + 0.1 * h * d).collect();
            loss.value(&moved)
        }) * 10.0;
        let product: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        assert!(expected.abs() > 1e-6, "nothing to see along this direction");
        assert_close(product / expected, 1.0, bound, "gradient of the loss");
    }
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for threads in [1, 3] {
        let mut again = vec![f64::NAN; theta.len()];
        let same = pool(threads).install(|| loss.gradient_into(&theta, &mut again));
        assert!(same == value && again == gradient, "{threads} threads");
    }
}

#[test]
fn gradient_rollouts_of_perceptrons() {
    let chunks = chunks(21, 11);
    let states = states(&chunks);
    check_loss(&mlp_hamiltonian(&states), &chunks, 1e-8);
    check_loss(&mlp_field(&states), &chunks, 1e-8);
    check_loss(&scalars_hamiltonian(&states, Activation::Swish), &chunks, 1e-8);
    check_loss(&scalars_field(&states), &chunks, 1e-8);
}

#[test]
fn gradient_rollouts_of_equivariant_networks() {
    let chunks = chunks(21, 12);
    let states = states(&chunks);
    for group in [SymmetryGroup::so2(), SymmetryGroup::dihedral(2)] {
        let (hamiltonian, field) = emlps(&group, &states, Size { channels: 30, blocks: 2 });
        check_loss(&hamiltonian, &chunks, 1e-8);
        check_loss(&field, &chunks, 1e-8);
    }
}

/// No seed starts with a field that diverges on the data.
#[test]
fn regress_starts_are_tame() {
    let chunks = chunks(64, 13);
    let states = states(&chunks);
    let options = RolloutOptions { method: RungeKutta::new(4).unwrap(), step: 0.2, batch: 64 };
    let tame = |model: &dyn Fn(u64) -> f64| {
        let values: Vec<f64> = (0..6).map(model).collect();
        println!("{values:?}");
        assert!(values.iter().all(|v| *v < 10.0), "{values:?}");
    };
    for group in [SymmetryGroup::o2(), SymmetryGroup::dihedral(2)] {
        let (hamiltonian, field) = emlps(&group, &states, Size::PAPER);
        let value = |seed| {
            RolloutLoss::new(&hamiltonian, &chunks, &[1.0; 12], options.clone())
                .value(&hamiltonian.initial(&mut rng(seed)))
        };
        tame(&value);
        let value = |seed| {
            RolloutLoss::new(&field, &chunks, &[1.0; 12], options.clone())
                .value(&field.initial(&mut rng(seed)))
        };
        tame(&value);
    }
    let (hamiltonian, field) = (mlp_hamiltonian(&states), mlp_field(&states));
    tame(&|seed| {
        RolloutLoss::new(&hamiltonian, &chunks, &[1.0; 12], options.clone())
            .value(&hamiltonian.initial(&mut rng(seed)))
    });
    tame(&|seed| {
        RolloutLoss::new(&field, &chunks, &[1.0; 12], options.clone())
            .value(&field.initial(&mut rng(seed)))
    });
}

/// Integral from the first point to point `j` of the polynomial that is 1 at point `i` and 0 at the
/// others, by Gauss's rule with three nodes.
fn quadrature_weight(times: &[f64], i: usize, j: usize) -> f64 {
    let lagrange = |t: f64| -> f64 {
        (0..times.len())
            .filter(|k| *k != i)
            .map(|k| (t - times[k]) / (times[i] - times[k]))
            .product()
    };
    let (middle, half) = (0.5 * (times[0] + times[j]), 0.5 * (times[j] - times[0]));
    let rule = [(-0.6_f64.sqrt(), 5.0 / 9.0), (0.0, 8.0 / 9.0), (0.6_f64.sqrt(), 5.0 / 9.0)];
    half * rule.iter().map(|(node, weight)| weight * lagrange(middle + half * node)).sum::<f64>()
}

/// The integral form chunk by chunk, as it is written.
fn integral_form_loss<M: RandomStart>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    weights: &[f64],
) -> f64 {
    let (mut sum, mut residuals) = (0.0, 0);
    for chunk in chunks {
        let padded = Array2::from_shape_fn((8, model.dim()), |(i, c)| {
            chunk.states[[i.min(chunk.times.len() - 1), c]]
        });
        let dz = field(model, theta, &batch(&padded, 8));
        for j in 1..chunk.times.len() {
            for (c, weight) in weights.iter().enumerate() {
                let integral: f64 = (0..chunk.times.len())
                    .map(|i| quadrature_weight(&chunk.times, i, j) * dz[c * 8 + i])
                    .sum();
                sum += weight * (integral - (chunk.states[[j, c]] - chunk.states[[0, c]])).powi(2);
                residuals += usize::from(*weight > 0.0);
            }
        }
    }
    sum / residuals as f64
}

/// Chunks of two to five points, unevenly spaced, in an odd number.
fn uneven(n: usize, seed: u64) -> Vec<Trajectory> {
    let shortened = |(k, mut chunk): (usize, Trajectory)| {
        let points = 2 + k % 4;
        chunk.times.truncate(points);
        chunk.states = chunk.states.slice(s![..points, ..]).to_owned();
        let stretch = |t: f64| t + 0.3 * (t - chunk.times[0]).powi(2);
        chunk.times = chunk.times.iter().map(|t| stretch(*t)).collect();
        chunk
    };
    chunks(n, seed).into_iter().enumerate().map(shortened).collect()
}

/// Weights of the components, one of them zero.
fn weights() -> Vec<f64> {
    (0..12).map(|c| if c == 4 { 0.0 } else { 1.0 + 0.25 * c as f64 }).collect()
}

fn check_quadrature<M: RandomStart>(model: &M, bound: f64) {
    let (chunks, mut rng) = (uneven(21, 14), rng(15));
    let theta: Vec<f64> = start(model, 16).iter().map(|t| 0.5 * t).collect();
    let mut loss = QuadratureLoss::new(model, &chunks, &weights(), 16);
    let value_at = |loss: &QuadratureLoss<M>, theta: &[f64]| {
        loss.gradient_into(theta, &mut vec![0.0; theta.len()])
    };
    assert_close(
        value_at(&loss, &theta),
        integral_form_loss(model, &theta, &chunks, &weights()),
        1e-13,
        "value",
    );
    for corrected in [false, true] {
        if corrected {
            let predictions: Vec<Array2<f64>> =
                chunks.iter().map(|chunk| &chunk.states + 0.1).collect();
            loss.correct(&theta, &predictions);
        }
        let mut gradient = vec![f64::NAN; theta.len()];
        loss.gradient_into(&theta, &mut gradient);
        for _ in 0..3 {
            let direction = uniform(theta.len(), 1.0, &mut rng);
            let moved = |h: f64| -> Vec<f64> {
                theta.iter().zip(&direction).map(|(t, d)| t + 0.1 * h * d).collect()
            };
            let expected = derivative(|h| value_at(&loss, &moved(h))) * 10.0;
            let product: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            assert!(expected.abs() > 1e-6, "nothing to see along this direction");
            assert_close(product / expected, 1.0, bound, "gradient of the integral form");
        }
    }
}

#[test]
fn gradient_integral_form() {
    let states = states(&chunks(21, 14));
    check_quadrature(&mlp_hamiltonian(&states), 1e-8);
    check_quadrature(&scalars_field(&states), 1e-8);
    let (hamiltonian, field) =
        emlps(&SymmetryGroup::dihedral(2), &states, Size { channels: 30, blocks: 2 });
    check_quadrature(&hamiltonian, 1e-8);
    check_quadrature(&field, 1e-8);
}

/// A model, its parameters, chunks that are its own rollouts, and these again.
fn own_rollouts() -> (NetworkHamiltonian<State>, Vec<f64>, Vec<Trajectory>, Vec<Array2<f64>>) {
    let mut data = chunks(16, 17);
    let model = mlp_hamiltonian(&states(&data));
    let theta: Vec<f64> = start(&model, 18).iter().map(|t| 3.0 * t).collect();
    let options = RolloutOptions { method: RungeKutta::new(8).unwrap(), step: 0.1, batch: 16 };
    let predictions =
        RolloutLoss::new(&model, &data, &[1.0; 12], options).predictions(&theta, &data);
    for (chunk, predicted) in data.iter_mut().zip(&predictions) {
        chunk.states.assign(predicted);
    }
    (model, theta, data, predictions)
}

/// Corrected by the predictions of the model that made the data, the integral form has its minimum,
/// zero, at that model, however coarse its quadrature.
#[test]
fn regress_corrected_quadrature_is_exact() {
    let (model, theta, data, predictions) = own_rollouts();
    let mut loss = QuadratureLoss::new(&model, &data, &[1.0; 12], 16);
    let mut gradient = vec![0.0; theta.len()];
    let before = loss.gradient_into(&theta, &mut gradient);
    loss.correct(&theta, &predictions);
    let after = loss.gradient_into(&theta, &mut gradient);
    let slope = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    assert!(before > 1e-8 && after < 1e-28 && slope < 1e-13, "{before:e} {after:e} {slope:e}");
}

/// Where all residuals vanish, half the second derivative of the loss along d is |J d|^2 over their
/// number, and so is the mean square of probes along d, summed over blocks.
#[test]
fn probes_have_the_covariance_of_the_curvature() {
    let (model, theta, data, predictions) = own_rollouts();
    let mut loss = QuadratureLoss::new(&model, &data, &[1.0; 12], 8);
    loss.correct(&theta, &predictions);
    let direction = uniform(theta.len(), 1.0, &mut rng(19));
    let value = |h: f64| {
        let moved: Vec<f64> = theta.iter().zip(&direction).map(|(t, d)| t + h * d).collect();
        loss.gradient_into(&moved, &mut vec![0.0; theta.len()])
    };
    let curvature = 0.5 * (value(1e-4) + value(-1e-4)) / 1e-8;
    let square = |probe: &Vec<f64>| -> f64 {
        probe.iter().zip(&direction).map(|(p, d)| p * d).sum::<f64>().powi(2)
    };
    // Of a number of signs the mean square scatters by the root of two over that number at most.
    let seeds = 2000;
    let squares: f64 =
        (0..seeds).flat_map(|seed| loss.probes(&theta, seed)).map(|p| square(&p)).sum();
    let ratio = squares / seeds as f64 / (curvature * loss.residuals() as f64);
    assert!((ratio - 1.0).abs() < 0.15, "{ratio}");
}

/// Each parameter is in one place of one matrix, so that a matrix gathered and scattered is as it
/// was.
#[test]
fn matrices_of_parameters_cover_each_once() {
    fn check<M: RandomStart>(model: &M) {
        let theta = start(model, 20);
        let (mut again, mut seen) = (vec![f64::NAN; theta.len()], vec![0.0; theta.len()]);
        for matrix in model.matrices() {
            let gathered = matrix.gather(&theta);
            assert_eq!(gathered.dim(), (matrix.rows, matrix.columns()));
            matrix.scatter(gathered.view(), &mut again);
            let counted = matrix.gather(&seen) + 1.0;
            matrix.scatter(counted.view(), &mut seen);
        }
        assert_eq!(again, theta);
        assert!(seen.iter().all(|times| *times == 1.0));
    }
    let states = states(&chunks(21, 14));
    check(&mlp_hamiltonian(&states));
    check(&mlp_field(&states));
    check(&scalars_field(&states));
    for group in [SymmetryGroup::o2(), SymmetryGroup::so2(), SymmetryGroup::dihedral(2)] {
        let (hamiltonian, field) = emlps(&group, &states, Size { channels: 30, blocks: 2 });
        check(&hamiltonian);
        check(&field);
    }
}
