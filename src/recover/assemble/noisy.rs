//! Whole laws of least description length in noise, made of the forms of their parts.

use crate::expr::{Expr, round_exponents};
use crate::recover::description_length::{HOPELESS, NATS_PER_SYMBOL};
use crate::recover::error::RecoverError;
use crate::recover::form::{Adjusted, PartForm};
use crate::recover::learn::likelihood::Fit;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::noise_model::NoiseModel;
use crate::rewrite::{SimplifyOptions, multiply_out, simplify_up_to_constant};

/// Whole laws made of forms of parts that are tried, at most: one that is fitted badly takes long.
const MOST_TRIED: usize = 40;

/// Times that a law is made simpler, at most.
const MOST_SIMPLER: usize = 4;

/// Forms of a part that are tried in the whole law, at most.
const MOST_FORMS: usize = 6;

/// Complexities that the forms of all parts are kept below: what was learned may be too far off to
/// choose among forms of single parts by it.
const SIMPLE: [usize; 2] = [4, 8];

/// Simpler forms of a part are tried whose misfit is no larger than this many times the least.
const NEARLY: f64 = 1.3;

impl Learner<'_> {
    /// The whole law of least description length: the best forms of all parts, then other forms of
    /// each, then whatever makes it simpler; and all that were tried. None where the best forms
    /// make no law that can be fitted.
    ///
    /// # Errors
    /// Rewriting fails.
    pub(crate) fn whole_in_noise(
        &self,
        parts: &[Vec<PartForm>],
        noise_model: &NoiseModel,
    ) -> Result<Option<(Adjusted, Vec<Adjusted>)>, RecoverError> {
        let mut laws = Vec::new();
        let Some(best) = self.best_of_parts(parts, noise_model, &mut laws) else { return Ok(None) };
        Ok(Some(self.made_shorter(best, laws, noise_model)?))
    }

    /// A law made simpler for as long as that makes it shorter; and all that were tried.
    pub(crate) fn made_shorter(
        &self,
        best: Fit,
        mut laws: Vec<Adjusted>,
        noise_model: &NoiseModel,
    ) -> Result<(Adjusted, Vec<Adjusted>), RecoverError> {
        let mut best = self.at_its_limit(best, noise_model)?;
        for _ in 0..MOST_SIMPLER {
            if self.late() {
                break;
            }
            let mut simpler = simpler(&best)?;
            simpler.extend(
                self.limits(&best.adjusted.expression)?
                    .into_iter()
                    .filter(|expr| !expr.constants().is_empty()),
            );
            simpler.sort_by(Expr::total_cmp);
            simpler.dedup();
            let tried = simpler
                .into_iter()
                .take_while(|_| !self.late())
                .filter_map(|expr| self.likely(&expr, noise_model, Some(&best)));
            let tried: Vec<Fit> = tried.collect();
            laws.extend(tried.iter().map(|law| law.adjusted.clone()));
            let next = tried.into_iter().min_by(|a, b| {
                noise_model.length_of(&a.adjusted).total_cmp(&noise_model.length_of(&b.adjusted))
            });
            match next.filter(|next| {
                noise_model.length_of(&next.adjusted) < noise_model.length_of(&best.adjusted)
            }) {
                Some(next) => best = next,
                None => break,
            }
        }
        Ok((best.adjusted, laws))
    }

    /// The law with as many functions put linear, and small constants left out, as makes it
    /// shorter.
    fn at_its_limit(&self, best: Fit, noise_model: &NoiseModel) -> Result<Fit, RecoverError> {
        if self.late() {
            return Ok(best);
        }
        let mut chain = Vec::new();
        let mut law = best.adjusted.expression.clone();
        while let Some(next) = self
            .limits(&law)?
            .into_iter()
            .min_by_key(Expr::complexity)
            .filter(|next| next.complexity() < law.complexity())
        {
            chain.push(next.clone());
            law = next;
        }
        let mut tried = chain
            .iter()
            .rev()
            .take_while(|_| !self.late())
            .filter_map(|law| self.likely(law, noise_model, Some(&best)));
        Ok(tried
            .find(|law| {
                noise_model.length_of(&law.adjusted) < noise_model.length_of(&best.adjusted)
            })
            .unwrap_or(best))
    }

    /// The best sum of the forms that fit each part best among those of some complexity, simple
    /// ones first; then with other forms of single parts.
    fn best_of_parts(
        &self,
        parts: &[Vec<PartForm>],
        noise_model: &NoiseModel,
        laws: &mut Vec<Adjusted>,
    ) -> Option<Fit> {
        let mut tried: Vec<Vec<usize>> = Vec::new();
        let mut best: Option<(Fit, Vec<usize>)> = None;
        let mut consider = |choice: Vec<usize>, best: &mut Option<(Fit, Vec<usize>)>| {
            if tried.contains(&choice)
                || tried.len() == MOST_TRIED
                || (self.late() && best.is_some())
            {
                return;
            }
            let law =
                Expr::sum(choice.iter().zip(parts).map(|(&k, forms)| forms[k].expression.clone()));
            tried.push(choice.clone());
            let Some(found) = self.likely(&law, noise_model, best.as_ref().map(|(best, _)| best))
            else {
                return;
            };
            laws.push(found.adjusted.clone());
            if best.as_ref().is_none_or(|(best, _)| {
                noise_model.length_of(&found.adjusted) < noise_model.length_of(&best.adjusted)
            }) {
                *best = Some((found, choice));
            }
        };
        let as_likely = |best: &Option<(Fit, Vec<usize>)>| {
            best.as_ref().is_some_and(|(found, _)| noise_model.is_as_likely(found))
        };
        for most in SIMPLE {
            let choice: Option<Vec<usize>> =
                parts.iter().map(|forms| fitting(forms, most)).collect();
            if let Some(choice) = choice.filter(|_| !as_likely(&best)) {
                consider(choice, &mut best);
            }
        }
        consider(vec![0; parts.len()], &mut best);
        for (i, forms) in parts.iter().enumerate() {
            let Some((_, choice)) = best.as_ref().filter(|_| parts.len() > 1) else { break };
            for k in simpler_forms(forms, choice[i]) {
                consider(exchanged(&best, parts.len(), i, k), &mut best);
            }
        }
        for (i, forms) in parts.iter().enumerate() {
            let length = |form: &PartForm| noise_model.length(form.misfit, &form.expression);
            let limit = length(&forms[0]) + HOPELESS;
            let hopeful = forms.iter().filter(|form| length(form) < limit).count();
            for k in 0..hopeful.min(MOST_FORMS) {
                let now = best.as_ref().map_or(0, |(_, choice)| choice[i]);
                let longer = forms[k].complexity as f64 - forms[now].complexity as f64;
                if best
                    .as_ref()
                    .is_some_and(|(best, _)| NATS_PER_SYMBOL * longer > noise_model.to_gain(best))
                {
                    continue;
                }
                consider(exchanged(&best, parts.len(), i, k), &mut best);
            }
        }
        // What was learned may be too far off to say anything of the forms.
        for (i, forms) in parts.iter().enumerate() {
            let Some((_, choice)) = best.as_ref().filter(|_| !as_likely(&best)) else { break };
            let no_longer = |k: &usize| forms[*k].complexity <= forms[choice[i]].complexity;
            let mut others: Vec<usize> = (0..forms.len()).filter(no_longer).collect();
            others.sort_by(|&a, &b| forms[a].misfit.total_cmp(&forms[b].misfit));
            for k in others.into_iter().take(MOST_FORMS) {
                consider(exchanged(&best, parts.len(), i, k), &mut best);
            }
        }
        best.map(|(found, _)| found)
    }
}

/// The forms of the best law with another one, `k`, of part `i`; the first of each part where there
/// is no law yet.
fn exchanged(best: &Option<(Fit, Vec<usize>)>, parts: usize, i: usize, k: usize) -> Vec<usize> {
    let mut other = best.as_ref().map_or_else(|| vec![0; parts], |(_, choice)| choice.clone());
    other[i] = k;
    other
}

/// Forms of a part that are simpler than a given one and fit nearly as well, simplest first: what
/// the part should have may be off by what others miss.
fn simpler_forms(forms: &[PartForm], than: usize) -> Vec<usize> {
    let best = forms.iter().map(|form| form.misfit).fold(f64::INFINITY, f64::min);
    let simpler = |k: &usize| {
        forms[*k].complexity < forms[than].complexity && forms[*k].misfit <= NEARLY * best
    };
    let mut found: Vec<usize> = (0..forms.len()).filter(simpler).collect();
    found.sort_by(|&a, &b| {
        forms[a]
            .complexity
            .cmp(&forms[b].complexity)
            .then(forms[a].misfit.total_cmp(&forms[b].misfit))
    });
    found.truncate(MOST_FORMS);
    found
}

/// Which of some forms fits best, among those that are no more complex than `most`.
fn fitting(forms: &[PartForm], most: usize) -> Option<usize> {
    let simple = forms.iter().enumerate().filter(|(_, form)| form.complexity <= most);
    simple.min_by(|a, b| a.1.misfit.total_cmp(&b.1.misfit)).map(|(k, _)| k)
}

/// A term goes only if that raises chi squared, to second order, by less than this.
const DOUBTFUL: f64 = 100.0;

/// Laws that are simpler than a given one: rewritten, an exponent rounded, or without one of its
/// terms, where that may be. Where the data don't determine all constants, terms may replace each
/// other: then it is multiplied out.
fn simpler(Fit { adjusted, fit }: &Fit) -> Result<Vec<Expr>, RecoverError> {
    let expr = &adjusted.expression;
    let mut all = vec![simplify_up_to_constant(expr, &SimplifyOptions::default())?.expression];
    all.extend([0.5, 1.0 / 3.0, 0.25].map(|step| round_exponents(expr, step, 0.3)));
    let without = |terms: &[Expr], k: usize| {
        Expr::sum(terms.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, t)| t.clone()))
    };
    if fit.rank < fit.theta.len() {
        let terms: Vec<Expr> = multiply_out(expr).iter().map(|term| term.expression()).collect();
        all.extend((0..terms.len()).map(|k| without(&terms, k)));
    } else if let Expr::Sum(terms) = expr {
        let covariance = fit.covariance(0.0)?;
        let mut at = 0;
        for (k, term) in terms.iter().enumerate() {
            let coefficient = matches!(term, Expr::Product(factors) if matches!(factors[..], [Expr::Constant(_), ..]));
            let doubtful = coefficient && fit.theta[at].powi(2) < DOUBTFUL * covariance[[at, at]];
            at += term.constants().len();
            if doubtful && terms.len() > 1 {
                all.push(without(terms, k));
            }
        }
    }
    all.retain(|other| other != expr && !other.constants().is_empty());
    Ok(all)
}
