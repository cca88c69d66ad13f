//! The Pareto front of a search.

use std::path::Path;

use plotters::backend::DrawingBackend;

use super::canvas::{Canvas, Point, Rect, TICK_TEXT, WIDTH};
use super::colour::{GREY, INK, PALETTE, tint};
use super::curve::{Curve, Interval, Panel};
use super::error::FigureError;
use super::font::Face;
use super::output::{Drawing, save};
use super::panel::draw_panel;
use super::style::{Marker, Style, mark};
use super::text::{Align, TextLook, wrapped};

/// An expression on the Pareto front.
#[derive(Clone, Debug, PartialEq)]
pub struct ParetoPoint {
    /// Expression; a long one is cut in the figure.
    pub expression: String,
    /// Number of nodes of the expression.
    pub complexity: f64,
    /// Error of the expression on held-out data, without a unit.
    pub error: f64,
}

/// The front of expressions none of which is both simpler and more accurate than another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParetoFront {
    /// Expressions by increasing complexity.
    pub candidates: Vec<ParetoPoint>,
    /// Index of the expression that was chosen, if any was.
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
pub fn pareto(front: &ParetoFront, stem: &Path) -> Result<(), FigureError> {
    if front.panel().y_range.is_none() {
        return Err(FigureError::Empty("Pareto front".to_string()));
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
        let room = |range: Option<Interval>, e: f64| {
            let (low, high) = (e / 2.0, e * 3.0);
            Some(range.map_or(Interval { low, high }, |range| Interval {
                low: range.low.min(low),
                high: range.high.max(high),
            }))
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
    ) -> Result<(), FigureError> {
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

    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError> {
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
