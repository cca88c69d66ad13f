//! Rules over sums: like terms, constants, squares, functions.

use std::collections::BTreeMap;

use egg::Id;

use crate::expr::{Function, Number};
use crate::rewrite::graph::{
    Graph, Monomial, ONE, Signs, TWO, add_constant, add_monomial, add_polynomial, add_sum,
    add_tidy, argument_of, constant, is, monomial, nodes, tidy,
};
use crate::rewrite::language::Node;

/// Up to this many constants are hoisted one by one.
const FEW: usize = 4;

pub(crate) fn terms(graph: &Graph, node: &Node) -> Vec<Monomial> {
    match node {
        Node::Sum(terms) => terms.iter().map(|&id| monomial(graph, id)).collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn single(id: Option<Id>) -> Vec<Id> {
    id.into_iter().collect()
}

/// Like terms are added, constants computed, terms sorted.
pub fn collect_terms(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Sum(terms) = node else { return vec![] };
    single(add_sum(graph, terms.iter().copied()))
}

/// A class as a sum of terms and a constant.
fn split_constant(graph: &Graph, id: Id) -> Option<(Vec<Id>, f64)> {
    let sums = nodes(graph, id).filter_map(|node| match node {
        Node::Sum(terms) => {
            let (constants, rest): (Vec<Id>, Vec<Id>) =
                terms.iter().partition(|&&t| constant(graph, t).is_some());
            let value: f64 = constants.iter().filter_map(|&c| constant(graph, c)).sum();
            (!constants.is_empty() && !rest.is_empty()).then_some((rest, value))
        }
        _ => None,
    });
    sums.min_by_key(|(rest, _)| rest.len())
}

/// x + (y + c) = (x + y) + c
pub fn hoist_constants(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let Node::Sum(terms) = node else { return vec![] };
    let splits: Vec<Option<(Vec<Id>, f64)>> =
        terms.iter().map(|&t| split_constant(graph, t)).collect();
    let places: Vec<usize> = (0..terms.len()).filter(|&i| splits[i].is_some()).collect();
    // Few: each alone, so that the best choice is among them; and all at once.
    let mut choices: Vec<Vec<usize>> =
        if places.len() <= FEW { places.iter().map(|&i| vec![i]).collect() } else { vec![] };
    if places.len() > 1 {
        choices.push(places);
    }
    choices.iter().filter_map(|choice| hoist(graph, terms, &splits, choice)).collect()
}

fn hoist(
    graph: &mut Graph,
    terms: &[Id],
    splits: &[Option<(Vec<Id>, f64)>],
    choice: &[usize],
) -> Option<Id> {
    let mut hoisted = Vec::new();
    for (i, &term) in terms.iter().enumerate() {
        match &splits[i] {
            Some((rest, c)) if choice.contains(&i) => {
                hoisted.push(add_sum(graph, rest.iter().copied())?);
                hoisted.push(add_constant(graph, *c)?);
            }
            _ => hoisted.push(term),
        }
    }
    add_sum(graph, hoisted)
}

/// Up to a constant, x + c is x and a number is zero.
pub fn drop_constants(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = match node {
        Node::Sum(terms) => terms,
        Node::Constant(_) => return single(add_constant(graph, 0.0)),
        _ => return vec![],
    };
    let mut kept = Vec::new();
    for &term in terms {
        match split_constant(graph, term) {
            _ if constant(graph, term).is_some() => {}
            Some((rest, _)) => kept.extend(add_sum(graph, rest)),
            None => kept.push(term),
        }
    }
    single(add_sum(graph, kept))
}

/// a*x**2 + b*x = a*(x + b/(2*a))**2 - b**2/(4*a), for all such pairs at once.
pub fn complete_squares(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let half = |(base, n): &(Id, Number)| Some((*base, Number::new(n.value() / 2.0)?));
    let halved = |square: &Monomial| square.powers.iter().map(half).collect::<Option<Vec<_>>>();
    let mut used = vec![false; terms.len()];
    let mut completed = Vec::new();
    for (i, square) in terms.iter().enumerate().filter(|(_, t)| !t.powers.is_empty()) {
        let Some(root) = halved(square) else { continue };
        let Some(j) =
            (0..terms.len()).find(|&j| j != i && !used[i] && !used[j] && terms[j].powers == root)
        else {
            continue;
        };
        (used[i], used[j]) = (true, true);
        let (a, b) = (square.coefficient, terms[j].coefficient);
        let shift = tidy(b / (2.0 * a));
        let Some(sum) = add_polynomial(
            graph,
            &[Monomial { coefficient: 1.0, powers: root }, Monomial::constant(shift)],
        ) else {
            return vec![];
        };
        completed.push(Monomial { coefficient: a, powers: vec![(sum, TWO)] });
        completed.push(Monomial::constant(tidy(-a * shift * shift)));
    }
    if completed.is_empty() {
        return vec![];
    }
    completed.extend(terms.into_iter().zip(used).filter(|(_, used)| !used).map(|(t, _)| t));
    single(add_polynomial(graph, &completed))
}

/// a**2*x**2 + 2*a*b*x*y + b**2*y**2 = (a*x + b*y)**2
pub fn perfect_square(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let root = |t: &Monomial| -> Option<Vec<(Id, Number)>> {
        let even = !t.powers.is_empty() && t.powers.iter().all(|(_, n)| n.is_even());
        even.then(|| {
            t.powers.iter().filter_map(|(b, n)| Some((*b, Number::new(n.value() / 2.0)?))).collect()
        })
    };
    let roots: Vec<Option<Vec<(Id, Number)>>> = terms.iter().map(root).collect();
    let mut found = Vec::new();
    for i in 0..terms.len() {
        for j in i + 1..terms.len() {
            let (Some(x), Some(y)) = (&roots[i], &roots[j]) else { continue };
            let x = Monomial { coefficient: 1.0, powers: x.clone() };
            let mixed = x.times(graph, &Monomial { coefficient: 1.0, powers: y.clone() });
            let Some(k) = (0..terms.len()).find(|&k| terms[k].powers == mixed.powers) else {
                continue;
            };
            let (a, b, c) = (terms[i].coefficient, terms[j].coefficient, terms[k].coefficient);
            if add_tidy(c * c, -4.0 * a * b) != 0.0 {
                continue;
            }
            let y = Monomial { coefficient: tidy(c / (2.0 * a)), powers: y.clone() };
            let Some(sum) = add_polynomial(graph, &[x, y]) else { continue };
            let mut rest: Vec<Monomial> = (0..terms.len())
                .filter(|l| ![i, j, k].contains(l))
                .map(|l| terms[l].clone())
                .collect();
            rest.push(Monomial { coefficient: a, powers: vec![(sum, TWO)] });
            found.extend(add_polynomial(graph, &rest));
        }
    }
    found
}

/// c*sin(x)**2 + c*cos(x)**2 = c
pub fn pythagoras(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let squared = |term: &Monomial, f: Function| {
        let place = term
            .powers
            .iter()
            .position(|(base, n)| *n == TWO && argument_of(graph, *base, f).is_some())?;
        let mut rest = term.clone();
        let (base, _) = rest.powers.remove(place);
        Some((argument_of(graph, base, f)?, rest))
    };
    let mut found = Vec::new();
    for (i, sine) in terms.iter().enumerate() {
        let Some((x, rest)) = squared(sine, Function::Sin) else { continue };
        let Some(j) = terms.iter().position(|t| {
            squared(t, Function::Cos).is_some_and(|(y, other)| x == y && rest == other)
        }) else {
            continue;
        };
        let mut sum: Vec<Monomial> =
            (0..terms.len()).filter(|&k| k != i && k != j).map(|k| terms[k].clone()).collect();
        sum.push(rest);
        found.push(sum);
    }
    found.iter().filter_map(|sum| add_polynomial(graph, sum)).collect()
}

/// c*log(x) + c*log(y) = c*log(x*y), x and y above zero.
pub fn gather_logarithms(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let mut groups: BTreeMap<Number, Vec<(usize, Id)>> = BTreeMap::new();
    for (i, term) in terms.iter().enumerate() {
        let [(base, n)] = term.powers[..] else { continue };
        let argument = argument_of(graph, base, Function::Log)
            .filter(|&x| n == ONE && is(graph, x, Signs::STRICTLY_POSITIVE));
        if let (Some(x), Some(size)) = (argument, Number::new(term.coefficient.abs())) {
            groups.entry(size).or_default().push((i, x));
        }
    }
    let mut found = Vec::new();
    for (_, members) in groups.into_iter().filter(|(_, members)| members.len() > 1) {
        let coefficient = terms[members[0].0].coefficient;
        let mut product = Monomial::constant(1.0);
        for (i, x) in &members {
            let Some(n) = Number::new(terms[*i].coefficient / coefficient) else { return found };
            product.multiply(graph, *x, n);
        }
        let Some(product) = add_monomial(graph, &product) else { return found };
        let logarithm = graph.add(Node::Apply(Function::Log, [product]));
        let mut rest: Vec<Monomial> = (0..terms.len())
            .filter(|i| members.iter().all(|(j, _)| i != j))
            .map(|i| terms[i].clone())
            .collect();
        rest.push(Monomial { coefficient, powers: vec![(logarithm, ONE)] });
        found.extend(add_polynomial(graph, &rest));
    }
    found
}
