//! What the targets share: tables that are read from files, and expressions with their values.

use std::collections::BTreeMap;
use std::fs;

use arbitrary::{Arbitrary, Result, Unstructured};
use scalar_dynamics::dataset::{
    Angle, AngleUnit, Cut, DatasetError, Gaps, ReadOptions, frames, read_chunks, read_table,
    survey_table,
};
use scalar_dynamics::expr::{Bindings, Expr, Function};

/// Reads the bytes as a file with this extension, whole and in chunks: a table, or an error that is no
/// surprise; what is read is sound.
pub fn read(bytes: &[u8], extension: &str) {
    // In memory, a file for each process.
    let path = std::env::temp_dir().join(format!("fuzz{}.{extension}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    let plain = ReadOptions { masses: BTreeMap::from([(1, 2.0)]), ..ReadOptions::default() };
    let names = [("q1_x", "x")].into_iter().filter(|_| extension == "txt");
    let forgiving = ReadOptions {
        columns: names.map(|(ours, theirs)| (ours.to_string(), theirs.to_string())).collect(),
        time_step: Some(0.5),
        angles: vec![Angle { coordinate: "q1".into(), unit: AngleUnit::Degrees }],
        missing: Some(vec![-999.0]),
        gaps: Gaps::Cut,
        ..ReadOptions::default()
    };
    let cut = Cut { points: 5, most: 3, seed: 1, join: true };
    // One way for each input, by its length, so that many are tried.
    let cut_at_gaps = ReadOptions { gaps: Gaps::Cut, ..ReadOptions::default() };
    let options = [plain, cut_at_gaps, forgiving].into_iter().nth(bytes.len() % 3).unwrap();
    let whole = read_table(&path, &options);
    let some = read_chunks(&path, &options, &cut, &mut |_| {});
    let errors = [whole.as_ref().err(), some.as_ref().err()];
    for error in errors.into_iter().flatten() {
        let odd = matches!(error, DatasetError::Unreadable { .. } | DatasetError::Changed { .. });
        assert!(!odd && !error.to_string().is_empty(), "{error}");
    }
    let read = whole.into_iter().flat_map(|(table, _)| table.trajectories);
    for trajectory in read.chain(some.into_iter().flat_map(|(chunks, _)| chunks.chunks)) {
        assert!(trajectory.times.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(trajectory.states.iter().all(|x| x.is_finite()));
        assert_eq!(trajectory.states.nrows(), trajectory.times.len());
    }
    let _ = survey_table(&path, &options, &mut |_| {});
    if extension == "parquet" {
        let _ = (frames::parquet_summary(&path), frames::read_parquet(&path, None));
    }
    let _ = fs::remove_file(&path);
}

/// An expression of two vectors in the plane, and the point where it is looked at.
#[derive(Debug)]
pub struct Tree {
    pub expression: Expr,
    pub point: Bindings,
}

/// Levels of an expression.
const DEPTH: usize = 4;

impl<'a> Arbitrary<'a> for Tree {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut component = || Ok(f64::from(u.int_in_range(-300i16..=300)?) / 200.0);
        let mut vector = || Ok(vec![component()?, component()?]);
        let point = Bindings::from([("q1", vector()?), ("q2", vector()?)]);
        Ok(Self { expression: node(u, DEPTH)?, point })
    }
}

fn node(u: &mut Unstructured, depth: usize) -> Result<Expr> {
    let choice = if depth == 0 { u.int_in_range(0..=2)? } else { u.int_in_range(0..=7)? };
    let inner = |u: &mut Unstructured| node(u, depth - 1);
    Ok(match choice {
        0 => Expr::Constant(f64::from(u.int_in_range(-8i8..=8)?) / 4.0),
        1 => Expr::Constant(f64::from(u.arbitrary::<i16>()?) * 1.1e-4),
        2 => u.choose(&SCALARS)?.parse().expect("a scalar"),
        3 | 4 => Expr::Sum((0..u.int_in_range(1..=4)?).map(|_| inner(u)).collect::<Result<_>>()?),
        5 => Expr::Product((0..u.int_in_range(1..=3)?).map(|_| inner(u)).collect::<Result<_>>()?),
        6 => {
            let exponent = *u.choose(&[2.0, -1.0, 0.5, 3.0, -2.0, -0.5, 1.5, 0.3, -1.7])?;
            Expr::Pow(Box::new(inner(u)?), exponent)
        }
        _ => Expr::Apply(*u.choose(&Function::ALL)?, Box::new(inner(u)?)),
    })
}

const SCALARS: [&str; 7] = [
    "dot(q1,q1)",
    "dot(q1,q2)",
    "norm(q1)",
    "norm(q2-q1)",
    "norm(q2)",
    "dot(q1-q2,q1+2*q2)",
    "dot(q2,q2)",
];

/// Rounding error of one operation.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// Logarithm of numbers whose products, in whatever order, no float holds.
const LARGEST: f64 = 600.0;

/// The value and a bound of its rounding error to first order (Wilkinson 1963); none where it has no
/// value, or rounding leaves it open whether it has one.
pub fn value(expression: &Expr, point: &Bindings) -> Option<(f64, f64)> {
    let of = |x: &Expr| value(x, point);
    let (value, error) = match expression {
        Expr::Constant(c) => (*c, 0.0),
        // Differences of the components' own size.
        Expr::Scalar(_) => (expression.evaluate(point).ok()?, 100.0 * ROUNDING),
        Expr::Sum(terms) => {
            let (mut sum, mut error, mut size) = (0.0, 0.0, 0.0);
            for term in terms {
                let (x, e) = of(term)?;
                (sum, error, size) = (sum + x, error + e, size + x.abs());
            }
            (sum, error + size * ROUNDING)
        }
        Expr::Product(factors) => {
            let (mut product, mut error, mut magnitude) = (1.0, 0.0, 0.0);
            for factor in factors {
                let (x, e) = of(factor)?;
                (product, error) = (product * x, error * x.abs() + (product * e).abs());
                magnitude += if x == 0.0 { 0.0 } else { x.abs().ln().abs() };
            }
            if magnitude > LARGEST {
                return None;
            }
            (product, error)
        }
        Expr::Pow(base, n) => {
            let (x, e) = of(base)?;
            let plain = *n > 0.0 && n.fract() == 0.0;
            if !plain && 1e3 * e >= x.abs() {
                return None;
            }
            (x.powf(*n), (n * x.abs().max(e).powf(n - 1.0) * e).abs())
        }
        Expr::Apply(function, argument) => {
            let (x, e) = of(argument)?;
            let slope = match function {
                Function::Exp => x.exp(),
                Function::Log if x < 1e3 * e => return None,
                Function::Log => 1.0 / x,
                Function::Tan if 1e3 * e > x.cos().abs() => return None,
                Function::Tan => x.cos().powi(-2),
                Function::Sin | Function::Cos | Function::Abs => 1.0,
            };
            (function.of(x), (slope * e).abs())
        }
    };
    let error = error + value.abs() * ROUNDING;
    let in_range = value == 0.0 || value.abs().ln().abs() < LARGEST;
    (in_range && value.is_finite() && error.is_finite()).then_some((value, error))
}
