//! Every named law, from clean data as `cargo run --example laws` makes it: what is found is the
//! law, and only then said to be exact.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use scalar_dynamics::dataset::split;
use scalar_dynamics::expr::Expr;
use scalar_dynamics::recover::{RecoverSettings, recover};
use scalar_dynamics::rewrite::{EqualityOptions, Proof};
use scalar_dynamics::scalars::Inputs;
use scalar_dynamics::systems::{ExpressionSystem, NamedLaw};
use scalar_dynamics::train::states;

use crate::data;

/// What is expected of a law.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// It is found, proved equal to its Hamiltonian up to a constant, and exact.
    Law,
    /// Likewise, but the proof, for vectors of any lengths and angles, needs the Hamiltonian
    /// written with the components that the search uses.
    Written(&'static str),
    /// Likewise, but equality saturation has no proof: at the points sampled they are equal, and
    /// so are the gradients.
    Sampled,
}

fn expected(name: &str) -> Expected {
    match name {
        "anisotropic" => Expected::Written("0.5*norm(p1)**2 + 1.1*norm(q1)**2 - 0.6*dot(ex,q1)**2"),
        "anharmonic-chain" => Expected::Written(
            "0.5*(norm(p1)**2+norm(p2)**2+norm(p3)**2) + 0.5*norm(q1)**2 + 0.3*norm(q2-q1)**2 + 0.1*norm(q2-q1)**4 \
             + 0.3*norm(q3-q2)**2 + 0.1*norm(q3-q2)**4 + 0.5*norm(q3)**2",
        ),
        // Fractions, exponentials and logarithms with a sum inside, whose constants multiply out to
        // others.
        "morse" | "woods-saxon" | "fene" | "varying-mass" => Expected::Sampled,
        _ => Expected::Law,
    }
}

/// Those that take half a minute or more each.
const SLOW: [&str; 1] = ["short-yukawa"];

/// Ten times the largest error of a gradient that was measured: constants are simple numbers, hence
/// exact (lennard-jones 9e-15), but for fene's (5e-8).
fn bound(name: &str) -> f64 {
    if name == "fene" { 5e-7 } else { 1e-13 }
}

/// What is wrong with the recovery of a law.
fn wrong(law: &NamedLaw) -> Option<String> {
    let (mut rng, begin) = (ChaCha8Rng::seed_from_u64(1), Instant::now());
    let truth = law.system().unwrap();
    let table = data::make(law, &truth, 500, 0.0, &mut rng).unwrap();
    let all = states(&table.trajectories);
    let (train, check) = split(table.trajectories, 0.2, &mut rng);
    let inputs = Inputs::new(law.shape(), vec![0.0; law.dimension], law.context()).unwrap();
    let found = recover(&inputs, &train, &check, &RecoverSettings::default(), &mut |_| {}).unwrap();
    let expected = expected(law.name);
    let written: Expr = match expected {
        Expected::Written(text) => text.parse().unwrap(),
        _ => law.hamiltonian.parse().unwrap(),
    };
    let options = EqualityOptions {
        up_to_constant: true,
        relative_tolerance: 1e-6,
        ..EqualityOptions::default()
    };
    let proof = found.against(&inputs, &written, all.view(), &options).unwrap().proof;
    let system = ExpressionSystem::new(found.best(), law.shape(), &law.context()).unwrap();
    // In the box of the data, and in one 1.3 times as wide.
    let error = [1.0, 1.3]
        .map(|width| data::gradient_error(&truth, &system, &all, width, &mut rng))
        .into_iter()
        .fold(0.0, f64::max);
    let seconds = begin.elapsed().as_secs_f64();
    println!("{} {seconds:.1} s, exact {}, error {error:.1e}", law.name, found.exact());
    let proved = match expected {
        Expected::Sampled => proof == Proof::Unknown,
        _ => matches!(proof, Proof::Equal { .. }),
    };
    let right =
        found.exact() && found.nonconservative.is_none() && proved && error < bound(law.name);
    (!right).then(|| {
        let (exact, best) = (found.exact(), found.best());
        format!("{}: {expected:?}, but exact {exact}, error {error:e}, {proof:?}: {best}", law.name)
    })
}

fn check(slow: bool) {
    let laws = NamedLaw::ALL.iter().filter(|law| SLOW.contains(&law.name) == slow);
    let wrong: Vec<String> = laws.filter_map(wrong).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn regress_every_named_law_is_found() {
    check(false);
}

#[test]
#[ignore = "slow: minutes, run with -- --ignored"]
fn regress_every_slow_named_law_is_found() {
    check(true);
}
