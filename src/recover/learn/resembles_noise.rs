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

impl Learner<'_> {
    /// Whether what a model leaves of the chunks may be noise, as far as its successive increments
    /// tell; chunks of two points tell nothing.
    pub(crate) fn resembles_noise(&self, fitted: &Fitted) -> bool {
        let paths = self.paths(Some(&fitted.flow()), &fitted.trust);
        let blocks = paths.increments(&fitted.model, &fitted.theta);
        let (correlation, pairs) = correlation(&paths, &blocks);
        log::debug!("{pairs} pairs of successive increments correlate by {correlation:.2}");
        correlation.is_nan() || correlation < LIKE_NOISE.max(SIGMAS / (pairs as f64).sqrt())
    }
}

/// The correlation of what is left of successive increments of a component, and of how many pairs.
fn correlation(paths: &Paths, blocks: &[Array2<f64>]) -> (f64, usize) {
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
    (products / (before * after).sqrt(), pairs)
}
