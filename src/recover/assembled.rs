//! A whole law: one that was grown, or one that is put together of parts of what was learned.

use crate::recover::assemble::exact::Discovered;
use crate::recover::description_length::systematic_length;
use crate::recover::error::RecoverError;
use crate::recover::form::Adjusted;
use crate::recover::grow::GrownLaws;
use crate::recover::grow::in_noise::GrownInNoise;
use crate::recover::known::Grown;
use crate::recover::learn::fitted::Fitted;
use crate::recover::problem::learner::Learner;
use crate::search::Counts;

/// The law that was grown, where it explains the data, else that of the parts of what was learned,
/// or the grown one if it does better.
pub(super) fn assemble(
    learner: &mut Learner,
    fitted: &Fitted,
    grown: Grown,
    seed: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Discovered, RecoverError> {
    if learner.late()
        && grown.is_empty()
        && let Some(kinetic) = learner.kinetic_energy(fitted)
    {
        let law =
            Adjusted { expression: kinetic, misfit: f64::INFINITY, validation: f64::INFINITY };
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

fn assemble_in_noise(
    learner: &mut Learner,
    fitted: &Fitted,
    GrownInNoise { likely, laws }: GrownInNoise,
    seed: u64,
    progress: &mut dyn FnMut(&str),
) -> Result<Discovered, RecoverError> {
    let laws: Vec<Adjusted> = laws.into_iter().map(|fit| fit.adjusted).collect();
    if let Some((best, noise_model)) = likely.zip(learner.noise_model()) {
        let (chosen, laws) = learner.made_shorter(best, laws, noise_model)?;
        return Ok(as_discovered(learner, fitted, chosen, laws));
    }
    if learner.late()
        && let Some(noise_model) = learner.noise_model()
        && let Some(law) =
            laws.iter().min_by(|a, b| noise_model.length_of(a).total_cmp(&noise_model.length_of(b)))
    {
        return Ok(as_discovered(learner, fitted, law.clone(), laws));
    }
    let mut discovered = learner.discover(fitted, seed, progress)?;
    discovered.laws.extend(laws);
    if let Some(noise_model) = learner.noise_model() {
        let length = |law: &Adjusted| noise_model.length_of(law);
        let shortest = discovered.laws.iter().min_by(|a, b| length(a).total_cmp(&length(b)));
        if let Some(shortest) = shortest.filter(|law| length(law) < length(&discovered.chosen)) {
            discovered.chosen = shortest.clone();
        }
    }
    Ok(discovered)
}

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
    // What is put together of parts takes a fit of all of it, for which there is no time.
    if learner.late()
        && let Some(law) = front.iter().min_by(|a, b| length(a).total_cmp(&length(b)))
    {
        return Ok(as_discovered(learner, fitted, law.clone(), front));
    }
    let mut discovered = learner.discover(fitted, seed, progress)?;
    for law in front {
        if learner.late() {
            break;
        }
        let law = learner.adjust(&law.expression, fitted)?;
        if length(&law) < length(&discovered.chosen) {
            discovered.laws.push(std::mem::replace(&mut discovered.chosen, law));
        } else {
            discovered.laws.push(law);
        }
    }
    Ok(discovered)
}
