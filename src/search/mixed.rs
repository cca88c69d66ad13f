//! Sums of powers and one function with a number inside, for one variable: which powers go with it
//! is a linear problem once the number is chosen, so numbers are tried one after the other
//! (separable least squares; Golub & Pereyra 1973).

use std::collections::BTreeSet;

use crate::expr::Function;
use crate::linalg::{Lanes, golden_section};
use crate::parallel;
use crate::search::candidate::Job;
use crate::search::fit::Fitter;
use crate::search::form::{Form, combination, monic, scaled};
use crate::search::normal::Normaliser;
use crate::search::options::SearchOptions;
use crate::search::sums::{Set, grown};
use crate::search::target::Problem;

/// Powers that may stand beside the function.
const POWERS: [f64; 13] = [1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0, -6.0, 6.0, 0.5, -0.5, -12.0];

/// At most so many.
const BESIDE: usize = 3;

/// Sums of each function and size whose number is refined, and that are fitted.
const REFINED: usize = 16;

const FITTED: usize = 3;

/// Neighbours among the numbers are apart by less than this factor; sections of what is between.
const NEXT: f64 = 1.8;

const SECTIONS: usize = 20;

/// Rates and frequencies in units of the inverse spread, and shifts in units of the mean.
const RATES: [f64; 10] = [0.1, 0.17, 0.29, 0.5, 0.85, 1.4, 2.4, 4.0, 6.5, 10.0];

const SHIFTS: [f64; 8] = [0.03, 0.05, 0.09, 0.16, 0.3, 0.5, 0.9, 1.6];

/// A function with one number inside, and the numbers that are tried.
struct Family {
    form: Form,
    numbers: Vec<f64>,
}

/// Sums of powers and one function of the only variable, each with the number that suits it best
/// among those tried.
pub(crate) fn mixed(
    problem: &Problem,
    normaliser: &Normaliser,
    options: &SearchOptions,
) -> Vec<Job> {
    let column = |term: Form, number: Option<f64>| {
        Fitter::new(&scaled(&term), problem)?.column(number.as_slice())
    };
    let powers: Vec<(Form, Vec<Lanes>)> = POWERS
        .iter()
        .filter(|n| allowed(**n, options))
        .filter_map(|&n| {
            let power = Form::Variable(0).power(n);
            Some((power.clone(), column(power, None)?))
        })
        .collect();
    let columns: Vec<(&Form, Vec<Lanes>)> =
        powers.iter().map(|(form, column)| (form, column.clone())).collect();
    let mut seen = BTreeSet::new();
    let mut jobs = Vec::new();
    for Family { form, numbers } in families(problem, options) {
        let grow = |&number: &f64| {
            Some((number, sums_with(problem, &column(form.clone(), Some(number))?, &columns)))
        };
        let found = parallel::map_slice(&numbers, grow);
        let found: Vec<(f64, Vec<Vec<Set>>)> = found.into_iter().flatten().collect();
        for size in 0..BESIDE {
            let sets = found.iter().flat_map(|(number, sizes)| {
                sizes.get(size).into_iter().flatten().map(|set| (*number, set))
            });
            let mut sets: Vec<(f64, &Set)> = sets.collect();
            sets.sort_by(|a, b| a.1.squares.total_cmp(&b.1.squares));
            let mut members: Vec<&[usize]> = Vec::new();
            sets.retain(|(_, set)| {
                let new = members.len() < REFINED && !members.contains(&&set.members[..]);
                if new {
                    members.push(&set.members);
                }
                new
            });
            let refine = |&(number, set): &(f64, &Set)| {
                let squares = |number: f64| {
                    let column = column(form.clone(), Some(number));
                    column
                        .and_then(|column| with_members(problem, &column, &columns, &set.members))
                        .map_or(f64::INFINITY, |set| set.squares)
                };
                let (number, squares) =
                    golden_section(number / NEXT, number * NEXT, SECTIONS, squares);
                (squares, number, set.members.clone())
            };
            let mut refined: Vec<(f64, f64, Vec<usize>)> = parallel::map_slice(&sets, refine);
            refined.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (_, number, members) in refined.into_iter().take(FITTED) {
                let terms: Vec<Form> = std::iter::once(form.clone())
                    .chain(members.iter().map(|&k| powers[k].0.clone()))
                    .collect();
                let sum = normaliser.normal(&combination(&terms, problem.has_values));
                if sum.complexity() <= options.max_complexity && seen.insert(sum.clone()) {
                    jobs.push(Job { form: sum, hints: vec![Some(number)] });
                }
            }
        }
    }
    jobs
}

/// The best sets of powers beside a column, by their number less one.
fn sums_with(problem: &Problem, column: &[Lanes], powers: &[(&Form, Vec<Lanes>)]) -> Vec<Vec<Set>> {
    let Some(first) = with_members(problem, column, powers, &[]) else { return Vec::new() };
    let mut beam = vec![first];
    let mut sizes = Vec::new();
    for _ in 0..BESIDE {
        beam = grown(&beam, powers);
        sizes.push(beam.clone());
    }
    sizes
}

/// A column, a constant where that counts, and some powers.
fn with_members(
    problem: &Problem,
    column: &[Lanes],
    powers: &[(&Form, Vec<Lanes>)],
    members: &[usize],
) -> Option<Set> {
    let mut set = Set::of(problem.data.clone()).with(None, column)?;
    if problem.has_values {
        set = set.with(None, &problem.ones())?;
    }
    members.iter().try_fold(set, |set, &k| set.with(Some(k), &powers[k].1))
}

fn families(problem: &Problem, options: &SearchOptions) -> Vec<Family> {
    let x = Form::Variable(0);
    let (mean, spread) = moments(&problem.inputs[0], |x| x);
    let (_, spread_of_square) = moments(&problem.inputs[0], |x| x * x);
    let has = |f: Function| options.operators.functions.contains(&f);
    let rates = |unit: f64| RATES.iter().flat_map(|r| [-r / unit, r / unit]).collect::<Vec<f64>>();
    let frequencies: Vec<f64> = RATES.iter().map(|r| r / spread).collect();
    let shifts: Vec<f64> = SHIFTS.iter().map(|s| s * mean.abs().max(spread)).collect();
    let inside = |f: Function, argument: &Form| Form::apply(f, scaled(argument));
    let square = x.clone().power(2.0);
    let mut all = Vec::new();
    if has(Function::Exp) {
        all.push(Family { form: inside(Function::Exp, &x), numbers: rates(spread) });
        all.push(Family { form: inside(Function::Exp, &square), numbers: rates(spread_of_square) });
        if allowed(-1.0, options) {
            let screened = Form::product_of(vec![inside(Function::Exp, &x), x.clone().power(-1.0)]);
            all.push(Family { form: screened, numbers: rates(spread) });
        }
    }
    for f in [Function::Cos, Function::Sin].into_iter().filter(|f| has(*f)) {
        all.push(Family { form: inside(f, &x), numbers: frequencies.clone() });
    }
    let shifted = |argument: &Form| monic(std::slice::from_ref(argument), true);
    if allowed(-1.0, options) {
        all.push(Family { form: shifted(&x).power(-1.0), numbers: shifts.clone() });
    }
    let squares: Vec<f64> = shifts.iter().map(|s| s * s).collect();
    for n in [-1.0, -0.5, 0.5].into_iter().filter(|n| allowed(*n, options)) {
        all.push(Family { form: shifted(&square).power(n), numbers: squares.clone() });
    }
    if has(Function::Log) {
        all.push(Family { form: Form::apply(Function::Log, shifted(&x)), numbers: shifts });
        all.push(Family { form: Form::apply(Function::Log, shifted(&square)), numbers: squares });
    }
    all
}

/// Whether the operators have an exponent, or make it by products.
fn allowed(n: f64, options: &SearchOptions) -> bool {
    let has = |n: f64| options.operators.exponents.contains(&n);
    n == 1.0 || has(n) || (n.fract() == 0.0 && if n > 0.0 { has(2.0) } else { has(-1.0) })
}

/// Mean and standard deviation of a function of the samples.
fn moments(x: &[Lanes], f: impl Fn(f64) -> f64) -> (f64, f64) {
    let all = || x.iter().flat_map(|x| x.0).map(&f);
    let n = all().count().max(1) as f64;
    let mean = all().sum::<f64>() / n;
    let deviation = (all().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    (mean, if deviation > 0.0 { deviation } else { 1.0 })
}
