//! Centring and scaling of the input.

use ndarray::ArrayView2;

use super::{Layer, Order, Scratch};
use crate::linalg::{Lanes, ZipInlined, vectorised};

/// y_i = (x_i - mean_i) / deviation_i with fixed numbers, those of the training data.
#[derive(Clone, Debug)]
pub struct Standardise {
    mean: Vec<f64>,
    inverse: Vec<f64>,
}

impl Standardise {
    /// With given means and deviations; a deviation of zero counts as one.
    pub fn new(mean: Vec<f64>, deviation: &[f64]) -> Self {
        let inverse = deviation.iter().map(|d| if *d > 0.0 { 1.0 / d } else { 1.0 }).collect();
        Self { mean, inverse }
    }

    /// With the means and deviations of the columns of `samples`.
    pub fn of(samples: ArrayView2<f64>) -> Self {
        let deviation: Vec<f64> = samples.columns().into_iter().map(|c| c.std(0.0)).collect();
        let mean = samples.columns().into_iter().map(|c| c.sum() / c.len().max(1) as f64).collect();
        Self::new(mean, &deviation)
    }

    /// y_i = `scale_i` x_i (+ `shift_i`), tile by tile.
    fn apply(&self, x: &[Lanes], y: &mut [Lanes], shifted: bool) {
        vectorised(
            #[inline(always)]
            || {
                for (x, y) in
                    x.chunks_exact(self.mean.len()).zip_inlined(y.chunks_exact_mut(self.mean.len()))
                {
                    for (((y, x), mean), inverse) in y
                        .iter_mut()
                        .zip_inlined(x)
                        .zip_inlined(&self.mean)
                        .zip_inlined(&self.inverse)
                    {
                        *y = if shifted { (*x + -*mean) * *inverse } else { *x * *inverse };
                    }
                }
            },
        );
    }
}

impl Layer for Standardise {
    fn inputs(&self) -> usize {
        self.mean.len()
    }
    fn outputs(&self) -> usize {
        self.mean.len()
    }

    fn forward(&self, _: &[f64], x: &[Lanes], y: &mut [Lanes], order: Order, _: &mut Scratch) {
        let ((x, dx), (y, dy)) = (order.split(x), order.split_mut(y));
        self.apply(x, y, true);
        self.apply(dx, dy, false);
    }

    fn reverse(
        &self,
        _: &[f64],
        _: &[Lanes],
        y_bar: &[Lanes],
        x_bar: &mut [Lanes],
        _: Option<&mut [f64]>,
        _: Order,
        _: &mut Scratch,
    ) {
        self.apply(y_bar, x_bar, false);
    }
}
