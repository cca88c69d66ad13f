//! PNG files: a picture drawn large is scaled down, and compressed with few levels of each colour.

use std::f64::consts::PI;

use super::error::FigureError;
use crate::linalg::vectorised;
use crate::parallel;

/// Drawn pixels per pixel of the PNG file, along each axis: what remains after scaling down is 1.5
/// times the size shown.
pub const SUPERSAMPLING: usize = 3;

/// Drawn pixels on each side of the middle one that a pixel of the file is made of: the kernel of
/// C. Lanczos with three lobes ends there.
const REACH: isize = 3 * SUPERSAMPLING as isize - 1;

/// Steps between colour levels of PNG files, divisors of 255: without the faint ripples that
/// resampling leaves they are half as large. The first step is taken with which the file is as
/// small as wanted, else the last.
const LEVELS: [u8; 3] = [3, 5, 15];

/// Rows that a thread scales down at a time.
const ROWS: usize = 16;

/// A picture of `wide` times `high` pixels (red, green, blue) from one that is [`SUPERSAMPLING`]
/// times as large along each axis.
pub fn scaled_down(drawn: &[u8], wide: usize, high: usize) -> Vec<u8> {
    let taps = taps();
    let mut picture = vec![0; 3 * wide * high];
    let bands = picture.chunks_mut(3 * wide * ROWS).enumerate();
    parallel::map_items(bands, |(band, rows)| {
        let mut row = Row::new(wide);
        for (k, pixels) in rows.chunks_mut(3 * wide).enumerate() {
            let middle = (SUPERSAMPLING * (ROWS * band + k) + 1) as isize;
            row.sum_of_rows(drawn, high, middle, &taps);
            row.scaled_along(&taps, pixels);
        }
    });
    picture
}

/// Weight of each drawn pixel by its distance from the middle one; those of weight zero are left
/// out.
fn taps() -> Vec<(isize, f32)> {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    let weight = |d: isize| {
        let x = d as f64 / SUPERSAMPLING as f64;
        sinc(x) * sinc(x / 3.0)
    };
    let shown: Vec<isize> =
        (-REACH..=REACH).filter(|d| *d == 0 || d % SUPERSAMPLING as isize != 0).collect();
    let sum: f64 = shown.iter().map(|&d| weight(d)).sum();
    shown.into_iter().map(|d| (d, (weight(d) / sum) as f32)).collect()
}

/// A row of the picture on its way.
struct Row {
    wide: usize,
    /// Weighted sum of drawn rows.
    sum: Vec<f32>,
    /// Every third pixel of one colour, from the first, second or third on; the outermost pixels
    /// come three times more.
    phases: Vec<Vec<f32>>,
    /// One colour of the row.
    colour: Vec<f32>,
}

impl Row {
    fn new(wide: usize) -> Self {
        let phases = vec![vec![0.0; wide + 2 * PAD]; 3 * SUPERSAMPLING];
        Self { wide, sum: vec![0.0; 3 * SUPERSAMPLING * wide], phases, colour: vec![0.0; wide] }
    }

    /// Sums the rows around `middle`; beyond its edge the picture goes on as it is there.
    fn sum_of_rows(&mut self, drawn: &[u8], high: usize, middle: isize, taps: &[(isize, f32)]) {
        let (length, last) = (self.sum.len(), (high * SUPERSAMPLING) as isize - 1);
        self.sum.fill(0.0);
        for &(distance, weight) in taps {
            let y = (middle + distance).clamp(0, last) as usize;
            let row = &drawn[y * length..(y + 1) * length];
            vectorised(
                #[inline(always)]
                || self.sum.iter_mut().zip(row).for_each(|(s, &x)| *s += weight * f32::from(x)),
            );
        }
    }

    /// Scales the sum down along the row.
    fn scaled_along(&mut self, taps: &[(isize, f32)], pixels: &mut [u8]) {
        let step = self.phases.len();
        for (phase, values) in self.phases.iter_mut().enumerate() {
            let (inner, edge) = (&self.sum[phase..], self.wide + PAD);
            let places = values[PAD..edge].iter_mut().zip(inner.iter().step_by(step));
            places.for_each(|(value, x)| *value = *x);
            values[..PAD].fill(self.sum[phase % 3]);
            values[edge..].fill(self.sum[self.sum.len() - 3 + phase % 3]);
        }
        for colour in 0..3 {
            self.colour.fill(0.0);
            for &(distance, weight) in taps {
                let place = distance + 1;
                let phase = place.rem_euclid(SUPERSAMPLING as isize) as usize;
                let from = (PAD as isize + place.div_euclid(SUPERSAMPLING as isize)) as usize;
                let values = &self.phases[3 * phase + colour][from..from + self.wide];
                let sums = &mut self.colour;
                vectorised(
                    #[inline(always)]
                    || sums.iter_mut().zip(values).for_each(|(s, &x)| *s += weight * x),
                );
            }
            let places = pixels[colour..].iter_mut().step_by(3).zip(&self.colour);
            // The cast cuts at 0 and 255.
            places.for_each(|(pixel, sum)| *pixel = (sum + 0.5) as u8);
        }
    }
}

/// Pixels of the file that the kernel reaches to each side.
const PAD: usize = 3;

/// The PNG file of a picture, of at most `most` bytes if coarser colours can make it so.
///
/// # Errors
/// The encoder's.
pub fn encoded(
    picture: &[u8],
    wide: usize,
    high: usize,
    most: usize,
) -> Result<Vec<u8>, FigureError> {
    let mut bytes = Vec::new();
    for level in LEVELS {
        let coarse: [u8; 256] = std::array::from_fn(|c| {
            (c as u8 / level + u8::from(c as u8 % level > level / 2)) * level
        });
        let picture: Vec<u8> = picture.iter().map(|&c| coarse[usize::from(c)]).collect();
        bytes = compressed(&picture, wide, high)?;
        if bytes.len() <= most {
            break;
        }
    }
    Ok(bytes)
}

fn compressed(picture: &[u8], wide: usize, high: usize) -> Result<Vec<u8>, FigureError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, wide as u32, high as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // The best takes seven times as long, for files a tenth smaller.
    encoder.set_compression(png::Compression::Default);
    // Plain areas and letters that come again are found as they are.
    encoder.set_filter(png::FilterType::NoFilter);
    encoder.write_header()?.write_image_data(picture)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regress_plain_areas_keep_their_colour_and_edges_their_place() {
        let (wide, high) = (40, 20);
        let colour = |x: usize| if x < 20 { [9, 90, 210] } else { [255, 120, 0] };
        let drawn: Vec<u8> =
            (0..9 * wide * high).flat_map(|i| colour(i % (3 * wide) / 3)).collect();
        let small = scaled_down(&drawn, wide, high);
        let at = |x: usize, y: usize| &small[3 * (y * wide + x)..][..3];
        for y in 0..high {
            for x in (0..16).chain(24..wide) {
                assert_eq!(at(x, y), colour(x), "{x}, {y}");
            }
            let blue: Vec<u8> = (17..23).map(|x| at(x, y)[2]).collect();
            // The kernel smooths an edge by a tenth of its step at most.
            assert!(blue[2] > 189 && blue[3] < 21, "{blue:?}");
        }
    }

    #[test]
    fn regress_files_hold_the_picture_in_levels() {
        let picture: Vec<u8> = (0..3 * 50 * 40).map(|i| (7 * i + i / 31) as u8).collect();
        for (most, level) in [(usize::MAX, 3), (0, 15)] {
            let file = encoded(&picture, 50, 40, most).unwrap();
            let mut reader = png::Decoder::new(&file[..]).read_info().unwrap();
            let mut read = vec![0; reader.output_buffer_size()];
            reader.next_frame(&mut read).unwrap();
            assert!(
                read.iter()
                    .zip(&picture)
                    .all(|(a, b)| a % level == 0 && a.abs_diff(*b) <= level / 2)
            );
        }
    }
}
