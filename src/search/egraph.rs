//! The e-graph of all forms that a search has visited.
//!
//! A class is a *family*: the set of functions that a form gives when its constants take all
//! values, each occurrence of a constant independently. Equality of families is a congruence, so
//! what egg does is sound for them: two forms in one class fit any data equally well, and one fit
//! serves both. Families are compared up to their closure: a limit of members (a coefficient that
//! goes to zero while another grows) counts as a member, and on the side of the domain where a root
//! or logarithm has a value (see [`Form`]).

use std::mem::Discriminant;

use egg::{Analysis, DidMerge, EGraph, Id, Language};

use crate::expr::{Function, Number};

/// Sums and products longer than this are not joined with others.
pub(crate) const LONGEST: usize = 16;

/// One operator over classes; sums and products in the order of their classes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shape {
    Variable(usize),
    Constant,
    Number(Number),
    Sum(Box<[Id]>),
    Product(Box<[Id]>),
    Power(Number, [Id; 1]),
    FreePower([Id; 1]),
    Apply(Function, [Id; 1]),
}

impl Language for Shape {
    type Discriminant = Discriminant<Shape>;

    fn discriminant(&self) -> Self::Discriminant {
        std::mem::discriminant(self)
    }

    fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sum(a), Self::Sum(b)) | (Self::Product(a), Self::Product(b)) => {
                a.len() == b.len()
            }
            (Self::Power(a, _), Self::Power(b, _)) => a == b,
            (Self::Apply(a, _), Self::Apply(b, _)) => a == b,
            (Self::FreePower(_), Self::FreePower(_)) => true,
            (Self::Variable(_) | Self::Constant | Self::Number(_), _) => self == other,
            _ => false,
        }
    }

    fn children(&self) -> &[Id] {
        match self {
            Self::Variable(_) | Self::Constant | Self::Number(_) => &[],
            Self::Sum(children) | Self::Product(children) => children,
            Self::Power(_, child) | Self::FreePower(child) | Self::Apply(_, child) => child,
        }
    }

    fn children_mut(&mut self) -> &mut [Id] {
        match self {
            Self::Variable(_) | Self::Constant | Self::Number(_) => &mut [],
            Self::Sum(children) | Self::Product(children) => children,
            Self::Power(_, child) | Self::FreePower(child) | Self::Apply(_, child) => child,
        }
    }
}

/// What is known about a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// It has one member: no constants.
    pub single: bool,
    /// With every member it has all its multiples.
    pub scales: bool,
    /// With every member it has all that differ from it by a constant.
    pub shifts: bool,
}

/// Finds [`Facts`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Families;

/// The e-graph.
pub(crate) type Graph = EGraph<Shape, Families>;

impl Analysis<Shape> for Families {
    type Data = Facts;

    fn make(graph: &mut Graph, node: &Shape, _: Id) -> Facts {
        let of = |id: &Id| graph[*id].data;
        let children = node.children();
        let single = !matches!(node, Shape::Constant | Shape::FreePower(_))
            && children.iter().all(|id| of(id).single);
        let (scales, shifts) = match node {
            Shape::Constant => (true, true),
            Shape::Variable(_) | Shape::Number(_) | Shape::FreePower(_) => (false, false),
            Shape::Sum(terms) => {
                (terms.iter().all(|id| of(id).scales), terms.iter().any(|id| of(id).shifts))
            }
            Shape::Product(factors) => (factors.iter().any(|id| of(id).scales), false),
            // Both signs only when the exponent is odd.
            Shape::Power(n, [base]) => (of(base).scales && n.is_whole() && !n.is_even(), false),
            Shape::Apply(..) => (false, false),
        };
        Facts { single, scales, shifts }
    }

    fn merge(&mut self, to: &mut Facts, from: Facts) -> DidMerge {
        let all = Facts {
            single: to.single || from.single,
            scales: to.scales || from.scales,
            shifts: to.shifts || from.shifts,
        };
        let merged = DidMerge(all != *to, all != from);
        *to = all;
        merged
    }
}

/// A sum in order, with one constant at most; the only term when there is one.
pub(crate) fn sum_of(graph: &Graph, terms: Vec<Id>) -> Result<Shape, Id> {
    let inner = |n: &Shape| if let Shape::Sum(inner) = n { Some(inner.clone()) } else { None };
    flattened(graph, terms, |_| true, inner).map(|flat| Shape::Sum(flat.into()))
}

/// A product in order, with one constant at most; the only factor when there is one.
pub(crate) fn product_of(graph: &Graph, factors: Vec<Id>) -> Result<Shape, Id> {
    let inner = |n: &Shape| if let Shape::Product(inner) = n { Some(inner.clone()) } else { None };
    // What is also a power stays one: x*x is no two factors.
    let joins = |n: &Shape| matches!(n, Shape::Product(_));
    flattened(graph, factors, joins, inner).map(|flat| Shape::Product(flat.into()))
}

/// Operands with those of operands of the same kind in their place, where all nodes of a class may
/// join.
fn flattened(
    graph: &Graph,
    ids: Vec<Id>,
    joins: impl Fn(&Shape) -> bool,
    inner: impl Fn(&Shape) -> Option<Box<[Id]>>,
) -> Result<Vec<Id>, Id> {
    let mut flat: Vec<Id> = Vec::new();
    for id in ids {
        let id = graph.find(id);
        // A class that is one of its own operands, as c*x is of c*c*x, would never come to an end.
        let operands = graph[id]
            .nodes
            .iter()
            .filter_map(&inner)
            .find(|inner| !inner.iter().any(|part| graph.find(*part) == id));
        match operands.filter(|_| graph[id].nodes.iter().all(&joins)) {
            Some(operands) if flat.len() + operands.len() <= LONGEST => {
                flat.extend(operands.iter().map(|id| graph.find(*id)))
            }
            _ => flat.push(id),
        }
    }
    flat.sort_unstable();
    let is_constant = |id: &Id| graph[*id].nodes.contains(&Shape::Constant);
    flat.dedup_by(|b, a| a == b && is_constant(a));
    if flat.len() == 1 { Err(flat[0]) } else { Ok(flat) }
}
