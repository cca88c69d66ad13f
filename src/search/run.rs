//! The search itself: phases, batches of candidates, what is kept.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use crate::deadline::Deadline;
use crate::parallel;
use crate::progress::{Progress, SearchPhase as Phase};
use crate::search::candidate::{Candidate, Job};
use crate::search::enumerate::Grammar;
use crate::search::error::SearchError;
use crate::search::fit::Fitter;
use crate::search::form::Form;
use crate::search::front::{Counts, Ended, Found, Front};
use crate::search::mixed::mixed;
use crate::search::normal::Normaliser;
use crate::search::options::SearchOptions;
use crate::search::polish::polish;
use crate::search::reduce::{jobs, reductions};
use crate::search::space::Space;
use crate::search::starts::Starts;
use crate::search::sums::sums;
use crate::search::tape::{Slot, Tape};
use crate::search::target::{Problem, Target};

/// Candidates that are fitted side by side. What is known when a batch begins is what its fits go
/// by, so the number is fixed.
const BATCH: usize = 256;

/// Of what is left of evaluations and time, one part in so many goes to each reduced target.
const REDUCED_SHARE: usize = 3;

/// Forms kept for each complexity.
const KEPT: usize = 8;

/// Searches for forms that explain a target.
///
/// `progress` is told after every batch of fits.
///
/// # Errors
/// No measurements, or fewer than 8 samples to fit.
pub fn search(
    target: &Target,
    options: &SearchOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Front, SearchError> {
    search_with(target, options, &mut Memory::default(), progress)
}

/// The e-graph of the forms that searches have visited: hand it from one to the next, so that they
/// share it.
#[derive(Debug, Default)]
pub struct Memory {
    space: Space,
}

/// A [`search`] that adds to the e-graph of those before it. What it finds depends on the target
/// and options alone.
///
/// # Errors
/// As for [`search`].
pub fn search_with(
    target: &Target,
    options: &SearchOptions,
    memory: &mut Memory,
    progress: &mut dyn FnMut(Progress),
) -> Result<Front, SearchError> {
    search_within(target, options, &mut memory.space, progress, true)
}

/// A search, with or without those of reduced targets inside.
fn search_within(
    target: &Target,
    options: &SearchOptions,
    space: &mut Space,
    progress: &mut dyn FnMut(Progress),
    reduces: bool,
) -> Result<Front, SearchError> {
    target.check()?;
    let mut run = Run::new(target, options, space, progress);
    run.warm_start();
    run.enumerate();
    run.sums();
    if reduces {
        run.reduce(target)?;
    }
    run.evolve();
    let ended = run.ended.unwrap_or(Ended::Exhausted);
    run.tell(Phase::Polish);
    Ok(polish(target, &run.full, &run.kept, run.counts(), ended, &run.deadline))
}

/// The state of a search.
pub(crate) struct Run<'a> {
    pub options: &'a SearchOptions,
    progress: &'a mut dyn FnMut(Progress),
    pub normaliser: Normaliser,
    pub variables: usize,
    pub screen: Problem,
    pub full: Problem,
    space: &'a mut Space,
    /// Classes that were fitted to this target.
    fitted: HashSet<egg::Id>,
    pub counts: Counts,
    /// The best of each complexity, best first.
    pub kept: BTreeMap<usize, Vec<Candidate>>,
    best: Option<Found>,
    begin: Instant,
    pub deadline: Deadline,
    pub ended: Option<Ended>,
    /// Mean square at which the measurements are explained.
    goal: f64,
}

/// The values of the constants inside a form, out of all.
fn inner_values(form: &Form, constants: &[f64], problem: &Problem) -> Vec<Option<f64>> {
    let Some(tape) = Tape::new(form, problem) else { return Vec::new() };
    let inner = tape.slots.iter().zip(constants).filter(|(slot, _)| matches!(slot, Slot::Inner(_)));
    inner.map(|(_, value)| Some(*value)).collect()
}

/// At most so many of the samples, evenly spread.
fn thin(indices: &[usize], most: usize) -> Vec<usize> {
    let n = indices.len();
    if n <= most {
        return indices.to_vec();
    }
    (0..most).map(|k| indices[k * n / most]).collect()
}

impl<'a> Run<'a> {
    fn new(
        target: &Target,
        options: &'a SearchOptions,
        space: &'a mut Space,
        progress: &'a mut dyn FnMut(Progress),
    ) -> Self {
        let begin = Instant::now();
        let kept = target.indices(false);
        let full = target.problem(&kept);
        let screen = if target.is_whole() {
            full.clone()
        } else {
            target.problem(&thin(&kept, options.screening_samples.max(8)))
        };
        let known = 1.0 + 5.0 * (2.0 / screen.rows as f64).sqrt();
        Self {
            options,
            progress,
            normaliser: Normaliser { positive: full.positive.clone() },
            variables: target.names().len(),
            space,
            fitted: HashSet::new(),
            counts: Counts::default(),
            kept: BTreeMap::new(),
            best: None,
            begin,
            deadline: options.deadline.within(Duration::ZERO, options.time_budget),
            ended: None,
            goal: if target.knows_noise() { known } else { screen.roundoff() },
            screen,
            full,
        }
    }

    fn counts(&self) -> Counts {
        let graph = self.space.graph();
        Counts { classes: graph.number_of_classes(), nodes: graph.total_size(), ..self.counts }
    }

    fn tell(&mut self, phase: Phase) {
        (self.progress)(Progress::Search {
            phase,
            visited: self.counts.visited,
            fitted: self.counts.evaluated,
            error: self.best.as_ref().map(|best| best.error),
            complexity: self.best.as_ref().map(|best| best.complexity),
            elapsed: self.begin.elapsed(),
        });
    }

    fn warm_start(&mut self) {
        // A constant is always there, whatever the limits.
        let constant = Form::Constant;
        self.space.add(&constant);
        if let Some(fit) = Fitter::new(&constant, &self.screen)
            .and_then(|mut f| f.fit(&Starts::new(0, Vec::new()), 0.0))
        {
            let mean_square = fit.squares / self.screen.rows as f64;
            self.keep(Candidate {
                complexity: constant.complexity(),
                form: constant,
                fit,
                mean_square,
            });
        }
        let given = self
            .options
            .warm_start
            .iter()
            .filter(|(f, _)| f.variables() <= self.variables)
            .cloned()
            .collect();
        self.evaluate_given(given, Phase::WarmStart);
    }

    /// Fits forms from given constants, and their normal forms from anywhere.
    fn evaluate_given(&mut self, given: Vec<(Form, Vec<f64>)>, phase: Phase) {
        let inner = |form: &Form, theta: &[f64]| {
            if theta.len() == form.constants() {
                inner_values(form, theta, &self.screen)
            } else {
                vec![]
            }
        };
        let mut jobs = jobs(given, |form| self.normaliser.normal(form), inner);
        while !jobs.is_empty() && self.ended.is_none() {
            let rest = jobs.split_off(jobs.len().min(BATCH));
            self.evaluate_batch(std::mem::replace(&mut jobs, rest), phase);
        }
        if self.explained() && self.options.stop_when_explained {
            self.ended.get_or_insert(Ended::Explained);
        }
    }

    /// Searches targets with fewer variables and fits what they bring to the whole.
    fn reduce(&mut self, target: &Target) -> Result<(), SearchError> {
        let reductions = if self.ended.is_some() { vec![] } else { reductions(target) };
        for reduction in reductions {
            let left = self.options.max_evaluations.saturating_sub(self.counts.evaluated);
            if self.ended.is_some() || self.deadline.is_over() || left == 0 {
                break;
            }
            let options = SearchOptions {
                max_evaluations: left / REDUCED_SHARE + 1,
                time_budget: self.deadline.left() / REDUCED_SHARE as u32,
                warm_start: Vec::new(),
                ..self.options.clone()
            };
            let front = search_within(&reduction.target, &options, self.space, &mut |_| {}, false)?;
            self.fitted = self.space.renewed(&self.fitted);
            for (sum, part) in [
                (&mut self.counts.visited, front.counts.visited),
                (&mut self.counts.evaluated, front.counts.evaluated),
                (&mut self.counts.saved, front.counts.saved),
            ] {
                *sum += part;
            }
            self.evaluate_given(reduction.lifted(&front), Phase::Reduced);
        }
        Ok(())
    }

    /// Tries all forms by complexity. A form that explains the data ends the search with the forms
    /// of its complexity.
    fn enumerate(&mut self) {
        let options = self.options;
        let normaliser = self.normaliser.clone();
        let share = options.exhaustive_evaluations.min(options.max_evaluations);
        let mut grammar = Grammar::new(&options.operators, &normaliser, self.variables, share);
        for complexity in 1..=options.exhaustive.min(options.max_complexity) {
            let forms = grammar.forms(complexity, self.screen.has_values);
            self.evaluate(forms, Phase::Enumeration { complexity }, share);
            if self.ended.is_some() || self.counts.evaluated >= share {
                return;
            }
        }
    }

    /// Tries sums of many simple terms.
    fn sums(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let forms = sums(&self.screen, &self.normaliser, self.variables, self.options);
        self.evaluate(forms, Phase::Sums, usize::MAX);
        if self.variables == 1 && self.ended.is_none() {
            let jobs = mixed(&self.screen, &self.normaliser, self.options);
            self.evaluate_jobs(jobs.into_iter(), Phase::Sums, usize::MAX);
        }
    }

    /// Fits those of the forms whose class is new, in batches, until so many forms were fitted.
    fn evaluate(&mut self, forms: Vec<Form>, phase: Phase, most: usize) {
        self.evaluate_jobs(
            forms.into_iter().map(|form| Job { form, hints: Vec::new() }),
            phase,
            most,
        );
    }

    fn evaluate_jobs(&mut self, jobs: impl Iterator<Item = Job>, phase: Phase, most: usize) {
        let mut explained = false;
        let mut jobs = jobs.peekable();
        while jobs.peek().is_some() && self.ended.is_none() && self.counts.evaluated < most {
            let batch: Vec<Job> = jobs.by_ref().take(BATCH).collect();
            explained |= self.evaluate_batch(batch, phase) > 0 && self.explained();
        }
        if explained && self.options.stop_when_explained {
            self.ended.get_or_insert(Ended::Explained);
        }
    }

    /// Whether a form explains the data.
    pub fn explained(&self) -> bool {
        self.best.as_ref().is_some_and(|best| best.error * best.error <= self.goal)
    }

    /// Fits those of the forms whose class is new; their number.
    pub fn evaluate_batch(&mut self, jobs: Vec<Job>, phase: Phase) -> usize {
        let fresh = self.fresh(jobs);
        let number = fresh.len();
        self.fit(fresh);
        self.tell(phase);
        number
    }

    /// Enters forms into the e-graph; those whose class was not fitted before.
    fn fresh(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        self.counts.visited += jobs.len();
        let values = self.screen.has_values;
        let add = |job: &Job| {
            if values { self.space.add(&job.form) } else { self.space.add_with_constant(&job.form) }
        };
        let ids: Vec<egg::Id> = jobs.iter().map(add).collect();
        self.space.saturate();
        self.fitted = self.space.renewed(&self.fitted);
        let (mut fresh, mut saved) = (Vec::new(), 0);
        for (job, id) in jobs.into_iter().zip(ids) {
            if self.fitted.insert(self.space.graph().find(id)) {
                fresh.push(job);
            } else {
                saved += 1;
            }
        }
        self.counts.saved += saved;
        fresh
    }

    /// Fits forms side by side and keeps the best.
    fn fit(&mut self, mut forms: Vec<Job>) {
        let left = self.options.max_evaluations.saturating_sub(self.counts.evaluated);
        if forms.len() >= left {
            forms.truncate(left);
            self.ended.get_or_insert(Ended::Evaluations);
        }
        let (screen, deadline, kept, rows) =
            (&self.screen, &self.deadline, &self.kept, self.screen.rows as f64);
        let seed = self
            .options
            .seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(self.counts.evaluated as u64);
        let bar = |complexity: usize| {
            let known = kept.range(..=complexity).flat_map(|(_, list)| list.first());
            known.map(|c| c.fit.squares).fold(f64::INFINITY, f64::min)
        };
        let fit = |(i, Job { form, hints }): (usize, Job)| {
            if deadline.is_over() {
                return None;
            }
            let complexity = form.complexity();
            let starts = Starts::new(seed.wrapping_add(i as u64), hints);
            let fit = Fitter::new(&form, screen)?.fit(&starts, bar(complexity))?;
            Some(Candidate { mean_square: fit.squares / rows, form, fit, complexity })
        };
        let fitted: Vec<Option<Candidate>> =
            parallel::map_items(forms.into_iter().enumerate(), fit);
        self.counts.evaluated += fitted.len();
        if self.deadline.is_over() {
            self.ended = Some(Ended::Time);
        }
        for candidate in fitted.into_iter().flatten() {
            self.keep(candidate);
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        if self.best.as_ref().is_none_or(|best| candidate.mean_square.sqrt() < best.error) {
            self.best = Some(Found {
                form: candidate.form.clone(),
                constants: candidate.fit.theta.clone(),
                errors: vec![f64::NAN; candidate.fit.theta.len()],
                complexity: candidate.complexity,
                error: candidate.mean_square.sqrt(),
                held_out: f64::NAN,
                description_length: f64::NAN,
            });
        }
        let list = self.kept.entry(candidate.complexity).or_default();
        let at = list.partition_point(|known| known.mean_square <= candidate.mean_square);
        if at < KEPT {
            list.insert(at, candidate);
            list.truncate(KEPT);
        }
    }
}
