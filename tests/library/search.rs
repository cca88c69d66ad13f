//! The expression search: laws of one variable from their slopes, of several from values.

use ndarray::{Array1, Array2};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use scalar_dynamics::expr::{Bindings, Expr, Function, Scalar, Vector};
use scalar_dynamics::rewrite::{SimplifyOptions, simplify};
use scalar_dynamics::search::*;
use std::time::{Duration, Instant};

/// Samples of slopes on an interval with relative noise.
fn slopes(range: (f64, f64), noise: f64, slope: &dyn Fn(f64) -> f64) -> Target {
    let n = 120;
    let x = Array2::from_shape_fn((n, 1), |(i, _)| {
        range.0 + (range.1 - range.0) * (i as f64 + 0.5) / n as f64
    });
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let clean: Array1<f64> = x.column(0).mapv(slope);
    let scale = (clean.mapv(|y| y * y).mean().unwrap()).sqrt();
    let noisy = clean.mapv(|y| {
        let draw: f64 = StandardNormal.sample(&mut rng);
        y + noise * scale * draw
    });
    let target = Target::new(["r"], x.view()).unwrap().with_slopes(0, noisy.view()).unwrap();
    if noise > 0.0 { target.with_slope_noise(0, noise * scale).unwrap() } else { target }
}

/// Laws with their slopes and an interval.
type Law = (&'static str, (f64, f64), fn(f64) -> f64);

const LAWS: &[Law] = &[
    ("spring", (0.4, 2.0), |r| 2.0 * (r - 1.3)),
    ("kepler", (0.5, 3.0), |r| 1.7 / (r * r)),
    ("exponential", (0.2, 3.0), |r| -3.0 / 0.7 * f64::exp(-r / 0.7)),
    ("logarithm", (0.3, 3.0), |r| 2.2 / r),
    ("power -2.5", (0.5, 2.0), |r| -2.5 * 0.8 * r.powf(-3.5)),
    ("morse", (0.5, 3.0), |r| {
        2.0 * 1.5 * 1.2 * (1.0 - f64::exp(-1.2 * (r - 1.1))) * f64::exp(-1.2 * (r - 1.1))
    }),
    ("lennard-jones", (0.9, 2.0), |r| -12.0 * 0.9 * r.powi(-13) + 6.0 * 1.4 * r.powi(-7)),
    ("yukawa", (0.4, 3.0), |r| -2.0 * f64::exp(-r / 1.3) * (1.0 / (r * r) + 1.0 / (1.3 * r))),
    ("relativistic", (-3.0, 3.0), |p| p / (1.0 + p * p).sqrt()),
    ("pendulum", (-2.5, 2.5), |x| 1.9 * x.sin()),
    ("cubic", (0.3, 2.0), |r| 3.0 * r * r - 1.2),
    ("quartic", (-1.5, 1.5), |x| 4.0 * 0.25 * x * x * x - 2.0 * 0.8 * x),
];

/// Largest difference between the found and the true slope in an interval 1.3 times as wide,
/// against the largest true slope.
fn extrapolation(front: &Front, range: (f64, f64), slope: &dyn Fn(f64) -> f64) -> f64 {
    let margin = 0.15 * (range.1 - range.0);
    let at = |i: usize| {
        (range.0 - margin).max(0.7 * range.0)
            + (range.1 + margin - (range.0 - margin)) * i as f64 / 200.0
    };
    let found = |x: f64| front.best().evaluate(&[x]);
    let h = 1e-5;
    let scale = (0..200).map(|i| slope(at(i)).abs()).fold(0.0, f64::max);
    let error = |x: f64| (found(x + h) - found(x - h)) / (2.0 * h) - slope(x);
    (0..200)
        .map(|i| error(at(i)).abs() / scale)
        .fold(0.0, |m: f64, e| if e.is_nan() { e } else { m.max(e) })
}

#[test]
fn laws_of_one_variable_are_found_from_slopes() {
    for (noise, bound) in [(0.0, 1e-8), (1e-6, 1e-5), (1e-4, 1e-3)] {
        for (name, range, slope) in LAWS {
            let target = slopes(*range, noise, slope);
            let front = search(&target, &SearchOptions::default(), &mut |_| {}).unwrap();
            let (text, error) = (front.best().text(&target), extrapolation(&front, *range, slope));
            println!(
                "noise {noise:.0e} {name}: {text}, evaluated {}, error {error:.1e}",
                front.counts.evaluated
            );
            assert!(front.explained, "{name}: {text}");
            assert!(error < bound, "{name}: {text}, {error:e}");
        }
    }
}

/// Independent uniform samples of a function of several variables.
fn table(ranges: &[(f64, f64)], n: usize, f: &dyn Fn(&[f64]) -> f64) -> Target {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let x = Array2::from_shape_fn((n, ranges.len()), |(_, j)| {
        rng.random_range(ranges[j].0..ranges[j].1)
    });
    let y: Array1<f64> = x.rows().into_iter().map(|x| f(&x.to_vec())).collect();
    let names = (0..ranges.len()).map(|i| format!("x{i}"));
    Target::new(names, x.view()).unwrap().with_values(y.view()).unwrap()
}

/// Laws of several variables with the ranges of the variables.
type Several = (&'static str, &'static [(f64, f64)], fn(&[f64]) -> f64);

const SEVERAL: &[Several] = &[
    ("henon-heiles", &[(-1.0, 1.0), (-1.0, 1.0)], |x| x[0] * x[0] * x[1] - x[1].powi(3) / 3.0),
    ("screened", &[(0.5, 2.0), (0.5, 2.0)], |x| x[0] * (-1.3 * x[1]).exp() / x[1]),
    ("dipole", &[(0.5, 2.0), (-1.0, 1.0)], |x| 0.7 * x[1] / x[0].powi(3) + 0.3 / x[0]),
    ("relativistic mass", &[(1.0, 5.0), (1.0, 2.0), (3.0, 10.0)], |x| {
        x[0] / (1.0 - (x[1] / x[2]).powi(2)).sqrt()
    }),
    ("oscillators", &[(1.0, 3.0); 4], |x| {
        0.25 * x[0] * (x[1].powi(2) + x[2].powi(2)) * x[3].powi(2)
    }),
    ("dipole potential", &[(1.0, 3.0); 5], |x| {
        x[0] * x[1] / x[2].powi(5) * (x[3].powi(2) + x[4].powi(2)).sqrt()
    }),
    ("magnetic energy", &[(1.0, 5.0); 4], |x| {
        x[0] * (x[1].powi(2) + x[2].powi(2) + x[3].powi(2)).sqrt()
    }),
];

#[test]
fn laws_of_several_variables_are_found_from_values() {
    for (name, ranges, law) in SEVERAL {
        let front = search(&table(ranges, 400, law), &patient(), &mut |_| {}).unwrap();
        let wide: Vec<(f64, f64)> =
            ranges.iter().map(|(a, b)| (a - 0.1 * (b - a), b + 0.1 * (b - a))).collect();
        let beyond = table(&wide, 200, law);
        let points = beyond.inputs();
        let differences = points.rows().into_iter().map(|x| {
            let x = x.to_vec();
            (front.best().evaluate(&x) - law(&x)).abs() / (1.0 + law(&x).abs())
        });
        let error = differences.fold(0.0, |m: f64, e| if e.is_nan() { e } else { m.max(e) });
        println!(
            "{name}: {} evaluated, error {error:.1e}, {}",
            front.counts.evaluated,
            front.best().text(&table(ranges, 9, law))
        );
        assert!(front.explained && error < 1e-9, "{name}: {error:e}");
    }
}

/// Options whose time budget is never met, so that the result is the machine's only to the last
/// bit.
fn patient() -> SearchOptions {
    SearchOptions { time_budget: Duration::from_secs(3600), ..SearchOptions::default() }
}

#[test]
fn laws_of_two_variables_are_found_from_slopes() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let x = Array2::from_shape_fn((300, 2), |_| rng.random_range(-1.0..1.0));
    let mut noisy = |f: &dyn Fn(f64, f64) -> f64| -> Array1<f64> {
        let draws = x.rows().into_iter().map(|x| {
            let draw: f64 = StandardNormal.sample(&mut rng);
            f(x[0], x[1]) + 1e-4 * draw
        });
        draws.collect()
    };
    let (dx, dy) = (noisy(&|x, y| 2.0 * x * y), noisy(&|x, y| x * x - y * y));
    let target = Target::new(["x", "y"], x.view()).unwrap();
    let target = target.with_slopes(0, dx.view()).unwrap().with_slope_noise(0, 1e-4).unwrap();
    let target = target.with_slopes(1, dy.view()).unwrap().with_slope_noise(1, 1e-4).unwrap();
    let front = search(&target, &patient(), &mut |_| {}).unwrap();
    let text = front.best().text(&target);
    assert!(front.explained, "{text}");
    for (point, slope) in [([1.2, 0.3], [0.72, 1.35]), ([-0.4, -1.3], [1.04, -1.53])] {
        for (i, slope) in slope.into_iter().enumerate() {
            let at = |d: f64| {
                front.best().evaluate(&std::array::from_fn::<f64, 2, _>(|j| {
                    point[j] + if i == j { d } else { 0.0 }
                }))
            };
            let found = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((found - slope).abs() < 1e-3, "{text}: {found} for {slope}");
        }
    }
}

#[test]
fn standard_errors_cover_the_truth() {
    // Two constants of r^n exp(-r/l), 40 data sets each.
    let (mut within, mut all) = (0, 0);
    for seed in 0..40 {
        let x = Array2::from_shape_fn((80, 1), |(i, _)| 0.5 + 0.03 * i as f64);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let y: Array1<f64> = x.column(0).mapv(|x: f64| {
            let draw: f64 = StandardNormal.sample(&mut rng);
            2.3 * (-0.737 * x).exp() + 0.01 * draw
        });
        let target = Target::new(["x"], x.view())
            .unwrap()
            .with_values(y.view())
            .unwrap()
            .with_noise(0.01)
            .unwrap();
        let form = Form::parse("2*exp(2*x)", target.names()).unwrap();
        let options = SearchOptions {
            warm_start: vec![form],
            exhaustive: 0,
            max_evaluations: 3,
            ..patient()
        };
        let front = search(&target, &options, &mut |_| {}).unwrap();
        let best = front.best();
        for (value, error) in best.constants.iter().zip(&best.errors) {
            let truth = if *value > 0.0 { 2.3 } else { -0.737 };
            all += 1;
            within += usize::from((value - truth).abs() < *error);
        }
    }
    // Constants near a simple number become one, and have no error. One standard error holds 68%;
    // three deviations of a binomial count of 70 are 16%.
    let share = within as f64 / all as f64;
    assert!(all >= 70 && (share - 0.68).abs() < 0.16, "{within} of {all}");
}

#[test]
fn noise_is_estimated_and_the_simplest_law_chosen() {
    let x = Array2::from_shape_fn((200, 1), |(i, _)| 0.4 + 0.01 * i as f64);
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let y: Array1<f64> = x.column(0).mapv(|r: f64| {
        let draw: f64 = StandardNormal.sample(&mut rng);
        1.7 / r + 0.6 * r + 0.02 * draw
    });
    let target = Target::new(["r"], x.view()).unwrap().with_values(y.view()).unwrap();
    let options = SearchOptions { max_evaluations: 4000, ..patient() };
    let front = search(&target, &options, &mut |_| {}).unwrap();
    let text = front.best().text(&target);
    let (form, _) = Form::parse("2/r + 2*r", target.names()).unwrap();
    let deviation = y.std(0.0);
    println!("{text}, noise {:.2e} of {:.2e}", front.noise * deviation, 0.02);
    assert!((front.noise * deviation / 0.02 - 1.0).abs() < 0.15, "{:e}", front.noise * deviation);
    assert_eq!(front.best().complexity, form.complexity(), "{text}");
    for r in [0.3, 1.0, 2.8] {
        assert!((front.best().evaluate(&[r]) - 1.7 / r - 0.6 * r).abs() < 0.05, "{text}");
    }
    assert!(!front.explained, "nobody said what the noise is");
}

#[test]
fn same_seed_same_front_on_any_number_of_threads() {
    let target = table(&[(0.5, 2.0), (0.5, 2.0), (-1.0, 1.0)], 150, &|x| {
        (x[0] + x[1] * x[2]).sin() / (1.0 + x[0] * x[1])
    });
    let options =
        SearchOptions { max_evaluations: 1500, exhaustive_evaluations: 400, seed: 4, ..patient() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let front = pool.install(|| search(&target, &options, &mut |_| {}).unwrap());
        assert_eq!(front.ended, Ended::Evaluations);
        format!("{:?} {:?} {}", front.entries, front.counts, front.chosen)
    };
    let first = run(1);
    assert_eq!(first, run(2));
    assert_eq!(first, run(4));
    let other =
        search(&target, &SearchOptions { seed: 5, ..options.clone() }, &mut |_| {}).unwrap();
    assert_ne!(first, format!("{:?} {:?} {}", other.entries, other.counts, other.chosen));
}

#[test]
fn time_budget_holds() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let noise: Vec<f64> = (0..600).map(|_| StandardNormal.sample(&mut rng)).collect();
    let x = Array2::from_shape_fn((600, 5), |_| rng.random_range(-1.0..1.0));
    let target = Target::new(["a", "b", "c", "d", "e"], x.view())
        .unwrap()
        .with_values(Array1::from(noise).view())
        .unwrap();
    for seconds in [0.0, 0.5, 2.0] {
        let options = SearchOptions {
            time_budget: Duration::from_secs_f64(seconds),
            max_evaluations: usize::MAX,
            ..SearchOptions::default()
        };
        let begin = Instant::now();
        let front = search(&target, &options, &mut |_| {}).unwrap();
        let elapsed = begin.elapsed().as_secs_f64();
        println!("budget {seconds}, took {elapsed:.2}");
        assert_eq!(front.ended, Ended::Time);
        assert!(!front.explained && !front.entries.is_empty());
        // The last fits are not broken off; a loaded machine is slow.
        assert!(elapsed < seconds + 2.0, "{elapsed} for {seconds}");
    }
}

#[test]
fn forms_of_a_known_class_are_not_fitted_again() {
    let target = slopes((0.4, 2.0), 1e-3, &|r| 2.0 * (r - 1.3) + 0.1 * r.sin());
    let parse = |text: &str| (Form::parse(text, target.names()).unwrap().0, vec![]);
    let same = [
        "2*(r-1)**2",
        "2*(3*r-1)**2 + 4",
        "5*r**2 + 2*r + 3",
        "2*r*(r + 1)",
        "2*r + 3*r + 5*r**2",
        "2*(r**2 + 4*r)",
    ];
    let options = SearchOptions {
        warm_start: same.map(parse).to_vec(),
        exhaustive: 0,
        max_evaluations: 12,
        ..patient()
    };
    let mut after = None;
    search(&target, &options, &mut |event| {
        if let Progress::Search { phase: SearchPhase::WarmStart, visited, fitted, .. } = event {
            after = Some((visited, fitted));
        }
    })
    .unwrap();
    assert_eq!(after, Some((12, 1)));
    let front = search(&target, &SearchOptions { max_evaluations: 3000, ..patient() }, &mut |_| {})
        .unwrap();
    let counts = front.counts;
    println!("{counts:?}");
    assert_eq!(counts.evaluated + counts.saved, counts.visited);
    assert!(counts.saved > counts.visited / 50, "{counts:?}");
}

#[test]
fn searches_that_share_an_e_graph_find_what_they_find_alone() {
    let options = SearchOptions { max_evaluations: 600, ..patient() };
    let spring = slopes((0.4, 2.0), 1e-3, &|r| 2.0 * (r - 1.3) + 0.1 * r.sin());
    let gravity = slopes((0.4, 2.0), 1e-3, &|r| 1.7 / (r * r));
    let mut memory = Memory::default();
    let shared = [&spring, &gravity]
        .map(|target| search_with(target, &options, &mut memory, &mut |_| {}).unwrap());
    let alone = [&spring, &gravity].map(|target| search(target, &options, &mut |_| {}).unwrap());
    for (shared, alone) in shared.iter().zip(&alone) {
        assert_eq!(shared.best().form, alone.best().form);
        assert_eq!(
            (shared.counts.evaluated, shared.counts.saved),
            (alone.counts.evaluated, alone.counts.saved)
        );
    }
    // The simple forms of the second search were in the e-graph already.
    assert!(shared[1].counts.classes < alone[0].counts.classes + alone[1].counts.classes);
}

#[test]
fn warm_start_is_built_upon() {
    let law = |x: &[f64]| 1.4 * (-0.7 * x[0] * x[0] / x[1]).exp() * (3.0 * x[1]).cos() + 0.3 * x[0];
    let target = table(&[(-1.0, 1.5), (0.6, 2.0)], 200, &law);
    let form = Form::parse("1.1*exp(-1.1*x0**2/x1)*cos(2.7*x1) + 1.1*x0", target.names()).unwrap();
    let options =
        SearchOptions { warm_start: vec![form], exhaustive: 0, max_evaluations: 2, ..patient() };
    let front = search(&target, &options, &mut |_| {}).unwrap();
    assert!(front.explained, "{}", front.best().text(&target));
}

#[test]
fn regress_errors_that_hang_together_are_seen_through() {
    // Slopes of 0.5 x^2 + 0.4 / x^2.5 with an error that is one large wave, and small ones that are
    // independent.
    let (n, sigma) = (80, 1e-3);
    let x =
        Array2::from_shape_fn((n, 1), |(i, _)| 0.7 + 1.3 * (f64::from(i as u32) + 0.5) / n as f64);
    let wave = x.column(0).mapv(|x| (4.0 * x).sin());
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let noise = Array1::from_shape_simple_fn(n, || sigma * rng.sample::<f64, _>(StandardNormal));
    let slopes = x.column(0).mapv(|x| x - x.powf(-3.5)) + &wave * 0.3 + noise;
    let target = || Target::new(["x"], x.view()).unwrap().with_slopes(0, slopes.view()).unwrap();
    // All but the direction of the wave, in units of the independent errors.
    let unit = &wave / wave.dot(&wave).sqrt();
    let matrix = Array2::from_shape_fn((n, n), |(i, j)| {
        (f64::from(u8::from(i == j)) - unit[i] * unit[j]) / sigma
    });
    let options = SearchOptions {
        max_evaluations: 3000,
        stop_when_explained: false,
        ..SearchOptions::default()
    };
    let blind =
        search(&target().with_slope_noise(0, sigma).unwrap(), &options, &mut |_| {}).unwrap();
    let seeing =
        search(&target().with_whitening(matrix.clone()).unwrap(), &options, &mut |_| {}).unwrap();
    let error = |found: &Found| {
        let slope = |x: f64| (found.evaluate(&[x + 1e-5]) - found.evaluate(&[x - 1e-5])) / 2e-5;
        x.column(0).iter().map(|x| (slope(*x) - (x - x.powf(-3.5))).abs()).fold(0.0, f64::max)
    };
    println!("{}\n{}", seeing.best().text(&target()), blind.best().text(&target()));
    assert!(seeing.explained && error(seeing.best()) < 0.02, "{}", error(seeing.best()));
    assert!(error(blind.best()) > 0.1, "{}", error(blind.best()));
    // The identity over the noise is the noise.
    let plain = Array2::from_diag(&Array1::from_elem(n, 1.0 / sigma));
    let whitened = search(&target().with_whitening(plain).unwrap(), &options, &mut |_| {}).unwrap();
    let whole = search(
        &target().with_slope_noise(0, sigma).unwrap().held_out_every(0),
        &SearchOptions { screening_samples: n, ..options },
        &mut |_| {},
    )
    .unwrap();
    assert_eq!(whitened.best().form, whole.best().form);
    assert!((whitened.best().error / whole.best().error - 1.0).abs() < 1e-6);
    for bad in
        [matrix.slice(ndarray::s![.., ..n - 1]).to_owned(), Array2::from_elem((2, n), f64::NAN)]
    {
        assert!(target().with_whitening(bad).is_err());
    }
    assert!(
        Target::new(["x"], x.view())
            .unwrap()
            .with_values(slopes.view())
            .unwrap()
            .with_whitening(matrix)
            .is_err()
    );
}

#[test]
fn bad_input_is_refused() {
    let x = Array2::from_shape_fn((20, 2), |(i, j)| (i + 20 * j) as f64);
    let y = Array1::from_shape_fn(20, |i| i as f64);
    let target = || Target::new(["a", "b"], x.view()).unwrap();
    let message = |e: Result<Target, SearchError>| e.unwrap_err().to_string();
    assert!(message(Target::new(["a"], x.view())).contains("1 names"));
    assert!(message(Target::new(["a", "a"], x.view())).contains("name 1 is `a`"));
    assert!(message(Target::new(["a", "2b"], x.view())).contains("`2b`"));
    assert!(message(target().with_values(y.slice(ndarray::s![..5]))).contains("5 entries"));
    assert!(message(target().with_values(y.mapv(|y| 1.0 / (y - 3.0)).view())).contains("sample 3"));
    assert!(message(target().with_slopes(2, y.view())).contains("there are 2"));
    assert!(message(target().with_noise(0.0)).contains("above zero"));
    assert!(message(target().with_weights(Array1::zeros(20).view())).contains("above zero"));
    let error = search(&target(), &SearchOptions::default(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, SearchError::Empty { values: false, .. }), "{error}");
    let few = Target::new(["a"], x.slice(ndarray::s![..6, ..1]))
        .unwrap()
        .with_values(y.slice(ndarray::s![..6]))
        .unwrap();
    assert!(matches!(
        search(&few, &SearchOptions::default(), &mut |_| {}),
        Err(SearchError::Empty { .. })
    ));
    for (text, column) in [("a +", 4), ("a*q", 3), ("a**b", 4), ("(a", 3), ("", 1)] {
        match Form::parse(text, target().names()) {
            Err(SearchError::Syntax { column: found, .. }) => assert_eq!(found, column, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

/// A form over two variables with its constants.
fn forms() -> impl Strategy<Value = (Form, Vec<f64>)> {
    let leaf = prop_oneof![(0..2usize).prop_map(Form::Variable), Just(Form::Constant)];
    let exponents = prop::sample::select(vec![-2.0, -1.0, -0.5, 0.5, 2.0, 3.0]);
    let functions = prop::sample::select(Function::ALL.to_vec());
    let form = leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Form::Sum),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Form::Product),
            (inner.clone(), exponents.clone())
                .prop_map(|(b, n)| Form::Power(Box::new(b), Number::new(n).unwrap())),
            inner.clone().prop_map(|b| Form::FreePower(Box::new(b))),
            (functions.clone(), inner).prop_map(|(f, x)| Form::Apply(f, Box::new(x))),
        ]
    });
    form.prop_flat_map(|form| {
        let constants = prop::collection::vec(prop_oneof![0.2..2.0, -2.0..-0.2], form.constants());
        (Just(form), constants)
    })
}

fn agree(a: f64, b: f64) -> bool {
    !a.is_finite() || a.abs() > 1e6 || (a - b).abs() <= 1e-7 * (1.0 + a.abs())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_parsing_and_simplifying_preserve_value((form, theta) in forms(), x in 0.3..1.5, y in 0.3..1.5) {
        let names = ["x".to_string(), "y".to_string()];
        let point = [x, y];
        let value = form.evaluate(&theta, &point);
        prop_assume!(value.is_finite());
        let text = form.text(&theta, &names, &point);
        // Constants overflow in what is multiplied out.
        if let Ok((read, constants)) = Form::parse(&text, &names) {
            prop_assert!(agree(value, read.evaluate(&constants, &point)), "{}", text);
        } else {
            prop_assert!(text.contains("inf") || text.contains("NaN"), "{}", text);
        }
        let scalars = ["x", "y"].map(|name| Scalar::Norm(Vector::named(name)));
        let expr = form.to_expr(&theta, &scalars.clone().map(Expr::Scalar), &point);
        let bindings = Bindings::from([("x", vec![x]), ("y", vec![y])]);
        prop_assert!(agree(value, expr.evaluate(&bindings).unwrap()), "{} {}", text, expr);
        if let Ok(simple) = simplify(&expr, &SimplifyOptions { max_iterations: 4, max_nodes: 400 }) {
            prop_assert!(agree(value, simple.expression.evaluate(&bindings).unwrap()), "{} {}", expr, simple.expression);
        }
    }

    #[test]
    fn bad_input_never_panics_the_parser(text in "[-+*/^() .0-9a-z_]{0,40}") {
        let names = ["x".to_string(), "y".to_string()];
        if let Ok((form, constants)) = Form::parse(&text, &names) {
            prop_assert_eq!(form.constants(), constants.len());
            form.evaluate(&constants, &[0.5, 0.7]);
        }
        let _ = text.parse::<Expr>();
    }

    #[test]
    fn bad_input_of_any_characters_never_panics_the_parser(text in "\\PC{0,30}") {
        let _ = Form::parse(&text, &["x".to_string()]);
        let _ = text.parse::<Expr>();
    }
}

#[test]
fn regress_complexity_of_products_of_signs() {
    let minus = || Form::Number(Number::whole(-1));
    for (form, complexity) in [
        (Form::Product(vec![minus(), minus()]), 1),
        (Form::Product(vec![minus(), minus(), Form::Variable(0)]), 1),
        (Form::Product(vec![minus(), Form::Constant, Form::Variable(0)]), 3),
        (Form::Sum(vec![]), 0),
        (Form::Product(vec![]), 1),
    ] {
        assert_eq!(form.complexity(), complexity, "{form:?}");
    }
}
