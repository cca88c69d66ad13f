//! Whether a law is a power series that follows another law.

use crate::expr::{Expr, Scalar};
use crate::model::ScalarHamiltonian;
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::learn::fitted::Fitted;
use crate::recover::paths::Flow;
use crate::recover::problem::learner::Learner;
use crate::rewrite::{Term, multiply_out};

/// A law with more powers of one scalar than this may be a series.
const POWERS: usize = 3;

/// A misfit below this part of the term that a series would have next shows that there is none.
const CONVERGED: f64 = 1e-3;

impl Learner<'_> {
    /// Whether a law has many powers of one scalar and misses the data by about as much as the term
    /// after the last of them would be: the terms of a series fall geometrically, a polynomial
    /// ends.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn is_series(&self, law: &Adjusted, fitted: &Fitted) -> Result<bool, RecoverError> {
        let terms: Vec<(Expr, Term)> =
            multiply_out(&law.expression).into_iter().map(|t| (t.expression(), t)).collect();
        let mut scalars: Vec<Scalar> =
            terms.iter().filter_map(|(term, _)| only_scalar(term)).collect();
        scalars.sort_by_key(|s| Expr::Scalar(s.clone()).to_string());
        scalars.dedup();
        for scalar in scalars {
            let (own, tracked): (Vec<Expr>, Vec<Term>) = terms
                .iter()
                .filter(|(term, _)| only_scalar(term).as_ref() == Some(&scalar))
                .cloned()
                .unzip();
            // Of a series every coefficient is a constant of its own.
            let is_of = |k: &usize| tracked.iter().any(|term| term.coefficient.gradient[*k] != 0.0);
            let constants = (0..law.expression.constants().len()).filter(is_of).count();
            if own.len() > POWERS
                && constants >= own.len()
                && law.misfit > CONVERGED * self.next_term(&own, law, fitted)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The size of the term that would come next, if terms went on to fall as they do.
    fn next_term(
        &self,
        terms: &[Expr],
        law: &Adjusted,
        fitted: &Fitted,
    ) -> Result<f64, RecoverError> {
        let model = ScalarHamiltonian::closed_form(self.inputs(), &law.expression)?;
        let constants = law.expression.constants();
        let paths = self.paths(Some(&Flow { model: &model, theta: &constants }), &fitted.trust);
        let columns = self.columns(terms, &paths)?;
        let mut sizes: Vec<f64> =
            columns.columns().into_iter().map(|c| (c.dot(&c) / paths.weight()).sqrt()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let (first, last) = (sizes[0], sizes[sizes.len() - 1]);
        Ok(last * (last / first.max(f64::MIN_POSITIVE)).powf(1.0 / (sizes.len() - 1).max(1) as f64))
    }
}

/// The scalar that a term is a multiple of a power of, if it is one.
fn only_scalar(term: &Expr) -> Option<Scalar> {
    let power = |e: &Expr| match e {
        Expr::Scalar(s) => Some(s.clone()),
        Expr::Pow(base, _) => match &**base {
            Expr::Scalar(s) => Some(s.clone()),
            _ => None,
        },
        _ => None,
    };
    match term {
        Expr::Product(factors) => match &factors[..] {
            [Expr::Constant(_), x] => power(x),
            _ => None,
        },
        other => power(other),
    }
}
