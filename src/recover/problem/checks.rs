//! What is seen of the data before anything is fitted.

use crate::dataset::Units;
use crate::expr::{Expr, Scalar};
use crate::recover::problem::learner::Learner;

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

/// Looks at the training chunks; `units` are those that the learner has them in.
pub(crate) fn checks(learner: &Learner, units: &Units) -> Vec<Check> {
    let check = |(scalar, value): (&Scalar, f64)| Check {
        name: "constant length",
        message: format!(
            "{} is {:.7} in all of the data, as for a rod or a circular orbit: how the law depends on it can't be told",
            Expr::Scalar(scalar.clone()),
            value * units.of_scalar(scalar)
        ),
        constant: Some(scalar.clone()),
    };
    learner.constant_lengths().map(check).collect()
}

/// Those of the checks that say that a scalar of the law doesn't vary in the data: then other laws
/// explain them as well.
pub(crate) fn constant_in<'a>(law: &Expr, checks: &'a [Check]) -> impl Iterator<Item = &'a Check> {
    let scalars = law.scalars();
    checks.iter().filter(move |c| c.constant.as_ref().is_some_and(|s| scalars.contains(s)))
}
