//! Panels of curves over shared legends: the form of most figures.

use std::path::Path;

use plotters::backend::DrawingBackend;

use super::axis::Axis;
use super::canvas::{Align, Canvas, GREY, INK, PALE, Point, Rect, TextLook, label_width};
use super::font::Face;
use super::legend::Legend;
use super::style::{REFERENCE, SHADE, Style, mark, reference_dashes};
use super::{Drawing, Error, save};

/// Width of every figure in shown pixels: about seven inches.
pub const WIDTH: f64 = 800.0;
/// Size of tick labels and legends.
pub const TICK_TEXT: f64 = 12.0;
/// Size of axis labels and titles.
pub const LABEL_TEXT: f64 = 13.0;
/// Free space around the axes of a panel: left, top, right, bottom.
const MARGINS: [f64; 4] = [66.0, 30.0, 16.0, 46.0];

/// A curve, with or without a band.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Name in the legend; the same name and style in several panels stand there once, an empty one
    /// not at all.
    pub label: String,
    /// Look.
    pub style: Style,
    /// Abscissae. Points that an axis cannot show (not finite; on a logarithmic axis not positive)
    /// interrupt the curve.
    pub x: Vec<f64>,
    /// Ordinates, as many.
    pub y: Vec<f64>,
    /// Lower edge of the band, as many, or empty for no band.
    pub lower: Vec<f64>,
    /// Upper edge of the band, as many, or empty for no band.
    pub upper: Vec<f64>,
}

impl Curve {
    /// A curve without a band.
    pub fn new(label: impl Into<String>, style: Style, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { label: label.into(), style, x, y, lower: Vec::new(), upper: Vec::new() }
    }

    /// The same curve with a band, for instance of 95 %.
    pub fn with_band(self, lower: Vec<f64>, upper: Vec<f64>) -> Self {
        Self { lower, upper, ..self }
    }

    fn check(&self) -> Result<(), Error> {
        let n = self.x.len();
        let band = if self.lower.is_empty() && self.upper.is_empty() { 0 } else { n };
        Error::check_length(&self.label, "y", self.y.len(), n)?;
        Error::check_length(&self.label, "lower", self.lower.len(), band)?;
        Error::check_length(&self.label, "upper", self.upper.len(), band)
    }
}

/// A horizontal line to compare with.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceLine {
    /// Name in the legend.
    pub label: String,
    /// Ordinate.
    pub value: f64,
}

/// Axes with curves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// Title above the axes; may be empty.
    pub title: String,
    /// Name of the abscissa, with its unit.
    pub x_label: String,
    /// Name of the ordinate, with its unit.
    pub y_label: String,
    /// Whether the abscissa is logarithmic.
    pub log_x: bool,
    /// Whether the ordinate is logarithmic.
    pub log_y: bool,
    /// Range of the ordinate to show; None: all of it. Curves are cut at the frame.
    pub y_range: Option<(f64, f64)>,
    /// Curves, later ones on top.
    pub curves: Vec<Curve>,
    /// Horizontal lines.
    pub references: Vec<ReferenceLine>,
    /// Range of the abscissa to shade: that of the data.
    pub shaded: Option<(f64, f64)>,
}

/// Panels in rows, with one legend below.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelFigure {
    /// Panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels in a row, at least one.
    pub columns: usize,
    /// Height of a row in pixels at a figure width of 800.
    pub row_height: f64,
}

/// Writes panels as `stem.svg` and `stem.png`.
///
/// # Errors
/// No panel with a point to draw, arrays of unequal length, a file that cannot be written.
pub fn panel_figure(data: &PanelFigure, stem: &Path) -> Result<(), Error> {
    for curve in data.panels.iter().flat_map(|panel| &panel.curves) {
        curve.check()?;
    }
    let frame = Rect { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
    if !data.panels.iter().any(|panel| axes(panel, frame).is_some()) {
        let name = data.panels.first().map_or("figure", |panel| &panel.y_label);
        return Err(Error::Empty(name.to_string()));
    }
    save(data, stem)
}

impl PanelFigure {
    fn rows(&self) -> usize {
        self.panels.len().div_ceil(self.columns.max(1))
    }
}

impl Drawing for PanelFigure {
    fn size(&self) -> (f64, f64) {
        let legend = Legend::new(&self.panels);
        (WIDTH, (self.rows() as f64 * self.row_height + legend.height()).round())
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), Error> {
        let columns = self.columns.max(1);
        let width = WIDTH / columns as f64;
        for (i, panel) in self.panels.iter().enumerate() {
            let (x0, y0) = ((i % columns) as f64 * width, (i / columns) as f64 * self.row_height);
            draw_panel(canvas, panel, Rect { x0, y0, x1: x0 + width, y1: y0 + self.row_height })?;
        }
        Legend::new(&self.panels).draw(canvas, self.rows() as f64 * self.row_height)
    }
}

/// Axes that hold everything in the panel, or None if there is nothing.
fn axes(panel: &Panel, frame: Rect) -> Option<(Axis, Axis)> {
    let shows = |v: f64, log: bool| v.is_finite() && !(log && v <= 0.0);
    let points = |c: &Curve| -> Vec<(f64, f64)> {
        let both = c.x.iter().zip(&c.y).map(|(&x, &y)| (x, y));
        both.filter(|&(x, y)| shows(x, panel.log_x) && shows(y, panel.log_y)).collect()
    };
    let points: Vec<_> = panel.curves.iter().flat_map(points).collect();
    let bands = panel.curves.iter().flat_map(|c| c.lower.iter().chain(&c.upper).copied());
    let all =
        points.iter().map(|p| p.1).chain(bands).chain(panel.references.iter().map(|r| r.value));
    let y: Vec<f64> = panel.y_range.map_or_else(|| all.collect(), |(low, high)| vec![low, high]);
    let x_margin =
        if panel.curves.iter().all(|c| matches!(c.style, Style::Series(_) | Style::Model { .. })) {
            0.0
        } else {
            0.06
        };
    let abscissae = panel.curves.iter().flat_map(|c| &c.x).copied().filter(|_| !points.is_empty());
    let x = Axis::new(abscissae, panel.log_x, x_margin, (frame.x0, frame.x1))?;
    let y_margin = if panel.y_range.is_some() { 0.0 } else { 0.06 };
    Some((x, Axis::new(y.into_iter(), panel.log_y, y_margin, (frame.y1, frame.y0))?))
}

/// Draws a panel into an area and returns its axes, or None if it has nothing to show.
pub fn draw_panel<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    panel: &Panel,
    area: Rect,
) -> Result<Option<(Axis, Axis)>, Error> {
    let [left, top, right, bottom] = MARGINS;
    let frame =
        Rect { x0: area.x0 + left, y0: area.y0 + top, x1: area.x1 - right, y1: area.y1 - bottom };
    let middle = 0.5 * (frame.x0 + frame.x1);
    canvas.text(
        &panel.title,
        (middle, frame.y0 - 9.0),
        TextLook::new(LABEL_TEXT, Align::Centre).face(Face::Bold),
    )?;
    canvas.text(
        &panel.x_label,
        (middle, frame.y1 + 36.0),
        TextLook::new(LABEL_TEXT, Align::Centre),
    )?;
    let Some((x, y)) = axes(panel, frame) else {
        let centre = (middle, 0.5 * (frame.y0 + frame.y1));
        canvas.text("no data", centre, TextLook::new(LABEL_TEXT, Align::Centre).colour(GREY))?;
        outline(canvas, frame)?;
        return Ok(None);
    };
    if let Some((from, to)) = panel.shaded.filter(|&(from, to)| x.shows(from) && x.shows(to)) {
        let [x0, x1] = [from, to].map(|v| x.place(v).clamp(frame.x0, frame.x1));
        canvas.fill(&Rect { x0, x1, ..frame }.corners(), SHADE, 1.0)?;
    }
    let label_room = draw_ticks(canvas, frame, &x, &y)?;
    let at = (frame.x0 - label_room - 13.0, 0.5 * (frame.y0 + frame.y1));
    canvas.text(&panel.y_label, at, TextLook::new(LABEL_TEXT, Align::Centre).upward())?;
    // Many bands on top of each other would hide everything: they are paler then.
    let alpha = if panel.curves.len() > 4 { 0.07 } else { 0.15 };
    panel.curves.iter().try_for_each(|curve| draw_band(canvas, curve, alpha, frame, (&x, &y)))?;
    for (i, line) in panel.references.iter().enumerate().filter(|(_, line)| y.shows(line.value)) {
        let level = y.place(line.value);
        for piece in clip(&[(frame.x0, level), (frame.x1, level)], frame) {
            canvas.dashed(&piece, REFERENCE, 1.1, reference_dashes(i))?;
        }
    }
    outline(canvas, frame)?;
    panel.curves.iter().try_for_each(|curve| draw_curve(canvas, curve, frame, &x, &y))?;
    Ok(Some((x, y)))
}

fn outline<DB: DrawingBackend>(canvas: &mut Canvas<DB>, frame: Rect) -> Result<(), Error> {
    let [a, b, c, d] = frame.corners();
    canvas.line(&[a, b, c, d, a, b], INK, 0.9)
}

/// Grid, ticks and their labels; returns the width of the widest label of the ordinate.
fn draw_ticks<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    frame: Rect,
    x: &Axis,
    y: &Axis,
) -> Result<f64, Error> {
    let inside = |p: f64, from: f64, to: f64| p >= from.min(to) - 0.3 && p <= from.max(to) + 0.3;
    let ((x_ticks, x_minor), (y_ticks, y_minor)) = (x.ticks(), y.ticks());
    let mut widest: f64 = 0.0;
    for (p, label) in x_ticks
        .iter()
        .map(|(v, label)| (x.place(*v), label))
        .filter(|(p, _)| inside(*p, frame.x0, frame.x1))
    {
        canvas.line(&[(p, frame.y0), (p, frame.y1)], PALE, 0.7)?;
        canvas.line(&[(p, frame.y1), (p, frame.y1 + 5.0)], INK, 0.9)?;
        canvas.text(label, (p, frame.y1 + 18.0), TextLook::new(TICK_TEXT, Align::Centre))?;
    }
    for (p, label) in y_ticks
        .iter()
        .map(|(v, label)| (y.place(*v), label))
        .filter(|(p, _)| inside(*p, frame.y0, frame.y1))
    {
        canvas.line(&[(frame.x0, p), (frame.x1, p)], PALE, 0.7)?;
        canvas.line(&[(frame.x0 - 5.0, p), (frame.x0, p)], INK, 0.9)?;
        canvas.text(
            label,
            (frame.x0 - 8.0, p + 0.36 * TICK_TEXT),
            TextLook::new(TICK_TEXT, Align::Right),
        )?;
        widest = widest.max(label_width(label, TICK_TEXT, Face::Regular));
    }
    for p in x_minor.iter().map(|&v| x.place(v)).filter(|&p| inside(p, frame.x0, frame.x1)) {
        canvas.line(&[(p, frame.y1), (p, frame.y1 + 2.8)], INK, 0.7)?;
    }
    for p in y_minor.iter().map(|&v| y.place(v)).filter(|&p| inside(p, frame.y0, frame.y1)) {
        canvas.line(&[(frame.x0 - 2.8, p), (frame.x0, p)], INK, 0.7)?;
    }
    Ok(widest)
}

/// The band of a curve, cut at the frame; a lower edge of zero or less on a logarithmic axis
/// reaches down to the frame.
fn draw_band<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    curve: &Curve,
    alpha: f64,
    frame: Rect,
    (x, y): (&Axis, &Axis),
) -> Result<(), Error> {
    let edges = curve.lower.iter().zip(&curve.upper);
    let points: Vec<_> =
        curve.x.iter().zip(edges).map(|(&t, (&low, &high))| (t, low, high)).collect();
    for part in points.split(|&(t, low, high)| !x.shows(t) || !y.shows(high) || !low.is_finite()) {
        let level =
            |v: f64| if y.shows(v) { y.place(v).clamp(frame.y0, frame.y1) } else { frame.y1 };
        let along = |t: f64| x.place(t).clamp(frame.x0, frame.x1);
        let lower = part.iter().map(|&(t, low, _)| (along(t), level(low)));
        let upper = part.iter().rev().map(|&(t, _, high)| (along(t), level(high)));
        let polygon: Vec<Point> = lower.chain(upper).collect();
        if part.len() > 1 {
            canvas.fill(&polygon, curve.style.colour(), alpha)?;
        }
    }
    Ok(())
}

/// The line of a curve, cut at the frame, with markers.
fn draw_curve<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    curve: &Curve,
    frame: Rect,
    x: &Axis,
    y: &Axis,
) -> Result<(), Error> {
    let points: Vec<_> = curve.x.iter().zip(&curve.y).map(|(&x, &y)| (x, y)).collect();
    let colour = curve.style.colour();
    let mut placed: Vec<Point> = Vec::new();
    for part in points.split(|&(u, v)| !x.shows(u) || !y.shows(v)) {
        let path: Vec<Point> = part.iter().map(|&(u, v)| (x.place(u), y.place(v))).collect();
        if let Some(width) = curve.style.width() {
            clip(&path, frame)
                .iter()
                .try_for_each(|piece| canvas.dashed(piece, colour, width, curve.style.dashes()))?;
        }
        placed.extend(path);
    }
    let within = |&(u, v): &Point| {
        u >= frame.x0 - 0.5 && u <= frame.x1 + 0.5 && v >= frame.y0 - 0.5 && v <= frame.y1 + 0.5
    };
    let shown = marked(&placed, curve.style, frame);
    shown
        .iter()
        .filter(|p| within(p))
        .try_for_each(|&p| mark(canvas, curve.style.marker(), p, 3.1, colour))
}

/// Points that bear a marker: all of a short curve; of a long one some at distances that differ
/// from curve to curve.
fn marked(path: &[Point], style: Style, frame: Rect) -> Vec<Point> {
    let i = match style {
        Style::Series(i) => i,
        Style::Model { colour, dashes, .. } => colour + 3 * dashes,
        _ => return path.to_vec(),
    };
    if path.len() <= 16 {
        return path.to_vec();
    }
    let spacing = (frame.x1 - frame.x0) / 5.0;
    let first = frame.x0 + spacing * (0.15 + 0.7 * (0.381_966 * i as f64).fract());
    let places = (0..5).map(|k| first + f64::from(k) * spacing);
    places
        .filter_map(|at| path.windows(2).find(|w| w[0].0 <= at && at < w[1].0).map(|w| w[0]))
        .collect()
}

/// The pieces of a polyline inside a rectangle (Y.-D. Liang and B. Barsky, 1984).
fn clip(path: &[Point], frame: Rect) -> Vec<Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let mut open = false;
    for pair in path.windows(2) {
        let ((x0, y0), (dx, dy)) = (pair[0], (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        for (step, room) in
            [(-dx, x0 - frame.x0), (dx, frame.x1 - x0), (-dy, y0 - frame.y0), (dy, frame.y1 - y0)]
        {
            if step < 0.0 {
                enter = enter.max(room / step);
            } else if step > 0.0 {
                leave = leave.min(room / step);
            } else if room < 0.0 {
                leave = -1.0;
            }
        }
        if enter > leave {
            open = false;
            continue;
        }
        let at = |share: f64| (x0 + share * dx, y0 + share * dy);
        if !(open && enter == 0.0) {
            pieces.push(vec![at(enter)]);
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(at(leave));
        }
        open = leave == 1.0;
    }
    pieces
}
