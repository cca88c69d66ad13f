//! Masses that nobody told: found by what particles do to each other.
//!
//! With momenta p_i = m_i v_i forces are those of one potential energy, m_i dv_i/dt = -dV/dq_i. In a
//! basis of V that is linear in its coefficients, and by the logarithms of the masses the increments
//! that it makes change in proportion to themselves: each Gauss-Newton step for both is one linear
//! problem. What pulls at two particles alike says the ratio of their masses; all masses have one
//! factor in common that the motion doesn't tell.

use ndarray::{Array2, Axis, concatenate, s};

use crate::dataset::{Trajectory, Units};
use crate::deadline::Deadline;
use crate::linalg::{triangular_factor, triangular_inverse, with_ridge};
use crate::recover::covariance::redundancy;
use crate::recover::error::RecoverError;
use crate::recover::law::Recovery;
use crate::recover::learn::fitted::Fitted;
use crate::recover::noise::Noise;
use crate::recover::problem::checks::Check;
use crate::recover::problem::learner::Learner;
use crate::scalars::Inputs;

/// Masses of all particles, some of which were found.
#[derive(Clone, Debug, PartialEq)]
pub struct MassesFound {
    /// The masses, in order; one where the motion doesn't tell.
    pub masses: Vec<f64>,
    /// Standard errors; zero of those that are given, infinite where the motion doesn't tell.
    pub errors: Vec<f64>,
    dimension: usize,
}

/// Steps with all scalars, then with those that the data demand, at most. Two coupled particles of
/// masses 1 and 100 took six of the first and three of the second.
const STEPS: (usize, usize) = (16, 8);
/// The logarithm of a mass changes by so much in a step at most, a factor e: increments go as one
/// over the mass, which a step takes for linear.
const LONGEST: f64 = 1.0;
/// Changes of the logarithms that are none: at first, where others are made after it, and at last.
const SETTLED: (f64, f64) = (1e-3, 1e-13);
/// A mass that is known to a third of itself, three standard errors from none, or worse, is not.
const UNKNOWN: f64 = 1.0 / 3.0;

/// Finds the masses of the particles (from 1) in `unknown`; momenta of the chunks are `masses` times
/// velocities, those of unknown ones times anything. Where all are unknown the first keeps its own.
///
/// # Errors
/// [`RecoverError`]: numbers that are not finite.
pub fn find_masses(
    inputs: &Inputs,
    (train, validation): (&[Trajectory], &[Trajectory]),
    masses: &[f64],
    unknown: &[usize],
    deadline: &Deadline,
) -> Result<MassesFound, RecoverError> {
    let all_unknown = unknown.len() == masses.len();
    let free: Vec<usize> = unknown.iter().skip(usize::from(all_unknown)).map(|i| i - 1).collect();
    let mut search = Search {
        inputs,
        train,
        validation,
        given: masses,
        logs: vec![0.0; masses.len()],
        deadline,
    };
    let mut errors = vec![0.0; masses.len()];
    let mut last = f64::INFINITY;
    for _ in 0..STEPS.0 {
        let step = search.step(&free, None)?;
        last = search.take(&free, &step, &mut errors);
        if last < SETTLED.0 || deadline.is_over() {
            break;
        }
    }
    let (known, lost): (Vec<usize>, Vec<usize>) = free.iter().partition(|i| errors[**i] < UNKNOWN);
    for &i in &lost {
        (search.logs[i], errors[i]) = (-masses[i].ln(), f64::INFINITY);
    }
    let basis = if known.is_empty() { None } else { Some(search.basis()?) };
    for _ in 0..STEPS.1 {
        if basis.is_none() || deadline.is_over() {
            break;
        }
        let step = search.step(&known, basis.as_ref())?;
        let size = search.take(&known, &step, &mut errors);
        // Where the basis or roundoff is what limits them, steps fall no more.
        if size < SETTLED.1 || (size > 0.5 * last && size < SETTLED.0) {
            break;
        }
        last = size;
    }
    let masses = search.masses();
    let errors = errors.iter().zip(&masses).map(|(error, mass)| error * mass).collect();
    Ok(MassesFound { masses, errors, dimension: inputs.shape.dimension })
}

impl MassesFound {
    /// Momenta of `chunks`, which are `given` masses times velocities, with these masses.
    pub fn applied(&self, chunks: &mut [Trajectory], given: &[f64]) {
        let factors = self.factors(given);
        chunks.iter_mut().for_each(|chunk| scale(chunk, &factors, self.dimension));
    }

    /// Noise of such momenta, with these masses.
    pub fn noise(&self, noise: Noise, given: &[f64]) -> Noise {
        let Noise::Each(mut each) = noise else { return noise };
        let half = each.len() / 2;
        each[half..]
            .iter_mut()
            .zip(of_components(&self.factors(given), self.dimension))
            .for_each(|(s, f)| *s *= f);
        Noise::Each(each)
    }

    fn factors(&self, given: &[f64]) -> Vec<f64> {
        self.masses.iter().zip(given).map(|(mass, given)| mass / given).collect()
    }

    /// What was found of particle `i`, from 1, in a sentence.
    fn sentence(&self, i: usize) -> String {
        match (self.masses[i - 1], self.errors[i - 1]) {
            (mass, error) if error.is_infinite() => format!(
                "the mass of particle {i} can't be told, nothing pulls at it and at one of known mass alike: it is taken to be {mass}"
            ),
            (mass, 0.0) => format!("no mass is given: that of particle {i} is taken to be {mass}"),
            (mass, error) => {
                // One digit more than the error has, of those that a number has.
                let decimals = (1.0 - error.log10()).ceil().clamp(0.0, 15.0) as usize;
                format!(
                    "the mass of particle {i} was found: {mass:.decimals$} +- {error:.1e}; errors of other constants are for this mass"
                )
            }
        }
    }
}

impl Recovery {
    /// Adds to the checks what was found of the masses of some particles, from 1.
    pub fn tell_masses(&mut self, found: &MassesFound, unknown: &[usize]) {
        let check = |i: &usize| Check { name: "mass", message: found.sentence(*i), constant: None };
        self.checks.extend(unknown.iter().map(check));
    }
}

fn scale(chunk: &mut Trajectory, factors: &[f64], dimension: usize) {
    let half = chunk.states.ncols() / 2;
    let momenta = chunk.states.columns_mut().into_iter().skip(half);
    momenta
        .zip(of_components(factors, dimension))
        .for_each(|(mut column, factor)| column *= factor);
}

/// Of every component of all momenta the factor of its particle.
fn of_components(factors: &[f64], dimension: usize) -> impl Iterator<Item = f64> {
    factors.iter().flat_map(move |factor| std::iter::repeat_n(*factor, dimension))
}

/// What the basis leaves of the increments of a particle tells its mass where it is more than this
/// part of them: the ridge under every column is 1e-8 of it.
const TOLD: f64 = 1e-6;

/// Where the search for masses is.
struct Search<'a> {
    inputs: &'a Inputs,
    train: &'a [Trajectory],
    validation: &'a [Trajectory],
    /// Masses that the momenta of the chunks have.
    given: &'a [f64],
    /// Logarithms of what they are to be multiplied by.
    logs: Vec<f64>,
    deadline: &'a Deadline,
}

/// A step of the logarithms of some masses, and their standard errors.
struct Step {
    steps: Vec<f64>,
    errors: Vec<f64>,
}

/// The scalars that the data demand, the degree of their functions, and pieces of an interval.
struct Demanded {
    groups: Vec<Vec<usize>>,
    degree: usize,
    pieces: usize,
}

impl Search<'_> {
    fn masses(&self) -> Vec<f64> {
        self.given.iter().zip(&self.logs).map(|(mass, log)| mass * log.exp()).collect()
    }

    /// The problem with the masses as they are.
    fn with_learner<T>(
        &self,
        solve: impl FnOnce(&mut Learner) -> Result<T, RecoverError>,
    ) -> Result<T, RecoverError> {
        let factors: Vec<f64> = self.logs.iter().map(|log| log.exp()).collect();
        let scaled = |chunks: &[Trajectory]| {
            let mut chunks = chunks.to_vec();
            let dimension = self.inputs.shape.dimension;
            chunks.iter_mut().for_each(|chunk| scale(chunk, &factors, dimension));
            chunks
        };
        let (train, validation) = (scaled(self.train), scaled(self.validation));
        let units = Units::of(self.inputs, &train);
        let natural = |chunks: &[Trajectory]| -> Vec<Trajectory> {
            chunks.iter().map(|chunk| units.chunk(chunk)).collect()
        };
        let (inputs, train, check) =
            (units.inputs(self.inputs), natural(&train), natural(&validation));
        let mut learner = Learner::new(&inputs, &train, &check, self.deadline.clone())?;
        learner.kinetic_is_known = true;
        learner.set_masses(self.masses().iter().map(|mass| mass / units.mass()).collect())?;
        solve(&mut learner)
    }

    /// The basis that the data demand with the masses as they are.
    fn basis(&self) -> Result<Demanded, RecoverError> {
        self.with_learner(|learner| {
            let fitted = learner.learn(&mut |_| {})?;
            let groups = learner.groups_of(&fitted);
            Ok(Demanded { groups, degree: fitted.degree, pieces: learner.pieces() })
        })
    }

    /// A Gauss-Newton step of the logarithms of some masses, the coefficients of the basis (or of
    /// all scalars) fitted along with them.
    fn step(&self, free: &[usize], basis: Option<&Demanded>) -> Result<Step, RecoverError> {
        self.with_learner(|learner| {
            let fitted = match basis {
                Some(Demanded { groups, degree, pieces }) => {
                    learner.pieces = *pieces;
                    learner.fit(groups, *degree, None)?
                }
                None => {
                    let (groups, degree) = learner.first_groups();
                    learner.fit(&groups, degree, None)?
                }
            };
            step(learner, &fitted, free)
        })
    }

    /// Takes a step, keeps the errors, and says how long it is.
    fn take(&mut self, free: &[usize], step: &Step, errors: &mut [f64]) -> f64 {
        let mut longest: f64 = 0.0;
        for ((&i, by), error) in free.iter().zip(&step.steps).zip(&step.errors) {
            let by = by.clamp(-LONGEST, LONGEST);
            self.logs[i] += by;
            errors[i] = *error;
            longest = longest.max(by.abs());
        }
        log::debug!("masses {:?}, relative errors {errors:?}", self.masses());
        longest
    }
}

/// The step along the paths of what was learned: increments of a particle's momentum that the basis
/// makes fall in proportion to its mass.
fn step(learner: &Learner, fitted: &Fitted, free: &[usize]) -> Result<Step, RecoverError> {
    let paths = learner.paths(Some(&fitted.flow()), &fitted.trust);
    let (n, dim) = (fitted.theta.len(), paths.dim());
    let dimension = learner.inputs().shape.dimension;
    let theta = ndarray::ArrayView1::from(&fitted.theta);
    let beside = |design: Array2<f64>| {
        let made = design.slice(s![.., ..n]).dot(&theta);
        let column = |(row, k): (usize, usize)| {
            let component = (row % dim).checked_sub(dim / 2);
            let is_own = component.is_some_and(|c| c / dimension == free[k]);
            if is_own { -made[row] } else { 0.0 }
        };
        let masses = Array2::from_shape_fn((design.nrows(), free.len()), column);
        let left = (&design.column(n) - &made).insert_axis(Axis(1));
        concatenate![Axis(1), design.slice(s![.., ..n]), masses, left]
    };
    let design: Vec<Array2<f64>> = paths.design(&fitted.model).into_iter().map(beside).collect();
    let rows = paths.weight();
    let factor = with_ridge(&triangular_factor(&design)?)?;
    let last = factor.ncols() - 1;
    let inverse = triangular_inverse(&factor.slice(s![n..last, n..last]))?;
    let steps = inverse.dot(&factor.slice(s![n..last, last])).to_vec();
    let freedom = (rows - last as f64).max(1.0);
    let sigma = factor[[last, last]].abs() / freedom.sqrt() * redundancy(learner.train()).sqrt();
    let error = |k: usize| {
        let (own, row) = (factor.column(n + k), inverse.row(k));
        let left = 1.0 / row.dot(&row).sqrt();
        if left < TOLD * own.dot(&own).sqrt() { f64::INFINITY } else { sigma / left }
    };
    let errors = (0..free.len()).map(error).collect();
    Ok(Step { steps, errors })
}
