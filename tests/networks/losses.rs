//! The rollout loss of networks: its adjoint, and the same bytes from any number of threads.

use scalar_dynamics::integrate::RungeKutta;
use scalar_dynamics::loss::{Options, RolloutLoss};
use scalar_dynamics::model::RandomStart;
use scalar_dynamics::model::emlp::{Group, Size};
use scalar_dynamics::model::network::Activation;

use crate::common::*;
use crate::gradients::{derivative, start};

fn check_loss<M: RandomStart>(model: &M, chunks: &[scalar_dynamics::dataset::Trajectory], bound: f64) {
    let mut rng = rng(8);
    let options = Options { method: RungeKutta::new(4).unwrap(), step: 0.1, batch: 16 };
    let loss = RolloutLoss::new(model, chunks, &[1.0; 12], options);
    // A quarter of a start's size: motions stay bounded.
    let theta: Vec<f64> = start(model, 9).iter().map(|t| 0.5 * t).collect();
    let mut gradient = vec![f64::NAN; theta.len()];
    let value = loss.gradient_into(&theta, &mut gradient);
    assert_close(loss.value(&theta), value, 1e-15, "value");
    for _ in 0..3 {
        let direction = uniform(theta.len(), 1.0, &mut rng);
        let expected = derivative(|h| {
            let moved: Vec<f64> = theta.iter().zip(&direction).map(|(t, d)| t + 0.1 * h * d).collect();
            loss.value(&moved)
        }) * 10.0;
        let product: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        assert!(expected.abs() > 1e-6, "nothing to see along this direction");
        assert_close(product / expected, 1.0, bound, "gradient of the loss");
    }
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    for threads in [1, 3] {
        let mut again = vec![f64::NAN; theta.len()];
        let same = pool(threads).install(|| loss.gradient_into(&theta, &mut again));
        assert!(same == value && again == gradient, "{threads} threads");
    }
}

#[test]
fn gradient_rollouts_of_perceptrons() {
    let chunks = chunks(21, 11);
    let states = states(&chunks);
    check_loss(&mlp_hamiltonian(&states), &chunks, 1e-8);
    check_loss(&mlp_field(&states), &chunks, 1e-8);
    check_loss(&scalars_hamiltonian(&states, Activation::Swish), &chunks, 1e-8);
    check_loss(&scalars_field(&states), &chunks, 1e-8);
}

#[test]
fn gradient_rollouts_of_equivariant_networks() {
    let chunks = chunks(21, 12);
    let states = states(&chunks);
    for group in [Group::so2(), Group::dihedral(2)] {
        let (hamiltonian, field) = emlps(&group, &states, Size { channels: 30, blocks: 2 });
        check_loss(&hamiltonian, &chunks, 1e-8);
        check_loss(&field, &chunks, 1e-8);
    }
}

/// No seed starts with a field that diverges on the data.
#[test]
fn regress_starts_are_tame() {
    let chunks = chunks(64, 13);
    let states = states(&chunks);
    let options = Options { method: RungeKutta::new(4).unwrap(), step: 0.2, batch: 64 };
    let tame = |model: &dyn Fn(u64) -> f64| {
        let values: Vec<f64> = (0..6).map(model).collect();
        println!("{values:?}");
        assert!(values.iter().all(|v| *v < 10.0), "{values:?}");
    };
    for group in [Group::o2(), Group::dihedral(2)] {
        let (hamiltonian, field) = emlps(&group, &states, Size::PAPER);
        let value =
            |seed| RolloutLoss::new(&hamiltonian, &chunks, &[1.0; 12], options.clone()).value(&hamiltonian.initial(&mut rng(seed)));
        tame(&value);
        let value = |seed| RolloutLoss::new(&field, &chunks, &[1.0; 12], options.clone()).value(&field.initial(&mut rng(seed)));
        tame(&value);
    }
    let (hamiltonian, field) = (mlp_hamiltonian(&states), mlp_field(&states));
    tame(&|seed| RolloutLoss::new(&hamiltonian, &chunks, &[1.0; 12], options.clone()).value(&hamiltonian.initial(&mut rng(seed))));
    tame(&|seed| RolloutLoss::new(&field, &chunks, &[1.0; 12], options.clone()).value(&field.initial(&mut rng(seed))));
}
