//! What the constants of a Hamiltonian mean: masses, springs, fields.
//!
//! The Hamiltonian is multiplied out, so that it does not matter how it was factored:
//! - `c*dot(p1,p1)` is the kinetic energy of a mass m1 = 1/(2c);
//! - `a*norm(v)**2 + b*norm(v)`, v of positions, is a spring k/2 (|v| - l)^2 of stiffness k = 2a
//!   and natural length l = -b/(2a);
//! - `c*norm(v)**n`, `c*log(norm(v))`, `c*exp(..)` have the strength c;
//! - `c*dot(g,q1)` is the potential of a mass in a uniform field: -c/m1 times g is its
//!   acceleration; if g is that acceleration, -c is the mass again;
//! - what no term has for its coefficient is an exponent or a number inside a function;
//! - `c/norm(q2-q1)` between masses that attract each other has -c/(m1 m2) = G, about a fixed
//!   centre `c/norm(q1)` has -c/m1 = GM.

use ndarray::{Array1, Array2};

use crate::expr::{Expr, Scalar, Vector, snap};
use crate::recover::error::RecoverError;
use crate::recover::read::named_form::NamedTerm;
use crate::recover::read::place::{Place, place};
use crate::rewrite::{Term, ValueWithGradient, multiply_out};

/// A constant of physics found in a Hamiltonian.
#[derive(Clone, Debug, PartialEq)]
pub struct PhysicalConstant {
    /// Its name: `m1` the mass of particle 1, `k1`, `l1` stiffness and natural length of the first
    /// spring, `g1` the strength of the field `g` on particle 1, `c1` the strength of another term,
    /// `n1` an exponent, `a1` a number inside a function.
    pub name: String,
    /// In words.
    pub meaning: String,
    /// Its value.
    pub value: f64,
    /// Its derivatives by the constants of the expression, in their order.
    pub gradient: Vec<f64>,
    /// Its standard error by the delta method, when a covariance was given that is not zero.
    pub standard_error: Option<f64>,
    /// The whole number or simple fraction that it agrees with, if any.
    pub snapped: Option<f64>,
}

impl PhysicalConstant {
    /// Whether it depends on any constant of the expression. Else the form itself has it, such as a
    /// coefficient of one, which is no estimate.
    pub fn is_fitted(&self) -> bool {
        self.gradient.iter().any(|d| *d != 0.0)
    }
}

/// The physics read from a Hamiltonian.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Masses, then springs, then fields, then strengths `c1`, `c2`, .. of other terms, then
    /// exponents `n1`, .. and numbers inside functions `a1`, ..: together they have all constants
    /// of the expression but additive ones.
    pub constants: Vec<PhysicalConstant>,
    /// What other terms say of a constant, if physics is as usual: the mass `m1` from its weight in
    /// a field, `G` from every pair of masses, `GM` from every mass about the centre. `meaning` is
    /// what the constant does there. Only where several agree is it one constant.
    pub repeated: Vec<PhysicalConstant>,
    /// Terms of the multiplied-out Hamiltonian that are none of these; no additive constants.
    pub unread: Vec<Expr>,
    /// All of these terms.
    pub(crate) terms: Vec<NamedTerm>,
}

/// A constant agrees with a simple number within this many standard errors.
const SIGMAS: f64 = 3.0;

/// And within this relative distance, however uncertain it is.
const RELATIVE: f64 = 1e-3;

/// The relative distance without a standard error.
const RELATIVE_UNKNOWN: f64 = 1e-6;

/// Reads masses, springs and fields from a Hamiltonian of any number of particles, positions `q1`,
/// `q2`, ... and momenta `p1`, `p2`, ...; standard errors from the covariance of its
/// [constants](Expr::constants), an n x n matrix in their order.
///
/// # Errors
/// The covariance is not n x n.
pub fn read_constants(
    expr: &Expr,
    covariance: Option<&Array2<f64>>,
) -> Result<Reading, RecoverError> {
    let constants = expr.constants().len();
    if let Some((rows, columns)) = covariance.map(Array2::dim)
        && (rows, columns) != (constants, constants)
    {
        return Err(RecoverError::Covariance { rows, columns, constants });
    }
    let mut terms = multiply_out(expr);
    // What depends on no state, such as dot(g,q0), is an additive constant.
    let moves =
        |name: &String| name != "q0" && ['q', 'p'].iter().any(|kind| index(name, *kind).is_some());
    terms.retain(|t| {
        t.coefficient.value != 0.0 && t.powers.iter().any(|(e, _)| e.names().iter().any(moves))
    });
    let masses = take_masses(&mut terms);
    let springs = take_springs(&mut terms);
    let fields = take_fields(&mut terms, &masses);
    let strengths = take_strengths(&mut terms);
    let (mut found, mut repeated) = (Vec::new(), Vec::new());
    let mut named: Vec<NamedTerm> =
        masses.iter().map(|(i, _)| NamedTerm::new(format!("norm(p{i})**2/(2*{{m{i}}})"))).collect();
    for (s, spring) in springs.into_iter().enumerate() {
        let (k, length) = (s + 1, Expr::norm(spring.vector.clone()));
        let stretch = if spring.length.is_some() {
            format!("({length} - {{l{k}}})")
        } else {
            length.to_string()
        };
        named.push(NamedTerm::new(format!("{{k{k}}}/2*{stretch}**2")));
        found.push((
            format!("k{}", s + 1),
            format!("stiffness of the spring along {}", spring.vector),
            spring.stiffness,
        ));
        if let Some(length) = spring.length {
            found.push((
                format!("l{}", s + 1),
                format!("natural length of the spring along {}", spring.vector),
                length,
            ));
        }
    }
    for (field, i, weight) in fields {
        let strength = masses.iter().find(|(j, _)| *j == i).map(|(_, mass)| weight.over(mass));
        let common = (repeated.len(), format!("-{{m{i}}}*dot({field},q{i})"));
        let name = strength_name(&field, i);
        named.push(NamedTerm {
            own: format!("-{{m{i}}}*{{{name}}}*dot({field},q{i})"),
            common: Some(common),
        });
        repeated.push((format!("m{i}"), format!("feels {field}"), weight));
        found.extend(
            strength
                .map(|s| (name, format!("acceleration of particle {i} in units of {field}"), s)),
        );
    }
    for (s, (base, n, strength)) in strengths.into_iter().enumerate() {
        let attraction = attraction(&base, n, &strength, &masses);
        let inverse = n == -1.0 && matches!(base, Expr::Scalar(Scalar::Norm(_)));
        let hint = if inverse { " (a product of charges, or -G m M)" } else { "" };
        let term = |strength: &str| match inverse {
            true => format!("{strength}/{base}"),
            false => format!("{strength}*{}", Expr::pow(base.clone(), n)),
        };
        let product =
            attraction.as_ref().map(|(name, _, masses, _)| format!("-{{{name}}}{masses}"));
        named.push(NamedTerm {
            own: term(&format!("{{c{}}}", s + 1)),
            common: product.map(|p| (repeated.len(), term(&p))),
        });
        found.push((
            format!("c{}", s + 1),
            format!("strength of {}{hint}", rounded(&Expr::pow(base, n))),
            strength,
        ));
        repeated.extend(attraction.map(|(name, role, _, strength)| (name, role, strength)));
    }
    for term in terms.iter().filter(|term| term.coefficient.gradient.iter().any(|d| *d != 0.0)) {
        let number = 1 + found.iter().filter(|(name, ..)| index(name, 'c').is_some()).count();
        found.push((
            format!("c{number}"),
            format!("coefficient of {}", rounded(&term.without_coefficient())),
            term.coefficient.clone(),
        ));
    }
    let named_so_far =
        || masses.iter().map(|(_, mass)| mass).chain(found.iter().map(|(_, _, constant)| constant));
    let has = |i: usize| named_so_far().any(|constant| constant.gradient[i] != 0.0);
    let inner = inner_constants(expr, &(0..constants).filter(|&i| !has(i)).collect::<Vec<_>>());
    found.extend(inner);
    let mass =
        |(i, m): (usize, ValueWithGradient)| (format!("m{i}"), format!("mass of particle {i}"), m);
    let with_error = |(name, meaning, tracked)| physical(name, meaning, tracked, covariance);
    Ok(Reading {
        constants: masses.into_iter().map(mass).chain(found).map(with_error).collect(),
        repeated: repeated.into_iter().map(with_error).collect(),
        terms: named,
        unread: terms.iter().map(Term::expression).collect(),
    })
}

/// Constants of an expression, by number, that no term has for its coefficient; those that are
/// added to all have no effect.
fn inner_constants(expr: &Expr, numbers: &[usize]) -> Vec<(String, String, ValueWithGradient)> {
    let values = expr.constants();
    let (mut exponents, mut others) = (Vec::new(), Vec::new());
    for &i in numbers {
        let constant = ValueWithGradient::constant(values[i], i, values.len());
        match place(expr, i) {
            Some(Place::Exponent(base)) => {
                exponents.push((
                    format!("n{}", exponents.len() + 1),
                    format!("exponent of {}", rounded(base)),
                    constant,
                ));
            }
            Some(Place::Inside(about)) if about.as_constant().is_none() => {
                others.push((
                    format!("a{}", others.len() + 1),
                    format!("number in {}", rounded(about)),
                    constant,
                ));
            }
            _ => {}
        }
    }
    exponents.extend(others);
    exponents
}

/// With numbers to five digits, for words.
fn rounded(expr: &Expr) -> Expr {
    let short = |c: &f64| format!("{c:.4e}").parse().unwrap_or(*c);
    expr.with_constants(&expr.constants().iter().map(short).collect::<Vec<f64>>())
}

fn physical(
    name: String,
    meaning: String,
    tracked: ValueWithGradient,
    covariance: Option<&Array2<f64>>,
) -> PhysicalConstant {
    let ValueWithGradient { value, gradient } = tracked;
    let standard_error = covariance.and_then(|c| {
        let (gradient, sizes) =
            (Array1::from(gradient.clone()), Array1::from_iter(gradient.iter().map(|g| g.abs())));
        // Where errors cancel, roundoff of what cancels is left.
        let variance =
            gradient.dot(&c.dot(&gradient)).max(f64::EPSILON * sizes.dot(&c.abs().dot(&sizes)));
        (variance > 0.0).then(|| variance.sqrt())
    });
    let window = standard_error
        .map_or(RELATIVE_UNKNOWN * value.abs(), |se| (SIGMAS * se).min(RELATIVE * value.abs()));
    PhysicalConstant {
        name,
        meaning,
        value,
        snapped: snap(value, window),
        gradient,
        standard_error,
    }
}

/// The name of what a field does to a particle: none that a mass, a spring or a strength has.
fn strength_name(field: &str, i: usize) -> String {
    let name = format!("{field}{i}");
    let taken = ['m', 'k', 'l', 'c', 'n', 'a'].iter().any(|kind| index(&name, *kind).is_some());
    if taken { format!("a_{name}") } else { name }
}

/// The number at the end of a name of this kind: 2 for `p2`, kind `p`.
fn index(name: &str, kind: char) -> Option<usize> {
    name.strip_prefix(kind).and_then(|digits| digits.parse().ok())
}

/// The one name of a vector that is a single name without a factor.
fn single(v: &Vector) -> Option<&str> {
    match v.terms() {
        [(name, 1.0)] => Some(name),
        _ => None,
    }
}

fn take_masses(terms: &mut Vec<Term>) -> Vec<(usize, ValueWithGradient)> {
    let mut masses = Vec::new();
    // What also has a product of two momenta says nothing of a single mass, nor does what is below
    // zero.
    let momenta =
        |e: &Expr| e.names().iter().filter_map(|name| index(name, 'p')).collect::<Vec<_>>();
    let mixed: Vec<usize> = terms
        .iter()
        .flat_map(|t| &t.powers)
        .map(|(e, _)| momenta(e))
        .filter(|p| p.len() > 1)
        .flatten()
        .collect();
    terms.retain(|term| {
        let particle = match &term.powers[..] {
            [(Expr::Scalar(Scalar::Norm(v)), 2.0)] => single(v).and_then(|name| index(name, 'p')),
            _ => None,
        };
        let particle = particle.filter(|i| term.coefficient.value > 0.0 && !mixed.contains(i));
        if let Some(i) = particle {
            let one = ValueWithGradient::exact(1.0, term.coefficient.gradient.len());
            masses.push((i, one.over(&term.coefficient.scaled(2.0))));
        }
        particle.is_none()
    });
    masses.sort_by_key(|(i, _)| *i);
    masses
}

struct Spring {
    vector: Vector,
    stiffness: ValueWithGradient,
    length: Option<ValueWithGradient>,
}

fn take_springs(terms: &mut Vec<Term>) -> Vec<Spring> {
    let length_of = |term: &Term, power: f64| match &term.powers[..] {
        [(Expr::Scalar(Scalar::Norm(v)), n)]
            if *n == power && v.terms().iter().all(|(name, _)| index(name, 'q').is_some()) =>
        {
            Some(v.clone())
        }
        _ => None,
    };
    let mut springs: Vec<Spring> = Vec::new();
    terms.retain(|term| {
        let vector = length_of(term, 2.0);
        if let Some(vector) = &vector {
            springs.push(Spring {
                vector: vector.clone(),
                stiffness: term.coefficient.scaled(2.0),
                length: None,
            });
        }
        vector.is_none()
    });
    terms.retain(|term| {
        let spring = length_of(term, 1.0).and_then(|v| springs.iter_mut().find(|s| s.vector == v));
        let Some(spring) = spring else { return true };
        spring.length = Some(term.coefficient.over(&spring.stiffness).scaled(-1.0));
        false
    });
    springs.sort_by(|a, b| {
        a.vector
            .terms()
            .len()
            .cmp(&b.vector.terms().len())
            .then_with(|| a.vector.total_cmp(&b.vector))
    });
    springs
}

/// Coefficients of what is a function of one length or difference of positions: other powers,
/// logarithms, exponentials.
fn take_strengths(terms: &mut Vec<Term>) -> Vec<(Expr, f64, ValueWithGradient)> {
    let mut strengths = Vec::new();
    terms.retain(|term| {
        let [(base, n)] = &term.powers[..] else { return true };
        let names = base.names();
        let of_positions = !names.is_empty() && names.iter().all(|name| index(name, 'q').is_some());
        let length = matches!(base, Expr::Scalar(Scalar::Norm(_)));
        if !of_positions
            || !(length || matches!(base, Expr::Apply(..)))
            || (length && [1.0, 2.0].contains(n))
        {
            return true;
        }
        strengths.push((base.clone(), *n, term.coefficient.clone()));
        false
    });
    strengths
}

/// The constant of gravity behind the strength of an inverse distance, on whom it acts, the masses
/// in it: of two, or of one about the centre.
fn attraction(
    base: &Expr,
    n: f64,
    strength: &ValueWithGradient,
    masses: &[(usize, ValueWithGradient)],
) -> Option<(String, String, String, ValueWithGradient)> {
    let Expr::Scalar(Scalar::Norm(v)) = base else { return None };
    let mass = |(name, _): &(String, f64)| {
        index(name, 'q').and_then(|i| masses.iter().find(|(j, _)| *j == i))
    };
    let ends: Vec<_> = v.terms().iter().filter_map(mass).collect();
    let pull = strength.scaled(-1.0);
    match (v.terms(), &ends[..]) {
        _ if n != -1.0 => None,
        ([_], [(i, m)]) => {
            Some(("GM".into(), format!("on {i}"), format!("*{{m{i}}}"), pull.over(m)))
        }
        ([(_, a), (_, b)], [(i, m), (j, other)]) if a + b == 0.0 => Some((
            "G".into(),
            format!("between {i} and {j}"),
            format!("*{{m{i}}}*{{m{j}}}"),
            pull.over(&m.times(other)),
        )),
        _ => None,
    }
}

/// Uniform fields, the particles in them, and what is to be the mass if the field is an
/// acceleration.
fn take_fields(
    terms: &mut Vec<Term>,
    masses: &[(usize, ValueWithGradient)],
) -> Vec<(String, usize, ValueWithGradient)> {
    let mut fields = Vec::new();
    terms.retain(|term| {
        let [(Expr::Scalar(Scalar::Dot(a, b)), 1.0)] = &term.powers[..] else { return true };
        let (Some(a), Some(b)) = (single(a), single(b)) else { return true };
        let of_particle = |name: &str| index(name, 'q').or_else(|| index(name, 'p')).is_some();
        let (field, position) = if of_particle(a) { (b, a) } else { (a, b) };
        let particle = index(position, 'q')
            .filter(|i| !of_particle(field) && masses.iter().any(|(j, _)| j == i));
        let Some(i) = particle else { return true };
        fields.push((field.to_owned(), i, term.coefficient.scaled(-1.0)));
        false
    });
    fields.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    fields
}
