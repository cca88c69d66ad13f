//! Whether what a law leaves unexplained is noise.

use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::ScalarHamiltonian;
use crate::recover::error::RecoverError;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::NOISY;
use crate::recover::problem::learner::Learner;
use crate::recover::refit::rollouts::{Alone, Trained};
use crate::recover::statistics::{is_as_small, is_without_drift};
use crate::scalars::Inputs;
use crate::train::{Settings, deviance};

/// Whether a closed form explains chunks down to their noise where nothing was learned in noise
/// that it could be compared with: as it was fitted to training chunks, it leaves nothing there
/// that moves as forces make it, and no more on the held-out `judging` ones.
///
/// # Errors
/// An unknown vector, rollouts that diverge.
fn is_noise_alone(
    inputs: &Inputs,
    law: &Expr,
    Alone { chunks: train, fit, .. }: &Alone,
    judging: &[Trajectory],
    settings: &Settings,
) -> Result<bool, RecoverError> {
    let held_out = deviance(
        &ScalarHamiltonian::closed_form(inputs, law)?,
        &law.constants(),
        judging,
        &fit.noise,
        settings,
    )?;
    log::debug!(
        "alone: drift {:.3}, held out {:.3} of the noise's variance",
        fit.drift.mean_square,
        held_out.per_degree_of_freedom()
    );
    Ok(is_without_drift(fit.drift, train, fit.noise.len()) && is_as_small(&held_out, judging))
}

/// Whether what the closed form leaves of the held-out chunks is noise; none where the data are
/// taken to have none. What was learned without noise says what a closed form misses.
pub(crate) fn explains_noise(
    learner: &Learner,
    fitted: &Fitted,
    trained: &Trained,
    judging: &[Trajectory],
    may_be_noise: bool,
) -> Option<bool> {
    let law = &trained.law.expression;
    match (learner.noise_model(), &trained.alone) {
        (Some(noise_model), _) => {
            Some(learner.explains_noise(law, fitted, noise_model, judging).unwrap_or(false))
        }
        (None, Some(alone)) if may_be_noise && fitted.misfit > NOISY => {
            let settings = &trained.learned.settings;
            Some(is_noise_alone(learner.inputs(), law, alone, judging, settings).unwrap_or(false))
        }
        _ => None,
    }
}
