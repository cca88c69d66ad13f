//! Which columns a table of trajectories has.

use std::collections::BTreeSet;

use crate::dataset::Shape;
use crate::scalars::RunInput;

const AXES: [char; 3] = ['x', 'y', 'z'];

/// The columns of a table in the order of a state, and what else it holds.
pub(super) struct Layout {
    pub shape: Shape,
    pub momenta: MomentaFrom,
    /// Names of the state's components that the table has.
    pub columns: Vec<String>,
    /// Columns of what each trajectory has its own of, which come after those of the state's.
    pub of_run: Vec<String>,
    /// Columns that belong to none of this.
    pub ignored: Vec<String>,
}

/// What tells momenta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentaFrom {
    /// Columns `p{i}_*`.
    Momenta,
    /// Velocities `v{i}_*` times masses.
    Velocities,
    /// Positions alone: masses times the slopes of polynomials through successive ones.
    Positions,
}

/// An absent column and what is accepted in its place.
pub(super) struct Missing {
    pub column: String,
    pub accepted: String,
}

/// Names of the components of a state: q1_x, q1_y, .. and then `p` (or `v`) alike.
pub fn state_columns(shape: Shape, momentum: char) -> Vec<String> {
    let particles = |letter| (1..=shape.particles).map(move |particle| (letter, particle));
    let vectors = particles('q').chain(particles(momentum));
    vectors
        .flat_map(|(letter, i)| {
            AXES[..shape.dimension].iter().map(move |axis| format!("{letter}{i}_{axis}"))
        })
        .collect()
}

impl Layout {
    /// Reads particles, dimension, and whether momenta or velocities are given, off the names of
    /// the columns; neither is needed. With `timed` times are known without a column.
    pub fn infer(names: &[String], timed: bool, of_run: &[RunInput]) -> Result<Self, Missing> {
        if !timed && !names.iter().any(|name| name == TIME) {
            let accepted = "times are in a column t, or --time-step DT gives what lies between rows or between frames (column frame)".into();
            return Err(Missing { column: TIME.into(), accepted });
        }
        let components: Vec<_> = names.iter().filter_map(|name| component(name)).collect();
        let has = |letter| components.iter().any(|c| c.letter == letter);
        let momenta = match (has('q'), has('p'), has('v')) {
            (true, false, false) => MomentaFrom::Positions,
            (_, false, true) => MomentaFrom::Velocities,
            _ => MomentaFrom::Momenta,
        };
        let momentum = if momenta == MomentaFrom::Velocities { 'v' } else { 'p' };
        let used = || components.iter().filter(|c| c.letter == 'q' || c.letter == momentum);
        let shape = Shape {
            particles: used().map(|c| c.particle).max().unwrap_or(1),
            dimension: used().map(|c| c.axis + 1).max().unwrap_or(1),
        };
        let present: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        // A stray q1000000_x must not make a list of millions of names.
        let wanted = Shape { particles: shape.particles.min(names.len().max(1)), ..shape };
        let mut columns = state_columns(wanted, momentum);
        if momenta == MomentaFrom::Positions {
            columns.truncate(columns.len() / 2);
        }
        if let Some(column) = columns.iter().find(|column| !present.contains(column.as_str())) {
            let accepted = if components.is_empty() {
                "a table has columns t, q1_x, .. and p1_x, .. or v1_x, .., or q1_x, .. alone".into()
            } else if momenta == MomentaFrom::Positions {
                format!(
                    "going by the other columns there are {} particle(s) in {} dimension(s)",
                    shape.particles, shape.dimension
                )
            } else {
                accepted(shape, momentum)
            };
            return Err(Missing { column: column.clone(), accepted });
        }
        let of_run: Vec<String> =
            of_run.iter().flat_map(|input| run_columns(input, shape.dimension)).collect();
        if let Some(column) = of_run.iter().find(|column| !present.contains(column.as_str())) {
            let accepted = "what each run has its own of is in columns of that name".into();
            return Err(Missing { column: column.clone(), accepted });
        }
        let clock = if timed { FRAME } else { TIME };
        let known: BTreeSet<&str> =
            columns.iter().chain(&of_run).map(String::as_str).chain([TRAJECTORY, clock]).collect();
        let ignored = names.iter().filter(|name| !known.contains(name.as_str())).cloned().collect();
        Ok(Self { shape, momenta, columns, of_run, ignored })
    }
}

/// The columns of what each trajectory has its own of.
fn run_columns(input: &RunInput, dimension: usize) -> Vec<String> {
    match input {
        RunInput::Number(name) => vec![name.clone()],
        RunInput::Vector(name) => {
            AXES[..dimension].iter().map(|axis| format!("{name}_{axis}")).collect()
        }
    }
}

/// Names of columns that aren't components of a state.
pub(super) const TRAJECTORY: &str = "trajectory";
pub(super) const TIME: &str = "t";
pub(super) const FRAME: &str = "frame";

fn accepted(shape: Shape, momentum: char) -> String {
    let axes: Vec<_> = AXES[..shape.dimension].iter().map(|axis| format!("_{axis}")).collect();
    let (n, axes) = (shape.particles, axes.join(" "));
    let range =
        |letter| if n == 1 { format!("{letter}1") } else { format!("{letter}1 to {letter}{n}") };
    format!(
        "going by the other columns there are {n} particle(s) in {} dimension(s), so {} and {} (or v) need {axes}",
        shape.dimension,
        range('q'),
        range(momentum)
    )
}

/// A component of a state.
pub(super) struct Component {
    /// `q`, `p` or `v`.
    pub letter: char,
    /// The particle, from 1.
    pub particle: usize,
    /// The axis, from 0.
    pub axis: usize,
}

/// Takes `q12_y` apart; other names give nothing.
pub(super) fn component(name: &str) -> Option<Component> {
    let (vector, axis) = name.split_once('_')?;
    let letter = vector.chars().next().filter(|letter| "qpv".contains(*letter))?;
    let digits = &vector[1..];
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let particle = digits.parse().ok().filter(|_| canonical)?;
    let axis = AXES.iter().position(|a| axis.len() == 1 && axis.starts_with(*a))?;
    Some(Component { letter, particle, axis })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_input_of_no_columns_misses_one() {
        for timed in [false, true] {
            let missing = Layout::infer(&[], timed, &[]).err().expect("there are none");
            assert_eq!(missing.column, if timed { "q1_x" } else { "t" });
        }
    }
}
