//! Curves and the panels that they stand in.

use super::error::FigureError;
use super::style::Style;

/// A range of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end of the range.
    pub low: f64,
    /// Upper end of the range.
    pub high: f64,
}

/// A curve, with or without a band.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Name in the legend; the same name and style in several panels stand there once, an empty one
    /// not at all.
    pub label: String,
    /// Colour, dashes and marker.
    pub style: Style,
    /// Abscissae. Points that an axis cannot show (not finite; on a logarithmic axis not positive)
    /// interrupt the curve.
    pub x: Vec<f64>,
    /// Ordinates, one for each abscissa.
    pub y: Vec<f64>,
    /// Lower edge of the band, one number for each abscissa, or empty for no band.
    pub lower: Vec<f64>,
    /// Upper edge of the band, one number for each abscissa, or empty for no band.
    pub upper: Vec<f64>,
}

impl Curve {
    /// A curve without a band.
    pub fn new(label: impl Into<String>, style: Style, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { label: label.into(), style, x, y, lower: Vec::new(), upper: Vec::new() }
    }

    /// This curve with a band between two edges, for instance of 95 %; each has a number for each
    /// point.
    pub fn with_band(self, lower: Vec<f64>, upper: Vec<f64>) -> Self {
        Self { lower, upper, ..self }
    }

    pub(super) fn check(&self) -> Result<(), FigureError> {
        let n = self.x.len();
        let band = if self.lower.is_empty() && self.upper.is_empty() { 0 } else { n };
        FigureError::check_length(&self.label, "y", self.y.len(), n)?;
        FigureError::check_length(&self.label, "lower", self.lower.len(), band)?;
        FigureError::check_length(&self.label, "upper", self.upper.len(), band)
    }
}

/// A horizontal line to compare with.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceLine {
    /// Name in the legend.
    pub label: String,
    /// Ordinate of the line.
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
    pub y_range: Option<Interval>,
    /// Curves, later ones on top.
    pub curves: Vec<Curve>,
    /// Horizontal lines to compare with.
    pub references: Vec<ReferenceLine>,
    /// Range of the abscissa to shade: that of the data.
    pub shaded: Option<Interval>,
}
