//! Labels: their looks, markup, widths, and lines that fit.

use plotters::style::RGBColor;

use super::colour::INK;
use super::font::Face;

/// Where a text stands relative to its anchor point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The text begins at the point.
    Left,
    /// The text is centred on the point.
    Centre,
    /// The text ends at the point.
    Right,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct TextLook {
    /// Size of an em in shown pixels.
    pub size: f64,
    /// Shape.
    pub face: Face,
    /// Colour.
    pub colour: RGBColor,
    /// Alignment.
    pub align: Align,
    /// Whether the text runs upwards.
    pub upward: bool,
}

impl TextLook {
    /// Upright dark text.
    pub fn new(size: f64, align: Align) -> Self {
        Self { size, face: Face::Regular, colour: INK, align, upward: false }
    }
    /// This look with letters of another shape.
    pub fn face(self, face: Face) -> Self {
        Self { face, ..self }
    }
    /// This look in another colour.
    pub fn colour(self, colour: RGBColor) -> Self {
        Self { colour, ..self }
    }
    /// This look for a text that runs upwards.
    pub fn upward(self) -> Self {
        Self { upward: true, ..self }
    }
}

/// A stretch of text of one shape and size.
pub(super) struct Run {
    /// Its letters.
    pub text: String,
    /// Their shape.
    pub face: Face,
    /// Their size relative to that of the label.
    pub size: f64,
    /// How far above the baseline they stand, in sizes of the label.
    pub rise: f64,
}

/// Splits a label: `$..$` slants, `_{..}` lowers, `^{..}` raises; all else is text.
pub(super) fn runs(label: &str, face: Face) -> Vec<Run> {
    let (mut runs, mut text, mut slanted) = (Vec::new(), String::new(), false);
    let (mut size, mut rise) = (1.0, 0.0);
    let mut letters = label.chars().peekable();
    while let Some(c) = letters.next() {
        let script = matches!(c, '_' | '^') && letters.peek() == Some(&'{');
        let closing = c == '}' && size < 1.0;
        if !(script || closing || c == '$') {
            text.push(c);
            continue;
        }
        let face = if slanted { Face::Oblique } else { face };
        runs.push(Run { text: std::mem::take(&mut text), face, size, rise });
        if script {
            letters.next();
            (size, rise) = (0.72, if c == '^' { 0.36 } else { -0.18 });
        } else if closing {
            (size, rise) = (1.0, 0.0);
        } else {
            slanted = !slanted;
        }
    }
    runs.push(Run { text, face: if slanted { Face::Oblique } else { face }, size, rise });
    runs.retain(|run| !run.text.is_empty());
    runs
}

/// Width of a label in shown pixels.
pub fn label_width(label: &str, size: f64, face: Face) -> f64 {
    runs(label, face).iter().map(|run| run.face.width(&run.text) * run.size * size).sum()
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
        return whole;
    }
    // Bisection, as far as widths grow with the number of letters: some are wider than others.
    let (mut kept, mut most) = (0, letters.len());
    while most - kept > 1 {
        let half = kept.midpoint(most);
        if fits(&cut(half)) { kept = half } else { most = half }
    }
    Some(cut(kept)).filter(fits).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regress_labels_are_made_to_fit() {
        let width = |text: &String| label_width(text, 12.0, Face::Bold);
        for text in ["", "norm(q1)", "a b", &"(norm(q1) - 1)**2 + ".repeat(40), &"W".repeat(999)] {
            for room in [0.0, 5.0, 40.0, 200.0, 700.0] {
                let short = shorten(text, room, 12.0, Face::Bold);
                assert!(width(&short) <= room, "{short}");
                // One letter more would not fit.
                if short.contains('…') {
                    assert!(width(&short) > room - 3.0 * width(&"W".into()), "{short}");
                }
                assert!(wrapped(text, room, 12.0, Face::Bold).iter().all(|l| width(l) <= room));
            }
            assert_eq!(shorten(text, 1e6, 12.0, Face::Bold), text);
            assert_eq!(wrapped(text, 1e6, 12.0, Face::Bold), [text]);
        }
    }
}
