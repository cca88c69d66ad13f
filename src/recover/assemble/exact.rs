//! From a learned Hamiltonian to a closed form of the whole.

use ndarray::{Axis, concatenate};

use crate::expr::{Expr, Scalar, round_exponents};
use crate::linalg::{triangular_factor, with_ridge};
use crate::model::ScalarHamiltonian;
use crate::recover::description_length::NATS_PER_SYMBOL;
use crate::recover::error::RecoverError;
use crate::recover::form::{Adjusted, PartForm};
use crate::recover::learn::eliminate::eliminate_terms;
use crate::recover::learn::fitted::Fitted;
use crate::recover::paths::Flow;
use crate::recover::problem::learner::Learner;
use crate::recover::propose::part_search::Searches;
use crate::recover::split::Part;
use crate::recover::statistics::chi_squared_bound;
use crate::rewrite::{SimplifyOptions, multiply_out, simplify_up_to_constant};
use crate::search::Counts;

/// What was found on the way from a learned Hamiltonian to a closed form.
#[derive(Clone, Debug)]
pub struct Discovered {
    /// The closed form.
    pub chosen: Adjusted,
    /// Forms of each part.
    pub parts: Vec<Vec<PartForm>>,
    /// Whole laws of growing complexity.
    pub laws: Vec<Adjusted>,
    /// What the searches did.
    pub counts: Counts,
}

/// Misfits below this are as good as none.
const FLOOR: f64 = 1e-9;

/// Whole laws that are tried in place of the first choice, at most.
const ALTERNATIVES: usize = 6;

/// A law of more terms, multiplied out, is left as it is.
const MOST_TERMS: usize = 60;

/// After so many parts without a form that explains them the others are searched for less long.
const PATIENCE: usize = 2;

impl Learner<'_> {
    /// Finds forms of all parts, puts them together, fits the constants of the whole and drops what
    /// the data don't demand. After the deadline the first choice is left as it is.
    ///
    /// # Errors
    /// [`RecoverError`].
    pub fn discover(
        &mut self,
        fitted: &Fitted,
        seed: u64,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Discovered, RecoverError> {
        let mut searches = Searches::new(seed, self.deadline().clone());
        let parts = self.parts(fitted);
        let (mut forms, mut hopeless) = (Vec::new(), 0);
        for (i, part) in parts.iter().enumerate() {
            progress(&format!("searching for closed forms: part {} of {}", i + 1, parts.len()));
            let mut found = self.forms(fitted, part, hopeless < PATIENCE, &mut searches)?;
            hopeless += usize::from(
                !found.iter().any(|f| self.is_as_good(f.misfit, fitted, part.columns.len())),
            );
            let length = |form: &PartForm| match self.noise_model() {
                Some(noise_model) => noise_model.length(form.misfit, &form.expression),
                None => self.length(form.misfit, form.complexity, floor(fitted), fitted),
            };
            found.sort_by(|a, b| length(a).total_cmp(&length(b)));
            if let Some(best) = found.first() {
                log::debug!("  part {i}: {:.2e} {}", best.misfit, best.expression);
            }
            forms.push(found);
        }
        // What a teacher said is put to the test of the data.
        self.stop_listening();
        progress("fitting the whole law");
        let in_noise = self
            .noise_model()
            .map(|noise_model| self.whole_in_noise(&forms, noise_model))
            .transpose()?
            .flatten();
        let (chosen, laws) = match in_noise {
            Some(found) => found,
            None => {
                let (best, laws) = self.whole(fitted, &forms)?;
                (self.polished(best, fitted)?, laws)
            }
        };
        log::debug!(
            "chosen: {:.2e} {:.2e} {}",
            chosen.misfit,
            chosen.validation,
            chosen.expression
        );
        Ok(Discovered { chosen, parts: forms, laws, counts: searches.counts })
    }

    /// The sum of the best forms of all parts; where it does worse than what was learned, other
    /// forms of single parts are tried. Gives the best and all.
    fn whole(
        &self,
        fitted: &Fitted,
        forms: &[Vec<PartForm>],
    ) -> Result<(Adjusted, Vec<Adjusted>), RecoverError> {
        let whole = |choice: &[usize]| {
            Expr::sum(choice.iter().zip(forms).map(|(&k, forms)| forms[k].expression.clone()))
        };
        let mut choice = vec![0; forms.len()];
        let mut best = self.adjust(&whole(&choice), fitted)?;
        log::debug!("whole: {:.2e} {:.2e} {}", best.misfit, best.validation, best.expression);
        let mut laws = vec![best.clone()];
        let good = |a: &Adjusted| self.is_as_good(a.misfit, fitted, fitted.theta.len());
        let others = (0..forms.len()).flat_map(|i| (1..forms[i].len()).map(move |k| (i, k)));
        for (i, k) in others.take(ALTERNATIVES) {
            if good(&best) || self.late() {
                break;
            }
            let mut other = choice.clone();
            other[i] = k;
            let next = self.adjust(&whole(&other), fitted)?;
            laws.push(next.clone());
            if next.misfit < 0.5 * best.misfit {
                (best, choice) = (next, other);
            }
        }
        Ok((best, laws))
    }

    /// The terms of a law that are functions of the scalars of a part alone, as its one form.
    pub(crate) fn terms_of(&self, part: &Part, law: &Adjusted) -> Vec<PartForm> {
        let own: Vec<&Scalar> = part.scalars.iter().map(|&i| &self.scalars()[i]).collect();
        let terms = match &law.expression {
            Expr::Sum(terms) => terms.clone(),
            other => vec![other.clone()],
        };
        let is_own = |term: &Expr| term.scalars().iter().all(|s| own.contains(&s));
        let expression = Expr::sum(terms.into_iter().filter(is_own));
        if expression.scalars().is_empty() {
            return Vec::new();
        }
        let complexity = expression.complexity();
        vec![PartForm { expression, misfit: law.misfit, complexity }]
    }

    /// Without what the data don't demand, and put simply.
    ///
    /// # Errors
    /// An unknown vector.
    pub(crate) fn polished(
        &self,
        best: Adjusted,
        fitted: &Fitted,
    ) -> Result<Adjusted, RecoverError> {
        if best.expression.scalars().is_empty() {
            return Ok(best);
        }
        let steps: [&dyn Fn(Adjusted) -> Result<Adjusted, RecoverError>; 5] = [
            &|best| self.with_limits(best, fitted),
            &|best| self.without_redundant_terms(best, fitted),
            &|best| self.simplified(best, fitted),
            &|best| self.pruned(best, fitted),
            &|best| self.with_simple_exponents(best, fitted),
        ];
        steps
            .into_iter()
            .try_fold(best, |best, step| if self.late() { Ok(best) } else { step(best) })
    }

    /// Functions that are nearly linear put so, and small constants left out, where the data like
    /// that better: what was learned may not have been good enough to tell.
    fn with_limits(&self, mut best: Adjusted, fitted: &Fitted) -> Result<Adjusted, RecoverError> {
        while best.misfit > floor(fitted).max(DOUBTFUL) && !self.late() {
            let mut simpler = self.limits(&best.expression)?;
            simpler.retain(|law| {
                law.complexity() < best.expression.complexity() && !law.constants().is_empty()
            });
            let adjusted = simpler
                .iter()
                .map(|law| self.adjust(law, fitted))
                .collect::<Result<Vec<_>, _>>()?;
            match adjusted
                .into_iter()
                .min_by(|a, b| a.misfit.total_cmp(&b.misfit))
                .filter(|next| next.misfit <= 1.1 * best.misfit)
            {
                Some(next) => best = next,
                None => break,
            }
            log::debug!(
                "at a limit: {:.2e} {:.2e} {}",
                best.misfit,
                best.validation,
                best.expression
            );
        }
        Ok(best)
    }

    fn simplified(&self, best: Adjusted, fitted: &Fitted) -> Result<Adjusted, RecoverError> {
        let simple =
            simplify_up_to_constant(&best.expression, &SimplifyOptions::default())?.expression;
        if simple == best.expression {
            return Ok(best);
        }
        let simple = self.adjust(&simple, fitted)?;
        Ok(if simple.misfit <= 1.1 * best.misfit.max(FLOOR) { simple } else { best })
    }

    /// Whether a misfit is as good as that of what was learned, which has `columns` more parameters
    /// where it counts.
    pub(crate) fn is_as_good(&self, misfit: f64, fitted: &Fitted, columns: usize) -> bool {
        let rows = fitted.rows.max(2) as f64;
        let excess = rows * ((misfit / fitted.misfit.max(f64::MIN_POSITIVE)).powi(2) - 1.0);
        let columns = columns as f64;
        let allowed = if self.noise_model().is_some() {
            chi_squared_bound(columns)
        } else {
            3.0 * rows.ln() * columns
        };
        misfit <= floor(fitted) || excess < allowed
    }

    /// Description length up to a constant: the logarithm of the misfit for every residual, and the
    /// symbols.
    fn length(&self, misfit: f64, complexity: usize, floor: f64, fitted: &Fitted) -> f64 {
        0.5 * fitted.rows as f64 * (misfit * misfit + floor * floor).ln()
            + NATS_PER_SYMBOL * complexity as f64
    }

    /// Multiplies out and leaves out the terms that others can replace: parts of a law may share
    /// what no data can tell apart, such as a function linear in each of three differences of two
    /// others.
    fn without_redundant_terms(
        &self,
        best: Adjusted,
        fitted: &Fitted,
    ) -> Result<Adjusted, RecoverError> {
        let terms: Vec<Expr> =
            multiply_out(&best.expression).iter().map(|t| t.expression()).collect();
        if !(2..=MOST_TERMS).contains(&terms.len()) {
            return Ok(best);
        }
        let model = ScalarHamiltonian::closed_form(self.inputs(), &best.expression)?;
        let constants = best.expression.constants();
        let paths = self.paths(Some(&Flow { model: &model, theta: &constants }), &fitted.trust);
        let target = self.to_explain(&paths)?;
        let design = self.columns(&terms, &paths)?;
        let size = |k: usize| design.column(k).dot(&design.column(k)).sqrt();
        // Terms without any effect are constants.
        let kept: Vec<usize> = (0..terms.len()).filter(|&k| size(k) > 0.0).collect();
        let design = concatenate![
            Axis(1),
            design.select(Axis(1), &kept),
            target.view().insert_axis(Axis(1))
        ];
        let (rows, n) = (design.nrows(), kept.len());
        let factor = with_ridge(&triangular_factor(&[design])?)?;
        let y = factor.column(n);
        let price = (rows.max(2) as f64).ln() * factor[[n, n]].powi(2)
            / rows.saturating_sub(n).max(1) as f64;
        let ranks: Vec<usize> =
            kept.iter().map(|&k| terms[k].complexity() + 3 * terms[k].names().len()).collect();
        let needed = eliminate_terms(&factor, &ranks, price, 1e-16 * y.dot(&y))?;
        if needed.len() == kept.len() {
            return Ok(best);
        }
        let next =
            self.adjust(&Expr::sum(needed.iter().map(|&k| terms[kept[k]].clone())), fitted)?;
        log::debug!("without redundant terms: {:.2e} {}", next.misfit, next.expression);
        let as_good = next.misfit <= 1.5 * best.misfit.max(floor(fitted));
        // Fewer terms multiplied out may be more than a product.
        Ok(if as_good && next.expression.complexity() <= best.expression.complexity() {
            next
        } else {
            best
        })
    }

    /// Leaves out terms for as long as that costs less than they are worth.
    fn pruned(&self, mut best: Adjusted, fitted: &Fitted) -> Result<Adjusted, RecoverError> {
        loop {
            let Expr::Sum(terms) = best.expression.clone() else { return Ok(best) };
            if self.late() {
                return Ok(best);
            }
            let paths = self
                .paths(Some(&Flow { model: &fitted.model, theta: &fitted.theta }), &fitted.trust);
            let sizes = self.columns(&terms, &paths)?;
            let size = |k: usize| sizes.column(k).dot(&sizes.column(k)).sqrt();
            let largest = (0..terms.len()).map(size).fold(0.0, f64::max);
            let mut small: Vec<usize> =
                (0..terms.len()).filter(|&k| size(k) < SMALL * largest).collect();
            small.sort_by(|&a, &b| size(a).total_cmp(&size(b)));
            let Some(&least) = small.first() else { return Ok(best) };
            let without = Expr::sum(
                terms.iter().enumerate().filter(|(k, _)| *k != least).map(|(_, t)| t.clone()),
            );
            let next = self.adjust(&without, fitted)?;
            let floor = floor(fitted);
            let length =
                |a: &Adjusted| self.length(a.misfit, a.expression.complexity(), floor, fitted);
            if length(&next) > length(&best) {
                return Ok(best);
            }
            best = next;
        }
    }

    /// Rounds fractional exponents where the fit is no worse for it.
    fn with_simple_exponents(
        &self,
        best: Adjusted,
        fitted: &Fitted,
    ) -> Result<Adjusted, RecoverError> {
        let mut best = best;
        for step in [0.5, 1.0 / 3.0, 0.25, 0.1, 0.05, 0.01] {
            let rounded = round_exponents(&best.expression, step, 0.02);
            if rounded != best.expression {
                let next = self.adjust(&rounded, fitted)?;
                if next.misfit <= 1.02 * best.misfit.max(FLOOR) {
                    best = next;
                }
            }
        }
        Ok(best)
    }
}

/// Misfits below this don't tell forms apart: what is left of exact data is the error of paths and
/// of what was learned; of noisy data, noise.
fn floor(fitted: &Fitted) -> f64 {
    (4.0 * fitted.misfit).clamp(4.0 * FLOOR, SYSTEMATIC)
}

/// Laws that miss less are not doubted.
const DOUBTFUL: f64 = 1e-8;

/// A larger misfit is taken for noise.
const SYSTEMATIC: f64 = 1e-6;

/// Terms whose increments are smaller than this part of the largest term's are doubted.
const SMALL: f64 = 1e-3;
