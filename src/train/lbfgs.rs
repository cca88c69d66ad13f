//! L-BFGS in rounds: each round ends at a checkpoint, from which a later run goes on
//! exactly.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use argmin::core::{CostFunction, Executor, Gradient, State, TerminationStatus};
use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::line_search::WeakWolfe;
use super::saving::Saving;
use super::two_loop::{Point, TwoLoop};
use crate::progress::Progress;

/// A function to minimise: value and gradient in one evaluation.
pub trait Objective {
    /// Value at `u`; writes the gradient. Need not be finite.
    fn evaluate(&self, u: &[f64], gradient: &mut [f64]) -> f64;
}

/// When a minimisation ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Number of iterations at most.
    pub iterations: usize,
    /// Iterations in a round, between two checkpoints.
    pub round: usize,
    /// Stops where a Newton step, its Hessian the identity, would lower the value by less than this
    /// fraction, and after a round that lowered it by less.
    pub decrease: f64,
}

/// One iteration of the training history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the iteration, from 0, the start.
    pub iteration: usize,
    /// Value of the objective.
    pub value: f64,
    /// Euclidean norm of the objective's gradient, by the coordinates that are searched.
    pub gradient_norm: f64,
    /// Evaluations of value and gradient so far.
    pub evaluations: usize,
}

impl Record {
    /// The event that tells of it; `objective` says what is minimised.
    pub(super) fn told(&self, objective: &'static str) -> Progress {
        let Self { iteration, value, evaluations, .. } = *self;
        Progress::Iteration { iteration, objective, value, evaluations }
    }
}

/// Why a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The gradient is as small as was asked for, or a round lowered the value by less than was
    /// asked for.
    Converged,
    /// No step in the direction of descent lowers the value: roundoff, or a function that is not
    /// smooth.
    Stuck,
    /// The judge has seen nothing better for as many rounds as it has patience.
    Judged,
    /// The number of iterations is used up.
    Limit,
    /// A linear problem was solved at once.
    Linear,
}

/// Another measure of a point, such as the loss on data that are not trained on; it decides which
/// point is kept and when to stop.
pub struct Judge<'a> {
    /// The measure, the smaller the better.
    pub value: &'a dyn Fn(&[f64]) -> f64,
    /// Rounds without a better point that are waited for.
    pub patience: usize,
}

/// Where a minimisation stands: all that a later run needs to go on.
#[derive(Clone, Serialize, Deserialize)]
struct Checkpoint {
    key: String,
    solver: Option<TwoLoop>,
    state: Option<Point>,
    best: (Vec<f64>, f64),
    /// The point that the judge likes best, and its value of the objective.
    chosen: (Vec<f64>, f64),
    judged: Vec<(usize, f64)>,
    history: Vec<Record>,
    evaluations: usize,
    restarts: usize,
    outcome: Option<Outcome>,
}

impl Checkpoint {
    fn iterations(&self) -> usize {
        self.history.len().saturating_sub(1)
    }
    /// The least value of the first iterations.
    fn best_of(&self, iterations: usize) -> f64 {
        self.history.iter().take(iterations + 1).fold(f64::INFINITY, |best, r| best.min(r.value))
    }
    fn goes_on(&self, stop: Stop) -> bool {
        self.outcome.is_none() && self.iterations() < stop.iterations
    }
    /// Shows the judge the current point, after the iteration `record`.
    fn judge(&mut self, judge: &Judge, record: &Record) {
        let Some(u) = self.state.as_ref().and_then(|state| state.get_param()) else { return };
        let value =
            Some((judge.value)(u)).filter(|value| value.is_finite()).unwrap_or(f64::INFINITY);
        let best = self.judged.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
        if value < best || self.judged.is_empty() {
            self.chosen = (u.clone(), record.value);
        }
        self.judged.push((record.iteration, value));
        let least = value.min(best);
        let since = self.judged.iter().rev().take_while(|(_, value)| *value > least).count();
        if since >= judge.patience.max(1) {
            self.outcome.get_or_insert(Outcome::Judged);
        }
    }
}

/// What a [`Judge`] said of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// Iteration after which it was asked.
    pub iteration: usize,
    /// What the judge's measure of the point was.
    pub value: f64,
}

/// The result of [`minimise`].
#[derive(Clone, Debug)]
pub struct Minimum {
    /// The best point found; with a judge, the one that it likes best.
    pub u: Vec<f64>,
    /// The objective's value there.
    pub value: f64,
    /// Every iteration, the start among them.
    pub history: Vec<Record>,
    /// What the judge said, in order.
    pub judged: Vec<Judgement>,
    /// Why the minimisation ended.
    pub outcome: Outcome,
}

/// Pairs that are kept. Networks need many: with 40 a perceptron on scalars took twice as many
/// iterations to the same error as with 200, whose directions cost as much as its gradients.
const MEMORY: usize = 100;
const TRIALS: u32 = 20;
const RESTARTS: usize = 1;
/// Checkpoints follow each other after so long at least, but for the first and the last.
const BETWEEN_CHECKPOINTS: Duration = Duration::from_secs(30);

/// Minimises from `start`. With `saving` the state is saved after the first round and then every
/// few seconds, and when the training is stopped; a saved state with the same key and the same
/// value and gradient at `start` is continued, also one that had reached its limit of iterations
/// when the limit is larger now: the end is the same to the last bit as without a stop. `watch`
/// sees each record as it is made.
///
/// # Errors
/// [`TrainError::NotFinite`] when the start has no finite value; [`TrainError::Checkpoint`] when a
/// checkpoint can't be written or read; [`TrainError::Stopped`].
pub fn minimise(
    objective: &impl Objective,
    start: &[f64],
    stop: Stop,
    saving: Option<Saving>,
    watch: &mut dyn FnMut(&Record),
) -> Result<Minimum, TrainError> {
    minimise_judged(objective, None, start, stop, saving, watch)
}

/// Minimises as [`minimise`] does, with a judge that is asked at the start and after every round.
/// Then `stop.decrease` holds for rounds alone.
///
/// # Errors
/// Those of [`minimise`].
pub fn minimise_judged(
    objective: &impl Objective,
    judge: Option<&Judge>,
    start: &[f64],
    stop: Stop,
    saving: Option<Saving>,
    watch: &mut dyn FnMut(&Record),
) -> Result<Minimum, TrainError> {
    let mut at = begin(objective, start, saving.map_or("", |saving| saving.key))?;
    if let Some(saving) = saving {
        // A checkpoint of another problem, or of other coordinates, is of no use.
        let fits =
            |saved: &Checkpoint| saved.key == at.key && saved.history.first() == at.history.first();
        at = saving.load()?.filter(fits).unwrap_or(at);
    }
    if let (Some(judge), true) = (judge, at.judged.is_empty()) {
        let first = at.history[0];
        at.judge(judge, &first);
    }
    at.history.iter().for_each(&mut *watch);
    let mut saved: Option<Instant> = None;
    while at.goes_on(stop) {
        // States are saved between rounds only: a round that is stopped is begun again.
        let before =
            saving.filter(|saving| saving.stop.is_some()).map(|saving| (saving, at.clone()));
        let stopped = round(objective, judge, &mut at, stop, watch, &|| {
            saving.is_some_and(|saving| saving.stopped())
        });
        if let (Some((saving, before)), true) = (before, stopped) {
            saving.save(&before)?;
            return Err(TrainError::Stopped);
        }
        let due =
            saved.is_none_or(|last| last.elapsed() > BETWEEN_CHECKPOINTS) || !at.goes_on(stop);
        if let (Some(saving), true) = (saving, due) {
            saving.save(&at)?;
            saved = Some(Instant::now());
        }
    }
    let (u, value) = if judge.is_some() { at.chosen } else { at.best };
    Ok(Minimum {
        u,
        value,
        history: at.history,
        judged: (at.judged.into_iter())
            .map(|(iteration, value)| Judgement { iteration, value })
            .collect(),
        outcome: at.outcome.unwrap_or(Outcome::Limit),
    })
}

fn begin(objective: &impl Objective, start: &[f64], key: &str) -> Result<Checkpoint, TrainError> {
    let mut gradient = vec![0.0; start.len()];
    let value = objective.evaluate(start, &mut gradient);
    if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
        return Err(TrainError::NotFinite);
    }
    let first = Record { iteration: 0, value, gradient_norm: norm(&gradient), evaluations: 1 };
    let state = fresh(start.to_vec(), value, gradient);
    Ok(Checkpoint {
        key: key.into(),
        solver: None,
        state: Some(state),
        best: (start.to_vec(), value),
        chosen: (start.to_vec(), value),
        judged: Vec::new(),
        history: vec![first],
        evaluations: 1,
        restarts: 0,
        outcome: start.is_empty().then_some(Outcome::Converged),
    })
}

fn fresh(u: Vec<f64>, value: f64, gradient: Vec<f64>) -> Point {
    Point::new().param(u).cost(value).gradient(gradient)
}

/// Iterates to the next multiple of `stop.round`, where it decides whether to go on. The decision
/// hangs on the history alone, so it is the same wherever a run was stopped between. Whether it was
/// stopped within is returned.
fn round(
    objective: &impl Objective,
    judge: Option<&Judge>,
    at: &mut Checkpoint,
    stop: Stop,
    watch: &mut dyn FnMut(&Record),
    stopped: &dyn Fn() -> bool,
) -> bool {
    let problem = Cached::new(objective);
    let mut failed = false;
    while at.goes_on(stop) {
        if stopped() {
            return true;
        }
        let Some(record) = iterate(&problem, at) else {
            failed = true;
            break;
        };
        watch(&record);
        at.history.push(record);
        let mut converged =
            judge.is_none() && 0.5 * record.gradient_norm.powi(2) <= stop.decrease * record.value;
        let round_ends = record.iteration.is_multiple_of(stop.round);
        if round_ends {
            converged |=
                at.best.1 >= at.best_of(record.iteration - stop.round) * (1.0 - stop.decrease);
        }
        at.outcome = converged.then_some(Outcome::Converged);
        if round_ends {
            judge.into_iter().for_each(|judge| at.judge(judge, &record));
            break;
        }
    }
    at.evaluations += problem.evaluations();
    if failed {
        restart(objective, at);
    }
    false
}

/// One iteration; none when its line search failed.
fn iterate<O: Objective>(problem: &Cached<O>, at: &mut Checkpoint) -> Option<Record> {
    let mut state = at.state.take()?;
    state.max_iters = state.iter + 1;
    state.termination_status = TerminationStatus::NotTerminated;
    // A numerical failure is reported in the state; `run` itself fails only on missing input, which
    // counts the same here.
    let result = Executor::new(problem, at.solver.take().unwrap_or_else(new_solver))
        .configure(|_| state)
        .ctrlc(false)
        .run()
        .ok()?;
    let (u, gradient) = result.state.get_param().zip(result.state.get_gradient())?;
    let record = Record {
        iteration: at.history.len(),
        value: result.state.get_cost(),
        gradient_norm: norm(gradient),
        evaluations: at.evaluations + problem.evaluations(),
    };
    if record.value < at.best.1 {
        at.best = (u.clone(), record.value);
    }
    (at.state, at.solver) = (Some(result.state), Some(result.solver));
    Some(record)
}

/// After a failed line search: once more from the best point, with cleared memory, a bounded number
/// of times.
fn restart(objective: &impl Objective, at: &mut Checkpoint) {
    at.restarts += 1;
    if at.restarts > RESTARTS {
        at.outcome = Some(Outcome::Stuck);
    }
    let mut gradient = vec![0.0; at.best.0.len()];
    let value = objective.evaluate(&at.best.0, &mut gradient);
    at.evaluations += 1;
    (at.state, at.solver) = (Some(fresh(at.best.0.clone(), value, gradient)), None);
}

fn new_solver() -> TwoLoop {
    TwoLoop::new(WeakWolfe::new(TRIALS), MEMORY)
}

/// Gives argmin cost and gradient from one evaluation. What is not finite becomes a huge cost with
/// no slope.
struct Cached<'a, O> {
    objective: &'a O,
    last: RefCell<(Vec<f64>, f64, Vec<f64>)>,
    count: RefCell<usize>,
}

impl<'a, O: Objective> Cached<'a, O> {
    fn new(objective: &'a O) -> Self {
        Self { objective, last: RefCell::default(), count: RefCell::new(0) }
    }
    fn evaluations(&self) -> usize {
        *self.count.borrow()
    }
    fn at(&self, u: &[f64]) -> std::cell::Ref<'_, (Vec<f64>, f64, Vec<f64>)> {
        if self.last.borrow().0 != u {
            let mut gradient = vec![0.0; u.len()];
            let mut value = self.objective.evaluate(u, &mut gradient);
            *self.count.borrow_mut() += 1;
            if !value.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
                value = 1e300;
                gradient.fill(0.0);
            }
            *self.last.borrow_mut() = (u.to_vec(), value, gradient);
        }
        self.last.borrow()
    }
}

impl<O: Objective> CostFunction for &Cached<'_, O> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, u: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.at(u).1)
    }
}

impl<O: Objective> Gradient for &Cached<'_, O> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, u: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        Ok(self.at(u).2.clone())
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Rosenbrock;
    impl Objective for Rosenbrock {
        fn evaluate(&self, u: &[f64], g: &mut [f64]) -> f64 {
            let (a, b) = (1.0 - u[0], u[1] - u[0] * u[0]);
            g.copy_from_slice(&[-2.0 * a - 400.0 * u[0] * b, 200.0 * b]);
            a * a + 100.0 * b * b
        }
    }

    struct Cliff;
    impl Objective for Cliff {
        fn evaluate(&self, u: &[f64], g: &mut [f64]) -> f64 {
            g[0] = 1.0 - 1.0 / u[0];
            if u[0] > 0.0 { u[0] - u[0].ln() } else { f64::NAN }
        }
    }

    const STOP: Stop = Stop { iterations: 200, round: 7, decrease: 1e-9 };

    #[test]
    fn regress_lbfgs_finds_the_minimum_of_rosenbrock() {
        let found = minimise(&Rosenbrock, &[-1.2, 1.0], STOP, None, &mut |_| {}).unwrap();
        assert!(found.value < 1e-18, "{}", found.value);
        assert!(found.history.last().unwrap().evaluations < 80);
    }

    #[test]
    fn regress_line_search_survives_nan() {
        let found = minimise(&Cliff, &[30.0], STOP, None, &mut |_| {}).unwrap();
        assert!((found.u[0] - 1.0).abs() < 1e-6);
        assert!(matches!(
            minimise(&Cliff, &[-1.0], STOP, None, &mut |_| {}),
            Err(TrainError::NotFinite)
        ));
    }

    /// Two judges of Rosenbrock's function: one that wants u_0 = 0, halfway, and one that has no
    /// number to say.
    #[test]
    fn regress_a_judge_keeps_the_point_that_it_likes_and_stops() {
        let stop = Stop { round: 3, ..STOP };
        let middle = Judge { value: &|u| u[0].abs(), patience: 3 };
        let found =
            minimise_judged(&Rosenbrock, Some(&middle), &[-1.2, 1.0], stop, None, &mut |_| {})
                .unwrap();
        assert_eq!(found.outcome, Outcome::Judged);
        let best = found.judged.iter().map(|j| j.value).fold(f64::INFINITY, f64::min);
        assert_eq!(found.u[0].abs(), best);
        assert_eq!(
            found.judged.iter().map(|j| j.iteration).collect::<Vec<_>>(),
            (0..found.judged.len()).map(|k| 3 * k).collect::<Vec<_>>()
        );
        assert_eq!(found.judged.iter().rev().take_while(|j| j.value > best).count(), 3);
        let mute = Judge { value: &|_| f64::NAN, patience: 2 };
        let found =
            minimise_judged(&Rosenbrock, Some(&mute), &[-1.2, 1.0], stop, None, &mut |_| {})
                .unwrap();
        assert_eq!(found.u, [-1.2, 1.0]);
        // Stopped and continued, all is the same.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        let saving = Saving::from((&*path, "j"));
        let run = |iterations, saving| {
            let stop = Stop { iterations, ..stop };
            minimise_judged(&Rosenbrock, Some(&middle), &[-1.2, 1.0], stop, saving, &mut |_| {})
                .unwrap()
        };
        let whole = run(200, None);
        assert_eq!(run(4, Some(saving)).outcome, Outcome::Limit);
        let resumed = run(200, Some(saving));
        assert_eq!(
            (whole.u, whole.judged, whole.history),
            (resumed.u, resumed.judged, resumed.history)
        );
    }

    #[test]
    fn determinism_resumed_run_equals_an_undisturbed_one() {
        let whole = minimise(&Rosenbrock, &[-1.2, 1.0], STOP, None, &mut |_| {}).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoint");
        let (short, saving) = (Stop { iterations: 9, ..STOP }, Saving::from((&*path, "r")));
        minimise(&Rosenbrock, &[-1.2, 1.0], short, Some(saving), &mut |_| {}).unwrap();
        let mut seen = 0;
        let resumed =
            minimise(&Rosenbrock, &[-1.2, 1.0], STOP, Some(saving), &mut |_| seen += 1).unwrap();
        assert_eq!((whole.u, &whole.history), (resumed.u, &resumed.history));
        assert_eq!(seen, whole.history.len());
        let elsewhere =
            minimise(&Rosenbrock, &[5.0, 5.0], short, Some(saving), &mut |_| {}).unwrap();
        assert_eq!(elsewhere.history.len(), 10);
        let (mut records, other) = (Vec::new(), Saving { key: "another problem", ..saving });
        minimise(&Rosenbrock, &[5.0, 5.0], short, Some(other), &mut |record| records.push(*record))
            .unwrap();
        assert_eq!(records, elsewhere.history);
        assert!(other.load::<Checkpoint>().unwrap().is_some_and(|saved| saved.key == other.key));
    }

    /// Stopped by its watcher at every iteration in turn, also within rounds, and continued.
    #[test]
    fn determinism_run_that_is_stopped_and_continued_equals_an_undisturbed_one() {
        let whole = minimise(&Rosenbrock, &[-1.2, 1.0], STOP, None, &mut |_| {}).unwrap();
        for last in 0..whole.history.len() {
            let (dir, asked) = (tempfile::tempdir().unwrap(), AtomicBool::new(false));
            let path = dir.path().join("checkpoint");
            let saving = Saving { path: &path, key: "r", stop: Some(&asked) };
            let mut seen = 0;
            let mut watch = |record: &Record| {
                seen = record.iteration;
                asked.fetch_or(record.iteration == last, Ordering::Relaxed);
            };
            let stopped = minimise(&Rosenbrock, &[-1.2, 1.0], STOP, Some(saving), &mut watch);
            assert_eq!(seen, last, "it went on");
            assert!(
                path.exists() && (stopped.is_ok() || matches!(stopped, Err(TrainError::Stopped)))
            );
            assert_eq!(stopped.is_ok(), last + 1 == whole.history.len());
            let resumed = minimise(
                &Rosenbrock,
                &[-1.2, 1.0],
                STOP,
                Some(Saving { stop: None, ..saving }),
                &mut |_| {},
            )
            .unwrap();
            assert_eq!((&whole.u, &whole.history), (&resumed.u, &resumed.history));
        }
    }
}
