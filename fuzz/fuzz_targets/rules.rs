#![no_main]

use libfuzzer_sys::fuzz_target;
use scalar_dynamics::rewrite::{SimplifyOptions, simplify};
use scalar_dynamics_fuzz::{Tree, value};

// Rewriting preserves the value.
fuzz_target!(|tree: Tree| {
    let Tree { expression, point } = tree;
    let Some((before, error)) = value(&expression, &point) else { return };
    let options = SimplifyOptions { max_nodes: 150, ..SimplifyOptions::default() };
    let Ok(simple) = simplify(&expression, &options) else { return };
    let simple = simple.expression;
    let after = simple.evaluate(&point).expect("its vectors have values");
    // A form that is far from having no value keeps it.
    let is_sound = 1e6 * error < before.abs();
    assert!(!is_sound || after.is_finite(), "{expression} is {before}, {simple} is {after}");
    // Of what cancels to nothing rounding may leave anything.
    let Some((_, its_error)) = value(&simple, &point) else { return };
    let most = 1e3 * (error + its_error) + 1e-9 * before.abs();
    assert!((after - before).abs() <= most, "{expression} is {before}, {simple} is {after}");
});
