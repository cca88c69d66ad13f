//! Constants that agree: the same stiffness in two springs, the same mass of two particles; and one
//! constant in terms of different kinds, such as the mass in the kinetic energy and in a field, or
//! the constant of gravity between several masses.

use ndarray::{Array1, Array2, Axis};

use crate::expr::Expr;
use crate::recover::error::RecoverError;
use crate::recover::read::constants::{PhysicalConstant, Reading, read_constants};
use crate::recover::read::named_form::{Merged, merged};
use crate::rewrite::{SimplifyOptions, simplify_up_to_constant};

/// Constants that agree within their errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// Their names, such as `k1` and `k2`, or `m1` alone when the mass is in terms of several
    /// kinds.
    pub names: Vec<String>,
    /// In words.
    pub meaning: String,
    /// Their common value, the one that fits best under all these equalities.
    pub value: f64,
    /// Its standard error, with all such groups held equal; none when it is held to a number that
    /// was not fitted.
    pub standard_error: Option<f64>,
}

/// Constants agree within so many standard errors of their difference..
const SIGMAS: f64 = 3.0;

/// ..which must be below this part of their size, or agreement says nothing; rounding is no
/// difference.
const KNOWN: f64 = 0.01;

const ROUNDING: f64 = 1e-13;

/// Inertial and gravitational mass are expected to be one: there each of the two need only be known
/// to this part.
const EXPECTED: f64 = 0.05;

/// An equality whose gradient is, but for this part, a sum of those of others follows from these.
const FOLLOWS: f64 = 1e-6;

/// Steps of Newton's method for equalities that are not linear, and the relative difference that is
/// left at most.
const STEPS: usize = 12;

const EQUAL: f64 = 1e-11;

/// What agrees, the expression with that held equal, and the same in the names of the constants.
pub(crate) struct EqualConstants {
    pub shared: Vec<Shared>,
    pub expression: Expr,
    pub merged: Merged,
}

/// Finds constants that agree, and the expression with these held equal, the other constants fitted
/// again to second order of the loss.
///
/// # Errors
/// Rewriting fails.
pub(crate) fn shared_constants(
    expr: &Expr,
    covariance: &Array2<f64>,
    reading: &Reading,
) -> Result<Option<EqualConstants>, RecoverError> {
    let groups = groups(reading, covariance);
    let start = Array1::from(expr.constants());
    let (mut point, mut now) = (start.clone(), reading.clone());
    // The equalities are linearised about the last point, until they hold there.
    for _ in 0..STEPS {
        let all = estimates(&now);
        let mut held = EqualityConstraints::new(&start, covariance);
        let new: Vec<bool> =
            groups.iter().map(|group| held.hold_all(&all, group, &point)).collect();
        if !new.contains(&true) {
            return Ok(None);
        }
        if groups.iter().all(|group| spread(&all, group) <= EQUAL) {
            let shared = groups
                .iter()
                .zip(new)
                .filter(|(_, new)| *new)
                .map(|(group, _)| shared(&now, group, &held))
                .collect();
            let tied = expr.with_constants(&rounded_alike(&point.to_vec()));
            let expression =
                simplify_up_to_constant(&tied, &SimplifyOptions::default())?.expression;
            return Ok(Some(EqualConstants {
                shared,
                expression,
                merged: in_names(&now, &groups),
            }));
        }
        point = held.values;
        let next = read_constants(&expr.with_constants(&point.to_vec()), None)?;
        let same = estimates(&next).iter().map(|c| &c.name).eq(all.iter().map(|c| &c.name));
        if !same || point.iter().any(|c| !c.is_finite()) {
            return Ok(None);
        }
        now = next;
    }
    Ok(None)
}

/// Everything that a reading says of constants, in one order whatever the numbers are.
fn estimates(reading: &Reading) -> Vec<&PhysicalConstant> {
    reading.constants.iter().chain(&reading.repeated).collect()
}

/// Constants of an expression under equalities: those that minimise (c - c0)^T C^-1 (c - c0), and
/// what remains of their covariance C.
struct EqualityConstraints {
    start: Array1<f64>,
    free: Array2<f64>,
    values: Array1<f64>,
    covariance: Array2<f64>,
    /// Standard errors at first, and directions that are held, orthonormal in units of these.
    units: Array1<f64>,
    directions: Vec<Array1<f64>>,
}

impl EqualityConstraints {
    fn new(start: &Array1<f64>, covariance: &Array2<f64>) -> Self {
        let units = covariance.diag().mapv(|v| v.max(0.0).sqrt());
        let (values, free) = (start.clone(), covariance.clone());
        Self {
            start: start.clone(),
            values,
            covariance: free.clone(),
            free,
            units,
            directions: Vec::new(),
        }
    }

    /// Holds all of a group equal, linearised at `point`; whether any of that was new.
    fn hold_all(
        &mut self,
        all: &[&PhysicalConstant],
        group: &[usize],
        point: &Array1<f64>,
    ) -> bool {
        let mut new = false;
        for &other in &group[1..] {
            let (d, gradient) = difference(all[group[0]], all[other]);
            new |= self.hold(d - gradient.dot(&(point - &self.start)), &gradient);
        }
        new
    }

    /// Holds d + gradient (c - c0) at zero: c -= C g (g^T C g)^-1 residual; whether that did not
    /// follow from what is held.
    fn hold(&mut self, d: f64, gradient: &Array1<f64>) -> bool {
        let scaled = gradient * &self.units;
        let size = scaled.dot(&scaled).sqrt();
        let project = |v: Array1<f64>| self.directions.iter().fold(v, |v, u| &v - &(u * u.dot(&v)));
        let left = project(project(&scaled / size.max(f64::MIN_POSITIVE)));
        let pull = self.covariance.dot(gradient);
        let (norm, variance) = (left.dot(&left).sqrt(), gradient.dot(&pull));
        if norm <= FOLLOWS || variance <= 0.0 {
            return false;
        }
        self.directions.push(left / norm);
        let residual = d + gradient.dot(&(&self.values - &self.start));
        self.values -= &(&pull * (residual / variance));
        let column = pull.view().insert_axis(Axis(1));
        self.covariance -= &(column.dot(&column.t()) / variance);
        true
    }

    /// The standard error of a constant under the equalities; where errors cancel, roundoff of what
    /// cancels is left.
    fn error(&self, constant: &PhysicalConstant) -> f64 {
        let gradient = Array1::from(constant.gradient.clone());
        let sizes = gradient.mapv(f64::abs);
        gradient
            .dot(&self.covariance.dot(&gradient))
            .max(f64::EPSILON * sizes.dot(&self.free.mapv(f64::abs).dot(&sizes)))
            .sqrt()
    }
}

/// A group with the value and error that it has under all equalities, in words.
fn shared(reading: &Reading, group: &[usize], held: &EqualityConstraints) -> Shared {
    let all = estimates(reading);
    let first = all[group[0]];
    let (named, repeated): (Vec<usize>, Vec<usize>) =
        group.iter().partition(|i| **i < reading.constants.len());
    let mut names: Vec<String> = named.iter().map(|&i| all[i].name.clone()).collect();
    let mut roles: Vec<&str> = repeated.iter().map(|&i| all[i].meaning.as_str()).collect();
    roles.dedup();
    let numbers: Vec<&str> =
        names.iter().map(|name| name.trim_start_matches(|c: char| !c.is_ascii_digit())).collect();
    let meaning = match (&names[..], &roles[..]) {
        (_, []) => format!("{} agree", names.join(", ")),
        ([], _) => format!("{}: one constant acts {}", first.name, roles.join(", ")),
        ([name], _) => {
            format!("{name}: one mass moves particle {} and {}", numbers[0], roles.join(" and "))
        }
        _ => format!(
            "{}: one mass moves particles {} and {}",
            names.join(", "),
            numbers.join(", "),
            roles.join(" and ")
        ),
    };
    if names.is_empty() {
        names.push(first.name.clone());
    }
    let fitted = group.iter().all(|&i| all[i].is_fitted());
    Shared { names, meaning, value: first.value, standard_error: fitted.then(|| held.error(first)) }
}

/// The law in the names of its constants, those of a group under the name of its first.
fn in_names(reading: &Reading, groups: &[Vec<usize>]) -> Merged {
    let (all, named) = (estimates(reading), reading.constants.len());
    let is_one = |repeated: usize| groups.iter().any(|group| group.contains(&(named + repeated)));
    let value = |name: &str| {
        let of_name = |i: &usize| all[*i].name == name && (*i < named || is_one(*i - named));
        let own = (0..all.len()).find(of_name)?;
        let first = groups.iter().find(|group| group.contains(&own)).map_or(own, |group| group[0]);
        Some((all[first].name.clone(), all[first].value))
    };
    let mut merged = merged(&reading.terms, is_one, value);
    for term in &reading.unread {
        merged.expression += &format!(" + {term}").replace("+ -", "- ");
    }
    merged
}

/// Numbers that differ by rounding only become one, so that what they multiply can be put together.
fn rounded_alike(constants: &[f64]) -> Vec<f64> {
    let mut seen: Vec<f64> = Vec::new();
    let alike = |c: &f64| {
        let known = seen.iter().copied().find(|s| (s.abs() - c.abs()).abs() <= 1e-9 * c.abs());
        let value = known.map_or(*c, |s| s.abs() * c.signum());
        seen.push(value);
        value
    };
    constants.iter().map(alike).collect()
}

/// Groups of two and more [estimates] that agree with the first of them: of one kind, as all masses
/// are, and then what other terms say of one of these, or of a constant that has no name. Groups
/// over terms of several kinds come first: others may follow from them.
fn groups(reading: &Reading, covariance: &Array2<f64>) -> Vec<Vec<usize>> {
    let (all, named) = (estimates(reading), reading.constants.len());
    let kind = |i: usize| kind(all[i]);
    let error = |gradient: &Array1<f64>| gradient.dot(&covariance.dot(gradient)).max(0.0).sqrt();
    let within = |a: usize, b: usize| {
        let (d, gradient) = difference(all[a], all[b]);
        let error = error(&gradient);
        (error, error.is_finite() && d.abs() <= SIGMAS * error + ROUNDING * all[a].value.abs())
    };
    let agree = |a: usize, b: usize| {
        let (error, agree) = within(a, b);
        agree && error <= KNOWN * all[a].value.abs()
    };
    let known =
        |i: usize| error(&Array1::from(all[i].gradient.clone())) <= EXPECTED * all[i].value.abs();
    let expected = |a: usize, b: usize| known(a) && known(b) && within(a, b).1;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for i in 0..all.len() {
        // The constant in the group that an estimate is compared with, if it may belong there.
        let rival = |group: &Vec<usize>| match i < named {
            true => (kind(group[0]) == kind(i)).then_some(group[0]),
            false => group.iter().copied().find(|&j| all[j].name == all[i].name),
        };
        let joins = |group: &Vec<usize>| {
            rival(group).is_some_and(|j| if i < named { agree(j, i) } else { expected(j, i) })
        };
        match groups.iter_mut().find(|group| joins(group)) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    // A constant without a number has one value, or its name would be that of two.
    let first_of_name = |i: usize, group: &Vec<usize>| {
        group[0] < named || (named..i).all(|j| all[j].name != all[group[0]].name)
    };
    groups = groups
        .iter()
        .filter(|group| group.len() > 1 && first_of_name(group[0], group))
        .cloned()
        .collect();
    groups.sort_by_key(|group| group.iter().all(|&i| i < named));
    groups
}

/// What constants must have in common to be one: the letter, and of those that any term may have
/// the function that they stand at.
fn kind(constant: &PhysicalConstant) -> (&str, &str) {
    let letter = constant.name.trim_end_matches(|x: char| x.is_ascii_digit());
    let place = if ["a", "c", "n"].contains(&letter) {
        constant.meaning.split('(').next().unwrap_or("")
    } else {
        ""
    };
    (letter, place)
}

/// The largest difference from the first of a group, relative to it.
fn spread(all: &[&PhysicalConstant], group: &[usize]) -> f64 {
    let first = all[group[0]].value;
    group.iter().map(|&i| (all[i].value / first - 1.0).abs()).fold(0.0, f64::max)
}

fn difference(a: &PhysicalConstant, b: &PhysicalConstant) -> (f64, Array1<f64>) {
    (a.value - b.value, Array1::from(a.gradient.clone()) - Array1::from(b.gradient.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ties(text: &str, covariance: &Array2<f64>) -> Option<EqualConstants> {
        let expr: Expr = text.parse().unwrap();
        let reading = read_constants(&expr, Some(covariance)).unwrap();
        shared_constants(&expr, covariance, &reading).unwrap()
    }

    fn found(text: &str, covariance: &Array2<f64>) -> Option<(Vec<Shared>, Expr)> {
        ties(text, covariance).map(|ties| (ties.shared, ties.expression))
    }

    fn of_errors(errors: &[f64]) -> Array2<f64> {
        Array2::from_diag(&Array1::from_iter(errors.iter().map(|e| e * e)))
    }

    /// The mass that minimises (c(m) - c)^T C^-1 (c(m) - c) for c(m) = (0.5 / m, -m), by trial, and
    /// its standard error from the curvature.
    fn by_trial(c: [f64; 2], covariance: &Array2<f64>) -> (f64, f64) {
        let [[a, b], [_, d]] =
            [[covariance[[0, 0]], covariance[[0, 1]]], [covariance[[1, 0]], covariance[[1, 1]]]];
        let chi = |m: f64| {
            let (x, y) = (0.5 / m - c[0], -m - c[1]);
            (d * x * x - 2.0 * b * x * y + a * y * y) / (a * d - b * b)
        };
        let (mut low, mut high) = (-0.5 * c[1], -1.5 * c[1]);
        for _ in 0..200 {
            let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if chi(left) < chi(right) { high = right } else { low = left }
        }
        let (x, y) = (-0.5 / (low * low), -1.0);
        (low, ((a * d - b * b) / (d * x * x - 2.0 * b * x * y + a * y * y)).sqrt())
    }

    #[test]
    fn one_mass_is_the_best_for_both_of_its_terms() {
        // 0.5 / 1.7 = 0.29412: masses of 1.7241 +- 0.012 and 1.69 +- 0.02.
        for correlation in [-0.9, 0.0, 0.6] {
            let mut covariance = of_errors(&[0.002, 0.02]);
            covariance[[0, 1]] = correlation * 0.002 * 0.02;
            covariance[[1, 0]] = covariance[[0, 1]];
            let (shared, tied) = found("0.29*norm(p1)**2 - 1.69*dot(g,q1)", &covariance).unwrap();
            let (value, error) = by_trial([0.29, -1.69], &covariance);
            let [one] = &shared[..] else { panic!("{shared:?}") };
            println!("correlation {correlation}: {one:?}");
            assert_eq!(
                (&one.names[..], &one.meaning[..]),
                (&["m1".into()][..], "m1: one mass moves particle 1 and feels g")
            );
            assert!((one.value / value - 1.0).abs() < 1e-6, "{} {value}", one.value);
            let merged = one.standard_error.unwrap();
            assert!(
                (merged / error - 1.0).abs() < 1e-6 && merged < 0.0119 && merged < 0.02,
                "{merged} {error}"
            );
            let reading = read_constants(&tied, None).unwrap();
            assert!(
                (reading.constants[0].value / reading.repeated[0].value - 1.0).abs() < 1e-11,
                "{tied}"
            );
        }
    }

    #[test]
    fn masses_that_differ_or_are_hardly_known_are_not_tied() {
        // A field that is no acceleration, a difference of 3.5 standard errors, an error of 6 %.
        for (weight, error) in [("2.3", 0.02), ("1.78", 0.02), ("1.72", 0.105)] {
            let text = format!("0.2941176*norm(p1)**2 - {weight}*dot(g,q1)");
            assert_eq!(found(&text, &of_errors(&[0.0017, error])), None, "{weight}");
        }
        // Of a strength that is the same for both particles, only that is one.
        let (shared, _) = found(
            "0.25*norm(p1)**2 + 0.5*norm(p2)**2 - 19.6*dot(g,q1) - 9.8*dot(g,q2)",
            &of_errors(&[1e-4; 4]),
        )
        .unwrap();
        assert!(
            matches!(&shared[..], [one] if one.names == ["g1", "g2"] && (one.value - 9.8).abs() < 1e-3),
            "{shared:?}"
        );
    }

    #[test]
    fn equal_masses_in_a_field_are_one_and_their_equal_field_follows() {
        let text = "0.5001*norm(p1)**2 + 0.4999*norm(p2)**2 - 1.0002*dot(g,q1) - 0.9997*dot(g,q2)";
        let free = of_errors(&[2e-4, 2e-4, 4e-4, 4e-4]);
        let (shared, tied) = found(text, &free).unwrap();
        // Four measurements of one mass, each to 4e-4.
        assert!(
            (shared[0].standard_error.unwrap() / 2e-4 - 1.0).abs() < 1e-2
                && (shared[0].value - 0.999975).abs() < 1e-5,
            "{shared:?}"
        );
        assert!(tied.constants().len() <= 2, "{tied}");
        for k in 0..10 {
            let common = Array1::from_shape_fn(4, |i| 1e-5 * (1 + (i * k + k) % 7) as f64)
                .insert_axis(Axis(1));
            let (shared, _) = found(text, &(&free + &common.dot(&common.t()))).unwrap();
            let [one] = &shared[..] else { panic!("{k}: {shared:?}") };
            assert_eq!(one.meaning, "m1, m2: one mass moves particles 1, 2 and feels g");
        }
    }

    #[test]
    fn masses_that_attract_each_other_have_one_constant_of_gravity() {
        let text = "0.5*norm(p1)**2 + 0.625*norm(p2)**2 + 0.4167*norm(p3)**2 - 0.8/norm(q2-q1) - 1.2/norm(q3-q1) - 0.96/norm(q3-q2)";
        let (shared, _) = found(text, &of_errors(&[1e-4; 6])).unwrap();
        assert_eq!(
            shared[0].meaning,
            "G: one constant acts between 1 and 2, between 1 and 3, between 2 and 3"
        );
        assert!((shared[0].value - 1.0).abs() < 1e-3 && shared.len() == 1, "{shared:?}");
        let planets = "0.5*norm(p1)**2 + 0.25*norm(p2)**2 - 3/norm(q1) - 6.0003/norm(q2)";
        let ties = ties(planets, &of_errors(&[1e-4; 4])).unwrap();
        assert_eq!(ties.shared[0].meaning, "GM: one constant acts on 1, on 2");
        assert_eq!(
            ties.merged.expression,
            "norm(p1)**2/(2*m1) + norm(p2)**2/(2*m2) - GM*m1/norm(q1) - GM*m2/norm(q2)"
        );
        let charges = text.replace("0.96", "1.96");
        assert!(
            found(&charges, &of_errors(&[1e-4; 6]))
                .is_none_or(|(shared, _)| !shared[0].meaning.contains("2 and 3"))
        );
    }

    /// The merged form is the tied law, whatever is tied in it.
    #[test]
    fn names_stand_for_the_law_that_is_tied() {
        let three = "0.5*norm(p1)**2 + 0.625*norm(p2)**2 + 0.4167*norm(p3)**2 - 0.8/norm(q2-q1) - 1.2/norm(q3-q1) - 0.96/norm(q3-q2)";
        for (text, errors, by_hand) in [
            (
                "0.5*norm(p1)**2 + 0.25*norm(p2)**2 + 3*(norm(q1) - 1)**2 + 3*(norm(q2-q1) - 1.5)**2 - dot(g,q1) - 2.0001*dot(g,q2)",
                1e-4,
                "norm(p1)**2/(2*m1) + norm(p2)**2/(2*m2) + k1/2*(norm(q1) - l1)**2 + k1/2*(norm(q2-q1) - l2)**2 - m1*dot(g,q1) \
                 - m2*dot(g,q2)",
            ),
            (
                "0.5*norm(p1)**2 + 0.25*norm(p2)**2 - 9.8*dot(g,q1) - 19.6*dot(g,q2) - 0.3*dot(q1,q2)",
                1e-4,
                "norm(p1)**2/(2*m1) + norm(p2)**2/(2*m2) - m1*g1*dot(g,q1) - m2*g1*dot(g,q2) - 0.3*dot(q1,q2)",
            ),
            (
                three,
                1e-4,
                "norm(p1)**2/(2*m1) + norm(p2)**2/(2*m2) + norm(p3)**2/(2*m3) - G*m1*m2/norm(q2-q1) - G*m1*m3/norm(q3-q1) \
                 - G*m2*m3/norm(q3-q2)",
            ),
            (
                "0.5*norm(p1)**2 + 0.5*norm(p2)**2 + 2*norm(q1)**4 + exp(norm(q2))",
                1e-4,
                "norm(p1)**2/(2*m1) + norm(p2)**2/(2*m1) + c1*norm(q1)**4 + c2*exp(norm(q2))",
            ),
        ] {
            let constants = text.parse::<Expr>().unwrap().constants().len();
            let ties = ties(text, &of_errors(&vec![errors; constants])).unwrap();
            assert_eq!(ties.merged.expression, by_hand, "{:?}", ties.shared);
            let names = ties.merged.constants.iter().rev();
            let in_numbers = names.fold(ties.merged.expression, |text, (name, value)| {
                text.replace(name, &format!("{value:?}"))
            });
            let told = |expr: &Expr| -> Vec<(String, f64)> {
                read_constants(expr, None)
                    .unwrap()
                    .constants
                    .into_iter()
                    .map(|c| (c.name, c.value))
                    .collect()
            };
            let (named, tied) = (told(&in_numbers.parse().unwrap()), told(&ties.expression));
            assert_eq!(named.len(), tied.len());
            let same = |((a, x), (b, y)): (&(String, f64), &(String, f64))| {
                a == b && (x / y - 1.0).abs() < 1e-9
            };
            assert!(named.iter().zip(&tied).all(same), "{in_numbers}: {named:?} {tied:?}");
        }
    }

    #[test]
    fn what_is_held_to_a_number_of_the_form_has_no_error() {
        let (shared, tied) = found("norm(p1)**2 - 0.5001*dot(g,q1)", &of_errors(&[1e-4])).unwrap();
        assert_eq!((shared[0].value, shared[0].standard_error), (0.5, None));
        assert_eq!(tied.to_string(), "norm(p1)**2 - 0.5*dot(g,q1)");
    }
}
