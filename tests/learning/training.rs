//! Training on the springy pendulum: what it costs, what it reaches, and that nothing disturbs it.

use std::path::Path;

use ndarray::{Array2, ArrayView1, ArrayView2};
use scalar_dynamics::basis::{Basis, Kind};
use scalar_dynamics::dataset::Trajectory;
use scalar_dynamics::expr::Expr;
use scalar_dynamics::field::VectorField;
use scalar_dynamics::loss::RolloutLoss;
use scalar_dynamics::model::{ClosedForm, LinearModel, Model, ScalarHamiltonian};
use scalar_dynamics::scalars::{ScalarFunction, ScalarSet};
use scalar_dynamics::systems::SpringyPendulum;
use scalar_dynamics::train::{
    Fit, Objective, Settings, Stop, TrainError, fit, learn, linear_start, minimise, refine, states,
};

use crate::common::{
    on_threads, pendulum_chunks, pendulum_inputs, pendulum_model, pendulum_states, settings,
};

fn train(
    model: &impl LinearModel,
    chunks: &[Trajectory],
    settings: &Settings,
    folder: Option<&Path>,
) -> Result<Fit, TrainError> {
    fit(model, chunks, settings, folder.map(|f| (f, "test").into()), &mut |_| {})
}

fn loss_at<M: Model>(model: &M, chunks: &[Trajectory], theta: &[f64]) -> f64 {
    let settings = settings(1);
    RolloutLoss::new(model, chunks, &settings.weights, settings.rollout).value(theta)
}

#[test]
fn regress_independent_scalars_of_the_pendulum() {
    let (inputs, chunks) = (pendulum_inputs(), pendulum_chunks(60, 30));
    let model = pendulum_model(Kind::Reference, &chunks);
    let names: Vec<String> = model.scalars().scalars().iter().map(ToString::to_string).collect();
    println!("{names:?}");
    assert_eq!(inputs.catalogue().len(), 19);
    assert_eq!(names.len(), 19);
}

/// Errors |f - f_true| / |f_true| of a model's field at states of new trajectories, in order.
fn field_errors(model: &ScalarHamiltonian<Basis>, theta: &[f64]) -> Vec<f64> {
    field_errors_at(model, theta, states(&pendulum_chunks(80, 31)).view())
}

fn field_errors_at(
    model: &ScalarHamiltonian<Basis>,
    theta: &[f64],
    states: ArrayView2<f64>,
) -> Vec<f64> {
    let states: Vec<Vec<f64>> = states.rows().into_iter().map(|r| r.to_vec()).collect();
    let n = states.len();
    let z: Vec<f64> = (0..12 * n).map(|i| states[i % n][i / n]).collect();
    let mut dz = vec![0.0; 12 * n];
    model.field_into(theta, &z, &mut dz, &mut model.work());
    let mut errors: Vec<f64> = (0..n)
        .map(|b| {
            let mut exact = [0.0; 12];
            SpringyPendulum::reference_code().field_into(&states[b], &mut exact);
            let norm = |x: &dyn Fn(usize) -> f64| (0..12).map(|c| x(c).powi(2)).sum::<f64>().sqrt();
            norm(&|c| dz[c * n + b] - exact[c]) / norm(&|c| exact[c])
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    errors
}

#[test]
fn regress_cost_and_accuracy_of_a_fit_on_clean_data() {
    let chunks = pendulum_chunks(60, 30);
    for (kind, rank, evaluations, start, loss, median, worst) in [
        (Kind::Reference, 19, 8, 2e-8, 2e-22, 5e-11, 8e-11),
        // The data of 60 chunks do not determine all of the 114 parameters.
        (Kind::Spectral { degree: 6 }, 105, 40, 4e-7, 2e-22, 6e-11, 3e-4),
    ] {
        let model = pendulum_model(kind, &chunks);
        let linear =
            loss_at(&model, &chunks, &linear_start(&model, &chunks, &settings(1)).unwrap());
        let found = train(&model, &chunks, &settings(300), None).unwrap();
        let errors = field_errors(&model, &found.theta);
        let [half, nearly_all] = [0.5, 0.95].map(|q| errors[(q * errors.len() as f64) as usize]);
        let last = found.history.last().unwrap();
        println!(
            "{}: {} parameters, rank {}, {} iterations, {} evaluations, loss {linear:.2e} -> {:.2e}, field errors {half:.1e}, {nearly_all:.1e}",
            kind.name(),
            model.parameters(),
            found.rank,
            last.iteration,
            last.evaluations,
            found.loss
        );
        assert_eq!(found.rank, rank);
        assert!(last.evaluations <= evaluations && linear < start && found.loss < loss);
        assert!(half < median && nearly_all < worst);
        assert!(
            found.history.iter().all(|r| r.value.is_finite())
                && found.theta.iter().all(|t| t.is_finite())
        );
        assert_eq!(found.loss, loss_at(&model, &chunks, &found.theta));
    }
}

/// Rosenbrock's valley, and no value beyond a wall that a step of length one from the start jumps
/// over.
struct Valley;

impl Objective for Valley {
    fn evaluate(&self, u: &[f64], gradient: &mut [f64]) -> f64 {
        let (x, y) = (u[0], u[1]);
        gradient
            .copy_from_slice(&[-400.0 * x * (y - x * x) - 2.0 * (1.0 - x), 200.0 * (y - x * x)]);
        if x.abs() > 3.0 { f64::NAN } else { 100.0 * (y - x * x).powi(2) + (1.0 - x).powi(2) }
    }
}

#[test]
fn regress_line_search_descends_and_steps_back_from_a_wall() {
    let stop = Stop { iterations: 200, round: 50, decrease: 1e-12 };
    let found = minimise(&Valley, &[-1.2, 1.0], stop, None, &mut |_| {}).unwrap();
    let last = found.history.last().unwrap();
    println!(
        "{:?} after {} iterations, {} evaluations: {:e}",
        found.u, last.iteration, last.evaluations, found.value
    );
    assert!(found.u.iter().all(|x| (x - 1.0).abs() < 1e-6), "{:?}", found.u);
    assert!(found.history.windows(2).all(|r| r[1].value < r[0].value), "every step descends");
    assert!(last.evaluations < 150, "{}", last.evaluations);
}

/// |v| and |v|^2 to the sixth degree say the same inside the range of the data, not outside.
#[test]
fn regress_a_spectral_model_is_right_outside_the_range_of_its_data() {
    let chunks = pendulum_chunks(150, 30);
    let settings = Settings::new(vec![1.0; 12], 0.1).unwrap();
    let learned = learn(
        &pendulum_inputs(),
        &chunks,
        Kind::Spectral { degree: 6 },
        &settings,
        None,
        &mut |_| {},
    )
    .unwrap();
    let basis = learned.model.function();
    // Of the powers 1 to 6 of |v| and of |v|^2, v one of five vectors, three are in both.
    assert_eq!(
        (basis.filled().0.parameters(), basis.parameters(), learned.fit.rank),
        (114, 99, 99)
    );
    let wide = pendulum_states(400, 36) * 2.0;
    let (set, all) = (learned.model.scalars(), states(&chunks));
    let ranges = set.ranges(all.view());
    let outside =
        |row: &ArrayView1<f64>| row.iter().zip(&ranges).any(|(s, (low, high))| s < low || s > high);
    let outside = set.values(wide.view()).rows().into_iter().filter(outside).count();
    let worst = |model: &ScalarHamiltonian<Basis>, theta: &[f64]| {
        field_errors_at(model, theta, wide.view())[399]
    };
    let whole = pendulum_model(Kind::Spectral { degree: 6 }, &chunks);
    let dependent = worst(&whole, &train(&whole, &chunks, &settings, None).unwrap().theta);
    let independent = worst(&learned.model, &learned.fit.theta);
    println!(
        "{outside} of 400 states outside; largest field error {independent:.1e}, of the whole basis {dependent:.1e}"
    );
    assert!(
        outside > 300 && independent < 6e-6 && dependent > 30.0 * independent,
        "{outside} {independent:e} {dependent:e}"
    );
}

#[test]
fn regress_constants_of_the_true_law_are_refitted() {
    let chunks = pendulum_chunks(60, 30);
    let law = "0.4*dot(p1,p1) + 0.6*dot(p2,p2) + 0.45*(norm(q1) - 0.9)**2 + 1.1*(norm(q2-q1) - 1.05)**2 - 0.9*dot(g,q1) - 1.2*dot(g,q2)";
    let expr: Expr = law.parse().unwrap();
    let (form, scalars) = ClosedForm::new(&expr);
    let model = ScalarHamiltonian::new(ScalarSet::new(&pendulum_inputs(), scalars).unwrap(), form);
    let settings = settings(300);
    let loss = RolloutLoss::new(&model, &chunks, &settings.weights, settings.rollout.clone());
    let found = refine(&loss, expr.constants(), &settings, None, &mut |_| {}).unwrap();
    println!(
        "{} in {} evaluations, loss {:.1e}",
        expr.with_constants(&found.theta),
        found.history.last().unwrap().evaluations,
        found.loss
    );
    for (found, truth) in found.theta.iter().zip([0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0]) {
        assert!((found.abs() - truth).abs() < 1e-10, "{found} against {truth}");
    }
}

#[test]
fn determinism_of_a_fit_on_any_number_of_threads() {
    let chunks = pendulum_chunks(40, 32);
    let model = pendulum_model(Kind::Spectral { degree: 3 }, &chunks);
    let results = on_threads(|| {
        let found = train(&model, &chunks, &settings(25), None).unwrap();
        let numbers = found
            .theta
            .into_iter()
            .chain(found.history.iter().flat_map(|r| [r.value, r.gradient_norm]));
        numbers.map(f64::to_bits).collect::<Vec<u64>>()
    });
    assert!(results.iter().all(|r| *r == results[0]));
}

#[test]
fn determinism_of_a_fit_that_was_stopped_and_went_on() {
    let chunks = pendulum_chunks(40, 32);
    let model = pendulum_model(Kind::Spectral { degree: 3 }, &chunks);
    // A start so bad that it takes more than one whitening.
    let start: Vec<f64> =
        linear_start(&model, &chunks, &settings(1)).unwrap().iter().map(|t| 0.5 * t).collect();
    let run = |iterations: usize, folder: Option<&Path>| {
        let settings = settings(iterations);
        let loss = RolloutLoss::new(&model, &chunks, &settings.weights, settings.rollout.clone());
        refine(&loss, start.clone(), &settings, folder.map(|f| (f, "test").into()), &mut |_| {})
            .unwrap()
    };
    let undisturbed = run(200, None);
    println!("{} iterations, loss {:e}", undisturbed.history.len() - 1, undisturbed.loss);
    for stops in [vec![3], vec![10, 17], vec![24, 31]] {
        let folder = tempfile::tempdir().unwrap();
        for iterations in stops {
            let stopped = run(iterations, Some(folder.path()));
            println!("stopped after {iterations}: {} iterations", stopped.history.len() - 1);
            assert!(stopped.theta != undisturbed.theta);
        }
        let resumed = run(200, Some(folder.path()));
        assert_eq!(
            (resumed.theta, resumed.history),
            (undisturbed.theta.clone(), undisturbed.history.clone())
        );
    }
}

#[test]
fn bad_input_to_training_is_a_typed_error() {
    let chunks = pendulum_chunks(8, 33);
    let model = pendulum_model(Kind::Reference, &chunks);
    let settings = settings(5);
    assert!(matches!(train(&model, &[], &settings, None), Err(TrainError::NoChunks)));
    let empty = Trajectory { id: 0, times: vec![], states: Array2::zeros((0, 12)) };
    assert!(matches!(
        train(&model, std::slice::from_ref(&empty), &settings, None),
        Err(TrainError::NoChunks)
    ));
    // Among others it is no hindrance.
    let mut mixed = chunks.clone();
    mixed.insert(0, empty);
    let (with, without) = (
        train(&model, &mixed, &settings, None).unwrap(),
        train(&model, &chunks, &settings, None).unwrap(),
    );
    assert!(with.loss < 1e-18 && without.loss < 1e-18, "{:e} {:e}", with.loss, without.loss);
    let loss = RolloutLoss::new(&model, &chunks, &settings.weights, settings.rollout.clone());
    for theta in [f64::NAN, f64::INFINITY, 1e200] {
        let result = refine(&loss, vec![theta; model.parameters()], &settings, None, &mut |_| {});
        assert!(matches!(result, Err(TrainError::NotFinite)), "{theta}: {result:?}");
    }
    let mut broken = chunks.clone();
    broken[3].states[[2, 5]] = f64::NAN;
    assert!(matches!(train(&model, &broken, &settings, None), Err(TrainError::Linalg(_))));
}

#[test]
fn bad_input_of_nothing_but_zeros_has_nothing_to_learn() {
    let mut chunks = pendulum_chunks(8, 33);
    chunks.iter_mut().for_each(|c| c.states.fill(0.0));
    let inputs = pendulum_inputs();
    let of = |text: &[&str]| {
        let scalars = text.iter().flat_map(|t| t.parse::<Expr>().unwrap().scalars()).collect();
        let set = ScalarSet::new(&inputs, scalars).unwrap();
        let basis = Basis::of_kind(
            Kind::Spectral { degree: 2 },
            &set.ranges(Array2::zeros((1, 12)).view()),
        );
        ScalarHamiltonian::new(set, basis)
    };
    assert!(matches!(
        train(&of(&["dot(p1,p1)", "norm(q2-q1)"]), &chunks, &settings(5), None),
        Err(TrainError::NothingToLearn)
    ));
    assert!(matches!(
        train(&of(&[]), &chunks, &settings(5), None),
        Err(TrainError::NothingToLearn)
    ));
    // Gravity would move the particles: the fit learns that it does not.
    let found = train(&of(&["dot(g,q1)", "dot(p1,p1)"]), &chunks, &settings(5), None).unwrap();
    assert_eq!((found.loss, found.theta), (0.0, vec![0.0; 4]));
}

#[test]
fn bad_input_of_checkpoints() {
    let chunks = pendulum_chunks(8, 33);
    let model = pendulum_model(Kind::Reference, &chunks);
    let whole = train(&model, &chunks, &settings(8), None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whitening0.checkpoint");
    // What is not a checkpoint, or is one of other data, is no hindrance.
    std::fs::write(&file, b"not a checkpoint").unwrap();
    assert_eq!(
        train(&model, &chunks, &settings(8), Some(folder.path())).unwrap().theta,
        whole.theta
    );
    let saved = std::fs::read(&file).unwrap();
    std::fs::write(&file, &saved[..saved.len() / 2]).unwrap();
    assert_eq!(
        train(&model, &chunks, &settings(8), Some(folder.path())).unwrap().theta,
        whole.theta
    );
    train(&model, &pendulum_chunks(8, 34), &settings(8), Some(folder.path())).unwrap();
    assert_eq!(
        train(&model, &chunks, &settings(8), Some(folder.path())).unwrap().theta,
        whole.theta
    );
    // A file that can't be read, a folder that is none.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let other = tempfile::NamedTempFile::new().unwrap();
    for place in [folder.path(), other.path(), Path::new("/nonexistent/folder")] {
        let error = train(&model, &chunks, &settings(8), Some(place)).unwrap_err();
        println!("{error}");
        assert!(
            matches!(&error, TrainError::Checkpoint { path, .. } if path.starts_with(place)),
            "{error}"
        );
    }
}

#[test]
fn bad_input_of_a_diverging_model_is_told() {
    let chunks = pendulum_chunks(8, 33);
    let model = pendulum_model(Kind::Polynomial, &chunks);
    let theta = vec![1e3; model.parameters()];
    assert!(!loss_at(&model, &chunks, &theta).is_finite());
    let states = pendulum_states(3, 35);
    let method = scalar_dynamics::integrate::RungeKutta::new(8).unwrap();
    let path = scalar_dynamics::evaluate::rollout(
        &model,
        &theta,
        states.view(),
        scalar_dynamics::evaluate::TimeGrid { interval: 0.2, points: 20 },
        &method,
        2,
    );
    assert!(path.iter().any(|x| !x.is_finite()));
}
