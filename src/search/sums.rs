//! Sums of many terms, by a beam: which of the simple terms, together, follow the measurements, or
//! a function of them.
//!
//! Products of powers and of one function of a variable are columns of a linear problem; sets of
//! columns grow one at a time, the best few sets of each size going on. With values, the same is
//! done for what a power, exponential or logarithm must be of: a sum under a root has terms that
//! follow the square. Weights make errors there count as they do in the values.

use std::collections::BTreeSet;

use crate::expr::Function;
use crate::linalg::{Lanes, Real};
use crate::parallel;
use crate::search::fit::{Fitter, subtract};
use crate::search::form::{Form, combination, monic, scaled};
use crate::search::normal::Normaliser;
use crate::search::options::{Operators, SearchOptions};
use crate::search::target::{Problem, dot};

/// Terms that are tried.
const MOST_TERMS: usize = 2000;

/// Sets of terms that go on.
const BEAM: usize = 10;

/// Sets of each size that are fitted.
const FITTED: usize = 4;

/// Largest number of terms.
const LONGEST: usize = 6;

/// What a sum is inside of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outer {
    Nothing,
    Power(f64),
    Exponential,
    Logarithm,
}

impl Outer {
    /// The argument that gives a value, and the value's derivative with respect to it.
    fn inverse(self, y: f64) -> (f64, f64) {
        match self {
            Self::Nothing => (y, 1.0),
            Self::Power(n) => {
                let x = y.abs().powf(1.0 / n)
                    * if n.fract() == 0.0 && n % 2.0 != 0.0 { y.signum() } else { 1.0 };
                (x, n * y / x)
            }
            Self::Exponential => (y.abs().ln(), y),
            Self::Logarithm => (y.exp(), (-y).exp()),
        }
    }

    /// All that the operators allow.
    fn all(operators: &Operators) -> Vec<Self> {
        let mut all = vec![Self::Nothing];
        all.extend(
            operators
                .exponents
                .iter()
                .filter(|n| [-1.0, 0.5, -0.5, 2.0].contains(*n))
                .map(|n| Self::Power(*n)),
        );
        for (f, outer) in [(Function::Exp, Self::Exponential), (Function::Log, Self::Logarithm)] {
            if operators.functions.contains(&f) {
                all.push(outer);
            }
        }
        all
    }

    /// The form with these terms inside.
    fn around(self, terms: &[Form], constant: bool) -> Form {
        match self {
            Self::Nothing => combination(terms, constant),
            Self::Power(n) => scaled(&monic(terms, constant).power(n)),
            Self::Exponential => scaled(&Form::apply(Function::Exp, combination(terms, false))),
            Self::Logarithm => Form::Sum(vec![
                scaled(&Form::apply(Function::Log, monic(terms, constant))),
                Form::Constant,
            ]),
        }
    }
}

/// Forms that are sums of simple terms, also inside of a function.
pub(crate) fn sums(
    problem: &Problem,
    normaliser: &Normaliser,
    variables: usize,
    options: &SearchOptions,
) -> Vec<Form> {
    let outers = if problem.has_values && problem.directions.is_empty() {
        Outer::all(&options.operators)
    } else {
        vec![Outer::Nothing]
    };
    // Roots among the terms follow much without being right: at first without them.
    let mut found: Vec<Vec<Form>> = Vec::new();
    for roots in [false, true] {
        let library = terms(variables, &options.operators, normaliser, roots);
        let column = |term: Form| {
            let column = Fitter::new(&scaled(&term), problem)?.column(&[])?;
            Some((term, column))
        };
        let columns = parallel::map_items(library, column);
        let columns: Vec<(Form, Vec<Lanes>)> = columns.into_iter().flatten().collect();
        found.extend(parallel::map_slice(&outers, |outer| beams(problem, &columns, *outer)));
    }
    let mut seen = BTreeSet::new();
    let mut forms = Vec::new();
    for form in found.into_iter().flatten() {
        for form in [factored(&form), form] {
            let form = normaliser.normal(&form);
            if form.complexity() <= options.max_complexity && seen.insert(form.clone()) {
                forms.push(form);
            }
        }
    }
    forms
}

/// Products of powers, the more variables take part the fewer exponents, as far as there is room;
/// each also times one function of a variable.
fn terms(
    variables: usize,
    operators: &Operators,
    normaliser: &Normaliser,
    roots: bool,
) -> Vec<Form> {
    let products = products(variables, operators, roots);
    let mut functions: Vec<Form> = Vec::new();
    for &f in &operators.functions {
        if matches!(f, Function::Log | Function::Sin | Function::Cos | Function::Abs) {
            functions.extend((0..variables).map(|i| Form::apply(f, Form::Variable(i))));
        }
    }
    let mut all: Vec<Vec<Form>> = products.iter().skip(1).cloned().collect();
    // Functions times simple products first.
    for product in &products {
        all.extend(
            functions
                .iter()
                .map(|function| product.iter().cloned().chain([function.clone()]).collect()),
        );
    }
    let mut seen = BTreeSet::new();
    let term = |factors: Vec<Form>| {
        let linear = normaliser.linear(&Form::Product(factors));
        linear.terms.first().filter(|t| seen.insert((*t).clone())).cloned()
    };
    all.into_iter().filter_map(term).take(MOST_TERMS).collect()
}

/// Products of powers of variables.
fn products(variables: usize, operators: &Operators, roots: bool) -> Vec<Vec<Form>> {
    let whole = |n: &&f64| n.fract() == 0.0 && n.abs() <= 3.0;
    let mut exponents: Vec<f64> =
        operators.exponents.iter().filter(whole).copied().chain([1.0]).collect();
    exponents.sort_by(|a, b| a.abs().total_cmp(&b.abs()).then(b.total_cmp(a)));
    let mut products: Vec<Vec<Form>> = vec![vec![]];
    for active in 1..=variables {
        // The longest list of exponents that there is room for.
        let sets = (0..active).fold(1.0, |sets, k| sets * (variables - k) as f64 / (k + 1) as f64);
        let room = (MOST_TERMS / variables.max(4)) as f64 * 2.0;
        let fits =
            (1..=exponents.len()).rev().find(|&n| sets * (n as f64).powi(active as i32) <= room);
        let Some(mut list) = fits.map(|n| exponents[..n].to_vec()) else { continue };
        if roots && active <= 2 {
            list.extend(operators.exponents.iter().filter(|n| n.abs() == 0.5));
        }
        let mut partial: Vec<(usize, Vec<Form>)> = vec![(0, vec![])];
        for k in 0..active {
            let grow = |(from, factors): (usize, Vec<Form>)| {
                let places = from..variables + k + 1 - active;
                let pairs: Vec<(usize, f64)> = places
                    .flat_map(|i| list.iter().map(move |n| (i, *n)).collect::<Vec<_>>())
                    .collect();
                pairs.into_iter().map(move |(i, n)| {
                    (
                        i + 1,
                        factors
                            .iter()
                            .cloned()
                            .chain([Form::Variable(i).power(n)])
                            .collect::<Vec<Form>>(),
                    )
                })
            };
            partial = partial.into_iter().flat_map(grow).collect();
        }
        products.extend(partial.into_iter().map(|(_, factors)| factors));
    }
    products
}

/// A set of columns with an orthonormal basis of their span and what is left of the data.
#[derive(Clone)]
pub(crate) struct Set {
    pub members: Vec<usize>,
    basis: Vec<Vec<Lanes>>,
    residual: Vec<Lanes>,
    pub squares: f64,
}

impl Set {
    /// No columns yet.
    pub fn of(data: Vec<Lanes>) -> Self {
        let squares = dot(&data, &data);
        Self { members: vec![], basis: vec![], residual: data, squares }
    }

    /// The part of a column outside of the span, of unit length; `None` when there is none.
    fn outside(&self, column: &[Lanes]) -> Option<Vec<Lanes>> {
        let mut rest = column.to_vec();
        let norm = dot(column, column);
        for _ in 0..2 {
            for q in &self.basis {
                let share = dot(q, &rest);
                subtract(&mut rest, share, q);
            }
        }
        let left = dot(&rest, &rest);
        if left.is_nan() || left <= 1e-16 * norm {
            return None;
        }
        let inverse = 1.0 / left.sqrt();
        rest.iter_mut().for_each(|x| *x = *x * inverse);
        Some(rest)
    }

    /// With one column more, which may be a member of the list.
    pub fn with(&self, member: Option<usize>, column: &[Lanes]) -> Option<Set> {
        let direction = self.outside(column)?;
        let mut next = self.clone();
        let share = dot(&direction, &next.residual);
        subtract(&mut next.residual, share, &direction);
        next.squares = dot(&next.residual, &next.residual);
        next.basis.push(direction);
        next.members.extend(member);
        next.members.sort_unstable();
        Some(next)
    }
}

/// The best sums for a function of the data.
fn beams(problem: &Problem, columns: &[(Form, Vec<Lanes>)], outer: Outer) -> Vec<Form> {
    let Some((data, factor)) = transformed(problem, outer) else { return vec![] };
    let weighted = |column: &[Lanes]| -> Vec<Lanes> {
        column.iter().zip(&factor).map(|(x, w)| *x * *w).collect()
    };
    let ones: Vec<Lanes> = weighted(&problem.ones());
    let empty = Set::of(data);
    let roundoff = 1e-26 * empty.squares;
    let columns: Vec<(&Form, Vec<Lanes>)> =
        columns.iter().map(|(term, column)| (term, weighted(column))).collect();
    let mut forms = Vec::new();
    for constant in [false, true] {
        if constant && !problem.has_values {
            continue;
        }
        let Some(first) = (if constant { empty.with(None, &ones) } else { Some(empty.clone()) })
        else {
            continue;
        };
        let mut beam = vec![first];
        for _ in 0..LONGEST {
            beam = grown(&beam, &columns);
            for set in beam.iter().take(FITTED) {
                let terms: Vec<Form> = set.members.iter().map(|&k| columns[k].0.clone()).collect();
                forms.push(outer.around(&terms, constant));
            }
            if beam.first().is_none_or(|set| set.squares <= roundoff) {
                break;
            }
        }
    }
    forms
}

/// The best sets with one member more.
pub(crate) fn grown(beam: &[Set], columns: &[(&Form, Vec<Lanes>)]) -> Vec<Set> {
    let mut ranked: Vec<(f64, usize, usize)> = Vec::new();
    for (s, set) in beam.iter().enumerate() {
        for (k, (_, column)) in columns.iter().enumerate() {
            if set.members.contains(&k) {
                continue;
            }
            // Squares left, from inner products alone.
            let inside: f64 = set.basis.iter().map(|q| dot(q, column).powi(2)).sum();
            let (norm, share) = (dot(column, column), dot(&set.residual, column));
            let outside = norm - inside;
            if outside > 1e-10 * norm {
                ranked.push((set.squares - share * share / outside, s, k));
            }
        }
    }
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut seen = BTreeSet::new();
    let mut next: Vec<Set> = Vec::new();
    for (_, s, k) in ranked.into_iter().take(4 * BEAM) {
        let mut members = beam[s].members.clone();
        members.push(k);
        members.sort_unstable();
        if seen.insert(members)
            && let Some(set) = beam[s].with(Some(k), &columns[k].1)
        {
            next.push(set);
        }
        if next.len() >= BEAM {
            break;
        }
    }
    next.sort_by(|a, b| a.squares.total_cmp(&b.squares));
    next
}

/// The weighted data of the sum inside a function, and what columns are multiplied by to match;
/// `None` where a value is out of its range.
fn transformed(problem: &Problem, outer: Outer) -> Option<(Vec<Lanes>, Vec<Lanes>)> {
    if outer == Outer::Nothing {
        return Some((problem.data.clone(), vec![Lanes::splat(1.0); problem.data.len()]));
    }
    let mut data = problem.data.clone();
    let mut factor = data.clone();
    let signs: Vec<f64> = problem
        .data
        .iter()
        .zip(&problem.weights)
        .flat_map(|(d, w)| (0..d.0.len()).map(|l| d.0[l] * w.0[l]))
        .collect();
    let both = signs.iter().any(|s| *s > 0.0) && signs.iter().any(|s| *s < 0.0);
    if both && !matches!(outer, Outer::Logarithm | Outer::Power(-1.0)) {
        return None;
    }
    for ((data, factor), weight) in data.iter_mut().zip(&mut factor).zip(&problem.weights) {
        for l in 0..data.0.len() {
            let w = weight.0[l];
            if w == 0.0 {
                (data.0[l], factor.0[l]) = (0.0, 0.0);
                continue;
            }
            let (x, slope) = outer.inverse(data.0[l] / w);
            if !(x.is_finite() && slope.is_finite()) {
                return None;
            }
            // Columns hold the weight already.
            (data.0[l], factor.0[l]) = (x * slope.abs() * w, slope.abs());
        }
    }
    Some((data, factor))
}

/// The form with factors that all terms of a sum share in front of it.
fn factored(form: &Form) -> Form {
    let form = form.map_children(&mut factored);
    let Form::Sum(terms) = &form else { return form };
    let factors = |t: &Form| match t {
        Form::Product(factors) => factors.clone(),
        other => vec![other.clone()],
    };
    let Some(first) = terms.first() else { return form };
    let mut common: Vec<Form> =
        factors(first).into_iter().filter(|f| *f != Form::Constant).collect();
    common.retain(|f| terms.iter().all(|t| factors(t).contains(f)));
    if common.is_empty() || terms.len() < 2 {
        return form;
    }
    let rest = terms.iter().map(|t| {
        let rest: Vec<Form> = factors(t).into_iter().filter(|f| !common.contains(f)).collect();
        if rest.is_empty() { Form::Number(super::Number::whole(1)) } else { Form::product_of(rest) }
    });
    let sum = Form::Sum(rest.collect());
    Form::Product(common.into_iter().chain([sum]).collect())
}
