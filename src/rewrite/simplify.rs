//! The simplest expression that equals a given one.

use std::time::Duration;

use egg::{Runner, SimpleScheduler, StopReason};

use crate::expr::{Expr, Scalar, Vector, VectorExpr};
use crate::rewrite::cost::cheapest;
use crate::rewrite::error::RewriteError;
use crate::rewrite::expand::{Domain, add_with_expansions, assume_defined};
use crate::rewrite::graph::{Facts, Graph};
use crate::rewrite::language::Node;
use crate::rewrite::order::ordered;
use crate::rewrite::rules::{RULES, Rule, rewrites};

/// Bounds of equality saturation. There is no bound on time: the result must not depend on the
/// machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimplifyOptions {
    /// Rounds of all rules.
    pub max_iterations: usize,
    /// Nodes of the e-graph.
    pub max_nodes: usize,
}

impl Default for SimplifyOptions {
    fn default() -> Self {
        Self { max_iterations: 12, max_nodes: 4000 }
    }
}

/// Why saturation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The rules found nothing new: the result is the cheapest of all that they can reach.
    Saturated,
    /// The bound on iterations was reached.
    Iterations,
    /// The bound on nodes was reached.
    Nodes,
}

/// A simplified expression, and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Simplified {
    /// The simplest form found, in canonical order.
    pub expression: Expr,
    /// Its cost for a reader.
    pub cost: u32,
    /// Rounds of all rules.
    pub iterations: usize,
    /// Nodes of the e-graph.
    pub nodes: usize,
    /// Classes of the e-graph.
    pub classes: usize,
    /// Why it ended.
    pub stopped: Stopped,
}

/// The simplest form of an expression, equal to it wherever it has a value.
///
/// Equality saturation (Willsey et al. 2021) with the rules of [`RULES`] and extraction of the form
/// that is cheapest to read; ties go to the form with fewest sums, then to the shortest and first
/// text. Same expression, same result.
///
/// # Errors
/// A number of the expression is not finite.
pub fn simplify(expr: &Expr, options: &SimplifyOptions) -> Result<Simplified, RewriteError> {
    run(expr, false, options)
}

/// The simplest form of an expression that may differ from it by a constant, as a Hamiltonian may.
///
/// # Errors
/// A number of the expression is not finite.
pub fn simplify_up_to_constant(
    expr: &Expr,
    options: &SimplifyOptions,
) -> Result<Simplified, RewriteError> {
    run(expr, true, options)
}

fn run(
    expr: &Expr,
    up_to_constant: bool,
    options: &SimplifyOptions,
) -> Result<Simplified, RewriteError> {
    let mut graph = Graph::new(Facts);
    assume_defined(&mut graph, expr, Domain::Whole);
    let mut root = add_with_expansions(&mut graph, expr, up_to_constant)?;
    if let Some(pieces) = by_pieces(expr, up_to_constant, options)? {
        let other = add_with_expansions(&mut graph, &pieces, up_to_constant)?;
        graph.union(root, other);
        graph.rebuild();
        root = graph.find(root);
    }
    let runner = saturate(graph, RULES, options);
    let (cost, expression) = cheapest(&runner.egraph, root);
    Ok(Simplified {
        expression: ordered(&expression),
        cost,
        iterations: runner.iterations.len(),
        nodes: runner.egraph.total_number_of_nodes(),
        classes: runner.egraph.number_of_classes(),
        stopped: match runner.stop_reason {
            Some(StopReason::Saturated) => Stopped::Saturated,
            Some(StopReason::NodeLimit(_)) => Stopped::Nodes,
            _ => Stopped::Iterations,
        },
    })
}

/// A sum of which each piece is simplified by itself: in the graph of a long sum there is no room
/// for all that may become of each. Terms that have a scalar in common, or inner products with one
/// vector, are of one piece. None where that is all of it.
fn by_pieces(
    expr: &Expr,
    up_to_constant: bool,
    options: &SimplifyOptions,
) -> Result<Option<Expr>, RewriteError> {
    let Expr::Sum(terms) = expr else { return Ok(None) };
    let mut pieces: Vec<(Vec<String>, Vec<Expr>)> = Vec::new();
    for term in terms {
        let mut whole = (ties(term), vec![term.clone()]);
        let (joined, apart): (Vec<_>, Vec<_>) =
            pieces.into_iter().partition(|(tie, _)| tie.iter().any(|t| whole.0.contains(t)));
        for (tie, others) in joined {
            whole.0.extend(tie);
            whole.1.extend(others);
        }
        pieces = apart;
        pieces.push(whole);
    }
    if pieces.len() < 2 {
        return Ok(None);
    }
    let simple = pieces
        .into_iter()
        .map(|(_, terms)| Ok(run(&Expr::sum(terms), up_to_constant, options)?.expression));
    Ok(Some(Expr::sum(simple.collect::<Result<Vec<_>, RewriteError>>()?)))
}

/// What ties a term to others: its scalars, and the vectors that it has inner products with.
fn ties(term: &Expr) -> Vec<String> {
    let of = |scalar: Scalar| match &scalar {
        // What is multiplied with the same parameter is put together.
        Scalar::Parameter(name) => vec![name.clone()],
        Scalar::Norm(_) => vec![Expr::Scalar(scalar).to_string()],
        Scalar::Dot(a, b) => {
            a.terms().iter().chain(b.terms()).map(|(name, _)| name.clone()).collect()
        }
    };
    term.scalars().into_iter().flat_map(of).collect()
}

/// Runs rules until nothing new is found or a bound is reached.
pub(crate) fn saturate(
    graph: Graph,
    rules: &[Rule],
    options: &SimplifyOptions,
) -> Runner<Node, Facts> {
    Runner::new(Facts)
        .with_egraph(graph)
        .with_scheduler(SimpleScheduler)
        .with_time_limit(Duration::MAX)
        .with_iter_limit(options.max_iterations)
        .with_node_limit(options.max_nodes)
        .run(&rewrites(rules, options.max_nodes))
}

/// The simplest form of a vector expression: the terms of one vector (or of its opposite or
/// multiples) collected, every coefficient simplified; either over the vectors as they stand, such
/// as `q2-q1`, or over the named vectors, whichever is cheaper to read. A coefficient that divides
/// by the length of its vector is written as a function times the unit vector,
/// `(norm(q1)-1)*q1/norm(q1)`.
///
/// # Errors
/// A number of the expression is not finite.
pub fn simplify_vector(
    expr: &VectorExpr,
    options: &SimplifyOptions,
) -> Result<VectorExpr, RewriteError> {
    let named = expr.0.iter().flat_map(|(coefficient, vector)| {
        let part = |(name, c): &(String, f64)| {
            (
                Expr::Product(vec![Expr::Constant(*c), coefficient.clone()]),
                Vector::named(name.clone()),
            )
        };
        vector.terms().iter().map(part)
    });
    let (cost, as_given) = simplify_terms(expr.0.iter().cloned(), options)?;
    let (cost_named, over_names) = simplify_terms(named, options)?;
    Ok(if cost_named < cost { over_names } else { as_given })
}

fn simplify_terms(
    terms: impl Iterator<Item = (Expr, Vector)>,
    options: &SimplifyOptions,
) -> Result<(u32, VectorExpr), RewriteError> {
    let mut collected: Vec<(Vector, Vec<Expr>)> = Vec::new();
    for (coefficient, vector) in terms {
        let (factor, vector) = vector.split_factor();
        let scaled = Expr::Product(vec![Expr::Constant(factor), coefficient]);
        match collected.iter_mut().find(|(known, _)| *known == vector) {
            Some((_, coefficients)) => coefficients.push(scaled),
            None => collected.push((vector, vec![scaled])),
        }
    }
    let mut simple: Vec<(u32, Expr, Vector)> = Vec::new();
    for (vector, coefficients) in collected.into_iter().filter(|(v, _)| !v.is_zero()) {
        let (cost, coefficient) = simplify_coefficient(&Expr::Sum(coefficients), &vector, options)?;
        if coefficient == Expr::Constant(0.0) {
            continue;
        }
        // Equal coefficients: their vectors are added.
        match simple
            .iter_mut()
            .find(|(_, known, _)| *known == coefficient && matches!(known, Expr::Constant(_)))
        {
            Some((_, _, sum)) => *sum = &*sum + &vector,
            None => simple.push((cost + vector.terms().len() as u32, coefficient, vector)),
        }
    }
    simple.sort_by(|a, b| {
        let constant = |e: &Expr| matches!(e, Expr::Constant(_));
        constant(&a.1).cmp(&constant(&b.1)).then_with(|| a.2.total_cmp(&b.2))
    });
    let cost = simple.iter().map(|(cost, ..)| cost + 1).sum();
    Ok((cost, VectorExpr(simple.into_iter().map(|(_, c, v)| (c, v)).collect())))
}

fn simplify_coefficient(
    coefficient: &Expr,
    vector: &Vector,
    options: &SimplifyOptions,
) -> Result<(u32, Expr), RewriteError> {
    let plain = simplify(coefficient, options)?;
    let length = Expr::norm(vector.clone());
    let reciprocal = |e: &Expr| matches!(e, Expr::Pow(base, n) if **base == length && *n < 0.0);
    // A power law reads best as it stands.
    if !contains(&plain.expression, &reciprocal)
        || !contains(&plain.expression, &|e| matches!(e, Expr::Sum(_)))
    {
        return Ok((plain.cost, plain.expression));
    }
    let of_unit = simplify(&Expr::Product(vec![coefficient.clone(), length.clone()]), options)?;
    // A function of the length times the unit vector: the division by the length is not read as
    // part of the function.
    if of_unit.cost > plain.cost + 1 {
        return Ok((plain.cost, plain.expression));
    }
    let mut factors = match of_unit.expression {
        Expr::Product(factors) => factors,
        // As a restoring force is written: -(norm(q1)-1), not 1-norm(q1).
        Expr::Sum(terms)
            if terms.iter().all(|t| is_negative(t) || matches!(t, Expr::Constant(_))) =>
        {
            let opposite =
                Expr::sum(terms.into_iter().map(|t| Expr::product([Expr::Constant(-1.0), t])));
            vec![Expr::Constant(-1.0), simplify(&opposite, options)?.expression]
        }
        other => vec![other],
    };
    factors.push(Expr::Pow(Box::new(length), -1.0));
    Ok((of_unit.cost.min(plain.cost), ordered(&Expr::product(factors))))
}

fn is_negative(term: &Expr) -> bool {
    matches!(term, Expr::Product(factors) if matches!(factors[..], [Expr::Constant(c), ..] if c < 0.0))
}

/// Whether a part of the expression is of this kind.
fn contains(expr: &Expr, kind: &impl Fn(&Expr) -> bool) -> bool {
    kind(expr)
        || match expr {
            Expr::Constant(_) | Expr::Scalar(_) => false,
            Expr::Sum(children) | Expr::Product(children) => {
                children.iter().any(|child| contains(child, kind))
            }
            Expr::Pow(child, _) | Expr::Apply(_, child) => contains(child, kind),
        }
}
