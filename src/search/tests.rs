//! Rules on numbers, derivatives of tapes, normal forms.

use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::expr::Function::{Abs, Cos, Exp, Log, Sin};
use crate::expr::Number;
use crate::search::enumerate::Grammar;
use crate::search::fit::Fitter;
use crate::search::form::{Form, combination, scaled};
use crate::search::normal::Normaliser;
use crate::search::options::Operators;
use crate::search::rules::RULES;
use crate::search::space::Space;
use crate::search::starts::Starts;
use crate::search::tape::Tape;
use crate::search::target::Target;

const C: Form = Form::Constant;

fn x() -> Form {
    Form::Variable(0)
}

fn y() -> Form {
    Form::Variable(1)
}

fn sum<const N: usize>(terms: [Form; N]) -> Form {
    Form::Sum(terms.into())
}

fn product<const N: usize>(factors: [Form; N]) -> Form {
    Form::Product(factors.into())
}

/// c times a form.
fn c(form: Form) -> Form {
    scaled(&form)
}

fn pow(base: Form, n: f64) -> Form {
    Form::Power(Box::new(base), Number::new(n).unwrap())
}

fn free(base: Form) -> Form {
    Form::FreePower(Box::new(base))
}

fn of(f: crate::expr::Function, x: Form) -> Form {
    Form::apply(f, x)
}

/// For every rule, an instance of both sides.
fn instances() -> Vec<(&'static str, Form, Form)> {
    vec![
        ("nested-sum", sum([c(y()), sum([c(x()), C])]), sum([c(x()), c(y()), C])),
        ("absorb-scale", product([C, sum([c(x()), c(y())])]), sum([c(x()), c(y())])),
        ("absorb-shift", sum([C, of(Log, of(Exp, sum([x(), C])))]), sum([x(), C])),
        ("like-terms", sum([c(x()), c(x())]), c(x())),
        ("scale-of-power", c(pow(sum([c(x()), c(y())]), 3.0)), c(pow(sum([x(), c(y())]), 3.0))),
        ("collect-powers", product([C, pow(x(), 2.0), x()]), c(pow(x(), 3.0))),
        ("power-of-power", c(pow(pow(sum([x(), C]), 2.0), 3.0)), c(pow(sum([x(), C]), 6.0))),
        ("free-power-of-power", c(free(pow(x(), 2.0))), c(free(x()))),
        ("power-of-free-power", c(pow(free(x()), 2.0)), c(free(x()))),
        ("exponential-of-shift", c(of(Exp, sum([c(x()), C]))), c(of(Exp, c(x())))),
        (
            "product-of-exponentials",
            product([C, of(Exp, c(x())), of(Exp, c(y()))]),
            c(of(Exp, sum([c(x()), c(y())]))),
        ),
        ("power-of-exponential", c(pow(of(Exp, c(x())), 2.0)), c(of(Exp, c(x())))),
        ("exponential-of-logarithm", c(of(Exp, c(of(Log, x())))), c(free(x()))),
        ("logarithm-of-exponential", c(of(Log, of(Exp, x()))), c(x())),
        ("logarithm-of-power", c(of(Log, pow(sum([x(), C]), 3.0))), c(of(Log, sum([x(), C])))),
        ("logarithm-of-multiple", sum([c(of(Log, c(x()))), C]), sum([c(of(Log, x())), C])),
        ("phase", c(of(Sin, sum([c(x()), C]))), c(of(Cos, sum([c(x()), C])))),
        (
            "square-of-wave",
            sum([c(pow(of(Cos, sum([c(x()), C])), 2.0)), C]),
            // The argument scales only without a phase of its own.
            sum([c(of(Cos, sum([c(x()), C]))), C]),
        ),
        ("even-power-of-magnitude", c(pow(of(Abs, y()), 2.0)), c(pow(y(), 2.0))),
        ("expand-product", product([C, x(), sum([x(), C])]), sum([c(pow(x(), 2.0)), c(x())])),
        (
            "complete-square",
            sum([c(pow(sum([x(), C]), 2.0)), C]),
            sum([c(pow(x(), 2.0)), c(x()), C]),
        ),
    ]
}

fn class_of(space: &mut Space, form: &Form) -> egg::Id {
    let id = space.add(form);
    space.saturate();
    space.graph().find(id)
}

fn equal(a: &Form, b: &Form) -> bool {
    let mut space = Space::default();
    let (a, b) = (class_of(&mut space, a), class_of(&mut space, b));
    space.saturate();
    space.graph().find(a) == space.graph().find(b)
}

/// Samples of a member of a family over positive x and y of both signs; `None` where it has no
/// value.
fn samples(form: &Form, rng: &mut ChaCha8Rng) -> Option<Target> {
    let x = Array2::from_shape_fn((60, 2), |(_, j)| {
        rng.random_range(if j == 0 { 0.6..1.6 } else { -0.5..0.9 })
    });
    let theta: Vec<f64> = (0..form.constants()).map(|_| rng.random_range(0.4..1.3)).collect();
    let values: Array1<f64> =
        x.rows().into_iter().map(|x| form.evaluate(&theta, &x.to_vec())).collect();
    Target::new(["x", "y"], x.view()).ok()?.with_values(values.view()).ok()
}

/// Smallest error of a family on the samples, relative to their scale.
fn error_of(form: &Form, target: &Target) -> f64 {
    let problem = target.problem(&target.indices(false));
    let fits = (0..20).filter_map(|seed| {
        let mut fitter = Fitter::new(form, &problem)?;
        let fit = fitter.fit(&Starts::new(seed, Vec::new()), f64::INFINITY)?;
        fitter.refit(&fit.theta)
    });
    let squares = fits.map(|fit| fit.squares).fold(f64::INFINITY, f64::min);
    (squares / problem.rows as f64).sqrt()
}

#[test]
fn every_rule_has_an_instance_and_merges_its_sides() {
    let instances = instances();
    for rule in RULES {
        let (_, left, right) = instances
            .iter()
            .find(|(name, ..)| *name == rule.name)
            .unwrap_or_else(|| panic!("{}", rule.name));
        assert!(equal(left, right), "{}: {left:?} and {right:?}", rule.name);
    }
    assert_eq!(instances.len(), RULES.len());
}

#[test]
fn rules_hold_on_numbers() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (name, left, right) in instances() {
        for (from, to) in [(&left, &right), (&right, &left)] {
            for _ in 0..3 {
                let Some(target) = samples(from, &mut rng) else { continue };
                let error = error_of(to, &target);
                assert!(error < 1e-6, "{name}: {to:?} misses a member of {from:?} by {error:e}");
            }
        }
    }
}

#[test]
fn false_identities_are_not_proved() {
    let wave = |f| c(of(f, c(x())));
    for (a, b) in [
        (c(x()), sum([c(x()), C])),
        (wave(Sin), wave(Cos)),
        (c(of(Exp, c(x()))), sum([c(of(Exp, c(x()))), C])),
        (c(pow(pow(x(), 2.0), 0.5)), c(x())),
        (c(of(Abs, x())), c(x())),
        (product([C, x(), y()]), sum([c(x()), c(y())])),
        (c(of(Log, x())), c(of(Log, sum([x(), C])))),
        (c(pow(sum([x(), C]), 2.0)), sum([c(pow(x(), 2.0)), c(x()), C])),
        (c(free(x())), c(pow(x(), 2.0))),
        (sum([c(of(Exp, c(x()))), c(of(Exp, c(x())))]), c(of(Exp, c(x())))),
        (product([of(Exp, x()), of(Exp, x())]), of(Exp, x())),
        (c(pow(sum([x(), C]), -1.0)), sum([c(pow(x(), -1.0)), C])),
        (sum([c(pow(of(Cos, c(x())), 2.0)), C]), sum([c(of(Sin, c(x()))), C])),
    ] {
        assert!(!equal(&a, &b), "{a:?} and {b:?}");
    }
}

#[test]
fn gradient_of_tapes_agrees_with_differences() {
    let normaliser = Normaliser { positive: vec![true, false] };
    let operators = Operators::default();
    let mut grammar = Grammar::new(&operators, &normaliser, 2, 400);
    let forms: Vec<Form> = (1..=7).flat_map(|size| grammar.terms(size).to_vec()).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut compared = 0;
    for form in forms.iter().step_by(7).map(|t| combination(std::slice::from_ref(t), true)) {
        compared += usize::from(tape_agrees(&form, &mut rng));
    }
    assert!(compared > 100, "only {compared} forms had values");
}

/// Compares slopes, derivatives with respect to constants and mixed ones at 8 samples; false where
/// the form has no value.
fn tape_agrees(form: &Form, rng: &mut ChaCha8Rng) -> bool {
    let points = Array2::from_shape_fn((8, 2), |(_, j)| {
        rng.random_range(if j == 0 { 0.8..1.4 } else { -0.9..-0.5 })
    });
    let zero = Array1::zeros(8);
    let target = Target::new(["x", "y"], points.view()).unwrap();
    let target = target.with_slopes(0, zero.view()).unwrap().with_slopes(1, zero.view()).unwrap();
    let problem = target.problem(&(0..8).collect::<Vec<_>>());
    let tape = Tape::new(form, &problem).unwrap();
    let Some(register) = tape.terms[0].register else { return false };
    let theta: Vec<f64> = (0..tape.inner_constants()).map(|_| rng.random_range(0.5..1.2)).collect();
    let mut registers = tape.registers(&problem);
    if !tape.run(&theta, &problem, &mut registers, true) {
        return false;
    }
    // The first term with coefficient 1: constants of the form are that coefficient, those inside,
    // the constant.
    let value = |point: &[f64], theta: &[f64]| {
        let all: Vec<f64> = [1.0].into_iter().chain(theta.iter().copied()).chain([0.0]).collect();
        form.evaluate(&all, point)
    };
    let h = 1e-4;
    let shifted = |v: &[f64], i: usize, d: f64| {
        let mut v = v.to_vec();
        v[i] += d;
        v
    };
    for sample in 0..8 {
        let point = points.row(sample).to_vec();
        let slope = |theta: &[f64], a: usize| {
            let at = |d: f64| value(&shifted(&point, a, d), theta);
            (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h)
        };
        let close = |exact: f64, other: f64, scale: f64, tolerance: f64| {
            assert!(
                (exact - other).abs() <= tolerance * (1.0 + exact.abs() + scale),
                "{form:?} at {point:?}, {theta:?}: {exact:e} {other:e}"
            );
        };
        let scale = value(&point, &theta).abs();
        let steepest = (0..2).flat_map(|a| (0..=theta.len()).map(move |p| (a + 1, p)));
        let steepest = steepest
            .map(|(a, p)| registers.get(register, a, p)[0].0[sample].abs())
            .fold(scale, f64::max);
        if steepest > 30.0 {
            // Near a pole differences are no measure.
            continue;
        }
        for a in 0..2 {
            let exact = registers.get(register, a + 1, 0)[0].0[sample];
            close(exact, slope(&theta, a), scale, 1e-6);
            for p in 0..theta.len() {
                let at = |d: f64| slope(&shifted(&theta, p, d), a);
                let exact = registers.get(register, a + 1, p + 1)[0].0[sample];
                close(exact, (at(1e-3) - at(-1e-3)) / 2e-3, scale * 10.0, 1e-3);
            }
        }
        for p in 0..theta.len() {
            let at = |d: f64| value(&point, &shifted(&theta, p, d));
            let exact = registers.get(register, 0, p + 1)[0].0[sample];
            close(exact, (at(h) - at(-h)) / (2.0 * h), scale, 1e-5);
        }
    }
    true
}

#[test]
fn normal_forms_are_their_own() {
    let normaliser = Normaliser { positive: vec![true, false] };
    let operators = Operators::default();
    let mut grammar = Grammar::new(&operators, &normaliser, 2, 300);
    for size in 1..=7 {
        for term in grammar.terms(size).to_vec() {
            let form = combination(std::slice::from_ref(&term), false);
            let normal = normaliser.normal(&form);
            assert_eq!(normal, normaliser.normal(&normal), "{form:?}");
            assert_eq!(term.complexity(), size, "{form:?}");
        }
    }
}

#[test]
fn spellings_of_one_family_are_one_class() {
    let spellings = [
        sum([c(pow(x(), 2.0)), c(x()), C]),
        sum([c(pow(sum([x(), C]), 2.0)), C]),
        sum([c(pow(sum([c(x()), C]), 2.0)), C]),
        sum([product([C, x(), sum([x(), C])]), C]),
        sum([c(x()), c(x()), c(pow(x(), 2.0)), C]),
        sum([product([C, sum([pow(x(), 2.0), c(x())])]), C]),
        sum([
            product([C, pow(x(), 2.0), sum([Form::Number(Number::whole(1)), c(pow(x(), -1.0))])]),
            C,
        ]),
    ];
    for other in &spellings[1..6] {
        assert!(equal(&spellings[0], other), "{other:?}");
    }
}
