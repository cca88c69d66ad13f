//! Drawing in the pixels at which a figure is shown, on top of a plotters backend.
//!
//! plotters has whole-pixel coordinates, so everything is drawn [`SCALE`] times larger: an SVG file
//! gets a finer view box, a PNG file is scaled down. plotters draws joints of thick lines with
//! spikes, and letters without their bearing, into bitmaps: there the canvas lays out both itself.

use plotters::backend::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontTransform, RGBColor, ShapeStyle};

use super::colour::WHITE;
use super::error::FigureError;
use super::font::{FAMILY, Face, HEIGHT};
use super::text::{Align, Run, TextLook, label_width, runs};

/// Drawn units per shown pixel.
pub const SCALE: f64 = 4.5;

/// Width of every figure in shown pixels: about seven inches.
pub const WIDTH: f64 = 800.0;
/// Size of tick labels and legends.
pub const TICK_TEXT: f64 = 12.0;
/// Size of axis labels and titles.
pub const LABEL_TEXT: f64 = 13.0;

/// A place on the figure in shown pixels, x to the right and y down.
pub type Point = (f64, f64);

/// A rectangle on the figure.
#[derive(Clone, Copy, Debug)]
pub struct Rect {
    /// Left edge.
    pub x0: f64,
    /// Upper edge.
    pub y0: f64,
    /// Right edge.
    pub x1: f64,
    /// Lower edge.
    pub y1: f64,
}

impl Rect {
    /// Corners, in order around the rectangle.
    pub fn corners(self) -> [Point; 4] {
        [(self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)]
    }
}

/// A figure being drawn; `vector` says that the backend keeps paths and text as such.
pub struct Canvas<'a, DB: DrawingBackend> {
    backend: &'a mut DB,
    vector: bool,
}

impl<'a, DB: DrawingBackend> Canvas<'a, DB> {
    /// A white canvas over a backend whose size is [`SCALE`] times that of the figure.
    pub fn new(backend: &'a mut DB, vector: bool) -> Result<Self, FigureError> {
        let (width, height) = backend.get_size();
        let style = ShapeStyle::from(&WHITE).filled();
        backend
            .draw_rect((0, 0), (width as i32, height as i32), &style, true)
            .map_err(FigureError::drawing)?;
        Ok(Self { backend, vector })
    }

    /// Finishes the drawing.
    pub fn finish(self) -> Result<(), FigureError> {
        self.backend.present().map_err(FigureError::drawing)
    }

    /// An opaque polyline with round joints and square ends.
    pub fn line(
        &mut self,
        path: &[Point],
        colour: RGBColor,
        width: f64,
    ) -> Result<(), FigureError> {
        let stroke = (width * SCALE).round().max(1.0);
        if self.vector {
            let style = ShapeStyle::from(&colour).stroke_width(stroke as u32);
            return self
                .backend
                .draw_path(path.iter().map(|&p| grid(p)), &style)
                .map_err(FigureError::drawing);
        }
        for pair in path.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            if length > 0.0 {
                let half = 0.5 * stroke / SCALE / length;
                let (nx, ny) = ((y0 - y1) * half, (x1 - x0) * half);
                self.fill(
                    &[
                        (x0 + nx, y0 + ny),
                        (x1 + nx, y1 + ny),
                        (x1 - nx, y1 - ny),
                        (x0 - nx, y0 - ny),
                    ],
                    colour,
                    1.0,
                )?;
            }
        }
        let joints = path.iter().skip(1).take(path.len().saturating_sub(2));
        joints.into_iter().try_for_each(|&p| self.disc(p, 0.5 * stroke / SCALE, colour))
    }

    /// A polyline with dashes: lengths of ink, gap, ink, gap, ... in shown pixels; none is a solid
    /// line.
    pub fn dashed(
        &mut self,
        path: &[Point],
        colour: RGBColor,
        width: f64,
        dashes: &[f64],
    ) -> Result<(), FigureError> {
        if dashes.is_empty() {
            return self.line(path, colour, width);
        }
        dash(path, dashes).iter().try_for_each(|piece| self.line(piece, colour, width))
    }

    /// A filled polygon, opaque for `alpha` = 1.
    pub fn fill(
        &mut self,
        polygon: &[Point],
        colour: RGBColor,
        alpha: f64,
    ) -> Result<(), FigureError> {
        let style = ShapeStyle::from(colour.mix(alpha)).filled();
        self.backend
            .fill_polygon(polygon.iter().map(|&p| grid(p)), &style)
            .map_err(FigureError::drawing)
    }

    /// A filled disc.
    pub fn disc(
        &mut self,
        centre: Point,
        radius: f64,
        colour: RGBColor,
    ) -> Result<(), FigureError> {
        let radius = (radius * SCALE).round().max(1.0) as u32;
        self.backend
            .draw_circle(grid(centre), radius, &ShapeStyle::from(&colour).filled(), true)
            .map_err(FigureError::drawing)
    }

    /// A line with a filled head at its end.
    pub fn arrow(
        &mut self,
        path: &[Point],
        colour: RGBColor,
        width: f64,
        dashes: &[f64],
    ) -> Result<(), FigureError> {
        let [.., (x0, y0), (x1, y1)] = *path else { return Ok(()) };
        let length = (x1 - x0).hypot(y1 - y0);
        if length == 0.0 {
            return Ok(());
        }
        let (ux, uy) = ((x1 - x0) / length, (y1 - y0) / length);
        let (head, half) = (5.0 + 2.5 * width, 2.2 + 1.3 * width);
        let (bx, by) = (x1 - head * ux, y1 - head * uy);
        let mut shaft = path.to_vec();
        shaft[path.len() - 1] = (bx + 0.5 * ux, by + 0.5 * uy);
        self.dashed(&shaft, colour, width, dashes)?;
        self.fill(
            &[(x1, y1), (bx - half * uy, by + half * ux), (bx + half * uy, by - half * ux)],
            colour,
            1.0,
        )
    }

    /// A label (see [`runs`] for its markup) whose baseline is at `at`.
    pub fn text(&mut self, label: &str, at: Point, look: TextLook) -> Result<(), FigureError> {
        let runs = runs(label, look.face);
        if let ([run], true) = (&runs[..], self.vector) {
            return self.run(run, at, look, look.align);
        }
        let width = label_width(label, look.size, look.face);
        let mut pen = match look.align {
            Align::Left => 0.0,
            Align::Centre => -0.5 * width,
            Align::Right => -width,
        };
        for run in &runs {
            let rise = run.rise * look.size;
            // SVG viewers drop spaces in front of a text: step over them.
            let text = run.text.trim_start_matches(' ').to_string();
            let along = pen
                + (run.text.len() - text.len()) as f64 * run.face.width(" ") * run.size * look.size;
            let place =
                if look.upward { (at.0 - rise, at.1 - along) } else { (at.0 + along, at.1 - rise) };
            self.run(&Run { text, ..*run }, place, look, Align::Left)?;
            pen += run.face.width(&run.text) * run.size * look.size;
        }
        Ok(())
    }

    fn run(
        &mut self,
        run: &Run,
        at: Point,
        look: TextLook,
        align: Align,
    ) -> Result<(), FigureError> {
        let em = run.size * look.size * SCALE;
        if self.vector {
            // plotters writes font-size as this over 1.24; its shift of the baseline is taken out
            // of the file afterwards.
            return self.put(&run.text, at, em * 1.24, VPos::Bottom, (run.face, look), align);
        }
        // ab_glyph's size is the height of the font, and plotters puts the baseline half of it
        // below the anchor.
        let size = 2.0 * (0.5 * em * HEIGHT).round();
        let mut pen = 0.0;
        for c in run.text.chars() {
            let (advance, bearing) = run.face.letter(c);
            let (along, up) = ((pen + bearing * em) / SCALE, 0.5 * size / SCALE);
            let place =
                if look.upward { (at.0 - up, at.1 - along) } else { (at.0 + along, at.1 - up) };
            self.put(
                c.encode_utf8(&mut [0; 4]),
                place,
                size,
                VPos::Top,
                (run.face, look),
                Align::Left,
            )?;
            pen += advance * em;
        }
        Ok(())
    }

    fn put(
        &mut self,
        text: &str,
        at: Point,
        size: f64,
        vertical: VPos,
        (face, look): (Face, TextLook),
        align: Align,
    ) -> Result<(), FigureError> {
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let turn = if look.upward { FontTransform::Rotate270 } else { FontTransform::None };
        let font = FontDesc::new(FontFamily::Name(FAMILY), size, face.style()).transform(turn);
        let style = font.color(&look.colour).pos(Pos::new(horizontal, vertical));
        self.backend.draw_text(text, &style, grid(at)).map_err(FigureError::drawing)
    }
}

/// The nearest point of the backend's grid; far-away points are cut so that they fit an i32.
fn grid((x, y): Point) -> (i32, i32) {
    let cut = |v: f64| (v * SCALE).round().clamp(-1e6, 1e6) as i32;
    (cut(x), cut(y))
}

/// Cuts a polyline into dashes by arc length.
fn dash(path: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    let (mut pieces, mut piece) = (Vec::new(), path[..path.len().min(1)].to_vec());
    let (mut phase, mut left) = (0, pattern[0].max(0.5));
    for pair in path.windows(2) {
        let ((mut x, mut y), (x1, y1)) = (pair[0], pair[1]);
        let mut rest = (x1 - x).hypot(y1 - y);
        while rest > left {
            let share = left / rest;
            (x, y) = (x + share * (x1 - x), y + share * (y1 - y));
            rest -= left;
            if phase % 2 == 0 {
                piece.push((x, y));
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![(x, y)];
            }
            phase = (phase + 1) % pattern.len();
            left = pattern[phase].max(0.5);
        }
        left -= rest;
        if phase % 2 == 0 {
            piece.push((x1, y1));
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| piece.len() > 1);
    pieces
}
