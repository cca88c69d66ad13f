//! Rules over products, powers and functions.

use egg::Id;

use crate::expr::{Function, Number};
use crate::rewrite::expand::monomial_power;
use crate::rewrite::graph::{
    Graph, Monomial, ONE, Signs, add_monomial, add_polynomial, add_power, add_sum, argument_of,
    constant, is, monomial, nodes, tidy,
};
use crate::rewrite::language::Node;

/// Sums of a class that are looked at.
const ALTERNATIVES: usize = 3;

fn single(id: Option<Id>) -> Vec<Id> {
    id.into_iter().collect()
}

fn sums(graph: &Graph, id: Id) -> Vec<Box<[Id]>> {
    let sums = nodes(graph, id).filter_map(|node| match node {
        Node::Sum(terms) => Some(terms.clone()),
        _ => None,
    });
    sums.take(ALTERNATIVES).collect()
}

fn product(graph: &Graph, node: &Node) -> Monomial {
    let Node::Product(factors) = node else { return Monomial::constant(1.0) };
    factors
        .iter()
        .fold(Monomial::constant(1.0), |product, &f| product.times(graph, &monomial(graph, f)))
}

fn negated(graph: &mut Graph, terms: &[Id], factor: f64) -> Option<Id> {
    let scaled: Vec<Monomial> = terms.iter().map(|&t| monomial(graph, t).scaled(factor)).collect();
    add_polynomial(graph, &scaled)
}

/// x**n*x**m = x**(n+m), constants computed, factors sorted.
pub fn collect_factors(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let product = product(graph, node);
    single(add_monomial(graph, &product))
}

/// exp(x)*exp(y) = exp(x+y)
pub fn gather_exponentials(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let product = product(graph, node);
    let (mut rest, mut exponent) = (Monomial::constant(product.coefficient), Vec::new());
    for (base, n) in product.powers {
        match argument_of(graph, base, Function::Exp) {
            Some(x) => exponent.push(monomial(graph, x).scaled(n.value())),
            None => rest.powers.push((base, n)),
        }
    }
    if exponent.len() < 2 {
        return vec![];
    }
    let Some(sum) = add_polynomial(graph, &exponent) else { return vec![] };
    let exponential = graph.add(Node::Apply(Function::Exp, [sum]));
    rest.multiply(graph, exponential, ONE);
    single(add_monomial(graph, &rest))
}

/// sin(x)*cos(x)**-1 = tan(x)
pub fn tangent(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let product = product(graph, node);
    let find = |f: Function| {
        let of =
            |(i, (base, n)): (usize, &(Id, Number))| Some((i, argument_of(graph, *base, f)?, *n));
        product.powers.iter().enumerate().filter_map(of).collect::<Vec<_>>()
    };
    let (sines, cosines) = (find(Function::Sin), find(Function::Cos));
    let pairs = sines.iter().flat_map(|s| cosines.iter().map(move |c| (s, c)));
    let pair = pairs
        .into_iter()
        .find(|((_, x, n), (_, y, m))| x == y && n.value() == -m.value() && n.is_whole());
    let Some(&(&(i, x, n), &(j, ..))) = pair.as_ref() else { return vec![] };
    let mut rest = product.clone();
    rest.powers = product
        .powers
        .iter()
        .enumerate()
        .filter(|(k, _)| *k != i && *k != j)
        .map(|(_, p)| *p)
        .collect();
    let tangent = graph.add(Node::Apply(Function::Tan, [x]));
    rest.multiply(graph, tangent, n);
    single(add_monomial(graph, &rest))
}

/// a*(x + y) = a*x + a*y for a number a.
pub fn distribute_coefficient(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let product = product(graph, node);
    let [(base, n)] = product.powers[..] else { return vec![] };
    if n != ONE || product.coefficient == 1.0 {
        return vec![];
    }
    let sums = sums(graph, base);
    sums.iter().filter_map(|terms| negated(graph, terms, product.coefficient)).collect()
}

/// (x**n)**m = x**(n*m): whole exponents, or x not below zero; (x**n)**m = abs(x)**(n*m) for even
/// n.
pub fn power_of_power(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Power(m, [outer]) = node else { return vec![] };
    let inner = nodes(graph, *outer).filter_map(|node| match node {
        Node::Power(n, [base]) => Some((*n, graph.find(*base))),
        _ => None,
    });
    let inner: Vec<(Number, Id)> = inner.collect();
    let mut found = Vec::new();
    for (n, base) in inner {
        let Some(nm) = Number::new(tidy(n.value() * m.value())).filter(|nm| nm.value() != 0.0)
        else {
            continue;
        };
        if (n.is_whole() && m.is_whole()) || is(graph, base, Signs::NON_NEGATIVE) {
            found.push(add_power(graph, base, nm));
        } else if n.is_even() {
            let magnitude = graph.add(Node::Apply(Function::Abs, [base]));
            found.push(add_power(graph, magnitude, nm));
        }
    }
    found
}

/// (x*y)**n = x**n*y**n: n whole, or x and y not below zero.
pub fn power_of_product(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Power(n, [base]) = node else { return vec![] };
    let base = monomial(graph, *base);
    if constant_or_atom(&base) {
        return vec![];
    }
    let power = monomial_power(graph, &base, *n);
    single(power.and_then(|power| add_monomial(graph, &power)))
}

fn constant_or_atom(monomial: &Monomial) -> bool {
    monomial.powers.is_empty()
        || (monomial.coefficient == 1.0
            && monomial.powers.len() == 1
            && monomial.powers[0].1 == ONE)
}

/// exp(x)**n = exp(n*x)
pub fn power_of_exponential(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Power(n, [base]) = node else { return vec![] };
    let Some(x) = argument_of(graph, *base, Function::Exp) else { return vec![] };
    let scaled = monomial(graph, x).scaled(n.value());
    let exponent = add_monomial(graph, &scaled);
    exponent.map(|x| graph.add(Node::Apply(Function::Exp, [x]))).into_iter().collect()
}

/// cos(x)**2 = (1 + cos(2*x))/2, sin(x)**2 = (1 - cos(2*x))/2
pub fn double_angle(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Power(n, [base]) = node else { return vec![] };
    let of = |f: Function, sign: f64| argument_of(graph, *base, f).map(|x| (x, sign));
    let Some((x, sign)) =
        of(Function::Cos, 0.5).or_else(|| of(Function::Sin, -0.5)).filter(|_| n.value() == 2.0)
    else {
        return vec![];
    };
    let doubled = monomial(graph, x).scaled(2.0);
    let Some(doubled) = add_monomial(graph, &doubled) else { return vec![] };
    let cosine = graph.add(Node::Apply(Function::Cos, [doubled]));
    single(add_polynomial(
        graph,
        &[Monomial { coefficient: sign, powers: vec![(cosine, ONE)] }, Monomial::constant(0.5)],
    ))
}

/// (x - y)**n = (y - x)**n and abs(x)**n = x**n for even n.
pub fn even_power(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Power(n, [base]) = node else { return vec![] };
    if !n.is_even() {
        return vec![];
    }
    let mut found = Vec::new();
    for terms in sums(graph, *base) {
        found.extend(negated(graph, &terms, -1.0));
    }
    found.extend(argument_of(graph, *base, Function::Abs));
    found.into_iter().map(|base| add_power(graph, base, *n)).collect()
}

/// log(exp(x)) = x
pub fn logarithm_of_exponential(graph: &mut Graph, node: &Node) -> Vec<Id> {
    match node {
        Node::Apply(Function::Log, [y]) => single(argument_of(graph, *y, Function::Exp)),
        _ => vec![],
    }
}

/// log(a*x**n*y**m) = log(a) + n*log(x) + m*log(y) for a, x, y above zero.
pub fn logarithm_of_product(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Apply(Function::Log, [x]) = node else { return vec![] };
    let x = monomial(graph, *x);
    let positive = x.coefficient > 0.0
        && x.powers.iter().all(|(base, _)| is(graph, *base, Signs::STRICTLY_POSITIVE));
    if !positive || constant_or_atom(&x) {
        return vec![];
    }
    let mut terms = vec![Monomial::constant(tidy(x.coefficient.ln()))];
    for (base, n) in x.powers {
        terms.push(Monomial {
            coefficient: n.value(),
            powers: vec![(graph.add(Node::Apply(Function::Log, [base])), ONE)],
        });
    }
    single(add_polynomial(graph, &terms))
}

/// exp(n*log(x) + y) = x**n*exp(y) for x above zero.
pub fn exponential_of_logarithm(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Apply(Function::Exp, [x]) = node else { return vec![] };
    let alternatives =
        sums(graph, *x).into_iter().chain([vec![*x].into()]).collect::<Vec<Box<[Id]>>>();
    let mut found = Vec::new();
    for terms in alternatives {
        let (mut powers, mut rest) = (Monomial::constant(1.0), Vec::new());
        for &term in &terms {
            let monomial = monomial(graph, term);
            let base = match monomial.powers[..] {
                [(base, n)] if n == ONE => argument_of(graph, base, Function::Log)
                    .filter(|&y| is(graph, y, Signs::STRICTLY_POSITIVE)),
                _ => None,
            };
            match (base, Number::new(monomial.coefficient)) {
                (Some(base), Some(n)) => powers.multiply(graph, base, n),
                _ => rest.push(term),
            }
        }
        if powers.powers.is_empty() || rest.len() == terms.len() {
            continue;
        }
        if !rest.is_empty() {
            let Some(sum) = add_sum(graph, rest) else { continue };
            let exponential = graph.add(Node::Apply(Function::Exp, [sum]));
            powers.multiply(graph, exponential, ONE);
        }
        found.extend(add_monomial(graph, &powers));
    }
    found
}

/// abs(x) = x for x not below zero, abs(x) = -x for x not above zero, abs(a*x) = abs(a)*abs(x) for
/// a number a.
pub fn magnitude(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Apply(Function::Abs, [x]) = node else { return vec![] };
    if is(graph, *x, Signs::NON_NEGATIVE) {
        return vec![*x];
    }
    let inner = monomial(graph, *x);
    if is(graph, *x, Signs::NON_POSITIVE) {
        return single(add_monomial(graph, &inner.scaled(-1.0)));
    }
    if inner.coefficient == 1.0 {
        return vec![];
    }
    let Some(rest) = add_monomial(graph, &Monomial { coefficient: 1.0, powers: inner.powers })
    else {
        return vec![];
    };
    let magnitude = graph.add(Node::Apply(Function::Abs, [rest]));
    single(add_monomial(
        graph,
        &Monomial { coefficient: inner.coefficient.abs(), powers: vec![(magnitude, ONE)] },
    ))
}

/// cos(-x) = cos(x), sin(-x) = -sin(x), tan(-x) = -tan(x).
pub fn parity(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Apply(f @ (Function::Sin | Function::Cos | Function::Tan), [x]) = node else {
        return vec![];
    };
    let sign = if *f == Function::Cos { 1.0 } else { -1.0 };
    let inner = monomial(graph, *x);
    let opposite = if constant(graph, *x).is_some() {
        return vec![];
    } else if inner.coefficient < 0.0 {
        add_monomial(graph, &inner.scaled(-1.0))
    } else {
        sums(graph, *x).first().and_then(|terms| negated(graph, terms, -1.0))
    };
    let Some(opposite) = opposite else { return vec![] };
    let value = graph.add(Node::Apply(*f, [opposite]));
    single(add_monomial(graph, &Monomial { coefficient: sign, powers: vec![(value, ONE)] }))
}
