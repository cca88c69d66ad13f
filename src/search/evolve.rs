//! Evolution: forms that fit well are changed and recombined; what the e-graph knows already is no
//! offspring.
//!
//! Of several changes of a parent the one that fits best with its constants just drawn is taken; it
//! is fitted if its class is new.

use std::collections::{HashMap, HashSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::deadline::Deadline;
use crate::expr::Number;
use crate::parallel;
use crate::progress::SearchPhase as Phase;
use crate::search::candidate::{Candidate, Job};
use crate::search::enumerate::Grammar;
use crate::search::fit::Fitter;
use crate::search::form::Form;
use crate::search::front::Ended;
use crate::search::normal::Normaliser;
use crate::search::options::SearchOptions;
use crate::search::run::Run;
use crate::search::starts::Starts;
use crate::search::tape::{Slot, Tape};
use crate::search::target::Problem;
use rand::seq::IndexedRandom;

/// Offspring of one generation.
const OFFSPRING: usize = 192;

/// Changes of which the best is taken.
const SIBLINGS: usize = 8;

/// Terms of one size that changes bring in.
const MAX_PIECES: usize = 500;

/// Generations without a new class after which evolution has come to its end.
const IDLE: usize = 12;

/// Constants that a form may have.
const MAX_CONSTANTS: usize = 14;

impl Run<'_> {
    /// Recombines what was found until a form explains the data, nothing new comes, or a limit is
    /// reached.
    pub fn evolve(&mut self) {
        if self.ended.is_some() || self.kept.is_empty() {
            return;
        }
        let (operators, normaliser) = (self.options.operators.clone(), self.normaliser.clone());
        let mut grammar = Grammar::new(&operators, &normaliser, self.variables, MAX_PIECES);
        let pieces: Vec<Form> = (1..=4).flat_map(|size| grammar.terms(size).to_vec()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed ^ 0x5eed);
        let mut seen: HashSet<Form> = HashSet::new();
        let mut idle = 0;
        for generation in 0.. {
            if self.deadline.is_over() {
                self.ended = Some(Ended::Time);
            }
            if self.ended.is_some() || idle >= IDLE {
                return;
            }
            let breeder = Breeder {
                options: self.options,
                normaliser: &normaliser,
                screen: &self.screen,
                deadline: &self.deadline,
                variables: self.variables,
                pieces: &pieces,
                parents: self.parents(),
            };
            let jobs = breeder.offspring(&seen, &mut rng);
            seen.extend(jobs.iter().map(|job| job.form.clone()));
            let fresh = self.evaluate_batch(jobs, Phase::Evolution { generation });
            idle = if fresh == 0 { idle + 1 } else { 0 };
            if self.explained() && self.options.stop_when_explained {
                self.ended.get_or_insert(Ended::Explained);
            }
        }
    }

    /// Parents: those on the front count several times.
    fn parents(&self) -> Vec<&Candidate> {
        let mut parents = Vec::new();
        let mut bar = f64::INFINITY;
        for list in self.kept.values() {
            let Some(first) = list.first() else { continue };
            let times = if first.mean_square < bar { 6 } else { 1 };
            bar = bar.min(first.mean_square);
            parents.extend(std::iter::repeat_n(first, times));
            parents.extend(list.iter().skip(1));
        }
        parents
    }
}

/// What offspring is made from.
struct Breeder<'a> {
    options: &'a SearchOptions,
    normaliser: &'a Normaliser,
    screen: &'a Problem,
    deadline: &'a Deadline,
    variables: usize,
    pieces: &'a [Form],
    parents: Vec<&'a Candidate>,
}

impl Breeder<'_> {
    /// Changed and recombined forms that were not seen before.
    fn offspring(&self, seen: &HashSet<Form>, rng: &mut ChaCha8Rng) -> Vec<Job> {
        let seed: u64 = rng.random();
        let max = self.options.max_complexity;
        let child = |k: usize| -> Option<Job> {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(k as u64);
            // A tournament of two.
            let mut pick = || {
                let (a, b) = (self.parents.choose(&mut rng)?, self.parents.choose(&mut rng)?);
                Some(
                    if a.mean_square * (a.complexity as f64) < b.mean_square * (b.complexity as f64)
                    {
                        *a
                    } else {
                        *b
                    },
                )
            };
            let (mother, father) = (pick()?, pick()?);
            let known = hints(&[mother, father]);
            let change = Change { breeder: self, mother: &mother.form, father: &father.form };
            let mut best: Option<(f64, Job)> = None;
            for sibling in 0..SIBLINGS {
                if self.deadline.is_over() {
                    break;
                }
                let Some(form) = change.draw(&mut rng) else { continue };
                let form = self.normaliser.normal(&form);
                if form.complexity() > max
                    || form.constants() > MAX_CONSTANTS
                    || seen.contains(&form)
                {
                    continue;
                }
                let Some(tape) = Tape::new(&form, self.screen) else { continue };
                let hints = matching(&form, &known, &tape);
                let starts = Starts::new(seed ^ (k * SIBLINGS + sibling) as u64, hints.clone());
                let Some(squares) =
                    Fitter::new(&form, self.screen).and_then(|mut f| f.glance(&starts))
                else {
                    continue;
                };
                if best.as_ref().is_none_or(|(known, _)| squares < *known) {
                    best = Some((squares, Job { form, hints }));
                }
            }
            best.map(|(_, job)| job)
        };
        let jobs = parallel::map(OFFSPRING, child);
        let mut forms = HashSet::new();
        jobs.into_iter().flatten().filter(|job| forms.insert(job.form.clone())).collect()
    }
}

/// Every part of the fitted forms with its constants.
fn hints(candidates: &[&Candidate]) -> HashMap<Form, Vec<f64>> {
    fn visit(form: &Form, theta: &[f64], known: &mut HashMap<Form, Vec<f64>>) {
        let mut at = 0;
        for child in form.children() {
            let n = child.constants();
            if n > 0 {
                visit(child, &theta[at..at + n], known);
            }
            at += n;
        }
        if !theta.is_empty() && *form != Form::Constant {
            known.entry(form.clone()).or_insert_with(|| theta.to_vec());
        }
    }
    let mut known = HashMap::new();
    for c in candidates {
        visit(&c.form, &c.fit.theta, &mut known);
    }
    known
}

/// The known values of the constants inside a form.
fn matching(form: &Form, known: &HashMap<Form, Vec<f64>>, tape: &Tape) -> Vec<Option<f64>> {
    fn visit(form: &Form, known: &HashMap<Form, Vec<f64>>, out: &mut Vec<Option<f64>>) {
        if let Some(theta) = known.get(form) {
            out.extend(theta.iter().map(|v| Some(*v)));
            return;
        }
        form.children().iter().for_each(|c| visit(c, known, out));
        if matches!(form, Form::Constant | Form::FreePower(_)) {
            out.push(None);
        }
    }
    let mut all = Vec::new();
    visit(form, known, &mut all);
    let inner = tape.slots.iter().zip(all).filter(|(slot, _)| matches!(slot, Slot::Inner(_)));
    let inner: Vec<Option<f64>> = inner.map(|(_, value)| value).collect();
    if inner.iter().any(Option::is_some) { inner } else { Vec::new() }
}

/// A way to change a form.
struct Change<'a> {
    breeder: &'a Breeder<'a>,
    mother: &'a Form,
    father: &'a Form,
}

impl Change<'_> {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Option<Form> {
        let piece = self.piece(rng)?;
        let m = self.mother.clone();
        Some(match rng.random_range(0..12) {
            0 | 1 => Form::Sum(vec![m, piece]),
            2 => {
                let at = place(&m, rng);
                replace_part(&m, at, &piece)
            }
            3 | 4 => {
                // A factor for one part.
                let at = place(&m, rng);
                let part = part(&m, at)?;
                let piece = if rng.random() { piece } else { piece.power(-1.0) };
                replace_part(&m, at, &Form::Product(vec![part.clone(), piece]))
            }
            5 => {
                // A term for one part.
                let at = place(&m, rng);
                let part = part(&m, at)?;
                replace_part(
                    &m,
                    at,
                    &Form::Sum(vec![part.clone(), Form::Product(vec![Form::Constant, piece])]),
                )
            }
            6 => {
                let at = place(&m, rng);
                let part = part(&m, at)?;
                replace_part(&m, at, &self.wrapped(part, rng)?)
            }
            7 | 8 => {
                let at = place(&m, rng);
                let other = part(self.father, place(self.father, rng))?;
                replace_part(&m, at, other)
            }
            9 => remove_part(&m, rng)?,
            10 => {
                let factor = if rng.random() {
                    self.father.clone()
                } else {
                    self.father.clone().power(-1.0)
                };
                if rng.random() {
                    Form::Sum(vec![m, factor])
                } else {
                    Form::Product(vec![m, factor])
                }
            }
            _ => self.other_variable(&m, rng),
        })
    }

    /// A small term, or a part of the other parent.
    fn piece(&self, rng: &mut ChaCha8Rng) -> Option<Form> {
        match rng.random_range(0..3) {
            0 => Some(Form::Variable(rng.random_range(0..self.breeder.variables))),
            1 => self.breeder.pieces.choose(rng).cloned(),
            _ => part(self.father, place(self.father, rng)).cloned(),
        }
    }

    fn wrapped(&self, part: &Form, rng: &mut ChaCha8Rng) -> Option<Form> {
        let operators = &self.breeder.options.operators;
        let functions = operators.functions.len();
        let exponents = operators.exponents.len();
        let choice =
            rng.random_range(0..functions + exponents + usize::from(operators.free_exponents));
        let shifted =
            if rng.random() { part.clone() } else { Form::Sum(vec![part.clone(), Form::Constant]) };
        Some(if choice < functions {
            Form::apply(operators.functions[choice], shifted)
        } else if choice < functions + exponents {
            shifted.power(operators.exponents[choice - functions])
        } else {
            Form::FreePower(Box::new(shifted))
        })
    }

    fn other_variable(&self, form: &Form, rng: &mut ChaCha8Rng) -> Form {
        let (from, to) = (
            rng.random_range(0..self.breeder.variables),
            rng.random_range(0..self.breeder.variables),
        );
        if from == to {
            // Another exponent instead.
            let exponents = &self.breeder.options.operators.exponents;
            let n = exponents.choose(rng).copied().and_then(Number::new);
            let at = place(form, rng);
            return match (part(form, at), n) {
                (Some(Form::Power(base, _)), Some(n)) => {
                    replace_part(form, at, &Form::Power(base.clone(), n))
                }
                (Some(Form::Power(base, _)), None) => replace_part(form, at, base),
                (Some(other), Some(n)) => {
                    replace_part(form, at, &Form::Power(Box::new(other.clone()), n))
                }
                _ => form.clone(),
            };
        }
        fn rename(form: &Form, from: usize, to: usize) -> Form {
            match form {
                Form::Variable(i) if *i == from => Form::Variable(to),
                other => other.map_children(&mut |c| rename(c, from, to)),
            }
        }
        rename(form, from, to)
    }
}

/// Parts that are no constants.
fn parts(form: &Form) -> usize {
    let own = usize::from(!matches!(form, Form::Constant | Form::Number(_)));
    own + form.children().iter().map(parts).sum::<usize>()
}

fn place(form: &Form, rng: &mut ChaCha8Rng) -> usize {
    rng.random_range(0..parts(form).max(1))
}

/// The part at a place, counted from the whole.
fn part(form: &Form, at: usize) -> Option<&Form> {
    fn find<'a>(form: &'a Form, at: &mut usize) -> Option<&'a Form> {
        if !matches!(form, Form::Constant | Form::Number(_)) {
            if *at == 0 {
                return Some(form);
            }
            *at -= 1;
        }
        form.children().iter().find_map(|c| find(c, at))
    }
    let mut at = at;
    find(form, &mut at)
}

fn replace_part(form: &Form, at: usize, by: &Form) -> Form {
    fn replace(form: &Form, at: &mut Option<usize>, by: &Form) -> Form {
        if !matches!(form, Form::Constant | Form::Number(_)) {
            match at {
                Some(0) => {
                    *at = None;
                    return by.clone();
                }
                Some(n) => *n -= 1,
                None => return form.clone(),
            }
        }
        form.map_children(&mut |c| replace(c, at, by))
    }
    replace(form, &mut Some(at), by)
}

/// The form without one operand of a sum or product, or without one function.
fn remove_part(form: &Form, rng: &mut ChaCha8Rng) -> Option<Form> {
    let at = place(form, rng);
    let part = part(form, at)?;
    let less = match part {
        Form::Sum(children) | Form::Product(children) => {
            let mut rest = children.clone();
            rest.remove(rng.random_range(0..rest.len().max(1)));
            match part {
                _ if rest.is_empty() => return None,
                Form::Sum(_) => Form::sum_of(rest),
                _ => Form::product_of(rest),
            }
        }
        Form::Power(base, _) | Form::FreePower(base) | Form::Apply(_, base) => (**base).clone(),
        _ => return None,
    };
    Some(replace_part(form, at, &less))
}
