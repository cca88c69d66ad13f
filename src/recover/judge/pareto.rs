//! Laws of growing complexity that each lower the error.

use crate::dataset::{Trajectory, Units};
use crate::expr::Expr;
use crate::recover::assemble::exact::Discovered;
use crate::recover::error::RecoverError;
use crate::recover::form::{self, Candidate};
use crate::recover::judge::verdict::indistinguishable;
use crate::recover::learn::fitted::Fitted;
use crate::recover::problem::learner::Learner;
use crate::recover::refit::rollouts::{Trained, closed_form_error};

/// Laws simpler than the chosen one: those tried, the chosen forms of the parts with one of them
/// put more simply, and the chosen law with ever more of its terms left out; those that are on the
/// front, each with constants of its own.
pub(crate) fn front(
    learner: &Learner,
    fitted: &Fitted,
    discovered: &Discovered,
    trained: &Trained,
    chunks: &[Trajectory],
) -> Result<Vec<Candidate>, RecoverError> {
    let settings = &trained.learned.settings;
    let with_error = |expression: Expr| {
        let error = closed_form_error(learner.inputs(), &expression, chunks, settings).ok()?;
        error.is_finite().then_some(Candidate { expression, error })
    };
    let mut all: Vec<Candidate> = simpler(discovered).into_iter().filter_map(with_error).collect();
    all.extend(with_fewer_terms(&trained.law.expression, with_error));
    all = on_front(all);
    if !learner.late() {
        for candidate in &mut all {
            let own = learner.roughly_adjusted(&candidate.expression, fitted)?;
            if let Some(better) = with_error(own).filter(|own| own.error < candidate.error) {
                *candidate = better;
            }
        }
    }
    Ok(all)
}

/// The best of those laws of a front that are simpler than `law` in the units of the table and
/// follow the held-out chunks no worse. Errors that integration or roundoff alone may make don't
/// tell laws apart: among these the simplest is the best.
pub(crate) fn simplest_as_good<'a>(
    front: &'a [Candidate],
    units: &Units,
    law: &Candidate,
    integration_error: f64,
) -> Option<&'a Candidate> {
    let complexity = |c: &Candidate| complexity(units, c);
    let same = indistinguishable(integration_error);
    let own = complexity(law);
    let as_good = |c: &&Candidate| complexity(c) < own && c.error <= law.error.max(same);
    front.iter().filter(as_good).min_by(|a, b| {
        a.error.max(same).total_cmp(&b.error.max(same)).then(complexity(a).cmp(&complexity(b)))
    })
}

/// Complexity of a law in the units of the table.
pub(crate) fn complexity(units: &Units, law: &Candidate) -> usize {
    units.hamiltonian(&law.expression).complexity()
}

/// The front in the units of the table, with the law itself at its end: what is as good and no
/// simpler adds nothing.
pub(crate) fn with_the_law(
    natural: Vec<Candidate>,
    in_table: impl Fn(&Expr) -> Expr,
    law: Candidate,
) -> Vec<Candidate> {
    let mut all = natural;
    all.iter_mut().for_each(|c| c.expression = in_table(&c.expression));
    all.retain(|c| c.expression.complexity() < law.expression.complexity());
    all.push(law);
    on_front(all)
}

fn on_front(all: Vec<Candidate>) -> Vec<Candidate> {
    form::on_front(all, |c| (c.expression.complexity(), c.error))
}

fn simpler(discovered: &Discovered) -> Vec<Expr> {
    let mut laws: Vec<Expr> = discovered.laws.iter().map(|l| l.expression.clone()).collect();
    let best = |skipped: usize| {
        let others = discovered.parts.iter().enumerate().filter(move |(k, _)| *k != skipped);
        others.filter_map(|(_, forms)| Some(forms.first()?.expression.clone()))
    };
    for (k, forms) in discovered.parts.iter().enumerate() {
        let Some(own) = forms.first() else { continue };
        let simpler = forms.iter().filter(|f| f.complexity < own.complexity);
        laws.extend(simpler.map(|f| Expr::sum(best(k).chain([f.expression.clone()]))));
    }
    laws
}

/// The law without one term, without two, and so on: always the one goes that is missed least.
/// Factors before sums are multiplied out.
fn with_fewer_terms(law: &Expr, candidate: impl Fn(Expr) -> Option<Candidate>) -> Vec<Candidate> {
    let mut terms = match law {
        Expr::Sum(terms) => terms.iter().flat_map(spread).collect(),
        other => spread(other),
    };
    let mut found = Vec::new();
    while terms.len() > 1 {
        let without = |k: usize| {
            Expr::sum(
                terms.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, term)| term.clone()),
            )
        };
        let tried = (0..terms.len()).filter_map(|k| Some((k, candidate(without(k))?)));
        let Some((k, least)) = tried.min_by(|a, b| a.1.error.total_cmp(&b.1.error)) else { break };
        terms.remove(k);
        found.push(least);
    }
    found
}

/// The terms of c (a + b): c a and c b.
fn spread(term: &Expr) -> Vec<Expr> {
    if let Expr::Product(factors) = term
        && let [Expr::Constant(c), Expr::Sum(terms)] = &factors[..]
    {
        return terms.iter().map(|t| Expr::product([Expr::Constant(*c), t.clone()])).collect();
    }
    vec![term.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Shape;
    use crate::scalars::Inputs;

    fn candidate(expression: &str, error: f64) -> Candidate {
        Candidate { expression: expression.parse().unwrap(), error }
    }

    #[test]
    fn regress_a_simpler_law_that_is_no_worse_takes_the_place_of_the_chosen_one() {
        let shape = Shape { particles: 1, dimension: 1 };
        let inputs = Inputs::new(shape, vec![0.0], vec![("e".into(), vec![1.0])]).unwrap();
        let units = Units::of(&inputs, &[]);
        let long = "0.5*norm(p1)**2 + 0.24*norm(q1)**6 - 5.2*(norm(q1)**2 - 4.3)**2";
        let front = [
            candidate("0.5*norm(p1)**2", 0.3),
            candidate("0.5*norm(p1)**2 + 0.65*norm(q1)**2", 2e-3),
            candidate("0.5*norm(p1)**2 - 1.3*cos(dot(e,q1))", 5e-12),
        ];
        let best = |error: f64, integration: f64| {
            simplest_as_good(&front, &units, &candidate(long, error), integration).map(|c| c.error)
        };
        assert_eq!(best(2e-8, 1e-13), Some(5e-12));
        // Roundoff and integration don't tell two laws apart.
        assert_eq!(best(1e-13, 1e-12), Some(5e-12));
        // The chosen law stays where every simpler one does worse, or none is simpler.
        let worse = &front[..2];
        assert!(simplest_as_good(worse, &units, &candidate(long, 1e-4), 1e-13).is_none());
        let short = candidate("0.5*norm(p1)**2", 0.4);
        assert!(simplest_as_good(&front[1..], &units, &short, 1e-13).is_none());
    }
}
