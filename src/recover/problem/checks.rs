//! What is seen of the data before anything is fitted.

use crate::dataset::Units;
use crate::expr::{Expr, Scalar, Vector};
use crate::recover::paths::{ChunkNodes, Paths};
use crate::recover::problem::centre::CentreOfForce;
use crate::recover::problem::learner::Learner;
use crate::recover::statistics::CERTAIN;
use crate::rewrite::{SimplifyOptions, simplify_up_to_constant};

/// Something that was seen of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What kind of thing.
    pub name: &'static str,
    /// In a sentence, with numbers in the units of the table.
    pub message: String,
    /// The scalar that doesn't vary, if that is it, and its value.
    pub constant: Option<(Scalar, f64)>,
}

/// Looks at the training chunks; `units` are those that the learner has them in, `rates` tell of
/// velocities ([`rates`]).
pub(crate) fn checks(learner: &Learner, units: &Units, rates: &[Rate]) -> Vec<Check> {
    let mut found = constant_lengths(learner, units);
    found.extend(centre(learner, units));
    found.extend(rates.iter().map(Rate::check));
    found
}

/// A factor between dq/dt and the velocities that is nearer to one than this is none: first paths
/// are polynomials through five points.
const SAME_RATE: f64 = 0.01;

/// Of units that people mix in one table, miles and kilometres are the nearest, by 1.61: a factor
/// nearer to one than the square root of that is of velocities that were smoothed, or badly measured.
const OTHER_UNIT: f64 = 1.27;

/// A particle that doesn't move at the rate that its velocity says.
pub(crate) struct Rate {
    /// Its number, from 1.
    particle: usize,
    /// dq/dt in velocities.
    factor: f64,
    /// Its standard error.
    error: f64,
}

impl Rate {
    /// Whether the velocities are in another unit than positions and times say.
    pub fn is_of_another_unit(&self) -> bool {
        self.factor.max(self.factor.recip()) > OTHER_UNIT || self.factor < 0.0
    }

    fn check(&self) -> Check {
        let Self { particle, factor, error } = self;
        let what = if self.is_of_another_unit() {
            "are in another unit, so that the law's masses are those given over this factor"
        } else {
            "were smoothed, or are badly measured; m v is taken for the momentum all the same"
        };
        Check {
            name: "velocity",
            message: format!(
                "dq{particle}/dt is {factor:.4} +- {error:.1e} times v{particle}: the velocities {what}"
            ),
            constant: None,
        }
    }
}

/// The particles that don't move at the rates that their velocities say; `masses` are those of all
/// particles where the momenta are these times the velocities of the table.
pub(crate) fn rates(learner: &Learner, units: &Units, masses: &[f64]) -> Vec<Rate> {
    if masses.is_empty() {
        return Vec::new();
    }
    let chunks = Paths::through_points(learner.train(), learner.weights(), 1).chunks();
    let each = masses.iter().enumerate();
    each.filter_map(|(i, m)| rate(learner, &chunks, units, i, *m)).collect()
}

fn rate(
    learner: &Learner,
    chunks: &[ChunkNodes],
    units: &Units,
    particle: usize,
    mass: f64,
) -> Option<Rate> {
    let d = learner.inputs().shape.dimension;
    let first = particle * d;
    let speed = units.momentum / mass / (units.length / units.time);
    let (half, dim) = (learner.set.state_len() / 2, learner.set.state_len());
    let (mut moved, mut said, mut squares, mut n) = (0.0, 0.0, 0.0, 0.0);
    let steps = |each: &mut dyn FnMut(f64, f64)| {
        for c in chunks {
            let nodes = c.weights.len() / c.intervals.max(1);
            for j in 0..c.intervals {
                for k in first..first + d {
                    let along = |i: usize| c.weights[i] * c.states[i * dim + half + k];
                    let expected: f64 = (j * nodes..(j + 1) * nodes).map(along).sum();
                    each(c.increments[j * dim + k], speed * expected);
                }
            }
        }
    };
    steps(&mut |step, expected| {
        moved += step * expected;
        said += expected * expected;
    });
    let factor = moved / said;
    steps(&mut |step, expected| {
        squares += (step - factor * expected).powi(2);
        n += 1.0;
    });
    let error = (squares / said / f64::max(n - 1.0, 1.0)).sqrt();
    let differs = (factor - 1.0).abs() > SAME_RATE.max(CERTAIN * error);
    (differs && factor.is_finite()).then_some(Rate { particle: particle + 1, factor, error })
}

fn in_nine_digits(x: f64) -> f64 {
    format!("{x:.8e}").parse().unwrap_or(x)
}

/// Whether forces point to another place than the origin.
fn centre(learner: &Learner, units: &Units) -> Option<Check> {
    let inputs = learner.inputs();
    let found = CentreOfForce::of(inputs.shape, &inputs.origin, learner.train())?;
    let at = |x: &[f64]| {
        let in_table: Vec<String> =
            x.iter().map(|x| in_nine_digits(x * units.length).to_string()).collect();
        in_table.join(",")
    };
    Some(Check {
        name: "centre of force",
        message: format!(
            "forces point to {} (+- {:.0e}): about that point angular momentum changes by {:.1e} of what it does about the origin; --origin find takes positions from there",
            at(&found.place),
            found.errors.iter().fold(0.0, |most: f64, e| most.max(*e)) * units.length,
            found.left,
        ),
        constant: None,
    })
}

fn constant_lengths(learner: &Learner, units: &Units) -> Vec<Check> {
    let check = |(scalar, value): (&Scalar, f64)| Check {
        name: "constant length",
        message: format!(
            "{} is {:.7} in all of the data, as for a rod or a circular orbit: how the law depends on it can't be told",
            Expr::Scalar(scalar.clone()),
            value * units.of_scalar(scalar)
        ),
        constant: Some((scalar.clone(), value * units.of_scalar(scalar))),
    };
    learner.constant_lengths().map(check).collect()
}

/// Those of the checks that say that a scalar of the law doesn't vary in the data: then other laws
/// explain them as well.
pub(crate) fn constant_in<'a>(law: &Expr, checks: &'a [Check]) -> impl Iterator<Item = &'a Check> {
    let scalars = law.scalars();
    checks.iter().filter(move |c| c.constant.as_ref().is_some_and(|(s, _)| scalars.contains(s)))
}

/// Says what a law comes to where its constant lengths are as in the data: what else it has of these
/// is what holds them, such as the tension of a rod.
/// Nothing is told where it has no value there.
pub(crate) fn tell_law_there(law: &Expr, checks: &mut [Check]) {
    let constant: Vec<(Scalar, f64)> = constant_in(law, checks)
        .filter_map(|check| check.constant.clone())
        .filter(|(scalar, _)| scalar.vectors().all(of_positions))
        .collect();
    let Some((first, _)) = constant.first() else { return };
    let there = constant.iter().fold(law.clone(), |law, (scalar, value)| at(&law, scalar, *value));
    let Ok(simple) = simplify_up_to_constant(&there, &SimplifyOptions::default()) else { return };
    let there = simple.expression;
    // Of an orbit nothing is left of the forces.
    if !there.scalars().iter().any(|scalar| scalar.vectors().any(of_positions)) {
        return;
    }
    let numbers: Vec<f64> = there.constants().into_iter().map(in_nine_digits).collect();
    let there = there.with_constants(&numbers);
    let check = checks.iter_mut().find(|c| c.constant.as_ref().is_some_and(|(s, _)| s == first));
    check.into_iter().for_each(|check| {
        let these = if constant.len() > 1 { "these lengths are" } else { "it is" };
        check.message +=
            &format!("; where {these} as in the data, the law is {there}, and the rest holds that");
    });
}

fn of_positions(vector: &Vector) -> bool {
    vector.terms().iter().any(|(name, _)| name.starts_with('q'))
}

/// An expression where a scalar has a value.
fn at(law: &Expr, scalar: &Scalar, value: f64) -> Expr {
    match law {
        Expr::Scalar(found) if found == scalar => Expr::Constant(value),
        _ => law.map_children(|child| at(child, scalar, value)),
    }
}
