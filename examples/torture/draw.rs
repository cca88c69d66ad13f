//! Strange tables, drawn from a seed.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// A table and what is asked of it.
pub struct Draw {
    /// Its text, separated by commas.
    pub text: String,
    /// Options besides `--input`, `--out`, `--time-budget` and `--memory`.
    pub options: Vec<String>,
    /// What it is, in words.
    pub what: Vec<String>,
    /// Whether no law can be behind it: numbers are drawn one by one.
    pub lawless: bool,
}

/// Cells at most, about.
const CELLS: usize = 40_000;

struct Drawing {
    rng: ChaCha8Rng,
    what: Vec<String>,
}

impl Drawing {
    /// A whole number, each size as likely as its double.
    fn size(&mut self, least: usize, most: usize) -> usize {
        let (a, b) = ((least as f64).ln(), (most as f64 + 1.0).ln());
        (self.rng.random_range(a..b).exp() as usize).clamp(least, most)
    }

    fn chance(&mut self, part: f64) -> bool {
        self.rng.random_bool(part)
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of.choose(&mut self.rng).expect("there is one")
    }

    fn number(&mut self, of: &[f64]) -> f64 {
        *of.choose(&mut self.rng).expect("there is one")
    }

    fn normal(&mut self) -> f64 {
        self.rng.sample(StandardNormal)
    }

    fn is(&mut self, what: impl Into<String>) {
        self.what.push(what.into());
    }
}

/// The table with this number.
pub fn draw(seed: u64, number: u64) -> Draw {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    let mut d = Drawing { rng, what: Vec::new() };
    let dimension = d.rng.random_range(1..=3_usize);
    let particles = if d.chance(0.6) { d.size(1, 3) } else { d.size(1, 50) };
    let width = 2 * particles * dimension;
    let runs = d.size(1, 60);
    let rows = d.size(1, 400).min(CELLS / width / runs).max(1);
    d.is(format!(
        "{particles} particle(s), {dimension} dimension(s), {runs} run(s) of {rows} row(s)"
    ));
    let kind = d.one(&["springs", "springs", "orbit", "lines", "rest", "walk", "numbers"]);
    d.is(kind);
    let step = if d.chance(0.7) { 0.1 } else { 10f64.powf(d.rng.random_range(-12.0..12.0)) };
    let scale = match d.rng.random_range(0..10) {
        0..6 => 1.0,
        6..9 => 10f64.powf(d.rng.random_range(-8.0..8.0)),
        _ => 10f64.powf(d.rng.random_range(-300.0..300.0)),
    };
    let noise = d.number(&[0.0, 0.0, 0.01, 0.1]);
    d.is(format!("step {step:.2e}, size {scale:.2e}, noise {noise}"));
    let mut states: Vec<Vec<Vec<f64>>> =
        (0..runs).map(|_| run(&mut d, kind, (particles, dimension), rows, noise)).collect();
    states.iter_mut().flatten().flatten().for_each(|x| *x *= scale);
    let mut times: Vec<Vec<f64>> =
        (0..runs).map(|_| (0..rows).map(|k| k as f64 * step).collect()).collect();
    for _ in 0..d.rng.random_range(0..3) {
        spoil(&mut d, &mut states, &mut times, dimension);
    }
    let text = text(&mut d, &states, &times, (particles, dimension));
    let options = options(&mut d, (particles, dimension));
    Draw { text, options, what: d.what, lawless: matches!(kind, "numbers" | "walk") }
}

/// The states of a run: rows of positions and momenta.
fn run(
    d: &mut Drawing,
    kind: &str,
    (particles, dimension): (usize, usize),
    rows: usize,
    noise: f64,
) -> Vec<Vec<f64>> {
    let half = particles * dimension;
    let amplitude: Vec<f64> = (0..half).map(|_| 1.0 + 0.3 * d.normal()).collect();
    let phase: Vec<f64> = (0..half).map(|_| 6.0 * d.rng.random::<f64>()).collect();
    let mut at: Vec<f64> = (0..2 * half).map(|_| d.normal()).collect();
    let mut found = Vec::with_capacity(rows);
    for row in 0..rows {
        let t = 0.1 * row as f64;
        let state: Vec<f64> = match kind {
            "springs" => {
                let q = (0..half).map(|k| amplitude[k] * (t + phase[k]).cos());
                q.chain((0..half).map(|k| -amplitude[k] * (t + phase[k]).sin())).collect()
            }
            // One circle for all particles, or a part of one.
            "orbit" => {
                let turn = |k: usize| t + 1.57 * (k % dimension) as f64 + phase[0];
                (0..half).map(|k| turn(k).cos()).chain((0..half).map(|k| -turn(k).sin())).collect()
            }
            "lines" => {
                let q = (0..half).map(|k| at[k] + t * at[half + k]);
                q.chain(at[half..].iter().copied()).collect()
            }
            "rest" => at.clone(),
            "walk" => {
                at.iter_mut().for_each(|x| *x += 0.1 * d.normal());
                at.clone()
            }
            _ => (0..2 * half).map(|_| d.normal()).collect(),
        };
        found.push(state.into_iter().map(|x| x + noise * d.normal()).collect());
    }
    found
}

/// Makes a table worse.
fn spoil(d: &mut Drawing, states: &mut [Vec<Vec<f64>>], times: &mut [Vec<f64>], dimension: usize) {
    let width = states[0][0].len();
    let (a, b) = (d.rng.random_range(0..width), d.rng.random_range(0..width));
    let kind = d.one(&[
        "constant column",
        "zero column",
        "doubled column",
        "collinear columns",
        "swapped columns",
        "whole numbers",
        "few digits",
        "jump",
        "shift",
        "times repeat",
        "times go back",
        "irregular times",
        "one long gap",
        "huge cell",
        "one run twice",
        "plane",
        "momenta add up",
    ]);
    d.is(format!("{kind} {a} {b}"));
    let factor = d.normal();
    let every = |states: &mut [Vec<Vec<f64>>], f: &mut dyn FnMut(&mut Vec<f64>)| {
        states.iter_mut().flatten().for_each(f);
    };
    match kind {
        "constant column" => every(states, &mut |z| z[a] = 0.7),
        "zero column" => every(states, &mut |z| z[a] = 0.0),
        "doubled column" => every(states, &mut |z| z[a] = z[b]),
        "collinear columns" => every(states, &mut |z| z[a] = factor * z[b] + 1.0),
        "swapped columns" => every(states, &mut |z| z.swap(a, b)),
        "whole numbers" => every(states, &mut |z| z.iter_mut().for_each(|x| *x = x.round())),
        "few digits" => {
            every(states, &mut |z| z.iter_mut().for_each(|x| *x = (*x * 100.0).round() / 100.0));
        }
        "jump" => states.iter_mut().for_each(|run| {
            let middle = run.len() / 2;
            run[middle..].iter_mut().for_each(|z| z[a] += 3.0 * factor);
        }),
        "shift" => every(states, &mut |z| z.iter_mut().for_each(|x| *x += 1e6)),
        "times repeat" => times.iter_mut().for_each(|t| {
            if t.len() > 1 {
                t[1] = t[0];
            }
        }),
        "times go back" => times.iter_mut().for_each(|t| t.reverse()),
        "irregular times" => times.iter_mut().for_each(|t| {
            let size = t.last().copied().unwrap_or(0.0).max(1e-300);
            t.iter_mut().for_each(|x| *x += 0.5 * *x * *x / size);
        }),
        "one long gap" => times.iter_mut().for_each(|t| {
            let (middle, size) = (t.len() / 2, t.last().copied().unwrap_or(0.0));
            t[middle..].iter_mut().for_each(|x| *x += 50.0 * size);
        }),
        "huge cell" => {
            let run = d.rng.random_range(0..states.len());
            let row = d.rng.random_range(0..states[run].len());
            states[run][row][a] = 1e30;
        }
        "one run twice" => {
            let first = states[0].clone();
            states.iter_mut().for_each(|run| run.clone_from(&first));
        }
        "plane" => every(states, &mut |z| {
            let last = dimension - 1;
            z.iter_mut()
                .enumerate()
                .filter(|(k, _)| k % dimension == last)
                .for_each(|(_, x)| *x = 0.5);
        }),
        _ => every(states, &mut |z| {
            let half = z.len() / 2;
            let sum: f64 = z[half + 1..].iter().sum();
            z[half] = -sum;
        }),
    }
}

/// The table as text, with what is wrong with its cells and names.
fn text(
    d: &mut Drawing,
    states: &[Vec<Vec<f64>>],
    times: &[Vec<f64>],
    (particles, dimension): (usize, usize),
) -> String {
    let letter = d.one(&["p", "p", "v", ""]);
    let mut names: Vec<String> = ["trajectory".into(), "t".into()].into();
    let letters = ["q", letter];
    if letter.is_empty() {
        d.is("positions alone");
    }
    let half = particles * dimension;
    for letter in letters.into_iter().filter(|letter| !letter.is_empty()) {
        let axes = (0..particles * dimension)
            .map(|k| format!("{letter}{}_{}", k / dimension + 1, ["x", "y", "z"][k % dimension]));
        names.extend(axes);
    }
    let drop = d.chance(0.05).then(|| d.rng.random_range(0..names.len()));
    let rename = d.chance(0.05).then(|| d.rng.random_range(0..names.len()));
    if let Some(k) = rename {
        names[k] = d.one(&["", "x", "q1_x", "t", "p99_x", "a b", "q1_w"]).to_owned();
        d.is(format!("column {k} named `{}`", names[k]));
    }
    let kept = |cells: Vec<String>| -> String {
        let some = cells.into_iter().enumerate().filter(|(k, _)| Some(*k) != drop);
        some.map(|(_, cell)| cell).collect::<Vec<_>>().join(",") + "\n"
    };
    if let Some(k) = drop {
        d.is(format!("without column {}", names[k]));
    }
    let mut text = kept(names.clone());
    for (id, (run, times)) in states.iter().zip(times).enumerate() {
        for (z, t) in run.iter().zip(times) {
            let known = if letter.is_empty() { &z[..half] } else { &z[..] };
            let numbers = std::iter::once(t).chain(known).map(f64::to_string);
            text += &kept(std::iter::once(id.to_string()).chain(numbers).collect());
        }
    }
    if d.chance(0.1) {
        let word = d.one(&["NaN", "", "inf", "-", "1e400", "0x1p3", "\"", "1,5", "\u{0}"]);
        d.is(format!("a cell is `{}`", word.escape_default()));
        let cells: Vec<usize> = text.match_indices(',').map(|(at, _)| at).collect();
        let at = cells[d.rng.random_range(0..cells.len())];
        let end = text[at + 1..].find([',', '\n']).map_or(text.len(), |n| at + 1 + n);
        text.replace_range(at + 1..end, word);
    }
    if d.chance(0.05) {
        let mut at = d.rng.random_range(0..text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        d.is(format!("cut off after {at} bytes"));
    }
    text
}

fn options(d: &mut Drawing, (particles, dimension): (usize, usize)) -> Vec<String> {
    let mut options = Vec::new();
    if d.chance(0.6) {
        for i in 1..=particles {
            let mass = d.number(&[1.0, 1.0, 2.5, 1e9, 1e-9]);
            options.extend(["--mass".into(), format!("{i}={mass}")]);
        }
    }
    for name in ["g", "e"] {
        if d.chance(0.3) {
            let wrong = d.chance(0.1);
            let numbers: Vec<String> = (0..dimension + usize::from(wrong))
                .map(|k| {
                    d.one(&["0", "0", "1", "-1", "1e-300", if k == 0 { "1e9" } else { "0" }])
                        .to_owned()
                })
                .collect();
            options.extend(["--vector".into(), format!("{name}={}", numbers.join(","))]);
        }
    }
    if d.chance(0.15) {
        let origin = ["0", "find", "0,0", "1,0", "0,0,0", "1e9,1,1", "nan"];
        options.extend(["--origin".into(), d.one(&origin).to_owned()]);
    }
    if d.chance(0.3) {
        let noise = ["none", "0.01", "0", "9.9", "auto"];
        options.extend(["--noise".into(), d.one(&noise).to_owned()]);
    }
    if d.chance(0.1) {
        options.extend(["--gaps".into(), "cut".into()]);
    }
    if d.chance(0.1) {
        options.extend(["--max-chunks".into(), d.one(&["2", "3", "10"]).to_owned()]);
    }
    if d.chance(0.1) {
        options.extend(["--time-step".into(), d.one(&["0.1", "1e-9", "1e9", "0"]).to_owned()]);
    }
    if d.chance(0.1) {
        options.extend(["--angle".into(), d.one(&["q1", "q1_x", "q2", "p1"]).to_owned()]);
    }
    if !options.is_empty() {
        let line = options.join(" ");
        d.is(line);
    }
    options
}
