//! The whole way from chunks to a learned vector field: an N-ODE.

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::fit::{Fit, Settings, least_squares, refine};
use super::learn::{integration_error, states};
use super::saving::Saving;
use crate::basis::Chebyshev;
use crate::dataset::Trajectory;
use crate::expr::{Scalar, Vector};
use crate::linalg::{independent_columns, triangular_factor};
use crate::loss::{RolloutLoss, integral_form};
use crate::model::{FieldVector, ScalarField};
use crate::progress::Progress;
use crate::scalars::{Inputs, ScalarSet};

/// A function whose effect on the data is a combination of simpler ones' to this relative accuracy
/// is left out.
const DEPENDENT: f64 = 1e-8;

/// The ready-made fields: which vectors they are sums of. Coefficients are sums of Chebyshev
/// polynomials of the lengths of all relative positions and momenta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    /// Positions relative to the pivot, momenta, context vectors. Differences of positions are
    /// combinations of these.
    Vectors {
        /// Highest degree of the polynomials.
        degree: usize,
    },
    /// All of these, and the directions v / |v| of all relative positions, so that any smooth
    /// central force f(|v|) v / |v| converges fast.
    Directions {
        /// Highest degree of the polynomials.
        degree: usize,
    },
}

impl FieldKind {
    /// Name as in the result files.
    pub fn name(self) -> String {
        match self {
            Self::Vectors { degree } => format!("lengths({degree})"),
            Self::Directions { degree } => format!("lengths({degree}), directions"),
        }
    }

    fn degree(self) -> usize {
        match self {
            Self::Vectors { degree } | Self::Directions { degree } => degree,
        }
    }
}

/// A vector field learned from chunks.
#[derive(Clone, Debug)]
pub struct LearnedField {
    /// The field: its vectors, scalars and functions.
    pub model: ScalarField,
    /// The parameters of the model and how they were found.
    pub fit: Fit,
    /// Root mean square difference that halving the integration step makes to the weighted
    /// residuals: the integrator's error in training.
    pub integration_error: f64,
}

/// Learns a vector field dz/dt = F(z) of a ready-made kind. Of functions that the data cannot tell
/// apart the simpler ones are used.
///
/// # Errors
/// [`TrainError`]: no chunks, unknown vectors, divergence, linear algebra.
pub fn learn_field(
    inputs: &Inputs,
    chunks: &[Trajectory],
    kind: FieldKind,
    settings: &Settings,
    saving: Option<Saving>,
    progress: &mut dyn FnMut(Progress),
) -> Result<LearnedField, TrainError> {
    if chunks.is_empty() {
        return Err(TrainError::NoChunks);
    }
    let whole = field(inputs, chunks, kind)?;
    let factor = triangular_factor(&integral_form(&whole, chunks, &settings.weights))?;
    let kept = independent(&factor, &whole.degrees())?;
    let model = whole.subset(&kept);
    let columns: Vec<usize> = kept.iter().copied().chain([factor.ncols() - 1]).collect();
    let theta = least_squares(
        &triangular_factor(&[factor.select(Axis(1), &columns)])?,
        settings.rank_tolerance,
    )?;
    let loss = RolloutLoss::new(&model, chunks, &settings.weights, settings.rollout.clone());
    let fit = refine(&loss, theta, settings, saving, progress)?;
    drop(loss);
    let integration_error = integration_error(&model, &fit.theta, chunks, settings);
    Ok(LearnedField { model, fit, integration_error })
}

/// The field of this kind on the ranges of the data.
fn field(
    inputs: &Inputs,
    chunks: &[Trajectory],
    kind: FieldKind,
) -> Result<ScalarField, TrainError> {
    let n = inputs.shape.particles;
    let positions: Vec<Vector> = (1..=n).map(|i| inputs.position(i)).collect();
    let momenta: Vec<Vector> = (1..=n).map(|i| inputs.momentum(i)).collect();
    let mut relative = positions.clone();
    for j in 1..n {
        relative.extend((0..j).map(|i| &positions[j] - &positions[i]));
    }
    let context = inputs.context.iter().map(|(name, _)| Vector::named(name.clone()));
    let plain = positions.into_iter().chain(momenta.iter().cloned()).chain(context);
    let mut vectors: Vec<FieldVector> =
        plain.map(|vector| FieldVector { vector, unit: false }).collect();
    if let FieldKind::Directions { .. } = kind {
        vectors.extend(
            relative.iter().map(|vector| FieldVector { vector: vector.clone(), unit: true }),
        );
    }
    let lengths = relative.into_iter().chain(momenta).map(Scalar::Norm).collect();
    let states = states(chunks);
    let scalars = ScalarSet::independent(inputs, lengths, states.view())?;
    let families = scalars
        .ranges(states.view())
        .into_iter()
        .map(|(low, high)| Chebyshev::on(low, high, kind.degree()))
        .collect();
    Ok(ScalarField::new(inputs, &vectors, scalars, families)?)
}

/// The columns of a design matrix, given by its triangular factor with the observations last, that
/// are independent when simpler ones come first; ascending.
fn independent(factor: &Array2<f64>, degrees: &[usize]) -> Result<Vec<usize>, TrainError> {
    let mut order: Vec<usize> = (0..degrees.len()).collect();
    order.sort_by_key(|k| degrees[*k]);
    let columns = independent_columns(&factor.select(Axis(1), &order), DEPENDENT)?;
    let mut kept: Vec<usize> = columns.into_iter().map(|column| order[column]).collect();
    kept.sort_unstable();
    Ok(kept)
}
