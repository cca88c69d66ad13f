#![no_main]

use libfuzzer_sys::fuzz_target;
use scalar_dynamics::expr::{Bindings, Expr, VectorExpr};
use scalar_dynamics_fuzz::value;

// What is printed is read again and has the same value, whatever was typed.
fuzz_target!(|text: &str| {
    if let Ok(read) = text.parse::<Expr>() {
        let printed = read.to_string();
        let again: Expr = printed.parse().expect(&printed);
        let twice = again.to_string();
        let twice: Expr = twice.parse().expect(&twice);
        let point = point(read.names());
        if let Some((before, error)) = value(&read, &point) {
            let most = 1e3 * error + 1e-9 * before.abs();
            for again in [again, twice] {
                let after = again.evaluate(&point).expect("its vectors have values");
                assert!((after - before).abs() <= most, "{text}: {before}, {again}: {after}");
            }
        }
        let _ = (read.to_latex(), read.to_sympy(), read.to_rust("energy"), read.complexity());
        let _ = read.simplified();
    }
    if let Ok(read) = text.parse::<VectorExpr>() {
        let printed = read.to_string();
        let _: VectorExpr = printed.parse().expect(&printed);
    }
});

/// Some vectors in the plane.
fn point(names: Vec<String>) -> Bindings {
    let mut point = Bindings::new();
    for (k, name) in names.into_iter().enumerate() {
        point.bind(name, [0.75 - 0.5 * k as f64, 0.125 * k as f64 - 0.25]);
    }
    point
}
