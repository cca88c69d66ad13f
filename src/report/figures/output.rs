//! From a drawing to its two files.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};

use super::bitmap::{self, SUPERSAMPLING};
use super::canvas::{Canvas, SCALE};
use super::error::FigureError;
use crate::dataset::files;
use crate::parallel;

/// Something that can be drawn on any backend.
pub(super) trait Drawing: Sync {
    /// Width and height in shown pixels.
    fn size(&self) -> (f64, f64);
    /// Draws it.
    fn draw<DB: DrawingBackend>(&self, canvas: &mut Canvas<DB>) -> Result<(), FigureError>;
}

/// Draws both formats first and only then writes them, so that an error leaves no file.
pub(super) fn save(drawing: &impl Drawing, stem: &Path) -> Result<(), FigureError> {
    let draw = |format: usize| match format {
        0 => svg(drawing).map(String::into_bytes),
        _ => png(drawing),
    };
    let drawn: Vec<Vec<u8>> = parallel::map(2, draw).into_iter().collect::<Result<_, _>>()?;
    for (suffix, bytes) in [".svg", ".png"].into_iter().zip(drawn) {
        files::write_atomically(&with_suffix(stem, suffix), |file| file.write_all(&bytes))?;
    }
    Ok(())
}

fn svg(drawing: &impl Drawing) -> Result<String, FigureError> {
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

/// Bytes of a PNG file for each shown pixel that are not exceeded where coarser colours help.
const PNG_BYTES: f64 = 0.35;

fn png(drawing: &impl Drawing) -> Result<Vec<u8>, FigureError> {
    let (width, height) = drawing.size();
    let pixels = |length: f64| (length * SCALE) as usize / SUPERSAMPLING;
    let (wide, high) = (pixels(width), pixels(height));
    let mut drawn = vec![0; 3 * wide * high * SUPERSAMPLING * SUPERSAMPLING];
    let size = ((wide * SUPERSAMPLING) as u32, (high * SUPERSAMPLING) as u32);
    let mut backend = BitMapBackend::with_buffer(&mut drawn, size);
    let mut canvas = Canvas::new(&mut backend, false)?;
    drawing.draw(&mut canvas)?;
    canvas.finish()?;
    drop(backend);
    let picture = bitmap::scaled_down(&drawn, wide, high);
    bitmap::encoded(&picture, wide, high, (PNG_BYTES * width * height) as usize)
}

/// `stem` with `suffix` at its end; a dot within the stem stays.
fn with_suffix(stem: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(stem);
    name.push(suffix);
    PathBuf::from(name)
}
