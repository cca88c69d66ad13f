//! Which functions the data demand where every state is uncertain.

use std::sync::Arc;

use ndarray::{ArrayView1, s};

use crate::recover::learn::eliminate::{eliminate_groups, solve_with};
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::{LOWER_DEGREE, MOST_FUNCTIONS};
use crate::recover::problem::learner::Learner;
use crate::recover::problem::noise_model::{NoiseModel, NoisyChunks};
use crate::recover::statistics::chi_squared_bound;
use crate::train::{TrainError, marked};

/// What each function of a scalar must lower chi squared by.
const PRICE: f64 = 4.0;

/// Noise above this part of what happens in an interval is so much.
const LOUD: f64 = 0.05;

/// Degrees of the functions of a law that lower ones don't follow.
const HIGHER_DEGREES: [usize; 2] = [11, 18];

/// What was learned misses forces, and closed forms would too, where its residuals drift by more
/// than this.
const FORCES_MISSED: f64 = 2.5;

/// From so little on linear estimates tell which other functions are missed.
const FORCES_WEAK: f64 = 1.5;

/// A higher degree may raise minus twice the log-likelihood of held-out chunks by this, chance.
const WORSE: f64 = 10.0;

/// Chunks that what was learned doesn't follow are left out, and all is fitted again, so often at
/// most.
const ATTEMPTS: usize = 3;

impl Learner<'_> {
    /// Learns again by maximum likelihood, the initial state of each chunk and the noise (unless
    /// `given`) fitted as well: with all scalars, then with those that the data demand. `rough`,
    /// which took the states for exact, is where it starts from; where rollouts diverge, or forces
    /// are missed with every scalar, it stays: none.
    ///
    /// # Errors
    /// Divergence, linear algebra.
    pub fn allow_for_noise(
        &mut self,
        rough: &Fitted,
        given: Option<Vec<f64>>,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Option<Fitted>, TrainError> {
        progress("fitting every state of the chunks");
        let chunks = Arc::new(self.noisy_chunks(given)?);
        let first = match self.beside_rough(rough, &chunks)? {
            Some(found) => Some(found),
            None => self.first_in_noise(rough, &chunks)?,
        };
        let Some(found) = first else { return Ok(None) };
        let mut found = self.without_wild_chunks(found);
        if found.1.drift.mean_square > FORCES_MISSED {
            log::debug!("what is left is no noise");
            return Ok(None);
        }
        while let Some(fewer) = self.with_fewer_groups(&found)? {
            found = fewer;
        }
        while !self.late()
            && let Some(higher) = self.of_higher_degree(&found)?
        {
            found = higher;
        }
        self.noise_model = Some(found.1);
        Ok(Some(found.0))
    }

    /// Fitted again without the chunks that what was learned doesn't follow, until it follows all, or
    /// forces are missed in the others as much.
    fn without_wild_chunks(&self, mut found: (Fitted, NoiseModel)) -> (Fitted, NoiseModel) {
        for _ in 0..ATTEMPTS {
            let drift = found.1.drift.mean_square;
            match self.with_fewer_chunks(&found) {
                // Chunks of few points have none.
                Some(next) if next.1.drift.mean_square >= drift.max(FORCES_MISSED) => break,
                Some(next) => found = next,
                None => break,
            }
        }
        found
    }

    /// Fitted again without the chunks that what was learned doesn't follow; none if it follows
    /// all, or that diverges.
    fn with_fewer_chunks(
        &self,
        (best, noise_model): &(Fitted, NoiseModel),
    ) -> Option<(Fitted, NoiseModel)> {
        let NoisyChunks { settings, train, check, given } = &*noise_model.chunks;
        log::debug!(
            "{} of {} chunks are followed",
            noise_model.calm.iter().filter(|calm| **calm).count(),
            train.len()
        );
        if self.late() || noise_model.calm.iter().all(|calm| *calm) {
            return None;
        }
        let held_out = marked(check, &noise_model.check_calm);
        let (train, check) = (
            marked(train, &noise_model.calm),
            if held_out.is_empty() { check.clone() } else { held_out },
        );
        let chunks = NoisyChunks { settings: settings.clone(), train, check, given: given.clone() };
        let start = noise_model.start_of(best.theta.clone(), |chunk| noise_model.calm[chunk]);
        self.fit_noise_model(&Arc::new(chunks), &self.groups_of(best), best.degree, start).ok()
    }

    /// Fitted again with the groups that the data demand; none if these are all.
    fn with_fewer_groups(
        &self,
        found: &(Fitted, NoiseModel),
    ) -> Result<Option<(Fitted, NoiseModel)>, TrainError> {
        let kept = self.demanded_in_noise(found)?;
        let (best, noise_model) = found;
        if kept.len() == best.groups.len() || self.late() {
            return Ok(None);
        }
        let wanted: Vec<Vec<usize>> =
            kept.iter().map(|&g| best.groups[g].scalars.clone()).collect();
        log::debug!("demanded in noise: {}", self.names(&wanted));
        let columns: Vec<usize> =
            kept.iter().flat_map(|&g| best.groups[g].columns.clone()).collect();
        let start = noise_model.start(solve_with(&best.factor, &columns)?);
        Ok(self.fit_noise_model(&noise_model.chunks, &wanted, best.degree, start).ok())
    }

    /// The groups that the data demand, as far as linear.
    fn demanded_in_noise(
        &self,
        (fitted, noise_model): &(Fitted, NoiseModel),
    ) -> Result<Vec<usize>, TrainError> {
        // What was learned may miss more than the noise; and of many groups some are wanted by
        // chance.
        let dispersion = noise_model.dispersion();
        let naming = 2.0 * (fitted.groups.len() as f64).ln();
        let ranks = self.group_ranks(&fitted.groups);
        Ok(eliminate_groups(
            &fitted.factor,
            &fitted.groups,
            &ranks,
            (PRICE * dispersion, naming * dispersion),
            &|| self.late(),
        )?)
    }

    /// With functions of higher degree, where these make the chunks more likely than by chance, and
    /// held-out ones no less.
    fn of_higher_degree(
        &self,
        (best, noise_model): &(Fitted, NoiseModel),
    ) -> Result<Option<(Fitted, NoiseModel)>, TrainError> {
        let groups = self.groups_of(best);
        let degree = HIGHER_DEGREES.into_iter().find(|d| *d > best.degree);
        let Some(degree) = degree.filter(|d| self.size(&groups, *d) <= MOST_FUNCTIONS) else {
            return Ok(None);
        };
        let basis = self.basis(&groups, degree).0;
        if basis.axes() != best.model.function().axes() {
            return Ok(None);
        }
        let functions = basis.functions();
        let mut theta = vec![0.0; functions.len()];
        for (function, value) in best.model.function().functions().iter().zip(&best.theta) {
            if let Some(k) = functions.iter().position(|other| other == function) {
                theta[k] = *value;
            }
        }
        let more = functions.len().saturating_sub(best.theta.len());
        let (at, _) = self.assess_noise_model(
            &noise_model.chunks,
            &groups,
            degree,
            noise_model.start(theta),
        )?;
        let n = at.theta.len();
        // The last row is what no parameters explain.
        let explained = at.factor.slice(s![..n, ..n]).dot(&ArrayView1::from(&at.theta))
            - at.factor.slice(s![..n, n]);
        let gain = explained.dot(&explained);
        log::debug!(
            "degree {degree} may lower chi squared by {gain:.1} with {more} functions more"
        );
        if gain < chi_squared_bound(more as f64) * noise_model.dispersion() {
            return Ok(None);
        }
        let every: Vec<usize> = (0..n).collect();
        let start = noise_model.start(solve_with(&at.factor, &every)?);
        let higher = self.fit_noise_model(&noise_model.chunks, &groups, degree, start).ok();
        Ok(higher.filter(|(_, higher)| {
            higher.converged && higher.held_out < noise_model.held_out + WORSE
        }))
    }

    /// With the functions that `rough` has and whatever else the chunks demand beside them, as far
    /// as linear estimates tell; none where these do not settle, or miss forces.
    fn beside_rough(
        &self,
        rough: &Fitted,
        chunks: &Arc<NoisyChunks>,
    ) -> Result<Option<(Fitted, NoiseModel)>, TrainError> {
        let mut groups = self.groups_of(rough);
        let (every, usual) = self.first_groups();
        let others: Vec<Vec<usize>> =
            every.into_iter().filter(|group| !groups.contains(group)).collect();
        let Some((fitted, noise_model)) = self.as_rough(rough, usual, chunks)? else {
            return Ok(None);
        };
        let degree = fitted.degree;
        let few = groups.len();
        groups.extend(others);
        if groups.len() == few || self.size(&groups, degree) > MOST_FUNCTIONS || self.late() {
            return Ok(Some((fitted, noise_model)));
        }
        // Without effect at first.
        let mut theta = fitted.theta.clone();
        theta.resize(self.size(&groups, degree), 0.0);
        let at = self.assess_noise_model(
            &noise_model.chunks,
            &groups,
            degree,
            noise_model.start(theta),
        )?;
        if self.demanded_in_noise(&at)?.iter().all(|&group| group < few) {
            return Ok(Some((fitted, noise_model)));
        }
        self.with_fewer_groups(&at)
    }

    /// With the functions that `rough` has, of the lowest degree up to its own that misses no force
    /// but a weak one.
    fn as_rough(
        &self,
        rough: &Fitted,
        usual: usize,
        chunks: &Arc<NoisyChunks>,
    ) -> Result<Option<(Fitted, NoiseModel)>, TrainError> {
        let groups = self.groups_of(rough);
        let higher = HIGHER_DEGREES
            .into_iter()
            .filter(|d| *d <= rough.degree && self.size(&groups, *d) <= MOST_FUNCTIONS);
        for degree in std::iter::once(usual).chain(higher) {
            let start = if rough.degree == degree {
                rough.theta.clone()
            } else {
                self.fit(&groups, degree, Some(rough))?.theta
            };
            let Ok(found) = self.fit_noise_model(chunks, &groups, degree, start.into()) else {
                continue;
            };
            let found = self.without_wild_chunks(found);
            if found.1.converged && found.1.drift.mean_square <= FORCES_WEAK {
                return Ok(Some(found));
            }
            if self.late() {
                break;
            }
        }
        Ok(None)
    }

    /// With every scalar and the products that `rough` has, functions of lower degree where those
    /// of the usual one can't be fitted; if these can't either, with the functions of `rough`; none
    /// if that diverges too.
    fn first_in_noise(
        &self,
        rough: &Fitted,
        chunks: &Arc<NoisyChunks>,
    ) -> Result<Option<(Fitted, NoiseModel)>, TrainError> {
        let (mut wanted, usual) = self.first_groups();
        wanted.extend(self.groups_of(rough).into_iter().filter(|group| group.len() > 1));
        let mut best: Option<(Fitted, NoiseModel)> = None;
        let low = LOWER_DEGREE.min(usual);
        for degree in if rough.misfit > LOUD { [low, usual] } else { [usual, low] } {
            let start = self.fit(&wanted, degree, Some(rough))?.theta;
            match self.fit_noise_model(chunks, &wanted, degree, start.into()) {
                Ok(found) => {
                    let settled = found.1.converged && found.1.drift.mean_square <= FORCES_MISSED;
                    // Held-out chunks may be such as neither follows.
                    let length = |(fitted, noise_model): &(Fitted, NoiseModel)| {
                        noise_model.freedom * fitted.misfit.ln()
                            + 0.5 * PRICE * noise_model.rank as f64
                    };
                    if best.as_ref().is_none_or(|best| length(&found) < length(best)) {
                        best = Some(found);
                    }
                    if settled || low == usual || self.late() {
                        break;
                    }
                }
                Err(error) => log::debug!("with every scalar: {error}"),
            }
        }
        if best.is_some() {
            return Ok(best);
        }
        let found = self.fit_noise_model(
            chunks,
            &self.groups_of(rough),
            rough.degree,
            rough.theta.clone().into(),
        );
        Ok(found.inspect_err(|error| log::debug!("with those demanded: {error}")).ok())
    }
}
