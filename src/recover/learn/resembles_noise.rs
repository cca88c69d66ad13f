//! Whether what is left by a model looks like noise of the points.

use ndarray::{Array2, s};

use crate::recover::learn::fitted::Fitted;
use crate::recover::paths::Paths;
use crate::recover::problem::learner::Learner;
use crate::recover::statistics::SIGMAS;

/// What is left of successive increments correlates by less than this where it is noise of the
/// points: by none but for chance, once the half that two increments share of a point is taken out.
/// What a basis misses of a law changes little from interval to interval. A correlation of this much
/// says that a fourth of the variance is of that kind.
const LIKE_NOISE: f64 = 0.25;

/// A fit in noise gives up where a model misses forces by 2.5 times the variance of noise
/// ([`FORCES_MISSED`](super::in_noise)), which is two fifths of what is left. Of a fourth of that
/// noise no model of the basis will make up the rest: what is missed is not in its data.
const LEAST_SHARE: f64 = 0.1;

/// What a model leaves of successive increments.
#[derive(Clone, Copy)]
pub(crate) struct Residuals {
    /// Their correlation, without the half that two increments share of a point; not a number where
    /// chunks have two points.
    correlation: f64,
    pairs: usize,
}

impl Residuals {
    /// Whether they may be noise of the points; chunks of two points tell nothing.
    pub fn resemble_noise(&self) -> bool {
        self.correlation.is_nan() || self.correlation < LIKE_NOISE.max(self.chance())
    }

    /// Whether a share of them worth speaking of may be noise of the points, which does not
    /// correlate; all else does by at most 1.
    pub fn may_hold_noise(&self) -> bool {
        let share = 1.0 - self.correlation;
        share.is_nan() || share + self.chance() > LEAST_SHARE
    }

    /// By how much their correlation may be off.
    fn chance(&self) -> f64 {
        SIGMAS / (self.pairs as f64).sqrt()
    }
}

impl Learner<'_> {
    /// What a model leaves of the chunks.
    pub(crate) fn residuals(&self, fitted: &Fitted) -> Residuals {
        let paths = self.paths(Some(&fitted.flow()), &fitted.trust);
        let blocks = paths.increments(&fitted.model, &fitted.theta);
        let residuals = residuals(&paths, &blocks);
        let Residuals { correlation, pairs } = residuals;
        log::debug!("{pairs} pairs of successive increments correlate by {correlation:.3}");
        residuals
    }
}

/// What is left of successive increments of a component, all together.
fn residuals(paths: &Paths, blocks: &[Array2<f64>]) -> Residuals {
    let dim = paths.dim();
    let (mut products, mut before, mut after, mut pairs) = (0.0, 0.0, 0.0, 0);
    for (block, rows) in blocks.iter().zip(paths.rows_of_chunks()) {
        for chunk in rows {
            let left = block.slice(s![chunk, ..]);
            let left = &left.column(0) - &left.column(1);
            for k in dim..left.len() {
                products += left[k] * left[k - dim];
                before += left[k - dim].powi(2);
                after += left[k].powi(2);
                pairs += 1;
            }
        }
    }
    Residuals { correlation: products / (before * after).sqrt(), pairs }
}

#[cfg(test)]
mod tests {
    use super::Residuals;

    #[test]
    fn what_hardly_changes_from_interval_to_interval_holds_no_noise() {
        let of = |correlation| Residuals { correlation, pairs: 10_000 };
        assert!(of(0.0).resemble_noise() && of(0.0).may_hold_noise());
        // Both: half of it is noise.
        assert!(!of(0.5).resemble_noise() && of(0.5).may_hold_noise());
        assert!(!of(0.95).resemble_noise() && !of(0.95).may_hold_noise());
        // Of few pairs nothing is certain.
        assert!(Residuals { correlation: 0.92, pairs: 18 }.may_hold_noise());
        // Chunks of two points tell nothing.
        assert!(of(f64::NAN).resemble_noise() && of(f64::NAN).may_hold_noise());
    }
}
