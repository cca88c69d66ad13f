//! The figures, one function each; all write `stem.svg` and `stem.png`.

use std::path::Path;

use ndarray::{Array2, Axis, concatenate};

use super::data::{self, Preset};
use super::error::ExperimentError;
use super::evaluation::{above_roundoff, state_means};
use super::learner::{BenchmarkModel, Dynamics, Symmetry};
use super::noise::NoisyModel;
use super::results::{Done, Results};
use super::tables::{noise_rows, times};
use super::unit::Step;
use crate::evaluate::RolloutErrors;
use crate::report::figures::{
    self as draw, Curve, ErrorCurves, ErrorPanel, ErrorSeconds, Interval, ModelPoints, NoiseCurves,
    PendulumScene, PhaseSpace, Prediction, ReferenceLine, SecondsPanel, Style, TrainedPoint,
    TrainingGroup, TrainingRun, ValidationPoint,
};

/// Time between the points of figure 1's orbit, and their number.
const ORBIT: (f64, usize) = (0.025, 481);
/// State error of the Scalars models in Table 1 of Yao et al. (2021).
const PAPER: [f64; 2] = [0.005, 0.009];
const PAPER_LABEL: &str = "Yao et al. (2021), Scalars, mean over time";
/// Share of the trajectories in the bands, of a few curves and of many.
const BANDS: (f64, f64) = (0.95, 0.5);
/// Range of the errors of networks.
const NETWORKS: Interval = Interval { low: 1e-5, high: 1.0 };
/// Columns of figures, with their titles.
const COLUMNS: [(Dynamics, &str); 2] = [(Dynamics::Hnn, "HNN"), (Dynamics::NOde, "N-ODE")];

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

/// Figure 3: relative errors against time, HNNs on the left and N-ODEs on the right: of angular
/// momentum for all models, of the state for the models on scalars, and of the state for all models
/// in the range of networks. Curves are geometric means over the test trajectories of all seeds,
/// bands hold 95% or, where there are many curves, the middle half of them.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn figure3(results: &Results, stem: &Path) -> Result<(), ExperimentError> {
    let networks = results.of_table1().any(|done| !done.learner.is_explicit());
    let row = |title: &'static str,
               of: Of,
               shown: fn(BenchmarkModel) -> bool,
               compared: bool,
               range: Option<Interval>| {
        COLUMNS.into_iter().zip(PAPER).map(move |((dynamics, column), value)| {
            let learners: Vec<BenchmarkModel> =
                learners(results, dynamics).filter(|learner| shown(*learner)).collect();
            let band = if learners.len() > 4 { BANDS.1 } else { BANDS.0 };
            let line = compared.then(|| ReferenceLine { label: PAPER_LABEL.into(), value });
            ErrorPanel {
                title: format!("{title}, {column}"),
                curves: learners
                    .into_iter()
                    .map(|learner| curve(results, learner, of, band))
                    .collect(),
                references: line.into_iter().collect(),
                range,
            }
        })
    };
    let mut panels: Vec<ErrorPanel> =
        row("angular momentum", |errors| &errors.angular_momentum, |_| true, false, None).collect();
    panels.extend(row(
        "state, Scalars",
        |errors| &errors.state,
        BenchmarkModel::on_scalars,
        true,
        None,
    ));
    if networks {
        panels.extend(row("state, all", |errors| &errors.state, |_| true, true, Some(NETWORKS)));
    }
    Ok(draw::figure3(
        &ErrorCurves { panels, columns: COLUMNS.len(), ..ErrorCurves::default() },
        stem,
    )?)
}

/// Which errors.
type Of = fn(&RolloutErrors) -> &Array2<f64>;

/// Errors of a model over the trajectories of all seeds.
fn curve(results: &Results, learner: BenchmarkModel, of: Of, band: f64) -> Curve {
    let errors: Vec<RolloutErrors> =
        of_learner(results, learner).map(|done| done.unit.evaluation.errors()).collect();
    let views: Vec<_> = errors.iter().map(|errors| of(errors).view()).collect();
    let pooled = concatenate(Axis(0), &views).expect("all rollouts have the same times");
    mean_and_band(learner.label(), style(learner), &above_roundoff(&pooled), band)
}

/// Geometric mean over the rows of `errors` (trajectory x time), with a band that holds so large a
/// share of them; without the start, where the error is zero.
fn mean_and_band(label: String, style: Style, errors: &Array2<f64>, band: f64) -> Curve {
    let (mut mean, mut lower, mut upper) = (Vec::new(), Vec::new(), Vec::new());
    for column in errors.columns().into_iter().skip(1) {
        let mut sorted = column.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = (sorted.len() - 1) as f64;
        let at = |q: f64| sorted[(q * last).round() as usize];
        mean.push((column.iter().map(|e| e.ln()).sum::<f64>() / sorted.len() as f64).exp());
        lower.push(at(0.5 - 0.5 * band));
        upper.push(at(0.5 + 0.5 * band));
    }
    Curve::new(label, style, times().split_off(1), mean).with_band(lower, upper)
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
fn style(learner: BenchmarkModel) -> Style {
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
        BenchmarkModel::Mlp(_) => (6, 0, 5),
    };
    Style::Model { colour, dashes, marker }
}

/// The models of these dynamics of which there are results.
fn learners(results: &Results, dynamics: Dynamics) -> impl Iterator<Item = BenchmarkModel> {
    let present = move |learner: &BenchmarkModel| {
        learner.dynamics() == dynamics && of_learner(results, *learner).next().is_some()
    };
    BenchmarkModel::ALL.into_iter().filter(present)
}

fn of_learner(results: &Results, learner: BenchmarkModel) -> impl Iterator<Item = &Done> {
    results.of_table1().filter(move |done| done.learner == learner)
}
