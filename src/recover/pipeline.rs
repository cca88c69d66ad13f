//! The law behind trajectories: learn, split, search, refit, read.

use ndarray::{Axis, s};

use crate::dataset::{Shape, Trajectory, Units};
use crate::expr::{Expr, VectorExpr};
use crate::model::Model;
use crate::progress::Progress;
use crate::recover::assemble::exact::Discovered;
use crate::recover::description_length::systematic_length;
use crate::recover::error::RecoverError;
use crate::recover::form::{Adjusted, Candidate, PartForm, Refit};
use crate::recover::grow::GrownLaws;
use crate::recover::grow::in_noise::GrownInNoise;
use crate::recover::in_units;
use crate::recover::judge::energy_drift::energy_drift;
use crate::recover::judge::noise::is_noise_alone;
use crate::recover::judge::outlying::outlying;
use crate::recover::judge::pareto::with_the_law;
use crate::recover::judge::reasons::{Grounds, Verdict, is_one_energy, is_one_run};
use crate::recover::judge::verdict::Judge;
use crate::recover::law::{RecoveredPart, Recovery};
use crate::recover::learn::fitted::Fitted;
use crate::recover::learn::limits::{NOISY, PAIRS_ABOVE};
use crate::recover::learn::nonconservative::Nonconservative;
use crate::recover::noise::Noise;
use crate::recover::paths::Paths;
use crate::recover::problem::candidates::VARIES;
use crate::recover::problem::checks::checks;
use crate::recover::problem::learner::Learner;
use crate::recover::problem::teacher::Teaching;
use crate::recover::read::constants::{Reading, read_constants};
use crate::recover::read::equal_constants::{EqualConstants, Shared, shared_constants};
use crate::recover::read::named_form::Merged;
use crate::recover::refit::rollouts::{Trained, closed_form_error};
use crate::recover::refit::snap::confirm_snapped;
use crate::recover::settings::RecoverSettings;
use crate::recover::settle::{Settled, settle};
use crate::recover::split::Part;
use crate::recover::statistics::{HeldOutChunks, ModelErrors};
use crate::rewrite::{RewriteError, SimplifyOptions, simplify_vector};
use crate::scalars::Inputs;
use crate::search::Counts;
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
    let first = recovered_from_all(inputs, (train, validation), teaching, settings, progress)?;
    let Some(outlying) = first.outlying.clone().filter(|_| !first.stopped) else {
        return Ok(first);
    };
    progress("again without chunks that don't follow");
    let whole = |chunks: &[Trajectory]| {
        chunks.iter().filter(|chunk| !outlying.has(chunk)).cloned().collect::<Vec<_>>()
    };
    match recovered_from_all(
        inputs,
        (&whole(train), &whole(validation)),
        teaching,
        settings,
        progress,
    ) {
        // Whatever it is that these chunks have, the law doesn't explain it.
        Ok(mut second) => {
            let outlying = outlying.with(second.outlying.take());
            second.verdict.incomplete.push(format!(
                "{} of {} chunks were set aside: they don't follow the law",
                outlying.chunks.len(),
                outlying.of
            ));
            Ok(Recovery { outlying: Some(outlying), ..second })
        }
        Err(_) => Ok(first),
    }
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
    let natural = |chunks: &[Trajectory]| chunks.iter().map(|c| units.chunk(c)).collect::<Vec<_>>();
    let (choosing, judging) = halves(validation);
    let (natural_inputs, natural_train, natural_choosing) =
        (units.inputs(inputs), natural(train), natural(&choosing));
    let deadline = settings.deadline.clone();
    let mut learner = Learner::new(&natural_inputs, &natural_train, &natural_choosing, deadline)?;
    // Velocities and masses say what it is.
    learner.kinetic_is_known = !settings.masses.is_empty();
    let mut checks = checks(&learner, &units, &settings.masses);

    let Known { fitted, nonconservative, grown } =
        learn(&mut learner, teaching, settings.noise, &units, progress)?;
    let mut discovered = assemble(&mut learner, &fitted, grown, settings.seed, progress)?;
    // Where there was no time for any law, nothing is explained, whatever is left.
    let is_stopgap = !discovered.chosen.misfit.is_finite();
    let nonconservative = match nonconservative {
        Some(found) => learner.settle_forces(&mut discovered.chosen, found, &fitted)?,
        None => None,
    };
    progress("refitting on the trajectories");
    let Settled { trained, front, resolved, judging: natural_judging } =
        settle(&learner, &fitted, &mut discovered, &units, &natural(&judging))?;
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

    // All that follows is in the units of the table.
    let nonconservative = nonconservative.map(|n| in_units::nonconservative(&units, n));
    let beside = in_units::in_table(&units, &learner.inputs().momentum_forces);
    let inputs = &inputs.clone().with_momentum_forces(beside);
    let in_noise = learner.noise_model().is_some();
    let stopped = learner.late();
    let held_out = marked(&judging, &resolved.closed);
    let (learned, law) = (
        in_units::learned(&units, inputs, trained.learned)?,
        in_units::refit(&units, &trained.law),
    );
    let discovered = in_units::discovered(&units, discovered);
    let rivals = in_units::rivals(&units, rivals);
    let alone = trained.alone.filter(|_| explains_noise == Some(true)).map(|alone| alone.noise);
    let noise = trained.noise.or(alone).map(|noise| in_units::noise(&units, noise));
    let judge = Judge::new(inputs, &learned, &law.expression, &held_out)?;
    judge.log(judging.len(), &law.expression);

    progress("reading the constants");
    let numbers = read(&judge, &law, stopped)?;
    let best = numbers.snapped.as_ref().unwrap_or(&law.expression);
    let error = closed_form_error(inputs, best, &held_out, &learned.settings)?;
    let pareto = with_the_law(front, &units, Candidate { expression: best.clone(), error });
    let explains = match explains_noise {
        Some(explains) => explains && (in_noise || judge.closed_form_does_as_well()),
        None => judge.explains(settings.noise, train)?,
    };
    let explains = explains && !is_stopgap;
    if !explains && fitted.misfit > NOISY && teaching.is_none() {
        checks.extend(learner.driven(&fitted, &units)?);
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
    let verdict = Verdict::of(&Grounds {
        law: best,
        left,
        is_series,
        moving: moving(inputs.shape, train),
        checks: &checks,
        rivals: &rivals,
        in_noise: explains_noise == Some(true),
        one_energy: !is_known
            && (is_one_run || is_one_energy(inputs, best, &states(train), error)?),
        followed: resolved.are_enough(),
        held_out: followed,
        stopped,
    });
    let outlying = if verdict.exact() || noise.is_some() || stopped {
        None
    } else {
        outlying(inputs, &law.expression, &[train, validation].concat(), &learned.settings)?
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

/// In noise the mean trust in a chunk is above this: it was 0.95 or more in all named laws at 1 %.
const EVEN: f64 = 0.8;

/// What is learned before the law is put together.
struct Known {
    /// A Hamiltonian in the basis.
    fitted: Fitted,
    /// The forces that are beside it.
    nonconservative: Option<Nonconservative>,
    /// Laws that were grown on the data themselves.
    grown: Grown,
}

/// Laws that were grown.
enum Grown {
    /// On data that may be exact.
    Exact(GrownLaws),
    /// In noise.
    Noisy(Box<GrownInNoise>),
    /// None: a model stands in the place of data.
    None,
}

impl Grown {
    /// Whether there is no law.
    fn is_empty(&self) -> bool {
        match self {
            Self::Exact(grown) => grown.front.is_empty() && grown.explaining.is_none(),
            Self::Noisy(grown) => grown.laws.is_empty(),
            Self::None => true,
        }
    }
}

/// Learns a Hamiltonian in the basis and grows laws from the simplest; with noise in all states
/// where there is any, and no law explains the data without.
fn learn<'a>(
    learner: &mut Learner<'a>,
    teaching: Option<Teaching<'a>>,
    noise: Noise,
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
        fitted = learner.learn(progress)?;
    }
    let (mut nonconservative, mut first_misfit) = (None, None);
    while teaching.is_none()
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
    let noisy = fitted.misfit > NOISY && noise != Noise::None && teaching.is_none();
    // Noise is new in every point, and in all chunks alike: where intervals are missed as their
    // neighbours are, or some chunks are followed much worse than others, as in close encounters,
    // it may be the basis that doesn't follow.
    let like_noise =
        fitted.misfit > NOISY && teaching.is_none() && learner.resembles_noise(&fitted);
    let mut early = None;
    if noisy && (fitted.mean_trust() < EVEN || !like_noise) {
        let grown = learner.grow(&mut fitted, like_noise, units, progress)?;
        if grown.explaining.is_some() {
            return Ok(Known { fitted, nonconservative, grown: Grown::Exact(grown) });
        }
        early = Some(grown);
    }
    if noisy && !learner.late() {
        let spread = states(learner.train()).std_axis(Axis(0), 0.0);
        let given = match noise {
            Noise::Sigma(sigma) => Some((spread * sigma).to_vec()),
            _ => None,
        };
        if let Some(better) = learner.allow_for_noise(&fitted, given, progress)? {
            fitted = better;
        }
    }
    let grown = match (teaching, learner.noise_model()) {
        (Some(_), _) => Grown::None,
        (None, Some(noise_model)) => {
            let grown = learner.grow_in_noise(&fitted, noise_model, units, progress)?;
            Grown::Noisy(Box::new(grown))
        }
        (None, None) => Grown::Exact(match early {
            Some(grown) => grown,
            None => learner.grow(&mut fitted, like_noise, units, progress)?,
        }),
    };
    Ok(Known { fitted, nonconservative, grown })
}

/// The law that was grown, where it explains the data, else that of the parts of what was learned,
/// or the grown one if it does better.
fn assemble(
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

/// Whether what the closed form leaves of the held-out chunks is noise; none where the data are
/// taken to have none. What was learned without noise says what a closed form misses.
fn explains_noise(
    learner: &Learner,
    fitted: &Fitted,
    trained: &Trained,
    judging: &[Trajectory],
    may_be_noise: bool,
) -> Option<bool> {
    let law = &trained.law.expression;
    match (learner.noise_model(), &trained.alone) {
        (Some(noise_model), _) => {
            Some(learner.explains_noise(law, fitted, noise_model, judging).unwrap_or(false))
        }
        (None, Some(alone)) if may_be_noise && fitted.misfit > NOISY => {
            let settings = &trained.learned.settings;
            Some(is_noise_alone(learner.inputs(), law, alone, judging, settings).unwrap_or(false))
        }
        _ => None,
    }
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
    let is_vector = |name: &String| inputs.context.iter().any(|(vector, _)| vector == name);
    let merged = merged.filter(|m| !m.constants.iter().any(|(name, _)| is_vector(name)));
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

/// The particles that move within some chunk by more than rounding may, from 1.
fn moving(shape: Shape, chunks: &[Trajectory]) -> Vec<usize> {
    let d = shape.dimension;
    let least = |c: &Trajectory| {
        let positions = c.states.slice(s![.., ..d * shape.particles]);
        VARIES * positions.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
    };
    let moves = |i: &usize| {
        let moves = |c: &Trajectory| {
            let (place, least) = (c.states.slice(s![.., d * (i - 1)..d * i]), least(c));
            (&place - &place.row(0)).iter().any(|x| x.abs() > least)
        };
        chunks.iter().filter(|c| c.times.len() > 1).any(moves)
    };
    (1..=shape.particles).filter(moves).collect()
}

fn forces(hamiltonian: &Expr, particles: usize) -> Result<Vec<(String, VectorExpr)>, RewriteError> {
    let force = |i: usize| {
        let name = format!("q{i}");
        Ok((name.clone(), simplify_vector(&hamiltonian.force(&name), &SimplifyOptions::default())?))
    };
    (1..=particles).map(force).collect()
}
