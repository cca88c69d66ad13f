//! A recovered law.

use ndarray::Array2;

use crate::basis::ProductBasis;
use crate::dataset::Units;
use crate::expr::{Expr, Scalar, VectorExpr};
use crate::recover::form::{Candidate, PartForm};
use crate::recover::judge::outlying::Outlying;
use crate::recover::judge::reasons::Verdict;
use crate::recover::judge::rivals::Rival;
use crate::recover::learn::nonconservative::Nonconservative;
use crate::recover::noise::NoiseFound;
use crate::recover::problem::checks::Check;
use crate::recover::read::constants::Reading;
use crate::recover::read::equal_constants::Shared;
use crate::recover::read::named_form::Merged;
use crate::recover::statistics::{HeldOutChunks, ModelErrors};
use crate::search::Counts;
use crate::train::Learned;

/// A part of a Hamiltonian.
#[derive(Clone, Debug)]
pub struct RecoveredPart {
    /// Its scalars.
    pub scalars: Vec<Scalar>,
    /// Forms of it.
    pub forms: Vec<PartForm>,
}

/// A recovered law.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The units that it was learned in; everything else here is in those of the chunks.
    pub units: Units,
    /// The learned Hamiltonian that it was read from.
    pub learned: Learned<ProductBasis>,
    /// The closed form with fitted constants.
    pub expression: Expr,
    /// The closed form with constants rounded to simple numbers, where the trajectories agree with
    /// that.
    pub snapped: Option<Expr>,
    /// Covariance of the fitted constants, those of `expression`: noise and integration error.
    pub covariance: Array2<f64>,
    /// Masses, springs, fields, with their standard errors: those of `expression`, the fitted form,
    /// and the simple numbers that they agree with.
    pub reading: Reading,
    /// Constants that agree, if the held-out chunks have nothing against it.
    pub shared: Vec<Shared>,
    /// The closed form with these held equal.
    pub tied: Option<Expr>,
    /// The closed form with these held equal, in the names of the constants.
    pub merged: Option<Merged>,
    /// Force on each particle, by name of its position.
    pub forces: Vec<(String, VectorExpr)>,
    /// Parts of the Hamiltonian that are functions of few scalars, and the closed forms that were
    /// found for each, best first.
    pub parts: Vec<RecoveredPart>,
    /// What was seen of the data before anything was fitted. A law of scalars that don't vary in
    /// the data is not `exact`.
    pub checks: Vec<Check>,
    /// What no Hamiltonian explains of the data, if anything.
    pub nonconservative: Option<Nonconservative>,
    /// The noise of the data, where there is any.
    pub noise: Option<NoiseFound>,
    /// Error against complexity; complexity rises and error falls.
    pub pareto: Vec<Candidate>,
    /// Other laws that the noise of the data doesn't tell from this one.
    pub rivals: Vec<Rival>,
    /// Errors on the training chunks.
    pub train_error: ModelErrors,
    /// Errors on the held-out chunks that judge the law.
    pub validation_error: ModelErrors,
    /// Held-out chunks that judge the law. The other half of the validation chunks chose the degrees
    /// of the learned Hamiltonian.
    pub held_out: HeldOutChunks,
    /// What the searches for closed forms did, and what their common e-graph saved.
    pub counts: Counts,
    /// Chunks that the law doesn't follow, of data without noise, where it follows nearly all
    /// others exactly; such a law is not `exact`.
    pub outlying: Option<Outlying>,
    /// Whether the closed form explains the data, is the only short one that does, and was held
    /// against all of them, with reasons where not.
    ///
    /// It explains the validation chunks if it follows them no worse than the learned Hamiltonian
    /// does, within chance; what it misses is, without noise, below 1e-8 of their spread (or ten
    /// times the error of integration, up to 1e-7), and with noise no more, by chi-squared
    /// statistics, than that noise as given or as estimated: neither would the learned Hamiltonian
    /// make the chunks more likely, nor are its residuals other than noise; it is no power series;
    /// and more than half of the chunks in which the learned Hamiltonian can be followed are among
    /// them.
    pub verdict: Verdict,
    /// Whether the deadline came before the end, so that what could be left out is missing.
    pub stopped: bool,
}

impl Recovery {
    /// Whether there is nothing to be said against the law.
    pub fn exact(&self) -> bool {
        self.verdict.exact()
    }

    /// The learned Hamiltonian's basis, in words.
    pub fn basis(&self) -> String {
        let basis = self.learned.model.function();
        let degree = basis.functions().iter().flatten().map(|(_, d)| *d).max().unwrap_or(0);
        let products = if basis.functions().iter().any(|f| f.len() > 1) {
            " and of products of two"
        } else {
            ""
        };
        format!(
            "Chebyshev polynomials to degree {degree} of {} scalars{products}",
            self.learned.model.scalars().len()
        )
    }

    /// The learned Hamiltonian as an expression: polynomials of mapped scalars, to be read where
    /// there is no closed form.
    pub fn learned_expression(&self) -> Expr {
        let Learned { model, fit, .. } = &self.learned;
        model.function().expression(&fit.theta, model.scalars().scalars())
    }

    /// The form to show: with simple numbers where confirmed, else as fitted.
    pub fn best(&self) -> &Expr {
        self.snapped.as_ref().unwrap_or(&self.expression)
    }
}
