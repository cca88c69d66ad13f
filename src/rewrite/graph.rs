//! The e-graph, what it knows about its classes, and classes seen as monomials.

use std::collections::BTreeMap;

use egg::{Analysis, DidMerge, EGraph, Id};

use crate::expr::{Function, Number, digits};
use crate::rewrite::language::{Combination, Node};

/// The e-graph of expressions.
pub type Graph = EGraph<Node, Facts>;

/// A set of possible signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs(u8);

impl Signs {
    const NEGATIVE: u8 = 1;
    const ZERO: u8 = 2;
    const POSITIVE: u8 = 4;
    /// Nothing is known.
    pub const ANY: Self = Self(7);
    /// Above or equal to zero.
    pub const NON_NEGATIVE: Self = Self(6);
    /// Below or equal to zero.
    pub const NON_POSITIVE: Self = Self(3);
    /// Above or below zero.
    pub const NON_ZERO: Self = Self(5);
    /// Above zero.
    pub const STRICTLY_POSITIVE: Self = Self(4);

    fn of(value: f64) -> Self {
        Self(if value > 0.0 {
            Self::POSITIVE
        } else if value < 0.0 {
            Self::NEGATIVE
        } else {
            Self::ZERO
        })
    }

    /// True when no other sign than those of `set` is possible.
    pub fn within(self, set: Self) -> bool {
        self.0 & !set.0 == 0
    }

    fn pairs(self, other: Self, f: impl Fn(f64, f64) -> Self) -> Self {
        let each = |s: Self| {
            [(Self::NEGATIVE, -1.0), (Self::ZERO, 0.0), (Self::POSITIVE, 1.0)]
                .into_iter()
                .filter(move |(bit, _)| s.0 & bit != 0)
        };
        Self(each(self).fold(0, |set, (_, a)| each(other).fold(set, |set, (_, b)| set | f(a, b).0)))
    }

    fn plus(self, other: Self) -> Self {
        self.pairs(other, |a, b| if a * b < 0.0 { Self::ANY } else { Self::of(a + b) })
    }

    fn times(self, other: Self) -> Self {
        self.pairs(other, |a, b| Self::of(a * b))
    }
}

/// What is known about a class: its value when constant, and its signs wherever the given
/// expression has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The value, when it does not depend on the vectors.
    pub constant: Option<Number>,
    /// The signs it can have.
    pub signs: Signs,
}

/// The analysis that finds [`Fact`]s.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts;

impl Analysis<Node> for Facts {
    type Data = Fact;

    fn make(graph: &mut Graph, node: &Node, _: Id) -> Fact {
        let constant = constant_value(graph, node).and_then(|value| Number::new(tidy(value)));
        let signs = match constant {
            Some(c) => Signs::of(c.value()),
            None => signs(graph, node),
        };
        Fact { constant, signs }
    }

    fn merge(&mut self, to: &mut Fact, from: Fact) -> DidMerge {
        let before = to.clone();
        to.constant = match (to.constant, from.constant) {
            // Equal up to rounding: keep the one that is shorter to write, then the smaller.
            (Some(a), Some(b)) => {
                Some(if (digits(b.value()), b) < (digits(a.value()), a) { b } else { a })
            }
            (a, b) => a.or(b),
        };
        let common = to.signs.0 & from.signs.0;
        // An empty set would mean a contradiction, which only rounding can bring.
        to.signs = if common == 0 { to.signs } else { Signs(common) };
        DidMerge(*to != before, *to != from)
    }

    fn modify(graph: &mut Graph, id: Id) {
        if let Some(c) = graph[id].data.constant {
            let constant = graph.add(Node::Constant(c));
            graph.union_trusted(id, constant, "evaluate-constant");
        }
    }
}

fn constant_value(graph: &Graph, node: &Node) -> Option<f64> {
    let mut values = egg::Language::children(node).iter().map(|&id| constant(graph, id));
    match node {
        Node::Constant(c) => Some(c.value()),
        Node::Sum(_) => values.sum(),
        Node::Product(_) => values.product(),
        Node::Power(n, _) => values.next()?.map(|x| x.powf(n.value())),
        Node::Apply(f, _) => values.next()?.map(|x| f.of(x)),
        Node::Parameter(_) | Node::Dot(..) | Node::Norm(_) | Node::UpToConstant(_) => None,
    }
}

fn signs(graph: &Graph, node: &Node) -> Signs {
    let of = |id: Id| graph[id].data.signs;
    match node {
        Node::Constant(c) => Signs::of(c.value()),
        Node::Norm(_) => Signs::NON_NEGATIVE,
        Node::Dot(a, b) if a == b => Signs::NON_NEGATIVE,
        Node::Sum(terms) => {
            terms.iter().map(|&id| of(id)).reduce(Signs::plus).unwrap_or(Signs(Signs::ZERO))
        }
        Node::Product(factors) => {
            factors.iter().map(|&id| of(id)).reduce(Signs::times).unwrap_or(Signs(Signs::POSITIVE))
        }
        Node::Power(n, [base]) => {
            let zero = Signs(of(*base).0 & Signs::ZERO);
            if n.is_even() || !n.is_whole() { Signs(Signs::POSITIVE | zero.0) } else { of(*base) }
        }
        Node::Apply(Function::Exp, _) => Signs::STRICTLY_POSITIVE,
        Node::Apply(Function::Abs, [x]) => Signs(Signs::POSITIVE | (of(*x).0 & Signs::ZERO)),
        Node::Parameter(_) | Node::Dot(..) | Node::Apply(..) | Node::UpToConstant(_) => Signs::ANY,
    }
}

/// Restricts the signs of a class.
pub(crate) fn assume(graph: &mut Graph, id: Id, set: Signs) {
    let mut fact = graph[id].data.clone();
    let common = fact.signs.0 & set.0;
    if common != fact.signs.0 && common != 0 {
        fact.signs = Signs(common);
        graph.set_analysis_data(id, fact);
    }
}

/// True when the class has only signs of `set`.
pub(crate) fn is(graph: &Graph, id: Id, set: Signs) -> bool {
    graph[id].data.signs.within(set)
}

/// The value of a class, when constant.
pub(crate) fn constant(graph: &Graph, id: Id) -> Option<f64> {
    graph[id].data.constant.map(Number::value)
}

/// A computed number without the dust of rounding: the number of at most 14 digits within a few
/// units in the last place, if there is one.
pub(crate) fn tidy(value: f64) -> f64 {
    // Whole numbers and binary fractions are exact: no text is needed.
    if (value * 1024.0).fract() == 0.0 {
        return value;
    }
    let short: f64 = format!("{value:.13e}").parse().unwrap_or(value);
    if (short - value).abs() <= 4.0 * f64::EPSILON * value.abs() { short } else { value }
}

/// A sum of two numbers, zero when only rounding is left of it.
pub(crate) fn add_tidy(a: f64, b: f64) -> f64 {
    let sum = a + b;
    if sum.abs() <= 4.0 * f64::EPSILON * (a.abs() + b.abs()) { 0.0 } else { tidy(sum) }
}

/// A coefficient times powers of classes, sorted by class.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Monomial {
    pub coefficient: f64,
    pub powers: Vec<(Id, Number)>,
}

impl Monomial {
    pub fn constant(coefficient: f64) -> Self {
        Self { coefficient, powers: Vec::new() }
    }

    pub fn power(base: Id, n: Number) -> Self {
        Self { coefficient: 1.0, powers: vec![(base, n)] }
    }

    pub fn scaled(&self, factor: f64) -> Self {
        Self { coefficient: tidy(self.coefficient * factor), powers: self.powers.clone() }
    }

    /// Multiplies by a power of a class. Exponents of one base add where that is sound: both above
    /// zero, or the base not zero.
    pub fn multiply(&mut self, graph: &Graph, base: Id, n: Number) {
        let base = graph.find(base);
        let place = self.powers.iter().position(|(b, m)| {
            *b == base && ((m.value() > 0.0 && n.value() > 0.0) || is(graph, base, Signs::NON_ZERO))
        });
        match place {
            Some(i) => match Number::new(tidy(self.powers[i].1.value() + n.value())) {
                Some(sum) if sum.value() != 0.0 => self.powers[i].1 = sum,
                _ => drop(self.powers.remove(i)),
            },
            None => {
                let at = self.powers.partition_point(|p| *p <= (base, n));
                self.powers.insert(at, (base, n));
            }
        }
    }

    pub fn times(&self, graph: &Graph, other: &Self) -> Self {
        let mut product = self.scaled(other.coefficient);
        for (base, n) in &other.powers {
            product.multiply(graph, *base, *n);
        }
        product
    }
}

/// The nodes of a class in their order.
pub(crate) fn nodes(graph: &Graph, id: Id) -> impl Iterator<Item = &Node> {
    graph[id].nodes.iter()
}

/// The class as a power of another, itself to the power 1 otherwise.
fn as_power(graph: &Graph, id: Id) -> (Id, Number) {
    let power = nodes(graph, id).find_map(|node| match node {
        Node::Power(n, [base]) => Some((graph.find(*base), *n)),
        _ => None,
    });
    power.unwrap_or((graph.find(id), ONE))
}

pub(crate) const ONE: Number = Number::whole(1);

pub(crate) const TWO: Number = Number::whole(2);

/// The class as a coefficient times powers.
pub(crate) fn monomial(graph: &Graph, id: Id) -> Monomial {
    if let Some(c) = constant(graph, id) {
        return Monomial::constant(c);
    }
    let product = nodes(graph, id).find_map(|node| match node {
        Node::Product(factors) => Some(factors),
        _ => None,
    });
    let Some(factors) = product else {
        let (base, n) = as_power(graph, id);
        return Monomial::power(base, n);
    };
    let mut monomial = Monomial::constant(1.0);
    for &factor in factors {
        match constant(graph, factor) {
            Some(c) => monomial.coefficient = tidy(monomial.coefficient * c),
            None => {
                let (base, n) = as_power(graph, factor);
                monomial.multiply(graph, base, n);
            }
        }
    }
    monomial
}

/// Adds a number; `None` when it overflowed.
pub(crate) fn add_constant(graph: &mut Graph, value: f64) -> Option<Id> {
    Number::new(value).map(|c| graph.add(Node::Constant(c)))
}

/// Adds a power, the base itself when the exponent is 1.
pub(crate) fn add_power(graph: &mut Graph, base: Id, n: Number) -> Id {
    if n == ONE { base } else { graph.add(Node::Power(n, [base])) }
}

/// Adds a monomial: the coefficient first, then the factors by class. The id stands for just this
/// term, so that explanations show it.
pub(crate) fn add_monomial(graph: &mut Graph, monomial: &Monomial) -> Option<Id> {
    if monomial.coefficient == 0.0 || monomial.powers.is_empty() {
        return add_constant(graph, monomial.coefficient);
    }
    let mut factors: Vec<Id> =
        monomial.powers.iter().map(|(base, n)| add_power(graph, graph.find(*base), *n)).collect();
    factors.sort_unstable();
    if monomial.coefficient != 1.0 {
        factors.insert(0, add_constant(graph, monomial.coefficient)?);
    }
    Some(if factors.len() == 1 {
        factors[0]
    } else {
        graph.add_uncanonical(Node::Product(factors.into()))
    })
}

/// Adds a sum: like terms merged, sorted by class. The id stands for just this sum, so that
/// explanations show it.
pub(crate) fn add_sum(graph: &mut Graph, terms: impl IntoIterator<Item = Id>) -> Option<Id> {
    let mut like: BTreeMap<Vec<(Id, Number)>, Vec<(Id, f64)>> = BTreeMap::new();
    for id in terms {
        let id = graph.find(id);
        let monomial = monomial(graph, id);
        like.entry(monomial.powers).or_default().push((id, monomial.coefficient));
    }
    let mut sum = Vec::new();
    for (powers, ids) in like {
        if let [(id, c)] = ids[..] {
            if c != 0.0 {
                sum.push(id);
            }
            continue;
        }
        let coefficient = ids.iter().fold(0.0, |sum, (_, c)| add_tidy(sum, *c));
        if coefficient != 0.0 {
            let term = add_monomial(graph, &Monomial { coefficient, powers })?;
            sum.push(graph.find(term));
        }
    }
    sum.sort_unstable();
    match sum.len() {
        0 => add_constant(graph, 0.0),
        1 => Some(sum[0]),
        _ => Some(graph.add_uncanonical(Node::Sum(sum.into()))),
    }
}

/// Adds a sum of monomials.
pub(crate) fn add_polynomial(graph: &mut Graph, terms: &[Monomial]) -> Option<Id> {
    let ids = terms.iter().map(|t| add_monomial(graph, t)).collect::<Option<Vec<Id>>>()?;
    add_sum(graph, ids)
}

/// The length in a class, if it is one.
pub(crate) fn norm_of(graph: &Graph, id: Id) -> Option<&Combination> {
    nodes(graph, id).find_map(|node| match node {
        Node::Norm(a) => Some(a),
        _ => None,
    })
}

/// The inner product of two different vectors in a class, if it is one.
pub(crate) fn dot_of(graph: &Graph, id: Id) -> Option<(&Combination, &Combination)> {
    nodes(graph, id).find_map(|node| match node {
        Node::Dot(a, b) if a != b => Some((a, b)),
        _ => None,
    })
}

/// The argument of a function in a class, if it is one.
pub(crate) fn argument_of(graph: &Graph, id: Id, function: Function) -> Option<Id> {
    nodes(graph, id).find_map(|node| match node {
        Node::Apply(f, [x]) if *f == function => Some(graph.find(*x)),
        _ => None,
    })
}
