//! Rules that tell when two families of functions are one.
//!
//! In the text of a rule every `c` is a constant of its own, `x` and `y` are expressions without
//! constants, `S` and `T` any families, `L` one that scales (with every member it has all its
//! multiples). A test fits members of each side by the other.

use egg::Id;

use crate::expr::{Function, Number};
use crate::search::egraph::{Facts, Graph, Shape, product_of, sum_of};

/// A rewrite rule.
#[derive(Clone, Copy, Debug)]
pub struct FamilyRule {
    /// Its name.
    pub name: &'static str,
    /// What it finds.
    pub left: &'static str,
    /// What that equals.
    pub right: &'static str,
    rewriter: fn(&mut Graph, &Shape) -> Option<Id>,
}

impl FamilyRule {
    pub(crate) fn apply(&self, graph: &mut Graph, node: &Shape) -> Option<Id> {
        (self.rewriter)(graph, node)
    }
}

type Rewriter = fn(&mut Graph, &Shape) -> Option<Id>;

const fn rule(
    name: &'static str,
    left: &'static str,
    right: &'static str,
    rewriter: Rewriter,
) -> FamilyRule {
    FamilyRule { name, left, right, rewriter }
}

/// All rules.
#[rustfmt::skip]
pub const RULES: &[FamilyRule] = &[
    rule("nested-sum", "c + (S + T)", "c + S + T", nested_sum),
    rule("absorb-scale", "c*L", "L", absorb_scale),
    rule("absorb-shift", "c + (c + S)", "c + S", absorb_shift),
    rule("like-terms", "c*x + c*x", "c*x", like_terms),
    rule("scale-of-power", "c*(c*S)**2", "c*S**2", scale_of_power),
    rule("collect-powers", "x**2*x", "x**3", collect_powers),
    rule("power-of-power", "(S**2)**3", "S**6", power_of_power),
    rule("free-power-of-power", "(S**2)**c", "S**c", free_power_of_power),
    rule("power-of-free-power", "(S**c)**2", "S**c", power_of_free_power),
    rule("exponential-of-shift", "c*exp(S + c)", "c*exp(S)", exponential_of_shift),
    rule("product-of-exponentials", "exp(S)*exp(T)", "exp(S + T)", product_of_exponentials),
    rule("power-of-exponential", "exp(L)**2", "exp(L)", power_of_exponential),
    rule("exponential-of-logarithm", "exp(c*log(S))", "S**c", exponential_of_logarithm),
    rule("logarithm-of-exponential", "log(exp(S))", "S", logarithm_of_exponential),
    rule("logarithm-of-power", "c*log(S**3)", "c*log(S)", logarithm_of_power),
    rule("logarithm-of-multiple", "log(c*S) + c", "log(S) + c", logarithm_of_multiple),
    rule("phase", "sin(c + S)", "cos(c + S)", phase),
    rule("square-of-wave", "c*cos(L)**2 + c", "c*cos(L) + c", square_of_wave),
    rule("even-power-of-magnitude", "abs(S)**2", "S**2", even_power_of_magnitude),
    rule("expand-product", "c*x*(c + x)", "c*x + c*x**2", expand_product),
    rule("complete-square", "c*(c + x)**2 + c", "c*x**2 + c*x + c", complete_square),
];

fn facts(graph: &Graph, id: Id) -> Facts {
    graph[id].data
}

fn is_constant(graph: &Graph, id: Id) -> bool {
    graph[id].nodes.contains(&Shape::Constant)
}

fn add(graph: &mut Graph, node: Result<Shape, Id>) -> Id {
    match node {
        Ok(node) => graph.add(node),
        Err(id) => id,
    }
}

fn add_sum(graph: &mut Graph, terms: Vec<Id>) -> Id {
    let node = sum_of(graph, terms);
    add(graph, node)
}

fn add_product(graph: &mut Graph, factors: Vec<Id>) -> Id {
    let node = product_of(graph, factors);
    add(graph, node)
}

fn constant(graph: &mut Graph) -> Id {
    graph.add(Shape::Constant)
}

/// The class times a free coefficient.
fn scaled(graph: &mut Graph, id: Id) -> Id {
    let c = constant(graph);
    add_product(graph, vec![c, id])
}

fn power(graph: &mut Graph, base: Id, n: f64) -> Option<Id> {
    match Number::new(n)? {
        n if n.value() == 1.0 => Some(base),
        n if n.value() == 0.0 => None,
        n => Some(graph.add(Shape::Power(n, [base]))),
    }
}

/// The first node of a class of a kind.
fn find<T>(graph: &Graph, id: Id, f: impl Fn(&Shape) -> Option<T>) -> Option<T> {
    graph[id].nodes.iter().find_map(f)
}

fn argument(graph: &Graph, id: Id, f: Function) -> Option<Id> {
    find(graph, id, |n| match n {
        Shape::Apply(g, [x]) if *g == f => Some(graph.find(*x)),
        _ => None,
    })
}

fn sum_terms(graph: &Graph, id: Id) -> Option<Vec<Id>> {
    find(graph, id, |n| {
        if let Shape::Sum(terms) = n {
            Some(terms.iter().map(|t| graph.find(*t)).collect())
        } else {
            None
        }
    })
}

/// The class without a free coefficient: x of c*x.
fn without_coefficient(graph: &Graph, id: Id) -> Option<Vec<Id>> {
    find(graph, id, |n| match n {
        Shape::Product(factors) => {
            let at = factors.iter().position(|f| is_constant(graph, *f))?;
            let mut rest: Vec<Id> = factors.iter().map(|f| graph.find(*f)).collect();
            rest.remove(at);
            Some(rest)
        }
        _ => None,
    })
}

/// Single factors that the class is a free multiple of.
fn multiples(graph: &Graph, terms: &[Id]) -> Vec<(usize, Id)> {
    let mut found = Vec::new();
    for (i, term) in terms.iter().enumerate() {
        for node in &graph[*term].nodes {
            if let Shape::Product(factors) = node
                && let Some(rest) = split_constant(graph, factors)
                && let [factor] = rest[..]
            {
                found.push((i, factor));
            }
        }
    }
    found
}

/// The class as a base and exponent.
fn as_power(graph: &Graph, id: Id) -> (Id, f64) {
    let found = find(graph, id, |n| {
        if let Shape::Power(n, [base]) = n { Some((graph.find(*base), n.value())) } else { None }
    });
    found.unwrap_or((graph.find(id), 1.0))
}

/// Operands without one that is a constant; `None` without a constant.
fn split_constant(graph: &Graph, ids: &[Id]) -> Option<Vec<Id>> {
    let at = ids.iter().position(|id| is_constant(graph, *id))?;
    let mut rest: Vec<Id> = ids.iter().map(|id| graph.find(*id)).collect();
    rest.remove(at);
    Some(rest)
}

fn nested_sum(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Sum(terms) = node else { return None };
    let joined = sum_of(graph, terms.to_vec());
    if joined.as_ref() == Ok(node) { None } else { Some(add(graph, joined)) }
}

fn absorb_scale(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Product(factors) = node else { return None };
    let rest = split_constant(graph, factors)?;
    if rest.iter().any(|id| facts(graph, *id).scales) {
        Some(add_product(graph, rest))
    } else {
        None
    }
}

fn absorb_shift(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Sum(terms) = node else { return None };
    let rest = split_constant(graph, terms)?;
    if rest.iter().any(|id| facts(graph, *id).shifts) { Some(add_sum(graph, rest)) } else { None }
}

fn like_terms(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Sum(terms) = node else { return None };
    let is_multiple = |id: Id| {
        without_coefficient(graph, id)
            .is_some_and(|rest| rest.iter().all(|f| facts(graph, *f).single))
    };
    let at = (1..terms.len())
        .find(|&i| graph.find(terms[i]) == graph.find(terms[i - 1]) && is_multiple(terms[i]))?;
    let mut rest = terms.to_vec();
    rest.remove(at);
    Some(add_sum(graph, rest))
}

/// In a product with a free coefficient, the scale of a base is absorbed: that of a sum by its
/// first term.
fn scale_of_power(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Product(factors) = node else { return None };
    let rest = split_constant(graph, factors)?;
    for (i, id) in rest.iter().enumerate() {
        let (base, n) = as_power(graph, *id);
        let Some(unscaled) = unscaled(graph, base) else { continue };
        let Some(power) = power(graph, unscaled, n) else { continue };
        let mut factors = rest.clone();
        factors[i] = power;
        factors.push(constant(graph));
        return Some(add_product(graph, factors));
    }
    None
}

/// A family without its free scale: S of c*S, T + c*U of c*T + c*U.
fn unscaled(graph: &mut Graph, id: Id) -> Option<Id> {
    if let Some(rest) = without_coefficient(graph, id) {
        return (!rest.is_empty()).then(|| add_product(graph, rest));
    }
    let terms = sum_terms(graph, id)?;
    if !terms.iter().all(|t| facts(graph, *t).scales) {
        return None;
    }
    let (at, first) =
        terms.iter().enumerate().find_map(|(i, t)| Some((i, without_coefficient(graph, *t)?)))?;
    let mut terms = terms;
    terms[at] = add_product(graph, first);
    Some(add_sum(graph, terms))
}

fn collect_powers(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Product(factors) = node else { return None };
    for i in 0..factors.len() {
        let (base, n) = as_power(graph, factors[i]);
        if !facts(graph, base).single {
            continue;
        }
        for j in i + 1..factors.len() {
            let (other, m) = as_power(graph, factors[j]);
            if other != base || n + m == 0.0 {
                continue;
            }
            let mut rest: Vec<Id> = factors.to_vec();
            rest.remove(j);
            rest[i] = power(graph, base, n + m)?;
            return Some(add_product(graph, rest));
        }
    }
    None
}

fn power_of_power(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Power(n, [base]) = node else { return None };
    let (inner, m) = as_power(graph, *base);
    // The root of an even power is a magnitude.
    if m == 1.0 || (!n.is_whole() && m % 2.0 == 0.0) {
        None
    } else {
        power(graph, inner, m * n.value())
    }
}

fn free_power_of_power(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::FreePower([base]) = node else { return None };
    let (inner, m) = as_power(graph, *base);
    if m == 1.0 { None } else { Some(graph.add(Shape::FreePower([inner]))) }
}

fn power_of_free_power(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Power(_, [base]) = node else { return None };
    let inner = find(graph, *base, |n| {
        if let Shape::FreePower([inner]) = n { Some(graph.find(*inner)) } else { None }
    })?;
    Some(graph.add(Shape::FreePower([inner])))
}

fn exponential_of_shift(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Product(factors) = node else { return None };
    let rest = split_constant(graph, factors)?;
    for (i, id) in rest.iter().enumerate() {
        let terms = argument(graph, *id, Function::Exp).and_then(|x| sum_terms(graph, x));
        let Some(terms) = terms.and_then(|terms| split_constant(graph, &terms)) else { continue };
        let arg = add_sum(graph, terms);
        let mut factors = rest.clone();
        factors[i] = graph.add(Shape::Apply(Function::Exp, [arg]));
        factors.push(constant(graph));
        return Some(add_product(graph, factors));
    }
    None
}

fn product_of_exponentials(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Product(factors) = node else { return None };
    let exponents: Vec<(usize, Id)> = factors
        .iter()
        .enumerate()
        .filter_map(|(i, id)| Some((i, argument(graph, *id, Function::Exp)?)))
        .collect();
    let [(i, a), (j, b), ..] = exponents[..] else { return None };
    let arg = add_sum(graph, vec![a, b]);
    let mut rest = factors.to_vec();
    rest.remove(j);
    rest[i] = graph.add(Shape::Apply(Function::Exp, [arg]));
    Some(add_product(graph, rest))
}

fn power_of_exponential(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let (Shape::Power(_, [base]) | Shape::FreePower([base])) = node else { return None };
    let arg = argument(graph, *base, Function::Exp)?;
    facts(graph, arg).scales.then(|| graph.find(*base))
}

fn exponential_of_logarithm(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Apply(Function::Exp, [x]) = node else { return None };
    let rest = without_coefficient(graph, *x)?;
    let [log] = rest[..] else { return None };
    let base = argument(graph, log, Function::Log)?;
    Some(graph.add(Shape::FreePower([base])))
}

fn logarithm_of_exponential(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Apply(Function::Log, [x]) = node else { return None };
    argument(graph, *x, Function::Exp)
}

fn logarithm_of_power(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Product(factors) = node else { return None };
    let rest = split_constant(graph, factors)?;
    for (i, id) in rest.iter().enumerate() {
        let Some(x) = argument(graph, *id, Function::Log) else { continue };
        let (base, n) = as_power(graph, x);
        if n == 1.0 {
            continue;
        }
        let mut factors = rest.clone();
        factors[i] = graph.add(Shape::Apply(Function::Log, [base]));
        factors.push(constant(graph));
        return Some(add_product(graph, factors));
    }
    None
}

/// The scale of a logarithm's argument is a constant outside.
fn logarithm_of_multiple(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Sum(terms) = node else { return None };
    split_constant(graph, terms)?;
    for (i, log) in multiples(graph, terms) {
        let Some(x) = argument(graph, log, Function::Log) else { continue };
        let Some(x) = unscaled(graph, x) else { continue };
        let log = graph.add(Shape::Apply(Function::Log, [x]));
        let mut terms = terms.to_vec();
        terms[i] = scaled(graph, log);
        return Some(add_sum(graph, terms));
    }
    None
}

fn phase(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Apply(Function::Sin, [x]) = node else { return None };
    facts(graph, *x).shifts.then(|| graph.add(Shape::Apply(Function::Cos, [*x])))
}

fn square_of_wave(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Sum(terms) = node else { return None };
    split_constant(graph, terms)?;
    for (i, square) in multiples(graph, terms) {
        let (wave, n) = as_power(graph, square);
        let Some(x) = argument(graph, wave, Function::Cos) else { continue };
        if n != 2.0 || !facts(graph, x).scales {
            continue;
        }
        let mut terms = terms.to_vec();
        terms[i] = scaled(graph, wave);
        return Some(add_sum(graph, terms));
    }
    None
}

fn even_power_of_magnitude(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Power(n, [base]) = node else { return None };
    let x = argument(graph, *base, Function::Abs)?;
    n.is_even().then(|| graph.add(Shape::Power(*n, [x])))
}

/// Multiplies a single function with a monic sum of multiples of single functions.
fn expand_product(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Product(factors) = node else { return None };
    let rest = split_constant(graph, factors)?;
    let at = rest.iter().position(|id| sum_terms(graph, *id).is_some())?;
    let mut others = rest.clone();
    let sum = others.remove(at);
    if others.iter().any(|id| !facts(graph, *id).single) {
        return None;
    }
    let terms = sum_terms(graph, sum)?;
    // Monic: one term has no free coefficient, all others have.
    let mut parts = Vec::new();
    let mut plain = 0;
    for term in terms {
        match without_coefficient(graph, term) {
            _ if is_constant(graph, term) => parts.push(Vec::new()),
            Some(rest) if rest.iter().all(|f| facts(graph, *f).single) => parts.push(rest),
            None if facts(graph, term).single => {
                plain += 1;
                parts.push(vec![term]);
            }
            _ => return None,
        }
    }
    if plain != 1 || parts.len() > 4 {
        return None;
    }
    let mut terms = Vec::new();
    for part in parts {
        let product = add_product(graph, others.iter().copied().chain(part).collect());
        let product = collected(graph, product)?;
        terms.push(scaled(graph, product));
    }
    Some(add_sum(graph, terms))
}

/// A product of single functions with powers of one base as one power.
fn collected(graph: &mut Graph, mut id: Id) -> Option<Id> {
    for _ in 0..4 {
        let node = find(graph, id, |n| matches!(n, Shape::Product(_)).then(|| n.clone()));
        match node.and_then(|node| collect_powers(graph, &node)) {
            Some(next) => id = next,
            None => break,
        }
    }
    Some(id)
}

fn complete_square(graph: &mut Graph, node: &Shape) -> Option<Id> {
    let Shape::Sum(terms) = node else { return None };
    split_constant(graph, terms)?;
    for (i, square) in multiples(graph, terms) {
        let (base, n) = as_power(graph, square);
        let Some(inner) = sum_terms(graph, base).and_then(|t| split_constant(graph, &t)) else {
            continue;
        };
        let [x] = inner[..] else { continue };
        if n != 2.0 || !facts(graph, x).single {
            continue;
        }
        let (root, m) = as_power(graph, x);
        let Some(squared) = power(graph, root, 2.0 * m) else { continue };
        let mut terms = terms.to_vec();
        terms[i] = scaled(graph, squared);
        terms.push(scaled(graph, x));
        return Some(add_sum(graph, terms));
    }
    None
}
