//! Error against noise: models fitted to noisy chunks of the first seed, and what the Cramer-Rao
//! bound promises.

use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::data::{Data, Preset};
use super::error::ExperimentError;
use super::evaluation::{Precision, evaluate, state_means};
use super::profile::Profile;
use super::stopwatch::Stopwatch;
use super::unit::settings;
use crate::basis::Kind;
use crate::dataset::{Trajectory, add_noise};
use crate::expr::Expr;
use crate::linalg::{cholesky, triangular_inverse};
use crate::model::ScalarHamiltonian;
use crate::progress::Progress;
use crate::recover::{RecoverSettings, Recovery, recover};
use crate::train::{self, Prior, Settings, cramer_rao, fit_noisy, learn_noisy};

/// Longest step of the integrator.
const STEP: f64 = 0.1;
/// Degree of the spectral basis.
const DEGREE: usize = 6;
/// Directions of parameters that noise hides count as unseen below this relative singular value.
const RANK_TOLERANCE: f64 = 1e-7;
/// Draws of the parameters from the bound, and the test rollouts that each is tried on: draws
/// differ far more than rollouts do.
const DRAWS: (usize, usize) = (64, 60);
/// The constants of the true law, as [`law`] has them.
const CONSTANTS: [&str; 8] = ["m1", "m2", "k1", "l1", "k2", "l2", "g1", "g2"];

/// What is fitted to noisy chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoisyModel {
    /// Nothing: the true law with constants that scatter about the true ones as the Cramer-Rao
    /// bound has it.
    Bound,
    /// The closed form read off the noisy chunks; where another form is found, the true form, its
    /// constants fitted.
    ClosedForm,
    /// A Hamiltonian in the spectral basis.
    Spectral,
}

impl NoisyModel {
    /// Everything that is fitted, in the order of the table.
    pub const ALL: [Self; 3] = [Self::ClosedForm, Self::Spectral, Self::Bound];

    /// Name of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bound => "cramer-rao",
            Self::ClosedForm => "closed-form",
            Self::Spectral => "spectral",
        }
    }

    /// Name in tables and figures.
    pub fn label(self) -> String {
        match self {
            Self::Bound => "Cramer-Rao bound".into(),
            Self::ClosedForm => "closed form".into(),
            Self::Spectral => Kind::Spectral { degree: DEGREE }.name(),
        }
    }
}

/// A model fitted to one draw of the noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoiseId {
    /// The model.
    pub model: NoisyModel,
    /// Standard deviation of the noise in percent of that of each column.
    pub percent: u32,
    /// Seed of the noise.
    pub seed: u64,
}

impl NoiseId {
    /// Name of its files; it stays the same from run to run.
    pub fn name(self) -> String {
        format!("noise-{}-{}-seed{}", self.percent, self.model.name(), self.seed)
    }

    /// Noise in units of each column's standard deviation.
    pub fn level(self) -> f64 {
        0.01 * f64::from(self.percent)
    }

    /// All that it depends on, as text.
    pub fn key(self, data: &Data) -> String {
        let (name, fingerprint) = (self.name(), data.fingerprint());
        let plan = (STEP, DEGREE, RANK_TOLERANCE, DRAWS);
        format!(
            "{name} revision 9, data {fingerprint:016x}, {plan:?}, {}",
            Precision::FULL.settings()
        )
    }
}

/// All fits of a profile, level by level; the bound needs no noise.
pub fn all_noise(profile: Profile, first_seed: u64) -> Vec<NoiseId> {
    let seeds = move || (0..profile.noise_seeds()).map(move |k| first_seed.wrapping_add(k));
    let of_level = |&percent: &u32| {
        let fits = seeds().flat_map(move |seed| {
            [NoisyModel::ClosedForm, NoisyModel::Spectral].map(move |model| NoiseId {
                model,
                percent,
                seed,
            })
        });
        fits.chain([NoiseId { model: NoisyModel::Bound, percent, seed: first_seed }])
    };
    profile.noise_levels().iter().flat_map(of_level).collect()
}

/// What came of a fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoisyUnit {
    /// Geometric mean of the state error over the test rollouts; for the bound over draws, too.
    pub error: f64,
    /// Number of parameters.
    pub parameters: usize,
    /// Squared distance of the constants from the true ones in units of the Cramer-Rao bound, over
    /// their number: 1 on average for the best there is. Only for closed forms.
    pub distance: Option<f64>,
    /// Whether the true form was read off the noisy chunks.
    pub recovered: Option<bool>,
    /// The law that was read off.
    pub expression: Option<String>,
}

/// Makes the noise, fits and tests.
///
/// # Errors
/// [`ExperimentError::Train`], [`ExperimentError::Recover`], [`ExperimentError::Scalars`].
pub fn unit(
    id: NoiseId,
    data: &Data,
    progress: &mut dyn FnMut(Progress),
    clock: &mut Stopwatch,
) -> Result<NoisyUnit, ExperimentError> {
    let unit = match id.model {
        NoisyModel::Bound => bound_unit(id, data)?,
        NoisyModel::ClosedForm => closed_form_unit(id, data, progress)?,
        NoisyModel::Spectral => spectral_unit(id, data, progress)?,
    };
    clock.lap("noise");
    Ok(unit)
}

fn spectral_unit(
    id: NoiseId,
    data: &Data,
    progress: &mut dyn FnMut(Progress),
) -> Result<NoisyUnit, ExperimentError> {
    let (chunks, _) = noisy_chunks(id, data);
    let settings = Settings {
        weights: train::unit_weights(&chunks),
        rank_tolerance: RANK_TOLERANCE,
        ..settings(STEP)?
    };
    let learned = learn_noisy(
        &data.inputs()?,
        &chunks,
        Kind::Spectral { degree: DEGREE },
        &settings,
        None,
        progress,
    )?;
    let error =
        state_means(&evaluate(&learned.model, &learned.fit.theta, data, Precision::FULL)?.errors())
            .geometric_mean;
    Ok(NoisyUnit {
        error,
        parameters: learned.fit.theta.len(),
        distance: None,
        recovered: None,
        expression: None,
    })
}

fn closed_form_unit(
    id: NoiseId,
    data: &Data,
    progress: &mut dyn FnMut(Progress),
) -> Result<NoisyUnit, ExperimentError> {
    let (chunks, validation) = noisy_chunks(id, data);
    let inputs = data.inputs()?;
    let found = recover(
        &inputs,
        &chunks,
        &validation,
        &RecoverSettings { seed: id.seed, ..RecoverSettings::default() },
        progress,
    );
    let (found, expression) = match found {
        Ok(found) => (same_form(&found), Some(found.best().to_string())),
        Err(_) => (None, None),
    };
    let recovered = found.is_some();
    let constants = match found {
        Some(constants) => constants,
        None => {
            let settings = Settings { weights: train::unit_weights(&chunks), ..settings(STEP)? };
            let truth = law(&true_constants(data.preset));
            let start: Vec<f64> = truth.constants().iter().map(|c| 1.1 * c).collect();
            fit_noisy(
                &ScalarHamiltonian::closed_form(&inputs, &truth)?,
                &chunks,
                start,
                &settings,
                &Prior::default(),
                &mut |_| {},
            )?
            .theta
        }
    };
    let (root, truth) = bound(id, data)?;
    let off = Array1::from_iter(constants.iter().zip(&truth).map(|(a, b)| a - b));
    let white = triangular_inverse(&root.t()).map_err(train::TrainError::from)?.t().dot(&off);
    let error = state_means(
        &evaluate(
            &ScalarHamiltonian::closed_form(&inputs, &law(&true_constants(data.preset)))?,
            &constants,
            data,
            Precision::FULL,
        )?
        .errors(),
    )
    .geometric_mean;
    Ok(NoisyUnit {
        error,
        parameters: constants.len(),
        distance: Some(white.dot(&white) / truth.len() as f64),
        recovered: Some(recovered),
        expression,
    })
}

fn bound_unit(id: NoiseId, data: &Data) -> Result<NoisyUnit, ExperimentError> {
    let (root, truth) = bound(id, data)?;
    let model =
        ScalarHamiltonian::closed_form(&data.inputs()?, &law(&true_constants(data.preset)))?;
    let mut rng = ChaCha8Rng::seed_from_u64(id.seed);
    rng.set_stream(u64::from(id.percent));
    let mut some = data.clone();
    some.test.trajectories.truncate(DRAWS.1);
    let mut logs = 0.0;
    for _ in 0..DRAWS.0 {
        let xi = Array1::from_shape_simple_fn(truth.len(), || rng.sample::<f64, _>(StandardNormal));
        let theta: Vec<f64> = truth.iter().zip(root.dot(&xi)).map(|(t, d)| t + d).collect();
        logs += state_means(&evaluate(&model, &theta, &some, Precision::FULL)?.errors())
            .geometric_mean
            .ln();
    }
    let error = (logs / DRAWS.0 as f64).exp();
    Ok(NoisyUnit {
        error,
        parameters: truth.len(),
        distance: None,
        recovered: None,
        expression: None,
    })
}

/// Training and validation chunks with independent normal errors in every state.
fn noisy_chunks(id: NoiseId, data: &Data) -> (Vec<Trajectory>, Vec<Trajectory>) {
    let mut rng = ChaCha8Rng::seed_from_u64(id.seed);
    rng.set_stream(u64::from(id.percent));
    let mut all = [&data.train.trajectories[..], &data.validation.trajectories].concat();
    add_noise(&mut all, id.level(), &mut rng);
    let validation = all.split_off(data.train.trajectories.len());
    (all, validation)
}

/// The Cholesky factor of the Cramer-Rao bound for the constants of the true law, and these
/// constants.
fn bound(id: NoiseId, data: &Data) -> Result<(Array2<f64>, Vec<f64>), ExperimentError> {
    let chunks = &data.train.trajectories;
    let truth = law(&true_constants(data.preset));
    let settings = settings(STEP)?;
    let noise: Vec<f64> = train::states(chunks)
        .std_axis(ndarray::Axis(0), 0.0)
        .iter()
        .map(|s| id.level() * s)
        .collect();
    let model = ScalarHamiltonian::closed_form(&data.inputs()?, &truth)?;
    let covariance = cramer_rao(&model, &truth.constants(), chunks, &noise, &settings)?;
    Ok((cholesky(&covariance).map_err(train::TrainError::from)?, truth.constants()))
}

/// The form of the pendulum's law, numbers in the places of its coefficients.
const FORM: &str = "2*dot(p1,p1) + 3*dot(p2,p2) + 4*(norm(q1) - 5)**2 + 6*(norm(q2-q1) - 7)**2 - 8*dot(g,q1) - 9*dot(g,q2)";

/// The law of the pendulum from constants in the order of [`CONSTANTS`].
fn law([m1, m2, k1, l1, k2, l2, g1, g2]: &[f64; 8]) -> Expr {
    let coefficients = [0.5 / m1, 0.5 / m2, 0.5 * k1, *l1, 0.5 * k2, *l2, m1 * g1, m2 * g2];
    let form: Expr = FORM.parse().expect("the text is an expression");
    let place = |number: &f64| number.signum() * coefficients[number.abs() as usize - 2];
    form.with_constants(&form.constants().iter().map(place).collect::<Vec<_>>())
}

fn true_constants(preset: Preset) -> [f64; 8] {
    CONSTANTS.map(|name| preset.true_value(name).expect("each is a constant of the pendulum"))
}

/// The constants of [`law`] that a recovered law has, if it is of that form.
fn same_form(found: &Recovery) -> Option<Vec<f64>> {
    let constants = &found.reading.constants;
    let value = |name: &str| constants.iter().find(|c| c.name == name).map(|c| c.value);
    if !found.reading.unread.is_empty() || constants.len() != CONSTANTS.len() {
        return None;
    }
    let values: Vec<f64> = CONSTANTS.iter().map(|name| value(name)).collect::<Option<_>>()?;
    Some(law(&values.try_into().ok()?).constants())
}
