//! What is seen of the data before anything is fitted.

use crate::dataset::Trajectory;
use crate::expr::{Expr, Scalar};
use crate::recover::error::RecoverError;
use crate::recover::problem::candidates::constant_lengths;
use crate::scalars::Inputs;
use crate::train::states;

/// Something that was seen of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What kind of thing.
    pub name: &'static str,
    /// In a sentence, with numbers in the units of the table.
    pub message: String,
    /// The scalar that doesn't vary, if that is it.
    pub constant: Option<Scalar>,
}

/// Looks at the training chunks.
///
/// # Errors
/// Scalars that don't fit the inputs.
pub(crate) fn checks(inputs: &Inputs, train: &[Trajectory]) -> Result<Vec<Check>, RecoverError> {
    let lengths = constant_lengths(inputs, states(train).view())?;
    let check = |(scalar, value): (Scalar, f64)| Check {
        name: "constant length",
        message: format!(
            "{} is {value:.7} in all of the data, as for a rod or a circular orbit: how the law depends on it can't be told",
            Expr::Scalar(scalar.clone())
        ),
        constant: Some(scalar),
    };
    Ok(lengths.into_iter().map(check).collect())
}

/// Whether a law is a function of something that doesn't vary in the data: then others explain them
/// as well.
pub(crate) fn is_undetermined(law: &Expr, checks: &[Check]) -> bool {
    let scalars = law.scalars();
    checks.iter().filter_map(|check| check.constant.as_ref()).any(|c| scalars.contains(c))
}
