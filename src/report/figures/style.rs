//! How curves look.

use plotters::backend::DrawingBackend;
use plotters::style::RGBColor;

use super::canvas::{Canvas, Point};
use super::colour::{INK, PALETTE, WHITE};
use super::error::FigureError;

const DASHES: [&[f64]; 5] = [&[], &[9.0, 4.0], &[2.5, 2.5], &[10.0, 3.0, 2.5, 3.0], &[5.0, 2.5]];

/// How a curve looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// One of many curves: colour, dashes and marker by number. Forty differ.
    Series(usize),
    /// What is to be matched: a thick grey line.
    Truth,
    /// What is laid over it: a thin dashed line, colour by number.
    Overlay(usize),
    /// Points without a line, colour by number.
    Points(usize),
    /// One of many curves, its colour, dashes and marker chosen one by one.
    Model {
        /// Colour by number, of eight.
        colour: usize,
        /// Dashes by number, of five; 0 is a solid line.
        dashes: usize,
        /// Marker by number, of seven.
        marker: usize,
    },
    /// Points without a line.
    Spots {
        /// Colour by number, of eight.
        colour: usize,
        /// Marker by number, of seven.
        marker: usize,
    },
}

/// Shape that marks points of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// No marker.
    None,
    /// Filled disc.
    Disc,
    /// Filled square.
    Square,
    /// Filled triangle.
    Triangle,
    /// Filled diamond.
    Diamond,
    /// Triangle standing on its tip.
    Wedge,
    /// Ring.
    Ring,
    /// Diagonal cross.
    Cross,
}

const MARKERS: [Marker; 7] = [
    Marker::Disc,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::Ring,
    Marker::Wedge,
    Marker::Cross,
];

impl Style {
    /// Colour of line and marker.
    pub fn colour(self) -> RGBColor {
        match self {
            Style::Series(i) | Style::Overlay(i) | Style::Points(i) => PALETTE[i % PALETTE.len()],
            Style::Model { colour, .. } | Style::Spots { colour, .. } => {
                PALETTE[colour % PALETTE.len()]
            }
            Style::Truth => RGBColor(184, 184, 184),
        }
    }
    /// Width of the line in shown pixels; none if there is no line.
    pub fn width(self) -> Option<f64> {
        match self {
            Style::Series(_) | Style::Model { .. } => Some(1.5),
            Style::Truth => Some(3.6),
            Style::Overlay(_) => Some(1.3),
            Style::Points(_) | Style::Spots { .. } => None,
        }
    }
    /// Dashes, as `Canvas::dashed` takes them.
    pub fn dashes(self) -> &'static [f64] {
        match self {
            Style::Series(i) => DASHES[i % DASHES.len()],
            Style::Model { dashes, .. } => DASHES[dashes % DASHES.len()],
            Style::Overlay(_) => &[5.0, 2.6],
            Style::Truth | Style::Points(_) | Style::Spots { .. } => &[],
        }
    }
    /// Shape of the points.
    pub fn marker(self) -> Marker {
        match self {
            Style::Series(i) => MARKERS[i % MARKERS.len()],
            Style::Model { marker, .. } | Style::Spots { marker, .. } => {
                MARKERS[marker % MARKERS.len()]
            }
            Style::Points(_) => Marker::Disc,
            Style::Truth | Style::Overlay(_) => Marker::None,
        }
    }
}

/// Dashes of the reference line with this number.
pub fn reference_dashes(index: usize) -> &'static [f64] {
    [&[6.0, 3.0][..], &[1.5, 2.5], &[9.0, 2.5, 1.5, 2.5]][index % 3]
}

/// Colour of reference lines.
pub const REFERENCE: RGBColor = INK;

/// Colour of a shaded range.
pub const SHADE: RGBColor = RGBColor(230, 243, 251);

/// Draws a marker of a given radius.
pub fn mark<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    marker: Marker,
    (x, y): Point,
    r: f64,
    colour: RGBColor,
) -> Result<(), FigureError> {
    let shape = |corners: &[Point]| {
        corners.iter().map(|&(u, v)| (x + r * u, y + r * v)).collect::<Vec<_>>()
    };
    match marker {
        Marker::None => Ok(()),
        Marker::Disc => canvas.disc((x, y), r, colour),
        Marker::Ring => canvas
            .disc((x, y), 1.05 * r, colour)
            .and_then(|()| canvas.disc((x, y), 0.55 * r, WHITE)),
        Marker::Square => {
            canvas.fill(&shape(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]), colour, 1.0)
        }
        Marker::Diamond => canvas.fill(
            &shape(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
            colour,
            1.0,
        ),
        Marker::Triangle => {
            canvas.fill(&shape(&[(0.0, -1.2), (1.1, 0.85), (-1.1, 0.85)]), colour, 1.0)
        }
        Marker::Wedge => {
            canvas.fill(&shape(&[(0.0, 1.2), (1.1, -0.85), (-1.1, -0.85)]), colour, 1.0)
        }
        Marker::Cross => {
            canvas.line(&shape(&[(-1.0, -1.0), (1.0, 1.0)]), colour, 0.5 * r)?;
            canvas.line(&shape(&[(-1.0, 1.0), (1.0, -1.0)]), colour, 0.5 * r)
        }
    }
}
