//! Constants that another takes in: c (a x + b)^n is c a^n (x + b/a)^n, which has one less.

use crate::expr::{Expr, Function};

/// A form up to a constant without the constants that a coefficient, or the additive one, can take
/// in. Each of its terms is to have a coefficient.
pub(crate) fn absorbed(form: &Expr) -> Expr {
    let inner = within(form);
    match &inner {
        Expr::Sum(terms) => Expr::Sum(terms.iter().map(logarithm).collect()),
        term => logarithm(term),
    }
}

/// An expression of the same value in which a coefficient takes in the numbers inside its factors.
fn within(expr: &Expr) -> Expr {
    let inner = expr.map_children(within);
    let Expr::Product(factors) = &inner else { return inner };
    let is_number = |f: &&Expr| matches!(f, Expr::Constant(_));
    if !factors.iter().any(|f| is_number(&f)) {
        return inner;
    }
    let (numbers, others): (Vec<f64>, Vec<Expr>) =
        factors.iter().map(|f| if is_number(&f) { (1.0, f.clone()) } else { scaled(f) }).unzip();
    // Numbers may be too large or too small. A coefficient stays one, even if it is one.
    let numbers: f64 = numbers.into_iter().product();
    let (own, others): (Vec<Expr>, Vec<Expr>) = others.into_iter().partition(|f| is_number(&f));
    let coefficient: f64 = own.iter().filter_map(Expr::as_constant).product();
    let all = std::iter::once(Expr::Constant(coefficient * numbers)).chain(others).collect();
    if numbers.is_normal() { Expr::Product(all) } else { inner }
}

/// A factor as a number times a function with one constant less, if there is one to take out.
fn scaled(factor: &Expr) -> (f64, Expr) {
    let as_it_is = (1.0, factor.clone());
    match factor {
        Expr::Pow(base, n) => match unit_of(base) {
            Some(unit) => {
                // The sign stays inside a root.
                let unit = if n.fract() == 0.0 { unit } else { unit.abs() };
                (unit.powf(*n), Expr::pow(divided(base, unit), *n))
            }
            None => as_it_is,
        },
        Expr::Apply(Function::Exp, x) => match &**x {
            Expr::Sum(terms) => {
                let (added, moving): (Vec<Expr>, Vec<Expr>) =
                    terms.iter().cloned().partition(|t| matches!(t, Expr::Constant(_)));
                let added: f64 = added.iter().filter_map(Expr::as_constant).sum();
                (added.exp(), Expr::apply(Function::Exp, Expr::sum(moving)))
            }
            _ => as_it_is,
        },
        _ => as_it_is,
    }
}

/// A multiple of a logarithm of a sum up to a constant: c log(a x + b) as c log(x + b/a).
fn logarithm(term: &Expr) -> Expr {
    let shifted = |f: &Expr| match f {
        Expr::Apply(Function::Log, x) => match unit_of(x) {
            Some(unit) => Expr::apply(Function::Log, divided(x, unit.abs())),
            None => f.clone(),
        },
        _ => f.clone(),
    };
    match term {
        Expr::Product(factors)
            if matches!(factors[..], [Expr::Constant(_), Expr::Apply(Function::Log, _)]) =>
        {
            Expr::Product(factors.iter().map(shifted).collect())
        }
        _ => shifted(term),
    }
}

/// The coefficient of the first term of a sum that is not a number; none where some term has none.
fn unit_of(sum: &Expr) -> Option<f64> {
    let Expr::Sum(terms) = sum else { return None };
    let coefficient = |term: &Expr| match term {
        Expr::Product(factors) => factors
            .iter()
            .find_map(|f| if let Expr::Constant(c) = f { Some(*c) } else { None })
            .unwrap_or(1.0),
        _ => 1.0,
    };
    let units: Vec<f64> =
        terms.iter().filter(|t| !matches!(t, Expr::Constant(_))).map(coefficient).collect();
    let is_one = |unit: &f64| unit.abs() == 1.0;
    units
        .first()
        .copied()
        .filter(|first| !units.iter().any(is_one) && *first != 0.0 && first.is_finite())
}

fn divided(sum: &Expr, by: f64) -> Expr {
    let Expr::Sum(terms) = sum else { return sum.clone() };
    Expr::sum(terms.iter().map(|term| Expr::product([Expr::Constant(1.0 / by), term.clone()])))
}

#[cfg(test)]
mod tests {
    use super::absorbed;
    use crate::expr::Expr;

    #[test]
    fn one_constant_less_and_the_same_slopes() {
        for (text, constants) in [
            ("0.05/(0.031*norm(q1) + 0.009)", 2),
            ("2*sqrt(3*norm(q1)**2 + 0.5)", 2),
            ("-1.5*(-0.7*norm(q1) - 2.2)**2", 2),
            ("3*exp(-0.8*norm(q1) + 0.4)", 2),
            ("-2.7*log(20.5*norm(q1) + 3) + 1.2*norm(q1)", 3),
            ("0.4*(3*(2*norm(q1) + 1)**1.7 + 5*norm(q1))**2", 4),
        ] {
            let form: Expr = text.parse().unwrap();
            let less = absorbed(&form);
            assert_eq!(less.constants().len(), constants, "{less}");
            assert!(less.constants().len() < form.constants().len(), "{less}");
            let value = |e: &Expr, r: f64| e.evaluate_with(&[r], &e.constants());
            let shift = value(&less, 1.0) - value(&form, 1.0);
            for r in [0.3, 0.9, 2.4] {
                assert!((value(&less, r) - value(&form, r) - shift).abs() < 1e-12, "{form} {less}");
            }
        }
    }

    #[test]
    fn what_has_no_constant_too_many_stays() {
        for text in [
            "0.5*(norm(q1) - 1.2)**2",
            "2/(norm(q1) + 0.3)",
            "sqrt(2*norm(q1) + 1)",
            "0.3*norm(q1)**2",
            "1.4*log(norm(q1)**2 + 0.5)",
        ] {
            let form: Expr = text.parse().unwrap();
            assert_eq!(absorbed(&form), form.simplified());
        }
    }
}
