//! The e-graph of all forms that a search has visited.
//!
//! A class is a *family*: the set of functions that a form gives when its constants take all
//! values, each occurrence of a constant independently. Equality of families is a congruence, so
//! what egg does is sound for them: two forms in one class fit any data equally well, and one fit
//! serves both. Families are compared up to their closure: a limit of members (a coefficient that
//! goes to zero while another grows) counts as a member, and on the side of the domain where a root
//! or logarithm has a value (see [`Form`]).

use super::Form;
use super::form::Number;
use super::rules::{FamilyRule, RULES};
use crate::expr::Function;
use egg::{Analysis, DidMerge, EGraph, Id, Language};
use std::collections::{BTreeSet, HashSet};
use std::mem::Discriminant;

/// One operator over classes; sums and products in the order of their classes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Shape {
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
pub(super) struct Facts {
    /// It has one member: no constants.
    pub single: bool,
    /// With every member it has all its multiples.
    pub scales: bool,
    /// With every member it has all that differ from it by a constant.
    pub shifts: bool,
}

/// Finds [`Facts`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Families;

/// The e-graph.
pub(super) type Graph = EGraph<Shape, Families>;

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

/// The e-graph with what its rules have yet to look at.
#[derive(Debug, Default)]
pub(super) struct Space {
    graph: Graph,
    fresh: BTreeSet<Id>,
}

/// Rounds of rules over what is new. A round builds at most one class for each node and rule, and
/// none of the rules makes forms grow.
const ROUNDS: usize = 4;

impl Space {
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Adds a form; its class.
    pub fn add(&mut self, form: &Form) -> Id {
        let node = match form {
            Form::Variable(i) => Shape::Variable(*i),
            Form::Constant => Shape::Constant,
            Form::Number(c) => Shape::Number(*c),
            Form::Sum(terms) => {
                let terms = terms.iter().map(|t| self.add(t)).collect();
                return self.insert(sum_of(&self.graph, terms));
            }
            Form::Product(factors) => {
                let factors = factors.iter().map(|f| self.add(f)).collect();
                return self.insert(product_of(&self.graph, factors));
            }
            Form::Power(base, n) => Shape::Power(*n, [self.add(base)]),
            Form::FreePower(base) => Shape::FreePower([self.add(base)]),
            Form::Apply(f, x) => Shape::Apply(*f, [self.add(x)]),
        };
        self.insert(Ok(node))
    }

    fn insert(&mut self, node: Result<Shape, Id>) -> Id {
        let node = match node {
            Ok(node) => node,
            Err(known) => return known,
        };
        let before = self.graph.number_of_classes();
        let id = self.graph.add(node);
        if self.graph.number_of_classes() > before {
            self.fresh.insert(id);
        }
        id
    }

    /// Runs the rules on all that is new and merges what they find equal.
    pub fn saturate(&mut self) {
        self.saturate_with(RULES);
    }

    pub fn saturate_with(&mut self, rules: &[FamilyRule]) {
        self.graph.rebuild();
        for _ in 0..ROUNDS {
            let classes: BTreeSet<Id> =
                std::mem::take(&mut self.fresh).into_iter().map(|id| self.graph.find(id)).collect();
            if classes.is_empty() {
                break;
            }
            let known = self.graph.nodes().len();
            let mut changed = BTreeSet::new();
            for class in classes {
                let nodes = self.graph[self.graph.find(class)].nodes.iter();
                let nodes: Vec<Shape> =
                    nodes.filter(|n| n.children().len() <= LONGEST).cloned().collect();
                for node in nodes {
                    for rule in rules {
                        let Some(right) = rule.apply(&mut self.graph, &node) else { continue };
                        if self.graph.union(class, right) {
                            changed.insert(class);
                        }
                    }
                }
            }
            self.graph.rebuild();
            changed.extend((known..self.graph.nodes().len()).map(Id::from));
            let changed: BTreeSet<Id> = changed.into_iter().map(|id| self.graph.find(id)).collect();
            // What holds a changed class may now match.
            let holders: Vec<Id> = changed
                .iter()
                .flat_map(|id| self.graph[*id].parents().collect::<Vec<Id>>())
                .collect();
            self.fresh = changed.into_iter().chain(holders).collect();
        }
        self.fresh.clear();
    }

    /// The class of a form up to an additive constant.
    pub fn add_with_constant(&mut self, form: &Form) -> Id {
        let id = self.add(form);
        let constant = self.add(&Form::Constant);
        let mut terms = vec![id, constant];
        if let Form::Sum(children) = form {
            terms = children.iter().map(|t| self.add(t)).chain([constant]).collect();
        }
        self.insert(sum_of(&self.graph, terms))
    }

    /// The classes, by their present names, of some that were known before merges.
    pub fn renewed(&self, known: &HashSet<Id>) -> HashSet<Id> {
        known.iter().map(|id| self.graph.find(*id)).collect()
    }
}

/// Sums and products longer than this are not joined with others.
const LONGEST: usize = 16;

/// A sum in order, with one constant at most; the only term when there is one.
pub(super) fn sum_of(graph: &Graph, terms: Vec<Id>) -> Result<Shape, Id> {
    let inner = |n: &Shape| if let Shape::Sum(inner) = n { Some(inner.clone()) } else { None };
    flattened(graph, terms, |_| true, inner).map(|flat| Shape::Sum(flat.into()))
}

/// A product in order, with one constant at most; the only factor when there is one.
pub(super) fn product_of(graph: &Graph, factors: Vec<Id>) -> Result<Shape, Id> {
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
