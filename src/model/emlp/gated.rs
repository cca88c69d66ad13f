//! The gated nonlinearity.

use super::representation::{Representation, power};
use crate::linalg::{Lanes, Real, ZipInlined, sigmoid, vectorised};
use crate::model::network::{Layer, Order, Scratch};

/// From [`gated`](Representation::gated) tensors to tensors, by component: scalars s to the swish s
/// sigmoid(s), every other tensor T with its gate g to sigmoid(g) T (Weiler et al. 2018).
#[derive(Clone, Debug)]
pub struct Gated {
    output: Representation,
    /// Runs of components with a gate each.
    runs: Vec<Run>,
    inputs: usize,
}

/// Components of input and output, and their gates; scalars are their own.
#[derive(Clone, Copy, Debug)]
struct Run {
    input: usize,
    gate: usize,
    output: usize,
    len: usize,
}

impl Gated {
    /// The nonlinearity that gives `output`.
    pub fn new(output: Representation) -> Self {
        let input = output.gated();
        let scalars = Run { input: 0, gate: 0, output: 0, len: output.count(0) };
        let mut runs = vec![scalars];
        let mut gate = scalars.len;
        for rank in output.ranks().filter(|rank| *rank > 0) {
            let len = output.count(rank);
            for component in 0..power(rank) {
                let at = component * len;
                runs.push(Run {
                    input: input.first(rank) + at,
                    gate,
                    output: output.first(rank) + at,
                    len,
                });
            }
            gate += len;
        }
        Self { inputs: input.size(), output, runs }
    }
}

/// sigma, sigma' and sigma'' of a gate.
#[inline(always)]
fn logistic(g: Lanes) -> (Lanes, Lanes, Lanes) {
    let s = sigmoid(g);
    let ds = s * (Lanes::splat(1.0) - s);
    (s, ds, ds * (s * -2.0 + 1.0))
}

impl Layer for Gated {
    fn inputs(&self) -> usize {
        self.inputs
    }
    fn outputs(&self) -> usize {
        self.output.size()
    }

    fn forward(
        &self,
        _: &[f64],
        x: &[Lanes],
        y: &mut [Lanes],
        order: Order,
        scratch: &mut Scratch,
    ) {
        let ((x, dx), (y, dy)) = (order.split(x), order.split_mut(y));
        let gates = self.runs.iter().map(|r| r.gate + r.len).max().unwrap_or(0);
        scratch.lanes.resize(scratch.lanes.len().max(2 * gates), Lanes::zero());
        let (open, slope) = scratch.lanes[..2 * gates].split_at_mut(gates);
        vectorised(
            #[inline(always)]
            || {
                for (t, (x, y)) in x
                    .chunks_exact(self.inputs)
                    .zip_inlined(y.chunks_exact_mut(self.output.size()))
                    .enumerate()
                {
                    for ((open, slope), g) in
                        open.iter_mut().zip_inlined(slope.iter_mut()).zip_inlined(x)
                    {
                        (*open, *slope, _) = logistic(*g);
                    }
                    for run in &self.runs {
                        for i in 0..run.len {
                            y[run.output + i] = open[run.gate + i] * x[run.input + i];
                        }
                    }
                    if dx.is_empty() {
                        continue;
                    }
                    let dx = &dx[t * self.inputs..(t + 1) * self.inputs];
                    let dy = &mut dy[t * self.output.size()..(t + 1) * self.output.size()];
                    for run in &self.runs {
                        for i in 0..run.len {
                            let (value, gate) = (run.input + i, run.gate + i);
                            dy[run.output + i] =
                                open[gate] * dx[value] + slope[gate] * dx[gate] * x[value];
                        }
                    }
                }
            },
        );
    }

    fn reverse(
        &self,
        _: &[f64],
        x: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        _: Option<&mut [f64]>,
        order: Order,
        scratch: &mut Scratch,
    ) {
        let ((x, dx), (y_bar, dy_bar), (x_bar, dx_bar)) =
            (order.split(x), order.split(y_bar), order.split_mut(x_bar));
        x_bar.fill(Lanes::zero());
        dx_bar.fill(Lanes::zero());
        let gates = self.runs.iter().map(|r| r.gate + r.len).max().unwrap_or(0);
        scratch.lanes.resize(scratch.lanes.len().max(3 * gates), Lanes::zero());
        let (open, rest) = scratch.lanes[..3 * gates].split_at_mut(gates);
        let (slope, bend) = rest.split_at_mut(gates);
        let (n, m) = (self.inputs, self.output.size());
        vectorised(
            #[inline(always)]
            || {
                for (t, (x, y_bar)) in
                    x.chunks_exact(n).zip_inlined(y_bar.chunks_exact(m)).enumerate()
                {
                    for (((open, slope), bend), g) in open
                        .iter_mut()
                        .zip_inlined(slope.iter_mut())
                        .zip_inlined(bend.iter_mut())
                        .zip_inlined(x)
                    {
                        (*open, *slope, *bend) = logistic(*g);
                    }
                    let x_bar = &mut x_bar[t * n..(t + 1) * n];
                    for run in &self.runs {
                        for i in 0..run.len {
                            let (value, gate, y_bar) =
                                (run.input + i, run.gate + i, y_bar[run.output + i]);
                            x_bar[value] += open[gate] * y_bar;
                            x_bar[gate] += slope[gate] * x[value] * y_bar;
                        }
                    }
                    if dx.is_empty() {
                        continue;
                    }
                    let (dx, dy_bar) = (&dx[t * n..(t + 1) * n], &dy_bar[t * m..(t + 1) * m]);
                    let dx_bar = &mut dx_bar[t * n..(t + 1) * n];
                    for run in &self.runs {
                        for i in 0..run.len {
                            let (value, gate, dy_bar) =
                                (run.input + i, run.gate + i, dy_bar[run.output + i]);
                            dx_bar[value] += open[gate] * dy_bar;
                            dx_bar[gate] += slope[gate] * x[value] * dy_bar;
                            x_bar[value] += slope[gate] * dx[gate] * dy_bar;
                            x_bar[gate] += (slope[gate] * dx[value]
                                + bend[gate] * dx[gate] * x[value])
                                * dy_bar;
                        }
                    }
                }
            },
        );
    }
}
