//! Figures made of panels: errors, phase space, training, recovered laws.

use std::path::Path;

use ndarray::Array2;
use plotters::backend::DrawingBackend;

use super::canvas::{Align, Canvas, GREY, INK, Point, Rect, TextLook, tint};
use super::font::Face;
use super::legend::wrapped;
use super::panel::{
    Curve, Panel, PanelFigure, ReferenceLine, TICK_TEXT, WIDTH, draw_panel, panel_figure,
};
use super::style::{Marker, PALETTE, Style, mark};
use super::{Drawing, Error, save};

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
    /// Range to show; None: all of it.
    pub range: Option<(f64, f64)>,
}

/// Writes figure 3: relative errors of angular momentum and of state against time.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn figure3(data: &ErrorCurves, stem: &Path) -> Result<(), Error> {
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

/// A model in a figure of points: name, look, and the points.
pub type ModelPoints = (String, Style, Vec<(f64, f64)>);

/// Final error against the time that training took.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorSeconds {
    /// Title of each panel and its models: name, look, and for each seed seconds and error.
    pub panels: Vec<(String, Vec<ModelPoints>)>,
    /// Lines to compare with, for each panel.
    pub references: Vec<Vec<ReferenceLine>>,
}

/// Writes error against seconds, one point a model and seed.
///
/// # Errors
/// No point to draw, a file that cannot be written.
pub fn error_seconds(data: &ErrorSeconds, stem: &Path) -> Result<(), Error> {
    let curve = |(label, style, points): &(String, Style, Vec<(f64, f64)>)| {
        let (x, y) = points.iter().copied().unzip();
        Curve::new(label, *style, x, y)
    };
    let panel = |(i, (title, models)): (usize, &(String, Vec<_>))| Panel {
        title: title.clone(),
        x_label: "seconds of training".to_string(),
        y_label: "state relative error".to_string(),
        log_x: true,
        log_y: true,
        curves: models.iter().map(curve).collect(),
        references: data.references.get(i).cloned().unwrap_or_default(),
        ..Panel::default()
    };
    let panels = data.panels.iter().enumerate().map(panel).collect();
    panel_figure(&PanelFigure { panels, columns: data.panels.len(), row_height: 350.0 }, stem)
}

/// Error of fits against the noise of their data.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseCurves {
    /// Relative errors of rollouts against percent of noise, one curve a model.
    pub errors: Vec<Curve>,
    /// The bound over these errors, likewise.
    pub efficiencies: Vec<Curve>,
    /// Draws of the noise.
    pub seeds: u64,
}

/// Writes error and efficiency against noise.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn noise(data: &NoiseCurves, stem: &Path) -> Result<(), Error> {
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
    /// Names and states of the predictions.
    pub predictions: Vec<(String, Array2<f64>)>,
}

/// Writes momentum against position for each particle (rows) and axis (columns).
///
/// # Errors
/// No point to draw, states whose length is not 2 N d, a file that cannot be written.
pub fn phase_space(data: &PhaseSpace, stem: &Path) -> Result<(), Error> {
    let half = data.particles * data.dimension;
    let labelled = data
        .predictions
        .iter()
        .enumerate()
        .map(|(i, (label, z))| (label.as_str(), Style::Overlay(i + 1), z));
    let all: Vec<_> =
        std::iter::once(("truth", Style::Truth, &data.truth)).chain(labelled).collect();
    for (label, _, states) in &all {
        Error::check_length(label, "state", states.ncols(), 2 * half)?;
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
    /// Look.
    pub style: Style,
    /// Cost so far at each record: field evaluations, or iterations.
    pub cost: Vec<f64>,
    /// Loss.
    pub loss: Vec<f64>,
    /// Norm of the gradient of the loss.
    pub gradient_norm: Vec<f64>,
    /// Cost and loss on validation data, where that was taken.
    pub validation: Vec<(f64, f64)>,
}

/// Writes loss, validation loss (if there is any) and gradient norm (rows) against the cost that
/// `cost_label` names, for each group of trainings (columns) with its title.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn training_history(
    groups: &[(String, Vec<TrainingRun>)],
    cost_label: &str,
    stem: &Path,
) -> Result<(), Error> {
    let row = |name: &str, curve: &dyn Fn(&TrainingRun) -> Curve| -> Vec<Panel> {
        let panel = |(title, runs): &(String, Vec<TrainingRun>)| Panel {
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
        let (cost, loss) = run.validation.iter().copied().unzip();
        Curve::new(&run.label, run.style, cost, loss)
    };
    let mut panels = row("training loss", &loss);
    if groups.iter().any(|(_, runs)| runs.iter().any(|run| !run.validation.is_empty())) {
        panels.extend(row("validation loss", &validation));
    }
    panels.extend(row("gradient norm", &gradient));
    panel_figure(&PanelFigure { panels, columns: groups.len(), row_height: 290.0 }, stem)
}

/// A one-dimensional part of a learned function, and the closed form read from it.
#[derive(Clone, Debug, PartialEq)]
pub struct ForceCurve {
    /// Title of its panel.
    pub title: String,
    /// Name of the argument.
    pub x_label: String,
    /// Name of the value.
    pub y_label: String,
    /// Arguments.
    pub x: Vec<f64>,
    /// Learned values, as many.
    pub learned: Vec<f64>,
    /// Values of the closed form, as many.
    pub closed_form: Vec<f64>,
    /// Range of the argument in the data.
    pub data_range: (f64, f64),
}

/// Writes learned curves with their closed forms on top and the range of the data shaded.
///
/// # Errors
/// No point to draw, arrays of unequal length, a file that cannot be written.
pub fn force_curves(parts: &[ForceCurve], stem: &Path) -> Result<(), Error> {
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

/// An expression on the Pareto front.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Expression; a long one is cut in the figure.
    pub expression: String,
    /// Complexity.
    pub complexity: f64,
    /// Error.
    pub error: f64,
}

/// Error against complexity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParetoFront {
    /// Expressions by increasing complexity.
    pub candidates: Vec<Candidate>,
    /// Index of the chosen one.
    pub chosen: Option<usize>,
}

/// Most expressions that the key below the front lists.
const KEY_ROWS: usize = 24;
const KEY_ROW: f64 = 19.0;
/// Width of the expressions in the key, and the indentation of their later lines.
const KEY_WIDTH: f64 = 578.0;
const INDENT: f64 = 12.0;
const PLOT_HEIGHT: f64 = 330.0;

/// Writes the Pareto front: error against complexity, with the chosen expression marked and a key
/// to the expressions.
///
/// # Errors
/// No point to draw, a file that cannot be written.
pub fn pareto(front: &ParetoFront, stem: &Path) -> Result<(), Error> {
    if front.panel().y_range.is_none() {
        return Err(Error::Empty("Pareto front".to_string()));
    }
    save(front, stem)
}

impl ParetoFront {
    fn panel(&self) -> Panel {
        let (x, y): (Vec<_>, Vec<_>) =
            self.candidates.iter().map(|c| (c.complexity, c.error)).unzip();
        let shown = self
            .candidates
            .iter()
            .filter(|c| c.error.is_finite() && c.error > 0.0 && c.complexity.is_finite());
        let room = |range: Option<(f64, f64)>, e: f64| {
            Some(range.map_or((e / 2.0, e * 3.0), |(l, h)| (l.min(e / 2.0), h.max(e * 3.0))))
        };
        Panel {
            title: "error against complexity".to_string(),
            x_label: "complexity (nodes of the expression)".to_string(),
            y_label: "error".to_string(),
            log_y: true,
            y_range: shown.map(|c| c.error).fold(None, room),
            curves: vec![Curve::new("", Style::Points(0), x, y)],
            ..Panel::default()
        }
    }

    fn draw_key<DB: DrawingBackend>(
        &self,
        canvas: &mut Canvas<DB>,
        area: Rect,
    ) -> Result<(), Error> {
        let columns = [area.x0 + 24.0, area.x0 + 84.0, area.x0 + 150.0, area.x0 + 166.0];
        let put = |canvas: &mut Canvas<DB>, texts: [&str; 4], y: f64, look: TextLook| {
            let aligned = [Align::Right, Align::Right, Align::Right, Align::Left]
                .map(|align| TextLook { align, ..look });
            texts
                .into_iter()
                .zip(columns)
                .zip(aligned)
                .try_for_each(|((text, x), look)| canvas.text(text, (x, y), look))
        };
        let regular = TextLook::new(TICK_TEXT, Align::Left);
        put(canvas, ["no.", "nodes", "error", "expression"], area.y0, regular.face(Face::Bold))?;
        canvas.line(&[(area.x0 - 6.0, area.y0 + 6.0), (area.x1, area.y0 + 6.0)], INK, 0.9)?;
        let mut y = area.y0 + 0.2 * KEY_ROW;
        for (i, candidate) in self.candidates.iter().take(KEY_ROWS).enumerate() {
            y += KEY_ROW;
            let (chosen, lines) = (self.chosen == Some(i), self.lines(i));
            let last = y + (lines.len() - 1) as f64 * KEY_ROW;
            if chosen {
                let (y0, y1) = (y - 13.5, last + 5.5);
                canvas.fill(
                    &Rect { x0: area.x0 - 6.0, y0, x1: area.x1, y1 }.corners(),
                    PALETTE[1],
                    0.18,
                )?;
            }
            let numbers = [
                (i + 1).to_string(),
                candidate.complexity.to_string(),
                format!("{:.1e}", candidate.error),
            ];
            put(
                canvas,
                [&numbers[0], &numbers[1], &numbers[2], &lines[0]],
                y,
                regular.face(self.face(i)),
            )?;
            for line in &lines[1..] {
                y += KEY_ROW;
                canvas.text(line, (columns[3] + INDENT, y), regular.face(self.face(i)))?;
            }
        }
        let (more, y) = (self.candidates.len().saturating_sub(KEY_ROWS), y + KEY_ROW);
        if more > 0 {
            canvas.text(&format!("and {more} more"), (columns[3], y), regular.colour(GREY))
        } else {
            Ok(())
        }
    }

    fn face(&self, candidate: usize) -> Face {
        if self.chosen == Some(candidate) { Face::Bold } else { Face::Regular }
    }

    /// A candidate's expression, in lines that fit the key.
    fn lines(&self, candidate: usize) -> Vec<String> {
        wrapped(&self.candidates[candidate].expression, KEY_WIDTH, TICK_TEXT, self.face(candidate))
    }
}

impl Drawing for ParetoFront {
    fn size(&self) -> (f64, f64) {
        let shown = self.candidates.len().min(KEY_ROWS);
        let lines: usize = (0..shown).map(|i| self.lines(i).len()).sum();
        let more = usize::from(self.candidates.len() > shown);
        (WIDTH, PLOT_HEIGHT + 36.0 + (lines + more) as f64 * KEY_ROW)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), Error> {
        let plot = Rect { x0: 0.0, y0: 0.0, x1: WIDTH, y1: PLOT_HEIGHT };
        if let Some((x, y)) = draw_panel(canvas, &self.panel(), plot)? {
            let shown = self
                .candidates
                .iter()
                .enumerate()
                .filter(|(_, c)| x.shows(c.complexity) && y.shows(c.error));
            let points: Vec<(usize, Point)> =
                shown.map(|(i, c)| (i, (x.place(c.complexity), y.place(c.error)))).collect();
            let path: Vec<Point> = points.iter().map(|p| p.1).collect();
            canvas.line(&path, tint(PALETTE[0], 0.35), 1.2)?;
            for &(i, (px, py)) in &points {
                let colour = PALETTE[usize::from(self.chosen == Some(i))];
                let radius = if self.chosen == Some(i) { 5.5 } else { 3.6 };
                mark(canvas, Marker::Disc, (px, py), radius, colour)?;
                canvas.text(
                    &(i + 1).to_string(),
                    (px + 5.0, py - 6.0),
                    TextLook::new(11.5, Align::Left).colour(colour),
                )?;
            }
        }
        self.draw_key(
            canvas,
            Rect { x0: 24.0, y0: PLOT_HEIGHT + 18.0, x1: WIDTH - 16.0, y1: self.size().1 },
        )
    }
}
