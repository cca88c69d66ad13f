//! Writing expressions: as text, LaTeX, sympy and Rust.

use super::expression::{Expr, Function, VectorExpr};
use super::vector::{Scalar, Vector};
use std::fmt;

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Text,
    Latex,
    Sympy,
    Rust,
}

/// Numbers of up to this many digits are read at a glance.
const SHORT: usize = 3;

/// The number of significant decimal digits that it takes to write a number.
pub(crate) fn digits(value: f64) -> usize {
    let text = format!("{:e}", value.abs());
    text.split('e').next().unwrap_or("").bytes().filter(u8::is_ascii_digit).count()
}

/// Whether a number is read at a glance.
pub(crate) fn is_short(value: f64) -> bool {
    digits(value) <= SHORT
}

/// Whether it is one only as a divisor, as 1/3 and 1/2.8 are.
pub(crate) fn is_short_reciprocal(value: f64) -> bool {
    let divisor = 1.0 / value;
    !is_short(value) && is_short(divisor) && 1.0 / divisor == value
}

/// How strongly a piece of text holds together.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Strength {
    Sum,
    Product,
    Power,
    Atom,
}

type Piece = (String, Strength);

/// A product with its sign: what stands above and below the line.
#[derive(Default)]
struct Quotient {
    negative: bool,
    above: Vec<Piece>,
    below: Vec<Piece>,
}

impl Dialect {
    fn number(self, x: f64) -> String {
        let readable = x == 0.0 || (1e-4..1e16).contains(&x.abs());
        match self {
            Self::Rust => format!("{x:?}"),
            _ if readable => x.to_string(),
            Self::Latex => format!("{x:e}").replace('e', r" \times 10^{") + "}",
            _ => format!("{x:e}"),
        }
    }

    fn parenthesised(self, text: &str) -> String {
        match self {
            Self::Latex => format!(r"\left({text}\right)"),
            _ => format!("({text})"),
        }
    }

    /// The text, in parentheses if it is weaker than needed.
    fn at_least(self, needed: Strength, (text, strength): Piece) -> String {
        if strength < needed { self.parenthesised(&text) } else { text }
    }

    /// The name of a number: in LaTeX a single letter is a variable, a word stands upright.
    fn parameter(self, name: &str) -> String {
        match self {
            Self::Latex => {
                let (stem, index) = stem_and_index(name);
                let stem = if stem.len() > 1 { format!(r"\mathrm{{{stem}}}") } else { stem };
                stem + &index
            }
            _ => self.name(name),
        }
    }

    /// The name of a vector.
    fn name(self, name: &str) -> String {
        match self {
            Self::Latex => {
                let (stem, index) = stem_and_index(name);
                format!(r"\mathbf{{{stem}}}{index}")
            }
            Self::Rust if RUST_KEYWORDS.contains(&name) => format!("r#{name}"),
            _ => name.to_owned(),
        }
    }

    fn vector(self, v: &Vector) -> Piece {
        if self == Self::Rust {
            return match v.terms() {
                [(name, 1.0)] => (self.name(name), Strength::Atom),
                terms => {
                    let terms: Vec<String> = terms
                        .iter()
                        .map(|(name, c)| format!("({c:?}, {})", self.name(name)))
                        .collect();
                    (format!("&combine(&[{}])", terms.join(", ")), Strength::Atom)
                }
            };
        }
        let term = |name: &str, c: f64| match c.abs() {
            1.0 => (self.name(name), Strength::Atom),
            c if self == Self::Latex => {
                (format!("{} {}", self.number(c), self.name(name)), Strength::Product)
            }
            c => (format!("{}*{}", self.number(c), self.name(name)), Strength::Product),
        };
        let (plus, minus) = if self == Self::Latex { (" + ", " - ") } else { ("+", "-") };
        signed_sum(
            v.terms().iter().map(|(name, c)| (*c < 0.0, term(name, *c))).collect(),
            plus,
            minus,
        )
    }

    fn scalar(self, scalar: &Scalar) -> Piece {
        let plain = |v: &Vector| self.vector(v).0;
        let tight = |v: &Vector| self.at_least(Strength::Atom, self.vector(v));
        match (self, scalar) {
            (_, Scalar::Parameter(name)) => (self.parameter(name), Strength::Atom),
            (Self::Text, Scalar::Dot(a, b)) => {
                (format!("dot({},{})", plain(a), plain(b)), Strength::Atom)
            }
            (Self::Rust, Scalar::Dot(a, b)) => {
                (format!("dot({}, {})", plain(a), plain(b)), Strength::Atom)
            }
            (Self::Text | Self::Rust, Scalar::Norm(a)) => {
                (format!("norm({})", plain(a)), Strength::Atom)
            }
            (Self::Latex, Scalar::Dot(a, b)) if a == b => {
                (format!(r"\lVert {} \rVert^2", plain(a)), Strength::Power)
            }
            (Self::Latex, Scalar::Dot(a, b)) => {
                (format!(r"{} \cdot {}", tight(a), tight(b)), Strength::Product)
            }
            (Self::Latex, Scalar::Norm(a)) => {
                (format!(r"\lVert {} \rVert", plain(a)), Strength::Atom)
            }
            (Self::Sympy, Scalar::Dot(a, b)) => {
                (format!("{}.dot({})", tight(a), plain(b)), Strength::Atom)
            }
            (Self::Sympy, Scalar::Norm(a)) => {
                (format!("sqrt({}.dot({}))", tight(a), plain(a)), Strength::Atom)
            }
        }
    }

    fn root(self, x: &Expr) -> Piece {
        let x = self.expr(x).0;
        let text = match self {
            Self::Latex => format!(r"\sqrt{{{x}}}"),
            Self::Rust => format!("f64::sqrt({x})"),
            Self::Text | Self::Sympy => format!("sqrt({x})"),
        };
        (text, Strength::Atom)
    }

    /// A power with an exponent that is not negative.
    fn power(self, base: &Expr, n: f64) -> Piece {
        if n == 0.5 {
            return self.root(base);
        }
        let piece = self.expr(base);
        match self {
            Self::Rust if n.fract() == 0.0 && n <= 1024.0 => {
                (format!("f64::powi({}, {n})", piece.0), Strength::Atom)
            }
            Self::Rust => (format!("f64::powf({}, {n:?})", piece.0), Strength::Atom),
            Self::Latex => (
                format!("{}^{{{}}}", self.at_least(Strength::Atom, piece), self.number(n)),
                Strength::Power,
            ),
            Self::Text | Self::Sympy => (
                format!("{}**{}", self.at_least(Strength::Atom, piece), self.number(n)),
                Strength::Power,
            ),
        }
    }

    fn apply(self, f: Function, x: &Expr) -> Piece {
        let x = self.expr(x).0;
        let text = match (self, f) {
            (Self::Latex, Function::Abs) => format!(r"\left|{x}\right|"),
            (Self::Latex, _) => {
                format!(r"\{}{}", f.name().replace("log", "ln"), self.parenthesised(&x))
            }
            (Self::Rust, _) => format!("f64::{}({x})", f.name().replace("log", "ln")),
            (Self::Sympy, Function::Abs) => format!("Abs({x})"),
            (Self::Text | Self::Sympy, _) => format!("{}({x})", f.name()),
        };
        (text, Strength::Atom)
    }

    /// Sign, numerators and denominators of an expression read as a product.
    fn quotient(self, expr: &Expr) -> Quotient {
        let factors = if let Expr::Product(factors) = expr {
            factors.as_slice()
        } else {
            std::slice::from_ref(expr)
        };
        let mut q = Quotient::default();
        for factor in factors {
            match factor {
                Expr::Constant(c) if factors.len() > 1 && is_short_reciprocal(c.abs()) => {
                    q.negative ^= *c < 0.0;
                    q.below.push((self.number(1.0 / c.abs()), Strength::Atom));
                }
                Expr::Constant(c) if q.above.is_empty() => {
                    q.negative ^= *c < 0.0;
                    if c.abs() != 1.0 || factors.len() == 1 {
                        q.above.push((self.number(c.abs()), Strength::Atom));
                    }
                }
                Expr::Pow(base, n) if *n == -1.0 => q.below.push(self.expr(base)),
                Expr::Pow(base, n) if *n < 0.0 => q.below.push(self.power(base, -n)),
                Expr::Pow(base, n) => q.above.push(self.power(base, *n)),
                Expr::Constant(_)
                | Expr::Scalar(_)
                | Expr::Sum(_)
                | Expr::Product(_)
                | Expr::Apply(..) => q.above.push(self.expr(factor)),
            }
        }
        q
    }

    /// The magnitude of a quotient.
    fn magnitude(self, q: Quotient) -> Piece {
        let (above, below) = (self.joined(q.above), self.joined(q.below));
        match (above, below) {
            (above, None) => above.unwrap_or_else(|| (self.number(1.0), Strength::Atom)),
            (above, Some(below)) => {
                let above = above.map_or_else(
                    || self.number(1.0),
                    |piece| {
                        if self == Self::Latex {
                            piece.0
                        } else {
                            self.at_least(Strength::Product, piece)
                        }
                    },
                );
                let text = if self == Self::Latex {
                    format!(r"\frac{{{above}}}{{{}}}", below.0)
                } else {
                    format!(
                        "{above}{}{}",
                        if self == Self::Rust { " / " } else { "/" },
                        self.at_least(Strength::Power, below)
                    )
                };
                (text, Strength::Product)
            }
        }
    }

    /// The product of factors; none if there are no factors.
    fn joined(self, mut factors: Vec<Piece>) -> Option<Piece> {
        if factors.len() < 2 {
            return factors.pop();
        }
        let mut text = String::new();
        for factor in factors {
            let factor = self.at_least(Strength::Power, factor);
            if !text.is_empty() {
                text += match self {
                    Self::Text | Self::Sympy => "*",
                    Self::Rust => " * ",
                    Self::Latex if factor.starts_with(|c: char| c.is_ascii_digit()) => r" \cdot ",
                    Self::Latex => r" \, ",
                };
            }
            text += &factor;
        }
        Some((text, Strength::Product))
    }

    /// An expression, its sign included.
    fn expr(self, expr: &Expr) -> Piece {
        match expr {
            Expr::Scalar(scalar) => self.scalar(scalar),
            Expr::Apply(f, x) => self.apply(*f, x),
            Expr::Sum(terms) => {
                let terms = terms.iter().map(|term| {
                    let q = self.quotient(term);
                    (q.negative, self.magnitude(q))
                });
                signed_sum(terms.collect(), " + ", " - ")
            }
            Expr::Constant(_) | Expr::Product(_) | Expr::Pow(..) => {
                let q = self.quotient(expr);
                signed_sum(vec![(q.negative, self.magnitude(q))], " + ", " - ")
            }
        }
    }

    fn vector_expr(self, expr: &VectorExpr) -> String {
        let terms = expr.0.iter().map(|(coefficient, vector)| {
            let (factor, direction) = vector.split_factor();
            let mut q = self.quotient(coefficient);
            q.negative ^= factor < 0.0;
            if matches!(coefficient, Expr::Constant(c) if c.abs() == 1.0) {
                q.above.clear();
            }
            if factor.abs() != 1.0 {
                q.above.push((self.number(factor.abs()), Strength::Atom));
            }
            q.above.push(self.vector(&direction));
            (q.negative, self.magnitude(q))
        });
        signed_sum(terms.collect(), " + ", " - ").0
    }
}

/// The sum of terms given with their signs, the first positive one in front.
fn signed_sum(mut terms: Vec<(bool, Piece)>, plus: &str, minus: &str) -> Piece {
    if let Some(first) = terms.iter().position(|(negative, _)| !negative) {
        terms[..=first].rotate_right(1);
    }
    match terms.as_slice() {
        [] => return ("0".to_owned(), Strength::Atom),
        [(false, _)] => return terms.swap_remove(0).1,
        _ => {}
    }
    let mut text = String::new();
    for (i, (negative, (term, strength))) in terms.into_iter().enumerate() {
        text += match (i, negative) {
            (0, false) => "",
            (0, true) => "-",
            (_, false) => plus,
            (_, true) => minus,
        };
        text += &if strength < Strength::Product { format!("({term})") } else { term };
    }
    (text, Strength::Sum)
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Dialect::Text.vector(self).0)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Dialect::Text.scalar(self).0)
    }
}

/// Text that Python evaluates and that parses back to the same value; numbers have the fewest
/// digits that tell them apart.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Dialect::Text.expr(self).0)
    }
}

/// Text that Python evaluates and that parses back to the same value; `0` for the zero vector.
impl fmt::Display for VectorExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Dialect::Text.vector_expr(self))
    }
}

/// In LaTeX what a name begins with, and the number that it ends with as an index.
fn stem_and_index(name: &str) -> (String, String) {
    let (stem, index) = name.split_at(name.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    let index = if index.is_empty() { String::new() } else { format!("_{{{index}}}") };
    (stem.replace('_', r"\_"), index)
}

/// Rust words that Python allows as names.
const RUST_KEYWORDS: [&str; 32] = [
    "abstract", "become", "box", "const", "do", "dyn", "enum", "extern", "false", "final", "fn",
    "gen", "impl", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "static", "struct", "trait", "true", "type", "typeof", "unsafe", "virtual",
];

const RUST_HELPERS: [(&str, &str); 3] = [
    (
        "dot(",
        "fn dot(a: &[f64], b: &[f64]) -> f64 {\n        a.iter().zip(b).map(|(a, b)| a * b).sum()\n    }",
    ),
    (
        "norm(",
        "fn norm(a: &[f64]) -> f64 {\n        a.iter().map(|a| a * a).sum::<f64>().sqrt()\n    }",
    ),
    (
        "combine(",
        "fn combine(terms: &[(f64, &[f64])]) -> Vec<f64> {\n        \
         let dim = terms.first().map_or(0, |(_, a)| a.len());\n        \
         (0..dim).map(|i| terms.iter().map(|(c, a)| c * a[i]).sum()).collect()\n    }",
    ),
];

impl Expr {
    /// LaTeX, for math mode: vectors bold, lengths between double bars.
    pub fn to_latex(&self) -> String {
        Dialect::Latex.expr(self).0
    }

    /// Python for sympy: evaluates where every name is bound to a sympy column `Matrix` (all of one
    /// length), as in `sympify(text, locals={"q1": Matrix(symbols("q1_x q1_y q1_z")), ...})`.
    pub fn to_sympy(&self) -> String {
        Dialect::Sympy.expr(self).0
    }

    /// A Rust function `fn <function>(..) -> f64` that needs nothing around it; its arguments are
    /// slices of components named and sorted as in [`names`](Self::names), then numbers as in
    /// [`parameters`](Self::parameters).
    pub fn to_rust(&self, function: &str) -> String {
        let typed = |names: Vec<String>, kind: &str| -> Vec<String> {
            names.iter().map(|name| format!("{}: {kind}", Dialect::Rust.name(name))).collect()
        };
        let names = [typed(self.names(), "&[f64]"), typed(self.parameters(), "f64")].concat();
        let body = Dialect::Rust.expr(self).0;
        let helpers: String = RUST_HELPERS
            .iter()
            .filter(|(call, _)| body.contains(call))
            .map(|(_, code)| format!("    {code}\n"))
            .collect();
        format!("fn {function}({}) -> f64 {{\n{helpers}    {body}\n}}\n", names.join(", "))
    }
}

impl VectorExpr {
    /// LaTeX, for math mode: vectors bold, lengths between double bars.
    pub fn to_latex(&self) -> String {
        Dialect::Latex.vector_expr(self)
    }
}
