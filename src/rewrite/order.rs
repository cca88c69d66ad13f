//! The order in which people write the terms of an energy.

use std::cmp::Ordering;

use crate::expr::{Expr, Scalar, Vector};

/// An equal expression, its sums and products in reading order: kinetic terms (of momenta) first,
/// then functions of distances, then terms that join different kinds of vectors, such as fields;
/// numbers last in a sum and first in a product, divisors last.
pub fn ordered(expr: &Expr) -> Expr {
    match expr {
        Expr::Constant(_) | Expr::Scalar(_) => expr.clone(),
        Expr::Sum(terms) => {
            let flat = |e: Expr| if let Expr::Sum(inner) = e { inner } else { vec![e] };
            let mut terms: Vec<Expr> = terms.iter().map(ordered).flat_map(flat).collect();
            terms.sort_by(compare_terms);
            Expr::Sum(terms)
        }
        Expr::Product(factors) => {
            let flat = |e: Expr| if let Expr::Product(inner) = e { inner } else { vec![e] };
            let mut factors: Vec<Expr> = factors.iter().map(ordered).flat_map(flat).collect();
            factors.sort_by(compare_factors);
            Expr::Product(factors)
        }
        Expr::Pow(base, n) => Expr::Pow(Box::new(ordered(base)), *n),
        Expr::Apply(f, x) => Expr::Apply(*f, Box::new(ordered(x))),
    }
}

/// 0 for terms of momenta alone, 1 for functions of distances, 2 for inner products of positions, 3
/// for other terms, 4 for numbers.
fn rank(term: &Expr) -> u8 {
    let scalars = term.scalars();
    let momentum = |v: &Vector| v.terms().iter().all(|(name, _)| name.starts_with('p'));
    if scalars.is_empty() {
        4
    } else if scalars.iter().all(|s| s.vectors().all(momentum)) {
        0
    } else if scalars.iter().all(|s| matches!(s, Scalar::Norm(_))) {
        1
    } else if scalars
        .iter()
        .all(|s| s.vectors().all(|v| v.terms().iter().all(|(name, _)| name.starts_with('q'))))
    {
        2
    } else {
        3
    }
}

fn compare_terms(a: &Expr, b: &Expr) -> Ordering {
    let scalars = |a: &Expr, b: &Expr| {
        let (a, b) = (a.scalars(), b.scalars());
        let vectors = |s: &Scalar| s.vectors().map(|v| v.terms().len()).sum::<usize>();
        let pairs =
            a.iter().zip(&b).map(|(a, b)| vectors(a).cmp(&vectors(b)).then_with(|| a.total_cmp(b)));
        pairs.into_iter().find(|o| o.is_ne()).unwrap_or_else(|| b.len().cmp(&a.len()))
    };
    // Of one scalar, the higher power comes first.
    rank(a)
        .cmp(&rank(b))
        .then_with(|| scalars(a, b))
        .then_with(|| degree(b).total_cmp(&degree(a)))
        .then_with(|| a.total_cmp(b))
}

fn degree(term: &Expr) -> f64 {
    match term {
        Expr::Product(factors) => factors.iter().map(degree).sum(),
        Expr::Pow(_, n) => *n,
        Expr::Constant(_) => 0.0,
        _ => 1.0,
    }
}

fn compare_factors(a: &Expr, b: &Expr) -> Ordering {
    let kind = |e: &Expr| match e {
        Expr::Constant(_) => 0,
        Expr::Pow(_, n) if *n < 0.0 => 2,
        _ => 1,
    };
    kind(a).cmp(&kind(b)).then_with(|| compare_terms(a, b))
}
