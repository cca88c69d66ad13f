//! Whether a closed form explains the data down to their noise or to the error of integration.

use ndarray::ArrayView1;

use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::recover::error::RecoverError;
use crate::recover::noise::{Noise, NoiseFound};
use crate::recover::statistics::{Misfit, ModelErrors, NOISE_KNOWN, SIGMAS, is_as_small};
use crate::scalars::Inputs;
use crate::train::{self, Learned, Settings};

/// Largest error of held-out rollouts, relative to the data's spread, of an exact law where
/// integration is accurate, and where it is not.
const EXACT: (f64, f64) = (1e-8, 1e-7);

/// Differences of this size between two Hamiltonians are roundoff.
const ROUNDOFF: f64 = 1e-11;

/// Changes of the rollouts smaller than this, relative to the data's spread, are of no account.
const NEGLIGIBLE: f64 = 1e-9;

/// Changes of no account where integration is less accurate than that.
const NEGLIGIBLE_AT_WORST: f64 = 1e-6;

/// Errors of rollouts below this are alike: integration or roundoff may have made them.
pub(crate) fn indistinguishable(integration_error: f64) -> f64 {
    (10.0 * integration_error).clamp(ROUNDOFF, EXACT.0)
}

/// A closed form and the learned Hamiltonian on the held-out chunks that judge them.
pub(crate) struct Judge<'a> {
    pub inputs: &'a Inputs,
    /// Chunks in which the closed form can be followed.
    pub held_out: &'a [Trajectory],
    /// Integration and weights.
    pub settings: &'a Settings,
    integration_error: f64,
    model: ScalarHamiltonian<ClosedForm>,
    theta: Vec<f64>,
    closed: Misfit,
    learned: Misfit,
}

impl<'a> Judge<'a> {
    /// Rolls both out.
    ///
    /// # Errors
    /// A vector that is not among the inputs.
    pub fn new(
        inputs: &'a Inputs,
        learned: &'a Learned<ProductBasis>,
        law: &Expr,
        held_out: &'a [Trajectory],
    ) -> Result<Self, RecoverError> {
        let settings = &learned.settings;
        let (model, theta) = (ScalarHamiltonian::closed_form(inputs, law)?, law.constants());
        Ok(Self {
            inputs,
            held_out,
            settings,
            integration_error: learned.integration_error,
            closed: Misfit::new(&model, &theta, held_out, settings),
            learned: Misfit::new(&learned.model, &learned.fit.theta, held_out, settings),
            model,
            theta,
        })
    }

    /// Root mean square residuals of both.
    pub fn errors(&self) -> ModelErrors {
        ModelErrors { learned: self.learned.rms(), closed_form: self.closed.rms() }
    }

    /// Tells the log of them.
    pub fn log(&self, all: usize, law: &Expr) {
        log::debug!(
            "{} of {all} held-out chunks, step {:.2e}, integration error {:.2e}: learned {:.2e}, closed form {:.2e} {law}",
            self.held_out.len(),
            self.settings.rollout.step,
            self.integration_error,
            self.learned.rms(),
            self.closed.rms(),
        );
    }

    /// Changes of the rollouts below this are of no account.
    pub fn negligible(&self) -> f64 {
        (10.0 * self.integration_error).clamp(NEGLIGIBLE, NEGLIGIBLE_AT_WORST)
    }

    /// Whether another law follows the chunks no worse than the closed form, within chance.
    ///
    /// # Errors
    /// A vector that is not among the inputs.
    pub fn is_as_good(&self, other: &Expr) -> Result<bool, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs, other)?;
        let misfit = Misfit::new(&model, &other.constants(), self.held_out, self.settings);
        Ok(!misfit.is_worse_than(&self.closed, self.negligible()))
    }

    /// Whether the closed form follows the chunks no worse than the learned Hamiltonian, within
    /// chance.
    pub fn closed_form_does_as_well(&self) -> bool {
        // It can be compared where both rollouts end.
        let ended = self.learned.chunks.iter().filter(|squares| squares.is_finite()).count();
        2 * ended >= self.learned.chunks.len() && !self.closed.is_worse_than(&self.learned, 0.0)
    }

    /// What stands against the closed form where it doesn't explain the chunks.
    pub fn what_is_left(&self) -> String {
        let ModelErrors { learned, closed_form } = self.errors();
        let integration = self.integration_error;
        let to = |error: f64| {
            if error.is_finite() {
                format!("to {error:.1e} of their spread")
            } else {
                "in no rollout that ends".into()
            }
        };
        if self.closed.is_worse_than(&self.learned, indistinguishable(integration)) {
            return format!(
                "held-out chunks are followed {}, by the learned model {}: a term is missing",
                to(closed_form),
                to(learned)
            );
        }
        if self.closed.rms() <= self.floor() && !self.follows_each_motion() {
            return "some particle moves so little within a chunk that the held-out chunks don't tell its \
                 law: longer runs, or more digits, would tell"
                .into();
        }
        let where_runs_differ = if self.inputs.differ() {
            " (where runs have numbers or vectors of their own, noise is not told from a missing term yet)"
        } else {
            ""
        };
        format!(
            "held-out chunks are followed {} where integration is good to {integration:.1e}: \
             noise, an integrator's error or a force that isn't in the law is left{where_runs_differ}",
            to(closed_form)
        )
    }

    /// Whether the closed form misses the positions and the momenta of every particle by no more
    /// than the floor's part of what these change by in a chunk: where the points are so near to
    /// each other that little changes, any law misses little.
    fn follows_each_motion(&self) -> bool {
        let d = self.inputs.shape.dimension;
        (0..self.settings.weights.len()).step_by(d).all(|first| {
            let mut weights = vec![0.0; self.settings.weights.len()];
            weights[first..first + d].copy_from_slice(&self.settings.weights[first..first + d]);
            let moved = |c: &Trajectory| -> f64 {
                let start = c.states.row(0);
                let squares = |row: ArrayView1<f64>| -> f64 {
                    weights
                        .iter()
                        .zip(row)
                        .zip(start)
                        .map(|((w, x), x0)| w * (x - x0).powi(2))
                        .sum()
                };
                c.states.rows().into_iter().map(squares).sum()
            };
            let moved: f64 = self.held_out.iter().map(moved).sum();
            let settings = Settings { weights, ..self.settings.clone() };
            let missed = Misfit::new(&self.model, &self.theta, self.held_out, &settings);
            // What rounding and integration do to the numbers themselves.
            let size = |c: &Trajectory| -> f64 {
                let squares = |row: ArrayView1<f64>| -> f64 {
                    settings.weights.iter().zip(row).map(|(w, x)| w * (ROUNDOFF * x).powi(2)).sum()
                };
                c.states.rows().into_iter().map(squares).sum()
            };
            let roundoff: f64 = self.held_out.iter().map(size).sum();
            missed.chunks.iter().sum::<f64>() <= (self.floor().powi(2) * moved).max(roundoff)
        })
    }

    /// Misfits below this are none.
    fn floor(&self) -> f64 {
        (10.0 * self.integration_error).clamp(EXACT.0, EXACT.1)
    }

    /// Whether noise is below what rollouts are accurate to: it is told from none as little as from
    /// integration error.
    pub fn hides(&self, noise: &NoiseFound) -> bool {
        let mut parts = noise.deviation.iter().zip(&self.settings.weights);
        parts.all(|(deviation, weight)| deviation * weight.sqrt() <= self.floor())
    }

    /// Whether the closed form explains the chunks: no worse than the learned Hamiltonian, which is
    /// free to follow any law of its basis, and down to the floor. For noise of given size that is a
    /// test of chi-squared, the chunks' first states fitted too; for data without noise,
    /// integration error. Noise of unknown size can't be told from misfit: then only data without
    /// any pass. `train` are the chunks that the constants were fitted to.
    ///
    /// # Errors
    /// A rollout that diverges.
    pub fn explains(&self, noise: &Noise, train: &[Trajectory]) -> Result<bool, RecoverError> {
        if self.closed.is_worse_than(&self.learned, indistinguishable(self.integration_error)) {
            return Ok(false);
        }
        let Some(given) = noise.known(train).filter(|_| !self.inputs.differ()) else {
            return Ok(self.closed.rms() <= self.floor() && self.follows_each_motion());
        };
        // Noise below the floor is told from none as little as from integration error.
        let floor = self.settings.weights.iter().map(|w| self.floor() / w.sqrt());
        let noise: Vec<f64> = given.iter().zip(floor).map(|(s, floor)| s.hypot(floor)).collect();
        let ratio =
            train::held_out(&self.model, &self.theta, self.held_out, &noise, self.settings)?;
        let points = train.iter().map(|c| c.times.len().saturating_sub(1)).sum::<usize>();
        let fitted = points * self.inputs.shape.state_len();
        let parameters_per_residual = self.theta.len() as f64 / fitted.max(1) as f64;
        let chance = SIGMAS * (2.0 / self.closed.residuals as f64).sqrt();
        Ok(ratio <= (1.0 + NOISE_KNOWN).powi(2) * (1.0 + parameters_per_residual + chance))
    }

    /// Whether the law leaves no more of some chunks than noise that is known, their first states
    /// fitted.
    ///
    /// # Errors
    /// A rollout that diverges.
    pub fn leaves_only(&self, noise: &[f64], chunks: &[Trajectory]) -> Result<bool, RecoverError> {
        let left = train::deviance(&self.model, &self.theta, chunks, noise, self.settings)?;
        log::debug!("all chunks: {:.3} of the noise's variance", left.per_degree_of_freedom());
        Ok(is_as_small(&left, chunks))
    }
}
