//! Axes: where a value stands on paper, and which values get a tick.

/// A linear or logarithmic axis between two places on the figure.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// Whether it shows whole numbers alone: then ticks stand at such.
    whole: bool,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis that shows all `values` that it can show (finite; positive if it is logarithmic),
    /// from pixel `from` to pixel `to`; `margin` is the share of the range left free on both sides.
    /// None if there is no value to show.
    pub fn new(
        values: impl Iterator<Item = f64>,
        log: bool,
        margin: f64,
        (from, to): (f64, f64),
    ) -> Option<Self> {
        let shown = values.filter(|&v| drawable(v, log));
        let (low, high, whole) = shown
            .fold((f64::INFINITY, f64::NEG_INFINITY, true), |(low, high, whole), v| {
                (low.min(v), high.max(v), whole && v.fract() == 0.0)
            });
        if low > high {
            return None;
        }
        let (low, high) = if log { decades(low, high) } else { widen(low, high, margin) };
        Some(Self { low, high, log, whole, from, to })
    }

    /// Whether the axis can show this value.
    pub fn shows(&self, value: f64) -> bool {
        drawable(value, self.log)
    }

    /// Pixel of a value that the axis [`shows`](Self::shows); it may lie outside the axis.
    pub fn place(&self, value: f64) -> f64 {
        let share = if self.log {
            (value / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share * (self.to - self.from)
    }

    /// Ticks with their labels, and between them the ticks without.
    pub fn ticks(&self) -> (Vec<(f64, String)>, Vec<f64>) {
        if self.log { self.log_ticks() } else { self.linear_ticks() }
    }

    fn log_ticks(&self) -> (Vec<(f64, String)>, Vec<f64>) {
        let (first, last) = (self.low.log10().round() as i32, self.high.log10().round() as i32);
        let room = ((self.to - self.from).abs() / 26.0).max(2.0) as i32;
        let step = [1, 2, 3, 4, 5, 10, 20, 50]
            .into_iter()
            .find(|s| (last - first) / s <= room)
            .unwrap_or(100);
        // Count from the upper end where 10^0 usually stands, so that it bears a label.
        let major = (first..=last)
            .filter(|n| n.rem_euclid(step) == 0)
            .map(|n| (10f64.powi(n), power_of_ten(n)))
            .collect();
        let minor = if step > 1 {
            (first..=last).filter(|n| n.rem_euclid(step) != 0).map(|n| 10f64.powi(n)).collect()
        } else if last - first <= 6 {
            (first..last).flat_map(|n| (2..10).map(move |k| f64::from(k) * 10f64.powi(n))).collect()
        } else {
            Vec::new()
        };
        (major, minor)
    }

    fn linear_ticks(&self) -> (Vec<(f64, String)>, Vec<f64>) {
        let wanted = ((self.to - self.from).abs() / 40.0).clamp(2.0, 8.0);
        let raw = (self.high - self.low) / wanted;
        let decade = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|m| m * decade)
            .into_iter()
            .find(|&s| s >= 0.93 * raw)
            .unwrap_or(10.0 * decade);
        let step = if self.whole { step.max(1.0) } else { step };
        let slack = 1e-9 * step;
        let (first, last) = (
            ((self.low - slack) / step).ceil() as i64,
            ((self.high + slack) / step).floor() as i64,
        );
        let unit = 10f64.powf(self.low.abs().max(self.high.abs()).log10().floor());
        let digits = (-(step * 1.0001).log10().floor()).max(0.0) as usize;
        let label = |v: f64| {
            let text = match (v == 0.0, digits > 4 || step >= 2e4) {
                (true, _) => "0".to_string(),
                (_, true) => format!(
                    "{}×{}",
                    (v / unit * 1e3).round() / 1e3,
                    power_of_ten(unit.log10().round() as i32)
                ),
                _ => format!("{v:.digits$}"),
            };
            text.replace('-', "−")
        };
        let major =
            (first..=last).map(|k| (k as f64 * step, label(k as f64 * step + 0.0))).collect();
        (major, Vec::new())
    }
}

fn drawable(value: f64, log: bool) -> bool {
    value.is_finite() && !(log && value <= 0.0)
}

/// The decades around a range.
fn decades(low: f64, high: f64) -> (f64, f64) {
    let (first, last) = ((low.log10() + 1e-9).floor() as i32, (high.log10() - 1e-9).ceil() as i32);
    let first = first.clamp(-300, 299);
    (10f64.powi(first), 10f64.powi(last.clamp(first + 1, 300)))
}

/// Values that differ by a smaller part of their size are shown as one: labels could not tell them
/// apart.
const ALIKE: f64 = 2e-4;

fn widen(low: f64, high: f64, margin: f64) -> (f64, f64) {
    let range = high - low;
    if range > ALIKE * low.abs().max(high.abs()) {
        (low - margin * range, high + margin * range)
    } else {
        (low - 0.5 * low.abs().max(1.0), high + 0.5 * high.abs().max(1.0))
    }
}

/// "10" with a raised exponent.
fn power_of_ten(exponent: i32) -> String {
    let raise = |c| match c {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        digit => char::from_u32(digit as u32 - u32::from('4') + u32::from('⁴')).unwrap_or(digit),
    };
    "10".chars().chain(exponent.to_string().chars().map(raise)).collect()
}
