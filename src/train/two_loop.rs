//! L-BFGS (Nocedal 1980) for argmin's executor.
//!
//! The same steps, to the last bit, as those of argmin's own solver: sums are taken in the same
//! order. That one makes new vectors for every product and takes every inner product anew; here the
//! two-loop recursion goes through memory once for each vector, which for networks saves as much
//! time as a gradient takes.

use std::collections::VecDeque;

use argmin::core::{
    ArgminError, CostFunction, Error, Executor, Gradient, IterState, KV, Problem, Solver, State,
};
use argmin::solver::linesearch::LineSearch;
use serde::{Deserialize, Serialize};

use super::line_search::{WeakWolfe, dot};

type Point = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// L-BFGS with a line search for the weak Wolfe conditions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TwoLoop {
    search: WeakWolfe,
    memory: usize,
    pairs: VecDeque<Pair>,
}

/// A step s, the change y of the gradient along it, s.y and y.y.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    sy: f64,
    yy: f64,
}

impl TwoLoop {
    /// Keeps so many pairs.
    pub fn new(search: WeakWolfe, memory: usize) -> Self {
        Self { search, memory, pairs: VecDeque::new() }
    }

    /// The inverse Hessian that the pairs tell of, times a gradient.
    fn times(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q = gradient.to_vec();
        let Some(last) = self.pairs.back() else { return q };
        let mut alphas = vec![0.0; self.pairs.len()];
        let mut sq = dot(&last.s, &q);
        for (k, pair) in self.pairs.iter().enumerate().rev() {
            let alpha = sq * (1.0 / pair.sy);
            alphas[k] = alpha;
            sq = match k.checked_sub(1).map(|before| &self.pairs[before]) {
                Some(before) => add_and_dot(&mut q, -alpha, &pair.y, &before.s),
                None => {
                    add(&mut q, -alpha, &pair.y);
                    0.0
                }
            };
        }
        let scale = last.sy / last.yy;
        q.iter_mut().for_each(|q| *q *= scale);
        let mut yr = dot(&self.pairs[0].y, &q);
        for (k, (pair, alpha)) in self.pairs.iter().zip(alphas).enumerate() {
            let step = alpha - yr * (1.0 / pair.sy);
            yr = match self.pairs.get(k + 1) {
                Some(next) => add_and_dot(&mut q, step, &pair.s, &next.y),
                None => {
                    add(&mut q, step, &pair.s);
                    0.0
                }
            };
        }
        q
    }
}

/// q += c x.
fn add(q: &mut [f64], c: f64, x: &[f64]) {
    for (q, x) in q.iter_mut().zip(x) {
        *q += x * c;
    }
}

/// q += c x, then the inner product of q and z.
fn add_and_dot(q: &mut [f64], c: f64, x: &[f64], z: &[f64]) -> f64 {
    let element = |((q, x), z): ((&mut f64, &f64), &f64)| {
        *q += x * c;
        z * *q
    };
    q.iter_mut().zip(x).zip(z).map(element).sum()
}

impl<O> Solver<O, Point> for TwoLoop
where
    O: CostFunction<Param = Vec<f64>, Output = f64>
        + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
{
    fn name(&self) -> &str {
        "L-BFGS"
    }

    fn init(&mut self, _: &mut Problem<O>, state: Point) -> Result<(Point, Option<KV>), Error> {
        Ok((state, None))
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        mut state: Point,
    ) -> Result<(Point, Option<KV>), Error> {
        let missing = || ArgminError::NotInitialized {
            text: "L-BFGS starts from a point with its gradient".into(),
        };
        let before = state.take_param().ok_or_else(missing)?;
        let gradient = state.take_gradient().ok_or_else(missing)?;
        let mut direction = self.times(&gradient);
        direction.iter_mut().for_each(|d| *d = -*d);
        self.search.search_direction(direction);
        let start = Point::new().param(before.clone()).gradient(gradient.clone());
        let found = Executor::new(problem.take_problem().ok_or_else(missing)?, self.search.clone())
            .configure(|_| start.cost(state.get_cost()))
            .ctrlc(false)
            .run()?;
        let (mut searched, mut end) = (found.problem, found.state);
        problem.problem = searched.take_problem();
        let (u, next) = end.take_param().zip(end.take_gradient()).ok_or_else(missing)?;
        if self.pairs.len() >= self.memory {
            self.pairs.pop_front();
        }
        let s: Vec<f64> = u.iter().zip(&before).map(|(u, before)| u - before).collect();
        let y: Vec<f64> = next.iter().zip(&gradient).map(|(next, g)| next - g).collect();
        self.pairs.push_back(Pair { sy: dot(&s, &y), yy: dot(&y, &y), s, y });
        Ok((state.param(u).cost(end.get_cost()).gradient(next), None))
    }
}
