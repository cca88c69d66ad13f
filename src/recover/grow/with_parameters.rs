//! Terms times powers of parameters, which each run has its own of: coefficients that differ from run
//! to run.

use crate::recover::grow::term::{Factor, Shape, Term};
use crate::recover::problem::catalogue::Catalogue;

/// A parameter and the range of its values.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    pub scalar: usize,
    pub range: (f64, f64),
}

/// Exponents of a parameter, and of each of two, the plainer first; those below zero where it has one
/// sign, roots where that is the positive one.
const ALONE: [f64; 6] = [1.0, -1.0, 2.0, -2.0, 0.5, -0.5];
const OF_TWO: [f64; 4] = [1.0, -1.0, 2.0, -2.0];

/// Powers of a parameter.
fn powers(parameter: &Parameter, exponents: &[f64]) -> Vec<Factor> {
    let (low, high) = parameter.range;
    let is_finite = |n: &&f64| match n.fract() == 0.0 {
        true => **n > 0.0 || low * high > 0.0,
        false => low > 0.0,
    };
    let power = |n: &f64| Factor::new(parameter.scalar, Shape::Power(*n), 0.0);
    exponents.iter().filter(is_finite).map(power).collect()
}

/// Products that are made, about, before the plainest are taken.
const MOST: usize = 1 << 17;

/// Of some terms, the plainest first, what they are times powers of one parameter, and of two: of as
/// many terms as there is room for.
pub(super) fn times_parameters(
    terms: &[Term],
    parameters: &[Parameter],
    catalogue: &Catalogue,
) -> Vec<Term> {
    let mut monomials: Vec<Vec<Factor>> = Vec::new();
    for parameter in parameters {
        monomials.extend(powers(parameter, &ALONE).into_iter().map(|power| vec![power]));
    }
    for (k, second) in parameters.iter().enumerate() {
        for first in &parameters[..k] {
            for a in powers(first, &OF_TWO) {
                monomials.extend(powers(second, &OF_TWO).into_iter().map(|b| vec![a, b]));
            }
        }
    }
    // A product is of single scalars.
    let is_single = |term: &&Term| !term.0.iter().any(|f| catalogue.is_class(f.scalar));
    let room = MOST / monomials.len().max(1);
    let single: Vec<&Term> = terms.iter().filter(is_single).take(room).collect();
    let times = |monomial: &Vec<Factor>| -> Vec<Term> {
        let product = |term: &&Term| Term([&monomial[..], &term.0].concat());
        single.iter().map(product).collect()
    };
    monomials.iter().flat_map(times).collect()
}
