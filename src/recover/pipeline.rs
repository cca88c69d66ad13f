//! The law behind trajectories: learn, split, search, refit, read.

use crate::dataset::{Trajectory, Units, without_gaps};
use crate::expr::{Expr, VectorExpr};
use crate::model::Model;
use crate::progress::Progress;
use crate::recover::assembled::assemble;
use crate::recover::error::RecoverError;
use crate::recover::form::{Candidate, PartForm, Refit};
use crate::recover::in_units::{self, Table};
use crate::recover::judge::energy_drift::energy_drift;
use crate::recover::judge::noise::explains_noise;
use crate::recover::judge::outlying::outlying;
use crate::recover::judge::pareto::with_the_law;
use crate::recover::judge::reasons::{Grounds, Verdict, is_one_energy, is_one_run, moving};
use crate::recover::judge::verdict::Judge;
use crate::recover::known::{Known, learn};
use crate::recover::law::{RecoveredPart, Recovery};
use crate::recover::learn::limits::NOISY;
use crate::recover::learn::nonconservative::Nonconservative;
use crate::recover::noise::Noise;
use crate::recover::paths::Paths;
use crate::recover::problem::checks::{Check, Rate, checks, rates, tell_law_there};
use crate::recover::problem::learner::Learner;
use crate::recover::problem::parameters::not_told;
use crate::recover::problem::teacher::Teaching;
use crate::recover::read::constants::{Reading, read_constants};
use crate::recover::read::equal_constants::{EqualConstants, Shared, shared_constants};
use crate::recover::read::named_form::Merged;
use crate::recover::refit::rollouts::closed_form_error;
use crate::recover::refit::snap::confirm_snapped;
use crate::recover::settings::RecoverSettings;
use crate::recover::settle::{Settled, settle};
use crate::recover::split::Part;
use crate::recover::statistics::{HeldOutChunks, ModelErrors};
use crate::rewrite::{RewriteError, SimplifyOptions, simplify_vector};
use crate::scalars::Inputs;
use crate::train::{self, marked, states};

/// Recovers the Hamiltonian from `train`; `validation` judges: one half of it degrees, the other
/// the law. `progress` is told what goes on.
///
/// # Errors
/// [`RecoverError`].
pub fn recover(
    inputs: &Inputs,
    train: &[Trajectory],
    validation: &[Trajectory],
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovery, RecoverError> {
    let progress = &mut |stage: &str| progress(Progress::stage(stage.to_owned()));
    recovered(inputs, (train, validation), None, settings, progress)
}

/// Recovers the Hamiltonian that a trained model stands for, whatever it is made of: the form is
/// read off the model's field along the chunks, its constants are then refitted on the
/// trajectories.
///
/// # Errors
/// [`RecoverError`].
pub fn recover_from<M: Model>(
    (model, theta): (&M, &[f64]),
    inputs: &Inputs,
    train: &[Trajectory],
    validation: &[Trajectory],
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(Progress),
) -> Result<Recovery, RecoverError> {
    let natural = in_units::Natural::new(model, &Units::of(inputs, train));
    let weights = model.expand(theta);
    let teaching = |paths: &Paths| paths.increments(&natural, &weights);
    let progress = &mut |stage: &str| progress(Progress::stage(stage.to_owned()));
    recovered(inputs, (train, validation), Some(&teaching), settings, progress)
}

/// As [`recovered_from_all`], and again without the chunks that the law doesn't follow where it
/// follows the others exactly: what is broken must not have a say in units, constants and their
/// errors.
fn recovered(
    inputs: &Inputs,
    (train, validation): (&[Trajectory], &[Trajectory]),
    teaching: Option<Teaching>,
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(&str),
) -> Result<Recovery, RecoverError> {
    let (train, cuts) = without_gaps(train);
    let (validation, _) = without_gaps(validation);
    let (train, validation) = (&train[..], &validation[..]);
    let cuts = cuts.map(|message| Check { name: "gaps", message, constant: None });
    let told = |mut recovery: Recovery| {
        recovery.checks.extend(cuts.clone());
        recovery
    };
    let first = recovered_from_all(inputs, (train, validation), teaching, settings, progress)?;
    let first = told(first);
    let Some(outlying) = first.outlying.clone().filter(|_| !first.stopped) else {
        return Ok(first);
    };
    progress("again without chunks that don't follow");
    let whole = |chunks: &[Trajectory]| {
        chunks.iter().filter(|chunk| !outlying.has(chunk)).cloned().collect::<Vec<_>>()
    };
    let (train, validation) = (whole(train), whole(validation));
    let second =
        recovered_from_all(inputs, (&train, &validation), teaching, settings, progress).map(told);
    let (mut law, outlying) = match second {
        Ok(mut second) if !second.stopped => {
            let outlying = outlying.with(second.outlying.take());
            (second, outlying)
        }
        _ => (first, outlying),
    };
    // Whatever it is that these chunks have, the law doesn't explain it.
    law.verdict.incomplete.push(format!(
        "{} of {} chunks were set aside: they don't follow the law",
        outlying.chunks.len(),
        outlying.of
    ));
    Ok(Recovery { outlying: Some(outlying), ..law })
}

/// The phases of a recovery: learn, propose and assemble, refit, judge, read.
fn recovered_from_all(
    inputs: &Inputs,
    (train, validation): (&[Trajectory], &[Trajectory]),
    teaching: Option<Teaching>,
    settings: &RecoverSettings,
    progress: &mut dyn FnMut(&str),
) -> Result<Recovery, RecoverError> {
    check(train)?;
    let units = Units::of(inputs, train);
    if !units.are_representable() {
        return Err(RecoverError::Scale);
    }
    let natural = |chunks: &[Trajectory]| chunks.iter().map(|c| units.chunk(c)).collect::<Vec<_>>();
    let (choosing, judging) = halves(validation);
    let (natural_inputs, natural_train, natural_choosing) =
        (units.inputs(inputs), natural(train), natural(&choosing));
    let deadline = settings.deadline.clone();
    let mut learner = Learner::new(&natural_inputs, &natural_train, &natural_choosing, deadline)?;
    // Velocities and masses say what it is.
    learner.kinetic_is_known = !settings.masses.is_empty();
    // Points that are made of many rows lie too far apart for it.
    let are_slopes = matches!(settings.noise, Noise::Each(_)) || settings.slope_error > 0.0;
    let measured = if are_slopes { &[] } else { &settings.masses[..] };
    let rates = rates(&learner, &units, measured);
    let mut checks = checks(&learner, &units, &rates);
    let not_told = not_told(&learner);
    checks.extend(not_told.iter().map(|told| told.check.clone()));
    // Momenta are masses times velocities, unless these are in another unit.
    if !rates.iter().any(Rate::is_of_another_unit) {
        learner.set_masses(settings.masses.iter().map(|m| m / units.mass()).collect())?;
    }

    let Known { fitted, nonconservative, grown, beyond } =
        learn(&mut learner, teaching, &settings.noise, &units, progress)?;
    let mut discovered = assemble(&mut learner, &fitted, grown, settings.seed, progress)?;
    // Where the kinetic energy is known, free motion needs no other.
    if discovered.chosen.expression.scalars().is_empty() && learner.inputs().masses.is_empty() {
        return Err(RecoverError::NoLaw { stopped: learner.late() });
    }
    // Where there was no time for any law, nothing is explained, whatever is left.
    let is_stopgap = !discovered.chosen.misfit.is_finite();
    if is_stopgap && !learner.late() {
        return Err(RecoverError::NoLaw { stopped: false });
    }
    let nonconservative = match nonconservative {
        Some(found) => learner.settle_forces(&mut discovered.chosen, found, &fitted)?,
        None => None,
    };
    progress("refitting on the trajectories");
    let Settled { trained, front, resolved, judging: natural_judging } =
        settle(&learner, &fitted, &mut discovered, &units, &natural(&judging)).map_err(
            // Constants of what was said at once needn't be determined by the data.
            |error| if is_stopgap { RecoverError::NoLaw { stopped: true } } else { error },
        )?;
    let rivals = match learner.noise_model() {
        Some(noise_model) => learner.rivals(&discovered.chosen, &discovered.laws, noise_model)?,
        None => Vec::new(),
    };
    let is_series = learner.is_series(&discovered.chosen, &fitted)?;
    let may_be_noise = settings.noise == Noise::Auto && teaching.is_none();
    let explains_noise = if natural_judging.is_empty() {
        None
    } else {
        explains_noise(&learner, &fitted, &trained, &natural_judging, may_be_noise)
    };

    // All that follows is in the units of the table, and of the whole law.
    let masses = if learner.inputs().masses.is_empty() { &[] } else { &settings.masses[..] };
    let table = Table {
        units: &units,
        inputs: inputs.clone().with_masses(masses.to_vec()),
        mass_errors: &settings.mass_errors,
    };
    let nonconservative = nonconservative.map(|n| in_units::nonconservative(&units, n));
    let beside = in_units::in_table(&units, &learner.inputs().momentum_forces);
    let inputs = &inputs.clone().with_momentum_forces(beside);
    let in_noise = learner.noise_model().is_some();
    // Noise that was found to be larger than it is known to be.
    let is_larger = matches!(settings.noise, Noise::Sigma(_) | Noise::Each(_))
        && learner.noise_model().is_some_and(|found| found.chunks.given.is_none());
    let stopped = learner.late();
    let held_out = marked(&judging, &resolved.closed);
    let (learned, law) = (
        in_units::learned(&units, inputs, trained.learned)?,
        in_units::refit(&table, &trained.law),
    );
    let discovered = in_units::discovered(&table, discovered);
    let rivals = in_units::rivals(&table, rivals);
    let alone = trained.alone.filter(|_| explains_noise == Some(true)).map(|alone| alone.noise);
    let noise = trained.noise.or(alone).map(|noise| in_units::noise(&units, noise));
    let judge = Judge::new(inputs, &learned, &law.expression, &held_out)?;
    judge.log(judging.len(), &law.expression);

    progress("reading the constants");
    let numbers = read(&judge, &law, stopped)?;
    let best = numbers.snapped.as_ref().unwrap_or(&law.expression);
    let error = closed_form_error(inputs, best, &held_out, &learned.settings)?;
    let pareto =
        with_the_law(front, |law| table.whole(law), Candidate { expression: best.clone(), error });
    let is_hidden = noise.as_ref().is_some_and(|noise| judge.hides(noise));
    let explains = match explains_noise.filter(|_| !is_hidden) {
        Some(explains) => {
            explains
                && (in_noise || judge.closed_form_does_as_well())
                && (!is_larger || judge.explains(&settings.noise, train)?)
        }
        None => judge.explains(&settings.noise, train)?,
    };
    let explains = explains && !is_stopgap;
    // A few held-out chunks say less than all: a law that is wrong leaves more than the noise of these.
    let known = settings.noise.known(train).filter(|_| !inputs.differ());
    let explains = match &known {
        Some(noise) if explains => judge.leaves_only(noise, &[train, validation].concat())?,
        _ => explains,
    };
    let in_noise = explains_noise == Some(true) || known.is_some();
    if !explains && fitted.misfit > NOISY && teaching.is_none() {
        let is_new = beyond.is_empty();
        checks.extend(if is_new { learner.beyond(&fitted, &units)? } else { beyond });
    }
    // Velocities and masses say what the kinetic energy is, whatever the energies.
    let is_known = learner.kinetic_is_known;
    // Friction and drag take a run through many energies.
    let takes_energy = |n: &Nonconservative| n.forces.iter().any(|f| f.kind.takes_energy());
    let is_one_run = is_one_run(train) && !nonconservative.as_ref().is_some_and(takes_energy);
    let followed = HeldOutChunks { resolved: held_out.len(), all: judging.len() };
    let left = if !explains {
        Some(judge.what_is_left())
    } else if explains_noise == Some(true) && nonconservative.is_none() {
        energy_drift(inputs, best, &[train, validation].concat())?
    } else {
        None
    };
    if !stopped {
        tell_law_there(best, &mut checks);
    }
    let verdict = Verdict::of(&Grounds {
        law: best,
        left,
        is_series,
        moving: moving(inputs.shape, train),
        checks: &checks,
        not_told: &not_told,
        rivals: &rivals,
        in_noise,
        has_kink: learner.has_kink(best),
        error: judge.errors().closed_form,
        one_energy: !is_known
            && (is_one_run || is_one_energy(inputs, best, &states(train), error)?),
        followed: resolved.are_enough(),
        held_out: followed,
        slope_error: settings.slope_error,
        stopped,
    });
    let outlying = if noise.is_some() || stopped {
        None
    } else {
        outlying(inputs, best, &[train, validation].concat(), &learned.settings)?
    };
    let part = |(part, forms): (Part, Vec<PartForm>)| RecoveredPart {
        scalars: part.scalars.iter().map(|&i| learner.scalars()[i].clone()).collect(),
        forms,
    };
    Ok(Recovery {
        units,
        train_error: ModelErrors { learned: learned.fit.loss.sqrt(), closed_form: law.error },
        validation_error: judge.errors(),
        held_out: followed,
        counts: discovered.counts,
        outlying,
        verdict,
        stopped,
        forces: forces(best, inputs.shape.particles)?,
        expression: law.expression,
        covariance: law.covariance,
        snapped: numbers.snapped,
        reading: numbers.reading,
        shared: numbers.shared,
        tied: numbers.tied,
        merged: numbers.merged,
        parts: learner.parts(&fitted).into_iter().zip(discovered.parts).map(part).collect(),
        checks,
        nonconservative,
        noise,
        pareto,
        rivals,
        learned,
    })
}

/// Whether there is anything to learn from.
fn check(train: &[Trajectory]) -> Result<(), train::TrainError> {
    if train.iter().all(|c| c.times.len() < 2) {
        return Err(train::TrainError::NoChunks);
    }
    if train.iter().all(|c| c.states.rows().into_iter().all(|row| row == c.states.row(0))) {
        return Err(train::TrainError::NothingToLearn);
    }
    Ok(())
}

/// What is read off the numbers of a law.
struct Numbers {
    snapped: Option<Expr>,
    reading: Reading,
    shared: Vec<Shared>,
    tied: Option<Expr>,
    merged: Option<Merged>,
}

/// Rounds the numbers of a law, says what they mean, and which of them agree, wherever the held-out
/// chunks have nothing against it.
fn read(judge: &Judge, law: &Refit, stopped: bool) -> Result<Numbers, RecoverError> {
    let Judge { inputs, held_out, settings, .. } = *judge;
    let negligible = judge.negligible();
    let snapped =
        if stopped { None } else { confirm_snapped(inputs, law, held_out, settings, negligible)? };
    let reading = read_constants(&law.expression, Some(&law.covariance))?;
    let tied = match shared_constants(&law.expression, &law.covariance, &reading)? {
        Some(tied) if judge.is_as_good(&tied.expression)? => Some(tied),
        _ => None,
    };
    let (shared, tied, merged) = tied
        .map_or((Vec::new(), None, None), |EqualConstants { shared, expression, merged }| {
            (shared, Some(expression), Some(merged))
        });
    // No name may stand for two things.
    let is_taken = |name: &String| inputs.vectors().chain(inputs.parameters()).any(|n| n == name);
    let merged = merged.filter(|m| !m.constants.iter().any(|(name, _)| is_taken(name)));
    Ok(Numbers { snapped, reading, shared, tied, merged })
}

/// Every other chunk of two points or more, and the rest; the few of a small set serve for both.
fn halves(chunks: &[Trajectory]) -> (Vec<Trajectory>, Vec<Trajectory>) {
    let chunks: Vec<Trajectory> = chunks.iter().filter(|c| c.times.len() > 1).cloned().collect();
    if chunks.len() < FEW {
        return (chunks.clone(), chunks);
    }
    let half = |first: usize| chunks.iter().skip(first).step_by(2).cloned().collect();
    (half(1), half(0))
}

/// Fewer held-out chunks than this are not divided.
const FEW: usize = 8;

fn forces(hamiltonian: &Expr, particles: usize) -> Result<Vec<(String, VectorExpr)>, RewriteError> {
    let force = |i: usize| {
        let name = format!("q{i}");
        Ok((name.clone(), simplify_vector(&hamiltonian.force(&name), &SimplifyOptions::default())?))
    };
    (1..=particles).map(force).collect()
}
