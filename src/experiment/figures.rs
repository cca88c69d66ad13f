//! The figures, one function each; all write `stem.svg` and `stem.png`.

use std::path::Path;

use super::data::{self, Preset};
use super::error::ExperimentError;
use super::evaluation::state_means;
use super::learner::{BenchmarkModel, Dynamics, Symmetry};
use super::noise::NoisyModel;
use super::results::{Done, Results};
use super::tables::noise_rows;
use super::unit::Step;
use crate::report::figures::{
    self as draw, Curve, ErrorSeconds, ModelPoints, NoiseCurves, PendulumScene, PhaseSpace,
    Prediction, ReferenceLine, SecondsPanel, Style, TrainedPoint, TrainingGroup, TrainingRun,
    ValidationPoint,
};

/// Time between the points of figure 1's orbit, and their number.
const ORBIT: (f64, usize) = (0.025, 481);
/// State error of the Scalars models in Table 1 of Yao et al. (2021).
pub(super) const PAPER: [f64; 2] = [0.005, 0.009];
pub(super) const PAPER_LABEL: &str = "Yao et al. (2021), Scalars, mean over time";
/// Columns of figures, with their titles.
pub(super) const COLUMNS: [(Dynamics, &str); 2] =
    [(Dynamics::Hnn, "HNN"), (Dynamics::NOde, "N-ODE")];

/// Figure 1: the pendulum and its orbit over 12 units of time, from the first initial state of the
/// seed.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn figure1(seed: u64, stem: &Path) -> Result<(), ExperimentError> {
    let preset = Preset::ReferenceCode;
    let states = data::orbit(preset, seed, ORBIT.0, ORBIT.1)?;
    let orbit = |first: usize| {
        states.rows().into_iter().map(|z| [z[first], z[first + 1], z[first + 2]]).collect()
    };
    let parameters = *preset.system().parameters();
    let scene = PendulumScene {
        pivot: parameters.pivot,
        gravity: parameters.gravity,
        orbits: [orbit(0), orbit(3)],
    };
    Ok(draw::figure1(&scene, stem)?)
}

/// Figure 2: the schemes of N-ODE and HNN.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn figure2(stem: &Path) -> Result<(), ExperimentError> {
    Ok(draw::figure2(stem)?)
}

/// Momentum against position along the first test trajectory: the truth, and the predictions of the
/// best and of the worst model.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn phase_space(results: &Results, stem: &Path) -> Result<(), ExperimentError> {
    let Some(data) = &results.data else { return Ok(()) };
    let shape = data.test.shape;
    let error = |done: &Done| state_means(&done.unit.evaluation.errors()).geometric_mean;
    let mut of_seed: Vec<&Done> =
        results.of_table1().filter(|done| done.seed == data.seed).collect();
    of_seed.sort_by(|a, b| error(a).total_cmp(&error(b)));
    let named = [("worst", of_seed.last()), ("best", of_seed.first())];
    let prediction = |(rank, done): (&str, Option<&&Done>)| {
        let done = done?;
        let dynamics = COLUMNS.iter().find(|(dynamics, _)| *dynamics == done.learner.dynamics())?.1;
        let label = format!("{rank}: {}, {dynamics}", done.learner.label());
        Some(Prediction { label, states: done.unit.evaluation.fine() })
    };
    let predictions = named.into_iter().filter_map(prediction).collect();
    let figure = PhaseSpace {
        particles: shape.particles,
        dimension: shape.dimension,
        truth: data.fine.clone(),
        predictions,
    };
    Ok(draw::phase_space(&figure, stem)?)
}

/// Losses and gradient norm against field evaluations, for the first seed.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn training_history(results: &Results, stem: &Path) -> Result<(), ExperimentError> {
    let run = |done: &Done| {
        let history = &done.unit.training.history;
        let of = |value: fn(&Step) -> f64| history.iter().map(value).collect::<Vec<f64>>();
        let validation = |step: &Step| {
            let cost = step.field_evaluations as f64;
            step.validation.map(|loss| ValidationPoint { cost, loss })
        };
        TrainingRun {
            label: done.learner.label(),
            style: style(done.learner),
            cost: of(|step| step.field_evaluations as f64),
            loss: of(|step| step.loss),
            gradient_norm: of(|step| step.gradient_norm),
            validation: history.iter().filter_map(validation).collect(),
        }
    };
    let group = |(dynamics, title): (Dynamics, &str)| {
        let trained = results
            .of_table1()
            .filter(|done| done.seed == results.seed && done.learner.dynamics() == dynamics);
        TrainingGroup {
            title: title.to_string(),
            runs: trained.filter(|done| !done.unit.training.history.is_empty()).map(run).collect(),
        }
    };
    Ok(draw::training_history(&COLUMNS.map(group), "field evaluations", stem)?)
}

/// State error against seconds of training, one point a model and seed. As it shows times, it is
/// another one each time.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn error_seconds(results: &Results, stem: &Path) -> Result<(), ExperimentError> {
    let spots = |learner: BenchmarkModel| {
        let Style::Model { colour, marker, .. } = style(learner) else { return None };
        let point = |done: &Done| TrainedPoint {
            seconds: done.training_seconds(),
            error: state_means(&done.unit.evaluation.errors()).geometric_mean,
        };
        Some(ModelPoints {
            label: learner.label(),
            style: Style::Spots { colour, marker },
            points: of_learner(results, learner).map(point).collect(),
        })
    };
    let panel = |((dynamics, title), value): ((Dynamics, &str), f64)| SecondsPanel {
        title: title.to_string(),
        models: learners(results, dynamics).filter_map(spots).collect(),
        references: vec![ReferenceLine {
            label: PAPER_LABEL.replace(", mean over time", ""),
            value,
        }],
    };
    let panels = COLUMNS.into_iter().zip(PAPER).map(panel).collect();
    Ok(draw::error_seconds(&ErrorSeconds { panels }, stem)?)
}

/// Rollout error against noise, and the Cramer-Rao bound over it: medians over draws of the noise,
/// bands from the lowest to the highest.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn noise(results: &Results, stem: &Path) -> Result<(), ExperimentError> {
    let (rows, seeds) = (noise_rows(results), results.profile.noise_seeds());
    let curves = |model: NoisyModel| {
        let own: Vec<_> = rows.iter().filter(|row| row.model == model.label()).collect();
        let of = |value: &dyn Fn(usize) -> f64| (0..own.len()).map(value).collect::<Vec<f64>>();
        let percent = of(&|i| 100.0 * own[i].noise);
        let (colour, dashes, marker) = match model {
            NoisyModel::ClosedForm => (1, 0, 0),
            NoisyModel::Spectral => (0, 3, 3),
            NoisyModel::Bound => (6, 1, 4),
        };
        let style = Style::Model { colour, dashes, marker };
        let error = Curve::new(model.label(), style, percent.clone(), of(&|i| own[i].error));
        let error = if seeds > 1 {
            error.with_band(of(&|i| own[i].lowest), of(&|i| own[i].highest))
        } else {
            error
        };
        let bound = |i: usize| own[i].efficiency.map(|efficiency| efficiency * own[i].error);
        let ratio = |value: &dyn Fn(usize) -> f64| of(&|i| bound(i).unwrap_or(f64::NAN) / value(i));
        let efficiency = Curve::new(model.label(), style, percent, ratio(&|i| own[i].error));
        let efficiency = if seeds > 1 {
            efficiency.with_band(ratio(&|i| own[i].highest), ratio(&|i| own[i].lowest))
        } else {
            efficiency
        };
        (error, efficiency)
    };
    let (errors, mut efficiencies): (Vec<Curve>, Vec<Curve>) =
        NoisyModel::ALL.into_iter().map(curves).unzip();
    efficiencies.retain(|curve| curve.y.iter().any(|y| y.is_finite()));
    Ok(draw::noise(&NoiseCurves { errors, efficiencies, seeds }, stem)?)
}

/// The look of a model, the same in all figures, and no other's: networks have solid lines,
/// explicit models are dashed; two with one colour have other dashes and another marker.
pub(super) fn style(learner: BenchmarkModel) -> Style {
    let (colour, dashes, marker) = match learner {
        BenchmarkModel::Reference => (3, 1, 1),
        BenchmarkModel::Lengths => (4, 4, 5),
        BenchmarkModel::Spectral => (0, 2, 0),
        BenchmarkModel::Directions => (2, 2, 2),
        BenchmarkModel::ClosedForm => (7, 3, 6),
        BenchmarkModel::ScalarsMlp(_) => (1, 0, 0),
        BenchmarkModel::ScalarsMlpRelu => (4, 0, 1),
        BenchmarkModel::Emlp(Symmetry::O2, _) => (0, 0, 4),
        BenchmarkModel::Emlp(Symmetry::So2, _) => (5, 0, 2),
        BenchmarkModel::Emlp(Symmetry::D2, _) => (2, 0, 3),
        BenchmarkModel::Emlp(Symmetry::D6, _) => (3, 0, 6),
        BenchmarkModel::Emlp(Symmetry::O3, _) => (7, 0, 2),
        BenchmarkModel::Mlp(_) => (6, 0, 5),
    };
    Style::Model { colour, dashes, marker }
}

/// The models of Table 1 with these dynamics of which there are results.
pub(super) fn learners(
    results: &Results,
    dynamics: Dynamics,
) -> impl Iterator<Item = BenchmarkModel> {
    let present = move |learner: &BenchmarkModel| {
        learner.dynamics() == dynamics && of_learner(results, *learner).next().is_some()
    };
    BenchmarkModel::ALL.into_iter().filter(present)
}

pub(super) fn of_learner(
    results: &Results,
    learner: BenchmarkModel,
) -> impl Iterator<Item = &Done> {
    results.of_its_system().filter(move |done| done.learner == learner)
}
