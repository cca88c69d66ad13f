//! From chunks to parameters.

use std::cell::RefCell;
use std::path::Path;

use super::{Coordinates, Error, Objective, Record, Stop, minimise};
use crate::dataset::Trajectory;
use crate::linalg::triangular_factor;
use crate::loss::{Options, RolloutLoss, integral_form};
use crate::model::{LinearModel, Model};

/// How to train.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How chunks are rolled out.
    pub rollout: Options,
    /// Weight of each component of the state in the loss.
    pub weights: Vec<f64>,
    /// When a stage of L-BFGS ends.
    pub stop: Stop,
    /// Singular values below this fraction of the largest count as zero.
    pub rank_tolerance: f64,
}

/// A trained model's parameters and how they were found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Parameters.
    pub theta: Vec<f64>,
    /// Number of directions in parameter space that the data determine.
    pub rank: usize,
    /// Loss on the training chunks: mean squared weighted residual.
    pub loss: f64,
    /// Every iteration; values are losses.
    pub history: Vec<Record>,
    /// Field evaluations, counted by state, of one evaluation of loss and gradient (a vector-Jacobian product counts as one).
    pub field_evaluations: usize,
}

/// Trains a model that is linear in its parameters: the integral form gives a start and whitened coordinates, L-BFGS refines the rollout
/// loss; then the rollouts' own Jacobian whitens once more, and L-BFGS goes to the bottom.
///
/// `checkpoint` is a folder for checkpoints and a key that names data, model and settings; `watch` sees every iteration.
///
/// # Errors
/// [`Error`]: no chunks, nothing to learn, divergence at the start, an unusable checkpoint.
pub fn fit<M: LinearModel>(
    model: &M,
    chunks: &[Trajectory],
    settings: &Settings,
    checkpoint: Option<(&Path, &str)>,
    watch: &mut dyn FnMut(&Record),
) -> Result<Fit, Error> {
    if chunks.is_empty() {
        return Err(Error::NoChunks);
    }
    let factor = triangular_factor(&integral_form(model, chunks, &settings.weights))?;
    let coordinates = Coordinates::new(vec![0.0; model.parameters()], &factor, settings.rank_tolerance)?;
    let start = coordinates.least_squares(&factor);
    let loss = RolloutLoss::new(model, chunks, &settings.weights, settings.rollout.clone());
    let rough = Stop { decrease: 0.5, ..settings.stop };
    let first = stage(&loss, &coordinates, &start, rough, name(checkpoint, "start").as_ref(), watch)?;
    let last = refine(&loss, first.theta, settings, name(checkpoint, "end").as_ref().map(|(p, k)| (p.as_path(), k.as_str())), watch)?;
    Ok(joined(first.history, last))
}

/// Trains any model from a given start: coordinates whitened by the Jacobian of the rollouts there, then L-BFGS.
///
/// # Errors
/// As [`fit`].
pub fn refine<M: Model>(
    loss: &RolloutLoss<M>,
    theta: Vec<f64>,
    settings: &Settings,
    checkpoint: Option<(&Path, &str)>,
    watch: &mut dyn FnMut(&Record),
) -> Result<Fit, Error> {
    let factor = triangular_factor(&loss.jacobian(&theta))?;
    let coordinates = Coordinates::new(theta, &factor, settings.rank_tolerance)?;
    let start = vec![0.0; coordinates.rank()];
    let checkpoint = checkpoint.map(|(path, key)| (path.to_path_buf(), key.to_string()));
    stage(loss, &coordinates, &start, settings.stop, checkpoint.as_ref(), watch)
}

fn name(checkpoint: Option<(&Path, &str)>, stage: &str) -> Option<(std::path::PathBuf, String)> {
    checkpoint.map(|(folder, key)| (folder.join(format!("{stage}.checkpoint")), key.to_string()))
}

fn joined(mut history: Vec<Record>, mut last: Fit) -> Fit {
    let (iterations, evaluations) = (history.len(), history.last().map_or(0, |r| r.evaluations));
    history.extend(last.history.iter().map(|r| Record { iteration: r.iteration + iterations, evaluations: r.evaluations + evaluations, ..*r }));
    last.history = history;
    last
}

/// One run of L-BFGS in given coordinates.
fn stage<M: Model>(
    loss: &RolloutLoss<M>,
    coordinates: &Coordinates,
    start: &[f64],
    stop: Stop,
    checkpoint: Option<&(std::path::PathBuf, String)>,
    watch: &mut dyn FnMut(&Record),
) -> Result<Fit, Error> {
    let n = loss.model().parameters();
    let scale = 2.0 / loss.residuals() as f64;
    let objective = Whitened { loss, coordinates, scale, buffers: RefCell::new((vec![0.0; n], vec![0.0; n])) };
    let as_loss = |r: &Record| Record { value: r.value * scale, gradient_norm: r.gradient_norm * scale, ..*r };
    let checkpoint = checkpoint.map(|(path, key)| (path.as_path(), key.as_str()));
    let found = minimise(&objective, start, stop, checkpoint, &mut |r| watch(&as_loss(r)))?;
    let mut theta = vec![0.0; n];
    coordinates.parameters_into(&found.u, &mut theta);
    Ok(Fit {
        theta,
        rank: coordinates.rank(),
        loss: found.value * scale,
        history: found.history.iter().map(as_loss).collect(),
        field_evaluations: 2 * loss.field_evaluations(),
    })
}

/// Half the sum of squared residuals as a function of whitened coordinates: its Hessian is close to the identity.
struct Whitened<'a, 'm, M: Model> {
    loss: &'a RolloutLoss<'m, M>,
    coordinates: &'a Coordinates,
    scale: f64,
    buffers: RefCell<(Vec<f64>, Vec<f64>)>,
}

impl<M: Model> Objective for Whitened<'_, '_, M> {
    fn evaluate(&self, u: &[f64], gradient: &mut [f64]) -> f64 {
        let (theta, gradient_theta) = &mut *self.buffers.borrow_mut();
        self.coordinates.parameters_into(u, theta);
        let value = self.loss.gradient_into(theta, gradient_theta);
        self.coordinates.gradient_into(gradient_theta, gradient);
        for g in gradient.iter_mut() {
            *g /= self.scale;
        }
        value / self.scale
    }
}
