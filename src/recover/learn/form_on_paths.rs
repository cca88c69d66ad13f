//! The constants of a closed form, fitted along paths: a nonlinear problem with few unknowns.

use ndarray::{Array1, Array2};

use crate::expr::Expr;
use crate::linalg::{self, jacobian, least_squares};
use crate::model::{ClosedForm, Model, ScalarHamiltonian};
use crate::recover::error::RecoverError;
use crate::recover::form::{Adjusted, Refit};
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::NOISY;
use crate::recover::paths::{Flow, Paths};
use crate::recover::problem::learner::Learner;

/// A step that lowers the sum of squares by less than this part is the last; parts and rough fits
/// are to be told apart only.
const LEAST: f64 = 1e-6;

const ROUGHLY: f64 = 0.02;

/// Rounds of improving paths.
const ROUNDS: usize = 6;

/// Chunks for the forms of a part, where the misfit is below `EXACT`, and for rough fits.
const SOME: usize = 160;

const ROUGH: usize = 80;

const EXACT: f64 = 1e-6;

impl Learner<'_> {
    /// Fits all constants of a Hamiltonian, first along the paths of what was learned, unless it
    /// explains the data along its own, and then along its own.
    ///
    /// # Errors
    /// An unknown vector.
    pub fn adjust(&self, expr: &Expr, fitted: &Fitted) -> Result<Adjusted, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), expr)?;
        let mut theta = expr.constants();
        let learned = self.paths(Some(&fitted.flow()), &fitted.trust);
        let followed = learned.weight();
        let own = self.paths(Some(&Flow { model: &model, theta: &theta }), &fitted.trust);
        let blocks = own.increments(&model, &theta);
        let left = column(&blocks, 0) - column(&blocks, 1);
        let explains = (left.dot(&left) / own.weight()).sqrt() <= NOISY;
        let mut paths = if explains { own } else { learned };
        let mut misfit = f64::INFINITY;
        for _ in 0..ROUNDS {
            let target = column(&paths.increments(&model, &theta), 1);
            let (next, rms) = self.levenberg(&paths, &model, theta.clone(), &target, LEAST);
            // A law that can't follow most of the data does not explain them, however well it fits
            // the rest.
            let rms = if paths.weight() < 0.5 * followed { f64::INFINITY } else { rms };
            let settled = rms.is_nan() || rms >= 0.9 * misfit;
            if rms < misfit || misfit.is_infinite() {
                (theta, misfit) = (next, rms);
            }
            if settled || rms > 0.05 || self.late() {
                break;
            }
            paths = self.paths(Some(&Flow { model: &model, theta: &theta }), &fitted.trust);
        }
        let validation = self.validate(&model, &theta);
        Ok(Adjusted { expression: expr.with_constants(&theta), misfit, validation })
    }

    /// Fits all constants along the paths of what was learned, of some of the chunks.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn roughly_adjusted(
        &self,
        expr: &Expr,
        fitted: &Fitted,
    ) -> Result<Expr, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), expr)?;
        let paths = self.some_paths(fitted, ROUGH);
        let target = column(&paths.increments(&model, &expr.constants()), 1);
        let (theta, _) = self.levenberg(&paths, &model, expr.constants(), &target, ROUGHLY);
        Ok(expr.with_constants(&theta))
    }

    /// Fits the constants of one part's form alone, the other parts as learned; gives the form and
    /// the misfit.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn adjust_part(
        &self,
        form: &Expr,
        rest: &Rest,
    ) -> Result<(Expr, f64), RecoverError> {
        // What is known is in what the part has to explain.
        let model = ScalarHamiltonian::closed_form(&self.inputs().clone().bare(), form)?;
        let (theta, misfit) =
            self.levenberg(&rest.paths, &model, form.constants(), &rest.target, ROUGHLY);
        Ok((form.with_constants(&theta), misfit))
    }

    /// What a part has to explain.
    pub(crate) fn rest(&self, fitted: &Fitted, columns: &[usize]) -> Rest {
        // Of exact data some chunks say all; noisy data are all needed.
        let paths = self.some_paths(fitted, if fitted.misfit < EXACT { SOME } else { usize::MAX });
        let mut theta = fitted.theta.clone();
        columns.iter().for_each(|&k| theta[k] = 0.0);
        let blocks = self.taught(&paths, paths.increments(&fitted.model, &theta));
        let target = self.beside_forces(&paths).rejected(column(&blocks, 1) - column(&blocks, 0));
        Rest { paths, target }
    }

    /// The observed increments along the paths, less those of a known kinetic energy, the known
    /// forces of any strength beside them.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn to_explain(&self, paths: &Paths) -> Result<Array1<f64>, RecoverError> {
        let known = ScalarHamiltonian::closed_form(self.inputs(), &Expr::Sum(Vec::new()))?;
        let blocks = paths.increments(&known, &[]);
        Ok(self.beside_forces(paths).rejected(column(&blocks, 1) - column(&blocks, 0)))
    }

    /// The increments of each of some terms along the paths, one column a term, the known forces
    /// of any strength beside them.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn columns(
        &self,
        terms: &[Expr],
        paths: &Paths,
    ) -> Result<Array2<f64>, RecoverError> {
        let bare = self.inputs().clone().bare();
        let beside = self.beside_forces(paths);
        let mut columns: Vec<Array1<f64>> = Vec::new();
        for term in terms {
            let model = ScalarHamiltonian::closed_form(&bare, term)?;
            let own = column(&paths.increments(&model, &term.constants()), 0);
            columns.push(beside.rejected(own));
        }
        let rows = columns.first().map_or(0, Array1::len);
        Ok(Array2::from_shape_fn((rows, columns.len()), |(i, k)| columns[k][i]))
    }
}

impl Learner<'_> {
    /// An adjusted form with the covariance of its constants along the paths.
    ///
    /// # Errors
    /// An unknown vector, constants without an effect of their own.
    pub(crate) fn as_adjusted(
        &self,
        adjusted: &Adjusted,
        fitted: &Fitted,
    ) -> Result<Refit, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), &adjusted.expression)?;
        let theta = adjusted.expression.constants();
        let paths =
            self.paths(Some(&Flow { model: &fitted.model, theta: &fitted.theta }), &fitted.trust);
        let columns = jacobian(&|theta| column(&paths.increments(&model, theta), 0), &theta);
        let gram =
            Array2::from_shape_fn((theta.len(), theta.len()), |(i, j)| columns[i].dot(&columns[j]));
        let covariance = linalg::inverse_spd(&gram)? * (adjusted.misfit * adjusted.misfit);
        Ok(Refit { expression: adjusted.expression.clone(), covariance, error: adjusted.misfit })
    }
}

/// Paths, and the increments that a part has to explain on them.
pub(crate) struct Rest {
    pub paths: Paths,
    pub target: Array1<f64>,
}

/// All columns of a matrix given as blocks of rows.
pub(crate) fn columns_in(blocks: &[Array2<f64>]) -> impl Iterator<Item = Array1<f64>> {
    (0..blocks.first().map_or(0, Array2::ncols)).map(|k| column(blocks, k))
}

/// One column of a matrix given as blocks of rows.
pub(crate) fn column(blocks: &[Array2<f64>], k: usize) -> Array1<f64> {
    blocks.iter().flat_map(|b| b.column(k).to_vec()).collect()
}

impl Learner<'_> {
    /// Least squares on increments along fixed paths, the known forces of any strength beside
    /// it; gives parameters and root mean square residual.
    fn levenberg(
        &self,
        paths: &Paths,
        model: &ScalarHamiltonian<ClosedForm>,
        start: Vec<f64>,
        target: &Array1<f64>,
        least: f64,
    ) -> (Vec<f64>, f64) {
        let beside = self.beside_forces(paths);
        let residual =
            |theta: &[f64]| beside.rejected(column(&paths.increments(model, theta), 0) - target);
        let (theta, r) = if model.parameters() == 0 {
            let r = residual(&start);
            (start, r)
        } else {
            least_squares(start, &residual, least, &|| self.late())
        };
        let rms = (r.dot(&r) / paths.weight()).sqrt();
        (theta, if rms.is_finite() { rms } else { f64::INFINITY })
    }
}
