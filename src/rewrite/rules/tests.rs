//! Every rule on sampled numbers.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::expr::{Bindings, Expr};
use crate::rewrite::equality::{EqualityOptions, prove, random_point};
use crate::rewrite::expand::{Domain, add_with_expansions, assume_defined};
use crate::rewrite::language::to_nodes;
use crate::rewrite::simplify::{SimplifyOptions, saturate};

const SAMPLES: usize = 20;

fn parse(text: &str) -> Expr {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Puts texts in the places of identifiers.
fn instantiate(text: &str, values: &BTreeMap<&str, String>) -> Expr {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        out.push_str(values.get(word.as_str()).unwrap_or(&word));
        word.clear();
        out.push(c);
    }
    parse(&out)
}

/// Expressions for `x` and `y` in the domain of the rule, numbers for `a` and `b`.
fn sides(rule: &Rule, rng: &mut ChaCha8Rng) -> (Expr, Expr) {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (name, w) in [("x", "w1"), ("y", "w2")] {
        let any = [
            format!("dot({w},w3)"),
            format!("sin(dot({w},w3))"),
            format!("norm({w})"),
            format!("exp(dot({w},w3))"),
        ];
        // A rule that looks for functions must not find those of the placeholders.
        let plain = format!("dot({w},w3)");
        let value = if rule.condition.contains(&format!("{name} > 0")) {
            format!("(1+norm({w}))")
        } else if rule.condition.contains(&format!("{name} >= 0")) {
            format!("norm({w})")
        } else if rng.random_bool(0.5) {
            plain
        } else {
            any.choose(rng).unwrap().clone()
        };
        values.insert(name, value);
    }
    for name in ["a", "b"] {
        let size = f64::from(rng.random_range(1..400)) / 100.0;
        values.insert(name, format!("({})", if rng.random_bool(0.5) { size } else { -size }));
    }
    (instantiate(rule.left, &values), instantiate(rule.right, &values))
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-8 * (1.0 + a.abs() + b.abs())
}

#[test]
fn rules_are_equal_on_both_sides_over_their_domain() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for rule in RULES {
        let mut compared = 0;
        for _ in 0..SAMPLES {
            let (left, right) = sides(rule, &mut rng);
            let names = Expr::Sum(vec![left.clone(), right.clone()]).names();
            let mut values = (0..8).map(|_| {
                let point = random_point(&names, &|_| 1.0, &mut rng);
                (left.evaluate(&point).unwrap(), right.evaluate(&point).unwrap())
            });
            let origin = values.next().unwrap();
            for (l, r) in values.filter(|(l, _)| l.is_finite()) {
                let (l, r) = if rule.condition == "up to a constant" {
                    (l - origin.0, r - origin.1)
                } else {
                    (l, r)
                };
                assert!(close(l, r), "{}: {left} is {l}, {right} is {r}", rule.name);
                compared += 1;
            }
        }
        assert!(compared > SAMPLES, "{} was compared at {compared} points only", rule.name);
    }
}

#[test]
fn rules_fire_on_their_left_side_and_reach_their_right_side() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for rule in RULES {
        let mut fired = false;
        for _ in 0..SAMPLES {
            let (left, right) = sides(rule, &mut rng);
            let wrapped = rule.condition == "up to a constant";
            for expanded in [false, true] {
                let mut graph = Graph::new(Facts);
                assume_defined(&mut graph, &left, Domain::Whole);
                if expanded {
                    add_with_expansions(&mut graph, &left, wrapped).unwrap();
                } else {
                    graph.add_expr(&to_nodes(&left, wrapped).unwrap());
                }
                let runner = saturate(
                    graph,
                    &[*rule],
                    &SimplifyOptions { max_iterations: 2, ..SimplifyOptions::default() },
                );
                fired |= runner.iterations.iter().any(|i| i.applied.values().sum::<usize>() > 0);
                check_classes(&runner.egraph, &left, &mut rng);
            }
            let options = EqualityOptions { up_to_constant: wrapped, ..EqualityOptions::default() };
            assert!(
                prove(&left, &right, &options).unwrap().is_some(),
                "{}: {left} = {right} is not proved",
                rule.name
            );
        }
        assert!(fired, "{} never fired", rule.name);
    }
}

/// All nodes of a class must have one value, wherever the expression has one.
fn check_classes(graph: &Graph, expr: &Expr, rng: &mut ChaCha8Rng) {
    let mut names = expr.names();
    names.extend(["w1", "w2", "w3"].map(String::from));
    for _ in 0..4 {
        let point = random_point(&names, &|_| 1.0, rng);
        if expr.evaluate(&point).unwrap().is_finite() {
            check_at(graph, expr, &point);
        }
    }
}

fn check_at(graph: &Graph, expr: &Expr, point: &Bindings) {
    let mut values: BTreeMap<Id, f64> = BTreeMap::new();
    let evaluate = |node: &Node, values: &BTreeMap<Id, f64>| {
        let children: Option<Vec<f64>> =
            node.children().iter().map(|&id| values.get(&graph.find(id)).copied()).collect();
        let children = children?;
        node.expression(|i| Expr::Constant(children[i])).evaluate(point).ok()
    };
    loop {
        let known = values.len();
        for class in graph.classes().filter(|c| !matches!(c.nodes[0], Node::UpToConstant(_))) {
            if let (false, Some(value)) = (
                values.contains_key(&class.id),
                class.nodes.iter().find_map(|n| evaluate(n, &values)),
            ) {
                values.insert(class.id, value);
            }
        }
        if values.len() == known {
            break;
        }
    }
    let mut compared = 0;
    for class in graph.classes().filter(|c| !matches!(c.nodes[0], Node::UpToConstant(_))) {
        for node in &class.nodes {
            let (value, known) = (evaluate(node, &values).unwrap(), values[&class.id]);
            // Where numbers overflow nothing is said.
            if known.abs() < 1e6 && value.is_finite() {
                let size = node
                    .children()
                    .iter()
                    .map(|&id| values[&graph.find(id)].abs())
                    .fold(1.0, f64::max);
                assert!(
                    (value - known).abs() <= 1e-7 * (size + known.abs()),
                    "{expr}: {node:?} is {value}, its class {known}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 0);
}

/// A random expression of the vectors q1, q2, g.
fn random_expr(rng: &mut ChaCha8Rng, depth: usize) -> Expr {
    let scalars = [
        "dot(q1,q1)",
        "dot(g,q1)",
        "dot(q1,q2)",
        "norm(q1)",
        "norm(q2-q1)",
        "dot(q2,q2)",
        "dot(q1-q2,g)",
    ];
    if depth == 0 || rng.random_bool(0.15) {
        return if rng.random_bool(0.3) {
            Expr::Constant(f64::from(rng.random_range(-6..7)) / 2.0)
        } else {
            parse(scalars.choose(rng).unwrap())
        };
    }
    let children =
        |rng: &mut ChaCha8Rng, n: usize| (0..n).map(|_| random_expr(rng, depth - 1)).collect();
    let n = rng.random_range(2..4);
    match rng.random_range(0..10) {
        0..4 => Expr::Sum(children(rng, n)),
        4..7 => Expr::Product(children(rng, n)),
        7 | 8 => Expr::Pow(
            Box::new(random_expr(rng, depth - 1)),
            *[-1.0, 0.5, 2.0, 2.0, 3.0].choose(rng).unwrap(),
        ),
        _ => {
            let functions =
                [Function::Exp, Function::Log, Function::Sin, Function::Cos, Function::Abs];
            Expr::Apply(*functions.choose(rng).unwrap(), Box::new(random_expr(rng, depth - 1)))
        }
    }
}

#[test]
fn all_that_all_rules_find_has_one_value() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for i in 0..150 {
        let expr = random_expr(&mut rng, 1 + i % 4);
        let mut graph = Graph::new(Facts);
        assume_defined(&mut graph, &expr, Domain::Whole);
        add_with_expansions(&mut graph, &expr, false).unwrap();
        let graph =
            saturate(graph, RULES, &SimplifyOptions { max_iterations: 6, max_nodes: 1000 }).egraph;
        check_classes(&graph, &expr, &mut rng);
    }
}

#[test]
fn false_identities_are_not_proved() {
    let identities = [
        ("(dot(u,v)**2)**0.5", "dot(u,v)"),
        ("log(dot(u,v)*dot(v,w))", "log(dot(u,v)) + log(dot(v,w))"),
        ("norm(u+v)", "norm(u) + norm(v)"),
        ("norm(u-v)**2", "norm(u)**2 - norm(v)**2"),
        ("dot(u,v)**2", "norm(u)**2*norm(v)**2"),
        ("abs(dot(u,v))", "dot(u,v)"),
        ("(dot(u,v)*dot(v,w))**0.5", "dot(u,v)**0.5*dot(v,w)**0.5"),
        ("exp(norm(u))*exp(norm(v))", "exp(norm(u)*norm(v))"),
        ("sin(norm(u)+norm(v))", "sin(norm(u)) + sin(norm(v))"),
        ("log(norm(u)**2)", "log(norm(u))**2"),
        ("sin(-norm(u))", "sin(norm(u))"),
        ("dot(u,v) + 1", "dot(u,v)"),
        ("exp(dot(u,v) + 1)", "exp(dot(u,v))"),
        ("0.3*norm(u)", "0.30000001*norm(u)"),
    ];
    for (left, right) in identities {
        // Without the sampling of points, which would refute them.
        assert_eq!(
            prove(&parse(left), &parse(right), &EqualityOptions::default()),
            Ok(None),
            "{left} = {right}"
        );
    }
    let up_to_constant = EqualityOptions { up_to_constant: true, ..EqualityOptions::default() };
    for (left, right) in [
        ("2*dot(u,v)", "dot(u,v)"),
        ("exp(dot(u,v) + 1)", "exp(dot(u,v))"),
        ("2*(norm(u)+1)**2", "2*norm(u)**2+2"),
    ] {
        assert_eq!(
            prove(&parse(left), &parse(right), &up_to_constant),
            Ok(None),
            "{left} = {right} up to a constant"
        );
    }
}
