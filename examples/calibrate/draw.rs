//! Laws, shapes of data and noise, drawn from a seed.

use ndarray::{Array2, Axis};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::{Trajectory, add_noise, gaussian_states};
use scalar_dynamics::expr::Expr;
use scalar_dynamics::field::{Hamiltonian, Shape};
use scalar_dynamics::linalg::triangular_factor;
use scalar_dynamics::systems::ExpressionSystem;
use scalar_dynamics::train::states;

use crate::trajectories::{Failure, keeps_energy, trajectories};

/// Runs, and rows of each.
const SHAPES: [(usize, usize); 5] = [(500, 5), (100, 25), (20, 60), (4, 150), (1, 400)];
/// Noise relative to the spread of each component.
const NOISE: [f64; 4] = [0.0, 0.0, 0.01, 0.03];
/// Time between rows, in times in which the states change by their spread.
const SPACINGS: [f64; 3] = [0.1, 0.2, 0.4];
/// States that leave a box of so many spreads are of a law that doesn't hold its particles.
const FAR: f64 = 12.0;
/// States at which terms are compared, at most.
const MOST_STATES: usize = 400;
/// What a term alone does in an interval must be this part of the spread, or so many times what
/// noise does to all of them.
const CLEARLY: f64 = 1e-4;
const SIGMAS: f64 = 10.0;
/// Relative step of differences by constants.
const STEP: f64 = 1e-6;
/// Laws that are drawn until one makes data.
const ATTEMPTS: usize = 200;

/// A law with data that it made.
pub struct Draw {
    /// The Hamiltonian.
    pub law: Expr,
    /// Particles and dimension.
    pub shape: Shape,
    /// Constant vectors.
    pub context: Vec<(String, Vec<f64>)>,
    /// Runs and rows of each.
    pub size: (usize, usize),
    /// Noise relative to the spread of each component.
    pub noise: f64,
    /// The runs.
    pub runs: Vec<Trajectory>,
}

/// What a draw is made of before anything moves.
struct Plan {
    shape: Shape,
    context: Vec<(String, Vec<f64>)>,
    hamiltonian: String,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

/// The draw of a number; the same for the same seed and number.
///
/// # Errors
/// Text that is no Hamiltonian, or no law of many that makes data.
pub fn draw(seed: u64, number: u64) -> Result<Draw, Failure> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    for _ in 0..ATTEMPTS {
        let plan = plan(&mut rng);
        if let Some(draw) = moved(plan, &mut rng)? {
            return Ok(draw);
        }
    }
    Err(format!("draw {number}: no law of {ATTEMPTS} holds its particles").into())
}

/// The data of a plan, if its particles stay together.
fn moved(plan: Plan, rng: &mut ChaCha8Rng) -> Result<Option<Draw>, Failure> {
    let Plan { shape, context, hamiltonian, mean, deviation } = plan;
    let law: Expr = hamiltonian.parse()?;
    let system = ExpressionSystem::new(&law, shape, &context)?;
    let (count, rows) = choose(&SHAPES, rng);
    let (noise, spacing) = (choose(&NOISE, rng), choose(&SPACINGS, rng));
    let initial = gaussian_states(&mean, &deviation, count.max(20), rng);
    let dt = spacing * time_scale(&system, &initial);
    if !dt.is_finite() {
        return Ok(None);
    }
    let states = trajectories(&system, &initial, dt, rows)?;
    let far = FAR * size(&initial);
    let mut runs: Vec<Trajectory> = (0..)
        .zip(states.outer_iter())
        .filter(|(k, states)| {
            states.iter().all(|x| x.abs() < far) && keeps_energy(&system, initial.row(*k), *states)
        })
        .take(count)
        .map(|(k, states)| Trajectory {
            id: k as i64,
            times: (0..rows).map(|row| row as f64 * dt).collect(),
            states: states.to_owned(),
        })
        .collect();
    if runs.len() < count.min(initial.nrows() * 3 / 4) {
        return Ok(None);
    }
    if !visible(&law, shape, &context, &runs, noise)? {
        return Ok(None);
    }
    if noise > 0.0 {
        add_noise(&mut runs, noise, rng);
    }
    Ok(Some(Draw { law, shape, context, size: (runs.len(), rows), noise, runs }))
}

fn choose<T: Clone>(all: &[T], rng: &mut ChaCha8Rng) -> T {
    all.choose(rng).expect("the lists are not empty").clone()
}

fn size(states: &Array2<f64>) -> f64 {
    states.iter().fold(0.0, |most, x| x.abs().max(most))
}

/// The shortest time in which positions or momenta change by their own spread.
fn time_scale(system: &ExpressionSystem, states: &Array2<f64>) -> f64 {
    let half = states.ncols() / 2;
    let mut rates = states.clone();
    for (state, mut rate) in states.rows().into_iter().zip(rates.rows_mut()) {
        let mut gradient = vec![0.0; 2 * half];
        system.gradient_into(&state.to_vec(), &mut gradient);
        for c in 0..half {
            (rate[c], rate[half + c]) = (gradient[half + c], -gradient[c]);
        }
    }
    let (spread, speed) = (states.std_axis(Axis(0), 0.0), rates.std_axis(Axis(0), 0.0));
    let times = |range: std::ops::Range<usize>| {
        let rms = |x: &ndarray::Array1<f64>| range.clone().map(|c| x[c] * x[c]).sum::<f64>().sqrt();
        rms(&spread) / rms(&speed)
    };
    times(0..half).min(times(half..2 * half))
}

/// Whether the data show every term of a law: what it does in an interval that the other terms,
/// whatever their constants, can't do for it, is well above the noise.
fn visible(
    law: &Expr,
    shape: Shape,
    context: &[(String, Vec<f64>)],
    runs: &[Trajectory],
    noise: f64,
) -> Result<bool, Failure> {
    let all = states(runs);
    let some: Vec<usize> = (0..all.nrows()).step_by(all.nrows().div_ceil(MOST_STATES)).collect();
    let (some, spread) = (all.select(Axis(0), &some), all.std_axis(Axis(0), 0.0));
    let half = spread.len() / 2;
    let interval = runs[0].times[1] - runs[0].times[0];
    let column = |term: &Expr| -> Result<Vec<f64>, Failure> {
        let system = ExpressionSystem::new(term, shape, context)?;
        let mut gradient = vec![0.0; 2 * half];
        let mut column = Vec::new();
        for state in some.rows() {
            system.gradient_into(&state.to_vec(), &mut gradient);
            // The increment of a component is the slope by its conjugate one, up to the sign.
            let moved = (0..2 * half).map(|c| gradient[(c + half) % (2 * half)] / spread[c]);
            column.extend(moved.map(|x| x * interval));
        }
        Ok(column)
    };
    let terms: &[Expr] = match law {
        Expr::Sum(terms) => terms,
        one => std::slice::from_ref(one),
    };
    for (k, term) in terms.iter().enumerate() {
        let mut columns = Vec::new();
        for other in terms.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, other)| other) {
            let own = column(other)?;
            columns.push(own.clone());
            let constants = other.constants();
            for i in 0..constants.len() {
                let mut moved = constants.clone();
                moved[i] *= 1.0 + STEP;
                let change = column(&other.with_constants(&moved))?;
                columns.push(change.iter().zip(&own).map(|(a, b)| (a - b) / STEP).collect());
            }
        }
        columns.push(column(term)?);
        let matrix =
            Array2::from_shape_fn((columns[0].len(), columns.len()), |(i, j)| columns[j][i]);
        if matrix.iter().any(|x| !x.is_finite()) {
            return Ok(false);
        }
        let factor = triangular_factor(&[matrix])?;
        let last = factor.ncols() - 1;
        let rms = factor[[last, last]].abs() / (columns[0].len() as f64).sqrt();
        let in_noise = rms / (f64::sqrt(2.0) * noise) * (all.len() as f64).sqrt();
        if rms < CLEARLY || (noise > 0.0 && in_noise < SIGMAS) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A law of one to four particles: kinetic energies, what holds each particle, and up to two terms
/// more.
fn plan(rng: &mut ChaCha8Rng) -> Plan {
    let particles = choose(&[1, 1, 1, 1, 1, 2, 2, 2, 3, 4], rng);
    let dimension =
        if particles > 2 { choose(&[2, 3], rng) } else { choose(&[1, 2, 2, 3, 3], rng) };
    let has_axis = rng.random_bool(0.4);
    let mut terms: Vec<String> = (1..=particles).map(|i| kinetic(i, particles, rng)).collect();
    for i in 1..=particles {
        let tied = if i > 1 && rng.random_bool(0.6) {
            format!("norm(q{i}-q{})", i - 1)
        } else {
            format!("norm(q{i})")
        };
        terms.push(holding(&tied, dimension, rng));
    }
    for _ in 0..choose(&[0, 1, 1, 2], rng) {
        terms.push(further(particles, dimension, has_axis, rng));
    }
    let shape = Shape { particles, dimension };
    let mut axis = vec![0.0; dimension];
    axis[dimension - 1] = 1.0;
    let context = if has_axis { vec![("e".to_owned(), axis)] } else { Vec::new() };
    let half = shape.state_len() / 2;
    // Every particle about a place of its own, at one to two units from the last.
    let mut mean = vec![0.0; 2 * half];
    for (c, x) in mean[..half].iter_mut().enumerate() {
        let alone = if dimension == 1 { 0.3 } else { 1.0 };
        *x = alone * (rng.random_range(-1.0..1.0) + 0.5 * (c / dimension) as f64);
    }
    let (near, slow) = (rng.random_range(0.2..0.7), rng.random_range(0.3..0.9));
    let deviation = (0..2 * half).map(|c| if c < half { near } else { slow }).collect();
    Plan { shape, context, hamiltonian: terms.join(" + "), mean, deviation }
}

/// A number of two or three digits.
fn number(low: f64, high: f64, rng: &mut ChaCha8Rng) -> f64 {
    let digits = choose(&[10.0, 100.0, 1000.0], rng);
    (rng.random_range(low..high) * digits).round().max(1.0) / digits
}

fn kinetic(i: usize, particles: usize, rng: &mut ChaCha8Rng) -> String {
    let m = number(0.5, 3.0, rng);
    if particles == 1 && rng.random_bool(0.1) {
        format!("sqrt(norm(p{i})**2 + {})", m * m)
    } else {
        format!("norm(p{i})**2/{}", 2.0 * m)
    }
}

/// A potential that holds a particle at some place or distance.
fn holding(r: &str, dimension: usize, rng: &mut ChaCha8Rng) -> String {
    let (k, l, a) = (number(0.5, 3.0, rng), number(0.5, 1.5, rng), number(0.4, 1.5, rng));
    let smooth = [
        format!("{k}*{r}**2"),
        format!("{k}*{r}**4"),
        format!("{k}*{r}**2 + {a}*{r}**4"),
        format!("{a}*{r}**4 - {k}*{r}**2"),
        format!("{k}*exp({a}*{r}**2)"),
        format!("-{}*exp(-{a}*{r}**2)", 4.0 * k),
    ];
    let with_center = [
        format!("{k}*({r} - {l})**2"),
        format!("-{}/{r}", 2.0 * k),
        format!("{k}*log({r})"),
        format!("{k}*{r}"),
        format!("{k}*(1 - exp(-{a}*({r} - {l})))**2"),
        format!("-{}*exp(-{a}*{r})/{r}", 3.0 * k),
        format!("{k}/{r}**2 + {a}*{r}**2"),
        format!("{a}*{r}**2 + {k}/{r}"),
    ];
    if dimension == 1 || rng.random_bool(0.4) {
        choose(&smooth, rng)
    } else {
        choose(&with_center, rng)
    }
}

/// A term more: of a particle, of a pair, along the axis.
fn further(particles: usize, dimension: usize, has_axis: bool, rng: &mut ChaCha8Rng) -> String {
    let i = rng.random_range(1..=particles);
    let j = rng.random_range(1..=particles);
    let (c, a) = (number(0.1, 1.0, rng), number(0.5, 2.0, rng));
    let sign = choose(&["", "-"], rng);
    let r =
        if i != j { format!("norm(q{}-q{})", i.max(j), i.min(j)) } else { format!("norm(q{i})") };
    let of_length = [
        format!("{c}*{r}**4"),
        format!("{sign}{c}*exp(-{a}*{r}**2)"),
        format!("{c}*exp(-{a}*{r})"),
        format!("{sign}{c}*cos({a}*{r}**2)"),
        format!("{c}/sqrt({r}**2 + {a})"),
    ];
    let with_center = [format!("{c}/{r}"), format!("{c}/{r}**2"), format!("{sign}{c}*{r}**3")];
    let along = [
        format!("{sign}{c}*dot(e,q{i})"),
        format!("{c}*dot(e,q{i})**2"),
        format!("{sign}{c}*cos({a}*dot(e,q{i}))"),
        format!("{sign}{c}*dot(e,q{i})*norm(q{i})**2"),
        format!("{c}*dot(e,q{i})**4"),
        format!("{sign}{c}*dot(e,p{i})"),
        format!("{sign}{c}*exp(-{a}*dot(e,q{i}))"),
    ];
    let all: Vec<&String> = match (has_axis, dimension) {
        (true, _) => along.iter().collect(),
        (false, 1) => of_length.iter().collect(),
        (false, _) => of_length.iter().chain(&with_center).collect(),
    };
    choose(&all, rng).clone()
}
