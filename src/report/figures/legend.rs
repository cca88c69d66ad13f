//! Legends.

use plotters::backend::DrawingBackend;

use super::canvas::{Canvas, Rect, TICK_TEXT, WIDTH};
use super::curve::Panel;
use super::error::FigureError;
use super::font::Face;
use super::style::{REFERENCE, SHADE, Style, mark, reference_dashes};
use super::text::{Align, TextLook, label_width};

const ROW: f64 = 20.0;
/// Room in an entry for the sample and the gap to the next entry.
const SAMPLE: f64 = 66.0;

/// Width that a legend has room for.
const ROOM: f64 = WIDTH - 24.0;

/// What a name in the legend stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Key {
    /// A curve, and whether it has a band.
    Curve(Style, bool),
    /// The reference line with this number.
    Reference(usize),
    /// The shaded range.
    Shade,
}

/// Names of curves and reference lines, below the panels.
pub struct Legend {
    entries: Vec<(String, Key)>,
    columns: usize,
}

impl Legend {
    /// The legend of these panels; what they share stands in it once.
    pub fn new(panels: &[Panel]) -> Self {
        let curves = panels
            .iter()
            .flat_map(|p| &p.curves)
            .map(|c| (c.label.clone(), Key::Curve(c.style, !c.lower.is_empty())));
        let lines = panels.iter().flat_map(|p| {
            p.references.iter().enumerate().map(|(i, r)| (r.label.clone(), Key::Reference(i)))
        });
        let shade = panels
            .iter()
            .filter(|p| p.shaded.is_some())
            .map(|_| ("range of the data".to_string(), Key::Shade));
        let mut entries: Vec<(String, Key)> = Vec::new();
        for entry in curves.chain(lines).chain(shade).filter(|(label, _)| !label.is_empty()) {
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        let fits = |columns: &usize| column_widths(&entries, *columns).iter().sum::<f64>() <= ROOM;
        let fit = (1..=entries.len()).rev().find(fits).unwrap_or(1);
        let rows = entries.len().div_ceil(fit);
        let even = entries.len().div_ceil(rows.max(1)).max(1);
        // Fewer columns hold other entries, which may be wider.
        Self { columns: Some(even).filter(fits).unwrap_or(fit), entries }
    }

    /// Height in shown pixels, 0 if there is nothing to name.
    pub fn height(&self) -> f64 {
        let rows = self.entries.len().div_ceil(self.columns);
        if rows == 0 { 0.0 } else { rows as f64 * ROW + 14.0 }
    }

    /// Draws it across the figure, from `top` downwards.
    pub fn draw<DB: DrawingBackend>(
        &self,
        canvas: &mut Canvas<DB>,
        top: f64,
    ) -> Result<(), FigureError> {
        let widths = column_widths(&self.entries, self.columns);
        let left = 0.5 * (WIDTH - widths.iter().sum::<f64>() + 24.0);
        for (i, (label, look)) in self.entries.iter().enumerate() {
            let x = left + widths[..i % self.columns].iter().sum::<f64>();
            let y = top + (i / self.columns) as f64 * ROW + 12.0;
            let line = [(x, y), (x + 34.0, y)];
            match *look {
                Key::Curve(style, band) => {
                    if band {
                        canvas.fill(
                            &Rect { x0: x, y0: y - 6.0, x1: x + 34.0, y1: y + 6.0 }.corners(),
                            style.colour(),
                            0.15,
                        )?;
                    }
                    if let Some(width) = style.width() {
                        canvas.dashed(&line, style.colour(), width, style.dashes())?;
                    }
                    mark(canvas, style.marker(), (x + 17.0, y), 3.1, style.colour())?;
                }
                Key::Shade => canvas.fill(
                    &Rect { x0: x, y0: y - 6.0, x1: x + 34.0, y1: y + 6.0 }.corners(),
                    SHADE,
                    1.0,
                )?,
                Key::Reference(index) => {
                    canvas.dashed(&line, REFERENCE, 1.1, reference_dashes(index))?
                }
            }
            canvas.text(
                label,
                (x + 42.0, y + 0.36 * TICK_TEXT),
                TextLook::new(TICK_TEXT, Align::Left),
            )?;
        }
        Ok(())
    }
}

/// Widths of the columns that entries make, row by row.
fn column_widths(entries: &[(String, Key)], columns: usize) -> Vec<f64> {
    let width = |(label, _): &(String, Key)| label_width(label, TICK_TEXT, Face::Regular);
    let widest =
        |column| entries.iter().skip(column).step_by(columns).map(width).fold(0.0, f64::max);
    (0..columns).map(|column| SAMPLE + widest(column)).collect()
}
