//! Legends.

use plotters::backend::DrawingBackend;

use super::Error;
use super::canvas::{Align, Canvas, Rect, TextLook, label_width};
use super::font::Face;
use super::panel::{Panel, TICK_TEXT, WIDTH};
use super::style::{REFERENCE, SHADE, Style, mark, reference_dashes};

const ROW: f64 = 20.0;
/// Room in an entry for the sample and the gap to the next entry.
const SAMPLE: f64 = 66.0;

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
        let widest = entries
            .iter()
            .map(|(label, _)| label_width(label, TICK_TEXT, Face::Regular))
            .fold(0.0, f64::max);
        let fit = (((WIDTH - 40.0) / (widest + SAMPLE)) as usize).max(1);
        let rows = entries.len().div_ceil(fit);
        Self { columns: entries.len().div_ceil(rows.max(1)).max(1), entries }
    }

    /// Height in shown pixels, 0 if there is nothing to name.
    pub fn height(&self) -> f64 {
        let rows = self.entries.len().div_ceil(self.columns);
        if rows == 0 { 0.0 } else { rows as f64 * ROW + 14.0 }
    }

    /// Draws it across the figure, from `top` downwards.
    pub fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>, top: f64) -> Result<(), Error> {
        let widths = (0..self.columns).map(|column| {
            let labels = self.entries.iter().skip(column).step_by(self.columns);
            SAMPLE
                + labels
                    .map(|(label, _)| label_width(label, TICK_TEXT, Face::Regular))
                    .fold(0.0, f64::max)
        });
        let widths: Vec<f64> = widths.collect();
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

/// A label at most `width` pixels wide: of a longer one, the middle is left out.
pub fn shorten(label: &str, width: f64, size: f64, face: Face) -> String {
    let letters: Vec<char> = label.chars().collect();
    let fits = |text: &String| label_width(text, size, face) <= width;
    let cut = |kept: usize| {
        letters[..kept.div_ceil(2)]
            .iter()
            .chain(&['…'])
            .chain(&letters[letters.len() - kept / 2..])
            .collect()
    };
    let whole = label.to_string();
    if fits(&whole) {
        whole
    } else {
        (0..letters.len()).rev().map(cut).find(fits).unwrap_or_default()
    }
}

/// A text in lines at most `width` pixels wide, broken between words, the longest words shortened.
pub fn wrapped(text: &str, width: f64, size: f64, face: Face) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = shorten(word, width, size, face);
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = word,
            Some(line) if label_width(&format!("{line} {word}"), size, face) <= width => {
                *line += &format!(" {word}")
            }
            _ => lines.push(word),
        }
    }
    lines
}
