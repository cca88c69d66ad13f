//! Panels of curves over shared legends: the form of most figures.

use std::path::Path;

use plotters::backend::DrawingBackend;

use super::axis::Axis;
use super::canvas::{Canvas, LABEL_TEXT, Point, Rect, TICK_TEXT, WIDTH};
use super::colour::{GREY, INK, PALE};
use super::curve::{Curve, Panel};
use super::error::FigureError;
use super::font::Face;
use super::legend::Legend;
use super::output::{Drawing, save};
use super::style::{REFERENCE, SHADE, Style, mark, reference_dashes};
use super::text::{Align, TextLook, label_width, shorten, wrapped};

/// Free space around the axes of a panel: left, top, right, bottom.
const MARGINS: [f64; 4] = [66.0, 30.0, 16.0, 46.0];
/// Distance of a title's lines.
const TITLE_LINE: f64 = 17.0;
/// Lines of a title at most: three are as long as the laws that people read.
const TITLE_LINES: usize = 3;
/// Least distance of the texts of neighbouring panels.
const GAP: f64 = 8.0;

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
pub fn panel_figure(data: &PanelFigure, stem: &Path) -> Result<(), FigureError> {
    for curve in data.panels.iter().flat_map(|panel| &panel.curves) {
        curve.check()?;
    }
    let frame = Rect { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
    if !data.panels.iter().any(|panel| axes(panel, frame).is_some()) {
        let name = data.panels.first().map_or("figure", |panel| &panel.y_label);
        return Err(FigureError::Empty(name.to_string()));
    }
    save(data, stem)
}

impl PanelFigure {
    /// The area of each panel, and the height of all. A row whose titles take more lines is higher
    /// by these.
    fn areas(&self) -> (Vec<Rect>, f64) {
        let columns = self.columns.max(1);
        let width = WIDTH / columns as f64;
        let (mut areas, mut y0) = (Vec::new(), 0.0);
        for row in self.panels.chunks(columns) {
            let place = |i: usize| i as f64 * width;
            let lines = row.iter().enumerate().map(|(i, panel)| {
                let area = Rect { x0: place(i), y0, x1: place(i + 1), y1: y0 + self.row_height };
                title_lines(panel, area).len()
            });
            let more = lines.max().unwrap_or(1).saturating_sub(1) as f64 * TITLE_LINE;
            let y1 = y0 + self.row_height + more;
            areas.extend((0..row.len()).map(|i| Rect {
                x0: place(i),
                y0: y0 + more,
                x1: place(i + 1),
                y1,
            }));
            y0 = y1;
        }
        (areas, y0)
    }
}

impl Drawing for PanelFigure {
    fn size(&self) -> (f64, f64) {
        (WIDTH, (self.areas().1 + Legend::new(&self.panels).height()).round())
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
        let (areas, height) = self.areas();
        for (panel, area) in self.panels.iter().zip(areas) {
            draw_panel(canvas, panel, area)?;
        }
        Legend::new(&self.panels).draw(canvas, height)
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
    let y: Vec<f64> =
        panel.y_range.map_or_else(|| all.collect(), |range| vec![range.low, range.high]);
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

/// The axes' frame in the area of a panel.
fn frame(area: Rect) -> Rect {
    let [left, top, right, bottom] = MARGINS;
    Rect { x0: area.x0 + left, y0: area.y0 + top, x1: area.x1 - right, y1: area.y1 - bottom }
}

/// Width that is free for a text over or below the middle of a panel's frame.
fn free_width(area: Rect) -> f64 {
    let frame = frame(area);
    let middle = 0.5 * (frame.x0 + frame.x1);
    2.0 * (middle - area.x0).min(area.x1 - middle) - GAP
}

/// A panel's title in lines that fit; what needs more than [`TITLE_LINES`] is shortened.
fn title_lines(panel: &Panel, area: Rect) -> Vec<String> {
    let width = free_width(area);
    let mut lines = wrapped(&panel.title, width, LABEL_TEXT, Face::Bold);
    if lines.len() > TITLE_LINES {
        let rest = lines.split_off(TITLE_LINES - 1).join(" ");
        lines.push(shorten(&rest, width, LABEL_TEXT, Face::Bold));
    }
    lines
}

/// Draws a panel into an area and returns its axes, or None if it has nothing to show. Lines of the
/// title but the last stand above the area.
pub fn draw_panel<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    panel: &Panel,
    area: Rect,
) -> Result<Option<(Axis, Axis)>, FigureError> {
    let width = free_width(area);
    let frame = frame(area);
    let middle = 0.5 * (frame.x0 + frame.x1);
    for (i, line) in title_lines(panel, area).iter().rev().enumerate() {
        let look = TextLook::new(LABEL_TEXT, Align::Centre).face(Face::Bold);
        canvas.text(line, (middle, frame.y0 - 9.0 - i as f64 * TITLE_LINE), look)?;
    }
    canvas.text(
        &shorten(&panel.x_label, width, LABEL_TEXT, Face::Regular),
        (middle, frame.y1 + 36.0),
        TextLook::new(LABEL_TEXT, Align::Centre),
    )?;
    let Some((x, y)) = axes(panel, frame) else {
        let centre = (middle, 0.5 * (frame.y0 + frame.y1));
        canvas.text("no data", centre, TextLook::new(LABEL_TEXT, Align::Centre).colour(GREY))?;
        outline(canvas, frame)?;
        return Ok(None);
    };
    if let Some(range) = panel.shaded.filter(|range| x.shows(range.low) && x.shows(range.high)) {
        let [x0, x1] = [range.low, range.high].map(|v| x.place(v).clamp(frame.x0, frame.x1));
        canvas.fill(&Rect { x0, x1, ..frame }.corners(), SHADE, 1.0)?;
    }
    let label_room = draw_ticks(canvas, frame, &x, &y)?;
    let at = (frame.x0 - label_room - 13.0, 0.5 * (frame.y0 + frame.y1));
    let y_label = shorten(&panel.y_label, area.y1 - area.y0 - GAP, LABEL_TEXT, Face::Regular);
    canvas.text(&y_label, at, TextLook::new(LABEL_TEXT, Align::Centre).upward())?;
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
    for (i, curve) in panel.curves.iter().enumerate() {
        draw_curve(canvas, curve, i, frame, (&x, &y))?;
    }
    Ok(Some((x, y)))
}

fn outline<DB: DrawingBackend>(canvas: &mut Canvas<DB>, frame: Rect) -> Result<(), FigureError> {
    let [a, b, c, d] = frame.corners();
    canvas.line(&[a, b, c, d, a, b], INK, 0.9)
}

/// Grid, ticks and their labels; returns the width of the widest label of the ordinate.
fn draw_ticks<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    frame: Rect,
    x: &Axis,
    y: &Axis,
) -> Result<f64, FigureError> {
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
) -> Result<(), FigureError> {
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

/// The line of the panel's curve of this number, cut at the frame, with markers.
fn draw_curve<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    curve: &Curve,
    number: usize,
    frame: Rect,
    (x, y): (&Axis, &Axis),
) -> Result<(), FigureError> {
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
    let shown = marked(&placed, curve.style, number, frame);
    shown
        .iter()
        .filter(|p| within(p))
        .try_for_each(|&p| mark(canvas, curve.style.marker(), p, 3.1, colour))
}

/// Points that bear a marker: all of a short curve; of a long one some, at places that differ from
/// curve to curve of a panel, so that curves on top of each other are seen to be several.
fn marked(path: &[Point], style: Style, number: usize, frame: Rect) -> Vec<Point> {
    if path.len() <= 16 || !matches!(style, Style::Series(_) | Style::Model { .. }) {
        return path.to_vec();
    }
    let spacing = (frame.x1 - frame.x0) / 5.0;
    // Multiples of the golden ratio, modulo one, are never near each other.
    let first = frame.x0 + spacing * (0.1 + 0.8 * (0.618_034 * number as f64).fract());
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
