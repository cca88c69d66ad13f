#![no_main]

use libfuzzer_sys::fuzz_target;
use scalar_dynamics::expr::{Expr, VectorExpr};

// What is printed is read again as what was printed, whatever was typed.
fuzz_target!(|text: &str| {
    if let Ok(read) = text.parse::<Expr>() {
        let printed = read.to_string();
        let again: Expr = printed.parse().expect(&printed);
        assert_eq!(again.to_string(), printed, "{text}");
        let _ = (read.to_latex(), read.to_sympy(), read.to_rust("energy"), read.complexity());
        let simple = read.simplified();
        assert_eq!(simple.simplified().to_string(), simple.to_string(), "{text}");
    }
    if let Ok(read) = text.parse::<VectorExpr>() {
        let printed = read.to_string();
        let again: VectorExpr = printed.parse().expect(&printed);
        assert_eq!(again.to_string(), printed, "{text}");
    }
});
