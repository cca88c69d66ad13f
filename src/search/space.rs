//! The e-graph of all forms that a search has visited.

use std::collections::{BTreeSet, HashSet};

use egg::{Id, Language};

use crate::search::egraph::{Graph, LONGEST, Shape, product_of, sum_of};
use crate::search::form::Form;
use crate::search::rules::{FamilyRule, RULES};

/// Rounds of rules over what is new. A round builds at most one class for each node and rule, and
/// none of the rules makes forms grow.
const ROUNDS: usize = 4;

/// The e-graph with what its rules have yet to look at.
#[derive(Debug, Default)]
pub(crate) struct Space {
    graph: Graph,
    fresh: BTreeSet<Id>,
}

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
