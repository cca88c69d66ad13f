//! The table of rewrite rules.
//!
//! A rule looks at a node, and where its left side is there, adds the right side and unites both.
//! Rules over sums and products see their children as monomials in any order and compute constants,
//! which patterns cannot. `left`, `right` and `condition` state what a rule does; a test samples
//! them over their domain, another runs every rule on its own left side.

use std::mem::Discriminant;

use egg::{
    Applier, Id, Language, PatternAst, Rewrite, SearchMatches, Searcher, Subst, Symbol, Var,
};

use crate::expr::Function;
use crate::rewrite::graph::{Facts, Graph};
use crate::rewrite::language::Node;

mod factors;

mod products;

mod sums;

mod vectors;

/// A rewrite rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name in explanations.
    pub name: &'static str,
    /// What it finds: `x`, `y` are any expressions, `a`, `b`, `c` numbers, `u`, `v`, `w` vectors.
    pub left: &'static str,
    /// What that equals.
    pub right: &'static str,
    /// Where both are equal: inequalities in `x` and `y`, separated by commas; empty for wherever
    /// the left side has a value.
    pub condition: &'static str,
    operator: Operator,
}

/// Where a rule looks.
#[derive(Clone, Copy, Debug)]
enum Operator {
    Sum(Rewriter),
    Product(Rewriter),
    Power(Rewriter),
    Apply(Rewriter),
    /// The sum or number inside the wrapper.
    UpToConstant(Rewriter),
}

/// From a node to classes that equal it.
type Rewriter = fn(&mut Graph, &Node) -> Vec<Id>;

impl Operator {
    fn rewriter(self) -> Rewriter {
        match self {
            Self::Sum(f)
            | Self::Product(f)
            | Self::Power(f)
            | Self::Apply(f)
            | Self::UpToConstant(f) => f,
        }
    }

    fn discriminant(self) -> Discriminant<Node> {
        let child = [Id::from(0)];
        match self {
            Self::Sum(_) => Node::Sum(child.into()),
            Self::Product(_) => Node::Product(child.into()),
            Self::Power(_) => Node::Power(super::graph::ONE, child),
            Self::Apply(_) => Node::Apply(Function::Exp, child),
            Self::UpToConstant(_) => Node::UpToConstant(child),
        }
        .discriminant()
    }
}

const fn rule(
    name: &'static str,
    left: &'static str,
    right: &'static str,
    condition: &'static str,
    operator: Operator,
) -> Rule {
    Rule { name, left, right, condition, operator }
}

/// All rules. What `Node::UpToConstant` wraps is equal up to a constant only.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule("collect-terms", "a*x + b*x", "(a+b)*x", "", Operator::Sum(sums::collect_terms)),
    rule("hoist-constants", "(x + a) + (y + b)", "x + y + (a+b)", "", Operator::Sum(sums::hoist_constants)),
    rule("complete-squares", "a*x**2 + b*x", "a*(x + b/(2*a))**2 + (-1)*b**2/(4*a)", "", Operator::Sum(sums::complete_squares)),
    rule("perfect-square", "a**2*x**2 + 2*a*b*x*y + b**2*y**2", "a**2*(x + b/a*y)**2", "", Operator::Sum(sums::perfect_square)),
    rule("group-by-base", "a*x**3 + b*x + a*y**3 + b*y", "(a*x**3 + b*x) + (a*y**3 + b*y)", "", Operator::Sum(factors::group_by_base)),
    rule("factor-coefficient", "a*x + 2*a*y", "a*(x + 2*y)", "", Operator::Sum(factors::factor_coefficient)),
    rule("factor-base", "x**2*y + x**3", "x**2*(y + x)", "", Operator::Sum(factors::factor_base)),
    rule("common-denominator", "a + b*x**(-1)", "x**(-1)*(a*x + b)", "x != 0", Operator::Sum(factors::factor_base)),
    rule("gather-dots", "a*dot(u,v1) + a*dot(u,v2)", "a*dot(u,v1+v2)", "", Operator::Sum(vectors::gather_dots)),
    rule("polarise", "a*dot(u,u) - 2*a*dot(u,v) + a*dot(v,v)", "a*norm(v-u)**2", "", Operator::Sum(vectors::polarise)),
    rule("pythagoras", "a*sin(x)**2 + a*cos(x)**2 + y", "a + y", "", Operator::Sum(sums::pythagoras)),
    rule("gather-logarithms", "a*log(x) + a*log(y)", "a*log(x*y)", "x > 0, y > 0", Operator::Sum(sums::gather_logarithms)),
    rule("collect-factors", "a*x*b*x", "(a*b)*x**2", "", Operator::Product(products::collect_factors)),
    rule("cancel-factors", "a*x*y*x**(-1)", "a*y", "x != 0", Operator::Product(products::collect_factors)),
    rule("gather-exponentials", "exp(x)*exp(y)", "exp(x+y)", "", Operator::Product(products::gather_exponentials)),
    rule("tangent", "a*sin(x)*cos(x)**(-1)", "a*tan(x)", "", Operator::Product(products::tangent)),
    rule("distribute-coefficient", "a*(x + b*y)", "a*x + a*b*y", "", Operator::Product(products::distribute_coefficient)),
    rule("power-of-power", "(x**3)**2", "x**6", "", Operator::Power(products::power_of_power)),
    rule("root-of-power", "(x**3)**0.5", "x**1.5", "x >= 0", Operator::Power(products::power_of_power)),
    rule("root-of-square", "(x**2)**0.5", "abs(x)", "", Operator::Power(products::power_of_power)),
    rule("power-of-product", "(a*x*y)**3", "a**3*x**3*y**3", "", Operator::Power(products::power_of_product)),
    rule("root-of-product", "(x*y)**0.5", "x**0.5*y**0.5", "x >= 0, y >= 0", Operator::Power(products::power_of_product)),
    rule("power-of-exponential", "exp(x)**1.5", "exp(1.5*x)", "", Operator::Power(products::power_of_exponential)),
    rule("double-angle", "cos(x)**2", "0.5 + 0.5*cos(2*x)", "", Operator::Power(products::double_angle)),
    rule("double-angle-of-sine", "sin(x)**2", "0.5 - 0.5*cos(2*x)", "", Operator::Power(products::double_angle)),
    rule("even-power", "(x - y)**2", "(y - x)**2", "", Operator::Power(products::even_power)),
    rule("even-power-of-magnitude", "abs(x)**2", "x**2", "", Operator::Power(products::even_power)),
    rule("logarithm-of-exponential", "log(exp(x))", "x", "", Operator::Apply(products::logarithm_of_exponential)),
    rule("logarithm-of-product", "log(x**3*y)", "3*log(x) + log(y)", "x > 0, y > 0", Operator::Apply(products::logarithm_of_product)),
    rule("exponential-of-logarithm", "exp(a*log(x) + y)", "x**a*exp(y)", "x > 0", Operator::Apply(products::exponential_of_logarithm)),
    rule("magnitude", "abs(x)", "x", "x >= 0", Operator::Apply(products::magnitude)),
    rule("magnitude-of-multiple", "abs(-3*x)", "3*abs(x)", "", Operator::Apply(products::magnitude)),
    rule("even-function", "cos(x - y)", "cos(y - x)", "", Operator::Apply(products::parity)),
    rule("odd-function", "sin(-2*x)", "-sin(2*x)", "", Operator::Apply(products::parity)),
    rule("drop-constants", "x + a", "x", "up to a constant", Operator::UpToConstant(sums::drop_constants)),
];

/// Rules as rewrites for egg, those with the same rewriter once. They add nothing to an e-graph of
/// more than `max_nodes` nodes: egg itself looks only between rounds.
pub(crate) fn rewrites(rules: &[Rule], max_nodes: usize) -> Vec<Rewrite<Node, Facts>> {
    let mut seen: Vec<Rewriter> = Vec::new();
    let mut rewrites = Vec::new();
    for rule in rules {
        let rewriter = rule.operator.rewriter();
        if seen.iter().any(|known| std::ptr::fn_addr_eq(*known, rewriter)) {
            continue;
        }
        seen.push(rewriter);
        let operator = rule.operator.discriminant();
        let rewrite = Rewrite::new(
            rule.name,
            Operands { operator },
            Rewriting { operator, rewriter, max_nodes },
        );
        rewrites.push(rewrite.expect("a rule without pattern variables binds all of them"));
    }
    rewrites
}

/// Finds the classes with a node of one operator.
struct Operands {
    operator: Discriminant<Node>,
}

impl Searcher<Node, Facts> for Operands {
    fn search_eclass_with_limit(
        &self,
        graph: &Graph,
        class: Id,
        _: usize,
    ) -> Option<SearchMatches<'_, Node>> {
        let found = graph[class].nodes.iter().any(|node| node.discriminant() == self.operator);
        found.then(|| SearchMatches { eclass: class, substs: vec![Subst::default()], ast: None })
    }

    fn search_with_limit(&self, graph: &Graph, limit: usize) -> Vec<SearchMatches<'_, Node>> {
        let classes = graph.classes_for_op(&self.operator).into_iter().flatten();
        let mut classes: Vec<Id> = classes.collect();
        classes.sort_unstable();
        classes
            .into_iter()
            .filter_map(|class| self.search_eclass_with_limit(graph, class, limit))
            .take(limit)
            .collect()
    }

    fn vars(&self) -> Vec<Var> {
        vec![]
    }
}

/// Runs a rewriter on the nodes of a class; with the wrapper as operator, on what is wrapped.
struct Rewriting {
    operator: Discriminant<Node>,
    rewriter: Rewriter,
    max_nodes: usize,
}

impl Applier<Node, Facts> for Rewriting {
    fn apply_one(
        &self,
        graph: &mut Graph,
        class: Id,
        _: &Subst,
        _: Option<&PatternAst<Node>>,
        name: Symbol,
    ) -> Vec<Id> {
        // A number is as simple as can be; and zero equals all products with zero.
        if graph[class].data.constant.is_some() {
            return vec![];
        }
        let mut nodes: Vec<Node> = graph[class]
            .nodes
            .iter()
            .filter(|n| n.discriminant() == self.operator)
            .cloned()
            .collect();
        let wrapped = matches!(nodes.first(), Some(Node::UpToConstant(_)));
        if wrapped {
            let inner = nodes.iter().flat_map(|wrapper| wrapper.children());
            nodes = inner
                .flat_map(|&id| graph[id].nodes.iter())
                .filter(|n| matches!(n, Node::Sum(_) | Node::Constant(_)))
                .cloned()
                .collect();
        }
        let mut changed = Vec::new();
        for node in nodes {
            if graph.total_size() > self.max_nodes {
                break;
            }
            for mut right in (self.rewriter)(graph, &node) {
                // The node as it stands, so that an explanation shows what was rewritten.
                let mut left = graph.add_uncanonical(node.clone());
                if wrapped {
                    left = graph.add_uncanonical(Node::UpToConstant([left]));
                    right = graph.add_uncanonical(Node::UpToConstant([right]));
                }
                if graph.union_trusted(left, right, name) {
                    changed.push(graph.find(left));
                }
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests;
