//! The scalars that terms are made of, and their powers.

use crate::recover::grow::term::{Factor, Shape, Term};

/// A scalar that terms are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered {
    pub scalar: usize,
    /// The range of its values; from zero where a length passes through zero.
    pub range: (f64, f64),
    /// What its values here are to be multiplied by to be those of the table.
    pub unit: f64,
    /// Whether it depends on momenta.
    pub has_momenta: bool,
    /// Whether it is of momenta alone and, squared where it is a length, a product of two of them.
    pub is_quadratic_in_momenta: bool,
    /// Whether it is a class of scalars.
    pub is_class: bool,
    /// Whether it is a length, whose odd powers are no polynomials of the components.
    pub is_length: bool,
    /// Whether it is a length that is the same in all of the data: which function of it the law has
    /// can't be told.
    pub is_constant: bool,
    /// Whether it is one that stays the same while momenta change: what holds it, such as a rod, pulls
    /// the more the faster it goes, so that functions of this length alone are not enough at any
    /// other energy.
    pub is_held: bool,
    /// Whether it is told of only where it is multiplied with what vanishes in all of the data: a
    /// momentum's length beside a known kinetic energy.
    pub is_beside: bool,
    /// Whether, in one dimension, it is as large as a component along an axis that keeps its sign:
    /// odd powers alone are rather those of the component, which go on through zero without a kink.
    pub is_component: bool,
}

/// Exponents in products, of momenta, of lengths and of what may change its sign.
const IN_PRODUCTS_OF_MOMENTA: [f64; 2] = [2.0, 4.0];
const IN_PRODUCTS_OF_LENGTHS: [f64; 9] = [1.0, 2.0, -1.0, -2.0, -3.0, 4.0, -4.0, -5.0, 3.0];
const IN_PRODUCTS_OF_COMPONENTS: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

/// Numbers that are added inside are tried where they keep the sum from vanishing by these parts of
/// the argument's range; of cosines by these parts of one.
pub(super) const BEYOND: [f64; 6] = [0.05, 0.15, 0.4, 1.0, 2.5, 6.0];

pub(super) fn factor(o: &Offered, shape: Shape, inside: f64) -> Factor {
    Factor::new(o.scalar, shape, inside)
}

/// Powers; of what passes through zero only those that are finite there.
pub(super) fn powers(o: &Offered, exponents: &[f64]) -> Vec<Factor> {
    let is_finite = |n: &&f64| **n > 0.0 || o.range.0 > 0.0;
    exponents.iter().filter(is_finite).map(|n| factor(o, Shape::Power(*n), 0.0)).collect()
}

pub(super) fn product_powers(o: &Offered) -> Vec<Factor> {
    let exponents: &[f64] = match (o.is_length, o.has_momenta) {
        (true, true) => &IN_PRODUCTS_OF_MOMENTA,
        (true, false) => &IN_PRODUCTS_OF_LENGTHS,
        _ => &IN_PRODUCTS_OF_COMPONENTS,
    };
    powers(o, exponents)
}

/// Products that are made, about: a pool has room for fewer.
const MOST_PAIRS: usize = 1 << 16;

/// Products of a factor of one scalar and a factor of a later one.
pub(super) fn pairs(
    offered: &[Offered],
    first: impl Fn(&Offered) -> Vec<Factor>,
    second: impl Fn(&Offered) -> Vec<Factor>,
) -> Vec<Term> {
    let mut found = Vec::new();
    let alone: Vec<&Offered> = offered.iter().filter(|o| !o.is_class && !o.is_constant).collect();
    for (k, a) in alone.iter().enumerate() {
        let firsts = first(a);
        for b in &alone[k + 1..] {
            for g in second(b) {
                found.extend(firsts.iter().map(|f| Term(vec![*f, g])));
            }
            if found.len() > MOST_PAIRS {
                return found;
            }
        }
    }
    found
}

/// Products with what vanishes in all of the data, the square of a constant length less its value: to
/// first order in it any law on such a surface is a function of the other scalars and another one
/// times this, such as the tension of a rod.
pub(super) fn on_surfaces(offered: &[Offered]) -> Vec<Term> {
    let single = offered.iter().filter(|o| !o.is_class);
    let (constant, others): (Vec<&Offered>, Vec<&Offered>) = single.partition(|o| o.is_constant);
    let surfaces = constant.into_iter().filter(|o| !o.has_momenta);
    let products = surfaces.flat_map(|o| {
        let vanishing = factor(o, Shape::Vanishing(o.range.1.powi(2)), 0.0);
        let factors = others.iter().flat_map(|other| product_powers(other));
        factors.map(move |f| Term(vec![f, vanishing])).collect::<Vec<_>>()
    });
    products.collect()
}

/// Without the scalars that depend on momenta, if the kinetic energy is known; on a surface of a
/// constant length their squares stay beside it.
pub(super) fn without_momenta(offered: &[Offered], is_known: bool) -> Vec<Offered> {
    let is_surface = offered.iter().any(|o| o.is_constant && !o.has_momenta);
    let left = offered.iter().filter_map(|o| match is_known && o.has_momenta {
        true if is_surface && o.is_quadratic_in_momenta => Some(Offered { is_beside: true, ..*o }),
        true => None,
        false => Some(*o),
    });
    left.collect()
}
