//! What windows of rows show: whether polynomials follow, and how noisy rows and points are.

use ndarray::s;

use super::Trajectory;
use super::orthonormal::Orthonormal;

/// Degree through noisy rows: the slope in the middle is that of degree three, good to the fourth
/// order as the value is to the sixth.
pub(super) const DEGREE: usize = 4;
/// Noise below this part of what happens from row to row is seen through by chunks of rows as they
/// are: they gain little by points made of many.
const LOUD: f64 = 0.05;
/// Points whose noise is below this part of what happens between them are not made of more rows: of
/// pendulums, double wells and orbits with 1 to 3 % of noise, 0.15 and 0.2 found the most laws; of
/// 0.1 and less too few points were left for double wells.
const LOUD_POINTS: f64 = 0.15;
/// A mean square may be above one by so many standard errors, as chance makes it.
const CHANCE: f64 = 3.0;
/// From so many free numbers the noise of a column is known to 5 %.
const TELLING: usize = 200;
/// Noise of a column that never changes, as a part of the largest.
const NEXT_TO_NONE: f64 = 1e-9;
/// A window's longest interval is a gap where it is so many times its median.
const GAP: f64 = 10.0;

/// Whether rows at these times have a gap between them.
pub(super) fn has_gap(times: &[f64]) -> bool {
    let mut intervals: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    intervals.sort_by(f64::total_cmp);
    let median = intervals.get(intervals.len() / 2).copied().unwrap_or(0.0);
    intervals.last().is_some_and(|longest| *longest > GAP * median)
}

/// What windows of some number of rows show of each column.
pub(super) struct WindowStatistics {
    columns: Vec<Column>,
    /// Numbers of a window that two degrees more leave free.
    left: usize,
    /// Number of windows.
    windows: usize,
}

/// What is known of a point.
#[derive(Clone, Copy)]
pub(super) enum Quantity {
    /// The value in the middle.
    Value,
    /// Its slope.
    Slope,
}

/// Sums over windows for one column.
#[derive(Clone, Default)]
struct Column {
    /// Squares of what two degrees more would have.
    more: f64,
    /// Squares of what is left by these, for each number that is free.
    noise: f64,
    /// Of the value in the middle and of its slope: the variance for unit noise, and the squares of
    /// the differences between successive points.
    variance: [f64; 2],
    steps: [f64; 2],
}

impl WindowStatistics {
    pub fn through(trajectories: &[Trajectory], rows: usize) -> Self {
        let width = trajectories.first().map_or(0, |t| t.states.ncols());
        let mut seen =
            Self { columns: vec![Column::default(); width], left: rows - DEGREE - 3, windows: 0 };
        for trajectory in trajectories {
            let mut last: Option<Vec<[f64; 2]>> = None;
            for k in 0..trajectory.times.len() / rows {
                let at = k * rows..(k + 1) * rows;
                if has_gap(&trajectory.times[at.clone()]) {
                    last = None;
                    continue;
                }
                let basis = Orthonormal::on(&trajectory.times[at.clone()], DEGREE + 2);
                let of_point = |c: usize| {
                    let values = trajectory.states.slice(s![at.clone(), c]);
                    let (beyond, left) = basis.beyond(values, DEGREE);
                    (beyond, left / (rows - DEGREE - 3) as f64, basis.at_middle(values, DEGREE))
                };
                let found: Vec<(f64, f64, [f64; 2])> = (0..width).map(of_point).collect();
                let variance = [&basis.value, &basis.slope]
                    .map(|of| of[..=DEGREE].iter().map(|x| x * x).sum::<f64>());
                for (c, (more, noise, point)) in found.iter().enumerate() {
                    let column = &mut seen.columns[c];
                    column.more += more;
                    column.noise += noise;
                    for i in 0..2 {
                        column.variance[i] += variance[i];
                        let step = last.as_ref().map_or(0.0, |last| point[i] - last[c][i]);
                        column.steps[i] += step * step;
                    }
                }
                seen.windows += 1;
                last = Some(found.into_iter().map(|(_, _, point)| point).collect());
            }
        }
        seen
    }

    /// Whether what two degrees more would have is noise.
    pub fn follows(&self) -> bool {
        // The logarithm of the ratio of two mean squares of so many numbers each scatters by this.
        let numbers = [2, self.left].map(|each| (each * self.windows).max(1) as f64);
        let scatter = numbers.iter().map(|n| 2.0 / n).sum::<f64>().sqrt();
        // The largest of many columns is further off than one is.
        let columns = 1.0 + 2.0 * (self.columns.len().max(1) as f64).ln() / (CHANCE * CHANCE);
        let chance = (CHANCE * columns.sqrt() * scatter).exp();
        let follows = |c: &Column| 0.5 * c.more <= chance * c.noise;
        self.windows > 0 && self.columns.iter().all(follows)
    }

    /// Whether the noise of some column, as windows show it, is large against what happens from row to
    /// row.
    pub fn rows_are_loud(&self, trajectories: &[Trajectory]) -> bool {
        let n = self.windows.max(1) as f64;
        self.columns.iter().enumerate().any(|(c, column)| {
            let steps = trajectories.iter().flat_map(|t| {
                let x = t.states.column(c);
                (1..x.len()).map(move |k| (x[k] - x[k - 1]).powi(2))
            });
            let (sum, count) = steps.fold((0.0, 0.0), |(sum, n), step| (sum + step, n + 1.0));
            column.noise / n > LOUD * LOUD * sum / f64::max(count, 1.0)
        })
    }

    /// Whether the noise of some column's points, or of their slopes, is large against what happens
    /// from point to point.
    pub fn is_loud(&self, quantity: Quantity) -> bool {
        let n = self.windows.max(1) as f64;
        self.columns.iter().any(|c| {
            c.noise / n * c.variance[quantity as usize]
                > LOUD_POINTS * LOUD_POINTS * c.steps[quantity as usize]
        })
    }

    /// The noise of the slopes of points, as a part of what happens to them from point to point, of the
    /// worst column.
    pub fn noise_of_slopes(&self) -> f64 {
        let n = self.windows.max(1) as f64;
        let of = |c: &Column| (c.noise / n * c.variance[1] / c.steps[1]).sqrt();
        self.columns.iter().map(of).filter(|part| part.is_finite()).fold(0.0, f64::max)
    }

    /// Standard deviations of the noise of the components of points, if enough rows tell them.
    pub fn noise(&self, masses: Option<&[f64]>) -> Option<Vec<f64>> {
        if self.left * self.windows < TELLING {
            return None;
        }
        let n = self.windows.max(1) as f64;
        let of =
            |k: usize| self.columns.iter().map(move |c| (c.noise / n * c.variance[k] / n).sqrt());
        let slopes = of(1).zip(masses.unwrap_or_default()).map(|(noise, mass)| mass * noise);
        let noise: Vec<f64> = of(0).chain(slopes).collect();
        // What never changes has none, and says nothing.
        let largest = noise.iter().copied().fold(0.0, f64::max);
        let least = NEXT_TO_NONE * largest;
        let noise: Vec<f64> = noise.into_iter().map(|s| s.max(least)).collect();
        noise.iter().all(|s| s.is_finite() && *s > 0.0).then_some(noise)
    }
}
