//! What is learned before a law is put together: a Hamiltonian in the basis, forces that none gives,
//! and laws grown on the data.

use ndarray::Axis;

use crate::dataset::Units;
use crate::recover::error::RecoverError;
use crate::recover::grow::GrownLaws;
use crate::recover::grow::in_noise::GrownInNoise;
use crate::recover::grow::rung::Rung;
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::{NOISY, PAIRS_ABOVE};
use crate::recover::learn::nonconservative::Nonconservative;
use crate::recover::noise::Noise;
use crate::recover::problem::checks::Check;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::teacher::Teaching;
use crate::train::states;

/// In noise the mean trust in a chunk is above this: it was 0.95 or more in all named laws at 1 %.
const EVEN: f64 = 0.8;

/// What is learned before the law is put together.
pub(super) struct Known {
    /// A Hamiltonian in the basis.
    pub fitted: Fitted,
    /// The forces that are beside it.
    pub nonconservative: Option<Nonconservative>,
    /// Laws that were grown on the data themselves.
    pub grown: Grown,
    /// What moves the particles that no Hamiltonian gives, if that was seen.
    pub beyond: Vec<Check>,
}

/// Laws that were grown.
pub(super) enum Grown {
    /// On data that may be exact.
    Exact(GrownLaws),
    /// In noise.
    Noisy(Box<GrownInNoise>),
    /// None: a model stands in the place of data.
    None,
}

impl Grown {
    /// Whether there is no law.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Exact(grown) => grown.front.is_empty() && grown.explaining.is_none(),
            Self::Noisy(grown) => grown.laws.is_empty(),
            Self::None => true,
        }
    }
}

/// Learns a Hamiltonian in the basis and grows laws from the simplest; with noise in all states
/// where there is any, and no law explains the data without.
pub(super) fn learn<'a>(
    learner: &mut Learner<'a>,
    teaching: Option<Teaching<'a>>,
    noise: &Noise,
    units: &Units,
    progress: &mut dyn FnMut(&str),
) -> Result<Known, RecoverError> {
    if let Some(teaching) = teaching {
        learner.listen_to(teaching);
    }
    let mut fitted = learner.learn(progress)?;
    // What holds a length constant depends on the velocities.
    if learner.kinetic_is_known
        && fitted.misfit > PAIRS_ABOVE
        && learner.constant_lengths().next().is_some()
    {
        learner.kinetic_is_known = false;
        learner.set_masses(Vec::new())?;
        fitted = learner.learn(progress)?;
    }
    let (mut nonconservative, mut first_misfit) = (None, None);
    // What is learned knows no parameters: what it leaves says nothing of other forces.
    let may_have_others = teaching.is_none() && !learner.has_parameters();
    while may_have_others
        && !learner.late()
        && let Some(found) = learner.nonconservative(&fitted)?
    {
        progress("learning again, with forces that no Hamiltonian gives");
        learner.set_forces(found.forces.clone())?;
        fitted = learner.learn(progress)?;
        // Without any of them is as it was at first.
        let misfit_without = first_misfit.get_or_insert(found.misfit_without);
        nonconservative = Some(Nonconservative { misfit_without: *misfit_without, ..found });
    }
    learner.sharpen(&mut fitted);
    let (grown, beyond) = match teaching {
        Some(_) => (Grown::None, Vec::new()),
        None => grow(learner, &mut fitted, noise, units, progress)?,
    };
    Ok(Known { fitted, nonconservative, grown, beyond })
}

/// Laws grown on paths that become those of the law that explains the data, and what moves the
/// particles that no law gives, if that was seen.
fn grow(
    learner: &mut Learner,
    fitted: &mut Fitted,
    noise: &Noise,
    units: &Units,
    progress: &mut dyn FnMut(&str),
) -> Result<(Grown, Vec<Check>), RecoverError> {
    // Noise is new in every point, and in all chunks alike: where intervals are missed as their
    // neighbours are, or some chunks are followed much worse than others, as in close encounters,
    // it may be the basis that doesn't follow.
    let residuals = (fitted.misfit > NOISY).then(|| learner.residuals(fitted));
    let like_noise = residuals.is_some_and(|left| left.resemble_noise());
    let may_be_noisy = residuals.is_some() && *noise != Noise::None;
    // What is given by no law is no noise.
    let beyond =
        if may_be_noisy && !like_noise { learner.beyond(fitted, units)? } else { Vec::new() };
    let is_noisy = may_be_noisy && beyond.is_empty();
    // What is left of imperfect data no rung explains.
    let highest = if like_noise || !beyond.is_empty() { Rung::Functions } else { Rung::Any };
    // Fits in noise may take all of the time: plain laws are at hand then.
    let only_plain = is_noisy && like_noise && fitted.mean_trust() >= EVEN;
    let mut paths = fitted.clone();
    let first = match only_plain {
        true => Rung::Plain,
        false if beyond.is_empty() => highest,
        false => Rung::Powers,
    };
    let mut grown = learner.grow(&mut paths, first, units, progress)?;
    if !only_plain || grown.explaining.is_some() {
        *fitted = paths;
    }
    // It may have seemed so of what functions explain: a pendulum that turns over and over, say.
    if !beyond.is_empty() && grown.explaining.is_none() {
        let mut paths = fitted.clone();
        let more = learner.grow(&mut paths, highest, units, progress)?;
        if more.explaining.is_some() {
            (grown, *fitted) = (more, paths);
        }
    }
    let may_hold_noise = residuals.is_some_and(|left| left.may_hold_noise());
    if is_noisy
        && grown.explaining.is_none()
        && let Some(grown) =
            grow_in_noise(learner, fitted, (noise, may_hold_noise), units, progress)?
    {
        return Ok((Grown::Noisy(Box::new(grown)), beyond));
    }
    if only_plain && grown.explaining.is_none() && !learner.late() {
        let plain = grown.front;
        grown = learner.grow(fitted, highest, units, progress)?;
        if grown.front.is_empty() {
            grown.front = plain;
        }
    }
    Ok((Grown::Exact(grown), beyond))
}

/// Laws grown with all states free within their noise, where there is any or it is known; with the
/// paths that this gives.
fn grow_in_noise(
    learner: &mut Learner,
    fitted: &mut Fitted,
    (noise, may_hold_noise): (&Noise, bool),
    units: &Units,
    progress: &mut dyn FnMut(&str),
) -> Result<Option<GrownInNoise>, RecoverError> {
    // What is learned knows no parameters: what it leaves is no noise.
    if learner.inputs().differ() {
        return Ok(None);
    }
    let given = given_noise(learner, noise, units);
    if learner.late() || !may_hold_noise && given.is_none() {
        return Ok(None);
    }
    let is_known = given.is_some();
    let mut better = learner.allow_for_noise(fitted, given, progress)?;
    if better.is_none() && is_known && !learner.late() {
        // More than the noise is left: a law that leaves that is better than none.
        better = learner.allow_for_noise(fitted, None, progress)?;
    }
    let (Some(better), Some(noise_model)) = (better, learner.noise_model()) else {
        return Ok(None);
    };
    let grown = learner.grow_in_noise(&better, noise_model, units, progress)?;
    if learner.late() && grown.laws.is_empty() {
        learner.forget_noise();
        return Ok(None);
    }
    *fitted = better;
    Ok(Some(grown))
}

/// The standard deviation of the noise in each component, if it is known.
fn given_noise(learner: &Learner, noise: &Noise, units: &Units) -> Option<Vec<f64>> {
    match noise {
        Noise::Sigma(sigma) => {
            Some((states(learner.train()).std_axis(Axis(0), 0.0) * *sigma).to_vec())
        }
        Noise::Each(noise) => {
            Some(noise.iter().zip(units.of_state(noise.len())).map(|(s, unit)| s / unit).collect())
        }
        _ => None,
    }
}
