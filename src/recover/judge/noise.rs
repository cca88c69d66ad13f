//! Whether what a law leaves unexplained is noise.

use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::ScalarHamiltonian;
use crate::recover::error::RecoverError;
use crate::recover::refit::rollouts::Alone;
use crate::recover::statistics::{is_as_small, is_without_drift};
use crate::scalars::Inputs;
use crate::train::{Settings, deviance};

/// Whether a closed form explains chunks down to their noise where nothing was learned in noise
/// that it could be compared with: as it was fitted to training chunks, it leaves nothing there
/// that moves as forces make it, and no more on the held-out `judging` ones.
///
/// # Errors
/// An unknown vector, rollouts that diverge.
pub(crate) fn is_noise_alone(
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
