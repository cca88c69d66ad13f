//! Into how many pieces the paths through each interval are cut.

use ndarray::Array2;

use crate::dataset::Trajectory;
use crate::linalg;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::{ENOUGH, MOST_PIECES, OF_PATHS};
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;

impl Learner<'_> {
    /// Cuts the intervals finer while the error of the paths is what is left of the misfit.
    pub(crate) fn with_enough_pieces(
        &mut self,
        mut fitted: Fitted,
        groups: &[Vec<usize>],
        degree: usize,
    ) -> linalg::Result<Fitted> {
        let mut last = f64::INFINITY;
        while self.pieces < MOST_PIECES && !self.late() && self.teacher.is_none() {
            let error = self.path_error(&fitted);
            log::debug!("pieces {}: path error {error:.2e}", self.pieces);
            if error < 0.1 * fitted.misfit || error < 0.1 * ENOUGH || error > 0.5 * last {
                break;
            }
            last = error;
            self.pieces *= 2;
            fitted = self.fit(groups, degree, Some(&fitted))?;
        }
        Ok(fitted)
    }

    /// Root mean square difference (over the middle nine tenths of the held-out chunks) that twice
    /// as many pieces make to the residuals.
    fn path_error(&self, fitted: &Fitted) -> f64 {
        let mut errors = self.path_errors(fitted, &self.check);
        errors.retain(|e| e.is_finite());
        errors.sort_by(f64::total_cmp);
        errors.truncate(errors.len() * 9 / 10);
        (errors.iter().sum::<f64>() / errors.len().max(1) as f64).sqrt()
    }

    /// Mean square difference, in each chunk, that twice as many pieces make to the residuals.
    fn path_errors(&self, fitted: &Fitted, chunks: &[Trajectory]) -> Vec<f64> {
        let flow = Flow { model: &fitted.model, theta: &fitted.theta };
        let trust = vec![1.0; chunks.len()];
        let increments = |pieces: usize| {
            let paths = Paths::new(Some(&flow), chunks, &self.weights, pieces, &trust);
            let blocks = paths.increments(&fitted.model, &fitted.theta);
            (paths, blocks)
        };
        let ((paths, coarse), (_, fine)) = (increments(self.pieces), increments(2 * self.pieces));
        let difference: Vec<Array2<f64>> = coarse.iter().zip(&fine).map(|(a, b)| a - b).collect();
        paths.misfits(&difference, &[1.0])
    }

    /// Readies for closed forms, which are cheap to evaluate: cuts the intervals finer until nearly
    /// all chunks are followed to the misfit's own accuracy, and trusts the others no more.
    pub(crate) fn sharpen(&mut self, fitted: &mut Fitted) {
        let allowed = (0.1 * fitted.misfit).clamp(OF_PATHS, 1e-3);
        loop {
            let errors = self.path_errors(fitted, &self.train);
            let bad = errors.iter().filter(|e| e.sqrt() > allowed || e.is_nan()).count();
            log::debug!(
                "pieces {}: {bad} of {} chunks not followed to {allowed:.1e}",
                self.pieces,
                errors.len()
            );
            if bad * 50 <= errors.len() || 2 * self.pieces > MOST_PIECES || self.late() {
                for (trust, error) in fitted.trust.iter_mut().zip(&errors) {
                    let ratio = error.sqrt() / allowed;
                    *trust *= if ratio.is_finite() { 1.0 / (1.0 + ratio * ratio) } else { 0.0 };
                }
                return;
            }
            self.pieces *= 2;
        }
    }
}
