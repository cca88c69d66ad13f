//! Closed forms in noise: ranked by how likely they make the chunks, the initial state of each fitted, and by how long they are.

use super::adjust::{Adjusted, principal_phases};
use super::discover::{NATS_PER_SYMBOL, round_exponents};
use super::forms::PartForm;
use super::judge::{Misfit, NOISE_KNOWN, SIGMAS, by_chance};
use super::learner::{Errors, Fitted, Learner, NoisyChunks};
use super::recover::RecoverError;
use super::tracked::multiply_out;
use super::{SimplifyOptions, refit, simplify_up_to_constant};
use crate::dataset::Trajectory;
use crate::expr::Expr;
use crate::model::{ClosedForm, ScalarHamiltonian};
use crate::train::{self, Deviance, NoisyFit, NoisyStart, Prior, deviance, fit_noisy};

/// Whole laws made of forms of parts that are tried, at most: one that is fitted badly takes long.
const MOST_TRIED: usize = 40;
/// Times that a law is made simpler, at most.
const MOST_SIMPLER: usize = 4;
/// Forms of a part that are tried in the whole law, at most.
const MOST_FORMS: usize = 6;
/// Complexities that the forms of all parts are kept below: what was learned may be too far off to choose among forms of single parts by it.
const SIMPLE: [usize; 2] = [4, 8];
/// Simpler forms of a part are tried whose misfit is no larger than this many times the least.
const NEARLY: f64 = 1.3;
/// Forms of a part that are so many nats longer than its shortest are not tried.
const HOPELESS: f64 = 30.0;
/// A law is fitted to one of so many chunks before it is to all, where there are so many that each of these has enough.
const ONE_OF: usize = 4;
const FEW_CHUNKS: usize = 30;
/// Chunks of more than three points must be so large a part of all.
const TELLING: f64 = 0.5;

impl Errors {
    /// Description length in nats, up to a constant: half of chi squared, the constants to the precision that the data give them, the symbols. Where what was
    /// learned misses more than the noise, that much is no fault of a closed form either.
    pub(super) fn length(&self, misfit: f64, expression: &Expr) -> f64 {
        let chi_squared = self.chi_squared_of(misfit);
        let constants = expression.constants().len() as f64;
        0.5 * chi_squared / self.dispersion()
            + 0.5 * self.freedom.ln() * constants
            + NATS_PER_SYMBOL * expression.complexity() as f64
    }

    /// The chi squared that goes with a misfit.
    pub(super) fn chi_squared_of(&self, misfit: f64) -> f64 {
        self.freedom * (misfit / self.unit()).powi(2)
    }

    fn length_of(&self, law: &Adjusted) -> f64 {
        self.length(law.misfit, &law.expression)
    }

    /// Nats by which another law's residuals may at most be shorter to describe: those that what was learned leaves are, but for chance.
    fn to_gain(&self, law: &Fit) -> f64 {
        let more = self.rank.saturating_sub(law.fit.rank).max(1) as f64;
        0.5 * (self.chi_squared_of(law.adjusted.misfit) - self.chi_squared + by_chance(more)) / self.dispersion()
    }

    /// Whether what was learned makes the training chunks no more likely than its additional parameters do by chance.
    fn is_as_likely(&self, law: &Fit) -> bool {
        let chi_squared = self.chi_squared_of(law.adjusted.misfit);
        let more = self.rank.saturating_sub(law.fit.rank).max(1) as f64;
        log::debug!("chi squared {chi_squared:.0} against {:.0} learned with {more} parameters more", self.chi_squared);
        // What chunks share they say more than once.
        chi_squared - self.chi_squared <= refit::redundancy(&self.chunks.train) * by_chance(more)
    }

    /// Whether the residuals of a law on the training chunks are noise: what was learned makes them no more likely than its additional parameters do by
    /// chance, and they have no motions that are quadratic in time, as forces make them, which noise that is independent from point to point has not.
    fn is_noise(&self, law: &Fit) -> bool {
        log::debug!("drift {:.3}", law.fit.drift.0);
        self.is_as_likely(law) && self.is_without_drift(law.fit.drift)
    }

    /// Fits a law to some of the chunks, with the noise as learned.
    fn fit(&self, law: &ScalarHamiltonian<ClosedForm>, chunks: &[Trajectory], start: NoisyStart) -> Result<NoisyFit, train::Error> {
        let prior = Prior { noise: Some(self.noise.clone()), precision: None };
        fit_noisy(law, chunks, start, &self.chunks.settings, &prior, &mut |_| {})
    }

    /// Whether residuals on the training chunks have no motions that are quadratic in time but by chance, given the mean square of these in units of the
    /// noise, and their number; not where there are few.
    pub(super) fn is_without_drift(&self, (drift, n): (f64, usize)) -> bool {
        let telling = n as f64 >= TELLING * (self.chunks.train.len() * self.noise.len()) as f64;
        telling && drift <= 1.0 + SIGMAS * (2.0 * refit::redundancy(&self.chunks.train) / n as f64).sqrt()
    }
}

/// A law fitted to noisy chunks.
struct Fit {
    adjusted: Adjusted,
    fit: NoisyFit,
}

impl Learner<'_> {
    /// Whether a closed form explains the chunks down to their noise: its residuals on the training chunks are noise; on the held-out `judging` ones what was
    /// learned does no better, by a paired test; and, if the noise was given, they are no larger.
    ///
    /// # Errors
    /// Rollouts that diverge.
    pub(super) fn explains_noise(
        &self,
        expr: &Expr,
        fitted: &Fitted,
        errors: &Errors,
        judging: &[Trajectory],
    ) -> Result<bool, RecoverError> {
        let law = self.likelihood(expr, errors, expr.constants())?;
        let closed = refit::model(self.inputs(), &law.adjusted.expression)?;
        let constants = law.adjusted.expression.constants();
        let of_law = deviance(&closed, &constants, judging, &errors.noise, &errors.chunks.settings)?;
        let of_learned = deviance(&fitted.model, &fitted.theta, judging, &errors.noise, &errors.chunks.settings)?;
        let misfit = |deviance: &Deviance| Misfit { chunks: deviance.chunks.clone(), residuals: 1 };
        let predictive = !misfit(&of_law).is_worse_than(&misfit(&of_learned), 0.0);
        let ratio = of_law.per_freedom();
        let known = (1.0 + NOISE_KNOWN).powi(2);
        let chance = SIGMAS * (2.0 * refit::redundancy(judging) / of_law.freedom).sqrt();
        log::debug!("held out: {ratio:.3} of the noise's variance");
        Ok(errors.is_noise(&law) && predictive && (errors.chunks.given.is_none() || ratio <= known * (1.0 + chance)))
    }

    /// Fits all constants of a Hamiltonian to the chunks, their initial states with them; the noise is as learned.
    ///
    /// # Errors
    /// An unknown vector, divergence.
    fn likelihood(&self, expr: &Expr, errors: &Errors, constants: Vec<f64>) -> Result<Fit, RecoverError> {
        let model = refit::model(self.inputs(), expr)?;
        let NoisyChunks { settings, train, check, .. } = &*errors.chunks;
        let fit = errors.fit(&model, train, errors.start(constants))?;
        let held_out = deviance(&model, &fit.theta, check, &errors.noise, settings)?;
        let adjusted = Adjusted {
            expression: principal_phases(&expr.with_constants(&fit.theta)),
            misfit: errors.misfit(fit.chi_squared),
            validation: errors.unit() * held_out.per_freedom().sqrt(),
        };
        Ok(Fit { adjusted, fit })
    }

    /// A law with its most likely constants; none where it can't be fitted, or a part of the chunks says already that it can't do as well as a `rival`.
    fn likely(&self, expr: &Expr, errors: &Errors, rival: Option<&Fit>) -> Option<Fit> {
        let constants = match rival {
            Some(rival) => self.rivalling(expr, errors, rival),
            None => Some(expr.constants()),
        };
        let fit = |constants| self.likelihood(expr, errors, constants).ok();
        let found = constants.and_then(fit).filter(|found| found.adjusted.misfit.is_finite());
        match &found {
            Some(Fit { adjusted, .. }) => log::debug!("  length {:.1}: {}", errors.length_of(adjusted), adjusted.expression),
            None => log::debug!("  not fitted: {expr}"),
        }
        found
    }

    /// The constants of a law that is fitted to a part of the chunks, if it does as well there as a rival does on all, within chance.
    fn rivalling(&self, expr: &Expr, errors: &Errors, rival: &Fit) -> Option<Vec<f64>> {
        let train = &errors.chunks.train;
        if train.len() < FEW_CHUNKS * ONE_OF {
            return Some(expr.constants());
        }
        let some: Vec<Trajectory> = train.iter().step_by(ONE_OF).cloned().collect();
        let start = errors.start_of(expr.constants(), |chunk| chunk.is_multiple_of(ONE_OF));
        let fit = errors.fit(&refit::model(self.inputs(), expr).ok()?, &some, start).ok()?;
        let more = fit.chi_squared - rival.fit.chi_squared / rival.fit.freedom * fit.freedom;
        let allowed = 2.0 * HOPELESS + SIGMAS * (2.0 * refit::redundancy(&some) * fit.freedom).sqrt();
        (more <= allowed * errors.dispersion()).then_some(fit.theta)
    }

    /// The whole law of least description length: the best forms of all parts, then other forms of each, then whatever makes it simpler; and all that
    /// were tried. None where the best forms make no law that can be fitted.
    ///
    /// # Errors
    /// Rewriting fails.
    pub(super) fn whole_in_noise(
        &self,
        parts: &[Vec<PartForm>],
        errors: &Errors,
    ) -> Result<Option<(Adjusted, Vec<Adjusted>)>, RecoverError> {
        let mut laws = Vec::new();
        let Some(best) = self.best_of_parts(parts, errors, &mut laws) else { return Ok(None) };
        let mut best = self.at_its_limit(best, errors)?;
        for _ in 0..MOST_SIMPLER {
            if self.late() {
                break;
            }
            let mut simpler = simpler(&best)?;
            simpler.extend(self.limits(&best.adjusted.expression)?.into_iter().filter(|expr| !expr.constants().is_empty()));
            simpler.sort_by(Expr::total_cmp);
            simpler.dedup();
            let tried = simpler.into_iter().take_while(|_| !self.late()).filter_map(|expr| self.likely(&expr, errors, Some(&best)));
            let tried: Vec<Fit> = tried.collect();
            laws.extend(tried.iter().map(|law| law.adjusted.clone()));
            let next = tried.into_iter().min_by(|a, b| errors.length_of(&a.adjusted).total_cmp(&errors.length_of(&b.adjusted)));
            match next.filter(|next| errors.length_of(&next.adjusted) < errors.length_of(&best.adjusted)) {
                Some(next) => best = next,
                None => break,
            }
        }
        Ok(Some((best.adjusted, laws)))
    }

    /// The law with as many functions put linear, and small constants left out, as makes it shorter.
    fn at_its_limit(&self, best: Fit, errors: &Errors) -> Result<Fit, RecoverError> {
        if self.late() {
            return Ok(best);
        }
        let mut chain = Vec::new();
        let mut law = best.adjusted.expression.clone();
        while let Some(next) =
            self.limits(&law)?.into_iter().min_by_key(Expr::complexity).filter(|next| next.complexity() < law.complexity())
        {
            chain.push(next.clone());
            law = next;
        }
        let mut tried = chain.iter().rev().take_while(|_| !self.late()).filter_map(|law| self.likely(law, errors, Some(&best)));
        Ok(tried.find(|law| errors.length_of(&law.adjusted) < errors.length_of(&best.adjusted)).unwrap_or(best))
    }

    /// The best sum of the forms that fit each part best among those of some complexity, simple ones first; then with other forms of single parts.
    fn best_of_parts(&self, parts: &[Vec<PartForm>], errors: &Errors, laws: &mut Vec<Adjusted>) -> Option<Fit> {
        let mut tried: Vec<Vec<usize>> = Vec::new();
        let mut best: Option<(Fit, Vec<usize>)> = None;
        let mut consider = |choice: Vec<usize>, best: &mut Option<(Fit, Vec<usize>)>| {
            if tried.contains(&choice) || tried.len() == MOST_TRIED || (self.late() && best.is_some()) {
                return;
            }
            let law = Expr::sum(choice.iter().zip(parts).map(|(&k, forms)| forms[k].expression.clone()));
            tried.push(choice.clone());
            let Some(found) = self.likely(&law, errors, best.as_ref().map(|(best, _)| best)) else { return };
            laws.push(found.adjusted.clone());
            if best.as_ref().is_none_or(|(best, _)| errors.length_of(&found.adjusted) < errors.length_of(&best.adjusted)) {
                *best = Some((found, choice));
            }
        };
        let as_likely = |best: &Option<(Fit, Vec<usize>)>| best.as_ref().is_some_and(|(found, _)| errors.is_as_likely(found));
        for most in SIMPLE {
            let choice: Option<Vec<usize>> = parts.iter().map(|forms| fitting(forms, most)).collect();
            if let Some(choice) = choice.filter(|_| !as_likely(&best)) {
                consider(choice, &mut best);
            }
        }
        consider(vec![0; parts.len()], &mut best);
        for (i, forms) in parts.iter().enumerate() {
            let Some((_, choice)) = best.as_ref().filter(|_| parts.len() > 1) else { break };
            for k in simpler_forms(forms, choice[i]) {
                let mut other = best.as_ref().map_or_else(Vec::new, |(_, choice)| choice.clone());
                other[i] = k;
                consider(other, &mut best);
            }
        }
        for (i, forms) in parts.iter().enumerate() {
            let length = |form: &PartForm| errors.length(form.misfit, &form.expression);
            let limit = length(&forms[0]) + HOPELESS;
            let hopeful = forms.iter().filter(|form| length(form) < limit).count();
            for k in 0..hopeful.min(MOST_FORMS) {
                let mut other = best.as_ref().map_or_else(|| vec![0; parts.len()], |(_, choice)| choice.clone());
                let longer = forms[k].complexity as f64 - forms[other[i]].complexity as f64;
                if best.as_ref().is_some_and(|(best, _)| NATS_PER_SYMBOL * longer > errors.to_gain(best)) {
                    continue;
                }
                other[i] = k;
                consider(other, &mut best);
            }
        }
        // What was learned may be too far off to say anything of the forms.
        for (i, forms) in parts.iter().enumerate() {
            let Some((_, choice)) = best.as_ref().filter(|_| !as_likely(&best)) else { break };
            let no_longer = |k: &usize| forms[*k].complexity <= forms[choice[i]].complexity;
            let mut others: Vec<usize> = (0..forms.len()).filter(no_longer).collect();
            others.sort_by(|&a, &b| forms[a].misfit.total_cmp(&forms[b].misfit));
            for k in others.into_iter().take(MOST_FORMS) {
                let mut other = best.as_ref().map_or_else(Vec::new, |(_, choice)| choice.clone());
                other[i] = k;
                consider(other, &mut best);
            }
        }
        best.map(|(found, _)| found)
    }
}

/// Forms of a part that are simpler than a given one and fit nearly as well, simplest first: what the part should have may be off by what others miss.
fn simpler_forms(forms: &[PartForm], than: usize) -> Vec<usize> {
    let best = forms.iter().map(|form| form.misfit).fold(f64::INFINITY, f64::min);
    let simpler = |k: &usize| forms[*k].complexity < forms[than].complexity && forms[*k].misfit <= NEARLY * best;
    let mut found: Vec<usize> = (0..forms.len()).filter(simpler).collect();
    found.sort_by(|&a, &b| forms[a].complexity.cmp(&forms[b].complexity).then(forms[a].misfit.total_cmp(&forms[b].misfit)));
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

/// Laws that are simpler than a given one: rewritten, an exponent rounded, or without one of its terms, where that may be. Where the data don't
/// determine all constants, terms may replace each other: then it is multiplied out.
fn simpler(Fit { adjusted, fit }: &Fit) -> Result<Vec<Expr>, RecoverError> {
    let expr = &adjusted.expression;
    let mut all = vec![simplify_up_to_constant(expr, &SimplifyOptions::default())?.expression];
    all.extend([0.5, 1.0 / 3.0, 0.25].map(|step| round_exponents(expr, step, 0.3)));
    let without = |terms: &[Expr], k: usize| Expr::sum(terms.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, t)| t.clone()));
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
