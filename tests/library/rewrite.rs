//! Simplification, equality and physical reading of expressions.

use ndarray::Array2;
use proptest::prelude::*;
use scalar_dynamics::expr::snap;
use scalar_dynamics::expr::{Bindings, Expr, VectorExpr};
use scalar_dynamics::recover::*;
use scalar_dynamics::rewrite::*;
use std::time::{Duration, Instant};

/// The springy double pendulum as learned: a sparse sum over scalars.
const LEARNED: &str = "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*norm(q1)**2 - 1.0*norm(q1) + norm(q2-q1)**2 - 2*norm(q2-q1) \
                       - dot(g,q1) - dot(g,q2)";

/// The same as people write it.
const TEXTBOOK: &str = "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*(norm(q1)-1)**2 + (norm(q2-q1)-1)**2 - dot(g,q1) - dot(g,q2)";

fn parse(text: &str) -> Expr {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn simple(text: &str) -> String {
    simplify(&parse(text), &SimplifyOptions::default()).unwrap().expression.to_string()
}

fn simple_energy(text: &str) -> String {
    simplify_up_to_constant(&parse(text), &SimplifyOptions::default())
        .unwrap()
        .expression
        .to_string()
}

/// A chain of particles between springs, in a field; of every number of particles 4n terms.
fn chain(particles: usize) -> String {
    let mut terms = vec!["0.5*norm(q1)**2 - 1.1*norm(q1) + 0.5*dot(p1,p1) - dot(g,q1)".to_string()];
    for i in 2..=particles {
        let (m, j, stretch) = (0.25 * i as f64, i - 1, 0.3 * i as f64);
        terms.push(format!("{m}*dot(p{i},p{i}) + {i}*norm(q{i}-q{j})**2 - {stretch}*norm(q{i}-q{j}) - {m}*dot(g,q{i})"));
    }
    terms.join(" + ")
}

#[test]
fn simplify_completes_squares_of_the_pendulum() {
    let expected = "0.5*(dot(p1,p1) + dot(p2,p2)) + 0.5*(norm(q1) - 1)**2 + (norm(q2-q1) - 1)**2 - dot(g,q1+q2)";
    assert_eq!(simple_energy(LEARNED), expected);
    assert_eq!(simple_energy(TEXTBOOK), expected);
    // All inner products, nothing about relative distances but one length.
    let products = "0.5*dot(p1,p1) + 0.5*dot(p2,p2) + 1.5*dot(q1,q1) - norm(q1) + dot(q2,q2) - 2*dot(q1,q2) - 2*norm(q2-q1) \
                    - dot(g,q1) - dot(g,q2)";
    assert_eq!(simple_energy(products), expected);
}

#[test]
fn simplify_keeps_constants_that_differ() {
    let fitted = "0.412*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*norm(q1)**2 - 1.02*norm(q1) - 1.1*dot(g,q1) - 0.93*dot(g,q2) + 7";
    assert_eq!(
        simple_energy(fitted),
        "0.412*dot(p1,p1) + 0.5*dot(p2,p2) + 0.5*(norm(q1) - 1.02)**2 - 1.1*dot(g,q1) - 0.93*dot(g,q2)"
    );
}

#[test]
fn simplify_finds_the_shortest_form() {
    let cases = [
        ("dot(q1,q1) - 2*dot(q1,q2) + dot(q2,q2)", "norm(q2-q1)**2"),
        ("dot(q1,q1) + 2*dot(q1,q2) + dot(q2,q2)", "norm(q1+q2)**2"),
        ("2*dot(q1-q2,q1-q2)", "2*norm(q2-q1)**2"),
        ("dot(q1,q1) + 4*dot(q1,q2) + 4*dot(q2,q2)", "norm(q1+2*q2)**2"),
        ("norm(q1)**2 - 2*norm(q1) + 1", "(norm(q1) - 1)**2"),
        ("norm(2*q1-2*q2)", "2*norm(q2-q1)"),
        ("norm(-q1)", "norm(q1)"),
        ("dot(g,q1) + dot(g,q2)", "dot(g,q1+q2)"),
        ("0.1*norm(q1) + 0.2*norm(q1)", "0.3*norm(q1)"),
        // A sum of terms is read more easily than brackets, unless these save more.
        ("norm(q1)*norm(q2) + norm(q1)*norm(q3)", "norm(q1)*norm(q2) + norm(q1)*norm(q3)"),
        ("norm(q1)**2/norm(q1)", "norm(q1)"),
        ("sqrt(dot(q1,q1))", "norm(q1)"),
        ("sqrt(dot(g,q1)**2)", "abs(dot(g,q1))"),
        ("exp(log(norm(q1)))", "norm(q1)"),
        ("log(exp(dot(g,q1)))", "dot(g,q1)"),
        ("sin(norm(q1))**2 + cos(norm(q1))**2", "1"),
        ("3*sin(dot(g,q1))/cos(dot(g,q1))", "3*tan(dot(g,q1))"),
        ("exp(norm(q1))*exp(-norm(q1))", "1"),
        ("norm(q1) - norm(q1)", "0"),
    ];
    for (given, expected) in cases {
        assert_eq!(simple(given), expected, "{given}");
    }
}

#[test]
fn simplify_keeps_a_constant_unless_asked() {
    assert_eq!(simple("norm(q1) + 3"), "norm(q1) + 3");
    assert_eq!(simple_energy("norm(q1) + 3"), "norm(q1)");
    assert_eq!(simple_energy("7"), "0");
}

#[test]
fn simplify_orders_kinetic_terms_springs_and_fields() {
    let text = simple_energy("3 - 0.7*dot(g,q1) + 2*norm(q2-q1)**3 + norm(q1)**3 + 0.3*dot(p1,p1)");
    assert_eq!(text, "0.3*dot(p1,p1) + norm(q1)**3 + 2*norm(q2-q1)**3 - 0.7*dot(g,q1)");
}

#[test]
fn vectors_of_the_pendulum_read_as_spring_forces() {
    let force = |name: &str| {
        simplify_vector(&parse(TEXTBOOK).force(name), &SimplifyOptions::default())
            .unwrap()
            .to_string()
    };
    assert_eq!(
        force("q1"),
        "2*(norm(q2-q1) - 1)*(q2-q1)/norm(q2-q1) - (norm(q1) - 1)*q1/norm(q1) + g"
    );
    assert_eq!(force("q2"), "g - 2*(norm(q2-q1) - 1)*(q2-q1)/norm(q2-q1)");
    assert_eq!(force("p1"), "-p1");
}

#[test]
fn vectors_collect_and_cancel() {
    let text = |given: &str| {
        let vector: VectorExpr = given.parse().unwrap();
        simplify_vector(&vector, &SimplifyOptions::default()).unwrap().to_string()
    };
    assert_eq!(text("2*(q2-q1) + 2*q1"), "2*q2");
    assert_eq!(text("norm(q1)*(q1-q2) + norm(q1)*(q2-q1) + g"), "g");
}

#[test]
fn determinism_over_threads_and_repetitions() {
    let texts = [
        LEARNED.to_string(),
        chain(4),
        "sin(norm(q1))**2*exp(dot(g,q1))*exp(norm(q1)) - log(norm(q1)*norm(q2))".to_string(),
    ];
    let run = || -> Vec<String> {
        let one = |t: &String| {
            let s = simplify_up_to_constant(&parse(t), &SimplifyOptions::default()).unwrap();
            format!("{} {} {} {} {}", s.expression, s.cost, s.iterations, s.nodes, s.classes)
        };
        texts.iter().map(one).collect()
    };
    let expected = run();
    for threads in [1, 2, 4] {
        std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
            for handle in handles {
                assert_eq!(handle.join().unwrap(), expected);
            }
        });
    }
}

#[test]
fn regress_nodes_and_time_of_twenty_terms() {
    let chain = parse(&chain(5));
    let start = Instant::now();
    let s = simplify_up_to_constant(&chain, &SimplifyOptions::default()).unwrap();
    let elapsed = start.elapsed();
    println!(
        "{} nodes, {} classes, {} iterations, {elapsed:?}: {}",
        s.nodes, s.classes, s.iterations, s.expression
    );
    assert_eq!(s.stopped, Stopped::Saturated);
    assert_eq!(s.expression.to_string().matches(")**2").count(), 5);
    assert!(s.nodes < 1000, "{} nodes", s.nodes);
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}

#[test]
fn bounds_on_iterations_and_nodes_hold() {
    let few = SimplifyOptions { max_iterations: 1, ..SimplifyOptions::default() };
    let s = simplify(&parse(LEARNED), &few).unwrap();
    assert_eq!((s.stopped, s.iterations), (Stopped::Iterations, 1));
    let small = SimplifyOptions { max_nodes: 60, ..SimplifyOptions::default() };
    let s = simplify(&parse(LEARNED), &small).unwrap();
    assert_eq!(s.stopped, Stopped::Nodes);
    assert!(s.nodes < 160, "{} nodes", s.nodes);
}

#[test]
fn proof_explains_the_textbook_form() {
    let Proof::Equal { explanation } = prove_equal(&parse(LEARNED), &parse(TEXTBOOK), true) else {
        panic!("not proved")
    };
    println!("{}", explanation.join("\n"));
    assert_eq!(explanation.first().unwrap(), &parse(LEARNED).to_string());
    assert!(explanation.last().unwrap().starts_with(&format!("= {}", parse(TEXTBOOK))));
    assert!(explanation.iter().any(|line| line.contains("[drop-constants]")));
    // Every step is an expression of the same energy.
    for line in &explanation {
        let step = parse(line.trim_start_matches("= ").split("   [").next().unwrap());
        assert!(matches!(prove_equal(&step, &parse(LEARNED), true), Proof::Equal { .. }), "{line}");
    }
}

#[test]
fn proof_refutes_by_a_point() {
    for (a, b, up_to_constant) in [
        (LEARNED, TEXTBOOK, false),
        ("norm(q1+q2)", "norm(q1) + norm(q2)", true),
        ("sqrt(dot(g,q1)**2)", "dot(g,q1)", false),
        ("dot(q1,q2)**2", "norm(q1)**2*norm(q2)**2", false),
    ] {
        let Proof::Different { point, left, right } =
            prove_equal(&parse(a), &parse(b), up_to_constant)
        else {
            panic!("{a} = {b}")
        };
        assert!((left - right).abs() > 1e-9);
        if !up_to_constant {
            assert_eq!(left, parse(a).evaluate(&point).unwrap());
            assert_eq!(right, parse(b).evaluate(&point).unwrap());
        }
    }
    // Equal where both are defined, but on different domains.
    assert_eq!(
        prove_equal(
            &parse("log(dot(g,q1)*dot(g,q2))"),
            &parse("log(dot(g,q1)) + log(dot(g,q2))"),
            false
        ),
        Proof::Unknown
    );
}

#[test]
fn proof_takes_fitted_constants_for_simple_numbers() {
    let fitted =
        parse("0.49999999983*dot(p1,p1) + 0.50000000002*norm(q1)**2 - 0.9999999999*norm(q1)");
    let exact = parse("0.5*dot(p1,p1) + 0.5*(norm(q1)-1)**2");
    // The difference is that of rounding, which doesn't refute.
    assert_eq!(prove_equal(&fitted, &exact, true), Proof::Unknown);
    let options = |relative_tolerance| EqualityOptions {
        up_to_constant: true,
        relative_tolerance,
        ..EqualityOptions::default()
    };
    assert!(matches!(prove_equal_with(&fitted, &exact, &options(1e-6)), Proof::Equal { .. }));
    assert!(!matches!(prove_equal_with(&fitted, &exact, &options(1e-12)), Proof::Equal { .. }));
}

#[test]
fn constants_of_the_pendulum_are_read_from_any_form() {
    let names = ["m1", "m2", "k1", "l1", "k2", "l2", "g1", "g2"];
    let simplified = simple_energy(LEARNED);
    for text in [LEARNED, TEXTBOOK, &simplified] {
        let reading = read_constants(&parse(text), None).unwrap();
        assert_eq!(reading.unread, vec![], "{text}");
        let found: Vec<(&str, f64)> =
            reading.constants.iter().map(|c| (c.name.as_str(), c.snapped.unwrap())).collect();
        let expected: Vec<(&str, f64)> =
            names.into_iter().zip([1.0, 1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0]).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn constants_have_gradients_and_errors() {
    let expr = parse(
        "0.26*dot(p3,p3) + 1.3*(norm(q2-q1)-0.9)**2 - 2.1*dot(e,q3) + 0.4*norm(q1)**2 + exp(0.3*norm(q1)) + 0.8*norm(q2)**1.7 + 0.6*norm(q1)*norm(q3)",
    );
    let constants = expr.constants();
    let n = constants.len();
    let covariance =
        Array2::from_shape_fn((n, n), |(i, j)| if i == j { 1e-4 * (1 + i) as f64 } else { 1e-5 });
    let reading = read_constants(&expr, Some(&covariance)).unwrap();
    assert_eq!(
        reading.constants.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["m3", "k1", "k2", "l2", "e3", "c1", "c2", "c3", "n1", "a1"]
    );
    assert_eq!(reading.unread.len(), 1);
    let meaning =
        |name: &str| &reading.constants.iter().find(|c| c.name == name).unwrap().meaning[..];
    assert_eq!(meaning("c3"), "coefficient of norm(q1)*norm(q3)");
    assert_eq!(
        (meaning("n1"), meaning("a1")),
        ("exponent of norm(q2)", "number in exp(0.3*norm(q1))")
    );
    // Every constant is in some reading.
    assert!((0..n).all(|i| reading.constants.iter().any(|c| c.gradient[i] != 0.0)));
    for (i, constant) in reading.constants.iter().enumerate() {
        let mut variance = 0.0;
        for j in 0..n {
            let h = 1e-6;
            let at = |step: f64| {
                let mut moved = constants.clone();
                moved[j] += step;
                read_constants(&expr.with_constants(&moved), None).unwrap().constants[i].value
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            assert!(
                (slope - constant.gradient[j]).abs() < 1e-7 * (1.0 + slope.abs()),
                "{} by constant {j}: {slope}",
                constant.name
            );
        }
        for a in 0..n {
            for b in 0..n {
                variance += constant.gradient[a] * covariance[[a, b]] * constant.gradient[b];
            }
        }
        // What was not fitted, a coefficient of one, has none.
        let Some(error) = constant.standard_error else {
            assert_eq!((variance, constant.value.abs()), (0.0, 1.0));
            continue;
        };
        assert!((error - variance.sqrt()).abs() <= 1e-12 * error, "{}", constant.name);
    }
}

#[test]
fn what_is_no_mass_is_not_called_one() {
    let of = |text: &str| read_constants(&parse(text), None).unwrap();
    let names = |text: &str| {
        let names = of(text).constants.into_iter().map(|c| c.name);
        names.filter(|name| !name.starts_with('c')).collect::<Vec<_>>()
    };
    assert_eq!(
        names("0.5*norm(p1)**2 + 0.24*norm(p2)**2 - 0.8*dot(p2,p3) + 0.4*norm(p3)**2"),
        ["m1"]
    );
    assert_eq!(names("0.5*norm(p1)**2 - 0.2*norm(p2)**2"), ["m1"]);
    assert_eq!(of("0.5*norm(p1)**2 - 0.2*norm(p2)**2").unread.len(), 1);
    // The strength of a field along a vector m is no mass.
    assert_eq!(names("0.5*norm(p1)**2 - 2*dot(m,q1)"), ["m1", "a_m1"]);
}

#[test]
fn no_standard_error_is_zero() {
    let expr = parse("0.65*norm(q1)**2 - 1.2*norm(q1)");
    let length = |covariance: &Array2<f64>| {
        read_constants(&expr, Some(covariance)).unwrap().constants.remove(1)
    };
    assert_eq!(length(&Array2::zeros((2, 2))).standard_error, None);
    // Errors of both constants that cancel in the length l1 = 1.2 / 1.3 leave roundoff.
    let gradient = length(&Array2::zeros((2, 2))).gradient;
    let along = Array2::from_shape_vec((2, 1), vec![gradient[1], -gradient[0]]).unwrap();
    let left = length(&along.dot(&along.t()));
    assert_eq!(left.name, "l1");
    assert!(left.standard_error.is_some_and(|e| e > 0.0 && e < 1e-7), "{left:?}");
}

#[test]
fn bad_input_is_a_typed_error() {
    let nan = Expr::Sum(vec![Expr::Constant(f64::NAN), parse("norm(q1)")]);
    let error = simplify(&nan, &SimplifyOptions::default()).unwrap_err();
    assert!(matches!(error, RewriteError::NotFinite { value } if value.is_nan()));
    assert_eq!(prove_equal(&nan, &parse("norm(q1)"), false), Proof::Unknown);
    let error = read_constants(&parse("2*norm(q1)"), Some(&Array2::zeros((3, 2)))).unwrap_err();
    assert!(matches!(error, RecoverError::Covariance { rows: 3, columns: 2, constants: 1 }));
}

#[test]
fn snapping_needs_a_narrow_window() {
    assert_eq!(snap(0.499_999_999_83, 1e-9), Some(0.5));
    assert_eq!(snap(2.000_01, 3e-5), Some(2.0));
    assert_eq!(snap(0.333_333_4, 1e-6), Some(1.0 / 3.0));
    assert_eq!(snap(0.51, 1e-3), None);
    // Some fraction is always that near.
    assert_eq!(snap(0.47, 0.2), None);
    assert_eq!(snap(2.0, 0.0), Some(2.0));
}

/// Random expressions over three vectors; functions that are not defined everywhere only where they
/// are.
fn expressions() -> impl Strategy<Value = Expr> {
    let scalars = [
        "dot(q1,q1)",
        "dot(g,q1)",
        "dot(q1,q2)",
        "norm(q1)",
        "norm(q2-q1)",
        "norm(q2)",
        "dot(q1-q2,g)",
        "dot(q2,q2)",
    ];
    let leaf = prop_oneof![
        3 => proptest::sample::select(scalars.to_vec()).prop_map(parse),
        1 => (-8i32..9).prop_map(|n| Expr::Constant(f64::from(n) / 4.0)),
        1 => (-3.0..3.0f64).prop_map(Expr::Constant),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => proptest::collection::vec(inner.clone(), 2..5).prop_map(Expr::Sum),
            3 => proptest::collection::vec(inner.clone(), 2..4).prop_map(Expr::Product),
            2 => inner.clone().prop_map(|e| Expr::Pow(Box::new(e), 2.0)),
            1 => inner.clone().prop_map(|e| Expr::Pow(Box::new(e), -1.0)),
            1 => inner.clone().prop_map(|e| Expr::Pow(Box::new(e), 0.5)),
            1 => (proptest::sample::select(vec!["sin", "cos", "abs", "log"]), inner)
                .prop_map(|(f, e)| parse(&format!("{f}({e})"))),
        ]
    })
}

fn points() -> impl Strategy<Value = Bindings> {
    let component = proptest::collection::vec(-1.5..1.5f64, 9);
    component.prop_map(|x| {
        Bindings::from([
            ("q1", x[0..3].to_vec()),
            ("q2", x[3..6].to_vec()),
            ("g", x[6..9].to_vec()),
        ])
    })
}

/// The magnitude to which rounding is relative.
fn size(expr: &Expr, point: &Bindings) -> f64 {
    match expr {
        Expr::Sum(terms) => terms.iter().map(|t| size(t, point)).sum(),
        Expr::Product(factors) => factors.iter().map(|f| size(f, point)).product(),
        Expr::Pow(base, n) if *n > 0.0 => size(base, point).powf(*n),
        // Near a pole or a branch point, rounding below is amplified.
        Expr::Pow(base, _) => size(base, point) / base.evaluate(point).unwrap().powi(2),
        Expr::Apply(_, x) => 1.0 + size(x, point) / x.evaluate(point).unwrap().abs().min(1.0),
        _ => 1.0 + expr.evaluate(point).unwrap().abs(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn simplify_preserves_the_value(expr in expressions(), point in points(), origin in points()) {
        let value = expr.evaluate(&point).unwrap();
        // Where a part is infinite nothing can be said of rounding.
        prop_assume!(value.is_finite() && size(&expr, &point).is_finite());
        let bounds = SimplifyOptions { max_nodes: 1500, ..SimplifyOptions::default() };
        let simple = simplify(&expr, &bounds).unwrap().expression;
        let other = simple.evaluate(&point).unwrap();
        prop_assert!((value - other).abs() <= 1e-9 * size(&expr, &point), "{expr} is {value}, {simple} is {other}");
        let energy = simplify_up_to_constant(&expr, &bounds).unwrap().expression;
        let (a, b) = (expr.evaluate(&origin).unwrap(), energy.evaluate(&origin).unwrap());
        prop_assume!(a.is_finite() && size(&expr, &origin).is_finite());
        let (change, other) = (value - a, energy.evaluate(&point).unwrap() - b);
        let size = size(&expr, &point) + size(&expr, &origin);
        prop_assert!((change - other).abs() <= 1e-9 * size, "{expr} changes by {change}, {energy} by {other}");
    }

    #[test]
    fn simplify_is_idempotent_in_cost(expr in expressions()) {
        let bounds = SimplifyOptions { max_nodes: 1500, ..SimplifyOptions::default() };
        let once = simplify(&expr, &bounds).unwrap();
        let twice = simplify(&once.expression, &bounds).unwrap();
        prop_assert!(twice.cost <= once.cost, "{} costs {}, then {} costs {}", once.expression, once.cost, twice.expression, twice.cost);
    }
}
