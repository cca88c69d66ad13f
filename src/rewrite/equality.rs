//! Whether two expressions are equal: a proof, or a point where they differ.

use egg::{FlatTerm, Id};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::expr::{Bindings, Expr, snap};
use crate::rewrite::error::RewriteError;
use crate::rewrite::expand::{Domain, add_with_expansions, assume_defined};
use crate::rewrite::graph::{Facts, Graph};
use crate::rewrite::language::{Node, from_step, to_nodes};
use crate::rewrite::rules::RULES;
use crate::rewrite::simplify::{SimplifyOptions, saturate};

/// Components of the sampled vectors: in fewer dimensions more scalars are dependent, and more
/// would look equal.
const DIMENSION: usize = 3;

/// The answer to whether two expressions are equal.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// Equal wherever either has a value, but for isolated points where one divides by zero.
    Equal {
        /// From the first expression to the second, one line for each step, with the name of the
        /// rule.
        explanation: Vec<String>,
    },
    /// Not equal.
    Different {
        /// Where they differ.
        point: Bindings,
        /// The value of the first; up to a constant, minus its value at the first point sampled.
        left: f64,
        /// The value of the second, likewise.
        right: f64,
    },
    /// Neither proved nor refuted.
    Unknown,
}

/// How equality is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EqualityOptions {
    /// Whether a constant may be between them, as between two Hamiltonians.
    pub up_to_constant: bool,
    /// Fitted constants within this relative distance of a simple number are taken for it before
    /// the proof; values may differ by as much. Zero for none.
    pub relative_tolerance: f64,
    /// Seed of the sampled points.
    pub seed: u64,
    /// Points at which a difference is looked for.
    pub points: usize,
    /// Bounds of the proof.
    pub bounds: SimplifyOptions,
}

impl Default for EqualityOptions {
    fn default() -> Self {
        Self {
            up_to_constant: false,
            relative_tolerance: 0.0,
            seed: 0,
            points: 32,
            bounds: SimplifyOptions::default(),
        }
    }
}

/// Values that differ by less than this, relative to the terms they are made of, may differ by
/// rounding alone.
const ROUNDING: f64 = 1e-9;

/// Whether two expressions are equal, or equal up to a constant, with the defaults of
/// [`EqualityOptions`].
pub fn prove_equal(a: &Expr, b: &Expr, up_to_constant: bool) -> Proof {
    prove_equal_with(a, b, &EqualityOptions { up_to_constant, ..EqualityOptions::default() })
}

/// Whether two expressions are equal: points are sampled for a difference first, then equality
/// saturation looks for a proof.
///
/// An expression with numbers that are not finite is `Unknown`.
pub fn prove_equal_with(a: &Expr, b: &Expr, options: &EqualityOptions) -> Proof {
    prove_equal_at(a, b, |_| 1.0, options)
}

/// As [`prove_equal_with`], for vectors whose components are about as large as `size` says of each
/// name.
pub fn prove_equal_at(
    a: &Expr,
    b: &Expr,
    size: impl Fn(&str) -> f64,
    options: &EqualityOptions,
) -> Proof {
    if let Some(different) = find_difference(a, b, size, options) {
        return different;
    }
    let tolerance = options.relative_tolerance;
    let theirs = b.constants();
    // A constant that is no simple number may still be one of the other law's.
    let snapped = |e: &Expr| {
        let near =
            |c: f64| theirs.iter().copied().find(|other| (other - c).abs() <= tolerance * c.abs());
        let constants: Vec<f64> = e
            .constants()
            .iter()
            .map(|&c| snap(c, tolerance * c.abs()).or_else(|| near(c)).unwrap_or(c))
            .collect();
        if tolerance > 0.0 { e.with_constants(&constants) } else { e.clone() }
    };
    match prove(&snapped(a), &snapped(b), options) {
        Ok(Some(explanation)) => Proof::Equal { explanation },
        Ok(None) | Err(_) => Proof::Unknown,
    }
}

/// The steps of a proof that takes for granted what the first expression's domain implies, if there
/// is a proof under the second's domain too.
pub(crate) fn prove(
    a: &Expr,
    b: &Expr,
    options: &EqualityOptions,
) -> Result<Option<Vec<String>>, RewriteError> {
    // These runs only decide: without a record of the steps they are several times faster.
    for given in [a, b] {
        let (graph, left, right) = saturated(Graph::new(Facts), [a, b], given, options)?;
        if graph.find(left) != graph.find(right) {
            return Ok(None);
        }
    }
    let graph =
        Graph::new(Facts).with_explanations_enabled().without_explanation_length_optimization();
    let (mut graph, left, right) = saturated(graph, [a, b], a, options)?;
    if graph.find(left) != graph.find(right) {
        return Ok(None);
    }
    let (left, right) =
        (to_nodes(a, options.up_to_constant)?, to_nodes(b, options.up_to_constant)?);
    let mut explanation = graph.explain_equivalence(&left, &right);
    let mut lines: Vec<String> = explanation.make_flat_explanation().iter().map(line).collect();
    lines.dedup();
    Ok(Some(lines))
}

fn saturated(
    mut graph: Graph,
    pair: [&Expr; 2],
    given: &Expr,
    options: &EqualityOptions,
) -> Result<(Graph, Id, Id), RewriteError> {
    assume_defined(&mut graph, given, Domain::Whole);
    pair.iter().for_each(|e| assume_defined(&mut graph, e, Domain::NonZero));
    let left = add_with_expansions(&mut graph, pair[0], options.up_to_constant)?;
    let right = add_with_expansions(&mut graph, pair[1], options.up_to_constant)?;
    Ok((saturate(graph, RULES, &options.bounds).egraph, left, right))
}

fn line(step: &FlatTerm<Node>) -> String {
    fn rule(step: &FlatTerm<Node>) -> Option<egg::Symbol> {
        step.forward_rule.or(step.backward_rule).or_else(|| step.children.iter().find_map(rule))
    }
    match rule(step) {
        Some(rule) => format!("= {}   [{rule}]", from_step(step)),
        None => from_step(step).to_string(),
    }
}

fn find_difference(
    a: &Expr,
    b: &Expr,
    size_of: impl Fn(&str) -> f64,
    options: &EqualityOptions,
) -> Option<Proof> {
    let both = Expr::Sum(vec![a.clone(), b.clone()]);
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut origin: Option<(f64, f64, f64)> = None;
    // Above zero, where roots and logarithms have values, and the same at all points: what depends
    // on them alone is a constant.
    let parameters: Vec<(String, f64)> = both
        .parameters()
        .into_iter()
        .map(|name| {
            let size = size_of(&name);
            let size = if size > 0.0 && size.is_finite() { size } else { 1.0 };
            (name, size * rng.random_range(0.5..1.5))
        })
        .collect();
    for _ in 0..options.points {
        let mut point = random_point(&both.names(), &size_of, &mut rng);
        for (name, value) in &parameters {
            point.bind(name.clone(), [*value]);
        }
        let (Ok(left), Ok(right)) = (a.evaluate(&point), b.evaluate(&point)) else { return None };
        let size = size(a, &point) + size(b, &point);
        if !(left.is_finite() && right.is_finite() && size.is_finite()) {
            continue;
        }
        let (left_0, right_0, size_0) = match (options.up_to_constant, origin) {
            (false, _) => (0.0, 0.0, 0.0),
            (true, Some(origin)) => origin,
            (true, None) => {
                origin = Some((left, right, size));
                continue;
            }
        };
        let (left, right) = (left - left_0, right - right_0);
        if (left - right).abs() > options.relative_tolerance.max(ROUNDING) * (size + size_0) {
            return Some(Proof::Different { point, left, right });
        }
    }
    None
}

/// The sum of the magnitudes of the terms, to which rounding errors are relative.
fn size(expr: &Expr, point: &Bindings) -> f64 {
    match expr {
        Expr::Sum(terms) => terms.iter().map(|t| size(t, point)).sum(),
        Expr::Product(factors) => factors.iter().map(|f| size(f, point)).product(),
        Expr::Pow(base, n) if *n > 0.0 => size(base, point).powf(*n),
        _ => expr.evaluate(point).map_or(f64::NAN, f64::abs),
    }
}

/// Normally distributed vectors for these names, each with its standard deviation.
pub(crate) fn random_point(
    names: &[String],
    deviation: &impl Fn(&str) -> f64,
    rng: &mut ChaCha8Rng,
) -> Bindings {
    let mut point = Bindings::new();
    for name in names {
        let scaled = |x: f64| deviation(name) * x;
        let components: Vec<f64> =
            (0..DIMENSION).map(|_| scaled(StandardNormal.sample(rng))).collect();
        point.bind(name.clone(), components);
    }
    point
}
