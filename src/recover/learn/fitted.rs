//! A fit of the basis along paths.

use ndarray::{Array2, s};

use crate::basis::ProductBasis;
use crate::dataset::Trajectory;
use crate::linalg::{self, Whitening};
use crate::model::{Model, ScalarHamiltonian};
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;

/// Columns that are kept or dropped together: the functions of one scalar, or the products of two.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Indices of its scalars, ascending.
    pub scalars: Vec<usize>,
    /// Indices of its functions.
    pub columns: Vec<usize>,
}

/// A fit of a basis along settled paths.
#[derive(Clone)]
pub struct Fitted {
    /// The model; its scalars are those of the whole catalogue.
    pub model: ScalarHamiltonian<ProductBasis>,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Highest degree.
    pub degree: usize,
    /// Parameters.
    pub theta: Vec<f64>,
    /// Triangular factor of the design matrix with the observations in the last column, a trace of
    /// ridge included.
    pub factor: Array2<f64>,
    /// Rows of the design matrix.
    pub rows: usize,
    /// Root mean square residual, difficult chunks counting less.
    pub misfit: f64,
    /// Median over the validation chunks of their root mean square residuals.
    pub validation: f64,
    /// Trust in each training chunk.
    pub trust: Vec<f64>,
}

impl Fitted {
    /// Mean trust in a chunk.
    pub(crate) fn mean_trust(&self) -> f64 {
        self.trust.iter().sum::<f64>() / self.trust.len().max(1) as f64
    }

    /// The flow of the model.
    pub(crate) fn flow(&self) -> Flow<'_, ScalarHamiltonian<ProductBasis>> {
        Flow { model: &self.model, theta: &self.theta }
    }

    /// Number of directions of the parameters that the data determine.
    pub(crate) fn rank(&self) -> linalg::Result<usize> {
        let n = self.theta.len();
        Ok(Whitening::new(&self.factor.slice(s![..n, ..n]), RANK)?.rank())
    }
}

/// Singular values below this part of the largest are none: the ridge's.
pub(crate) const RANK: f64 = 1e-7;

/// Chunks of less trust are hard to follow.
const EASY: f64 = 0.5;

impl Learner<'_> {
    /// Paths through the training chunks.
    pub(crate) fn paths<F: Model>(&self, flow: Option<&Flow<F>>, trust: &[f64]) -> Paths {
        let flow = flow.filter(|_| self.teacher.is_none());
        Paths::new(flow, &self.train, &self.weights, self.pieces, trust).with_factors(&self.factors)
    }

    /// Paths of what was learned through some of the training chunks, evenly taken; all of them if
    /// their rows have factors.
    pub(crate) fn some_paths(&self, fitted: &Fitted, most: usize) -> Paths {
        let most = if self.factors.is_empty() { most } else { usize::MAX };
        self.some_paths_along(Some(&fitted.flow()), self.pieces, fitted, most)
    }

    /// Paths along the flow of a model through some of the training chunks, evenly taken, each
    /// interval cut into `pieces`; where not all are taken all rows count alike.
    pub(crate) fn some_paths_along<F: Model>(
        &self,
        flow: Option<&Flow<F>>,
        pieces: usize,
        fitted: &Fitted,
        most: usize,
    ) -> Paths {
        let flow = flow.filter(|_| self.teacher.is_none());
        let n = self.train.len();
        if n <= most {
            return Paths::new(flow, &self.train, &self.weights, pieces, &fitted.trust)
                .with_factors(&self.factors);
        }
        // Those that are hard to follow say nothing that others don't say better.
        let mut easy: Vec<usize> = (0..n).filter(|&i| fitted.trust[i] >= EASY).collect();
        if easy.len() < most {
            easy = (0..n).collect();
        }
        let taken = (0..most).map(|k| easy[k * easy.len() / most]);
        let (chunks, trust): (Vec<Trajectory>, Vec<f64>) =
            taken.map(|i| (self.train[i].clone(), fitted.trust[i])).unzip();
        Paths::new(flow, &chunks, &self.weights, pieces, &trust)
    }
}
