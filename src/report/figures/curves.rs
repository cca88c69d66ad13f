//! Figures made of panels: errors, phase space, training, recovered laws.

use std::path::Path;

use ndarray::Array2;

use super::curve::{Curve, Interval, Panel, ReferenceLine};
use super::error::FigureError;
use super::panel::{PanelFigure, panel_figure};
use super::style::Style;

/// Relative errors against time, for figure 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorCurves {
    /// Name of the abscissa; empty for "time t (model units)".
    pub time_label: String,
    /// Panels, row by row.
    pub panels: Vec<ErrorPanel>,
    /// Panels in a row.
    pub columns: usize,
}

/// A panel of [`ErrorCurves`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorPanel {
    /// What the errors are of; a letter is put before it.
    pub title: String,
    /// Relative errors, one curve a model.
    pub curves: Vec<Curve>,
    /// Lines to compare with.
    pub references: Vec<ReferenceLine>,
    /// Range of the error to show; None: all of it.
    pub range: Option<Interval>,
}

/// Writes figure 3: relative errors of angular momentum and of state against time.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn figure3(data: &ErrorCurves, stem: &Path) -> Result<(), FigureError> {
    let time = if data.time_label.is_empty() { "time $t$ (model units)" } else { &data.time_label };
    let panel = |(panel, letter): (&ErrorPanel, char)| Panel {
        title: format!("({letter}) {}", panel.title),
        x_label: time.to_string(),
        y_label: "relative error".to_string(),
        log_y: true,
        y_range: panel.range,
        curves: panel.curves.clone(),
        references: panel.references.clone(),
        ..Panel::default()
    };
    let panels: Vec<Panel> = data.panels.iter().zip('a'..).map(panel).collect();
    let row_height = if panels.len() > 2 { 300.0 } else { 350.0 };
    panel_figure(&PanelFigure { panels, columns: data.columns, row_height }, stem)
}

/// Final error against the time that training took.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorSeconds {
    /// Panels, side by side.
    pub panels: Vec<SecondsPanel>,
}

/// A panel of [`ErrorSeconds`].
#[derive(Clone, Debug, PartialEq)]
pub struct SecondsPanel {
    /// Title above the panel.
    pub title: String,
    /// The models that are shown.
    pub models: Vec<ModelPoints>,
    /// Lines to compare with.
    pub references: Vec<ReferenceLine>,
}

/// A model in a figure of points.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPoints {
    /// Name in the legend.
    pub label: String,
    /// Colour, dashes and marker.
    pub style: Style,
    /// One point a seed.
    pub points: Vec<TrainedPoint>,
}

/// One training in a figure of points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainedPoint {
    /// Seconds that the training took.
    pub seconds: f64,
    /// Relative error of the trained model's rollouts.
    pub error: f64,
}

/// Writes error against seconds, one point a model and seed.
///
/// # Errors
/// No point to draw, a file that cannot be written.
pub fn error_seconds(data: &ErrorSeconds, stem: &Path) -> Result<(), FigureError> {
    let curve = |model: &ModelPoints| {
        let (x, y) = model.points.iter().map(|point| (point.seconds, point.error)).unzip();
        Curve::new(&model.label, model.style, x, y)
    };
    let panel = |panel: &SecondsPanel| Panel {
        title: panel.title.clone(),
        x_label: "seconds of training".to_string(),
        y_label: "state relative error".to_string(),
        log_x: true,
        log_y: true,
        curves: panel.models.iter().map(curve).collect(),
        references: panel.references.clone(),
        ..Panel::default()
    };
    let panels = data.panels.iter().map(panel).collect();
    panel_figure(&PanelFigure { panels, columns: data.panels.len(), row_height: 350.0 }, stem)
}

/// Error of fits against the noise of their data.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseCurves {
    /// Relative errors of rollouts against percent of noise, one curve a model.
    pub errors: Vec<Curve>,
    /// The Cramer-Rao bound over these errors against percent of noise, one curve a model.
    pub efficiencies: Vec<Curve>,
    /// Number of draws of the noise at each level.
    pub seeds: u64,
}

/// Writes error and efficiency against noise.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn noise(data: &NoiseCurves, stem: &Path) -> Result<(), FigureError> {
    let draws = match data.seeds {
        1 => "one draw of the noise".to_string(),
        n => format!("median and range of {n} draws"),
    };
    let panel = |title: String, y_label: &str, curves: &[Curve], log_y: bool| Panel {
        title,
        x_label: "noise (% of each column's standard deviation)".to_string(),
        y_label: y_label.to_string(),
        log_x: true,
        log_y,
        curves: curves.to_vec(),
        ..Panel::default()
    };
    let mut efficiency = panel(
        "(b) efficiency".to_string(),
        "error of the bound / error",
        &data.efficiencies,
        false,
    );
    efficiency.references = vec![ReferenceLine { label: String::new(), value: 1.0 }];
    let error =
        panel(format!("(a) error: {draws}"), "relative error of the state", &data.errors, true);
    panel_figure(
        &PanelFigure { panels: vec![error, efficiency], columns: 2, row_height: 350.0 },
        stem,
    )
}

/// One trajectory and its predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseSpace {
    /// Number of particles.
    pub particles: usize,
    /// Dimension of space, 1 to 3.
    pub dimension: usize,
    /// True states z = (q1, .., qN, p1, .., pN), one a row.
    pub truth: Array2<f64>,
    /// Predictions of that trajectory by models.
    pub predictions: Vec<Prediction>,
}

/// A predicted trajectory.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Name in the legend.
    pub label: String,
    /// Predicted states, one a row, of as many components as the truth.
    pub states: Array2<f64>,
}

/// Writes momentum against position for each particle (rows) and axis (columns).
///
/// # Errors
/// No point to draw, states whose length is not 2 N d, a file that cannot be written.
pub fn phase_space(data: &PhaseSpace, stem: &Path) -> Result<(), FigureError> {
    let half = data.particles * data.dimension;
    let labelled = data
        .predictions
        .iter()
        .enumerate()
        .map(|(i, p)| (p.label.as_str(), Style::Overlay(i + 1), &p.states));
    let all: Vec<_> =
        std::iter::once(("truth", Style::Truth, &data.truth)).chain(labelled).collect();
    for (label, _, states) in &all {
        FigureError::check_length(label, "state", states.ncols(), 2 * half)?;
    }
    let panel = |k: usize| {
        let (mass, axis) =
            (k / data.dimension + 1, ["x", "y", "z"].get(k % data.dimension).unwrap_or(&"?"));
        let curve = |&(label, style, states): &(&str, Style, &Array2<f64>)| {
            Curve::new(label, style, states.column(k).to_vec(), states.column(half + k).to_vec())
        };
        Panel {
            title: format!("mass {mass}, ${axis}$ axis"),
            x_label: format!("position $q$_{{{mass},$ {axis}$}}").replace("$ ", "$"),
            y_label: format!("momentum $p$_{{{mass},$ {axis}$}}").replace("$ ", "$"),
            curves: all.iter().map(curve).collect(),
            ..Panel::default()
        }
    };
    let panels = (0..half).map(panel).collect();
    panel_figure(&PanelFigure { panels, columns: data.dimension.max(1), row_height: 255.0 }, stem)
}

/// What was recorded during a training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingRun {
    /// Name in the legend.
    pub label: String,
    /// Colour, dashes and marker.
    pub style: Style,
    /// Cost so far at each record: field evaluations, or iterations.
    pub cost: Vec<f64>,
    /// Loss on the training data at each record.
    pub loss: Vec<f64>,
    /// Norm of the gradient of the loss at each record.
    pub gradient_norm: Vec<f64>,
    /// Loss on validation data, where that was taken.
    pub validation: Vec<ValidationPoint>,
}

/// The loss on validation data during a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValidationPoint {
    /// Cost up to here, in the unit of the run's costs.
    pub cost: f64,
    /// Loss on the validation data.
    pub loss: f64,
}

/// Trainings that share a column of panels.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingGroup {
    /// What the trainings have in common, for the titles of their panels; may be empty.
    pub title: String,
    /// The trainings of the column.
    pub runs: Vec<TrainingRun>,
}

/// Writes loss, validation loss (if there is any) and gradient norm (rows) against the cost that
/// `cost_label` names, for each group of trainings (columns) with its title.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn training_history(
    groups: &[TrainingGroup],
    cost_label: &str,
    stem: &Path,
) -> Result<(), FigureError> {
    let row = |name: &str, curve: &dyn Fn(&TrainingRun) -> Curve| -> Vec<Panel> {
        let panel = |TrainingGroup { title, runs }: &TrainingGroup| Panel {
            title: if title.is_empty() { name.to_string() } else { format!("{name}, {title}") },
            x_label: cost_label.to_string(),
            y_label: name.to_string(),
            log_x: true,
            log_y: true,
            curves: runs.iter().map(curve).collect(),
            ..Panel::default()
        };
        groups.iter().map(panel).collect()
    };
    let loss =
        |run: &TrainingRun| Curve::new(&run.label, run.style, run.cost.clone(), run.loss.clone());
    let gradient = |run: &TrainingRun| {
        Curve::new(&run.label, run.style, run.cost.clone(), run.gradient_norm.clone())
    };
    let validation = |run: &TrainingRun| {
        let (cost, loss) = run.validation.iter().map(|point| (point.cost, point.loss)).unzip();
        Curve::new(&run.label, run.style, cost, loss)
    };
    let mut panels = row("training loss", &loss);
    if groups.iter().flat_map(|group| &group.runs).any(|run| !run.validation.is_empty()) {
        panels.extend(row("validation loss", &validation));
    }
    panels.extend(row("gradient norm", &gradient));
    panel_figure(&PanelFigure { panels, columns: groups.len(), row_height: 290.0 }, stem)
}

/// A one-dimensional part of a learned function, and the closed form read from it.
#[derive(Clone, Debug, PartialEq)]
pub struct ForceCurve {
    /// Title above the panel.
    pub title: String,
    /// Name of the abscissa, the argument, with its unit.
    pub x_label: String,
    /// Name of the ordinate, the value, with its unit.
    pub y_label: String,
    /// Values of the argument.
    pub x: Vec<f64>,
    /// Learned values, one for each argument.
    pub learned: Vec<f64>,
    /// Values of the closed form, one for each argument.
    pub closed_form: Vec<f64>,
    /// Range of the argument in the data.
    pub data_range: Interval,
}

/// Writes learned curves with their closed forms on top and the range of the data shaded.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn force_curves(parts: &[ForceCurve], stem: &Path) -> Result<(), FigureError> {
    let panel = |part: &ForceCurve| Panel {
        title: part.title.clone(),
        x_label: part.x_label.clone(),
        y_label: part.y_label.clone(),
        curves: vec![
            Curve::new("learned", Style::Truth, part.x.clone(), part.learned.clone()),
            Curve::new("closed form", Style::Overlay(1), part.x.clone(), part.closed_form.clone()),
        ],
        shaded: Some(part.data_range),
        ..Panel::default()
    };
    let columns = if parts.len() == 4 { 2 } else { parts.len().clamp(1, 3) };
    let row_height = if columns == 3 { 270.0 } else { 320.0 };
    panel_figure(
        &PanelFigure { panels: parts.iter().map(panel).collect(), columns, row_height },
        stem,
    )
}
