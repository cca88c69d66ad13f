//! Expressions: text there and back, values, derivatives, invariance, bad input, and what other
//! languages make of them.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;
use scalar_dynamics::expr::{Bindings, Expr, ExprError, Function, Scalar, Vector, VectorExpr};
use scalar_dynamics::linalg::{Dual, LANES, Lanes, Real, vectorised};
use scalar_dynamics::model::ClosedForm;
use scalar_dynamics::scalars::ScalarFunction;
use std::process::Command;

const NAMES: [&str; 4] = ["g", "p1", "q1", "q2"];

/// The same cases on every run.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        max_global_rejects: 4 * cases,
        ..ProptestConfig::default()
    }
}

fn vectors() -> impl Strategy<Value = Vector> {
    let coefficient = select(vec![0.0, 0.0, 1.0, 1.0, -1.0, -1.0, 2.0, -0.7]);
    vec(coefficient, 4)
        .prop_map(|c| Vector::from_terms(NAMES.into_iter().zip(c)))
        .prop_filter("a zero vector", |v| !v.is_zero())
}

/// Of size 0.5 + x^2, where every power and logarithm has a value.
fn positive(x: Expr) -> Expr {
    Expr::Sum(vec![Expr::Constant(0.5), Expr::Pow(Box::new(x), 2.0)])
}

fn exprs() -> impl Strategy<Value = Expr> {
    let constants = prop_oneof![-2.0..2.0, select(vec![1.0, -1.0, 2.0, 0.5, -3.0, 1e-7])]
        .prop_map(Expr::Constant);
    let scalars = prop_oneof![
        (vectors(), vectors()).prop_map(|(a, b)| Scalar::dot(a, b)),
        vectors().prop_map(Scalar::norm)
    ];
    let leaves = prop_oneof![1 => constants, 2 => scalars.prop_map(Expr::Scalar)];
    leaves.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Expr::Sum),
            vec(inner.clone(), 1..4).prop_map(Expr::Product),
            (inner.clone(), select(vec![1.0, 2.0, 3.0]))
                .prop_map(|(x, n)| Expr::Pow(Box::new(x), n)),
            (inner.clone(), select(vec![-1.0, -2.0, 0.5, -0.5, 1.5, -1.7]))
                .prop_map(|(x, n)| Expr::Pow(Box::new(positive(x)), n)),
            (inner.clone(), select(vec![Function::Sin, Function::Cos, Function::Abs]))
                .prop_map(|(x, f)| Expr::Apply(f, Box::new(x))),
            (inner, select(vec![Function::Exp, Function::Log, Function::Tan])).prop_map(
                |(x, f)| {
                    // Bounded arguments: 1/(0.5 + x^2) is between 0 and 2.
                    Expr::Apply(
                        f,
                        Box::new(Expr::Product(vec![
                            Expr::Constant(0.7),
                            Expr::Pow(Box::new(positive(x)), -1.0),
                        ])),
                    )
                }
            ),
        ]
    })
}

/// Values of the names in 1 to 3 dimensions.
fn states() -> impl Strategy<Value = Bindings> {
    (1..=3usize).prop_flat_map(|d| vec(vec(-1.5..1.5, d), 4)).prop_map(|x| {
        let mut bindings = Bindings::new();
        for (name, x) in NAMES.into_iter().zip(x) {
            bindings.bind(name, x);
        }
        bindings
    })
}

fn map_states<T>(z: &Bindings, mut f: impl FnMut(&str, &[f64]) -> Vec<T>) -> Bindings<T> {
    let mut mapped = Bindings::new();
    for name in NAMES {
        mapped.bind(name, f(name, z.get(name).unwrap()));
    }
    mapped
}

/// Difference relative to 1 and to the size of the numbers; infinite where only one is finite.
fn error(a: f64, b: f64) -> f64 {
    if a == b || (a.is_nan() && b.is_nan()) {
        0.0
    } else {
        let e = (a - b).abs() / (1.0 + b.abs());
        if e.is_nan() { f64::INFINITY } else { e }
    }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn text_parses_back_to_the_same_value(e in exprs(), z in states()) {
        let text = e.to_string();
        let back: Expr = text.parse().unwrap();
        let (a, b) = (e.evaluate(&z).unwrap(), back.evaluate(&z).unwrap());
        prop_assert!(error(b, a) < 1e-14, "{text}: {b} for {a}");
        prop_assert_eq!(back.to_string().parse::<Expr>().unwrap().to_string(), back.to_string());
    }

    #[test]
    fn text_of_forces_parses_back_to_the_same_value(e in exprs(), z in states()) {
        let force = e.force("q1");
        let back: VectorExpr = force.to_string().parse().unwrap();
        let (a, b) = (force.evaluate(&z).unwrap(), back.evaluate(&z).unwrap());
        prop_assert!(a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| error(*b, *a) < 1e-14), "{force}: {b:?} for {a:?}");
    }

    #[test]
    fn canonical_form_has_the_same_value(e in exprs(), z in states()) {
        let simple = e.simplified();
        let (a, b) = (e.evaluate(&z).unwrap(), simple.evaluate(&z).unwrap());
        prop_assume!(a.is_finite() && a.abs() < 1e6);
        prop_assert!(error(b, a) < 1e-14, "{e} = {a}, {simple} = {b}");
        prop_assert_eq!(simple.simplified().to_string(), simple.to_string());
    }

    #[test]
    fn constants_are_taken_out_and_put_back(e in exprs(), z in states()) {
        let constants = e.constants();
        prop_assert_eq!(&e.with_constants(&constants), &e);
        let scalars: Vec<f64> = e.scalars().iter().map(|s| s.evaluate(&z).unwrap()).collect();
        let changed: Vec<f64> = constants.iter().map(|c| c + 0.25).collect();
        prop_assert_eq!(e.with_constants(&changed).constants(), changed.clone());
        prop_assert!(error(e.with_constants(&changed).evaluate(&z).unwrap(), e.evaluate_with(&scalars, &changed)) == 0.0);
    }

    #[test]
    fn gradient_equals_derivative_by_dual_numbers(e in exprs(), z in states()) {
        let value = e.evaluate(&z).unwrap();
        prop_assume!(value.abs() < 1e4);
        for name in NAMES {
            let gradient = e.gradient(name).evaluate(&z).unwrap();
            for i in 0..z.get(name).unwrap().len() {
                let dual = map_states(&z, |n, x| {
                    x.iter().enumerate().map(|(j, x)| Dual::new(*x, if n == name && i == j { 1.0 } else { 0.0 })).collect()
                });
                let slope = e.evaluate(&dual).unwrap().eps;
                let ours = gradient.get(i).copied().unwrap_or(0.0);
                prop_assert!(!slope.is_finite() || error(ours, slope) < 1e-13, "d/d{name}[{i}] of {e}: {ours} for {slope}");
            }
        }
    }

    #[test]
    fn equivariance_values_are_invariant_and_forces_turn_along(e in exprs(), z in states(), axes in vec(vec(0.1..1.0, 3), 2)) {
        // The product of two reflections is a rotation; every other case takes one reflection.
        let reflect = |x: &[f64], axis: &[f64]| {
            let (xn, nn) = x.iter().zip(axis).fold((0.0, 0.0), |(xn, nn), (x, n)| (xn + x * n, nn + n * n));
            x.iter().zip(axis).map(|(x, n)| x - 2.0 * xn / nn * n).collect::<Vec<f64>>()
        };
        let turns = if e.complexity() % 2 == 0 { &axes[..] } else { &axes[..1] };
        let turn = |x: &[f64]| turns.iter().fold(x.to_vec(), |x, axis| reflect(&x, axis));
        let turned = map_states(&z, |_, x| turn(x));
        let (a, b) = (e.evaluate(&z).unwrap(), e.evaluate(&turned).unwrap());
        prop_assume!(a.abs() < 1e4);
        prop_assert!(error(b, a) < 1e-12, "{e}: {b} for {a}");
        let force = e.force("q1");
        let (a, b) = (turn(&force.evaluate(&z).unwrap()), force.evaluate(&turned).unwrap());
        // Where a length or an argument of abs is zero, the force has no value.
        prop_assume!(a.iter().all(|a| a.abs() < 1e4));
        prop_assert!(a.iter().zip(&b).all(|(a, b)| error(*b, *a) < 1e-12), "{force}: {b:?} for {a:?}");
    }

    #[test]
    fn bad_input_never_panics(characters in vec(any::<char>(), 0..40), pieces in vec(select(PIECES.to_vec()), 0..14)) {
        for text in [characters.into_iter().collect::<String>(), pieces.concat()] {
            if let Ok(e) = text.parse::<Expr>() {
                prop_assert!(e.to_string().parse::<Expr>().is_ok(), "{text} is printed as {e}");
            }
            if let Ok(e) = text.parse::<VectorExpr>() {
                prop_assert!(e.to_string().parse::<VectorExpr>().is_ok(), "{text} is printed as {e}");
            }
        }
    }

    #[test]
    fn bad_input_made_from_good_never_panics(e in exprs(), edits in vec((any::<prop::sample::Index>(), select(PIECES.to_vec()), any::<bool>()), 1..4)) {
        let mut text: Vec<char> = e.to_string().chars().collect();
        for (at, piece, replace) in edits {
            let at = at.index(text.len() + 1);
            text.splice(at..text.len().min(at + usize::from(replace)), piece.chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(e) = text.parse::<Expr>() {
            prop_assert!(e.to_string().parse::<Expr>().is_ok(), "{text} is printed as {e}");
        }
    }

    #[test]
    fn gradient_of_closed_form_equals_dual_numbers(e in exprs(), seed in vec(0.2..1.5, 2 * LANES)) {
        let (f, scalars) = ClosedForm::new(&e);
        let theta = e.constants();
        // Lanes that differ from each other and from scalar to scalar.
        let number = |i: usize, lane: usize| seed[lane] + 0.37 * ((i + lane) % 3) as f64;
        let s: Vec<Lanes> = (0..scalars.len()).map(|i| Lanes(std::array::from_fn(|lane| number(i, lane)))).collect();
        let ds: Vec<Lanes> = (0..scalars.len()).map(|i| Lanes(std::array::from_fn(|lane| number(i, lane) - 2.0 * seed[lane + LANES]))).collect();
        let zeros = vec![Lanes::zero(); s.len()];
        let (mut gradient, mut both, mut curvature) = (zeros.clone(), zeros.clone(), zeros);
        let mut theta_bar = vec![Lanes::splat(0.5); theta.len()];
        let mut work = vec![Lanes::splat(f64::NAN); f.work_len()];
        let value = vectorised(|| {
            f.gradient_into(&theta, &s, &mut gradient, &mut work);
            f.tangent_gradient_into(&theta, &s, &ds, &mut both, &mut curvature, &mut theta_bar, &mut work);
            f.value(&theta, &s, &mut work)
        });
        for lane in 0..LANES {
            // Inner derivative along ds, outer along one scalar or one parameter at a time.
            let along = |scalar: Option<usize>, parameter: Option<usize>| {
                let one = |hit: bool| Dual::new(if hit { 1.0 } else { 0.0 }, 0.0);
                let x: Vec<_> = (0..s.len()).map(|i| Dual::new(Dual::new(s[i].0[lane], ds[i].0[lane]), one(scalar == Some(i)))).collect();
                let c: Vec<_> = theta.iter().enumerate().map(|(k, c)| Dual::new(Dual::new(*c, 0.0), one(parameter == Some(k)))).collect();
                e.evaluate_with(&x, &c)
            };
            prop_assert!(error(value.0[lane], along(None, None).re.re) < 1e-13, "{e}");
            let mut checks = Vec::new();
            for i in 0..s.len() {
                let dual = along(Some(i), None).eps;
                checks.extend([(gradient[i].0[lane], dual.re), (both[i].0[lane], dual.re), (curvature[i].0[lane], dual.eps)]);
            }
            checks.extend((0..theta.len()).map(|k| (theta_bar[k].0[lane] - 0.5, along(None, Some(k)).eps.eps)));
            for (ours, dual) in checks {
                prop_assert!(!dual.is_finite() || dual.abs() > 1e6 || error(ours, dual) < 1e-11, "{e}: {ours} for {dual}");
            }
        }
    }
}

const PIECES: [&str; 24] = [
    "q1", "g", "norm(", "dot(", "sqrt(", "exp(", ",", ")", "(", "+", "-", "*", "/", "**", "2",
    "0.5", "1e9", ".", " ", "0", "norm(q1)", "nan", "ß", "1e300",
];

#[test]
fn parse_follows_python_precedence() {
    let z = Bindings::from([("q1", vec![3.0, 4.0]), ("g", vec![0.0, -1.0])]);
    for (text, value) in [
        ("-norm(q1)**2", -25.0),
        ("2**3**2", 512.0),
        ("2**-1", 0.5),
        ("norm(q1)**-2*100", 4.0),
        ("8/2/2*norm(q1)", 10.0),
        ("2 - 3 - 4", -5.0),
        ("--2*-+-3", 6.0),
        ("-2*-norm(q1)", 10.0),
        ("(1 + 2)*(norm(q1) - 1)", 12.0),
        ("dot(2*q1-g/2, -(g+q1)+q1)", 8.5),
        ("1/norm(q1)/2", 0.1),
        (".5 + 5. + 1e-1 + 1E+1", 15.6),
        ("abs(dot(g,q1)) - sqrt(16) + exp(0) + log(1) + sin(0) + cos(0) + tan(0)", 2.0),
        ("norm(q1)**(1/2)/5**.5", 1.0),
        (" ( 2 * - 3 ) ** 2 / norm ( q1 ) ", 7.2),
    ] {
        let ours = text.parse::<Expr>().unwrap().evaluate(&z).unwrap();
        assert!(error(ours, value) < 1e-14, "{text} = {ours}, not {value}");
    }
    for (text, value) in [
        ("-(norm(q1)-1)*q1/norm(q1) + g", [-2.4, -4.2]),
        ("(q1 - 2*g)/2", [1.5, 3.0]),
        ("-q1*2**2*norm(g) - 2*g", [-12.0, -14.0]),
    ] {
        let ours = text.parse::<VectorExpr>().unwrap().evaluate(&z).unwrap();
        assert!(ours.iter().zip(value).all(|(a, b)| error(*a, b) < 1e-14), "{text} = {ours:?}");
    }
}

#[test]
fn regress_text_is_canonical() {
    for (written, canonical) in [
        ("dot(q1,p1) - 2", "dot(p1,q1) - 2"),
        (
            "dot(p1,p1)/2 - dot(-g,q1)*3 + (norm(q1-q2)-1)**2/2",
            "0.5*dot(p1,p1) + 3*dot(g,q1) + 0.5*(norm(q2-q1) - 1)**2",
        ),
        ("-dot(g,q1)+dot(p1,p1)", "dot(p1,p1) - dot(g,q1)"),
        ("norm(q1)/norm(q2)/(2*norm(g))", "0.5*norm(q1)/(norm(g)*norm(q2))"),
        ("norm(2*q1-2*q10)", "2*norm(q10-q1)"),
        ("norm(q10) + norm(q2)", "norm(q2) + norm(q10)"),
        ("1/sqrt(dot(q1,q1) + 0.1)", "1/sqrt(dot(q1,q1) + 0.1)"),
        ("(norm(q1) + 1)*(norm(q1) + 1)", "(norm(q1) + 1)**2"),
        ("norm(q1) - 0.5*2*norm(q1)", "0"),
        ("exp(log(norm(q1))) + 2*3", "exp(log(norm(q1))) + 6"),
        ("1e20*norm(q1) - 0.00001", "1e20*norm(q1) - 1e-5"),
        // A number that is short as a divisor only is one.
        ("dot(p1,p1)/3 - dot(g,q1)/2.8", "dot(p1,p1)/3 - dot(g,q1)/2.8"),
        ("1/(-3*norm(q1)) + 1/3", "0.3333333333333333 - 1/(3*norm(q1))"),
        ("0.333*norm(q1) + norm(q2)/8", "0.333*norm(q1) + 0.125*norm(q2)"),
    ] {
        assert_eq!(written.parse::<Expr>().unwrap().simplified().to_string(), canonical);
    }
    let energy: Expr =
        "dot(p1,p1)/2.8 + 0.9*(norm(q1)-1.1)**2 + 0.6*(norm(q2-q1)-0.9)**2 - 1.4*dot(g,q1)"
            .parse()
            .unwrap();
    assert_eq!(
        energy.force("q1").to_string(),
        "1.2*(norm(q2-q1) - 0.9)*(q2-q1)/norm(q2-q1) - 1.8*(norm(q1) - 1.1)*q1/norm(q1) + 1.4*g"
    );
    assert_eq!(energy.force("q3").to_string(), "0");
    assert_eq!(energy.names(), ["g", "p1", "q1", "q2"]);
    let moved = energy.substitute("q1", &(&Vector::named("q1") - &Vector::named("q0")));
    assert!(
        moved.to_string().contains("norm(q1-q0) - 1.1")
            && moved.to_string().contains("norm(q0-q1+q2)"),
        "{moved}"
    );
    assert_eq!(
        energy.force("q2").to_latex(),
        r"-\frac{1.2 \, \left(\lVert \mathbf{q}_{2} - \mathbf{q}_{1} \rVert - 0.9\right) \, \left(\mathbf{q}_{2} - \mathbf{q}_{1}\right)}{\lVert \mathbf{q}_{2} - \mathbf{q}_{1} \rVert}"
    );
}

#[test]
fn regress_complexity_counts_what_is_read() {
    for (text, count) in [
        ("norm(q2-q1)", 1),
        ("-norm(q1)", 1),
        ("norm(q1) - norm(q2)", 3),
        ("0.5*dot(p1,p1)", 3),
        ("dot(p1,p1)/2", 3),
        ("1/norm(q1)", 2),
        ("norm(q1)**2", 2),
        ("norm(q1)**3", 3),
        ("sqrt(norm(q1))", 2),
        ("0.9*(norm(q1) - 1.1)**2", 6),
        ("2*exp(-norm(q1))/norm(q1)", 6),
        ("norm(q1)/dot(q1,q1)**2", 4),
    ] {
        assert_eq!(text.parse::<Expr>().unwrap().complexity(), count, "{text}");
    }
}

#[test]
fn bad_input_is_named_with_its_column() {
    for (text, column, found) in [
        ("", 1, "the end"),
        ("1 +", 4, "the end"),
        ("q1", 1, "a vector"),
        ("nan", 1, "`nan`"),
        ("2*Inf", 3, "`Inf`"),
        ("1e999", 1, "`1e999`"),
        ("norm(q1", 8, "the end"),
        ("norm(1)", 6, "a number"),
        ("dot(q1)", 7, "`)`"),
        ("dot(q1*norm(q1), q1)", 5, "a vector"),
        ("2 3", 3, "`3`"),
        ("norm(q1)**norm(q1)", 11, "an exponent that is no finite number"),
        ("é + 1", 1, "`é`"),
        ("1 + foo(3)", 5, "`foo(`"),
        ("sqrt(q1)", 6, "a vector in `sqrt`"),
        ("1 + q1", 3, "a vector added to a number"),
        ("norm(q1)/q1", 9, "division by a vector"),
        ("q1*q1", 3, "the product of two vectors"),
        ("norm(q1/0)", 8, "division by zero"),
        ("norm(q1)*3/0", 11, "division by zero"),
        ("norm(q1)/0**2", 9, "division by zero"),
        ("norm(q1) + 0**-1", 12, "division by zero"),
        ("sqrt(0)**-1", 1, "division by zero"),
        ("2/(1*1*0)", 2, "division by zero"),
        ("norm(q1)/((-1)*0)", 9, "division by zero"),
        ("norm(22**388*q1)", 6, "coefficients whose sum or product is infinite"),
        ("norm(1e308*q1*10)", 6, "coefficients whose sum or product is infinite"),
        ("norm(1e308*q1 + 1e308*q1 + q2)", 6, "coefficients whose sum or product is infinite"),
        ("norm(q1))", 9, "`)`"),
        ("lambda", 1, "`lambda`"),
        ("q1**2", 1, "a power of a vector"),
    ] {
        match text.parse::<Expr>() {
            Err(ExprError::Syntax { column: c, found: f, accepted }) => {
                assert!(
                    (c, f.as_str()) == (column, found) && !accepted.is_empty(),
                    "{text}: {c} {f}"
                )
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    for (text, column) in
        [("norm(q1)*3*q1/0", 14), ("1e308*norm(q1)*(10*q1)", 1), ("q1*norm(q2)**0/(1 - 1)", 1)]
    {
        let error = text.parse::<VectorExpr>().unwrap_err();
        assert!(matches!(&error, ExprError::Syntax { column: c, .. } if *c == column), "{error}");
    }
    let deep = |open: &str, close: &str, n: usize| {
        format!("{}norm(q1){}", open.repeat(n), close.repeat(n)).parse::<Expr>()
    };
    assert!(deep("(", ")", 99).is_ok() && deep("-", "", 60_000).is_ok());
    for text in [
        deep("(", ")", 30_000),
        deep("exp(", ")", 9_000),
        deep("2**", "", 9_000),
        deep("dot(q1,q1)+(", ")", 4_000),
    ] {
        assert!(matches!(text, Err(ExprError::TooDeep { limit: 100, .. })), "{text:?}");
    }
    assert!(matches!(deep("1+", "", 100_000), Err(ExprError::TooLong { length: 200_008, .. })));
    assert!(deep("1+", "", 30_000).is_ok());
}

#[test]
fn bad_input_unknown_names_and_dimensions_are_errors() {
    let e: Expr = "dot(q1,g)".parse().unwrap();
    let unbound = e.evaluate(&Bindings::from([("q1", vec![1.0, 2.0])])).unwrap_err();
    assert_eq!(unbound.to_string(), "vector g has no value; there are: q1");
    let z = Bindings::from([("q1", vec![1.0, 2.0]), ("g", vec![1.0])]);
    assert!(matches!(e.evaluate(&z), Err(ExprError::Dimension { .. })));
    assert!(matches!(
        "norm(q1-g)".parse::<Expr>().unwrap().evaluate(&z),
        Err(ExprError::Dimension { found: 2, expected: 1, .. })
    ));
    assert!(matches!(
        "norm(q1)*q1 + g".parse::<VectorExpr>().unwrap().evaluate(&z),
        Err(ExprError::Dimension { .. })
    ));
}

const SHOWN: [&str; 7] = [
    "dot(p1,p1)/(2*1.4) + 0.9*(norm(q1)-1.1)**2 + 0.6*(norm(q2-q1)-0.9)**2 - 1.4*dot(g,q1)",
    "-1/norm(q2-q1) + exp(-norm(q1))/sqrt(1 + dot(q1,q1))",
    "sin(dot(p1,q1))**2*cos(norm(q1))/tan(norm(q2)) - abs(dot(g,2*q1-0.3*q2))",
    "log(dot(q1,q1) + 1)*1e-5 - 1e20*norm(q1)**-1.7/1e20",
    "(-2)**2*-3*norm(q1)/norm(q2)/2 - -norm(g)",
    "norm(q1)**2**2*(dot(p1,q1)**2)**0.5",
    "3",
];

fn shown_state() -> Bindings {
    Bindings::from([
        ("g", vec![0.1, 0.2, -1.0]),
        ("p1", vec![0.3, -0.4, 0.5]),
        ("q1", vec![1.1, 0.7, -0.2]),
        ("q2", vec![-0.5, 1.3, 0.8]),
    ])
}

fn command(program: &str) -> Option<Command> {
    let there = Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("no {program} here: nothing is checked");
    }
    there.then(|| Command::new(program))
}

fn numbers(output: std::process::Output) -> Vec<f64> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .map(|x| x.parse().unwrap())
        .collect()
}

/// numpy where there is one, else a vector that behaves like its arrays; `dot` as a method stands
/// for sympy's matrices.
const PYTHON: &str = r#"
from math import sqrt, exp, log, sin, cos, tan
class V(list):
    def __add__(a, b): return V(x + y for x, y in zip(a, b))
    def __sub__(a, b): return V(x - y for x, y in zip(a, b))
    def __neg__(a): return V(-x for x in a)
    def __mul__(a, c): return V(x * c for x in a)
    __rmul__ = __mul__
    def __truediv__(a, c): return V(x / c for x in a)
    def dot(a, b): return sum(x * y for x, y in zip(a, b))
try:
    import numpy; vector = numpy.array
except ImportError:
    vector = V
Abs = abs
def dot(a, b): return a.dot(b)
def norm(a): return sqrt(dot(a, a))
g, p1, q1, q2 = vector([0.1, 0.2, -1.0]), vector([0.3, -0.4, 0.5]), vector([1.1, 0.7, -0.2]), vector([-0.5, 1.3, 0.8])
"#;

#[test]
fn text_means_the_same_in_python() {
    let Some(mut python) = command("python3") else { return };
    let (z, mut script, mut expected) = (shown_state(), PYTHON.to_owned(), Vec::new());
    for text in SHOWN {
        let e: Expr = text.parse().unwrap();
        for text in [text.to_owned(), e.to_string(), e.simplified().to_string(), e.to_sympy()] {
            script += &format!("print(repr(float({text})))\n");
            expected.push(e.evaluate(&z).unwrap());
        }
        let force = e.force("q1");
        if !force.0.is_empty() {
            script += &format!("for x in {force}: print(repr(float(x)))\n");
            expected.extend(force.evaluate(&z).unwrap());
        }
    }
    let ours = numbers(python.args(["-c", &script]).output().unwrap());
    assert_eq!(ours.len(), expected.len());
    for (i, (python, ours)) in ours.iter().zip(&expected).enumerate() {
        assert!(error(*python, *ours) < 1e-14, "number {i}: Python has {python}, we {ours}");
    }
}

#[test]
fn rust_text_compiles_and_has_the_same_value() {
    let Some(mut rustc) = command("rustc") else { return };
    let (z, folder) = (shown_state(), tempfile::tempdir().unwrap());
    let exprs: Vec<Expr> = SHOWN.iter().map(|text| text.parse().unwrap()).collect();
    let (mut source, mut main) = (String::new(), String::new());
    for (i, e) in exprs.iter().enumerate() {
        source += &e.to_rust(&format!("h{i}"));
        let arguments: Vec<String> =
            e.names().iter().map(|name| format!("&{:?}", z.get(name).unwrap())).collect();
        main += &format!("println!(\"{{:?}}\", h{i}({}));", arguments.join(", "));
    }
    // A word of Rust that is none of Python.
    source += &"norm(type) - dot(type,fn)".parse::<Expr>().unwrap().to_rust("words");
    main += "println!(\"{:?}\", words(&[3.0], &[4.0]));";
    let (file, program) = (folder.path().join("h.rs"), folder.path().join("h"));
    std::fs::write(&file, format!("{source}fn main() {{ {main} }}")).unwrap();
    let built = rustc
        .args(["--edition", "2024", "-D", "warnings", "-o"])
        .arg(&program)
        .arg(&file)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let values = numbers(Command::new(program).output().unwrap());
    assert_eq!(values.len(), exprs.len() + 1);
    for (e, value) in exprs.iter().zip(&values) {
        assert!(error(*value, e.evaluate(&z).unwrap()) < 1e-14, "{e}: Rust has {value}");
    }
    assert_eq!(values[exprs.len()], 4.0 - 12.0);
}
