//! Integration steps short enough for noisy chunks: in encounters bodies need shorter ones than
//! elsewhere.

use super::fit::Settings;
use crate::dataset::Trajectory;
use crate::loss::RolloutLoss;
use crate::model::Lanewise;

/// A rollout may be off by this part of the noise (root mean square over a chunk).
const OF_NOISE: f64 = 0.1;
/// The step is halved so often at most.
const MOST: u8 = 4;

/// How often the longest integration step is halved, chunk by chunk.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    halvings: Vec<u8>,
}

impl Steps {
    /// The longest step for each of so many chunks.
    pub fn new(chunks: usize) -> Self {
        Self { halvings: vec![0; chunks] }
    }

    /// Steps short enough for a model that starts at the observed first states, and these, chunk by
    /// chunk.
    pub fn from_observed<M: Lanewise>(
        model: &M,
        theta: &[f64],
        chunks: &[Trajectory],
        noise: &[f64],
        settings: &Settings,
    ) -> (Self, Vec<f64>) {
        let mut steps = Self::new(chunks.len());
        let starts = steps.loss(model, chunks, noise, settings).observed_starts();
        steps.refine((model, theta, &starts), chunks, noise, settings);
        (steps, starts)
    }

    /// The loss of chunks with noise of the given standard deviation in each component, each rolled
    /// out in its own steps.
    pub fn loss<'a, M: Lanewise>(
        &self,
        model: &'a M,
        chunks: &[Trajectory],
        noise: &[f64],
        settings: &Settings,
    ) -> RolloutLoss<'a, M> {
        let weights: Vec<f64> = noise.iter().map(|s| 1.0 / (s * s)).collect();
        RolloutLoss::with_halved_steps(
            model,
            chunks,
            &weights,
            settings.rollout.clone(),
            &self.halvings,
        )
    }

    /// Halves the steps of chunks where that changes the rollouts by more than a part of the noise,
    /// until it does not; whether any were.
    pub fn refine<M: Lanewise>(
        &mut self,
        (model, theta, starts): (&M, &[f64], &[f64]),
        chunks: &[Trajectory],
        noise: &[f64],
        settings: &Settings,
    ) -> bool {
        let mut any = false;
        for _ in 0..MOST {
            let finer =
                Self { halvings: self.halvings.iter().map(|h| (h + 1).min(MOST)).collect() };
            let residuals = |steps: &Self| {
                steps.loss(model, chunks, noise, settings).free_residuals(theta, starts)
            };
            let changes = residuals(self).into_iter().zip(residuals(&finer)).map(|(a, b)| {
                let square = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
                (square / a.len().max(1) as f64).sqrt()
            });
            let mut changed = false;
            for (change, (own, finer)) in changes.zip(self.halvings.iter_mut().zip(finer.halvings))
            {
                if finer > *own && (change > OF_NOISE || change.is_nan()) {
                    (*own, changed) = (finer, true);
                }
            }
            any |= changed;
            if !changed {
                break;
            }
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::Steps;
    use crate::dataset::{Shape, Trajectory};
    use crate::expr::Expr;
    use crate::model::{ClosedForm, ScalarHamiltonian};
    use crate::scalars::{Inputs, ScalarSet};
    use crate::train::Settings;
    use ndarray::Array2;

    #[test]
    fn steps_are_halved_where_bodies_meet() {
        let inputs =
            Inputs::new(Shape { particles: 1, dimension: 2 }, vec![0.0; 2], Vec::new()).unwrap();
        let law: Expr = "0.5*norm(p1)**2 - 1/norm(q1)".parse().unwrap();
        let (form, scalars) = ClosedForm::new(&law);
        let model = ScalarHamiltonian::new(ScalarSet::new(&inputs, scalars).unwrap(), form);
        // A circle, then a fall past the centre; only the first states count.
        let chunk = |state: [f64; 4]| Trajectory {
            id: 0,
            times: vec![0.0, 0.5, 1.0],
            states: Array2::from_shape_fn((3, 4), |(_, c)| state[c]),
        };
        let chunks: Vec<Trajectory> = (0..16)
            .map(|k| chunk(if k < 8 { [1.0, 0.0, 0.0, 1.0] } else { [0.6, 0.0, 0.0, 0.5] }))
            .collect();
        let starts: Vec<f64> = chunks.iter().flat_map(|c| c.states.row(0).to_vec()).collect();
        let settings = Settings::new(vec![1.0; 4], 0.5).unwrap();
        let mut steps = Steps::new(chunks.len());
        assert!(steps.refine((&model, &law.constants(), &starts), &chunks, &[1e-3; 4], &settings));
        assert!(
            steps.halvings[..8].iter().all(|h| *h <= 1)
                && steps.halvings[8..].iter().all(|h| *h >= 3),
            "{:?}",
            steps.halvings
        );
        assert!(!steps.clone().refine(
            (&model, &law.constants(), &starts),
            &chunks,
            &[1e3; 4],
            &settings
        ));
    }
}
