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

pub(super) type Point = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

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
    /// L-BFGS with this line search, from the last `memory` pairs.
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

#[cfg(test)]
mod tests {
    use argmin::solver::quasinewton::LBFGS;
    use ndarray::{Array1, Array2, aview1};

    use super::*;

    const DIM: usize = 30;

    /// The extended Rosenbrock function.
    struct Valley;

    impl CostFunction for Valley {
        type Param = Vec<f64>;
        type Output = f64;
        fn cost(&self, u: &Vec<f64>) -> Result<f64, Error> {
            let term = |p: &[f64]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2);
            Ok(u.windows(2).map(term).sum())
        }
    }

    impl Gradient for Valley {
        type Param = Vec<f64>;
        type Gradient = Vec<f64>;
        fn gradient(&self, u: &Vec<f64>) -> Result<Vec<f64>, Error> {
            let mut gradient = vec![0.0; u.len()];
            for (k, p) in u.windows(2).enumerate() {
                let rise = p[1] - p[0] * p[0];
                gradient[k] -= 2.0 * (1.0 - p[0]) + 400.0 * p[0] * rise;
                gradient[k + 1] += 200.0 * rise;
            }
            Ok(gradient)
        }
    }

    fn search() -> WeakWolfe {
        WeakWolfe::new(20)
    }

    /// Where a solver is after so many iterations.
    fn after<S: Solver<Valley, Point>>(solver: S, iterations: u64) -> Vec<f64> {
        let start: Vec<f64> = (0..DIM).map(|k| (k as f64).sin()).collect();
        let (cost, gradient) = (Valley.cost(&start).unwrap(), Valley.gradient(&start).unwrap());
        let state = Point::new().param(start).cost(cost).gradient(gradient);
        let run = Executor::new(Valley, solver)
            .configure(|_| state.max_iters(iterations))
            .ctrlc(false)
            .run();
        run.unwrap().state.take_param().unwrap()
    }

    /// Runs shorter and longer than the memory of 7 pairs.
    #[test]
    fn regress_steps_are_those_of_argmin_to_the_last_bit() {
        let argmin = || {
            LBFGS::new(search(), 7)
                .with_tolerance_grad(0.0)
                .and_then(|solver| solver.with_tolerance_cost(0.0))
                .unwrap()
        };
        for iterations in [1, 2, 7, 8, 60] {
            assert_eq!(
                after(TwoLoop::new(search(), 7), iterations),
                after(argmin(), iterations),
                "{iterations} iterations"
            );
        }
    }

    /// Each pair changes H to (1 - s y^T / s.y) H (1 - y s^T / s.y) + s s^T / s.y, from s.y / y.y
    /// of the last pair (Nocedal & Wright 2006, equations 7.16 and 7.20).
    #[test]
    fn product_is_that_of_the_dense_inverse_hessian() {
        let vector = |seed: f64| Array1::from_shape_fn(DIM, |k| (seed * (k + 1) as f64).sin());
        let outer = |a: &Array1<f64>, b: &Array1<f64>| {
            Array2::from_shape_fn((DIM, DIM), |(i, j)| a[i] * b[j])
        };
        let mut solver = TwoLoop::new(search(), 5);
        let mut pairs = Vec::new();
        for k in 0..5 {
            let s = vector(0.3 + f64::from(k));
            let y = &s * 2.0 + vector(1.7 + f64::from(k)) * 0.1;
            solver.pairs.push_back(Pair {
                s: s.to_vec(),
                y: y.to_vec(),
                sy: s.dot(&y),
                yy: y.dot(&y),
            });
            pairs.push((s, y));
        }
        let (s, y) = &pairs[4];
        let one = Array2::<f64>::eye(DIM);
        let mut inverse = &one * (s.dot(y) / y.dot(y));
        for (s, y) in &pairs {
            let sy = s.dot(y);
            let left = &one - outer(s, y) / sy;
            inverse = left.dot(&inverse).dot(&left.t()) + outer(s, s) / sy;
        }
        let gradient = vector(0.9);
        let expected = inverse.dot(&gradient);
        let off = &aview1(&solver.times(&gradient.to_vec())) - &expected;
        assert!(off.dot(&off).sqrt() < 1e-13 * expected.dot(&expected).sqrt(), "{off}");
    }
}
