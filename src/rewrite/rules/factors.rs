//! Rules over sums: groups of terms and their common factors.

use std::collections::BTreeMap;

use egg::Id;

use crate::expr::Number;
use crate::rewrite::graph::{
    Graph, Monomial, ONE, Signs, add_monomial, add_polynomial, dot_of, is, norm_of, tidy,
};
use crate::rewrite::language::{Combination, Node};
use crate::rewrite::rules::sums::{single, terms};

/// Sums longer than this are long.
const SHORT: usize = 4;

/// Terms of a sum that become a sum of their own, times a factor.
struct Group {
    factor: Monomial,
    members: Vec<usize>,
    inner: Vec<Monomial>,
}

/// Puts groups of terms, each as a sum of its own, beside the other terms.
fn with_groups(
    graph: &mut Graph,
    terms: &[Monomial],
    groups: impl IntoIterator<Item = Group>,
) -> Option<Id> {
    let mut ids = Vec::new();
    let mut used = vec![false; terms.len()];
    for Group { factor, members, inner } in groups {
        members.iter().for_each(|&i| used[i] = true);
        let sum = add_polynomial(graph, &inner)?;
        let product = match factor.coefficient {
            1.0 if factor.powers.is_empty() => sum,
            _ => {
                let product = factor.times(graph, &Monomial::power(sum, ONE));
                add_monomial(graph, &product)?
            }
        };
        ids.push(product);
    }
    for (term, _) in terms.iter().zip(used).filter(|(_, used)| !used) {
        ids.push(add_monomial(graph, term)?);
    }
    // Not merged: a group must stay a group.
    ids.iter_mut().for_each(|id| *id = graph.find(*id));
    ids.sort_unstable();
    match ids.len() {
        0 => None,
        1 => Some(ids[0]),
        _ => Some(graph.add_uncanonical(Node::Sum(ids.into()))),
    }
}

/// (x**2 + x) + (y**2 + y): terms that share no base stand apart, so that each group is worked on
/// alone.
pub fn group_by_base(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let mut groups: Vec<(Vec<Id>, Vec<usize>)> = Vec::new();
    for (i, term) in terms.iter().enumerate().filter(|(_, t)| !t.powers.is_empty()) {
        let (mut bases, mut members): (Vec<Id>, Vec<usize>) =
            (term.powers.iter().map(|(base, _)| *base).collect(), vec![i]);
        let (joined, apart) = groups
            .into_iter()
            .partition(|(known, _): &(Vec<Id>, _)| known.iter().any(|base| bases.contains(base)));
        groups = apart;
        for (known, earlier) in Vec::<(Vec<Id>, Vec<usize>)>::into_iter(joined) {
            bases.extend(known);
            members.extend(earlier);
        }
        groups.push((bases, members));
    }
    groups.retain(|(_, members)| members.len() > 1 && members.len() < terms.len());
    if groups.is_empty() {
        return vec![];
    }
    let groups = groups.into_iter().map(|(_, members)| {
        let inner = members.iter().map(|&i| terms[i].clone()).collect();
        Group { factor: Monomial::constant(1.0), members, inner }
    });
    let groups: Vec<Group> = groups.collect();
    single(with_groups(graph, &terms, groups))
}

/// What a monomial looks like when the numbers in the names of the vectors are left away:
/// `dot(p,p)` for `dot(p2,p2)`.
fn shape(graph: &Graph, term: &Monomial) -> Vec<(String, Number)> {
    let family = |v: &Combination| {
        v.terms().iter().map(|(name, _)| family(name)).collect::<Vec<_>>().join("+")
    };
    let base = |id: Id| match (norm_of(graph, id), dot_of(graph, id)) {
        (Some(a), _) => format!("norm {}", family(a)),
        (_, Some((a, b))) => format!("dot {} {}", family(a), family(b)),
        // The class itself: other terms have their own shape each.
        _ => format!("class {id}"),
    };
    let mut shape: Vec<(String, Number)> =
        term.powers.iter().map(|(id, n)| (base(*id), *n)).collect();
    shape.sort();
    shape
}

/// The kinds of the scalars in a monomial: the names of their vectors without numbers.
fn kinds(graph: &Graph, term: &Monomial) -> Vec<String> {
    let mut kinds = Vec::new();
    for &(base, _) in &term.powers {
        match (norm_of(graph, base), dot_of(graph, base)) {
            (Some(a), _) => kinds.extend(a.terms().iter().map(|(name, _)| family(name))),
            (_, Some((a, b))) => {
                kinds.extend(a.terms().iter().chain(b.terms()).map(|(name, _)| family(name)))
            }
            _ => kinds.push("other".to_owned()),
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

/// A name without its number.
pub(crate) fn family(name: &str) -> String {
    name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

/// a*x + a*y = a*(x + y): terms of one shape, and all terms of a sum.
pub fn factor_coefficient(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let mut found = Vec::new();
    let mut groups: BTreeMap<(Number, Vec<(String, Number)>), Vec<usize>> = BTreeMap::new();
    for (i, term) in terms.iter().enumerate().filter(|(_, t)| t.coefficient.abs() != 1.0) {
        let Some(size) = Number::new(term.coefficient.abs()) else { continue };
        groups.entry((size, shape(graph, term))).or_default().push(i);
    }
    let groups: Vec<_> = groups.into_iter().filter(|(_, members)| members.len() > 1).collect();
    if !groups.is_empty() {
        let groups = groups.into_iter().map(|((size, _), members)| {
            let inner = members
                .iter()
                .map(|&i| terms[i].scaled(1.0 / terms[i].coefficient.abs()))
                .collect();
            Group { factor: Monomial::constant(size.value()), members, inner }
        });
        let groups: Vec<Group> = groups.collect();
        found.extend(with_groups(graph, &terms, groups));
    }
    found.extend(factor_whole(graph, &terms));
    found
}

/// a*x + k*a*y = a*(x + k*y) for whole numbers k; short sums over vectors of one kind only, so that
/// momenta and positions stay apart.
fn factor_whole(graph: &mut Graph, terms: &[Monomial]) -> Option<Id> {
    let mut kinds: Vec<Vec<String>> =
        terms.iter().map(|t| kinds(graph, t)).filter(|k| !k.is_empty()).collect();
    kinds.dedup();
    if terms.len() > SHORT || kinds.len() > 1 {
        return None;
    }
    let smallest =
        terms.iter().map(|t| t.coefficient.abs()).filter(|c| *c > 0.0).min_by(f64::total_cmp)?;
    let whole = terms.iter().all(|t| (t.coefficient / smallest).fract() == 0.0);
    let sign = if terms.iter().all(|t| t.coefficient < 0.0) { -1.0 } else { 1.0 };
    let factor = sign * smallest;
    if !whole || factor == 1.0 {
        return None;
    }
    let inner = terms
        .iter()
        .map(|t| Monomial { coefficient: t.coefficient / factor, powers: t.powers.clone() })
        .collect();
    with_groups(
        graph,
        terms,
        [Group { factor: Monomial::constant(factor), members: (0..terms.len()).collect(), inner }],
    )
}

/// x**n*y + x**m*z = x**n*(y + x**(m-n)*z), n the smallest exponent. In long sums all terms must
/// have the base: their groups are sums of their own.
pub fn factor_base(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let exponent = |term: &Monomial, base: Id| {
        term.powers.iter().find(|(b, _)| *b == base).map_or(0.0, |(_, n)| n.value())
    };
    let mut bases: Vec<Id> =
        terms.iter().flat_map(|t| t.powers.iter().map(|(base, _)| *base)).collect();
    bases.sort_unstable();
    bases.dedup();
    let mut found = Vec::new();
    for base in bases {
        let lowest = terms.iter().map(|t| exponent(t, base)).fold(f64::INFINITY, f64::min);
        // A common denominator takes all terms, a common factor those that have it.
        let members: Vec<usize> =
            (0..terms.len()).filter(|&i| lowest < 0.0 || exponent(&terms[i], base) > 0.0).collect();
        let useful = members.len() > 1 && (terms.len() <= SHORT || lowest > 0.0);
        let sound = useful && (lowest >= 0.0 || is(graph, base, Signs::NON_ZERO));
        let n = members.iter().map(|&i| exponent(&terms[i], base)).fold(f64::INFINITY, f64::min);
        let Some(n) = Number::new(n).filter(|_| sound) else { continue };
        let inner =
            members.iter().map(|&i| divided(&terms[i], base, n)).collect::<Option<Vec<Monomial>>>();
        let Some(inner) = inner else { continue };
        found.extend(with_groups(
            graph,
            &terms,
            [Group { factor: Monomial::power(base, n), members, inner }],
        ));
    }
    found
}

fn divided(term: &Monomial, base: Id, n: Number) -> Option<Monomial> {
    let own = term.powers.iter().find(|(b, _)| *b == base).map_or(0.0, |(_, m)| m.value());
    let mut powers: Vec<(Id, Number)> =
        term.powers.iter().filter(|(b, _)| *b != base).copied().collect();
    let rest = Number::new(tidy(own - n.value()))?;
    if rest.value() != 0.0 {
        powers.push((base, rest));
        powers.sort_unstable();
    }
    Some(Monomial { coefficient: term.coefficient, powers })
}
