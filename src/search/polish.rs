//! The best forms fitted to all samples, simplified where the data allow, and the choice among
//! them.

use std::collections::BTreeMap;

use crate::deadline::Deadline;
use crate::expr::Number;
use crate::parallel;
use crate::search::candidate::Candidate;
use crate::search::fit::Fitter;
use crate::search::form::Form;
use crate::search::front::{Counts, Ended, Found, Front, RIVALS, description_length};
use crate::search::target::{Problem, Target};

/// A form counts as fitting as well as a simpler one up to this factor in the mean square.
const SLACK: f64 = 4.0;

/// A form fitted to all samples.
#[derive(Clone, Debug)]
struct Final {
    form: Form,
    theta: Vec<f64>,
    errors: Vec<f64>,
    mean_square: f64,
    held_out: f64,
}

/// Everything that final fits need.
struct Polisher<'a> {
    full: &'a Problem,
    held_out: Problem,
}

/// Fits what was kept to all samples and chooses.
pub(crate) fn polish(
    target: &Target,
    full: &Problem,
    kept: &BTreeMap<usize, Vec<Candidate>>,
    counts: Counts,
    ended: Ended,
    deadline: &Deadline,
) -> Front {
    let polisher = Polisher { full, held_out: target.problem(&target.indices(true)) };
    let mut finalists: Vec<&Candidate> = Vec::new();
    let mut bar = f64::INFINITY;
    for list in kept.values() {
        finalists.extend(list.iter().filter(|c| c.mean_square <= SLACK * bar).take(3));
        bar = list.iter().map(|c| c.mean_square).fold(bar, f64::min).max(full.roundoff());
    }
    let finals = parallel::map_items(finalists, |c| polisher.finish(&c.form, &c.fit.theta));
    let finals: Vec<Final> = finals.into_iter().flatten().collect();
    let noise = if target.knows_noise() { 1.0 } else { polisher.noise(&finals) };
    // The best by description length are simplified; time is kept for that.
    let mut ranked: Vec<usize> = (0..finals.len()).collect();
    let length = |f: &Final| polisher.length(f, noise);
    ranked.sort_by(|&a, &b| length(&finals[a]).total_cmp(&length(&finals[b])));
    let simplified: Vec<Final> = parallel::map_items(ranked.iter().take(SIMPLIFIED), |&i| {
        polisher.simplify(finals[i].clone(), noise, deadline)
    });
    let mut entries: Vec<Found> =
        finals.into_iter().chain(simplified).map(|f| polisher.found(f, noise)).collect();
    entries.sort_by(|a, b| {
        a.complexity
            .cmp(&b.complexity)
            .then(a.error.total_cmp(&b.error))
            .then_with(|| a.form.cmp(&b.form))
    });
    let length = |e: &Found| {
        if e.description_length.is_nan() { f64::INFINITY } else { e.description_length }
    };
    let chosen =
        (0..entries.len()).min_by(|&a, &b| length(&entries[a]).total_cmp(&length(&entries[b])));
    // The front: each entry fits better than all simpler ones.
    let mut bar = f64::INFINITY;
    let mut front: Vec<Found> = Vec::new();
    let mut rivals: Vec<Found> = Vec::new();
    let longest = chosen.map_or(f64::INFINITY, |i| length(&entries[i]) + RIVALS);
    let mut at = 0;
    for (i, entry) in entries.into_iter().enumerate() {
        if chosen == Some(i) {
            at = front.len();
        }
        if entry.error < bar || chosen == Some(i) {
            bar = bar.min(entry.error);
            front.push(entry);
        } else if length(&entry) <= longest {
            rivals.push(entry);
        }
    }
    rivals.sort_by(|a, b| length(a).total_cmp(&length(b)).then_with(|| a.form.cmp(&b.form)));
    rivals.dedup_by(|b, a| a.form == b.form);
    let explained = front.get(at).is_some_and(|e| polisher.explains(e, target.knows_noise()));
    Front { entries: front, chosen: at, rivals, noise, explained, counts, ended }
}

/// How many forms are simplified.
const SIMPLIFIED: usize = 6;

impl Polisher<'_> {
    fn finish(&self, form: &Form, theta: &[f64]) -> Option<Final> {
        let mut fitter = Fitter::new(form, self.full)?;
        let fit = fitter.refit(theta)?;
        let deviations = fitter
            .covariance(&fit.theta)
            .map(|c| c.diag().iter().map(|v| v.max(0.0).sqrt()).collect());
        let errors = deviations.unwrap_or_else(|| vec![f64::NAN; fit.theta.len()]);
        let held_out = match self.held_out.rows {
            0 => f64::NAN,
            rows => Fitter::new(form, &self.held_out)?.squares_at(&fit.theta) / rows as f64,
        };
        let mean_square = fit.squares / self.full.rows as f64;
        Some(Final { form: form.clone(), theta: fit.theta, errors, mean_square, held_out })
    }

    /// The noise that the best forms leave, in training and on the samples held out.
    fn noise(&self, finals: &[Final]) -> f64 {
        let rows = self.full.rows as f64;
        let variance = |f: &Final| {
            let freedom = (rows - f.theta.len() as f64).max(1.0);
            let train = f.mean_square * rows / freedom;
            if f.held_out.is_nan() { train } else { train.max(f.held_out) }
        };
        finals.iter().map(variance).fold(f64::INFINITY, f64::min).max(self.full.roundoff()).sqrt()
    }

    fn length(&self, f: &Final, noise: f64) -> f64 {
        let constants: Vec<(f64, f64)> =
            f.theta.iter().zip(&f.errors).map(|(v, e)| (*v, e * noise)).collect();
        description_length(f.mean_square, self.full.rows, noise, f.form.complexity(), &constants)
    }

    fn found(&self, f: Final, noise: f64) -> Found {
        Found {
            description_length: self.length(&f, noise),
            complexity: f.form.complexity(),
            errors: f.errors.iter().map(|e| e * noise).collect(),
            error: f.mean_square.sqrt(),
            held_out: f.held_out.sqrt(),
            form: f.form,
            constants: f.theta,
        }
    }

    fn explains(&self, e: &Found, known: bool) -> bool {
        let margin = |rows: usize| 1.0 + 5.0 * (2.0 / rows.max(1) as f64).sqrt();
        if !known {
            return e.error * e.error <= self.full.roundoff();
        }
        let held_out =
            e.held_out.is_nan() || e.held_out.powi(2) <= 2.0 * margin(self.held_out.rows);
        e.error.powi(2) <= margin(self.full.rows) && held_out
    }

    /// Replaces constants by simple numbers, one after the other, as long as the description gets
    /// shorter.
    fn simplify(&self, mut best: Final, noise: f64, deadline: &Deadline) -> Final {
        let mut at = 0;
        while at < best.theta.len() && !deadline.is_over() {
            let error = (best.errors[at] * noise).max(1e-12 * best.theta[at].abs());
            let mut replaced = false;
            for number in simple_numbers(best.theta[at], error) {
                let (form, theta) = with_number(&best.form, &best.theta, at, number);
                let Some(trial) = self.finish(&form, &theta) else { continue };
                if self.length(&trial, noise) < self.length(&best, noise) {
                    (best, replaced) = (trial, true);
                    break;
                }
            }
            // A constant less: the next one is now in this place, unless dropping moved more.
            at = if replaced { 0 } else { at + 1 };
        }
        best
    }
}

/// Simple numbers within three errors of a value, simplest first; none for a value that is not
/// known to two digits.
fn simple_numbers(value: f64, error: f64) -> Vec<f64> {
    let within = |x: f64| (x - value).abs() <= 3.0 * error;
    let mut numbers = Vec::new();
    if within(0.0) {
        numbers.push(0.0);
    }
    if error.is_nan() || error > 0.02 * value.abs() {
        return numbers;
    }
    for denominator in [1.0, 2.0, 3.0, 4.0] {
        let x = (value * denominator).round() / denominator;
        if x != 0.0 && x.abs() * denominator <= 24.0 && within(x) && !numbers.contains(&x) {
            numbers.push(x);
        }
    }
    numbers
}

/// The form with a number in the place of its constant `at`, terms with a factor zero left out, and
/// the other constants.
fn with_number(form: &Form, theta: &[f64], at: usize, number: f64) -> (Form, Vec<f64>) {
    let mut values = Vec::new();
    let form = replace(form, theta, &mut 0, at, number, &mut values);
    (form, values)
}

fn replace(
    form: &Form,
    theta: &[f64],
    count: &mut usize,
    at: usize,
    number: f64,
    values: &mut Vec<f64>,
) -> Form {
    let mut next = |values: &mut Vec<f64>| {
        *count += 1;
        let here = *count - 1 == at;
        if !here {
            values.extend(theta.get(*count - 1));
        }
        here
    };
    match form {
        Form::Constant if next(values) => Number::new(number).map_or(Form::Constant, Form::Number),
        Form::FreePower(base) => {
            let base = replace(base, theta, count, at, number, values);
            *count += 1;
            if *count - 1 == at {
                return if number == 0.0 {
                    Form::Number(Number::whole(1))
                } else {
                    base.power(number)
                };
            }
            values.extend(theta.get(*count - 1));
            Form::FreePower(Box::new(base))
        }
        Form::Product(factors) => {
            let known = values.len();
            let factors: Vec<Form> =
                factors.iter().map(|f| replace(f, theta, count, at, number, values)).collect();
            if factors.contains(&Form::Number(Number::whole(0))) {
                // The constants of the other factors go with the term.
                values.truncate(known);
                return Form::Number(Number::whole(0));
            }
            let rest: Vec<Form> =
                factors.into_iter().filter(|f| *f != Form::Number(Number::whole(1))).collect();
            if rest.is_empty() { Form::Number(Number::whole(1)) } else { Form::product_of(rest) }
        }
        Form::Sum(terms) => {
            let terms = terms.iter().map(|t| replace(t, theta, count, at, number, values));
            let rest: Vec<Form> = terms.filter(|t| *t != Form::Number(Number::whole(0))).collect();
            if rest.is_empty() { Form::Number(Number::whole(0)) } else { Form::sum_of(rest) }
        }
        other => other.map_children(&mut |c| replace(c, theta, count, at, number, values)),
    }
}
