//! Reading expression text: recursive descent with Python's precedence.
//!
//! ```text
//! sum    = term  { ("+" | "-") term }
//! term   = signed { ("*" | "/") signed }
//! signed = { "+" | "-" } power
//! power  = atom [ "**" signed ]              the exponent is a number
//! atom   = number | name | function "(" sum ")" | "dot" "(" sum "," sum ")" | "norm" "(" sum ")" | "(" sum ")"
//! ```

use super::error::ExprError;
use super::expression::{Expr, Function, VectorExpr};
use super::vector::{Scalar, Vector};
use std::str::FromStr;

/// The greatest depth of parentheses and exponents.
const MAX_DEPTH: usize = 100;
/// The greatest length of the text in bytes.
const MAX_LENGTH: usize = 1 << 16;
const OPERAND: &str = "a number, a name, a function or `(`";
const OPERATOR: &str = "`+`, `-`, `*`, `/`, `**` or the end";
/// Words that Python keeps for itself, and numbers that are none: no names of vectors.
const RESERVED: [&str; 38] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "False",
    "None", "True", "nan", "inf", "infinity",
];

/// What a piece of text stands for.
enum Value {
    Number(Expr),
    /// Constant coefficients only.
    Linear(Vector),
    Vector(Vec<(Expr, Vector)>),
}

impl Value {
    fn describe(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Linear(_) | Self::Vector(_) => "a vector",
        }
    }
    fn negated(self) -> Self {
        match self {
            Self::Number(e) => Self::Number(e.negated()),
            Self::Linear(v) => Self::Linear(-&v),
            Self::Vector(terms) => {
                Self::Vector(terms.into_iter().map(|(c, v)| (c.negated(), v)).collect())
            }
        }
    }
    fn into_terms(self) -> Option<Vec<(Expr, Vector)>> {
        match self {
            Self::Number(Expr::Constant(0.0)) => Some(Vec::new()),
            Self::Number(_) => None,
            Self::Linear(v) => Some(vec![(Expr::Constant(1.0), v)]),
            Self::Vector(terms) => Some(terms),
        }
    }
    fn times(self, factors: Vec<Expr>) -> Self {
        if factors.is_empty() {
            return self;
        }
        let factor = product(factors);
        match self {
            Self::Number(e) => Self::Number(product(vec![e, factor])),
            Self::Linear(v) => match factor.as_constant() {
                Some(c) => Self::Linear(v.scale(c)),
                None => Self::Vector(vec![(factor, v)]),
            },
            Self::Vector(terms) => Self::Vector(
                terms.into_iter().map(|(c, v)| (product(vec![factor.clone(), c]), v)).collect(),
            ),
        }
    }
}

/// The product as it is written, but for a leading 1 as in `1/x`.
fn product(mut factors: Vec<Expr>) -> Expr {
    if factors.len() > 1 && factors[0] == Expr::Constant(1.0) {
        factors.remove(0);
    }
    if factors.len() == 1 { factors.swap_remove(0) } else { Expr::Product(factors) }
}

fn reciprocal(e: Expr) -> Expr {
    match e {
        Expr::Pow(base, n) => Expr::Pow(base, -n),
        e => Expr::Pow(Box::new(e), -1.0),
    }
}

/// Whether it is written as zero times something, or a power of that.
fn is_zero(e: &Expr) -> bool {
    match e {
        Expr::Constant(c) => *c == 0.0,
        Expr::Product(factors) => factors.iter().any(is_zero),
        Expr::Pow(base, n) => *n > 0.0 && is_zero(base),
        Expr::Scalar(_) | Expr::Sum(_) | Expr::Apply(..) => false,
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Names that are numbers.
    parameters: &'a [String],
    /// Byte offset of the next piece, blanks skipped.
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, parameters: &'a [String]) -> Result<Self, ExprError> {
        if text.len() > MAX_LENGTH {
            return Err(ExprError::TooLong { length: text.len(), limit: MAX_LENGTH });
        }
        let mut parser = Self { text, parameters, at: 0, depth: 0 };
        parser.advance(0);
        Ok(parser)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn advance(&mut self, bytes: usize) {
        let rest = &self.text[self.at + bytes..];
        self.at = self.text.len() - rest.trim_ascii_start().len();
    }

    fn eat(&mut self, piece: &str) -> bool {
        let found = self.rest().starts_with(piece);
        if found {
            self.advance(piece.len());
        }
        found
    }

    fn column(&self, at: usize) -> usize {
        self.text[..at].chars().count() + 1
    }

    fn error<T>(
        &self,
        at: usize,
        found: impl Into<String>,
        accepted: impl Into<String>,
    ) -> Result<T, ExprError> {
        Err(ExprError::Syntax {
            column: self.column(at),
            found: found.into(),
            accepted: accepted.into(),
        })
    }

    /// The piece that the text goes on with is wrong.
    fn unexpected<T>(&self, accepted: &str) -> Result<T, ExprError> {
        let rest = self.rest();
        let piece = match word(rest) {
            "" => rest.chars().take(1).collect(),
            word => word.chars().take(20).collect::<String>(),
        };
        self.error(
            self.at,
            if piece.is_empty() { "the end".to_owned() } else { format!("`{piece}`") },
            accepted,
        )
    }

    fn expect(&mut self, piece: &str) -> Result<(), ExprError> {
        if self.eat(piece) { Ok(()) } else { self.unexpected(&format!("`{piece}` or an operator")) }
    }

    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ExprError>,
    ) -> Result<T, ExprError> {
        if self.depth == MAX_DEPTH {
            return Err(ExprError::TooDeep { column: self.column(self.at), limit: MAX_DEPTH });
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn finish(&mut self) -> Result<Value, ExprError> {
        let value = self.sum()?;
        if self.at < self.text.len() { self.unexpected(OPERATOR) } else { Ok(value) }
    }

    fn sum(&mut self) -> Result<Value, ExprError> {
        let start = self.at;
        let mut terms = vec![self.term()?];
        loop {
            let at = self.at;
            let negative = match self.rest().as_bytes().first() {
                Some(b'+') => false,
                Some(b'-') => true,
                _ => break,
            };
            self.advance(1);
            let term = self.term()?;
            if matches!(terms[0], Value::Number(_)) != matches!(term, Value::Number(_)) {
                let found = format!("{} added to {}", term.describe(), terms[0].describe());
                return self.error(at, found, "two numbers or two vectors");
            }
            terms.push(if negative { term.negated() } else { term });
        }
        if terms.len() == 1 {
            return Ok(terms.swap_remove(0));
        }
        let mut numbers = Vec::new();
        let mut linear = Vector::from_terms::<String>([]);
        let mut vectors = Vec::new();
        for term in terms {
            match term {
                Value::Number(e) => numbers.push(e),
                Value::Linear(v) => linear = &linear + &v,
                Value::Vector(v) => vectors.extend(v),
            }
        }
        if !numbers.is_empty() {
            return Ok(Value::Number(Expr::Sum(numbers)));
        }
        if !linear.is_finite() {
            return self.too_large(start);
        }
        if vectors.is_empty() {
            return Ok(Value::Linear(linear));
        }
        if !linear.is_zero() {
            vectors.push((Expr::Constant(1.0), linear));
        }
        Ok(Value::Vector(vectors))
    }

    fn term(&mut self) -> Result<Value, ExprError> {
        let start = self.at;
        let (mut negative, first) = self.signed()?;
        let mut factors = Vec::new();
        let mut vector = None;
        let mut next = (first, false, start);
        loop {
            match next {
                (Value::Number(e), false, _) => factors.push(e),
                (Value::Number(e), true, at) => factors.push(self.divided(at, reciprocal(e))?),
                (_, true, at) => return self.error(at, "division by a vector", "a number"),
                (_, false, at) if vector.is_some() => {
                    return self.error(
                        at,
                        "the product of two vectors",
                        "a number, or `dot(a,b)` for the inner product",
                    );
                }
                (v, false, _) => vector = Some(v),
            }
            let at = self.at;
            let divided = match self.rest().as_bytes() {
                [b'*', b'*', ..] => break,
                [b'*', ..] => false,
                [b'/', ..] => true,
                _ => break,
            };
            self.advance(1);
            let (sign, value) = self.signed()?;
            negative ^= sign;
            next = (value, divided, at);
        }
        let value = match vector {
            Some(vector) => vector.times(factors),
            None => Value::Number(product(factors)),
        };
        if matches!(&value, Value::Linear(v) if !v.is_finite()) {
            return self.too_large(start);
        }
        Ok(if negative { value.negated() } else { value })
    }

    /// A power, unless it is a negative one of zero.
    fn divided(&self, at: usize, e: Expr) -> Result<Expr, ExprError> {
        match &e {
            Expr::Pow(base, n) if *n < 0.0 && is_zero(base) => {
                self.error(at, "division by zero", "another divisor")
            }
            _ => Ok(e),
        }
    }

    /// A power, and whether it is to be negated.
    fn signed(&mut self) -> Result<(bool, Value), ExprError> {
        let mut negative = false;
        loop {
            if self.eat("-") {
                negative = !negative;
            } else if !self.eat("+") {
                return Ok((negative, self.power()?));
            }
        }
    }

    fn power(&mut self) -> Result<Value, ExprError> {
        let start = self.at;
        let base = self.atom()?;
        if !self.eat("**") {
            return Ok(base);
        }
        let Value::Number(base) = base else {
            return self.error(start, "a power of a vector", "a number");
        };
        let at = self.at;
        let (negative, exponent) = self.nested(Self::signed)?;
        let n = match &exponent {
            Value::Number(e) => e.as_constant().filter(|n| n.is_finite()),
            _ => None,
        };
        match n {
            Some(n) => {
                let n = if negative { -n } else { n };
                Ok(Value::Number(self.divided(start, Expr::Pow(Box::new(base), n))?))
            }
            None => self.error(
                at,
                "an exponent that is no finite number",
                "a number, such as `2` or `(1/3)`",
            ),
        }
    }

    fn atom(&mut self) -> Result<Value, ExprError> {
        let start = self.at;
        match self.rest().as_bytes().first() {
            Some(b'0'..=b'9' | b'.') => self.number(),
            Some(b'(') => {
                self.advance(1);
                let value = self.nested(Self::sum)?;
                self.expect(")")?;
                Ok(value)
            }
            Some(c) if c.is_ascii_alphabetic() => {
                let name = word(self.rest());
                if RESERVED.iter().any(|r| r.eq_ignore_ascii_case(name)) {
                    return self.unexpected("a finite number or the name of a vector");
                }
                self.advance(name.len());
                self.named(name, start)
            }
            _ => self.unexpected(OPERAND),
        }
    }

    fn number(&mut self) -> Result<Value, ExprError> {
        let bytes = self.rest().as_bytes();
        let digits =
            |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        match self.rest()[..end].parse::<f64>() {
            Ok(x) if x.is_finite() => {
                self.advance(end);
                Ok(Value::Number(Expr::Constant(x)))
            }
            _ => self.error(
                self.at,
                format!("`{:.20}`", &self.rest()[..end]),
                "a number such as `0.5` or `1e-3`, below 1.8e308",
            ),
        }
    }

    /// What a name that began at `start` stands for: a function with its arguments, or a vector.
    fn named(&mut self, name: &str, start: usize) -> Result<Value, ExprError> {
        let function = Function::ALL.into_iter().find(|f| f.name() == name);
        let value = match name {
            "dot" | "norm" => {
                self.expect("(")?;
                let a = self.vector_argument()?;
                let value = if name == "norm" {
                    Expr::norm(a)
                } else {
                    self.expect(",")?;
                    Expr::dot(a, self.vector_argument()?)
                };
                if value.constants().iter().any(|c| !c.is_finite()) {
                    return self.too_large(start);
                }
                value
            }
            _ if name == "sqrt" || function.is_some() => {
                self.expect("(")?;
                let at = self.at;
                let Value::Number(x) = self.nested(Self::sum)? else {
                    return self.error(
                        at,
                        format!("a vector in `{name}`"),
                        "a number; `norm` takes a vector",
                    );
                };
                match function {
                    Some(f) => Expr::Apply(f, Box::new(x)),
                    None => Expr::Pow(Box::new(x), 0.5),
                }
            }
            _ if self.rest().starts_with('(') => {
                return self.error(
                    start,
                    format!("`{name:.20}(`"),
                    "dot, norm, sqrt, exp, log, sin, cos, tan, abs, or the name of a vector",
                );
            }
            _ if self.parameters.iter().any(|parameter| parameter == name) => {
                return Ok(Value::Number(Expr::Scalar(Scalar::Parameter(name.into()))));
            }
            _ => return Ok(Value::Linear(Vector::named(name))),
        };
        self.expect(")")?;
        Ok(Value::Number(value))
    }

    fn too_large<T>(&self, at: usize) -> Result<T, ExprError> {
        self.error(at, "coefficients whose sum or product is infinite", "smaller coefficients")
    }

    fn vector_argument(&mut self) -> Result<Vector, ExprError> {
        let at = self.at;
        match self.nested(Self::sum)? {
            Value::Linear(v) => Ok(v),
            Value::Number(Expr::Constant(0.0)) => Ok(Vector::from_terms::<String>([])),
            other => self.error(
                at,
                other.describe(),
                "a sum of named vectors with constant coefficients, such as `q2-q1`",
            ),
        }
    }
}

/// The leading word, empty if there is none.
fn word(text: &str) -> &str {
    let end = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    &text[..end]
}

impl Expr {
    /// Reads expression text as [`from_str`](FromStr::from_str) does, in which these names are
    /// numbers, of [parameters](Scalar::Parameter); all others are vectors.
    ///
    /// # Errors
    /// [`ExprError`] with the column.
    pub fn with_parameters(text: &str, parameters: &[String]) -> Result<Self, ExprError> {
        let mut parser = Parser::new(text, parameters)?;
        let start = parser.at;
        match parser.finish()? {
            Value::Number(e) => Ok(e),
            _ => parser.error(
                start,
                "a vector",
                "a number; lengths are `norm(a)`, inner products `dot(a,b)`",
            ),
        }
    }
}

impl FromStr for Expr {
    type Err = ExprError;
    /// Reads expression text as it is written, without simplifying; the exact inverse of printing
    /// up to the order of terms.
    fn from_str(text: &str) -> Result<Self, ExprError> {
        Self::with_parameters(text, &[])
    }
}

impl FromStr for VectorExpr {
    type Err = ExprError;
    /// Reads the text of a vector: a sum of scalar expression times vector; `0` is the zero vector.
    fn from_str(text: &str) -> Result<Self, ExprError> {
        let mut parser = Parser::new(text, &[])?;
        let start = parser.at;
        let Some(terms) = parser.finish()?.into_terms() else {
            return parser.error(start, "a number", "a vector, such as `(q2-q1)/norm(q2-q1)`");
        };
        let read = Self::from_terms(terms);
        let finite =
            |c: &Expr| c.constants().into_iter().chain(c.as_constant()).all(f64::is_finite);
        if read.0.iter().all(|(c, _)| finite(c)) { Ok(read) } else { parser.too_large(start) }
    }
}
