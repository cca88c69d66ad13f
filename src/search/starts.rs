//! Where the fit of the constants inside a form begins: on the scale of the values that they act
//! on.

use std::f64::consts::PI;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::linalg::Lanes;
use crate::search::tape::Role;

/// A source of starts for one form.
#[derive(Clone, Debug)]
pub(crate) struct Starts {
    seed: u64,
    /// Values of constants inside that fitted another form with the same part; they come in every
    /// other start.
    hints: Vec<Option<f64>>,
}

/// One start: constants drawn one after the other.
pub(crate) struct Drawing<'a> {
    start: usize,
    rng: ChaCha8Rng,
    hints: &'a [Option<f64>],
}

/// Smallest, largest and mean value, and standard deviation.
struct Spread {
    low: f64,
    high: f64,
    mean: f64,
    deviation: f64,
}

impl Spread {
    fn of(x: &[Lanes]) -> Self {
        let all = || x.iter().flat_map(|x| x.0);
        let n = all().count().max(1) as f64;
        let mean = all().sum::<f64>() / n;
        let deviation = (all().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        let deviation =
            if deviation > 1e-12 * mean.abs() && deviation > 0.0 { deviation } else { 1.0 };
        Self {
            low: all().fold(f64::INFINITY, f64::min),
            high: all().fold(f64::NEG_INFINITY, f64::max),
            mean,
            deviation,
        }
    }
}

const RATES: [f64; 8] = [-1.0, 1.0, -0.3, 0.3, -3.0, 3.0, -8.0, 8.0];

const FREQUENCIES: [f64; 9] = [1.0, 2.0, 0.5, 3.0, 4.0, 6.0, 8.0, 11.0, 0.25];

const PHASES: [f64; 4] = [0.0, 0.5 * PI, 0.25 * PI, -0.25 * PI];

const EXPONENTS: [f64; 12] = [-1.0, 2.0, -2.0, 1.5, -3.0, 3.0, 0.5, -0.5, 4.0, -6.0, 6.0, -12.0];

const RATIOS: [f64; 8] = [1.0, -1.0, 0.3, -0.3, 3.0, -3.0, 0.1, -0.1];

impl Starts {
    pub fn new(seed: u64, hints: Vec<Option<f64>>) -> Self {
        Self { seed, hints }
    }

    /// How many starts a form with so many constants inside deserves.
    pub fn count(&self, inner: usize) -> usize {
        match inner {
            0 => 0,
            1 => 14,
            2 => 32,
            3 => 56,
            _ => 80,
        }
    }

    pub fn drawing(&self, start: usize) -> Drawing<'_> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(start as u64);
        let hints = if start.is_multiple_of(2) { self.hints.as_slice() } else { &[] };
        Drawing { start: if self.hints.is_empty() { start } else { start / 2 }, rng, hints }
    }
}

impl Drawing<'_> {
    /// The start of constant `p` in its role, from the values `x` that it acts on, against the
    /// values `y` of the term beside it. With one constant all starts of its list come in turn;
    /// further constants are drawn at random.
    pub fn draw(&mut self, role: Role, p: usize, x: &[Lanes], y: &[Lanes]) -> f64 {
        let random: usize = self.rng.random_range(0..1 << 20);
        if let Some(Some(value)) = self.hints.get(p) {
            return *value;
        }
        let pick =
            |list: &[f64]| list[if p == 0 { self.start % list.len() } else { random % list.len() }];
        let spread = Spread::of(x);
        match role {
            Role::Rate => pick(&RATES) / spread.deviation,
            Role::Frequency => {
                pick(&FREQUENCIES) * PI / (spread.high - spread.low).max(f64::MIN_POSITIVE)
            }
            Role::Phase => pick(&PHASES),
            Role::Exponent => pick(&EXPONENTS),
            Role::Coefficient(against) => {
                let ratio = if against.is_some() {
                    Spread::of(y).deviation / spread.deviation
                } else {
                    1.0
                };
                // A plain sum or difference is the most common of all.
                let plain = [1.0, -1.0, ratio, -ratio];
                let wide = pick(&RATIOS) * ratio;
                if random.is_multiple_of(3) { plain[random / 3 % 4] } else { wide }
            }
            Role::Offset => {
                let width = spread.high - spread.low;
                let size = spread.low.abs().max(spread.high.abs());
                let list = [
                    -spread.mean,
                    0.3 * width - spread.low,
                    -0.3 * width - spread.high,
                    1.0,
                    0.1 * width - spread.low,
                    -0.1 * width - spread.high,
                    -1.0,
                    2.0 * width - spread.low,
                    -2.0 * width - spread.high,
                    0.3 * size,
                    3.0 * size,
                    -0.5 * (spread.mean + spread.low),
                ];
                pick(&list)
            }
        }
    }
}
