//! Training of networks: what is kept, why it ends, and that a stop changes nothing.

use ndarray::s;
use scalar_dynamics::dataset::Trajectory;
use scalar_dynamics::integrate::RungeKutta;
use scalar_dynamics::loss::{RolloutLoss, RolloutOptions};
use scalar_dynamics::model::RandomStart;
use scalar_dynamics::model::network::{NetworkHamiltonian, State};
use scalar_dynamics::train::{
    NetworkFit, NetworkSettings, NetworkStage, NetworkStep, Outcome, Saving, StageLoss, TrainError,
    train_network,
};

use crate::common::*;

/// A task so small that the network learns it by heart: validation stops falling long before the
/// loss does.
struct Task {
    model: NetworkHamiltonian<State>,
    train: Vec<Trajectory>,
    validation: Vec<Trajectory>,
}

impl Task {
    fn new() -> Self {
        let (train, validation) = (chunks(6, 31), chunks(24, 32));
        Self { model: mlp_hamiltonian(&states(&train)), train, validation }
    }

    fn train(
        &self,
        stages: &[(StageLoss, usize)],
        checkpoint: Option<&std::path::Path>,
    ) -> NetworkFit {
        let start = self.model.initial(&mut rng(33));
        let saving = checkpoint.map(|folder| Saving::from((folder, "a task")));
        train_network(
            &self.model,
            start,
            &self.train,
            &self.validation,
            &settings(stages),
            saving,
            &mut |_| {},
        )
        .unwrap()
    }

    fn validation(&self, theta: &[f64]) -> f64 {
        RolloutLoss::new(&self.model, &self.validation, &[1.0; 12], settings(&[]).rollout)
            .value(theta)
    }
}

fn settings(stages: &[(StageLoss, usize)]) -> NetworkSettings {
    NetworkSettings {
        rollout: RolloutOptions { method: RungeKutta::new(4).unwrap(), step: 0.2, batch: 16 },
        weights: vec![1.0; 12],
        stages: stages
            .iter()
            .map(|&(loss, iterations)| NetworkStage { loss, iterations })
            .collect(),
        round: 5,
        patience: 4,
        decay: 0.0,
        probes: None,
    }
}

fn least(steps: &[NetworkStep]) -> f64 {
    steps.iter().filter_map(|step| step.validation).fold(f64::INFINITY, f64::min)
}

const STAGES: [(StageLoss, usize); 3] =
    [(StageLoss::Quadrature, 800), (StageLoss::Quadrature, 200), (StageLoss::Rollout, 20)];

#[test]
fn training_keeps_the_best_by_validation_over_all_stages() {
    let task = Task::new();
    let fit = task.train(&STAGES, None);
    assert_eq!(task.validation(&fit.theta), least(&fit.history));
    let loss = |form: StageLoss| {
        fit.history.iter().filter(move |step| step.form == form).map(|step| step.record.value)
    };
    assert!(
        loss(StageLoss::Quadrature).next_back() < loss(StageLoss::Quadrature).next(),
        "nothing was learned"
    );
    let first = task.train(&STAGES[..1], None);
    assert_eq!(first.outcome, Outcome::Judged, "validation stops falling");
    let last = first.history.iter().filter_map(|step| step.validation).next_back().unwrap();
    assert!(last > least(&first.history), "the last iterate of this task is not its best");
    assert_eq!(task.validation(&first.theta), least(&first.history));
    assert!(least(&fit.history) <= least(&first.history), "a later stage made it worse");
}

#[test]
fn training_counts_iterations_and_evaluations_over_all_stages() {
    let fit = Task::new().train(
        &[(StageLoss::Quadrature, 10), (StageLoss::Quadrature, 10), (StageLoss::Rollout, 5)],
        None,
    );
    let pairs = || fit.history.windows(2);
    assert!(
        pairs().all(|pair| pair[1].record.iteration - pair[0].record.iteration <= 1),
        "an iteration is missing"
    );
    assert!(
        pairs().all(|pair| pair[1].field_evaluations > pair[0].field_evaluations),
        "evaluations go down"
    );
    // Six chunks of five states of four intervals; four stages of a step; a product counts as one.
    let costs = |form: StageLoss| {
        let of_form = fit.history.iter().filter(move |step| step.form == form).collect::<Vec<_>>();
        let (first, last) = (of_form[of_form.len() - 2], of_form[of_form.len() - 1]);
        (
            last.field_evaluations - first.field_evaluations,
            last.record.evaluations - first.record.evaluations,
        )
    };
    let (rollout, evaluations) = costs(StageLoss::Rollout);
    assert_eq!(rollout, evaluations * 2 * 6 * 4 * 4);
    let (quadrature, evaluations) = costs(StageLoss::Quadrature);
    assert_eq!(quadrature, evaluations * 2 * 6 * 5);
}

/// Every stage is stopped once, by a smaller limit, and goes on from its checkpoint.
#[test]
fn training_resumes_to_the_same_bytes() {
    let task = Task::new();
    let whole = task.train(&STAGES, None);
    let folder = tempfile::tempdir().unwrap();
    for stop in [[10, 0, 0], [800, 15, 0], [800, 200, 5]] {
        let stages: Vec<(StageLoss, usize)> = STAGES
            .iter()
            .zip(stop)
            .map(|((form, _), limit)| (*form, limit))
            .filter(|s| s.1 > 0)
            .collect();
        task.train(&stages, Some(folder.path()));
    }
    let resumed = task.train(&STAGES, Some(folder.path()));
    assert!(resumed.theta == whole.theta && resumed.outcome == whole.outcome);
    assert_eq!(resumed.history, whole.history);
}

#[test]
fn training_refuses_what_it_cannot_use() {
    let Task { model, train, validation } = Task::new();
    let start = model.initial(&mut rng(33));
    let fit = |start: Vec<f64>, train: &[Trajectory], validation: &[Trajectory]| {
        train_network(&model, start, train, validation, &settings(&STAGES), None, &mut |_| {})
            .map(|_| ())
    };
    assert!(matches!(fit(start.clone(), &[], &validation), Err(TrainError::NoChunks)));
    assert!(matches!(fit(start.clone(), &train, &[]), Err(TrainError::NoChunks)));
    assert!(matches!(
        fit(vec![f64::NAN; start.len()], &train, &validation),
        Err(TrainError::NotFinite)
    ));
    let mut broken = train.clone();
    broken[0].states.slice_mut(s![1, ..]).fill(f64::NAN);
    assert!(matches!(fit(start, &broken, &validation), Err(TrainError::NotFinite)));
}
