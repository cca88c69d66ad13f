//! The expression search on equations of the Feynman lectures (Udrescu & Tegmark 2020, Science
//! Advances 6, eaay2631): which it recovers, and how long that takes.
//!
//! ```sh
//! cargo run --example search_feynman -- --seconds 20
//! ```

use clap::Parser;
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::search::{SearchOptions, Target, search};
use std::f64::consts::PI;
use std::time::{Duration, Instant};

/// Recovers equations from samples without noise.
#[derive(Parser)]
struct Arguments {
    /// Time for each equation.
    #[arg(long, default_value_t = 20.0, value_parser = seconds)]
    seconds: f64,
    /// Samples of each equation.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(10..))]
    samples: u32,
    /// Seed of samples and searches.
    #[arg(long, default_value_t = 11)]
    seed: u64,
    /// Only equations whose name holds this text.
    #[arg(long, default_value = "")]
    only: String,
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|s| (0.0..1e6).contains(s))
        .ok_or_else(|| "a number of seconds from 0 is accepted".into())
}

/// Its number and subject, the range of each variable, and the right-hand side.
type Equation = (&'static str, &'static [(f64, f64)], fn(&[f64]) -> f64);

#[rustfmt::skip]
const EQUATIONS: &[Equation] = &[
    ("I.6.2a gauss", &[(1.0, 3.0)], |x| (-x[0] * x[0] / 2.0).exp() / (2.0 * PI).sqrt()),
    ("I.6.2 gauss2", &[(1.0, 3.0), (1.0, 3.0)], |x| (-(x[1] / x[0]).powi(2) / 2.0).exp() / ((2.0 * PI).sqrt() * x[0])),
    ("I.8.14 dist", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| ((x[1] - x[0]).powi(2) + (x[3] - x[2]).powi(2)).sqrt()),
    ("I.9.18 grav", &[(1.0, 2.0), (1.0, 2.0), (1.0, 2.0), (3.0, 4.0), (1.0, 2.0), (3.0, 4.0), (1.0, 2.0), (3.0, 4.0), (1.0, 2.0)], |x| x[2] * x[0] * x[1] / ((x[4] - x[3]).powi(2) + (x[6] - x[5]).powi(2) + (x[8] - x[7]).powi(2))),
    ("I.10.7 relm", &[(1.0, 5.0), (1.0, 2.0), (3.0, 10.0)], |x| x[0] / (1.0 - (x[1] / x[2]).powi(2)).sqrt()),
    ("I.12.2 coulomb", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] * x[1] / (4.0 * PI * x[2] * x[3].powi(2))),
    ("I.13.12", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[4] * x[0] * x[1] * (1.0 / x[3] - 1.0 / x[2])),
    ("I.15.3t", &[(1.0, 5.0), (3.0, 10.0), (1.0, 2.0), (1.0, 5.0)], |x| (x[3] - x[2] * x[0] / x[1].powi(2)) / (1.0 - (x[2] / x[1]).powi(2)).sqrt()),
    ("I.16.6", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| (x[2] + x[1]) / (1.0 + x[2] * x[1] / x[0].powi(2))),
    ("I.18.12", &[(1.0, 5.0), (1.0, 5.0), (0.0, 5.0)], |x| x[0] * x[1] * x[2].sin()),
    ("I.24.6", &[(1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (1.0, 3.0)], |x| 0.25 * x[0] * (x[1].powi(2) + x[2].powi(2)) * x[3].powi(2)),
    ("I.27.6", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| 1.0 / (1.0 / x[0] + x[2] / x[1])),
    ("I.29.16", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| (x[0].powi(2) + x[1].powi(2) - 2.0 * x[0] * x[1] * (x[2] - x[3]).cos()).sqrt()),
    ("I.30.3", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] * (x[2] * x[1] / 2.0).sin().powi(2) / (x[1] / 2.0).sin().powi(2)),
    ("I.34.8", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] * x[1] * x[2] / x[3]),
    ("I.37.4", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] + x[1] + 2.0 * (x[0] * x[1]).sqrt() * x[2].cos()),
    ("I.39.22", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] * x[3] * x[1] / x[2]),
    ("I.40.1", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] * (-x[1] * x[4] * x[2] / (x[5] * x[3])).exp()),
    ("I.44.4", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] * x[1] * x[2] * (x[4] / x[3]).ln()),
    ("I.50.26", &[(1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (1.0, 3.0)], |x| x[0] * ((x[1] * x[2]).cos() + x[3] * (x[1] * x[2]).cos().powi(2))),
    ("II.6.15a", &[(1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (1.0, 3.0)], |x| x[1] / (4.0 * PI * x[0]) * 3.0 * x[5] / x[2].powi(5) * (x[3].powi(2) + x[4].powi(2)).sqrt()),
    ("II.11.28", &[(0.0, 1.0), (0.0, 1.0)], |x| 1.0 + x[0] * x[1] / (1.0 - x[0] * x[1] / 3.0)),
    ("II.35.18", &[(1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (1.0, 3.0), (1.0, 3.0)], |x| x[0] / ((x[3] * x[4] / (x[1] * x[2])).exp() + (-x[3] * x[4] / (x[1] * x[2])).exp())),
    ("III.4.32", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| 1.0 / ((x[0] * x[1] / (2.0 * PI * x[2] * x[3])).exp() - 1.0)),
    ("III.10.19", &[(1.0, 5.0), (1.0, 5.0), (1.0, 5.0), (1.0, 5.0)], |x| x[0] * (x[1].powi(2) + x[2].powi(2) + x[3].powi(2)).sqrt()),
];

/// Samples of an equation over ranges widened by a fraction of their width.
fn table(
    equation: &Equation,
    n: usize,
    seed: u64,
    wider: f64,
) -> Result<(Target, Array1<f64>), scalar_dynamics::Error> {
    let (_, ranges, f) = equation;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let x = Array2::from_shape_fn((n, ranges.len()), |(_, j)| {
        let (low, high) = ranges[j];
        rng.random_range(low..high + wider * (high - low))
    });
    let y: Array1<f64> = x.rows().into_iter().map(|x| f(&x.to_vec())).collect();
    let names = (0..ranges.len()).map(|i| format!("x{i}"));
    Ok((Target::new(names, x.view())?.with_values(y.view())?, y))
}

fn main() -> Result<(), scalar_dynamics::Error> {
    let arguments = Arguments::parse();
    let (mut recovered, mut all) = (0, 0);
    for equation in EQUATIONS.iter().filter(|(name, ..)| name.contains(&arguments.only)) {
        let (target, _) = table(equation, arguments.samples as usize, arguments.seed, 0.0)?;
        let options = SearchOptions {
            time_budget: Duration::from_secs_f64(arguments.seconds),
            max_evaluations: 1_000_000,
            seed: arguments.seed,
            ..SearchOptions::default()
        };
        let begin = Instant::now();
        let front = search(&target, &options, &mut |_| {})?;
        let elapsed = begin.elapsed().as_secs_f64();
        // Recovered: equal on new samples over ranges wider than those searched.
        let (beyond, y) = table(equation, 200, arguments.seed + 1, 0.1)?;
        let points = beyond.inputs();
        let errors = points
            .rows()
            .into_iter()
            .zip(&y)
            .map(|(x, y)| (front.best().evaluate(&x.to_vec()) - y).abs());
        let scale = y.fold(0.0, |m: f64, y| m.max(y.abs()));
        let error = errors.fold(0.0, |m: f64, e| if e.is_nan() { e } else { m.max(e) }) / scale;
        let exact = error < 1e-6;
        all += 1;
        recovered += usize::from(exact);
        let (counts, mark) = (front.counts, if exact { "found " } else { "missed" });
        println!(
            "{mark} {:20} {elapsed:6.2} s  fitted {:6} saved {:5}  error {error:.0e}  {}",
            equation.0,
            counts.evaluated,
            counts.saved,
            front.best().text(&target)
        );
    }
    println!("{recovered} of {all} recovered");
    Ok(())
}
