//! Rules over sums: inner products brought together.

use std::collections::BTreeMap;

use egg::Id;

use crate::expr::{Number, Vector};
use crate::rewrite::graph::{
    Graph, Monomial, ONE, TWO, add_polynomial, add_tidy, dot_of, norm_of, tidy,
};
use crate::rewrite::language::{Combination, Node};
use crate::rewrite::rules::factors::family;
use crate::rewrite::rules::sums::{single, terms};

/// c*dot(a,b1) + c*dot(a,b2) = c*dot(a,b1+b2)
pub fn gather_dots(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let stem = |v: &Combination| v.terms().first().map(|(name, _)| family(name));
    let mut groups: BTreeMap<(Combination, Number, Option<String>), Vec<(usize, Combination)>> =
        BTreeMap::new();
    for (i, term) in terms.iter().enumerate() {
        let [(base, n)] = term.powers[..] else { continue };
        let (Some((a, b)), Some(size), true) =
            (dot_of(graph, base), Number::new(term.coefficient.abs()), n == ONE)
        else {
            continue;
        };
        for (shared, other) in [(a, b), (b, a)] {
            groups.entry((shared.clone(), size, stem(other))).or_default().push((i, other.clone()));
        }
    }
    let mut found = Vec::new();
    for ((shared, ..), members) in groups.into_iter().filter(|(_, members)| members.len() > 1) {
        let coefficient = terms[members[0].0].coefficient;
        let total = members.iter().fold(Vector::from_terms::<String>([]), |sum, (i, other)| {
            &sum + &other.vector().scale(terms[*i].coefficient / coefficient)
        });
        let Some(mut gathered) = add_dot(graph, &shared.vector(), &total) else { continue };
        gathered.coefficient *= coefficient;
        let mut rest: Vec<Monomial> = (0..terms.len())
            .filter(|i| members.iter().all(|(j, _)| i != j))
            .map(|i| terms[i].clone())
            .collect();
        rest.push(gathered);
        found.extend(add_polynomial(graph, &rest));
    }
    found
}

fn add_dot(graph: &mut Graph, a: &Vector, b: &Vector) -> Option<Monomial> {
    let ((x, a), (y, b)) = (a.split_factor(), b.split_factor());
    let (a, b) = if a.total_cmp(&b).is_le() { (a, b) } else { (b, a) };
    let node = Node::Dot(Combination::of(&a)?, Combination::of(&b)?);
    Some(Monomial { coefficient: x * y, powers: vec![(graph.add(node), ONE)] })
}

/// k*norm(a)**2 + 2*k*dot(a,b) + k*norm(b)**2 = k*norm(a+b)**2, and what is left of the squares; as
/// often as it goes.
pub fn polarise(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let mut terms = terms(graph, node);
    let mut changed = false;
    while let Some(next) = polarise_once(graph, &terms) {
        terms = next;
        changed = true;
    }
    if changed { single(add_polynomial(graph, &terms)) } else { vec![] }
}

fn polarise_once(graph: &mut Graph, terms: &[Monomial]) -> Option<Vec<Monomial>> {
    let square = |v: &Combination| {
        terms.iter().position(
            |t| matches!(t.powers[..], [(base, n)] if n == TWO && norm_of(graph, base) == Some(v)),
        )
    };
    let mut found = None;
    for (k, cross) in terms.iter().enumerate() {
        let [(base, n)] = cross.powers[..] else { continue };
        let Some((a, b)) = dot_of(graph, base).filter(|_| n == ONE) else { continue };
        let (Some(i), Some(j)) = (square(a), square(b)) else { continue };
        let (x, y, z) = (terms[i].coefficient, terms[j].coefficient, cross.coefficient / 2.0);
        if x.signum() != y.signum() {
            continue;
        }
        let size = z.abs().copysign(x);
        let fits = add_tidy(x.abs(), -z.abs()) >= 0.0 && add_tidy(y.abs(), -z.abs()) >= 0.0;
        if fits {
            let v = &b.vector() + &a.vector().scale(z.signum() * x.signum());
            found = Some((k, i, j, v, size, add_tidy(x, -size), add_tidy(y, -size)));
        } else if add_tidy(z * z, -x * y) == 0.0 {
            // A square of a weighted sum: x*norm(a + z/x*b)**2.
            found = Some((k, i, j, &a.vector() + &b.vector().scale(tidy(z / x)), x, 0.0, 0.0));
        }
        if found.is_some() {
            break;
        }
    }
    let (k, i, j, v, size, x, y) = found?;
    let (factor, v) = v.split_factor();
    let length = graph.add(Node::Norm(Combination::of(&v)?));
    let mut next: Vec<Monomial> = terms.to_vec();
    (next[i].coefficient, next[j].coefficient) = (x, y);
    next[k] = Monomial { coefficient: tidy(size * factor * factor), powers: vec![(length, TWO)] };
    let known = next.iter().enumerate().position(|(l, t)| l != k && t.powers == next[k].powers);
    if let Some(l) = known {
        next[l].coefficient = add_tidy(next[l].coefficient, next[k].coefficient);
        next.remove(k);
    }
    next.retain(|t| t.coefficient != 0.0);
    Some(next)
}
