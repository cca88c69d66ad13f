//! The searches for closed forms of a law's parts: one e-graph for all of them.

use std::time::Duration;

use ndarray::Array1;

use crate::deadline::Deadline;
use crate::expr::{Expr, Function};
use crate::recover::propose::metric::Metric;
use crate::recover::split::PartSamples;
use crate::search::{
    Counts, Form, Memory, Operators, SearchError, SearchOptions, Target, search_with,
};

/// What the searches of one recovery share.
pub(crate) struct Searches {
    memory: Memory,
    /// Forms that explained a part; they are tried on the others.
    known: Vec<Form>,
    /// Counts over all searches; those of the e-graph are its size.
    pub counts: Counts,
    seed: u64,
    deadline: Deadline,
}

/// Slopes are not trusted beyond this part of their size.
const SYSTEMATIC: f64 = 1e-6;

/// Forms of a part that are fitted along the paths, at most.
const MOST_FORMS: usize = 8;

/// Searches with no more evaluations than this begin with the simplest forms: what is known
/// elsewhere may be needlessly general.
const SHORT: usize = 1000;

/// A search always gets this long.
const LEAST: Duration = Duration::from_millis(50);

impl Searches {
    pub fn new(seed: u64, deadline: Deadline) -> Self {
        Self {
            memory: Memory::default(),
            known: Vec::new(),
            counts: Counts::default(),
            seed,
            deadline,
        }
    }

    /// Forms whose slopes are those of the samples, simple ones first; of noisy ones, whose errors
    /// are correlated as a `metric` says, simpler ones too than those that the search would choose,
    /// and rivals of its choice. None where there is too little to go by.
    pub fn forms(
        &mut self,
        variables: &[Expr],
        samples: &PartSamples,
        evaluations: usize,
        metric: Option<&Metric>,
    ) -> Vec<Expr> {
        self.search(variables, samples, evaluations, metric).unwrap_or_else(|error| {
            log::debug!("  search: {error}");
            Vec::new()
        })
    }

    fn search(
        &mut self,
        variables: &[Expr],
        samples: &PartSamples,
        evaluations: usize,
        metric: Option<&Metric>,
    ) -> Result<Vec<Expr>, SearchError> {
        let noisy = metric.is_some();
        let mut target = target(variables.len(), samples)?;
        if let Some(metric) = metric {
            target = target.with_whitening(metric.whitening())?;
        }
        let mut options = SearchOptions {
            operators: Operators { functions: Function::ALL.to_vec(), ..Operators::default() },
            max_evaluations: evaluations,
            seed: self.seed,
            // Noise leaves room for forms that explain it all, and simpler ones may yet come.
            stop_when_explained: !noisy,
            ..SearchOptions::default()
        };
        options.deadline = self.deadline.within(LEAST, options.time_budget);
        if evaluations > SHORT {
            options.warm_start = self.known.iter().map(|f| (f.clone(), Vec::new())).collect();
        }
        let front = search_with(&target, &options, &mut self.memory, &mut |_| {})?;
        log::debug!(
            "  search: {:?}, explained {}, {:?}",
            front.ended,
            front.explained,
            front.counts
        );
        let Counts { visited, evaluated, saved, classes, nodes } = front.counts;
        let sum = &self.counts;
        self.counts = Counts {
            visited: sum.visited + visited,
            evaluated: sum.evaluated + evaluated,
            saved: sum.saved + saved,
            classes,
            nodes,
        };
        let best = &front.best().form;
        if front.explained && !self.known.contains(best) {
            self.known.push(best.clone());
        }
        let last = front.entries.len();
        let first = if noisy { 0 } else { last.saturating_sub(MOST_FORMS).min(front.chosen) };
        let taken =
            front.entries[first..last].iter().take(if noisy { 2 * MOST_FORMS } else { MOST_FORMS });
        let rivals = front.rivals.iter().take(if noisy { MOST_FORMS } else { 0 });
        Ok(taken.chain(rivals).filter_map(|f| f.to_expr(&target, variables).ok()).collect())
    }
}

/// The slopes as a target, with one weight for each sample: the noise is that of the middle one.
fn target(m: usize, samples: &PartSamples) -> Result<Target, SearchError> {
    let names: Vec<String> = (0..m).map(|k| format!("x{k}")).collect();
    let mut target = Target::new(names, samples.inputs.view())?;
    let size: Vec<f64> = samples
        .slopes
        .columns()
        .into_iter()
        .map(|c| (c.dot(&c) / c.len().max(1) as f64).sqrt())
        .collect();
    let variance = |i: usize, k: usize| {
        (3.0 * samples.errors[[i, k]]).powi(2) + (SYSTEMATIC * size[k]).powi(2) + f64::MIN_POSITIVE
    };
    let n = samples.inputs.nrows();
    let middle = |k: usize| {
        let mut all: Vec<f64> = (0..n).map(|i| variance(i, k)).collect();
        all.sort_by(f64::total_cmp);
        all.get(n / 2).copied().unwrap_or(1.0)
    };
    let middle: Vec<f64> = (0..m).map(middle).collect();
    let weights = Array1::from_shape_fn(n, |i| {
        let mean = (0..m).map(|k| variance(i, k) / middle[k]).sum::<f64>() / m as f64;
        (1.0 / mean).clamp(1e-6, 1e2)
    });
    for (k, variance) in middle.iter().enumerate() {
        target = target
            .with_slopes(k, samples.slopes.column(k))?
            .with_slope_noise(k, variance.sqrt())?;
    }
    target.with_weights(weights.view())
}
