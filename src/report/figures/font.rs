//! DejaVu Sans: registration with plotters and the widths of its letters.
//!
//! plotters neither reports nor applies a glyph's left side bearing, which spaces letters unevenly;
//! the font file knows it.

use std::sync::LazyLock;

use plotters::style::{FontStyle, register_font};

/// Name under which the font is registered; in an SVG file it is the viewer's list of fonts to try.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Ascent plus descent of DejaVu Sans, in em: the size that ab_glyph calls the height of the font.
pub const HEIGHT: f64 = 2384.0 / 2048.0;

/// A shape of the font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Upright.
    Regular,
    /// Upright, heavy: titles.
    Bold,
    /// Slanted: mathematical variables.
    Oblique,
}

impl Face {
    /// The name that plotters has for this shape.
    pub fn style(self) -> FontStyle {
        match self {
            Face::Regular => FontStyle::Normal,
            Face::Bold => FontStyle::Bold,
            Face::Oblique => FontStyle::Oblique,
        }
    }

    /// Advance width and left side bearing of a letter, in em.
    pub fn letter(self, c: char) -> (f64, f64) {
        FONTS[self as usize].letter(c)
    }

    /// Width of a line of text, in em.
    pub fn width(self, text: &str) -> f64 {
        text.chars().map(|c| self.letter(c).0).sum()
    }
}

static FONTS: LazyLock<[Metrics; 3]> = LazyLock::new(|| {
    let files = [
        (Face::Regular, dejavu::sans::regular()),
        (Face::Bold, dejavu::sans::bold()),
        (Face::Oblique, dejavu::sans::oblique()),
    ];
    files.map(|(face, data)| {
        // The file is part of the program; should it not parse, drawing text reports that the font
        // is missing.
        let _ = register_font(FAMILY, face.style(), data);
        Metrics::new(data)
    })
});

/// The tables of a TrueType file that say how wide letters are (OpenType specification, `cmap`
/// format 4 and `hmtx`).
struct Metrics {
    data: &'static [u8],
    units_per_em: f64,
    cmap: usize,
    hmtx: usize,
    full_entries: usize,
}

impl Metrics {
    fn new(data: &'static [u8]) -> Self {
        let table = |tag: &[u8]| {
            let records = data[12..].chunks_exact(16).take(u16_at(data, 4));
            records.into_iter().find(|r| &r[..4] == tag).map_or(0, |r| u32_at(r, 8))
        };
        let cmap = table(b"cmap");
        let format4 =
            (0..u16_at(data, cmap + 2)).map(|i| cmap + u32_at(data, cmap + 4 + 8 * i + 4));
        Self {
            data,
            units_per_em: u16_at(data, table(b"head") + 18) as f64,
            cmap: format4.into_iter().find(|&at| u16_at(data, at) == 4).unwrap_or(data.len()),
            hmtx: table(b"hmtx"),
            full_entries: u16_at(data, table(b"hhea") + 34),
        }
    }

    fn letter(&self, c: char) -> (f64, f64) {
        let glyph = self.glyph(c as usize);
        let last = self.full_entries.saturating_sub(1);
        let advance = u16_at(self.data, self.hmtx + 4 * glyph.min(last));
        let bearing =
            if glyph <= last { 4 * glyph + 2 } else { 4 * (last + 1) + 2 * (glyph - last - 1) };
        let bearing = u16_at(self.data, self.hmtx + bearing) as u16 as i16;
        (advance as f64 / self.units_per_em, f64::from(bearing) / self.units_per_em)
    }

    fn glyph(&self, code: usize) -> usize {
        let at = |i| u16_at(self.data, self.cmap + i);
        let segments = at(6) / 2;
        let Some(i) = (0..segments).find(|&i| code <= at(14 + 2 * i)) else { return 0 };
        let (start, delta) = (at(16 + 2 * (segments + i)), at(16 + 2 * (2 * segments + i)));
        let place = 16 + 2 * (3 * segments + i);
        match (code < start, at(place)) {
            (true, _) => 0,
            (false, 0) => (code + delta) & 0xffff,
            (false, offset) => at(place + offset + 2 * (code - start)),
        }
    }
}

fn u16_at(data: &[u8], at: usize) -> usize {
    data.get(at..at + 2).map_or(0, |b| usize::from(u16::from_be_bytes([b[0], b[1]])))
}

fn u32_at(data: &[u8], at: usize) -> usize {
    (u16_at(data, at) << 16) | u16_at(data, at + 2)
}
