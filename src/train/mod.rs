//! Training: a linear start, whitened coordinates, L-BFGS on the rollout loss.

mod coordinates;
mod error;
mod field;
mod fit;
mod gauss_newton;
mod held_out;
mod lbfgs;
mod learn;
mod learn_noisy;
mod line_search;
mod matrix_coordinates;
mod network;
mod noise_level;
mod noisy;
mod noisy_fit;
mod prior;
mod resolved;
mod saving;
mod steps;
mod two_loop;

pub use crate::loss::{RolloutLoss, RolloutOptions};
#[doc(hidden)]
pub use coordinates::Coordinates;
pub use error::TrainError;
pub use field::{FieldKind, LearnedField, learn_field};
pub use fit::{Fit, Settings, fit, linear_start, refine};
pub use held_out::{Deviance, deviance, held_out};
#[doc(hidden)]
pub use lbfgs::{Judge, Judgement, Minimum, Objective, minimise, minimise_judged};
pub use lbfgs::{Outcome, Record, Stop};
pub(crate) use learn::unit_weights_but;
pub use learn::{Learned, integration_error, learn, states, unit_weights};
pub use learn_noisy::{NoisyLearned, learn_noisy, smooth_prior};
#[doc(hidden)]
pub use line_search::WeakWolfe;
pub use network::{
    NetworkFit, NetworkSettings, NetworkStage, NetworkStep, StageLoss, train_network,
};
pub use noisy::{assess_noisy, fit_noisy};
pub use noisy_fit::{Drift, NoisyFit, OUTLIER, cramer_rao};
pub use prior::{NoisyStart, Prior, Starts};
pub(crate) use resolved::{changes_by_steps, followed, marked, short_interval};
pub use saving::Saving;
