//! Columns and projections of terms against the model of the same closed form.

use ndarray::Array2;

use crate::dataset::{self, Trajectory};
use crate::deadline::Deadline;
use crate::expr::Expr;
use crate::linalg::{Projection, dot};
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::recover::grow::nodes::Nodes;
use crate::recover::grow::offered::Offered;
use crate::recover::grow::rung::{RUNGS, Rung};
use crate::recover::grow::sum::Sum;
use crate::recover::grow::term::{Argument, Factor, Shape, Term};
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;
use crate::scalars::Inputs;

fn inputs() -> Inputs {
    let shape = dataset::Shape { particles: 1, dimension: 2 };
    Inputs::new(shape, vec![0.0; 2], vec![("e".into(), vec![0.6, 0.8])]).unwrap()
}

/// Chunks of four points at uneven times of a made motion.
fn chunks() -> Vec<Trajectory> {
    let chunk = |k: usize| {
        let times: Vec<f64> = (0..4).map(|j| 0.1 * j as f64 + 0.01 * (j * j) as f64).collect();
        let state = |t: f64| {
            let t = t + 0.37 * k as f64;
            [2.0 + t.sin(), 1.5 + 0.5 * (1.3 * t).cos(), 0.7 * t.cos() + 0.3, 0.4 - 0.6 * t.sin()]
        };
        let states: Vec<f64> = times.iter().flat_map(|t| state(*t)).collect();
        Trajectory { id: k as i64, times, states: Array2::from_shape_vec((4, 4), states).unwrap() }
    };
    (0..19).map(chunk).collect()
}

fn offered(learner: &Learner) -> Vec<Offered> {
    learner.offered(&crate::dataset::Units::of(learner.inputs(), learner.train()))
}

#[test]
fn the_column_of_every_term_is_that_of_its_model() {
    let compared = compare(&inputs(), &chunks(), 7, |_| true);
    assert!(compared > 100, "{compared}");
}

#[test]
fn the_column_of_a_class_is_the_sum_of_those_of_its_scalars() {
    // The same motion as one of four particles on a line: two positions, two of its momenta.
    let shape = dataset::Shape { particles: 4, dimension: 1 };
    let inputs = Inputs::new(shape, vec![0.0], vec![("e".into(), vec![1.0])]).unwrap();
    let mut chunks = chunks();
    for chunk in &mut chunks {
        let z = &chunk.states;
        let shifted = z.map(|x| 0.7 * x + 0.1 * x * x - 3.0);
        chunk.states = ndarray::concatenate![ndarray::Axis(1), *z, shifted];
    }
    let compared = compare(&inputs, &chunks, 3, |scalars| scalars > 1);
    assert!(compared > 50, "{compared}");
}

/// Holds columns of terms against those of models of the same expression, those of every so many of
/// the terms whose first factor is of such a number of scalars; says how many.
fn compare(
    inputs: &Inputs,
    chunks: &[Trajectory],
    every: usize,
    is: impl Fn(usize) -> bool,
) -> usize {
    let dim = inputs.shape.state_len();
    let learner = Learner::new(inputs, chunks, chunks, Deadline::default()).unwrap();
    let flow: Option<&Flow<ScalarHamiltonian<ClosedForm>>> = None;
    let paths = Paths::new(flow, chunks, learner.weights(), 2, &vec![0.5; chunks.len()]);
    let nodes = Nodes::new(inputs, &learner.set, &learner.catalogue, &paths);
    let terms: Vec<Term> = RUNGS.iter().flat_map(|r| r.terms(&offered(&learner))).collect();
    let scalars = |t: &&Term| is(learner.catalogue.members(t.0[0].scalar).len());
    let mut compared = 0;
    for term in terms.iter().filter(scalars).step_by(every) {
        let mut column = Vec::new();
        if !term.column(&nodes, &mut column) {
            continue;
        }
        let expression = term.expression(&learner.catalogue);
        let model = ScalarHamiltonian::closed_form(inputs, &expression).unwrap();
        let blocks = paths.increments(&model, &expression.constants());
        let rows: Vec<f64> = blocks.iter().flat_map(|b| b.column(0).to_vec()).collect();
        let expected: Vec<f64> = (0..dim)
            .flat_map(|c| rows.iter().skip(c).step_by(dim).copied().collect::<Vec<_>>())
            .collect();
        let size = dot(&expected, &expected).sqrt();
        let apart: f64 =
            column.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart <= 1e-10 * size, "{expression}: {apart:e} of {size:e}");
        compared += 1;
    }
    compared
}

#[test]
fn a_projection_gives_the_coefficients_and_leaves_what_is_orthogonal() {
    let column = |k: usize| -> Vec<f64> {
        (0..40).map(|i| ((i * (k + 2)) as f64 * 0.31 + k as f64).sin()).collect()
    };
    let columns: Vec<Vec<f64>> = (0..3).map(column).collect();
    let target: Vec<f64> =
        (0..40).map(|i| 2.0 * columns[0][i] - 0.5 * columns[1][i] + 3.0 * columns[2][i]).collect();
    let projection = Projection::on(target, &columns).unwrap();
    for (found, expected) in projection.coefficients().iter().zip([2.0, -0.5, 3.0]) {
        assert!((found - expected).abs() < 1e-12, "{found}");
    }
    assert!(projection.squares() < 1e-24);
    let sum: Vec<f64> = (0..40).map(|i| columns[0][i] + columns[1][i]).collect();
    assert!(Projection::on(column(5), [&columns[0], &columns[1], &sum]).is_none());
}

#[test]
fn polishing_finds_the_number_inside() {
    let (inputs, chunks) = (inputs(), chunks());
    let learner = Learner::new(&inputs, &chunks, &chunks, Deadline::default()).unwrap();
    let paths = Paths::through_points(&chunks, learner.weights(), 1);
    let nodes = Nodes::new(&inputs, &learner.set, &learner.catalogue, &paths);
    for term in Rung::Alone.terms(&offered(&learner)).iter().step_by(5) {
        let (mut moved, mut target) = (term.clone(), Vec::new());
        let Some((f, k)) = moved.places().next() else { continue };
        *moved.0[f].number(k) *= 1.005;
        let true_number = *moved.0[f].number(k);
        if !moved.column(&nodes, &mut target) {
            continue;
        }
        let Some(mut sum) = Sum::of(vec![term.clone()], &nodes, &target) else { continue };
        sum.polish(25, &nodes, &target);
        let found = *sum.terms[0].0[f].number(k);
        let law: Expr = sum.expression(&learner.catalogue);
        assert!((found / true_number - 1.0).abs() < 1e-5, "{law}: {found} {true_number}");
    }
}

#[test]
fn a_pole_lies_between_values_of_points_that_count() {
    let (inputs, chunks) = (inputs(), chunks());
    let learner = Learner::new(&inputs, &chunks, &chunks, Deadline::default()).unwrap();
    let flow: Option<&Flow<ScalarHamiltonian<ClosedForm>>> = None;
    let of = |trust: &[f64]| {
        let paths = Paths::new(flow, &chunks, learner.weights(), 1, trust);
        Nodes::new(&inputs, &learner.set, &learner.catalogue, &paths)
    };
    let scalar = learner.scalars().iter().position(|s| s.to_string() == "norm(q1)").unwrap();
    let nodes = of(&vec![1.0; chunks.len()]);
    let (low, high) = nodes.range(scalar);
    let of_cosine = |shape, inside| Factor {
        argument: Argument::Cosine(0.5),
        ..Factor::new(scalar, shape, inside)
    };
    let of_exponential = |shape, inside| Factor {
        argument: Argument::Exponential(0.5),
        ..Factor::new(scalar, shape, inside)
    };
    let middle = 0.5 * (low + high);
    let cosine = (0.5 * middle).cos();
    let is_one = |factor: Factor, nodes: &Nodes| Term(vec![factor]).column(nodes, &mut Vec::new());
    for (factor, expected) in [
        (Factor::new(scalar, Shape::Shifted(-1.0), -middle), false),
        (Factor::new(scalar, Shape::Shifted(-2.0), -middle), false),
        (Factor::new(scalar, Shape::Shifted(-1.0), middle), true),
        (Factor::new(scalar, Shape::Log, -middle), false),
        (Factor::new(scalar, Shape::LogOfSquare, -middle * middle), false),
        // A well so far from the range that it is an exponential.
        (of_exponential(Shape::Shifted(2.0), -(0.5 * middle).exp()), true),
        (of_exponential(Shape::Shifted(2.0), -1e4 * (0.5 * high).exp()), false),
        (Factor::new(scalar, Shape::Shifted(2.0), -middle), true),
        (Factor::new(scalar, Shape::Softened(-1.0), -middle * middle), false),
        (Factor::new(scalar, Shape::Softened(-1.0), -2.0 * high * high), true),
        // Not where the cosine never comes: 1/sin(s)^2 is sound.
        (of_cosine(Shape::Softened(-1.0), -1.0), true),
        (of_cosine(Shape::Shifted(-1.0), -cosine), false),
    ] {
        assert_eq!(is_one(factor, &nodes), expected, "{factor:?}");
    }
    // What chunks without a weight do doesn't matter.
    let is_far =
        |chunk: &Trajectory| chunk.states.rows().into_iter().any(|z| z[0].hypot(z[1]) > 0.7 * high);
    let trust: Vec<f64> = chunks.iter().map(|c| if is_far(c) { 0.0 } else { 1.0 }).collect();
    assert!(trust.contains(&1.0) && trust.contains(&0.0));
    let at_the_end = Factor::new(scalar, Shape::Shifted(-1.0), -0.9 * high);
    assert!(!is_one(at_the_end, &nodes) && is_one(at_the_end, &of(&trust)));
}
