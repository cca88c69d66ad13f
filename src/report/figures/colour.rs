//! Colours.

use plotters::style::RGBColor;

/// Colours of M. Okabe and K. Ito (2008), without their yellow, which is too pale for lines; grey
/// in its place.
pub const PALETTE: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(128, 128, 128),
];

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
