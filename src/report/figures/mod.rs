//! Figures, as SVG and PNG.
//!
//! Each figure is a plain struct of numbers and labels and a function `figure(data, stem)` that
//! writes `stem.svg` and `stem.png`: one drawing serves both. Labels may use `$q$` for a slanted
//! variable and `_{..}`, `^{..}` for indices. Colours are those of M. Okabe and K. Ito, "Color
//! universal design" (2008), which people with any colour vision can tell apart; dashes and markers
//! differ as well. The same data give the same bytes.

mod axis;
mod canvas;
mod curves;
mod font;
mod legend;
mod panel;
mod pendulum;
mod scheme;
mod style;

use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ColorType, ImageEncoder, RgbImage, imageops};
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};

use crate::dataset::{self, files};
use canvas::{Canvas, SCALE};
pub use curves::{
    Candidate, ErrorCurves, ErrorPanel, ErrorSeconds, ForceCurve, ModelPoints, NoiseCurves,
    ParetoFront, PhaseSpace, TrainingRun, error_seconds, figure3, force_curves, noise, pareto,
    phase_space, training_history,
};
pub use panel::{Curve, Panel, PanelFigure, ReferenceLine, panel_figure};
pub use pendulum::{PendulumScene, figure1};
pub use scheme::figure2;
pub use style::Style;

/// Drawn pixels per pixel of the PNG file, along each axis: what remains after scaling down is 1.5
/// times the size shown.
const SUPERSAMPLING: f64 = 3.0;

/// Steps between colour levels of PNG files, divisors of 255: without the faint ripples that
/// resampling leaves they are half as large. The first step is taken with which the file has at
/// most `PNG_BYTES` bytes for each shown pixel, else the last.
const LEVELS: [u8; 3] = [3, 5, 15];
const PNG_BYTES: f64 = 0.35;

/// Why a figure could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No finite point that the axes can show.
    #[error(
        "{0}: nothing to draw: there must be a finite value (on a logarithmic axis a positive one)"
    )]
    Empty(String),
    /// Arrays that belong together differ in length.
    #[error(
        "{name}: `{array}` has {found} values, but there must be {expected}, one for each point"
    )]
    Length {
        /// Curve or figure.
        name: String,
        /// Array at fault.
        array: &'static str,
        /// Its length.
        found: usize,
        /// Length of the array that it goes with.
        expected: usize,
    },
    /// The drawing library failed.
    #[error("drawing failed: {0}")]
    Drawing(String),
    /// The PNG encoder failed.
    #[error("cannot encode the picture as PNG: {0}")]
    Png(#[from] image::ImageError),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] dataset::Error),
}

impl Error {
    fn drawing(error: impl std::fmt::Display) -> Self {
        Error::Drawing(error.to_string())
    }

    /// An error if `found` is not `expected`.
    fn check_length(
        name: &str,
        array: &'static str,
        found: usize,
        expected: usize,
    ) -> Result<(), Self> {
        if found == expected {
            Ok(())
        } else {
            Err(Error::Length { name: name.to_string(), array, found, expected })
        }
    }
}

/// Something that can be drawn on any backend.
trait Drawing {
    /// Width and height in shown pixels.
    fn size(&self) -> (f64, f64);
    /// Draws it.
    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), Error>;
}

/// Draws both formats first and only then writes them, so that an error leaves no file.
fn save(drawing: &impl Drawing, stem: &Path) -> Result<(), Error> {
    let (svg, png) = (svg(drawing)?, png(drawing)?);
    files::write_atomically(&with_suffix(stem, ".svg"), |file| file.write_all(svg.as_bytes()))?;
    Ok(files::write_atomically(&with_suffix(stem, ".png"), |file| file.write_all(&png))?)
}

fn svg(drawing: &impl Drawing) -> Result<String, Error> {
    let (width, height) = drawing.size();
    let (wide, high) = ((width * SCALE) as u32, (height * SCALE) as u32);
    let mut text = String::new();
    let mut backend = SVGBackend::with_string(&mut text, (wide, high));
    let mut canvas = Canvas::new(&mut backend, true)?;
    drawing.draw(&mut canvas)?;
    canvas.finish()?;
    drop(backend);
    let drawn = format!(r#"width="{wide}" height="{high}" viewBox"#);
    let shown = format!(r#"width="{width}" height="{height}" stroke-linejoin="round" viewBox"#);
    Ok(text
        .replacen(&drawn, &shown, 1)
        .replace(r#" dy="-0.5ex""#, "")
        .replace(r#" opacity="1""#, ""))
}

fn png(drawing: &impl Drawing) -> Result<Vec<u8>, Error> {
    let (width, height) = drawing.size();
    let (wide, high) = ((width * SCALE) as u32, (height * SCALE) as u32);
    let mut picture = RgbImage::new(wide, high);
    let mut backend = BitMapBackend::with_buffer(&mut picture, (wide, high));
    let mut canvas = Canvas::new(&mut backend, false)?;
    drawing.draw(&mut canvas)?;
    canvas.finish()?;
    drop(backend);
    let (wide, high) =
        ((f64::from(wide) / SUPERSAMPLING) as u32, (f64::from(high) / SUPERSAMPLING) as u32);
    let mut picture = imageops::resize(&picture, wide, high, imageops::FilterType::Lanczos3);
    let mut bytes = Vec::new();
    for level in LEVELS {
        picture
            .iter_mut()
            .for_each(|c| *c = (*c / level + u8::from(*c % level > level / 2)) * level);
        let mut file = Cursor::new(Vec::new());
        let encoder =
            PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::NoFilter);
        encoder.write_image(&picture, wide, high, ColorType::Rgb8)?;
        bytes = file.into_inner();
        if bytes.len() as f64 <= PNG_BYTES * width * height {
            break;
        }
    }
    Ok(bytes)
}

/// `stem` with `suffix` at its end; a dot within the stem stays.
fn with_suffix(stem: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(stem);
    name.push(suffix);
    PathBuf::from(name)
}
