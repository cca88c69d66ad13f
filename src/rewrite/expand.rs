//! The expanded form of an expression: a sum of monomials, inner products of combinations
//! multiplied out.
//!
//! Expansion runs once, on what is given; the rules of the e-graph only bring together. So sums do
//! not multiply out what was just factored.

use std::collections::BTreeMap;

use egg::Id;

use crate::expr::{Expr, Function, Number, Scalar, Vector};
use crate::rewrite::error::RewriteError;
use crate::rewrite::graph::{
    Graph, Monomial, ONE, Signs, TWO, add_polynomial, add_tidy, assume, is, norm_of, tidy,
};
use crate::rewrite::language::{Combination, Node, to_nodes};

/// The name under which expansions appear in explanations.
pub(crate) const EXPAND: &str = "expand";

/// More terms than this are not multiplied out.
const MAX_TERMS: usize = 128;

/// Powers above this are not multiplied out.
const MAX_POWER: f64 = 4.0;

/// How far lengths are expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lengths {
    /// `norm(q2-q1)**2` is a power of a length.
    Kept,
    /// `norm(q2-q1)**2` becomes inner products of `q1` and `q2`.
    MultipliedOut,
}

type Terms = Vec<Monomial>;

fn collect(terms: impl IntoIterator<Item = Monomial>) -> Terms {
    let mut merged: BTreeMap<Vec<(Id, Number)>, f64> = BTreeMap::new();
    for term in terms {
        let sum = merged.entry(term.powers).or_insert(0.0);
        *sum = add_tidy(*sum, term.coefficient);
    }
    merged
        .into_iter()
        .filter(|(_, c)| *c != 0.0)
        .map(|(powers, coefficient)| Monomial { coefficient, powers })
        .collect()
}

fn times(graph: &Graph, a: &[Monomial], b: &[Monomial]) -> Option<Terms> {
    (a.len() * b.len() <= MAX_TERMS)
        .then(|| collect(a.iter().flat_map(|x| b.iter().map(|y| x.times(graph, y)))))
}

fn whole_power(graph: &Graph, base: &[Monomial], n: Number) -> Option<Terms> {
    if !n.is_whole() || n.value() < 1.0 || n.value() > MAX_POWER {
        return None;
    }
    (1..n.value() as usize).try_fold(base.to_vec(), |power, _| times(graph, &power, base))
}

/// Adds the expanded form of an expression; `None` when a number overflowed.
pub(crate) fn add_expanded(graph: &mut Graph, expr: &Expr, lengths: Lengths) -> Option<Id> {
    let terms = expand(graph, expr, lengths)?;
    add_polynomial(graph, &terms)
}

fn expand(graph: &mut Graph, expr: &Expr, lengths: Lengths) -> Option<Terms> {
    match expr {
        Expr::Constant(c) => Some(collect([Monomial::constant(*c)])),
        Expr::Scalar(Scalar::Parameter(name)) => {
            Some(vec![Monomial::power(graph.add(Node::Parameter(name.clone())), ONE)])
        }
        Expr::Scalar(Scalar::Norm(a)) => {
            let (factor, base) = add_norm(graph, a)?;
            Some(collect([Monomial {
                coefficient: factor,
                powers: base.map_or(vec![], |base| vec![(base, ONE)]),
            }]))
        }
        Expr::Scalar(Scalar::Dot(a, b)) => expand_dot(graph, a, b, lengths),
        Expr::Sum(terms) => {
            let terms =
                terms.iter().map(|t| expand(graph, t, lengths)).collect::<Option<Vec<Terms>>>()?;
            Some(collect(terms.into_iter().flatten()))
        }
        Expr::Product(factors) => expand_product(graph, factors, lengths),
        Expr::Pow(base, n) => {
            let base = expand(graph, base, lengths)?;
            expand_power(graph, &base, Number::new(*n)?)
        }
        Expr::Apply(f, x) => {
            let x = expand(graph, x, lengths)?;
            let x = add_polynomial(graph, &x)?;
            Some(vec![Monomial::power(graph.add(Node::Apply(*f, [x])), ONE)])
        }
    }
    .and_then(|terms| match lengths {
        Lengths::Kept => Some(terms),
        Lengths::MultipliedOut => multiply_out_lengths(graph, terms),
    })
}

fn expand_product(graph: &mut Graph, factors: &[Expr], lengths: Lengths) -> Option<Terms> {
    let mut product = collect([Monomial::constant(1.0)]);
    for factor in factors {
        let factor = expand(graph, factor, lengths)?;
        product = match times(graph, &product, &factor) {
            Some(product) => product,
            // Too long: the sums stay factors.
            None => {
                let (a, b) = (atom(graph, &product)?, atom(graph, &factor)?);
                vec![a.times(graph, &b)]
            }
        };
    }
    Some(product)
}

/// The terms as one monomial, a sum of several being its base.
fn atom(graph: &mut Graph, terms: &[Monomial]) -> Option<Monomial> {
    match terms {
        [] => Some(Monomial::constant(0.0)),
        [term] => Some(term.clone()),
        _ => Some(Monomial::power(add_polynomial(graph, terms)?, ONE)),
    }
}

fn expand_power(graph: &mut Graph, base: &[Monomial], n: Number) -> Option<Terms> {
    if n.value() == 0.0 {
        return Some(vec![Monomial::constant(1.0)]);
    }
    if let [term] = base {
        if let Some(power) = monomial_power(graph, term, n) {
            return Some(collect([power]));
        }
    } else if let Some(power) = whole_power(graph, base, n) {
        return Some(power);
    }
    let base = add_polynomial(graph, base)?;
    Some(vec![Monomial::power(base, n)])
}

/// The power of a monomial as a monomial, where that is sound: whole exponents, or nothing below
/// zero.
pub(crate) fn monomial_power(graph: &Graph, term: &Monomial, n: Number) -> Option<Monomial> {
    let sound = n.is_whole() && term.powers.iter().all(|(_, m)| m.is_whole())
        || term.coefficient >= 0.0
            && term.powers.iter().all(|(base, _)| is(graph, *base, Signs::NON_NEGATIVE));
    let coefficient = term.coefficient.powf(n.value());
    if !sound || !coefficient.is_finite() {
        return None;
    }
    let mut power = Monomial::constant(tidy(coefficient));
    for (base, m) in &term.powers {
        power.multiply(graph, *base, Number::new(tidy(m.value() * n.value()))?);
    }
    Some(power)
}

/// Adds the length of a vector without its common factor. `None` inside for the zero vector.
fn add_norm(graph: &mut Graph, a: &Vector) -> Option<(f64, Option<Id>)> {
    if a.is_zero() {
        return Some((0.0, None));
    }
    let (factor, a) = a.split_factor();
    Some((factor.abs(), Some(graph.add(Node::Norm(Combination::of(&a)?)))))
}

fn expand_dot(graph: &mut Graph, a: &Vector, b: &Vector, lengths: Lengths) -> Option<Terms> {
    let ((x, u), (y, v)) = (a.split_factor(), b.split_factor());
    if lengths == Lengths::Kept && u == v && !u.is_zero() {
        let (factor, base) = add_norm(graph, &u)?;
        return Some(vec![Monomial {
            coefficient: x * y * factor,
            powers: base.map_or(vec![], |base| vec![(base, TWO)]),
        }]);
    }
    let mut terms = Vec::new();
    for (a, c) in a.terms() {
        for (b, d) in b.terms() {
            let mut term = named_dot(graph, a, b)?;
            term.coefficient = tidy(c * d);
            terms.push(term);
        }
    }
    Some(collect(terms))
}

fn named_dot(graph: &mut Graph, a: &str, b: &str) -> Option<Monomial> {
    let combination = |name: &str| Combination::of(&Vector::named(name));
    if a == b {
        return Some(Monomial::power(graph.add(Node::Norm(combination(a)?)), TWO));
    }
    let Scalar::Dot(a, b) = Scalar::dot(Vector::named(a), Vector::named(b)) else { return None };
    Some(Monomial::power(graph.add(Node::Dot(Combination::of(&a)?, Combination::of(&b)?)), ONE))
}

/// Replaces squares and fourth powers of lengths of combinations.
fn multiply_out_lengths(graph: &mut Graph, terms: Terms) -> Option<Terms> {
    let mut out = Vec::new();
    for term in terms {
        let place = term.powers.iter().position(|(base, n)| {
            n.is_even()
                && n.value() > 0.0
                && n.value() <= MAX_POWER
                && norm_of(graph, *base).is_some_and(|v| v.terms().len() > 1)
        });
        let Some((i, v)) =
            place.and_then(|i| Some((i, norm_of(graph, term.powers[i].0)?.vector())))
        else {
            out.push(term);
            continue;
        };
        let mut rest = term.clone();
        let (_, n) = rest.powers.remove(i);
        let square = expand_dot(graph, &v, &v, Lengths::MultipliedOut)?;
        let product = whole_power(graph, &square, Number::new(n.value() / 2.0)?)
            .and_then(|power| times(graph, &[rest], &power));
        match product {
            Some(product) => out.extend(multiply_out_lengths(graph, product)?),
            None => out.push(term),
        }
    }
    Some(collect(out))
}

/// What of the domain of an expression is taken as known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// All but the isolated points of division by zero: no base of a negative power, no argument of
    /// a logarithm is zero.
    NonZero,
    /// Also that no root or logarithm is of a number below zero.
    Whole,
}

/// Takes it as known that an expression has a value.
pub(crate) fn assume_defined(graph: &mut Graph, expr: &Expr, domain: Domain) {
    // Where a number overflows, a fact is left away; the others stay true.
    let _ = assume_parts(graph, expr, domain);
    graph.rebuild();
}

fn assume_parts(graph: &mut Graph, expr: &Expr, domain: Domain) -> Option<()> {
    match expr {
        Expr::Constant(_) | Expr::Scalar(_) => {}
        Expr::Sum(children) | Expr::Product(children) => {
            children.iter().try_for_each(|child| assume_parts(graph, child, domain))?
        }
        Expr::Pow(base, n) => {
            assume_parts(graph, base, domain)?;
            if *n < 0.0 {
                assume_non_zero(graph, base)?;
            }
            if n.fract() != 0.0 && domain == Domain::Whole {
                let id = add_expanded(graph, base, Lengths::Kept)?;
                assume(graph, id, Signs::NON_NEGATIVE);
            }
        }
        Expr::Apply(f, x) => {
            assume_parts(graph, x, domain)?;
            if *f == Function::Log {
                assume_non_zero(graph, x)?;
                if domain == Domain::Whole {
                    let id = add_expanded(graph, x, Lengths::Kept)?;
                    assume(graph, id, Signs::STRICTLY_POSITIVE);
                }
            }
        }
    }
    Some(())
}

fn assume_non_zero(graph: &mut Graph, expr: &Expr) -> Option<()> {
    for lengths in [Lengths::Kept, Lengths::MultipliedOut] {
        let terms = expand(graph, expr, lengths)?;
        if let [term] = &terms[..] {
            // A product is not zero, so none of its factors is.
            for (base, _) in &term.powers {
                assume(graph, *base, Signs::NON_ZERO);
            }
        }
        let id = add_polynomial(graph, &terms)?;
        assume(graph, id, Signs::NON_ZERO);
    }
    match expr {
        Expr::Product(factors) => factors.iter().try_for_each(|f| assume_non_zero(graph, f)),
        Expr::Pow(base, n) if *n > 0.0 => assume_non_zero(graph, base),
        _ => Some(()),
    }
}

/// Adds an expression as it is written and unites each of its parts with its expanded forms.
/// Returns the class of the whole.
///
/// # Errors
/// A number of the expression is not finite.
pub(crate) fn add_with_expansions(
    graph: &mut Graph,
    expr: &Expr,
    up_to_constant: bool,
) -> Result<Id, RewriteError> {
    let nodes = to_nodes(expr, up_to_constant)?;
    let root = graph.add_expr_uncanonical(&nodes);
    let mut equal = Vec::new();
    expand_parts(graph, expr, &mut equal)?;
    for (part, expanded) in equal {
        graph.union_trusted(part, expanded, EXPAND);
    }
    graph.rebuild();
    Ok(root)
}

fn expand_parts(
    graph: &mut Graph,
    expr: &Expr,
    equal: &mut Vec<(Id, Id)>,
) -> Result<(), RewriteError> {
    match expr {
        Expr::Constant(_) => return Ok(()),
        Expr::Scalar(_) => {}
        Expr::Sum(children) | Expr::Product(children) => {
            children.iter().try_for_each(|child| expand_parts(graph, child, equal))?
        }
        Expr::Pow(child, _) | Expr::Apply(_, child) => expand_parts(graph, child, equal)?,
    }
    let part = graph.add_expr_uncanonical(&to_nodes(expr, false)?);
    for lengths in [Lengths::Kept, Lengths::MultipliedOut] {
        equal.extend(add_expanded(graph, expr, lengths).map(|expanded| (part, expanded)));
    }
    Ok(())
}
