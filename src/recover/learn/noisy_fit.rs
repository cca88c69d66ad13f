//! Learning from noisy chunks: every state is uncertain, the first of a chunk too.

use std::sync::Arc;

use ndarray::{Array1, Axis, concatenate, s};

use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::model::ScalarHamiltonian;
use crate::recover::covariance::redundancy;
use crate::recover::learn::fitted::Fitted;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::noise_model::{NoiseModel, NoisyChunks};
use crate::train::{
    NoisyFit, NoisyStart, Outcome, Prior, Settings, TrainError, assess_noisy, deviance, fit_noisy,
    marked, short_interval, smooth_prior,
};

/// What is fitted.
type Learned = ScalarHamiltonian<ProductBasis>;

/// Directions of parameters below this relative singular value are lost in the noise.
const RANK_TOLERANCE: f64 = 1e-7;

/// Chunks in which noise grows by more than the inverse of this are left out..
const TAME: f64 = 0.6;

/// ..if they are not too many.
const MOST: f64 = 0.5;

impl Learner<'_> {
    /// Takes the states of the chunks for exact again.
    pub(crate) fn forget_noise(&mut self) {
        self.noise_model = None;
    }

    /// How noisy chunks are fitted, if they are.
    pub(crate) fn noise_model(&self) -> Option<&NoiseModel> {
        self.noise_model.as_ref()
    }

    /// Fits the functions of some groups, and what that says of the noise.
    pub(crate) fn fit_noise_model(
        &self,
        chunks: &Arc<NoisyChunks>,
        wanted: &[Vec<usize>],
        degree: usize,
        start: NoisyStart,
    ) -> Result<(Fitted, NoiseModel), TrainError> {
        self.noise_model_of(
            chunks,
            (wanted, degree),
            start,
            |model, train, start, settings, prior| {
                fit_noisy(model, train, start, settings, prior, &mut |_| {})
            },
        )
    }

    /// What functions of some groups say of the noise where their fit would begin, without a step.
    pub(crate) fn assess_noise_model(
        &self,
        chunks: &Arc<NoisyChunks>,
        wanted: &[Vec<usize>],
        degree: usize,
        at: NoisyStart,
    ) -> Result<(Fitted, NoiseModel), TrainError> {
        self.noise_model_of(chunks, (wanted, degree), at, assess_noisy)
    }

    fn noise_model_of(
        &self,
        chunks: &Arc<NoisyChunks>,
        (wanted, degree): (&[Vec<usize>], usize),
        start: NoisyStart,
        fit: impl FnOnce(
            &Learned,
            &[Trajectory],
            NoisyStart,
            &Settings,
            &Prior,
        ) -> Result<NoisyFit, TrainError>,
    ) -> Result<(Fitted, NoiseModel), TrainError> {
        let (basis, groups) = self.basis(wanted, degree);
        let NoisyChunks { settings, train, check, given } = &**chunks;
        let prior = smooth(&basis, train, given.clone());
        let model = ScalarHamiltonian::new(self.set.clone(), basis);
        let fit = fit(&model, train, start, settings, &prior)?;
        let n = fit.theta.len();
        let jacobian = fit.factor.slice(s![.., ..n]);
        // |J theta - y|^2 with y = J theta - r, for the residuals r at theta.
        let y = jacobian.dot(&Array1::from(fit.theta.clone())) - fit.factor.column(n);
        let factor = concatenate![Axis(1), jacobian, y.insert_axis(Axis(1))];
        let held_out = deviance(&model, &fit.theta, check, &fit.noise, settings)?;
        let noise_model = NoiseModel {
            chunks: chunks.clone(),
            redundancy: redundancy(&chunks.train),
            noise: fit.noise.clone(),
            chi_squared: fit.chi_squared,
            freedom: fit.degrees_of_freedom,
            efficiency: fit.efficiency(RANK_TOLERANCE)?,
            rank: fit.rank,
            starts: fit.starts,
            converged: fit.outcome == Outcome::Converged,
            calm: fit.calm,
            drift: fit.drift,
            held_out: held_out.total() + normalisation(check, &fit.noise),
            check_calm: held_out.calm.clone(),
        };
        let fitted = Fitted {
            model,
            groups,
            degree,
            theta: fit.theta,
            factor,
            rows: fit.degrees_of_freedom as usize + n,
            misfit: noise_model.misfit(fit.chi_squared),
            validation: noise_model.unit() * held_out.per_degree_of_freedom().sqrt(),
            trust: vec![1.0; self.train.len()],
        };
        log::debug!(
            "in noise, {:?} after {}, drift {:.2}: {}",
            fit.outcome,
            fit.history.len(),
            noise_model.drift.mean_square,
            self.describe(&fitted)
        );
        Ok((fitted, noise_model))
    }

    /// Whether noise grows little in each chunk, as it does but in close encounters.
    fn tame(&self) -> Vec<bool> {
        let tame = |k: usize| {
            self.factors.get(k).is_none_or(|rows| rows.iter().all(|factor| *factor > TAME))
        };
        let all: Vec<bool> = (0..self.train.len()).map(tame).collect();
        let part = all.iter().filter(|t| **t).count() as f64 / all.len().max(1) as f64;
        log::debug!("{part:.3} of the chunks are tame");
        if part > MOST { all } else { vec![true; all.len()] }
    }

    /// The tame chunks, and an integration step that most intervals are not longer than.
    pub(crate) fn noisy_chunks(&self, given: Option<Vec<f64>>) -> Result<NoisyChunks, TrainError> {
        let mut settings = Settings::new(self.weights.clone(), short_interval(&self.train))?;
        settings.rank_tolerance = RANK_TOLERANCE;
        settings.deadline = self.deadline().clone();
        Ok(NoisyChunks {
            settings,
            train: marked(&self.train, &self.tame()),
            check: self.check.to_vec(),
            given,
        })
    }
}

/// What the noise itself adds to minus twice the log-likelihood of some chunks.
fn normalisation(chunks: &[Trajectory], noise: &[f64]) -> f64 {
    let points = chunks.iter().map(|chunk| chunk.times.len()).sum::<usize>() as f64;
    2.0 * points * noise.iter().map(|sigma| sigma.ln()).sum::<f64>()
}

/// What is known of a fit before the data are seen: that its functions are smooth, and the noise,
/// if it is.
fn smooth(basis: &ProductBasis, train: &[Trajectory], noise: Option<Vec<f64>>) -> Prior {
    let degrees: Vec<usize> =
        basis.functions().iter().map(|f| f.iter().map(|(_, d)| d).sum()).collect();
    Prior { noise, precision: Some(smooth_prior(&degrees, train)) }
}
