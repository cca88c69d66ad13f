//! A whole law: one that was grown, or one that is put together of parts of what was learned.

use crate::recover::assemble::exact::Discovered;
use crate::recover::description_length::systematic_length;
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::grow::GrownLaws;
use crate::recover::grow::in_noise::GrownInNoise;
use crate::recover::known::Grown;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::NOISY;
use crate::recover::problem::learner::Learner;
use crate::search::Counts;

/// The law that was grown, or one that is put together of the parts of what was learned.
pub(super) fn assemble(
    learner: &mut Learner,
    fitted: &Fitted,
    grown: Grown,
    seed: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Discovered, RecoverError> {
    if learner.late() && grown.is_empty() {
        let expression = learner.kinetic_energy();
        let law = Adjusted { expression, misfit: f64::INFINITY, validation: f64::INFINITY };
        return Ok(as_discovered(learner, fitted, law, Vec::new()));
    }
    match grown {
        Grown::None => learner.discover(fitted, seed, progress),
        Grown::Exact(grown) => assemble_exact(learner, fitted, grown, seed, progress),
        Grown::Noisy(grown) => assemble_in_noise(learner, fitted, *grown, seed, progress),
    }
}

fn as_discovered(
    learner: &Learner,
    fitted: &Fitted,
    chosen: Adjusted,
    laws: Vec<Adjusted>,
) -> Discovered {
    let parts = learner.parts(fitted);
    let parts = parts.iter().map(|part| learner.terms_of(part, &chosen)).collect();
    Discovered { chosen, parts, laws, counts: Counts::default() }
}

/// In noise the shortest law that was grown, simpler where that is shorter still; where none was,
/// one of the parts of what was learned.
fn assemble_in_noise(
    learner: &mut Learner,
    fitted: &Fitted,
    GrownInNoise { shortest, laws }: GrownInNoise,
    seed: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Discovered, RecoverError> {
    let Some((best, noise_model)) = shortest.zip(learner.noise_model()) else {
        return learner.discover(fitted, seed, progress);
    };
    let laws: Vec<Adjusted> = laws.into_iter().map(|fit| fit.adjusted).collect();
    let (chosen, laws) = learner.made_shorter(best, laws, noise_model)?;
    Ok(as_discovered(learner, fitted, chosen, laws))
}

/// The grown law that explains the data, put simply. Where none does, and what was learned doesn't
/// either, the grown law of least description length: what is missing is in no form. Else the law
/// of the parts of what was learned, if it is shorter than all that were grown.
fn assemble_exact(
    learner: &mut Learner,
    fitted: &Fitted,
    GrownLaws { front, explaining }: GrownLaws,
    seed: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Discovered, RecoverError> {
    if let Some(law) = explaining {
        let chosen = learner.polished(law, fitted)?;
        return Ok(as_discovered(learner, fitted, chosen, front));
    }
    let chunks = learner.train().len();
    let length =
        |law: &Adjusted| systematic_length(chunks, law.misfit, law.expression.complexity());
    // Fits of whole laws take time.
    let mut adjusted = Vec::new();
    for law in front {
        let late = learner.late();
        adjusted.push(if late { law } else { learner.adjust(&law.expression, fitted)? });
    }
    let shortest = adjusted.iter().min_by(|a, b| length(a).total_cmp(&length(b)));
    if (learner.late() || fitted.misfit > NOISY)
        && let Some(law) = shortest.cloned()
    {
        return Ok(as_discovered(learner, fitted, law, adjusted));
    }
    let mut discovered = learner.discover(fitted, seed, progress)?;
    for law in adjusted {
        if length(&law) < length(&discovered.chosen) {
            discovered.laws.push(std::mem::replace(&mut discovered.chosen, law));
        } else {
            discovered.laws.push(law);
        }
    }
    Ok(discovered)
}
