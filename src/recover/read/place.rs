//! Where a constant stands that no term has for its coefficient: in an exponent, or inside a
//! function.

use crate::expr::{Expr, is_free};

/// A place of a constant.
pub(crate) enum Place<'a> {
    /// The exponent of this.
    Exponent(&'a Expr),
    /// Inside this function or power, or in this term.
    Inside(&'a Expr),
}

/// Where the constant of a number stands, in the order of [`Expr::constants`]; the innermost
/// function or power about it.
pub(crate) fn place(expr: &Expr, number: usize) -> Option<Place<'_>> {
    find(expr, expr, &mut { number })
}

fn find<'a>(expr: &'a Expr, about: &'a Expr, left: &mut usize) -> Option<Place<'a>> {
    // Counts a constant; whether it is the one.
    let mut is_it = || match left.checked_sub(1) {
        Some(less) => {
            *left = less;
            false
        }
        None => true,
    };
    match expr {
        Expr::Constant(_) => is_it().then_some(Place::Inside(about)),
        Expr::Scalar(_) => None,
        Expr::Sum(terms) if std::ptr::eq(expr, about) => {
            terms.iter().find_map(|term| find(term, term, left))
        }
        Expr::Sum(parts) | Expr::Product(parts) => {
            parts.iter().find_map(|part| find(part, about, left))
        }
        Expr::Pow(base, n) if is_free(*n) && is_it() => Some(Place::Exponent(base)),
        Expr::Pow(inner, _) | Expr::Apply(_, inner) => find(inner, expr, left),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, place};
    use crate::expr::Expr;

    #[test]
    fn constants_are_found_where_they_stand() {
        let law: Expr =
            "0.5*norm(p1)**2 + 3*norm(q1)**1.7*exp(-0.8*sqrt(norm(q1) + 2.5)) + log(4*norm(q1))"
                .parse()
                .unwrap();
        let places: Vec<String> = (0..)
            .map_while(|k| place(&law, k))
            .map(|place| match place {
                Place::Exponent(base) => format!("exponent of {base}"),
                Place::Inside(about) => about.to_string(),
            })
            .collect();
        let values = law.constants();
        let of = |value: f64| &places[values.iter().position(|c| *c == value).unwrap()][..];
        assert_eq!(places.len(), values.len());
        assert_eq!(of(0.5), "0.5*norm(p1)**2");
        assert_eq!(of(1.7), "exponent of norm(q1)");
        assert_eq!(of(-0.8), "exp(-0.8*sqrt(norm(q1) + 2.5))");
        assert_eq!(of(2.5), "sqrt(norm(q1) + 2.5)");
        assert_eq!(of(4.0), "log(4*norm(q1))");
    }
}
