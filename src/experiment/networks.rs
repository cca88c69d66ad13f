//! The neural networks: sizes, training, test.

use std::path::Path;

use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::data::Data;
use super::error::ExperimentError;
use super::evaluation::{Precision, evaluate};
use super::files::make_folder;
use super::learner::{BenchmarkModel, Dynamics, Symmetry};
use super::profile::Profile;
use super::stopwatch::Stopwatch;
use super::transfer::{Stepping, transfer};
use super::unit::{Step, Unit, settings, teller, training};
use crate::expr::Vector;
use crate::loss::RolloutOptions;
use crate::model::network::{
    Activation, Centres, NetworkField, NetworkHamiltonian, Scalars, VectorSumField,
};
use crate::model::{RandomStart, emlp};
use crate::progress::Progress;
use crate::scalars::{Inputs, ScalarSet};
use crate::train::{
    self, NetworkFit, NetworkSettings, NetworkStage, NetworkStep, Record, Saving, StageLoss,
    states, train_network,
};

/// Longest step of the integrator in training: that between two points, for which its order of 8 is
/// plenty.
const STEP: f64 = 0.2;
/// Chunks side by side.
const BATCH: usize = 64;
/// Random numbers of networks come from this stream of the seed; those of the data from stream 0.
const STREAM: u64 = 1;

/// Sizes of the layers, as in the public code of Yao et al. (2021), and what belongs to them.
#[derive(Clone, Debug)]
struct Size {
    hidden: Vec<usize>,
    centres: Centres,
}

fn size(learner: BenchmarkModel, profile: Profile) -> Size {
    let (width, number) = match (profile, learner) {
        (Profile::Smoke, _) => (8, 4),
        (_, BenchmarkModel::ScalarsMlp(_) | BenchmarkModel::ScalarsMlpRelu) => (100, CENTRES),
        _ => (128, CENTRES),
    };
    Size { hidden: vec![width; 3], centres: Centres { number, width: 1.0 / (number - 1) as f64 } }
}

/// Gaussian radial functions of each scalar. The public code has 200, which overlap so much that
/// they span little more than these.
const CENTRES: usize = 24;

/// Iterations of L-BFGS at most: on the integral form, the same with corrected quadrature, on
/// rollouts. Those of equivariant networks cost several times as much, those on rollouts ten times
/// as much. At quick only ReLU has the latter, as its own forces are trained in no other: for the
/// others they lower the validation error by two percent at most.
fn iterations(learner: BenchmarkModel, profile: Profile) -> [usize; 3] {
    let equivariant = matches!(learner, BenchmarkModel::Emlp(..));
    match profile {
        Profile::Smoke => [10, 10, 5],
        Profile::Quick if equivariant && learner.dynamics() == Dynamics::Hnn => [50, 100, 0],
        Profile::Quick if probes(learner, profile).is_some() => [50, 150, 0],
        Profile::Quick if learner == BenchmarkModel::ScalarsMlpRelu => [200, 350, 5],
        Profile::Quick if learner == BenchmarkModel::ScalarsMlp(Dynamics::NOde) => [200, 150, 0],
        Profile::Quick => [200, 250, 0],
        Profile::Paper if equivariant => [150, 400, 10],
        Profile::Paper => [300, 800, 20],
    }
}

/// Iterations between two looks at the validation data, each of which costs as much as four
/// iterations. What comes after the last look of a stage is lost, so those of quick's stages are
/// multiples of this, also when three sharpnesses share them.
fn round(profile: Profile) -> usize {
    match profile {
        Profile::Smoke => 5,
        Profile::Quick => 50,
        Profile::Paper => 20,
    }
}

/// Random vectors for each block of chunks that the coordinates of training are taken from, at
/// quick. Equivariant networks and the perceptron as a field come to the same validation error in
/// less than half of the iterations; perceptrons on scalars and as a Hamiltonian would not: they
/// come to the same training error sooner, but predict other chunks worse.
fn probes(learner: BenchmarkModel, profile: Profile) -> Option<u64> {
    let helped = matches!(learner, BenchmarkModel::Emlp(..) | BenchmarkModel::Mlp(Dynamics::NOde));
    (profile == Profile::Quick && helped).then_some(4)
}

/// ReLU's forces jump, and the gradient of its loss does not see that. So it is trained as the
/// limit of smooth functions, of these sharpnesses one after the other.
const SHARPNESS: [f64; 3] = [1.0, 6.0, 36.0];

/// How networks are trained, chosen by validation.
fn network_settings(
    learner: BenchmarkModel,
    profile: Profile,
) -> Result<NetworkSettings, ExperimentError> {
    let plain = settings(STEP)?;
    let [first, corrected, rollout] = iterations(learner, profile);
    Ok(NetworkSettings {
        rollout: RolloutOptions { batch: BATCH, ..plain.rollout },
        weights: plain.weights,
        stages: [
            NetworkStage { loss: StageLoss::Quadrature, iterations: first },
            NetworkStage { loss: StageLoss::Quadrature, iterations: corrected },
            NetworkStage { loss: StageLoss::Rollout, iterations: rollout },
        ]
        .into_iter()
        .filter(|stage| stage.iterations > 0)
        .collect(),
        round: round(profile),
        patience: 5,
        decay: 0.0,
        probes: probes(learner, profile),
    })
}

/// All settings, as text.
pub(super) fn plan(learner: BenchmarkModel, profile: Profile) -> String {
    let text = network_settings(learner, profile).map(|settings| {
        let NetworkSettings { rollout, weights, stages, round, patience, decay, probes } = settings;
        let rollout = (rollout.method.stages(), rollout.step, rollout.batch);
        let stages: Vec<_> = stages.iter().map(|stage| (stage.loss, stage.iterations)).collect();
        let probes = probes.map_or_else(String::new, |probes| format!(" probes {probes}"));
        let sharpness = if learner == BenchmarkModel::ScalarsMlpRelu { format!(" sharpness {SHARPNESS:?}") } else { String::new() };
        format!(
            "{:?} {rollout:?} weights {weights:?} {stages:?} round {round} patience {patience} decay {decay:e}{probes}{sharpness}",
            size(learner, profile)
        )
    });
    text.expect("the integrator has this order")
}

/// Trains and tests a network.
///
/// # Errors
/// [`ExperimentError::Scalars`], [`ExperimentError::Train`].
pub(super) fn unit(
    learner: BenchmarkModel,
    profile: Profile,
    data: &Data,
    saving: Saving,
    progress: &mut dyn FnMut(Progress),
    clock: &mut Stopwatch,
) -> Result<Unit, ExperimentError> {
    let inputs = data.inputs()?;
    let states = states(&data.train.trajectories);
    let Size { hidden, centres } = size(learner, profile);
    let (z, swish) = (states.view(), Activation::Swish);
    let scalars = || scalars(&inputs, &states);
    let mut work = Work { learner, profile, data, saving, progress, clock };
    match learner {
        BenchmarkModel::Emlp(symmetry, dynamics) => {
            let (group, size) =
                (symmetry.group(), emlp::Size { channels: hidden[0], blocks: hidden.len() });
            // A group about the vertical knows where gravity points, that of all space is told.
            let context = if symmetry == Symmetry::O3 { inputs.context } else { Vec::new() };
            let inputs = Inputs { context, ..inputs };
            let failed = train::TrainError::from;
            match dynamics {
                Dynamics::Hnn => {
                    let model = NetworkHamiltonian::emlp_of_inputs(&group, &inputs, z, size);
                    work.unit(model.map_err(failed)?)
                }
                Dynamics::NOde => {
                    let model = NetworkField::emlp_of_inputs(&group, &inputs, z, size);
                    work.unit(model.map_err(failed)?)
                }
            }
        }
        BenchmarkModel::Mlp(Dynamics::Hnn) => work.unit(NetworkHamiltonian::mlp(z, &hidden, swish)),
        BenchmarkModel::Mlp(Dynamics::NOde) => work.unit(NetworkField::mlp(z, &hidden, swish)),
        BenchmarkModel::ScalarsMlpRelu => {
            let scalars = scalars()?;
            work.sharpened(|activation| {
                NetworkHamiltonian::<Scalars<3>>::scalars_mlp(
                    scalars.clone(),
                    z,
                    &hidden,
                    activation,
                )
            })
        }
        BenchmarkModel::ScalarsMlp(Dynamics::NOde) => {
            let vectors = vectors(&inputs);
            work.unit(VectorSumField::<3>::scalars_mlp(
                &inputs,
                scalars()?,
                &vectors,
                z,
                centres,
                &hidden,
                swish,
            )?)
        }
        _ => {
            work.unit(NetworkHamiltonian::<Scalars<3>>::scalars_mlp(scalars()?, z, &hidden, swish))
        }
    }
}

/// The independent ones of all scalars.
fn scalars(inputs: &Inputs, states: &Array2<f64>) -> Result<ScalarSet, ExperimentError> {
    Ok(ScalarSet::independent(inputs, inputs.catalogue(), states.view())?)
}

/// The vectors that the paper's N-ODE is a sum of.
fn vectors(inputs: &Inputs) -> Vec<Vector> {
    let n = inputs.shape.particles;
    let positions: Vec<Vector> = (1..=n).map(|i| inputs.position(i)).collect();
    let relative = (1..n)
        .flat_map(|j| (0..j).map(move |i| (i, j)))
        .map(|(i, j)| &positions[j] - &positions[i]);
    let context = inputs.context.iter().map(|(name, _)| Vector::named(name.clone()));
    positions
        .iter()
        .cloned()
        .chain(relative)
        .chain((1..=n).map(|i| inputs.momentum(i)))
        .chain(context)
        .collect()
}

/// What every network is trained and tested with.
struct Work<'a> {
    learner: BenchmarkModel,
    profile: Profile,
    data: &'a Data,
    saving: Saving<'a>,
    progress: &'a mut dyn FnMut(Progress),
    clock: &'a mut Stopwatch,
}

impl Work<'_> {
    fn unit<M: RandomStart + Clone>(&mut self, model: M) -> Result<Unit, ExperimentError> {
        let settings = network_settings(self.learner, self.profile)?;
        let fit = self.fit(&model, self.start(&model), &settings, self.saving.path)?;
        self.finish(model, fit)
    }

    /// ReLU as the limit of ever sharper functions: these share the iterations on the integral
    /// form; rollouts are left to ReLU itself.
    fn sharpened<M: RandomStart + Clone>(
        &mut self,
        model: impl Fn(Activation) -> M,
    ) -> Result<Unit, ExperimentError> {
        let mut settings = network_settings(self.learner, self.profile)?;
        let rollout = settings.stages.pop();
        settings
            .stages
            .iter_mut()
            .for_each(|stage| stage.iterations = stage.iterations.div_ceil(SHARPNESS.len()));
        let relu = model(Activation::Relu);
        let (mut theta, mut history) = (self.start(&relu), Vec::new());
        for sharpness in SHARPNESS {
            let folder = self.saving.path.join(format!("sharpness{sharpness}"));
            make_folder(&folder)?;
            let fit = self.fit(&model(Activation::Sharp(sharpness)), theta, &settings, &folder)?;
            history = joined(history, fit.history);
            theta = fit.theta;
        }
        settings.stages = rollout.into_iter().collect();
        let fit = self.fit(&relu, theta, &settings, self.saving.path)?;
        self.finish(relu, NetworkFit { history: joined(history, fit.history), ..fit })
    }

    fn start<M: RandomStart + Clone>(&self, model: &M) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.data.seed);
        rng.set_stream(STREAM);
        model.initial(&mut rng)
    }

    fn fit<M: RandomStart + Clone>(
        &mut self,
        model: &M,
        start: Vec<f64>,
        settings: &NetworkSettings,
        folder: &Path,
    ) -> Result<NetworkFit, ExperimentError> {
        let Self { data, saving, progress, clock, .. } = self;
        Ok(train_network(
            model,
            start,
            &data.train.trajectories,
            &data.validation.trajectories,
            settings,
            Some(Saving { path: folder, ..*saving }),
            &mut teller(&mut **progress, clock),
        )?)
    }

    fn finish<M: RandomStart + Clone>(
        &mut self,
        model: M,
        fit: NetworkFit,
    ) -> Result<Unit, ExperimentError> {
        self.clock.lap("training");
        let precision = Precision::of(self.learner, self.profile);
        let evaluation = evaluate(&model, &fit.theta, self.data, precision)?;
        let stepping = Stepping::Known(evaluation.steps()?);
        let transfer = transfer(&model, &fit.theta, self.data, &stepping)?;
        let history = fit.history.iter().map(step).collect();
        let rollout = network_settings(self.learner, self.profile)?.rollout;
        let settings = crate::train::Settings { rollout, ..settings(STEP)? };
        let training = training(&model, &fit.theta, self.data, &settings, history, fit.outcome);
        self.clock.lap("evaluation");
        Ok(Unit { training, evaluation, transfer, law: None })
    }
}

/// One training after another: iterations and evaluations are counted on.
fn joined(mut history: Vec<NetworkStep>, next: Vec<NetworkStep>) -> Vec<NetworkStep> {
    let (iterations, evaluations) =
        history.last().map_or((0, 0), |last| (last.record.iteration, last.field_evaluations));
    history.extend(next.into_iter().map(|step| NetworkStep {
        record: Record { iteration: iterations + step.record.iteration, ..step.record },
        field_evaluations: evaluations + step.field_evaluations,
        ..step
    }));
    history
}

fn step(step: &NetworkStep) -> Step {
    Step {
        stage: step.form.name().into(),
        iteration: step.record.iteration,
        loss: step.record.value,
        gradient_norm: step.record.gradient_norm,
        validation: step.validation,
        field_evaluations: step.field_evaluations,
    }
}
