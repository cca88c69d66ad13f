//! A line search that ends, whatever the function returns.

use argmin::core::{
    ArgminError, CostFunction, Error, Gradient, IterState, KV, Problem, Solver, TerminationReason,
    TerminationStatus,
};
use argmin::solver::linesearch::LineSearch;
use serde::{Deserialize, Serialize};

type Line = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// Bisection for the weak Wolfe conditions (Lewis & Overton 2013, algorithm 4.6), with a cap on the
/// number of trials.
///
/// A trial whose cost is not finite counts as too long a step, so a rollout that diverges only
/// shortens the step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WeakWolfe {
    trials: u32,
    start: Vec<f64>,
    direction: Vec<f64>,
    cost: f64,
    slope: f64,
    length: f64,
    low: f64,
    high: Option<f64>,
    count: u32,
}

const SUFFICIENT_DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;

impl WeakWolfe {
    /// A search of at most `trials` trial points.
    pub fn new(trials: u32) -> Self {
        Self {
            trials,
            start: vec![],
            direction: vec![],
            cost: 0.0,
            slope: 0.0,
            length: 1.0,
            low: 0.0,
            high: None,
            count: 0,
        }
    }

    fn trial<O>(&mut self, problem: &mut Problem<O>, state: Line) -> Result<Line, Error>
    where
        O: CostFunction<Param = Vec<f64>, Output = f64>
            + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
    {
        self.count += 1;
        let point: Vec<f64> =
            self.start.iter().zip(&self.direction).map(|(x, d)| x + self.length * d).collect();
        let cost = problem.cost(&point)?;
        let gradient = problem.gradient(&point)?;
        Ok(state.param(point).cost(cost).gradient(gradient))
    }

    fn too_long(&self, state: &Line) -> bool {
        let cost = state.get_cost();
        !cost.is_finite() || cost > self.cost + SUFFICIENT_DECREASE * self.length * self.slope
    }

    fn too_short(&self, state: &Line) -> bool {
        state.get_gradient().is_some_and(|g| dot(g, &self.direction) < CURVATURE * self.slope)
    }
}

impl LineSearch<Vec<f64>, f64> for WeakWolfe {
    fn search_direction(&mut self, direction: Vec<f64>) {
        self.direction = direction;
    }
    fn initial_step_length(&mut self, length: f64) -> Result<(), Error> {
        self.length = length;
        Ok(())
    }
}

impl<O> Solver<O, Line> for WeakWolfe
where
    O: CostFunction<Param = Vec<f64>, Output = f64>
        + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
{
    fn name(&self) -> &str {
        "weak Wolfe bisection"
    }

    fn init(
        &mut self,
        problem: &mut Problem<O>,
        mut state: Line,
    ) -> Result<(Line, Option<KV>), Error> {
        let missing = || ArgminError::NotInitialized {
            text: "the line search starts from a point with its gradient".into(),
        };
        self.start = state.take_param().ok_or_else(missing)?;
        let gradient = state.take_gradient().ok_or_else(missing)?;
        self.cost = state.get_cost();
        self.slope = dot(&gradient, &self.direction);
        if self.slope.is_nan() || self.slope >= 0.0 {
            return Err(ArgminError::ConditionViolated {
                text: "the search direction does not descend".into(),
            }
            .into());
        }
        (self.low, self.high, self.count) = (0.0, None, 0);
        Ok((self.trial(problem, state)?, None))
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        state: Line,
    ) -> Result<(Line, Option<KV>), Error> {
        if self.count >= self.trials {
            return Err(ArgminError::ConditionViolated {
                text: format!("no acceptable step in {} trials", self.trials),
            }
            .into());
        }
        if self.too_long(&state) {
            self.high = Some(self.length);
        } else {
            self.low = self.length;
        }
        self.length = self.high.map_or(2.0 * self.low, |high| 0.5 * (self.low + high));
        Ok((self.trial(problem, state)?, None))
    }

    fn terminate(&mut self, state: &Line) -> TerminationStatus {
        if self.too_long(state) || self.too_short(state) {
            return TerminationStatus::NotTerminated;
        }
        TerminationStatus::Terminated(TerminationReason::SolverConverged)
    }
}

/// Inner product, summed in order.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
