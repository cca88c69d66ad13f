//! What it costs to read an expression, and the cheapest expression of a class.

use std::sync::Arc;

use egg::{CostFunction, Extractor, Id, Language};

use crate::expr::{Expr, Number, is_short, is_short_reciprocal};
use crate::rewrite::graph::Graph;
use crate::rewrite::language::{Combination, Node, from_nodes};

/// Cost of reading; then, to settle ties, the number of sums, since one in a product stands in
/// brackets, the length of the text and the text.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
struct Reading(u32, u32, usize, Arc<str>);

/// What brackets around a sum save of a repeated factor, a length with its power and sign, they cost
/// to read.
const OF_BRACKET: u32 = 4;

/// More than a number and a product cost.
const OF_EXPONENTIAL: u32 = 4;

fn number(c: Number) -> u32 {
    match c.value().abs() {
        v if v.fract() == 0.0 && v < 10.0 => 1,
        v if v.fract() == 0.0 && v < 1000.0 => 2,
        v if is_short(v) || is_short_reciprocal(v) => 2,
        _ => 3,
    }
}

fn vector(v: &Combination) -> u32 {
    let coefficient = |c: Number| if c.value().abs() == 1.0 { 0 } else { number(c) };
    v.terms().iter().map(|(_, c)| 1 + coefficient(*c)).sum()
}

fn own(node: &Node) -> u32 {
    match node {
        Node::Constant(c) => number(*c),
        Node::Parameter(_) => 1,
        Node::Norm(v) => 1 + vector(v),
        // A product of sums of vectors is multiplied out in the mind.
        Node::Dot(a, b) if a == b => 2 * vector(a) + (a.terms().len() * a.terms().len()) as u32,
        Node::Dot(a, b) => vector(a) + vector(b) + (a.terms().len() * b.terms().len()) as u32 + 1,
        Node::Sum(children) | Node::Product(children) => (children.len() as u32).saturating_sub(1),
        Node::Power(n, _) if [-1.0, 0.5].contains(&n.value()) => 1,
        Node::Power(n, _) => 1 + number(*n),
        Node::Apply(..) | Node::UpToConstant(_) => 1,
    }
}

struct Readability;

impl CostFunction<Node> for Readability {
    type Cost = Reading;

    fn cost<C: FnMut(Id) -> Reading>(&mut self, node: &Node, mut costs: C) -> Reading {
        let mut children: Vec<Reading> = node.children().iter().map(|&id| costs(id)).collect();
        if matches!(node, Node::Sum(_) | Node::Product(_)) {
            children.sort_by(|a, b| a.3.cmp(&b.3));
        }
        // An exponent belongs into the exponential.
        let of_exponential = matches!(node, Node::Power(..)) && children[0].3.starts_with("(Exp ");
        let own = own(node) + if of_exponential { OF_EXPONENTIAL } else { 0 };
        // A law is a sum of terms: a sum in a product is multiplied out in the mind, but for a number
        // before it.
        let is_sum =
            |child: &&Reading| ["(+ ", "(* (+ "].iter().any(|head| child.3.starts_with(head));
        let is_number = |child: &Reading| {
            child.3.as_bytes().get(1).is_some_and(|c| c.is_ascii_digit() || *c == b'-')
        };
        let brackets = match node {
            Node::Product(_) if !(children.len() == 2 && children.iter().any(is_number)) => {
                OF_BRACKET * children.iter().filter(is_sum).count() as u32
            }
            Node::Power(..) if is_sum(&&children[0]) => OF_BRACKET / 2,
            _ => 0,
        };
        let own = own + brackets;
        let cost = children.iter().fold(own, |sum, child| sum.saturating_add(child.0));
        let sums = children.iter().fold(u32::from(matches!(node, Node::Sum(_))), |sum, child| {
            sum.saturating_add(child.1)
        });
        // At least above its children, as extraction demands.
        let cost =
            cost.max(children.iter().map(|child| child.0.saturating_add(1)).max().unwrap_or(0));
        let inner: Vec<&str> = children.iter().map(|child| &*child.3).collect();
        let head = match node {
            Node::Constant(c) => format!("{:e}", c.value()),
            Node::Parameter(name) => name.clone(),
            Node::Dot(a, b) => format!("dot {} {}", a.vector(), b.vector()),
            Node::Norm(a) => format!("norm {}", a.vector()),
            Node::Sum(_) => "+".into(),
            Node::Product(_) => "*".into(),
            Node::Power(n, _) => format!("^{}", n.value()),
            Node::Apply(f, _) => format!("{f:?}"),
            Node::UpToConstant(_) => "~".into(),
        };
        let text = format!("({head} {})", inner.join(" "));
        Reading(cost, sums, text.len(), text.into())
    }
}

/// The cheapest expression of a class and its cost.
pub(crate) fn cheapest(graph: &Graph, class: Id) -> (u32, Expr) {
    let (Reading(cost, ..), nodes) = Extractor::new(graph, Readability).find_best(class);
    let wrapper = matches!(nodes[nodes.root()], Node::UpToConstant(_));
    (cost - u32::from(wrapper), from_nodes(&nodes))
}
