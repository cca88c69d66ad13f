//! A block of chunks rolled out together, forwards and in reverse.

use std::ops::Range;

use super::robust;
use crate::dataset::Trajectory;
use crate::integrate::RungeKutta;
use crate::linalg::{Real, ZipInlined, vectorised};
use crate::model::Model;

/// One interval between two points of each chunk of a block.
struct Interval {
    /// Length of one integration step, for each chunk.
    step: Vec<f64>,
    /// Number of integration steps.
    steps: usize,
    /// States at the end of the interval.
    target: Vec<f64>,
    /// Weight of each component's squared error; zero where a chunk has no such point.
    weight: Vec<f64>,
}

/// Up to `size` chunks side by side (flat, component by component), with the memory that a rollout
/// and its adjoint need.
pub(super) struct Block<M: Model> {
    size: usize,
    chunks: usize,
    /// First states as observed, and weights of their components' squared errors.
    observed: Vec<f64>,
    first_weights: Vec<f64>,
    /// States that rollouts start from: the observed ones, unless initial states are free.
    start: Vec<f64>,
    intervals: Vec<Interval>,
    /// Stage states of every step of the rollout: what the reverse sweep needs of the forward one.
    stages: Vec<f64>,
    state: Vec<f64>,
    residual: Vec<f64>,
    /// Weights of the residuals, by interval: those of the intervals, unless outliers count less.
    weight: Vec<f64>,
    weights_bar: Vec<M::Sum>,
    scratch: Scratch<M::Work>,
}

impl<M: Model> Block<M> {
    /// Lays out `chunks` (at most `size`, at least one). Shorter chunks and missing ones are padded
    /// by points of weight zero; a chunk of no points stays where another one starts.
    pub fn new(
        model: &M,
        method: &RungeKutta,
        chunks: &[Trajectory],
        size: usize,
        step: f64,
        weights: &[f64],
    ) -> Self {
        let dim = model.dim();
        let chunk = |b: usize| &chunks[b.min(chunks.len() - 1)];
        let points = chunks.iter().map(|c| c.times.len()).max().unwrap_or(1);
        let somewhere = chunks.iter().find(|c| !c.times.is_empty());
        let start = |b: usize, c: usize| {
            let own = Some(chunk(b)).filter(|chunk| !chunk.times.is_empty());
            own.or(somewhere).map_or(0.0, |chunk| chunk.states[[0, c]])
        };
        let flat = |value: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..dim * size).map(|i| value(i / size, i % size)).collect()
        };
        let interval = |j: usize| {
            let length = |b: usize| {
                if j < chunk(b).times.len() {
                    chunk(b).times[j] - chunk(b).times[j - 1]
                } else {
                    0.0
                }
            };
            let longest = (0..size).map(length).fold(0.0, f64::max);
            let steps = (longest / step - 1e-9).ceil().max(1.0) as usize;
            Interval {
                step: (0..size).map(|b| length(b) / steps as f64).collect(),
                steps,
                target: flat(&|c, b| {
                    if j < chunk(b).times.len() { chunk(b).states[[j, c]] } else { 0.0 }
                }),
                weight: flat(&|c, b| {
                    if b < chunks.len() && j < chunk(b).times.len() { weights[c] } else { 0.0 }
                }),
            }
        };
        let intervals: Vec<Interval> = (1..points).map(interval).collect();
        let n = dim * size;
        let steps: usize = intervals.iter().map(|i| i.steps).sum();
        let observed = flat(&|c, b| start(b, c));
        let weight: Vec<f64> = intervals.iter().flat_map(|i| i.weight.clone()).collect();
        Self {
            size,
            chunks: chunks.len(),
            start: observed.clone(),
            observed,
            first_weights: weights.to_vec(),
            stages: vec![0.0; steps * method.stages() * n],
            state: vec![0.0; n],
            residual: vec![0.0; intervals.len() * n],
            weight,
            intervals,
            weights_bar: Vec::new(),
            scratch: Scratch {
                slopes: vec![0.0; method.stages() * n],
                cotangent: vec![0.0; n],
                work: model.work(),
            },
        }
    }

    /// Number of residuals of positive weight.
    pub fn residuals(&self) -> usize {
        self.intervals.iter().flat_map(|i| &i.weight).filter(|w| **w > 0.0).count()
    }
    /// Number of chunks.
    pub fn chunks(&self) -> usize {
        self.chunks
    }
    /// Number of intervals.
    pub fn intervals(&self) -> usize {
        self.intervals.len()
    }
    /// Number of integration steps of the block.
    pub fn steps(&self) -> usize {
        self.intervals.iter().map(|i| i.steps).sum()
    }
    /// Length of an interval in time, by chunk; zero where a chunk has no such point.
    pub fn length(&self, interval: usize, chunk: usize) -> f64 {
        self.intervals[interval].step[chunk] * self.intervals[interval].steps as f64
    }
    /// Residual (predicted minus observed) of a component at the end of an interval, by chunk.
    pub fn residual(&self, interval: usize, component: usize) -> &[f64] {
        let at = (interval * self.state.len()) + component * self.size;
        &self.residual[at..at + self.size]
    }
    /// Weights of a component's squared residuals at the end of an interval, by chunk; those of
    /// outliers are smaller once they have been weighed down.
    pub fn weight(&self, interval: usize, component: usize) -> &[f64] {
        let at = (interval * self.state.len()) + component * self.size;
        &self.weight[at..at + self.size]
    }
    /// The weights of a component's squared residuals at the end of an interval, chunk by chunk, as
    /// if there were no outliers.
    pub fn full_weight(&self, interval: usize, component: usize) -> &[f64] {
        &self.intervals[interval].weight[component * self.size..(component + 1) * self.size]
    }

    /// The observed first states, chunk by chunk.
    pub fn observed_starts(&self) -> Vec<f64> {
        self.by_chunk(&self.observed)
    }
    /// Calls `f` with rollouts starting from `starts` (chunk by chunk) instead of the observed
    /// states; outliers may be [weighed down](Self::weigh_outliers_down) in it.
    pub fn starting_from<R>(&mut self, starts: &[f64], f: impl FnOnce(&mut Self) -> R) -> R {
        let dim = starts.len() / self.chunks;
        for (at, start) in self.start.iter_mut().enumerate() {
            *start = starts[(at % self.size).min(self.chunks - 1) * dim + at / self.size];
        }
        let result = f(self);
        self.start.copy_from_slice(&self.observed);
        self.weight
            .iter_mut()
            .zip(self.intervals.iter().flat_map(|i| &i.weight))
            .for_each(|(own, full)| *own = *full);
        result
    }
    /// After [`forward`](Self::forward): gives outliers among the residuals the weight that the
    /// gradient of their [robust loss](robust::loss) asks for.
    pub fn weigh_outliers_down(&mut self) {
        let full = self.intervals.iter().flat_map(|i| &i.weight);
        for ((own, full), r) in self.weight.iter_mut().zip(full).zip(&self.residual) {
            *own = full * robust::weight(full * r * r);
        }
    }
    /// Weight of a component of a chunk's first state, outlier or not, and its residual (start
    /// minus observed).
    pub fn first_residual(&self, component: usize, chunk: usize) -> (f64, f64) {
        let at = component * self.size + chunk;
        (self.first_weights[component], self.start[at] - self.observed[at])
    }
    /// The weighted residuals of a chunk at the ends of intervals.
    pub fn weighted(&self, chunk: usize) -> Vec<f64> {
        let all = self.residual.iter().zip(&self.weight).skip(chunk).step_by(self.size);
        all.filter(|(_, w)| **w > 0.0).map(|(r, w)| w.sqrt() * r).collect()
    }
    /// The robust loss of all residuals of each chunk.
    pub fn robust_losses(&self) -> Vec<f64> {
        let n = self.state.len();
        let dim = self.first_weights.len();
        let first = |chunk: usize| {
            (0..dim).map(move |c| self.first_residual(c, chunk)).map(|(w, r)| w * r * r)
        };
        let mut losses: Vec<f64> =
            (0..self.chunks).map(|chunk| first(chunk).map(robust::loss).sum()).collect();
        for (residuals, interval) in self.residual.chunks_exact(n).zip(&self.intervals) {
            for (at, (r, w)) in
                residuals.iter().zip(&interval.weight).enumerate().filter(|(_, (_, w))| **w > 0.0)
            {
                losses[at % self.size] += robust::loss(w * r * r);
            }
        }
        losses
    }
    fn by_chunk(&self, flat: &[f64]) -> Vec<f64> {
        let dim = flat.len() / self.size;
        (0..self.chunks * dim).map(|at| flat[(at % dim) * self.size + at / dim]).collect()
    }
    /// Derivatives by the weights, as the last reverse sweep left them.
    pub fn weights_bar(&self) -> &[M::Sum] {
        &self.weights_bar
    }

    /// Rolls out from the first states; returns the weighted sum of squared residuals.
    pub fn forward(&mut self, model: &M, method: &RungeKutta, weights: &[f64]) -> f64 {
        let n = self.state.len();
        self.state.copy_from_slice(&self.start);
        let mut stages = self.stages.chunks_exact_mut(method.stages() * n);
        let mut loss = 0.0;
        for (interval, residual) in
            self.intervals.iter().zip_inlined(self.residual.chunks_exact_mut(n))
        {
            let step = Step { model, method, weights, h: &interval.step };
            for stages in stages.by_ref().take(interval.steps) {
                step.forward(&mut self.state, stages, &mut self.scratch);
            }
            for (((r, z), target), w) in
                residual.iter_mut().zip(&self.state).zip(&interval.target).zip(&interval.weight)
            {
                *r = z - target;
                if *w > 0.0 {
                    loss += w * *r * *r;
                }
            }
        }
        loss
    }

    /// After [`forward`](Self::forward): the gradient of the weighted sum of squares, to
    /// [`weights_bar`](Self::weights_bar).
    pub fn backward(&mut self, model: &M, method: &RungeKutta, weights: &[f64]) {
        let all = 0..self.intervals.len();
        self.state.fill(0.0);
        self.sweep(model, method, weights, all, true);
    }

    /// After [`forward`](Self::forward): the derivative of one component at the end of `interval`
    /// by the states at the start of that interval (flat, component by component) and by the
    /// weights.
    pub fn backward_over(
        &mut self,
        model: &M,
        method: &RungeKutta,
        weights: &[f64],
        (interval, component): (usize, usize),
    ) -> (&[f64], &[M::Sum]) {
        self.state.fill(0.0);
        self.state[component * self.size..(component + 1) * self.size].fill(1.0);
        self.sweep(model, method, weights, interval..interval + 1, false);
        (&self.state, &self.weights_bar)
    }

    /// Reverse sweep over some intervals with the adjoint state in `self.state`; `seeded` adds the
    /// loss's own seeds.
    fn sweep(
        &mut self,
        model: &M,
        method: &RungeKutta,
        weights: &[f64],
        intervals: Range<usize>,
        seeded: bool,
    ) {
        let n = self.state.len();
        self.weights_bar.clear();
        self.weights_bar.resize(weights.len(), M::Sum::zero());
        let mut at: usize = self.intervals[..intervals.end].iter().map(|i| i.steps).sum();
        let own = self.residual.chunks_exact(n).zip(self.weight.chunks_exact(n));
        for (interval, (residual, weight)) in
            self.intervals[..intervals.end].iter().zip(own).skip(intervals.start).rev()
        {
            if seeded {
                for ((s, r), w) in self.state.iter_mut().zip(residual).zip(weight) {
                    if *w > 0.0 {
                        *s += 2.0 * w * r;
                    }
                }
            }
            let step = Step { model, method, weights, h: &interval.step };
            for _ in 0..interval.steps {
                at -= 1;
                let stages = &self.stages[at * method.stages() * n..(at + 1) * method.stages() * n];
                step.backward(&mut self.state, stages, &mut self.weights_bar, &mut self.scratch);
            }
        }
    }
}

/// Memory of one integration step.
struct Scratch<W> {
    /// Slopes k_i forwards, adjoints of the stage states in reverse.
    slopes: Vec<f64>,
    cotangent: Vec<f64>,
    work: W,
}

/// One explicit Runge-Kutta step of every chunk of a block, forwards and in reverse; `h` has one
/// step length for each chunk.
struct Step<'a, M> {
    model: &'a M,
    method: &'a RungeKutta,
    weights: &'a [f64],
    h: &'a [f64],
}

impl<M: Model> Step<'_, M> {
    /// Takes `z` to the end of the step and keeps the stage states.
    fn forward(&self, z: &mut [f64], stages: &mut [f64], scratch: &mut Scratch<M::Work>) {
        let n = z.len();
        let slopes = &mut scratch.slopes;
        for (i, stage) in stages.chunks_exact_mut(n).enumerate() {
            stage.copy_from_slice(z);
            self.combine(self.method.a(i), slopes, stage);
            self.model.field_into(
                self.weights,
                stage,
                &mut slopes[i * n..(i + 1) * n],
                &mut scratch.work,
            );
        }
        self.combine(self.method.b(), slopes, z);
    }

    /// Takes the adjoint state `lambda` from the end of the step to its start.
    ///
    /// With z' = z + h sum_i b_i k_i, k_i = f(Y_i), Y_i = z + h sum_j a_ij k_j: the adjoint of k_i
    /// is h (b_i lambda' + sum_j a_ji Ybar_j), that of Y_i is Ybar_i = (df/dz)^T kbar_i, and lambda
    /// = lambda' + sum_i Ybar_i.
    fn backward(
        &self,
        lambda: &mut [f64],
        stages: &[f64],
        weights_bar: &mut [M::Sum],
        scratch: &mut Scratch<M::Work>,
    ) {
        let n = lambda.len();
        for (i, stage) in stages.chunks_exact(n).enumerate().rev() {
            let (_, later) = scratch.slopes.split_at((i + 1) * n);
            let k_bar = &mut scratch.cotangent;
            vectorised(
                #[inline(always)]
                || {
                    k_bar.fill(0.0);
                    axpy(self.method.b()[i], self.h, lambda, k_bar);
                    for (j, y_bar) in later.chunks_exact(n).enumerate() {
                        axpy(self.method.a(i + 1 + j)[i], self.h, y_bar, k_bar);
                    }
                },
            );
            let y_bar = &mut scratch.slopes[i * n..(i + 1) * n];
            self.model.vjp_into(
                self.weights,
                stage,
                &scratch.cotangent,
                y_bar,
                weights_bar,
                &mut scratch.work,
            );
        }
        for y_bar in scratch.slopes.chunks_exact(n) {
            for (l, y) in lambda.iter_mut().zip(y_bar) {
                *l += y;
            }
        }
    }

    /// y += h sum_j c_j slopes_j.
    fn combine(&self, c: &[f64], slopes: &[f64], y: &mut [f64]) {
        let n = y.len();
        vectorised(
            #[inline(always)]
            || {
                for (&c, slope) in c.iter().zip_inlined(slopes.chunks_exact(n)) {
                    axpy(c, self.h, slope, y);
                }
            },
        );
    }
}

/// y += c h x, with one h for each chunk.
#[inline(always)]
fn axpy(c: f64, h: &[f64], x: &[f64], y: &mut [f64]) {
    if c == 0.0 {
        return;
    }
    for (x, y) in x.chunks_exact(h.len()).zip_inlined(y.chunks_exact_mut(h.len())) {
        let (h, x) = (&h[..y.len()], &x[..y.len()]);
        for (k, y) in y.iter_mut().enumerate() {
            *y += c * h[k] * x[k];
        }
    }
}
