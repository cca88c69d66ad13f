//! The rollout loss: against rollouts made otherwise, its gradient and Jacobian against central
//! differences.

use ndarray::{Array2, s};
use scalar_dynamics::basis::{Basis, Kind};
use scalar_dynamics::dataset::Trajectory;
use scalar_dynamics::evaluate::{self, TimeGrid};
use scalar_dynamics::integrate::RungeKutta;
use scalar_dynamics::linalg::LANES;
use scalar_dynamics::loss::{RolloutLoss, RolloutOptions};
use scalar_dynamics::model::{Lanewise, Model, ScalarHamiltonian};
use scalar_dynamics::train::linear_start;

use crate::common::{
    all_states, assert_close, axis, irregular_chunks, on_threads, pendulum_chunks, pendulum_model,
    rng, rollout, settings, uniform,
};

const WEIGHTS: [f64; 12] = [1.0, 2.0, 0.5, 1.0, 0.3, 1.0, 4.0, 1.0, 0.25, 1.0, 1.5, 1.0];

/// 29 irregular chunks, a model of the pendulum, and parameters somewhat off the best ones.
fn problem() -> (Vec<Trajectory>, ScalarHamiltonian<Basis>, Vec<f64>) {
    let chunks = irregular_chunks(29, 7);
    let set = pendulum_model(Kind::Reference, &chunks).scalars().clone();
    // Ranges so wide that no rollout leaves them: at their edges the third derivatives jump, and
    // with them the order of the method goes.
    let wide: Vec<(f64, f64)> = set
        .ranges(all_states(&chunks).view())
        .into_iter()
        .map(|(a, b)| (2.0 * a - b, 2.0 * b - a))
        .collect();
    let model = ScalarHamiltonian::new(set, Basis::of_kind(Kind::Spectral { degree: 3 }, &wide));
    let start = linear_start(&model, &chunks, &settings(1)).unwrap();
    let noise = uniform(start.len(), 0.02, &mut rng(8));
    let theta = start.iter().zip(noise).map(|(t, e)| t + e).collect();
    (chunks, model, theta)
}

/// Weighted mean of squares from rollouts of each chunk alone, its intervals in `steps` steps each.
fn loss_alone<M: Model>(
    model: &M,
    theta: &[f64],
    chunks: &[Trajectory],
    order: usize,
    steps: usize,
) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for chunk in chunks {
        let mut z = chunk.states.slice(s![..1, ..]).to_owned();
        for j in 1..chunk.times.len() {
            let interval = chunk.times[j] - chunk.times[j - 1];
            let method = RungeKutta::new(order).unwrap();
            z = evaluate::rollout(
                model,
                theta,
                z.view(),
                TimeGrid { interval, points: 2 },
                &method,
                steps,
            )
            .slice(s![.., 1, ..])
            .to_owned();
            for c in 0..12 {
                sum += WEIGHTS[c] * (z[[0, c]] - chunk.states[[j, c]]).powi(2);
                count += 1;
            }
        }
    }
    sum / f64::from(count)
}

#[test]
fn value_is_that_of_rollouts_of_each_chunk_alone() {
    let (chunks, model, theta) = problem();
    let exact = loss_alone(&model, &theta, &chunks, 8, 16);
    for (order, step, batch, bound) in
        [(8, 0.02, 8, 2e-13), (8, 0.02, 24, 2e-13), (4, 0.01, 8, 5e-8)]
    {
        let loss = RolloutLoss::new(
            &model,
            &chunks,
            &WEIGHTS,
            RolloutOptions { batch, ..rollout(order, step) },
        );
        let value = loss.value(&theta);
        println!(
            "order {order}, step {step}, batch {batch}: {value}, off by {:.1e}",
            value / exact - 1.0
        );
        assert!((value / exact - 1.0).abs() < bound, "{value} against {exact}");
        assert!(exact > 1e-5, "{exact}: nothing is tested at the minimum");
        let mut gradient = vec![0.0; theta.len()];
        assert_eq!(loss.gradient_into(&theta, &mut gradient), value);
        assert_eq!(
            loss.residuals(),
            chunks.iter().map(|c| 12 * (c.times.len() - 1)).sum::<usize>()
        );
    }
}

/// Least relative error of central differences over a range of steps: large steps have truncation
/// error, small ones roundoff.
fn step_study(f: impl Fn(f64) -> f64, exact: f64, scale: f64) -> f64 {
    let error = |e: f64| ((f(e) - f(-e)) / (2.0 * e) - exact).abs() / scale;
    (2..=7).map(|k| error(10f64.powi(-k))).fold(f64::INFINITY, f64::min)
}

fn moved(theta: &[f64], direction: &[f64], length: f64) -> Vec<f64> {
    theta.iter().zip(direction).map(|(t, d)| t + length * d).collect()
}

#[test]
fn gradient_of_the_loss_agrees_with_central_differences() {
    let (chunks, model, theta) = problem();
    let n = theta.len();
    let mut rng = rng(9);
    let mut directions: Vec<Vec<f64>> = (0..4).map(|_| uniform(n, 0.3, &mut rng)).collect();
    directions.extend([0, n / 3, n - 1].map(|k| axis(n, k)));
    for (order, batch) in [(4, 8), (8, 8), (8, 16)] {
        // Steps longer than the accuracy of the model asks for: the gradient is that of the
        // discrete rollout.
        let loss = RolloutLoss::new(
            &model,
            &chunks,
            &WEIGHTS,
            RolloutOptions { batch, ..rollout(order, 0.15) },
        );
        let mut gradient = vec![f64::NAN; n];
        loss.gradient_into(&theta, &mut gradient);
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        for direction in &directions {
            let exact: f64 = gradient.iter().zip(direction).map(|(g, d)| g * d).sum();
            let error = step_study(
                |e| loss.value(&moved(&theta, direction, e)),
                exact,
                exact.abs().max(1e-3 * norm),
            );
            println!("order {order}, batch {batch}: {exact:.3e}, {error:.1e}");
            assert!(error < 1e-8, "order {order}: {error:e}");
        }
    }
}

/// The rows of all blocks that hold a residual: Jacobian, residuals last.
fn jacobian<M: Lanewise>(loss: &RolloutLoss<M>, theta: &[f64]) -> Array2<f64> {
    let blocks = loss.jacobian(theta);
    let rows: Vec<_> =
        blocks.iter().flat_map(|b| b.rows()).filter(|r| r.iter().any(|x| *x != 0.0)).collect();
    Array2::from_shape_fn((rows.len(), theta.len() + 1), |(i, j)| rows[i][j])
}

#[test]
fn gradient_of_each_residual_agrees_with_central_differences() {
    let (chunks, model, theta) = problem();
    let n = theta.len();
    for order in [4, 8] {
        let loss = RolloutLoss::new(&model, &chunks, &WEIGHTS, rollout(order, 0.15));
        let rows = jacobian(&loss, &theta);
        assert_eq!(rows.nrows(), loss.residuals());
        let direction = uniform(n, 0.3, &mut rng(10));
        let exact = rows.slice(s![.., ..n]).dot(&ndarray::arr1(&direction));
        let residuals =
            |e: f64| jacobian(&loss, &moved(&theta, &direction, e)).column(n).to_owned();
        let [e1, e2] = [1e-3, 1e-4].map(|e| {
            let difference = (residuals(e) - residuals(-e)) / (2.0 * e) - &exact;
            difference.iter().fold(0.0, |m: f64, x| m.max(x.abs()))
        });
        println!("order {order}: {e1:.1e}, {e2:.1e}");
        assert!(
            e2 < 1e-4 && (e1 / e2 - 100.0).abs() < 3.0,
            "{e1:e}, {e2:e}: central differences converge with the square of the step"
        );
        // L = |r|^2 / N, its gradient 2 J^T r / N.
        let (r, count) = (rows.column(n), rows.nrows() as f64);
        let mut gradient = vec![f64::NAN; n];
        let value = loss.gradient_into(&theta, &mut gradient);
        assert_close(r.dot(&r) / count, value, 1e-14, "loss");
        let norm = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for (k, g) in gradient.iter().enumerate() {
            let product = 2.0 * rows.column(k).dot(&r) / count;
            assert!((g - product).abs() < 1e-13 * norm, "{g} against {product}");
        }
    }
}

#[test]
fn gradient_and_loss_are_the_sums_of_those_of_the_chunks() {
    let (chunks, model, theta) = problem();
    let loss = RolloutLoss::new(&model, &chunks, &WEIGHTS, rollout(8, 0.15));
    let mut gradient = vec![0.0; theta.len()];
    let value = loss.gradient_into(&theta, &mut gradient);
    let (losses, scores, n) =
        (loss.chunk_losses(&theta), loss.scores(&theta), loss.residuals() as f64);
    assert_eq!((losses.len(), scores.dim()), (chunks.len(), (chunks.len(), theta.len())));
    assert_close(losses.iter().sum::<f64>(), n * value, 1e-13, "sum of losses");
    let norm = gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    for (k, g) in gradient.iter().enumerate() {
        assert!((2.0 * scores.column(k).sum() / n - g).abs() < 1e-13 * norm, "{k}");
    }
    // Each row is what the chunk has alone, in steps of another length.
    for at in [0, 13, 28] {
        let alone = RolloutLoss::new(&model, &chunks[at..=at], &WEIGHTS, rollout(8, 0.15));
        let value = alone.gradient_into(&theta, &mut gradient);
        let n = alone.residuals() as f64;
        assert!(
            (losses[at] / (n * value) - 1.0).abs() < 1e-6,
            "loss of a chunk: {} {}",
            losses[at],
            n * value
        );
        for (s, g) in scores.row(at).iter().zip(&gradient) {
            assert!((2.0 * s / n - g).abs() < 1e-6 * norm, "{s} {g}");
        }
    }
}

#[test]
fn order_of_the_rollouts_is_that_of_the_method() {
    let (_, model, theta) = problem();
    let chunks = pendulum_chunks(LANES, 11);
    for (order, steps) in [(4, [0.02, 0.01]), (8, [0.1, 0.05])] {
        let residuals = |order: usize, step: f64| {
            let loss = RolloutLoss::new(&model, &chunks, &WEIGHTS, rollout(order, step));
            jacobian(&loss, &theta).column(theta.len()).to_owned()
        };
        let exact = residuals(8, 0.01);
        // The median: one chunk that leaves the basis's range, where third derivatives jump, says
        // nothing of the order.
        let [coarse, fine] = steps.map(|step| {
            let mut errors = (residuals(order, step) - &exact).mapv(f64::abs).to_vec();
            errors.sort_by(f64::total_cmp);
            errors[errors.len() / 2]
        });
        let slope = (coarse / fine).log2();
        println!("order {order}: {coarse:.1e}, {fine:.1e}, slope {slope:.2}");
        assert!(
            fine > 1e-15 && (slope - order as f64).abs() < 0.5,
            "order {order}: {coarse:e}, {fine:e}, slope {slope}"
        );
    }
}

#[test]
fn determinism_of_loss_gradient_and_jacobian_on_any_number_of_threads() {
    let (chunks, model, theta) = problem();
    let loss = RolloutLoss::new(&model, &chunks, &WEIGHTS, rollout(8, 0.15));
    let results = on_threads(|| {
        let mut gradient = vec![0.0; theta.len()];
        let value = loss.gradient_into(&theta, &mut gradient);
        let numbers =
            [value].into_iter().chain(gradient).chain(loss.jacobian(&theta).into_iter().flatten());
        numbers.map(f64::to_bits).collect::<Vec<u64>>()
    });
    assert!(results.iter().all(|r| *r == results[0]));
}
