//! Forms as text and as expressions.

use crate::expr::{Expr, Number, Scalar, Vector};
use crate::search::error::SearchError;
use crate::search::form::Form;

/// A variable as an expression, for reading and printing alone.
fn stand_in(name: &str) -> Scalar {
    Scalar::Norm(Vector::named(name))
}

impl Form {
    /// The text with constants `theta`, over variables of these names: Python and SymPy read it.
    /// Signs under roots and logarithms are those at the point `x`.
    pub fn text(&self, theta: &[f64], names: &[String], x: &[f64]) -> String {
        let variables: Vec<Expr> = names.iter().map(|name| Expr::Scalar(stand_in(name))).collect();
        let text = self.to_expr(theta, &variables, x).to_string();
        names.iter().fold(text, |text, name| text.replace(&format!("norm({name})"), name))
    }

    /// Reads text over variables of these names: `a*x**2 + exp(-b*y)` with numbers in the place of
    /// `a` and `b`. Gives the form, every number but an exponent an unknown constant, and those
    /// numbers.
    ///
    /// # Errors
    /// Text that is no expression, with the column; names that are not among the variables.
    pub fn parse(text: &str, names: &[String]) -> Result<(Form, Vec<f64>), SearchError> {
        const CALLS: [&str; 7] = ["sqrt", "exp", "log", "sin", "cos", "tan", "abs"];
        let mut vectors = String::new();
        // Columns of the text that `vectors` was made from.
        let mut columns = Vec::new();
        let chars: Vec<char> = text.chars().collect();
        let mut i = 0;
        while i < chars.len() {
            let word = chars[i].is_ascii_alphabetic() || chars[i] == '_';
            let inside_number = i > 0 && (chars[i - 1].is_ascii_digit() || chars[i - 1] == '.');
            let end = if word && !inside_number {
                (i..chars.len())
                    .find(|&k| !(chars[k].is_ascii_alphanumeric() || chars[k] == '_'))
                    .unwrap_or(chars.len())
            } else {
                i + 1
            };
            let piece: String = chars[i..end].iter().collect();
            let replacement = if names.contains(&piece) {
                format!("norm({piece})")
            } else if word && !inside_number && !CALLS.contains(&piece.as_str()) {
                let accepted = format!(
                    "a variable ({}) or a function ({})",
                    names.join(", "),
                    CALLS.join(", ")
                );
                return Err(SearchError::Syntax {
                    column: i + 1,
                    found: format!("`{piece}`"),
                    accepted,
                });
            } else {
                piece
            };
            columns.extend(std::iter::repeat_n(i + 1, replacement.chars().count()));
            vectors += &replacement;
            i = end;
        }
        let expr: Expr = vectors.parse().map_err(|e| match e {
            crate::expr::ExprError::Syntax { column, found, accepted } => SearchError::Syntax {
                column: columns.get(column - 1).copied().unwrap_or(chars.len() + 1),
                found,
                accepted,
            },
            other => SearchError::Syntax {
                column: 1,
                found: other.to_string(),
                accepted: "a shorter expression".into(),
            },
        })?;
        let scalars: Vec<Scalar> = names.iter().map(|name| stand_in(name)).collect();
        Self::from_expr(&expr, &scalars)
    }

    /// An expression as a form: variable i stands for `scalars[i]`, every constant is unknown,
    /// exponents are known. Gives also the constants.
    ///
    /// # Errors
    /// A scalar of the expression is not among those given, or a number is not finite.
    pub fn from_expr(expr: &Expr, scalars: &[Scalar]) -> Result<(Form, Vec<f64>), SearchError> {
        let mut constants = Vec::new();
        let form = read(expr, scalars, &mut constants)?;
        Ok((form, constants))
    }
}

fn read(expr: &Expr, scalars: &[Scalar], constants: &mut Vec<f64>) -> Result<Form, SearchError> {
    let mut all = |exprs: &[Expr]| {
        exprs.iter().map(|e| read(e, scalars, constants)).collect::<Result<Vec<Form>, _>>()
    };
    Ok(match expr {
        Expr::Constant(c) => {
            constants.push(*c);
            Form::Constant
        }
        Expr::Scalar(s) => {
            let unknown =
                || SearchError::Variable { variable: scalars.len(), variables: scalars.len() };
            Form::Variable(scalars.iter().position(|known| known == s).ok_or_else(unknown)?)
        }
        Expr::Sum(terms) => Form::Sum(all(terms)?),
        Expr::Product(factors) => Form::Product(all(factors)?),
        Expr::Pow(base, n) => {
            let exponent = Number::new(*n).ok_or_else(|| SearchError::NotFinite {
                what: "an exponent".into(),
                sample: 0,
                value: *n,
            })?;
            Form::Power(Box::new(read(base, scalars, constants)?), exponent)
        }
        Expr::Apply(f, x) => Form::Apply(*f, Box::new(read(x, scalars, constants)?)),
    })
}
