//! What counts as left of the data along the paths of a model.

use crate::recover::grow::beam::Growth;
use crate::recover::learn::limits::OF_PATHS;

/// A law explains data that it follows to this, root mean square along its own paths: the same bound
/// as for rollouts of an exact law.
pub(super) const EXPLAINED: f64 = 1e-8;

/// Only sums that leave so much more than the model that made the paths are fitted along their own.
pub(super) const WORTH_A_FIT: f64 = 3.0;

/// Which residuals along the paths of a model count. Down to the misfit of that model, where laws
/// differ that are the same to what is explained; but never above that, nor below the error to which
/// paths are known.
pub(super) struct Resolution {
    /// The misfit of the model that made the paths.
    misfit: f64,
    /// Residuals below this don't count.
    pub least: f64,
}

impl Resolution {
    /// That of a model of some misfit.
    pub fn of(misfit: f64) -> Self {
        Self { misfit, least: misfit.clamp(OF_PATHS, EXPLAINED) }
    }

    /// The floor of growth: a tenth of the misfit where that counts, and not above what is certain
    /// to be systematic.
    pub fn floor(&self) -> f64 {
        (0.1 * self.misfit).max(self.least).min(1e-6)
    }

    /// With a floor that the right law gets below: what paths leave of it is of the size of the
    /// misfit of their model.
    pub fn roughly<'a>(&self, growth: &Growth<'a>) -> Growth<'a> {
        Growth { floor: WORTH_A_FIT * self.misfit.max(self.least), ..*growth }
    }
}
