//! Forces that swing with one period, whatever the state: looked for beside plain laws.

use std::f64::consts::TAU;

use crate::basis::ProductBasis;
use crate::dataset::Units;
use crate::expr::{Expr, Scalar};
use crate::linalg::{Projection, golden_section};
use crate::model::ScalarHamiltonian;
use crate::parallel;
use crate::recover::error::RecoverError;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::form_on_paths::{column, columns_in};
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::checks::Check;
use crate::recover::problem::learner::Learner;
use crate::scalars::{MomentumForce, MomentumForceKind};

/// Powers of a scalar that a plain law is made of: those that a driven oscillator may have.
const POWERS: i32 = 6;

/// Particles and columns, at most: the search costs their product, for every frequency.
const MOST: (usize, usize) = (2, 40);

/// Frequencies to the resolution of the longest run, and these at most.
const OVERSAMPLED: f64 = 4.0;
const MOST_FREQUENCIES: usize = 4000;

/// Rows that the search looks at, about.
const ROWS: usize = 3000;

/// Golden sections of the best frequency: by then its digits are those that the rows tell.
const SECTIONS: usize = 30;

/// Rows for each column, at least.
const FREE: usize = 10;

/// A period is told where its force leaves less than this part of the sum of squares that plain laws
/// with friction leave, and no more than that of what another period leaves; other forces that no
/// Hamiltonian gives, likewise.
pub(super) const LEFT: f64 = 0.1;

impl Learner<'_> {
    /// What moves the particles that no Hamiltonian gives, if it is seen: forces that swing with one
    /// period, or are quadratic in the velocities.
    ///
    /// # Errors
    /// Numbers that are not finite.
    pub(crate) fn beyond(
        &self,
        fitted: &Fitted,
        units: &Units,
    ) -> Result<Vec<Check>, RecoverError> {
        // Along what was learned where rows are far apart; where that is wrong the rows say more.
        let flow = fitted.flow();
        let driven = match self.driven(Some(&flow), fitted, units)? {
            None => self.driven(None, fitted, units)?,
            found => found,
        };
        Ok(driven.into_iter().chain(self.velocity_dependent(fitted, units)?).collect())
    }

    /// Whether what plain laws and friction leave swings with one period, on paths along a flow, or
    /// through the points alone.
    ///
    /// # Errors
    /// Numbers that are not finite.
    fn driven(
        &self,
        flow: Option<&Flow<ScalarHamiltonian<ProductBasis>>>,
        fitted: &Fitted,
        units: &Units,
    ) -> Result<Option<Check>, RecoverError> {
        let terms = self.plain_terms();
        if self.inputs().shape.particles > MOST.0 || terms.len() > MOST.1 || self.late() {
            return Ok(None);
        }
        let longest = self.train().iter().map(|c| c.states.len()).max().unwrap_or(0);
        if longest > ROWS {
            return Ok(None);
        }
        let chunks = self.some_chunks(ROWS / longest.max(1));
        let trust = vec![1.0; chunks.len()];
        let paths = Paths::new(flow, &chunks, self.weights(), self.pieces(), &trust);
        let mut plain = Projection::default();
        let columns = self.columns(&terms, &paths)?;
        columns.columns().into_iter().for_each(|c| {
            plain.push(&c.to_vec());
        });
        let friction = MomentumForce::each(MomentumForceKind::Friction, self.inputs().shape);
        for forces in [self.columns_of_forces(&friction, &paths), self.force_columns(&paths)] {
            columns_in(&forces).for_each(|column| {
                plain.push(&column.to_vec());
            });
        }
        // Less what the known kinetic energy explains.
        let blocks = paths.increments(&fitted.model, &vec![0.0; fitted.theta.len()]);
        let mut target = (column(&blocks, 1) - column(&blocks, 0)).to_vec();
        // With few rows some period explains anything.
        if target.len() < FREE * (plain.basis.len() + self.weights().len()) {
            return Ok(None);
        }
        plain.reject(&mut target);
        let times: Vec<&[f64]> = chunks.iter().map(|c| &c.times[..]).collect();
        let late = || self.late();
        Ok(period(&paths, &times, &plain, target, &late).map(|period| {
            let period = period * units.time;
            Check {
                name: "driving force",
                message: format!(
                    "what plain laws with friction leave swings with the period {period:.4} (angular frequency {:.4}): a driving force, which no law of positions and momenta gives",
                    TAU / period
                ),
                constant: None,
            }
        }))
    }

    /// Squares of the momenta, and powers of the scalars of positions that vary.
    fn plain_terms(&self) -> Vec<Expr> {
        let varies = |k: &usize| self.ranges[*k].1 > self.ranges[*k].0;
        let power = |k: usize, n: i32| {
            let scalar = Expr::Scalar(self.scalars()[k].clone());
            Expr::product([Expr::Constant(1.0), Expr::pow(scalar, f64::from(n))])
        };
        let is_of_momenta = |k: usize| self.has_momenta(k);
        let all = (0..self.scalars().len()).filter(varies);
        all.flat_map(|k| match (is_of_momenta(k), &self.scalars()[k]) {
            (true, Scalar::Norm(_)) => vec![power(k, 2)],
            (true, _) => Vec::new(),
            (false, _) => (1..=POWERS).map(|n| power(k, n)).collect(),
        })
        .collect()
    }
}

/// The period with which the target swings, if it does.
fn period(
    paths: &Paths,
    times: &[&[f64]],
    plain: &Projection,
    target: Vec<f64>,
    late: &(dyn Fn() -> bool + Sync),
) -> Option<f64> {
    let span = times
        .iter()
        .flat_map(|t| t.iter())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |a, t| (a.0.min(*t), a.1.max(*t)));
    let steps = times.iter().flat_map(|t| t.windows(2)).map(|w| w[1] - w[0]);
    let shortest = steps.fold(f64::INFINITY, f64::min);
    let resolution = TAU / (span.1 - span.0) / OVERSAMPLED;
    // Twice the longest period, up to what two points a period tell.
    let first = 2.0 * OVERSAMPLED;
    let number =
        (TAU / (2.0 * shortest) / resolution - first).max(0.0).min(MOST_FREQUENCIES as f64);
    let before: f64 = target.iter().map(|x| x * x).sum();
    let left = |omega: f64| {
        let mut projection = Projection::of(target.clone());
        for mut column in swinging(paths, times, omega) {
            plain.reject(&mut column);
            projection.push(&column);
        }
        projection.squares()
    };
    let all: Vec<f64> = (0..number as usize).map(|k| (first + k as f64) * resolution).collect();
    let found = parallel::map_slice(&all, |w| (!late()).then(|| (left(*w), *w)));
    let mut found: Vec<(f64, f64)> = found.into_iter().flatten().collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (_, near) = *found.first()?;
    let (omega, least) = golden_section(near - resolution, near + resolution, SECTIONS, left);
    let typical = found[found.len() / 2].0;
    (least < LEFT * before.min(typical)).then(|| TAU / omega)
}

/// The increments of each momentum by a force that goes as the cosine and the sine of omega t.
fn swinging(paths: &Paths, times: &[&[f64]], omega: f64) -> Vec<Vec<f64>> {
    let dim = paths.dim();
    let columns = paths.of_rows(dim, &|chunk, row, values| {
        let (interval, component) = (row / dim, row % dim);
        if component < dim / 2 {
            return;
        }
        let (from, to) = (times[chunk][interval], times[chunk][interval + 1]);
        let (k, turned) = (component - dim / 2, |t: f64| (omega * t).sin_cos());
        let ((sin0, cos0), (sin1, cos1)) = (turned(from), turned(to));
        values[2 * k] = (sin1 - sin0) / omega;
        values[2 * k + 1] = (cos0 - cos1) / omega;
    });
    columns_in(&columns).map(|column| column.to_vec()).collect()
}
