//! Drawing in the pixels at which a figure is shown, on top of a plotters backend.
//!
//! plotters has whole-pixel coordinates, so everything is drawn [`SCALE`] times larger: an SVG file
//! gets a finer view box, a PNG file is scaled down. plotters draws joints of thick lines with
//! spikes, and letters without their bearing, into bitmaps: there the canvas lays out both itself.

use plotters::backend::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontTransform, RGBColor, ShapeStyle};

use super::Error;
use super::font::{FAMILY, Face, HEIGHT};

/// Drawn units per shown pixel.
pub const SCALE: f64 = 4.5;

/// A place on the figure in shown pixels, x to the right and y down.
pub type Point = (f64, f64);

/// Near-black of text and axes.
pub const INK: RGBColor = RGBColor(34, 34, 34);
/// Grey of secondary text.
pub const GREY: RGBColor = RGBColor(110, 110, 110);
/// Light grey of grids.
pub const PALE: RGBColor = RGBColor(226, 226, 226);
/// Paper.
pub const WHITE: RGBColor = RGBColor(255, 255, 255);

/// `colour` mixed with white; 1 leaves it as it is, 0 makes it white.
pub fn tint(RGBColor(r, g, b): RGBColor, share: f64) -> RGBColor {
    let mix = |c: u8| (255.0 - (255.0 - f64::from(c)) * share.clamp(0.0, 1.0)).round() as u8;
    RGBColor(mix(r), mix(g), mix(b))
}

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
    /// The same in another shape.
    pub fn face(self, face: Face) -> Self {
        Self { face, ..self }
    }
    /// The same in another colour.
    pub fn colour(self, colour: RGBColor) -> Self {
        Self { colour, ..self }
    }
    /// The same running upwards.
    pub fn upward(self) -> Self {
        Self { upward: true, ..self }
    }
}

/// A stretch of text of one shape and size.
struct Run {
    text: String,
    face: Face,
    size: f64,
    rise: f64,
}

/// Splits a label: `$..$` slants, `_{..}` lowers, `^{..}` raises; all else is text.
fn runs(label: &str, face: Face) -> Vec<Run> {
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

/// A figure being drawn; `vector` says that the backend keeps paths and text as such.
pub struct Canvas<'a, DB: DrawingBackend> {
    backend: &'a mut DB,
    vector: bool,
}

impl<'a, DB: DrawingBackend> Canvas<'a, DB> {
    /// A white canvas over a backend whose size is [`SCALE`] times that of the figure.
    pub fn new(backend: &'a mut DB, vector: bool) -> Result<Self, Error> {
        let (width, height) = backend.get_size();
        let style = ShapeStyle::from(&WHITE).filled();
        backend
            .draw_rect((0, 0), (width as i32, height as i32), &style, true)
            .map_err(Error::drawing)?;
        Ok(Self { backend, vector })
    }

    /// Finishes the drawing.
    pub fn finish(self) -> Result<(), Error> {
        self.backend.present().map_err(Error::drawing)
    }

    /// An opaque polyline with round joints and square ends.
    pub fn line(&mut self, path: &[Point], colour: RGBColor, width: f64) -> Result<(), Error> {
        let stroke = (width * SCALE).round().max(1.0);
        if self.vector {
            let style = ShapeStyle::from(&colour).stroke_width(stroke as u32);
            return self
                .backend
                .draw_path(path.iter().map(|&p| grid(p)), &style)
                .map_err(Error::drawing);
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
    ) -> Result<(), Error> {
        if dashes.is_empty() {
            return self.line(path, colour, width);
        }
        dash(path, dashes).iter().try_for_each(|piece| self.line(piece, colour, width))
    }

    /// A filled polygon, opaque for `alpha` = 1.
    pub fn fill(&mut self, polygon: &[Point], colour: RGBColor, alpha: f64) -> Result<(), Error> {
        let style = ShapeStyle::from(colour.mix(alpha)).filled();
        self.backend.fill_polygon(polygon.iter().map(|&p| grid(p)), &style).map_err(Error::drawing)
    }

    /// A filled disc.
    pub fn disc(&mut self, centre: Point, radius: f64, colour: RGBColor) -> Result<(), Error> {
        let radius = (radius * SCALE).round().max(1.0) as u32;
        self.backend
            .draw_circle(grid(centre), radius, &ShapeStyle::from(&colour).filled(), true)
            .map_err(Error::drawing)
    }

    /// A line with a filled head at its end.
    pub fn arrow(
        &mut self,
        path: &[Point],
        colour: RGBColor,
        width: f64,
        dashes: &[f64],
    ) -> Result<(), Error> {
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
    pub fn text(&mut self, label: &str, at: Point, look: TextLook) -> Result<(), Error> {
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

    fn run(&mut self, run: &Run, at: Point, look: TextLook, align: Align) -> Result<(), Error> {
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
    ) -> Result<(), Error> {
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let turn = if look.upward { FontTransform::Rotate270 } else { FontTransform::None };
        let font = FontDesc::new(FontFamily::Name(FAMILY), size, face.style()).transform(turn);
        let style = font.color(&look.colour).pos(Pos::new(horizontal, vertical));
        self.backend.draw_text(text, &style, grid(at)).map_err(Error::drawing)
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
