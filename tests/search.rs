//! The expression search: laws of one variable from their slopes, of several from values.

use ndarray::{Array1, Array2};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use scalar_dynamics::symbolic::search::*;

/// Samples of slopes on an interval with relative noise.
fn slopes(range: (f64, f64), noise: f64, slope: &dyn Fn(f64) -> f64) -> Target {
    let n = 120;
    let x = Array2::from_shape_fn((n, 1), |(i, _)| range.0 + (range.1 - range.0) * (i as f64 + 0.5) / n as f64);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let clean: Array1<f64> = x.column(0).mapv(slope);
    let scale = (clean.mapv(|y| y * y).mean().unwrap()).sqrt();
    let noisy = clean.mapv(|y| {
        let draw: f64 = StandardNormal.sample(&mut rng);
        y + noise * scale * draw
    });
    let target = Target::new(["r"], x.view()).unwrap().with_slopes(0, noisy.view()).unwrap();
    if noise > 0.0 { target.with_slope_noise(0, noise * scale).unwrap() } else { target }
}

/// Laws with their slopes and an interval.
type Law = (&'static str, (f64, f64), fn(f64) -> f64);

const LAWS: &[Law] = &[
    ("spring", (0.4, 2.0), |r| 2.0 * (r - 1.3)),
    ("kepler", (0.5, 3.0), |r| 1.7 / (r * r)),
    ("exponential", (0.2, 3.0), |r| -3.0 / 0.7 * f64::exp(-r / 0.7)),
    ("logarithm", (0.3, 3.0), |r| 2.2 / r),
    ("power -2.5", (0.5, 2.0), |r| -2.5 * 0.8 * r.powf(-3.5)),
    ("morse", (0.5, 3.0), |r| 2.0 * 1.5 * 1.2 * (1.0 - f64::exp(-1.2 * (r - 1.1))) * f64::exp(-1.2 * (r - 1.1))),
    ("lennard-jones", (0.9, 2.0), |r| -12.0 * 0.9 * r.powi(-13) + 6.0 * 1.4 * r.powi(-7)),
    ("yukawa", (0.4, 3.0), |r| -2.0 * f64::exp(-r / 1.3) * (1.0 / (r * r) + 1.0 / (1.3 * r))),
    ("relativistic", (-3.0, 3.0), |p| p / (1.0 + p * p).sqrt()),
    ("pendulum", (-2.5, 2.5), |x| 1.9 * x.sin()),
    ("cubic", (0.3, 2.0), |r| 3.0 * r * r - 1.2),
    ("quartic", (-1.5, 1.5), |x| 4.0 * 0.25 * x * x * x - 2.0 * 0.8 * x),
];

/// Largest difference between the found and the true slope in an interval 1.3 times as wide, against the largest true slope.
fn extrapolation(front: &Front, range: (f64, f64), slope: &dyn Fn(f64) -> f64) -> f64 {
    let margin = 0.15 * (range.1 - range.0);
    let at = |i: usize| (range.0 - margin).max(0.7 * range.0) + (range.1 + margin - (range.0 - margin)) * i as f64 / 200.0;
    let found = |x: f64| front.best().evaluate(&[x]);
    let h = 1e-5;
    let scale = (0..200).map(|i| slope(at(i)).abs()).fold(0.0, f64::max);
    let error = |x: f64| (found(x + h) - found(x - h)) / (2.0 * h) - slope(x);
    (0..200).map(|i| error(at(i)).abs() / scale).fold(0.0, |m: f64, e| if e.is_nan() { e } else { m.max(e) })
}

#[test]
fn laws_of_one_variable_are_found_from_slopes() {
    for (noise, bound) in [(0.0, 1e-8), (1e-6, 1e-5), (1e-4, 1e-3)] {
        for (name, range, slope) in LAWS {
            let target = slopes(*range, noise, slope);
            let front = search(&target, &SearchOptions::default(), &mut |_| {}).unwrap();
            let (text, error) = (front.best().text(&target), extrapolation(&front, *range, slope));
            println!("noise {noise:.0e} {name}: {text}, evaluated {}, error {error:.1e}", front.counts.evaluated);
            assert!(front.explained, "{name}: {text}");
            assert!(error < bound, "{name}: {text}, {error:e}");
        }
    }
}
