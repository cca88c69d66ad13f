//! Table and figure `transfer`: models under other gravity than that of their training.

use std::path::Path;

use super::error::ExperimentError;
use super::figures::{COLUMNS, learners, of_learner, style};
use super::gravity::Change;
use super::learner::{BenchmarkModel, Dynamics};
use super::results::{Done, Results};
use super::tables::metadata;
use super::transfer::TransferError;
use crate::report::figures::{Curve, Panel, PanelFigure, Style, panel_figure};
use crate::report::tables::{TransferRow, write};

/// `transfer.parquet`: errors under other gravity, one row a model, seed and gravity.
///
/// # Errors
/// [`ExperimentError::Dataset`].
pub fn transfer_table(results: &Results, folder: &Path) -> Result<(), ExperimentError> {
    let rows: Vec<TransferRow> = results
        .of_its_system()
        .flat_map(|done| {
            done.unit.transfer.tests.iter().map(move |test| TransferRow {
                key: done.learner.key(results.profile),
                seed: done.seed,
                change: test.change.name().into(),
                value: test.value,
                takes_gravity: done.unit.transfer.takes_gravity,
                state_error: test.error,
                truth_error: test.truth_error,
            })
        })
        .collect();
    Ok(write(&folder.join("transfer.parquet"), &rows, &metadata(results))?)
}

/// State error under other gravity: a row of panels for each change, HNNs on the left and N-ODEs on
/// the right; geometric means over seeds.
///
/// # Errors
/// [`ExperimentError::Figure`].
pub fn transfer_figure(results: &Results, stem: &Path) -> Result<(), ExperimentError> {
    let panel = |(change, (dynamics, column)): (Change, (Dynamics, &str))| {
        let mut curves: Vec<Curve> =
            compared(results, dynamics).map(|learner| curve(results, learner, change)).collect();
        // Drawn first, below the models.
        let truth = compared(results, dynamics).next().map(|any| {
            let (x, y) = means(results, any, change, |test| test.truth_error);
            Curve::new("the truth's own error (half its steps)", Style::Truth, x, y)
        });
        curves.splice(0..0, truth);
        let (title, x_label, log_x) = match change {
            Change::Frame => ("gravity and start turned", ANGLE, false),
            Change::Direction => ("gravity turned, start as in training", ANGLE, false),
            Change::Strength => ("strength of gravity", "$g$ / $g$ of the training", true),
        };
        Panel {
            title: format!("{title}, {column}"),
            x_label: x_label.into(),
            y_label: "state relative error".into(),
            log_x,
            log_y: true,
            curves,
            ..Panel::default()
        }
    };
    let of_change = |change| COLUMNS.into_iter().map(move |column| (change, column));
    let mut panels: Vec<Panel> = Change::ALL.into_iter().flat_map(of_change).map(panel).collect();
    for (panel, letter) in panels.iter_mut().zip('a'..) {
        panel.title = format!("({letter}) {}", panel.title);
    }
    Ok(panel_figure(&PanelFigure { panels, columns: COLUMNS.len(), row_height: 300.0 }, stem)?)
}

const ANGLE: &str = "angle from gravity of the training (degrees)";

/// The models of Table 1, and those beside it that are told of gravity too.
fn compared(results: &Results, dynamics: Dynamics) -> impl Iterator<Item = BenchmarkModel> {
    let beside = move |learner: &BenchmarkModel| {
        learner.dynamics() == dynamics && of_learner(results, *learner).next().is_some()
    };
    learners(results, dynamics).chain(BenchmarkModel::BESIDE_TABLE1.into_iter().filter(beside))
}

/// Errors of a model against the value of a change.
fn curve(results: &Results, learner: BenchmarkModel, change: Change) -> Curve {
    let told = of_learner(results, learner).all(|done| done.unit.transfer.takes_gravity);
    let label = if told { learner.label() } else { format!("{} (not told)", learner.label()) };
    let (x, y) = means(results, learner, change, |test| test.error);
    Curve::new(label, style(learner), x, y)
}

/// The values of a change, and at each the geometric mean over seeds of a number.
fn means(
    results: &Results,
    learner: BenchmarkModel,
    change: Change,
    number: fn(&TransferError) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let of_seed = |done: &Done| -> Vec<TransferError> {
        let tests = done.unit.transfer.tests.iter();
        tests.filter(|test| test.change == change).copied().collect()
    };
    let seeds: Vec<Vec<TransferError>> = of_learner(results, learner).map(of_seed).collect();
    let mean = |i: usize| {
        let logs = seeds.iter().map(|tests| number(&tests[i]).ln());
        (logs.sum::<f64>() / seeds.len() as f64).exp()
    };
    let Some(first) = seeds.first() else { return Default::default() };
    (first.iter().map(|test| test.value).collect(), (0..first.len()).map(mean).collect())
}
