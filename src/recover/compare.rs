//! A law that was found against a given one. In noisy data they are never equal, but may have one
//! form.

use ndarray::ArrayView2;

use crate::expr::Expr;
use crate::model::{ScalarHamiltonian, field, fit_to_field};
use crate::recover::covariance::in_standard_errors;
use crate::recover::error::RecoverError;
use crate::recover::law::Recovery;
use crate::recover::statistics::chi_squared_bound;
use crate::rewrite::{EqualityOptions, Proof, prove_equal_at};
use crate::scalars::Inputs;

/// How a found law compares with a given one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Whether they are equal up to a constant, numbers to a tolerance.
    pub proof: Proof,
    /// Where they are not: whether the form is the same.
    pub same_form: Option<SameForm>,
}

/// What makes the form that was found another law.
#[derive(Clone, Debug, PartialEq)]
pub struct SameForm {
    /// The form with these constants.
    pub expression: Expr,
    /// Number of constants.
    pub constants: usize,
    /// Squared distance of these constants from those that were fitted, in units of the covariance
    /// of these: about their number if all is well.
    pub chi_squared: f64,
    /// Whether that may be chance.
    pub within_errors: bool,
}

/// Fields agree whose difference is so small a part of their size.
const AGREE: f64 = 1e-7;

/// A constant so much smaller than the fitted one is gone.
const GONE: f64 = 1e-4;

impl Recovery {
    /// Compares the law with a given one, over the same vectors, at `states` of the data, as far as
    /// equality is not proved.
    ///
    /// # Errors
    /// An unknown vector.
    pub fn against(
        &self,
        inputs: &Inputs,
        law: &Expr,
        states: ArrayView2<f64>,
        options: &EqualityOptions,
    ) -> Result<Comparison, RecoverError> {
        let (found, given) = (inputs.evaluated(self.best())?, inputs.evaluated(law)?);
        let proof = prove_equal_at(&found, &given, |name| self.units.of_vector(name), options);
        let equal = matches!(proof, Proof::Equal { .. });
        Ok(Comparison {
            proof,
            same_form: if equal { None } else { self.same_form(inputs, law, states)? },
        })
    }

    /// The constants with which the closed form is another law, in that the fields agree at
    /// `states`; none where no constants near the fitted ones do that.
    ///
    /// # Errors
    /// An unknown vector.
    fn same_form(
        &self,
        inputs: &Inputs,
        law: &Expr,
        states: ArrayView2<f64>,
    ) -> Result<Option<SameForm>, RecoverError> {
        let fitted = self.expression.constants();
        let wanted = field(inputs, law, states)?;
        let closed = ScalarHamiltonian::closed_form(inputs, &self.expression)?;
        let (constants, misfit) = fit_to_field(&closed, fitted.clone(), &wanted, states, &|| false);
        // Another law may be the form without one of its terms.
        let vanished = |(constant, fitted): (&f64, &f64)| constant.abs() < GONE * fitted.abs();
        if misfit.is_nan() || misfit > AGREE || constants.iter().zip(&fitted).any(vanished) {
            return Ok(None);
        }
        let shift: Vec<f64> = constants.iter().zip(&fitted).map(|(a, b)| a - b).collect();
        let chi_squared = in_standard_errors(&shift, &fitted, &self.covariance);
        Ok(chi_squared.map(|chi_squared| SameForm {
            expression: self.expression.with_constants(&constants),
            constants: constants.len(),
            chi_squared,
            within_errors: chi_squared <= chi_squared_bound(constants.len() as f64),
        }))
    }
}
