//! Many trajectories at once.

use ndarray::{Array3, ArrayView2, s};

use super::error::IntegrateError;
use super::method::Method;
use crate::field::VectorField;
use crate::linalg::{LANES, Lanes, Real, vectorised};
use crate::parallel;

/// Integrates every row of `initial` (n x dim) and returns the states at times 0, `interval`, ..,
/// (`points` - 1) `interval` (n x points x dim), with `substeps` steps between points.
///
/// Eight trajectories go side by side through vector instructions, blocks of eight in parallel over
/// rayon's threads; the result is the same to the last bit whatever the number of threads.
///
/// # Errors
/// [`IntegrateError::Dimension`], [`IntegrateError::Argument`] (no points, no substeps, interval
/// not finite), [`IntegrateError::Initial`] (not finite), and those of the method.
pub fn simulate<S: VectorField, M: Method<S>>(
    system: &S,
    method: &M,
    initial: ArrayView2<f64>,
    interval: f64,
    points: usize,
    substeps: usize,
) -> Result<Array3<f64>, IntegrateError> {
    check(system, initial, interval, points, substeps)?;
    let (n, dim) = initial.dim();
    let initial = initial.as_standard_layout();
    let initial = initial.as_slice().expect("an array in standard layout is one piece");
    let mut states = Array3::zeros((n, points, dim));
    let out = states.as_slice_mut().expect("a new array is one piece");
    let block = Block { system, method, dim, points, h: interval / substeps as f64, substeps };
    let blocks = out.chunks_mut(LANES * points * dim).zip(initial.chunks(LANES * dim));
    let run = |(out, initial): (&mut [f64], &[f64])| {
        vectorised(
            #[inline(always)]
            || block.run(initial, out),
        )
    };
    parallel::map_items(blocks, run).into_iter().collect::<Result<(), _>>()?;
    Ok(states)
}

/// A number of steps with the state error that was measured for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Refined {
    /// Steps between two points.
    pub substeps: usize,
    /// Largest distance, over all trajectories, between the final states with `substeps` and with 2
    /// `substeps` steps.
    pub error: f64,
}

/// Finds the least number of substeps for which the state error at the last point, (`points` - 1)
/// `interval`, is at most `tolerance` for every row of `initial`. The error is measured by halving
/// the step, never assumed.
///
/// # Errors
/// The errors of [`simulate`], and [`IntegrateError::Tolerance`] if halving the step no longer
/// helps before the tolerance is reached.
pub fn refine<S: VectorField, M: Method<S>>(
    system: &S,
    method: &M,
    initial: ArrayView2<f64>,
    interval: f64,
    points: usize,
    tolerance: f64,
) -> Result<Refined, IntegrateError> {
    check(system, initial, interval, points, 1)?;
    let duration = interval * (points - 1) as f64;
    let last = |substeps: usize| match simulate(
        system,
        method,
        initial,
        duration,
        2,
        substeps * (points - 1),
    ) {
        // A step too long for an implicit method is a large error.
        Err(IntegrateError::NotConverged { .. }) => {
            Ok(Array3::from_elem((initial.nrows(), 2, initial.ncols()), f64::NAN))
        }
        result => result,
    };
    let measure = |coarse: &Array3<f64>, fine: &Array3<f64>| {
        let difference = &coarse.slice(s![.., 1, ..]) - &fine.slice(s![.., 1, ..]);
        let errors = difference.rows().into_iter().map(|row| row.dot(&row).sqrt());
        errors
            .fold(0.0, |m: f64, e| if e.is_nan() || m.is_nan() { f64::INFINITY } else { m.max(e) })
    };
    let mut best = Refined { substeps: 1, error: f64::INFINITY };
    let mut coarse = last(1)?;
    let mut substeps = 1;
    loop {
        let fine = last(2 * substeps)?;
        let error = measure(&coarse, &fine);
        if error <= tolerance {
            best = Refined { substeps, error };
            break;
        }
        if error >= 0.5 * best.error && error < STALLED || substeps >= MAX_SUBSTEPS {
            return Err(IntegrateError::Tolerance {
                tolerance,
                reached: best.error.min(error),
                substeps,
            });
        }
        best = Refined { substeps, error };
        (coarse, substeps) = (fine, 2 * substeps);
    }
    for substeps in best.substeps / 2 + 1..best.substeps {
        let error = measure(&last(substeps)?, &last(2 * substeps)?);
        if error <= tolerance {
            return Ok(Refined { substeps, error });
        }
    }
    Ok(best)
}

/// Errors above this may grow for a while as the step shrinks, before the method gets into its
/// asymptotic range.
const STALLED: f64 = 1e-6;
const MAX_SUBSTEPS: usize = 1 << 20;

fn check<S: VectorField>(
    system: &S,
    initial: ArrayView2<f64>,
    interval: f64,
    points: usize,
    substeps: usize,
) -> Result<(), IntegrateError> {
    if initial.ncols() != system.dim() {
        return Err(IntegrateError::Dimension { found: initial.ncols(), expected: system.dim() });
    }
    for (name, value) in [("points", points), ("substeps", substeps)] {
        if value == 0 {
            return Err(IntegrateError::Argument { name, value: 0.0, accepted: "1 or more" });
        }
    }
    if !interval.is_finite() {
        return Err(IntegrateError::Argument {
            name: "interval",
            value: interval,
            accepted: "finite",
        });
    }
    match initial.indexed_iter().find(|(_, x)| !x.is_finite()) {
        Some(((row, column), &value)) => Err(IntegrateError::Initial { row, column, value }),
        None => Ok(()),
    }
}

/// What all blocks of eight trajectories have in common.
struct Block<'a, S, M> {
    system: &'a S,
    method: &'a M,
    dim: usize,
    points: usize,
    h: f64,
    substeps: usize,
}

impl<S: VectorField, M: Method<S>> Block<'_, S, M> {
    /// Integrates the rows of `initial` (at most eight) and writes their points to `out`.
    #[inline(always)]
    fn run(&self, initial: &[f64], out: &mut [f64]) -> Result<(), IntegrateError> {
        let rows = initial.len() / self.dim;
        let mut z = vec![Lanes::zero(); self.dim];
        let mut work = vec![Lanes::zero(); self.method.work_len(self.dim)];
        for (k, z) in z.iter_mut().enumerate() {
            // Lanes left over repeat the last trajectory: any other state might be one that the
            // system does not stand.
            *z = Lanes(std::array::from_fn(|lane| initial[lane.min(rows - 1) * self.dim + k]));
        }
        for point in 0..self.points {
            if point > 0 {
                self.method.advance(self.system, self.h, self.substeps, &mut z, &mut work)?;
            }
            for (lane, trajectory) in out.chunks_exact_mut(self.points * self.dim).enumerate() {
                let state = &mut trajectory[point * self.dim..][..self.dim];
                for (x, z) in state.iter_mut().zip(&z) {
                    *x = z.0[lane];
                }
            }
        }
        Ok(())
    }
}
