//! Errors in variables: derivatives, the estimates against the Cramer-Rao bound, the noise found.

use ndarray::{Array1, Array2, s};
use rand::Rng;
use rand_distr::StandardNormal;
use scalar_dynamics::basis::Kind;
use scalar_dynamics::dataset::{Trajectory, add_noise};
use scalar_dynamics::evaluate::{TimeGrid, geometric_mean, relative_error, rollout};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::integrate::{RungeKutta, Splitting, simulate};
use scalar_dynamics::linalg::{cholesky, triangular_inverse};
use scalar_dynamics::loss::RolloutLoss;
use scalar_dynamics::model::{ClosedForm, Model, ScalarHamiltonian};
use scalar_dynamics::scalars::ScalarSet;
use scalar_dynamics::systems::SpringyPendulum;
use scalar_dynamics::train::{
    NoisyStart, Outcome, Prior, Starts, cramer_rao, fit_noisy, held_out, learn_noisy, unit_weights,
};

use crate::common::{
    irregular_chunks, on_threads, pendulum_chunks, pendulum_inputs, pendulum_states, rng,
    rollout as options, settings, uniform,
};

const LAW: &str = "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*(norm(q1) - 1)**2 + (norm(q2-q1) - 1)**2 - dot(g,q1) - dot(g,q2)";

fn law() -> (Expr, ScalarHamiltonian<ClosedForm>) {
    let expr: Expr = LAW.parse().unwrap();
    let (form, scalars) = ClosedForm::new(&expr);
    (expr, ScalarHamiltonian::new(ScalarSet::new(&pendulum_inputs(), scalars).unwrap(), form))
}

fn noisy(mut chunks: Vec<Trajectory>, level: f64, seed: u64) -> (Vec<Trajectory>, Vec<f64>) {
    let noise = add_noise(&mut chunks, level, &mut rng(seed));
    (chunks, noise)
}

/// Geometric mean of the relative state error of rollouts of 30 time units from 60 states.
fn rollout_error(model: &impl Model, theta: &[f64]) -> f64 {
    let initial = pendulum_states(60, 77);
    let truth = simulate(
        &SpringyPendulum::reference_code(),
        &Splitting::nystrom(8).unwrap(),
        initial.view(),
        0.2,
        150,
        4,
    )
    .unwrap();
    let predicted = rollout(
        model,
        theta,
        initial.view(),
        TimeGrid { interval: 0.2, points: 150 },
        &RungeKutta::new(8).unwrap(),
        2,
    );
    geometric_mean(&Array2::from_shape_fn((60, 150), |(i, j)| {
        relative_error(predicted.slice(s![i, j, ..]), truth.slice(s![i, j, ..]))
    }))
}

#[test]
fn gradient_of_linearised_chunks_agrees_with_central_differences() {
    let (expr, model) = law();
    let (chunks, _) = noisy(irregular_chunks(29, 7), 0.05, 3);
    let mut random = rng(4);
    let theta: Vec<f64> =
        expr.constants().iter().map(|c| c + 0.05 * random.random_range(-1.0..1.0)).collect();
    let n = theta.len();
    // With the larger weights most residuals are outliers.
    for (order, scale) in [(8, 1.0), (4, 1.0), (8, 1e4)] {
        let weights: Vec<f64> = (0..12).map(|c| scale * (1.0 + 0.3 * c as f64)).collect();
        let loss = RolloutLoss::new(&model, &chunks, &weights, options(order, 0.1));
        let starts: Vec<f64> = loss
            .observed_starts()
            .iter()
            .map(|x| x + 0.02 * random.random_range(-1.0..1.0))
            .collect();
        let point: Vec<f64> = theta.iter().chain(&starts).copied().collect();
        let value = |p: &[f64]| 0.5 * loss.free_losses(&p[..n], &p[n..]).iter().sum::<f64>();
        // A' r and B' r, with B' r = R' g and A' r = G' g + A'' r'.
        let mut gradient = Array1::<f64>::zeros(n);
        let mut of_starts = Vec::new();
        let eliminated = loss.eliminated(&theta, &starts).unwrap();
        for chunk in &eliminated {
            gradient += &chunk.coupling.t().dot(&chunk.offset);
            gradient += &chunk.reduced.slice(s![.., ..n]).t().dot(&chunk.reduced.column(n));
            let factor = triangular_inverse(&chunk.inverse).unwrap();
            of_starts.extend(factor.t().dot(&chunk.offset));
            assert!((chunk.leverages.iter().sum::<f64>() - 12.0).abs() < 1e-10);
        }
        let gradient: Vec<f64> = gradient.into_iter().chain(of_starts).collect();
        for _ in 0..4 {
            let direction = uniform(point.len(), 1.0, &mut random);
            let along = |e: f64| {
                value(&point.iter().zip(&direction).map(|(p, d)| p + e * d).collect::<Vec<_>>())
            };
            let exact: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let error = (3..=6)
                .map(|k| 10f64.powi(-k))
                .map(|e| ((along(e) - along(-e)) / (2.0 * e) - exact).abs() / exact.abs())
                .fold(f64::INFINITY, f64::min);
            println!("order {order}: {exact:.3e}, relative error {error:.1e}");
            assert!(error < 2e-8, "{error:e}");
        }
        let squares: f64 = eliminated.iter().map(|chunk| chunk.chi_squared()).sum();
        assert!((0.5 * squares / value(&point) - 1.0).abs() < 1e-13);
        if scale > 1.0 {
            continue;
        }
        // Without a change of the starts it is the loss of the rollouts from the observed states.
        let free: f64 = loss.free_losses(&theta, &loss.observed_starts()).iter().sum();
        let fixed = loss.value(&theta) * loss.residuals() as f64;
        assert!((free / fixed - 1.0).abs() < 1e-13, "{free} against {fixed}");
    }
}

/// Squared distance of parameters from the truth in units of a covariance, given its Cholesky
/// factor.
fn chi_squared(root: &Array2<f64>, theta: &[f64], truth: &[f64]) -> f64 {
    let mut white: Vec<f64> = Vec::new();
    for i in 0..truth.len() {
        let rest: f64 = (0..i).map(|j| root[[i, j]] * white[j]).sum();
        white.push((theta[i] - truth[i] - rest) / root[[i, i]]);
    }
    white.iter().map(|x| x * x).sum()
}

#[test]
fn regress_gross_errors_hardly_move_the_constants() {
    let (expr, model) = law();
    let truth = expr.constants();
    let mut settings = settings(100);
    for (share, bound) in [(0.0, 1.5), (0.02, 1.6), (0.05, 1.8)] {
        let (mut distance, mut plain) = (0.0, 0.0);
        for seed in 0..4 {
            let clean = pendulum_chunks(500, 140 + seed);
            let (mut chunks, noise) = noisy(clean.clone(), 0.03, 150 + seed);
            let mut random = rng(160 + seed);
            let mut gross = 0;
            for chunk in &mut chunks {
                for ((_, c), x) in chunk.states.indexed_iter_mut() {
                    if random.random_range(0.0..1.0) < share {
                        *x += noise[c]
                            * random.random_range(10.0..40.0)
                            * if random.random_range(0..2) == 0 { 1.0 } else { -1.0 };
                        gross += 1;
                    }
                }
            }
            settings.weights = unit_weights(&chunks);
            let start: Vec<f64> = truth.iter().map(|c| 1.1 * c).collect();
            let fit = fit_noisy(&model, &chunks, start, &settings, &Prior::default(), &mut |_| {})
                .unwrap();
            let root =
                cholesky(&cramer_rao(&model, &truth, &clean, &noise, &settings).unwrap()).unwrap();
            distance += chi_squared(&root, &fit.theta, &truth) / (4 * truth.len()) as f64;
            plain += fit.efficiency(1e-10).unwrap() / 4.0;
            assert_eq!(fit.outcome, Outcome::Converged);
            assert!(
                fit.outliers * 20 <= gross * 21 && fit.outliers * 20 >= gross * 19,
                "{} of {gross} found",
                fit.outliers
            );
            let ratio =
                fit.noise.iter().zip(&noise).map(|(a, b)| (a / b).ln().abs()).fold(0.0, f64::max);
            assert!(ratio < 0.1, "noise {:?} against {noise:?}", fit.noise);
        }
        println!(
            "{share}: distance {distance:.2} of the bound without gross errors, efficiency {plain:.2}"
        );
        assert!(distance < bound, "{distance}");
    }
}

#[test]
fn regress_chunks_that_no_start_explains_are_told_and_hardly_move_the_constants() {
    let (expr, model) = law();
    let (clean, _) = noisy(pendulum_chunks(100, 200), 0.01, 201);
    let mut chunks = clean.clone();
    // From the third point on these are another trajectory's.
    for k in 0..10 {
        for j in 2..5 {
            let other = clean[50 + k].states.row(j).to_owned();
            chunks[k].states.row_mut(j).assign(&other);
        }
    }
    let mut settings = settings(100);
    settings.weights = unit_weights(&chunks);
    let start: Vec<f64> = expr.constants().iter().map(|c| 1.05 * c).collect();
    let fit = |chunks: &[Trajectory]| {
        fit_noisy(&model, chunks, start.clone(), &settings, &Prior::default(), &mut |_| {}).unwrap()
    };
    let (spoilt, without) = (fit(&chunks), fit(&clean[10..]));
    assert!(
        spoilt.calm[..10].iter().all(|calm| !calm) && spoilt.calm[10..].iter().all(|calm| *calm),
        "{:?}",
        spoilt.calm
    );
    let distance = chi_squared(
        &cholesky(&without.covariance(1e-10).unwrap()).unwrap(),
        &spoilt.theta,
        &without.theta,
    );
    println!("outcome {:?}, squared distance {distance:.1e} standard errors", spoilt.outcome);
    assert!(distance < expr.constants().len() as f64, "{distance}");
}

#[test]
fn fits_go_on_where_earlier_ones_ended() {
    let (expr, model) = law();
    let (chunks, _) = noisy(pendulum_chunks(60, 210), 0.03, 211);
    let settings = settings(60);
    let fit = |start: NoisyStart| {
        fit_noisy(&model, &chunks, start, &settings, &Prior::default(), &mut |_| {})
    };
    let first = fit(expr.constants().into()).unwrap();
    let start = |starts: Vec<f64>| NoisyStart {
        theta: first.theta.clone(),
        found: Some(Starts { states: starts, noise: first.noise.clone() }),
    };
    let again = fit(start(first.starts.clone())).unwrap();
    assert_eq!((again.outcome, again.history.len()), (Outcome::Converged, 1));
    let error = fit(start(vec![0.0; 5])).unwrap_err().to_string();
    assert!(error.contains("initial states has 5 numbers, but there must be 720"), "{error}");
}

#[test]
fn bad_input_priors_are_told() {
    let (expr, model) = law();
    let (chunks, _) = noisy(pendulum_chunks(4, 70), 0.03, 71);
    let fit = |prior: Prior| {
        fit_noisy(&model, &chunks, expr.constants(), &settings(20), &prior, &mut |_| {})
            .unwrap_err()
            .to_string()
    };
    let noise = |c: usize, x: f64| {
        Some((0..12).map(|k| if k == c { x } else { 0.1 }).collect::<Vec<f64>>())
    };
    for (x, c) in [(f64::NAN, 3), (-1.0, 0), (0.0, 11), (f64::INFINITY, 5)] {
        let message = fit(Prior { noise: noise(c, x), precision: None });
        assert!(message.contains(&format!("component {c} is {x}")), "{message}");
    }
    assert!(
        fit(Prior { noise: Some(vec![0.1; 3]), precision: None }).contains("noise has 3 numbers")
    );
    let message =
        fit(Prior { noise: None, precision: Some(vec![0.0, -2.0, 0.0, 0.0, 0.0, 0.0, 0.0]) });
    assert!(message.contains("parameter 1 is -2"), "{message}");
}

#[test]
fn regress_closed_form_from_noisy_chunks_is_as_good_as_the_cramer_rao_bound() {
    let (expr, model) = law();
    let truth = expr.constants();
    let n = truth.len();
    for level in [0.01, 0.03, 0.1] {
        let (mut errors, mut bounds, mut distance) = (Vec::new(), Vec::new(), 0.0);
        for seed in 0..3 {
            let (chunks, noise) = noisy(pendulum_chunks(500, 40 + seed), level, 50 + seed);
            let start: Vec<f64> = truth.iter().map(|c| 1.1 * c).collect();
            let mut settings = settings(100);
            settings.weights = unit_weights(&chunks);
            let fit = fit_noisy(&model, &chunks, start, &settings, &Prior::default(), &mut |_| {})
                .unwrap();
            let covariance = fit.covariance(1e-10).unwrap();
            let root = cholesky(&covariance).unwrap();
            distance += chi_squared(&root, &fit.theta, &truth) / (3 * n) as f64;
            let efficiency = fit.efficiency(1e-10).unwrap();
            assert!((0.7..1.3).contains(&efficiency), "efficiency {efficiency}");
            assert_eq!((fit.outcome, fit.outliers), (Outcome::Converged, 0));
            let ratio =
                fit.noise.iter().zip(&noise).map(|(a, b)| (a / b).ln().abs()).fold(0.0, f64::max);
            assert!(ratio < 0.08, "noise {:?} against {noise:?}", fit.noise);
            assert!(
                (fit.chi_squared / fit.degrees_of_freedom - 1.0).abs() < 0.02,
                "{} of {}",
                fit.chi_squared,
                fit.degrees_of_freedom
            );
            errors.push(rollout_error(&model, &fit.theta));
            let mut random = rng(90 + seed);
            let draws = (0..5).map(|_| {
                let xi =
                    Array1::from_shape_simple_fn(n, || random.sample::<f64, _>(StandardNormal));
                let theta: Vec<f64> = truth.iter().zip(root.dot(&xi)).map(|(t, d)| t + d).collect();
                rollout_error(&model, &theta).ln()
            });
            bounds.push((draws.sum::<f64>() / 5.0).exp());
            let (others, noise) = noisy(pendulum_chunks(100, 60), level, 61 + seed);
            let held = held_out(&model, &fit.theta, &others, &noise, &settings).unwrap();
            println!(
                "{level}: {} iterations, {} evaluations, error {:.1e}, bound {:.1e}, held out {held:.3}",
                fit.history.len(),
                fit.history.last().unwrap().evaluations,
                errors[seed as usize],
                bounds[seed as usize]
            );
            assert!((held - 1.0).abs() < 0.06, "{held}");
        }
        println!("{level}: distance {distance:.2}");
        // Mean of chi^2 / n over 3 x n degrees of freedom.
        assert!((0.3..2.0).contains(&distance), "{distance}");
        let mean = |x: &[f64]| (x.iter().map(|x| x.ln()).sum::<f64>() / x.len() as f64).exp();
        assert!(mean(&errors) < 1.6 * mean(&bounds), "{errors:?} against {bounds:?}");
    }
}

#[test]
fn regress_learned_hamiltonian_from_noisy_chunks() {
    // One draw of the noise; the median over draws is about half of these bounds.
    for (level, bound) in [(0.01, 3e-3), (0.03, 8e-3), (0.1, 3e-2)] {
        let (chunks, noise) = noisy(pendulum_chunks(500, 80), level, 81);
        let mut settings = settings(100);
        (settings.weights, settings.rank_tolerance) = (unit_weights(&chunks), 1e-7);
        let kind = Kind::Spectral { degree: 6 };
        let learned =
            learn_noisy(&pendulum_inputs(), &chunks, kind, &settings, None, &mut |_| {}).unwrap();
        let error = rollout_error(&learned.model, &learned.fit.theta);
        let (others, noise_there) = noisy(pendulum_chunks(100, 82), level, 83);
        let held =
            held_out(&learned.model, &learned.fit.theta, &others, &noise_there, &settings).unwrap();
        println!(
            "{level}: {} functions, error {error:.1e}, held out {held:.3}",
            learned.model.parameters()
        );
        assert!(learned.model.parameters() <= 16 && error < bound, "{error:e}");
        assert!((held - 1.0).abs() < 0.06, "{held}");
        assert!(learned.fit.noise.iter().zip(&noise).all(|(a, b)| (a / b).ln().abs() < 0.08));
    }
}

#[test]
fn determinism_of_noisy_fits_on_any_number_of_threads() {
    let (expr, model) = law();
    let (chunks, _) = noisy(pendulum_chunks(40, 70), 0.03, 71);
    let results = on_threads(|| {
        let fit = fit_noisy(
            &model,
            &chunks,
            expr.constants(),
            &settings(20),
            &Prior::default(),
            &mut |_| {},
        )
        .unwrap();
        fit.theta
            .iter()
            .chain(&fit.starts)
            .chain(&fit.noise)
            .map(|x| x.to_bits())
            .collect::<Vec<u64>>()
    });
    assert!(results.iter().all(|r| *r == results[0]));
}
