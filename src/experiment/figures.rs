//! The figures, one function each; all write `stem.svg` and `stem.png`.

use std::path::Path;

use ndarray::{Array2, Axis, concatenate};

use super::Error;
use super::data::{self, Preset};
use super::models::{Learner, above_roundoff};
use super::run::{Done, Results};
use super::tables::times;
use crate::evaluate::RolloutErrors;
use crate::report::figures::{self as draw, Curve, ErrorCurves, PendulumScene, PhaseSpace, ReferenceLine, Style, TrainingRun};

/// Time between the points of figure 1's orbit, and their number.
const ORBIT: (f64, usize) = (0.025, 481);
/// State error of the scalars HNN in Table 1 of Yao et al. (2021).
const PAPER: f64 = 0.005;
/// Share of the trajectories in the bands.
const BAND: f64 = 0.95;

/// Figure 1: the pendulum and its orbit over 12 units of time, from the first initial state of the seed.
///
/// # Errors
/// [`Error::Figure`].
pub fn figure1(seed: u64, stem: &Path) -> Result<(), Error> {
    let preset = Preset::ReferenceCode;
    let states = data::orbit(preset, seed, ORBIT.0, ORBIT.1)?;
    let orbit = |first: usize| states.rows().into_iter().map(|z| [z[first], z[first + 1], z[first + 2]]).collect();
    let parameters = *preset.system().parameters();
    let scene = PendulumScene { pivot: parameters.pivot, gravity: parameters.gravity, orbits: [orbit(0), orbit(3)] };
    Ok(draw::figure1(&scene, stem)?)
}

/// Figure 2: the schemes of N-ODE and HNN.
///
/// # Errors
/// [`Error::Figure`].
pub fn figure2(stem: &Path) -> Result<(), Error> {
    Ok(draw::figure2(stem)?)
}

/// Figure 3: relative errors of angular momentum and state against time. Curves are geometric means over the test trajectories of all
/// seeds, bands hold 95% of them.
///
/// # Errors
/// [`Error::Figure`].
pub fn figure3(results: &Results, stem: &Path) -> Result<(), Error> {
    let mut curves = ErrorCurves {
        state_references: vec![ReferenceLine { label: "Yao et al. (2021), scalars HNN, mean over time".into(), value: PAPER }],
        ..ErrorCurves::default()
    };
    for (i, learner) in Learner::ALL.into_iter().enumerate() {
        let errors: Vec<RolloutErrors> = of_learner(results, learner).map(|done| done.unit.evaluation.errors()).collect();
        if errors.is_empty() {
            continue;
        }
        let curve = |of: fn(&RolloutErrors) -> &Array2<f64>| {
            let views: Vec<_> = errors.iter().map(|errors| of(errors).view()).collect();
            let pooled = concatenate(Axis(0), &views).expect("all rollouts have the same times");
            mean_and_band(learner.label(), Style::Series(i), &above_roundoff(&pooled))
        };
        curves.angular_momentum.push(curve(|errors| &errors.angular_momentum));
        curves.state.push(curve(|errors| &errors.state));
    }
    Ok(draw::figure3(&curves, stem)?)
}

/// Geometric mean over the rows of `errors` (trajectory x time), with a band; without the start, where the error is zero.
fn mean_and_band(label: String, style: Style, errors: &Array2<f64>) -> Curve {
    let (mut mean, mut lower, mut upper) = (Vec::new(), Vec::new(), Vec::new());
    for column in errors.columns().into_iter().skip(1) {
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = (sorted.len() - 1) as f64;
        let at = |q: f64| sorted[(q * last).round() as usize];
        mean.push((column.iter().map(|e| e.ln()).sum::<f64>() / sorted.len() as f64).exp());
        lower.push(at(0.5 - 0.5 * BAND));
        upper.push(at(0.5 + 0.5 * BAND));
    }
    Curve::new(label, style, times().split_off(1), mean).with_band(lower, upper)
}

/// Momentum against position along the first test trajectory: the truth, and the spectral model's prediction laid over it.
///
/// # Errors
/// [`Error::Figure`].
pub fn phase_space(results: &Results, stem: &Path) -> Result<(), Error> {
    let Some(data) = &results.data else { return Ok(()) };
    let shape = data.test.shape;
    let first = of_learner(results, Learner::Spectral).next();
    let predictions = first.map(|done| (Learner::Spectral.label(), done.unit.evaluation.fine())).into_iter().collect();
    let figure = PhaseSpace { particles: shape.particles, dimension: shape.dimension, truth: data.fine.clone(), predictions };
    Ok(draw::phase_space(&figure, stem)?)
}

/// Loss and gradient norm against field evaluations, for the first seed.
///
/// # Errors
/// [`Error::Figure`].
pub fn training_history(results: &Results, stem: &Path) -> Result<(), Error> {
    let trained = results.of_table1().filter(|done| done.seed == results.seed && !done.unit.training.history.is_empty());
    let run = |done: &Done| {
        let training = &done.unit.training;
        let of = |value: fn(&crate::train::Record) -> f64| training.history.iter().map(value).collect::<Vec<f64>>();
        TrainingRun {
            label: done.learner.label(),
            cost: of(|record| record.evaluations as f64).into_iter().map(|n| n * training.field_evaluations as f64).collect(),
            loss: of(|record| record.value),
            gradient_norm: of(|record| record.gradient_norm),
        }
    };
    Ok(draw::training_history(&trained.map(run).collect::<Vec<_>>(), "field evaluations", stem)?)
}

fn of_learner(results: &Results, learner: Learner) -> impl Iterator<Item = &Done> {
    results.of_table1().filter(move |done| done.learner == learner)
}
