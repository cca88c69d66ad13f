//! Points made of many rows: polynomials fitted to the rows of a window by least squares (Savitzky
//! & Golay 1964), where rows lie dense and are noisy, or where only positions are known.

use ndarray::{Array1, Array2, s};

use super::Trajectory;
use super::orthonormal::Orthonormal;
use super::window_statistics::{DEGREE, Quantity, WindowStatistics, has_gap};

/// Which rows make a point, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows of a point.
    pub rows: usize,
    /// Rows from the first of one point to the first of the next.
    pub stride: usize,
    /// Degree of the polynomial in time through them.
    pub degree: usize,
}

/// A window, and how good its points are.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The window.
    pub window: Window,
    /// Standard deviation of the noise of each component of a point, as what is left of noisy rows
    /// says, in the table's units; none where rows aren't joined, or too few to tell.
    pub noise: Option<Vec<f64>>,
    /// By which part momenta are off that are slopes of rows: of those without noise, or whose noise
    /// is not known.
    pub slope_error: f64,
}

/// What the columns of a table are, besides positions.
#[derive(Clone, Debug, PartialEq)]
pub enum Momenta {
    /// Momenta, or velocities times masses.
    Given,
    /// Neither: momenta are masses, one for each component, times the slopes of positions.
    OfSlopes(Vec<f64>),
}

/// Windows that are tried for noisy rows. A polynomial of degree four has five numbers, and two more
/// degrees say whether it follows: of nine rows two are left, which tell the noise.
const ROWS: [usize; 8] = [9, 13, 17, 25, 33, 45, 57, 65];
/// Points that all windows together make at least: three chunks of five.
const POINTS: usize = 13;
/// Trajectories of fewer rows have no slopes to speak of.
const LEAST_ROWS: usize = 3;
/// Rows of a point where rows are not noisy: the polynomial goes through all of them. More rows gain
/// nothing where roundoff of the positions is what limits slopes.
const EXACT_ROWS: usize = 9;

impl Momenta {
    /// Masses of slopes.
    fn masses(&self) -> Option<&[f64]> {
        match self {
            Self::Given => None,
            Self::OfSlopes(masses) => Some(masses),
        }
    }
}

impl Window {
    /// Each row is a point.
    pub const ROW: Self = Self { rows: 1, stride: 1, degree: 0 };

    /// How many points `rows` successive rows make.
    pub fn points(&self, rows: u64) -> u64 {
        match rows.checked_sub(self.rows as u64) {
            Some(more) => more / self.stride as u64 + 1,
            None => 0,
        }
    }

    /// The rows that make these points of a trajectory whose first row is row zero.
    pub fn rows_of(&self, points: std::ops::Range<u64>) -> std::ops::Range<u64> {
        let (stride, rows) = (self.stride as u64, self.rows as u64);
        points.start * stride..(points.end.max(1) - 1) * stride + rows
    }

    /// The window for these rows: of those whose polynomials follow the motion, as far as noise lets
    /// see, the first whose points have little noise against what happens between them, else the
    /// last. [`Window::ROW`] where momenta are given and that is true of the rows, or `points`
    /// successive points could not be made of most trajectories. None where momenta are to be found
    /// and trajectories have fewer than four rows.
    ///
    /// With `join` off rows are taken to have no noise.
    pub fn of(
        trajectories: &[Trajectory],
        momenta: &Momenta,
        points: usize,
        join: bool,
    ) -> Option<Chosen> {
        let needed = *momenta != Momenta::Given;
        let long = |rows: &usize| points_fit(trajectories, *rows, points);
        let mut best = None;
        for rows in ROWS.into_iter().filter(|rows| join && long(rows)) {
            let seen = WindowStatistics::through(trajectories, rows);
            let loud = seen.is_loud(Quantity::Value) || (needed && seen.is_loud(Quantity::Slope));
            let is_first = best.is_none() && !needed;
            if !seen.follows() || (is_first && !seen.rows_are_loud(trajectories)) {
                break;
            }
            let noise = seen.noise(momenta.masses());
            // Few points of unknown noise are followed by any law: the rows as they are tell more.
            if needed || noise.is_some() {
                let slope_error = if noise.is_none() { seen.noise_of_slopes() } else { 0.0 };
                best = Some((rows, noise, slope_error));
            }
            if !loud {
                break;
            }
        }
        match best {
            Some((rows, noise, slope_error)) => {
                let window = Self { rows, stride: rows, degree: DEGREE };
                let window = window.with_overlap(trajectories, points);
                Some(Chosen { window, noise, slope_error })
            }
            None if needed => Self::through_rows(trajectories).map(|window| {
                let slope_error = window.slope_error(trajectories);
                Chosen { window, noise: None, slope_error }
            }),
            None => Some(Chosen { window: Self::ROW, noise: None, slope_error: 0.0 }),
        }
    }

    /// The window whose polynomials go through all of its rows.
    fn through_rows(trajectories: &[Trajectory]) -> Option<Self> {
        // As many rows at twice their distance show how good slopes are.
        let half = typical_rows(trajectories).div_ceil(2).max(LEAST_ROWS);
        let rows = half.min(EXACT_ROWS);
        let rows = rows - usize::from(rows.is_multiple_of(2));
        let is_long = typical_rows(trajectories) > LEAST_ROWS;
        is_long.then_some(Self { rows, stride: 1, degree: rows - 1 })
    }

    /// By which part slopes are off, root mean square, of the worst component: those through every
    /// other row are off by 2^degree times as much (Richardson 1911).
    fn slope_error(&self, trajectories: &[Trajectory]) -> f64 {
        let width = trajectories.first().map_or(0, |t| t.states.ncols());
        let (mut errors, mut sizes) = (vec![0.0; width], vec![0.0; width]);
        let coarse = 2 * self.rows - 1;
        for trajectory in trajectories {
            for first in 0..(trajectory.times.len() + 1).saturating_sub(coarse) {
                let rows: Vec<usize> = (first..first + coarse).step_by(2).collect();
                let near = first + self.rows / 2..first + self.rows / 2 + self.rows;
                let far: Vec<f64> = rows.iter().map(|row| trajectory.times[*row]).collect();
                let fine = Orthonormal::on(&trajectory.times[near.clone()], self.degree);
                let wide = Orthonormal::on(&far, self.degree);
                for c in 0..width {
                    let column = trajectory.states.column(c);
                    let values = column.slice(s![near.clone()]);
                    let other: Array1<f64> = rows.iter().map(|row| column[*row]).collect();
                    let [_, a] = fine.at_middle(values, self.degree);
                    let [_, b] = wide.at_middle(other.view(), self.degree);
                    errors[c] += (a - b).powi(2);
                    sizes[c] += a * a;
                }
            }
        }
        let of =
            |(error, size): (&f64, &f64)| if *size > 0.0 { (error / size).sqrt() } else { 0.0 };
        let worst = errors.iter().zip(&sizes).map(of).fold(0.0, f64::max);
        let is_seen = sizes.iter().any(|size| *size > 0.0);
        if is_seen { worst / (2f64.powi(self.degree as i32) - 1.0) } else { 1.0 }
    }

    /// With points that share rows where there would be too few else.
    fn with_overlap(self, trajectories: &[Trajectory], points: usize) -> Self {
        let enough = |stride: &usize| {
            let window = Self { stride: *stride, ..self };
            let all: u64 = trajectories.iter().map(|t| window.points(t.times.len() as u64)).sum();
            all >= POINTS as u64
                && window.points(typical_rows(trajectories) as u64) >= points as u64
        };
        let stride = (1..=self.rows).rev().find(enough).unwrap_or(1);
        Self { stride, ..self }
    }

    /// The points that the rows of a trajectory make; at the mean time of each window. No point is made
    /// across a gap.
    pub fn joined(&self, trajectory: &Trajectory, momenta: &Momenta) -> Trajectory {
        if *self == Self::ROW {
            return trajectory.clone();
        }
        let points = self.points(trajectory.times.len() as u64) as usize;
        let width = trajectory.states.ncols();
        let slopes = momenta.masses().unwrap_or_default();
        let mut times = Vec::with_capacity(points);
        let mut states = Vec::with_capacity(points * (width + slopes.len()));
        for k in 0..points {
            let rows = k * self.stride..k * self.stride + self.rows;
            if has_gap(&trajectory.times[rows.clone()]) {
                continue;
            }
            let (mut state, mut of_slopes) = (Vec::with_capacity(width), Vec::new());
            let basis = Orthonormal::on(&trajectory.times[rows.clone()], self.degree);
            for c in 0..width {
                let values = trajectory.states.slice(s![rows.clone(), c]);
                let [value, slope] = basis.at_middle(values, self.degree);
                state.push(value);
                if let Some(mass) = slopes.get(c) {
                    of_slopes.push(mass * slope);
                }
            }
            states.extend(state);
            states.extend(of_slopes);
            times.push(basis.middle);
        }
        let states = Array2::from_shape_vec((times.len(), width + slopes.len()), states)
            .expect("a row of numbers was added with each time");
        Trajectory { id: trajectory.id, times, states }
    }
}

/// Rows of the trajectory that half of all rows are in such or longer ones of.
fn typical_rows(trajectories: &[Trajectory]) -> usize {
    let mut rows: Vec<usize> = trajectories.iter().map(|t| t.times.len()).collect();
    rows.sort_unstable();
    let half = rows.iter().sum::<usize>() / 2;
    let mut sum = 0;
    let typical = rows.iter().find(|rows| {
        sum += **rows;
        sum >= half
    });
    typical.copied().unwrap_or(0)
}

/// Whether windows of so many rows make `points` and more in a typical trajectory, and enough in
/// all, sharing no more than half of their rows.
fn points_fit(trajectories: &[Trajectory], rows: usize, points: usize) -> bool {
    let window = Window { rows, stride: rows.div_ceil(2), degree: DEGREE };
    let all: u64 = trajectories.iter().map(|t| window.points(t.times.len() as u64)).sum();
    all >= POINTS as u64 && window.points(typical_rows(trajectories) as u64) >= points as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_distr::StandardNormal;

    /// A turn about the origin, with noise.
    fn turn(rows: usize, step: f64, noise: f64, irregular: bool) -> Trajectory {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let shift = |k: usize| if irregular { 0.3 * (7.0 * k as f64).sin() } else { 0.0 };
        let times: Vec<f64> = (0..rows).map(|k| (k as f64 + shift(k)) * step).collect();
        let states = Array2::from_shape_fn((rows, 2), |(k, c)| {
            let t: f64 = times[k];
            let exact = if c == 0 { 100.0 + t.sin() } else { t.cos() };
            exact + noise * rng.sample::<f64, _>(StandardNormal)
        });
        Trajectory { id: 4, times, states }
    }

    fn positions(turn: &Trajectory) -> Trajectory {
        Trajectory { states: turn.states.slice(s![.., ..1]).to_owned(), ..turn.clone() }
    }

    #[test]
    fn slopes_of_clean_positions_are_good_to_the_order_of_their_polynomial() {
        let of_slopes = Momenta::OfSlopes(vec![2.0]);
        for irregular in [false, true] {
            let error = |step: f64| {
                let rows = positions(&turn(60, step, 0.0, irregular));
                let window = Window::of(std::slice::from_ref(&rows), &of_slopes, 5, true)
                    .expect("long enough")
                    .window;
                assert_eq!(window, Window { rows: 9, stride: 1, degree: 8 });
                let points = window.joined(&rows, &of_slopes);
                let off =
                    points.states.rows().into_iter().zip(&points.times).map(|(z, t)| {
                        (z[0] - 100.0 - t.sin()).abs().max((z[1] - 2.0 * t.cos()).abs())
                    });
                off.fold(0.0, f64::max)
            };
            let (coarse, fine) = (error(0.4), error(0.2));
            println!("{coarse:.1e} {fine:.1e}");
            assert!(fine < 1e-7 && coarse / fine > 128.0, "{coarse:.1e} {fine:.1e}");
        }
    }

    #[test]
    fn regress_dense_noise_is_averaged_as_far_as_it_helps() {
        let noisy = turn(4000, 0.03, 0.1, false);
        let Chosen { window, noise: known, .. } =
            Window::of(std::slice::from_ref(&noisy), &Momenta::Given, 5, true)
                .expect("momenta are given");
        assert!(window.rows > 9 && window.stride == window.rows, "{window:?}");
        let points = window.joined(&noisy, &Momenta::Given);
        let off = |c: usize, exact: fn(f64) -> f64| {
            let squares = points
                .times
                .iter()
                .zip(points.states.column(c))
                .map(|(t, x)| (x - exact(*t)).powi(2));
            (squares.sum::<f64>() / points.times.len() as f64).sqrt()
        };
        let (q, p) = (off(0, |t| 100.0 + t.sin()), off(1, f64::cos));
        let known = known.expect("it is noisy");
        println!("{q:.1e} {p:.1e}, {known:?}");
        assert!((q / known[0] - 1.0).abs() < 0.2 && (p / known[1] - 1.0).abs() < 0.2, "{known:?}");
        assert!(q < 0.5 * 0.1 && p < 0.5 * 0.1, "{q} {p}");
    }

    #[test]
    fn clean_and_sparse_rows_stay_as_they_are() {
        for (rows, step, noise) in
            [(2000, 0.03, 0.0), (2000, 0.03, 1e-4), (2000, 1.0, 0.02), (20, 0.03, 0.02)]
        {
            let rows = turn(rows, step, noise, false);
            let chosen = Window::of(&[rows], &Momenta::Given, 5, true).expect("momenta are given");
            assert_eq!((chosen.window, chosen.noise), (Window::ROW, None));
        }
        let short = positions(&turn(3, 0.1, 0.0, false));
        assert_eq!(Window::of(&[short], &Momenta::OfSlopes(vec![1.0]), 5, true), None);
    }

    #[test]
    fn slope_errors_are_estimated() {
        let of_slopes = Momenta::OfSlopes(vec![1.0]);
        for (step, count) in [(0.1, 60), (0.3, 60), (0.5, 12), (0.2, 6)] {
            let rows = positions(&turn(count, step, 0.0, false));
            let Chosen { window, slope_error, .. } =
                Window::of(std::slice::from_ref(&rows), &of_slopes, 5, true).expect("long enough");
            let points = window.joined(&rows, &of_slopes);
            let slopes = points.states.column(1);
            let off = slopes.iter().zip(&points.times);
            let (errors, sizes) = off.fold((0.0, 0.0), |(e, s), (p, t)| {
                (e + (p - t.cos()).powi(2), s + t.cos().powi(2))
            });
            let truth = f64::sqrt(errors / sizes);
            println!("{step}: {slope_error:.1e}, in truth {truth:.1e}");
            assert!((0.4..3.0).contains(&(slope_error / truth)), "{slope_error:e} {truth:e}");
        }
    }

    #[test]
    fn no_point_is_made_across_a_gap() {
        let mut rows = turn(40, 0.1, 0.0, false);
        rows.times[20..].iter_mut().for_each(|t| *t += 5.0);
        let window = Window { rows: 9, stride: 1, degree: 4 };
        let points = window.joined(&rows, &Momenta::Given);
        assert_eq!(points.times.len(), 24);
        assert!(points.times.iter().all(|t| *t < 2.0 || *t > 7.0), "{:?}", points.times);
    }

    #[test]
    fn points_and_rows_are_counted_alike() {
        let window = Window { rows: 9, stride: 4, degree: 4 };
        assert_eq!((window.points(8), window.points(9), window.points(17)), (0, 1, 3));
        assert_eq!(window.rows_of(1..3), 4..17);
        let rows = turn(17, 0.1, 0.01, false);
        assert_eq!(window.joined(&rows, &Momenta::Given).times.len(), 3);
        assert_eq!(Window::ROW.rows_of(2..5), 2..5);
    }
}
