//! Rules over sums: bringing terms together.

use crate::expr::{Function, Vector};
use crate::symbolic::graph::{
    Graph, Monomial, ONE, Signs, TWO, add_constant, add_monomial, add_polynomial, add_sum, add_tidy, argument_of, constant, dot_of, is,
    monomial, nodes, norm_of, tidy,
};
use crate::symbolic::language::{Combination, Node, Number};
use egg::Id;
use std::collections::BTreeMap;

/// Sums longer than this are long.
const SHORT: usize = 4;

fn terms(graph: &Graph, node: &Node) -> Vec<Monomial> {
    match node {
        Node::Sum(terms) => terms.iter().map(|&id| monomial(graph, id)).collect(),
        _ => Vec::new(),
    }
}

fn single(id: Option<Id>) -> Vec<Id> {
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
            let (constants, rest): (Vec<Id>, Vec<Id>) = terms.iter().partition(|&&t| constant(graph, t).is_some());
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
    let splits: Vec<Option<(Vec<Id>, f64)>> = terms.iter().map(|&t| split_constant(graph, t)).collect();
    let places: Vec<usize> = (0..terms.len()).filter(|&i| splits[i].is_some()).collect();
    // Few: each alone, so that the best choice is among them; and all at once.
    let mut choices: Vec<Vec<usize>> = if places.len() <= SHORT { places.iter().map(|&i| vec![i]).collect() } else { vec![] };
    if places.len() > 1 {
        choices.push(places);
    }
    choices.iter().filter_map(|choice| hoist(graph, terms, &splits, choice)).collect()
}

fn hoist(graph: &mut Graph, terms: &[Id], splits: &[Option<(Vec<Id>, f64)>], choice: &[usize]) -> Option<Id> {
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
    let halved = |square: &Monomial| -> Option<Vec<(Id, Number)>> {
        let half = |(base, n): &(Id, Number)| Some((*base, Number::new(n.value() / 2.0)?));
        square.powers.iter().map(half).collect()
    };
    let mut used = vec![false; terms.len()];
    let mut completed = Vec::new();
    for (i, square) in terms.iter().enumerate().filter(|(_, t)| !t.powers.is_empty()) {
        let Some(root) = halved(square) else { continue };
        let Some(j) = (0..terms.len()).find(|&j| j != i && !used[i] && !used[j] && terms[j].powers == root) else { continue };
        (used[i], used[j]) = (true, true);
        let (a, b) = (square.coefficient, terms[j].coefficient);
        let shift = tidy(b / (2.0 * a));
        let Some(sum) = add_polynomial(graph, &[Monomial { coefficient: 1.0, powers: root }, Monomial::constant(shift)]) else { return vec![] };
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
        even.then(|| t.powers.iter().filter_map(|(b, n)| Some((*b, Number::new(n.value() / 2.0)?))).collect())
    };
    let roots: Vec<Option<Vec<(Id, Number)>>> = terms.iter().map(root).collect();
    let mut found = Vec::new();
    for i in 0..terms.len() {
        for j in i + 1..terms.len() {
            let (Some(x), Some(y)) = (&roots[i], &roots[j]) else { continue };
            let x = Monomial { coefficient: 1.0, powers: x.clone() };
            let mixed = x.times(graph, &Monomial { coefficient: 1.0, powers: y.clone() });
            let Some(k) = (0..terms.len()).find(|&k| terms[k].powers == mixed.powers) else { continue };
            let (a, b, c) = (terms[i].coefficient, terms[j].coefficient, terms[k].coefficient);
            if add_tidy(c * c, -4.0 * a * b) != 0.0 {
                continue;
            }
            let y = Monomial { coefficient: tidy(c / (2.0 * a)), powers: y.clone() };
            let Some(sum) = add_polynomial(graph, &[x, y]) else { continue };
            let mut rest: Vec<Monomial> = (0..terms.len()).filter(|l| ![i, j, k].contains(l)).map(|l| terms[l].clone()).collect();
            rest.push(Monomial { coefficient: a, powers: vec![(sum, TWO)] });
            found.extend(add_polynomial(graph, &rest));
        }
    }
    found
}

/// Puts groups of terms, each as a sum of its own, beside the other terms.
fn with_groups(graph: &mut Graph, terms: &[Monomial], groups: Vec<(Monomial, Vec<usize>, Vec<Monomial>)>) -> Option<Id> {
    let mut ids = Vec::new();
    let mut used = vec![false; terms.len()];
    for (factor, members, inner) in groups {
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

/// (x**2 + x) + (y**2 + y): terms that share no base stand apart, so that each group is worked on alone.
pub fn group_by_base(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let mut groups: Vec<(Vec<Id>, Vec<usize>)> = Vec::new();
    for (i, term) in terms.iter().enumerate().filter(|(_, t)| !t.powers.is_empty()) {
        let (mut bases, mut members): (Vec<Id>, Vec<usize>) = (term.powers.iter().map(|(base, _)| *base).collect(), vec![i]);
        let (joined, apart) = groups.into_iter().partition(|(known, _): &(Vec<Id>, _)| known.iter().any(|base| bases.contains(base)));
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
        (Monomial::constant(1.0), members, inner)
    });
    let groups = groups.collect();
    single(with_groups(graph, &terms, groups))
}

/// What a monomial looks like when the numbers in the names of the vectors are left away: `dot(p,p)` for `dot(p2,p2)`.
fn shape(graph: &Graph, term: &Monomial) -> Vec<(String, Number)> {
    let family = |v: &Combination| v.terms().iter().map(|(name, _)| family(name)).collect::<Vec<_>>().join("+");
    let base = |id: Id| match (norm_of(graph, id), dot_of(graph, id)) {
        (Some(a), _) => format!("norm {}", family(a)),
        (_, Some((a, b))) => format!("dot {} {}", family(a), family(b)),
        // The class itself: other terms have their own shape each.
        _ => format!("class {id}"),
    };
    let mut shape: Vec<(String, Number)> = term.powers.iter().map(|(id, n)| (base(*id), *n)).collect();
    shape.sort();
    shape
}

/// The kinds of the scalars in a monomial: the names of their vectors without numbers.
fn kinds(graph: &Graph, term: &Monomial) -> Vec<String> {
    let mut kinds = Vec::new();
    for &(base, _) in &term.powers {
        match (norm_of(graph, base), dot_of(graph, base)) {
            (Some(a), _) => kinds.extend(a.terms().iter().map(|(name, _)| family(name))),
            (_, Some((a, b))) => kinds.extend(a.terms().iter().chain(b.terms()).map(|(name, _)| family(name))),
            _ => kinds.push("other".to_owned()),
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

/// A name without its number.
fn family(name: &str) -> String {
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
            let inner = members.iter().map(|&i| terms[i].scaled(1.0 / terms[i].coefficient.abs())).collect();
            (Monomial::constant(size.value()), members, inner)
        });
        let groups = groups.collect();
        found.extend(with_groups(graph, &terms, groups));
    }
    found.extend(factor_whole(graph, &terms));
    found
}

/// a*x + k*a*y = a*(x + k*y) for whole numbers k; short sums over vectors of one kind only, so that momenta and positions stay apart.
fn factor_whole(graph: &mut Graph, terms: &[Monomial]) -> Option<Id> {
    let mut kinds: Vec<Vec<String>> = terms.iter().map(|t| kinds(graph, t)).filter(|k| !k.is_empty()).collect();
    kinds.dedup();
    if terms.len() > SHORT || kinds.len() > 1 {
        return None;
    }
    let smallest = terms.iter().map(|t| t.coefficient.abs()).filter(|c| *c > 0.0).min_by(f64::total_cmp)?;
    let whole = terms.iter().all(|t| (t.coefficient / smallest).fract() == 0.0);
    let sign = if terms.iter().all(|t| t.coefficient < 0.0) { -1.0 } else { 1.0 };
    let factor = sign * smallest;
    if !whole || factor == 1.0 {
        return None;
    }
    let inner = terms.iter().map(|t| Monomial { coefficient: t.coefficient / factor, powers: t.powers.clone() }).collect();
    with_groups(graph, terms, vec![(Monomial::constant(factor), (0..terms.len()).collect(), inner)])
}

/// x**n*y + x**m*z = x**n*(y + x**(m-n)*z), n the smallest exponent. In long sums all terms must have the base: their groups are sums of their own.
pub fn factor_base(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let exponent = |term: &Monomial, base: Id| term.powers.iter().find(|(b, _)| *b == base).map_or(0.0, |(_, n)| n.value());
    let mut bases: Vec<Id> = terms.iter().flat_map(|t| t.powers.iter().map(|(base, _)| *base)).collect();
    bases.sort_unstable();
    bases.dedup();
    let mut found = Vec::new();
    for base in bases {
        let lowest = terms.iter().map(|t| exponent(t, base)).fold(f64::INFINITY, f64::min);
        // A common denominator takes all terms, a common factor those that have it.
        let members: Vec<usize> = (0..terms.len()).filter(|&i| lowest < 0.0 || exponent(&terms[i], base) > 0.0).collect();
        let useful = members.len() > 1 && (terms.len() <= SHORT || lowest > 0.0);
        let sound = useful && (lowest >= 0.0 || is(graph, base, Signs::NON_ZERO));
        let n = members.iter().map(|&i| exponent(&terms[i], base)).fold(f64::INFINITY, f64::min);
        let Some(n) = Number::new(n).filter(|_| sound) else { continue };
        let inner = members.iter().map(|&i| divided(&terms[i], base, n)).collect::<Option<Vec<Monomial>>>();
        let Some(inner) = inner else { continue };
        found.extend(with_groups(graph, &terms, vec![(Monomial::power(base, n), members, inner)]));
    }
    found
}

fn divided(term: &Monomial, base: Id, n: Number) -> Option<Monomial> {
    let own = term.powers.iter().find(|(b, _)| *b == base).map_or(0.0, |(_, m)| m.value());
    let mut powers: Vec<(Id, Number)> = term.powers.iter().filter(|(b, _)| *b != base).copied().collect();
    let rest = Number::new(tidy(own - n.value()))?;
    if rest.value() != 0.0 {
        powers.push((base, rest));
        powers.sort_unstable();
    }
    Some(Monomial { coefficient: term.coefficient, powers })
}

/// c*dot(a,b1) + c*dot(a,b2) = c*dot(a,b1+b2)
pub fn gather_dots(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let stem = |v: &Combination| v.terms().first().map(|(name, _)| family(name));
    let mut groups: BTreeMap<(Combination, Number, Option<String>), Vec<(usize, Combination)>> = BTreeMap::new();
    for (i, term) in terms.iter().enumerate() {
        let [(base, n)] = term.powers[..] else { continue };
        let (Some((a, b)), Some(size), true) = (dot_of(graph, base), Number::new(term.coefficient.abs()), n == ONE) else { continue };
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
        let mut rest: Vec<Monomial> =
            (0..terms.len()).filter(|i| members.iter().all(|(j, _)| i != j)).map(|i| terms[i].clone()).collect();
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

/// k*norm(a)**2 + 2*k*dot(a,b) + k*norm(b)**2 = k*norm(a+b)**2, and what is left of the squares; as often as it goes.
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
        terms.iter().position(|t| matches!(t.powers[..], [(base, n)] if n == TWO && norm_of(graph, base) == Some(v)))
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

/// c*sin(x)**2 + c*cos(x)**2 = c
pub fn pythagoras(graph: &mut Graph, node: &Node) -> Vec<Id> {
    let terms = terms(graph, node);
    let squared = |term: &Monomial, f: Function| {
        let place = term.powers.iter().position(|(base, n)| *n == TWO && argument_of(graph, *base, f).is_some())?;
        let mut rest = term.clone();
        let (base, _) = rest.powers.remove(place);
        Some((argument_of(graph, base, f)?, rest))
    };
    let mut found = Vec::new();
    for (i, sine) in terms.iter().enumerate() {
        let Some((x, rest)) = squared(sine, Function::Sin) else { continue };
        let Some(j) = terms.iter().position(|t| squared(t, Function::Cos).is_some_and(|(y, other)| x == y && rest == other)) else { continue };
        let mut sum: Vec<Monomial> = (0..terms.len()).filter(|&k| k != i && k != j).map(|k| terms[k].clone()).collect();
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
        let argument = argument_of(graph, base, Function::Log).filter(|&x| n == ONE && is(graph, x, Signs::STRICTLY_POSITIVE));
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
        let mut rest: Vec<Monomial> =
            (0..terms.len()).filter(|i| members.iter().all(|(j, _)| i != j)).map(|i| terms[i].clone()).collect();
        rest.push(Monomial { coefficient, powers: vec![(logarithm, ONE)] });
        found.extend(add_polynomial(graph, &rest));
    }
    found
}
