//! Learn the law that moves particles: from trajectories to a Hamiltonian as a formula with error
//! bars.
//!
//! ```
//! use scalar_dynamics::{dataset::*, integrate::*, recover::*, scalars::Inputs, systems::NamedLaw};
//! # use rand::SeedableRng;
//! # fn main() -> Result<(), scalar_dynamics::Error> {
//! # let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
//! // Orbits about a centre, in chunks of five points; yours come from `read_chunks`.
//! let kepler = NamedLaw::find("kepler").unwrap();
//! let initial = gaussian_states(kepler.mean, &[0.2; 6], 100, &mut rng);
//! let (shape, truth) = (kepler.shape(), kepler.system()?);
//! let states = simulate(&truth, &RungeKutta::new(8)?, initial.view(), 0.2, 50, 8)?;
//! let chunks = aligned_chunks(shape, states.view(), 0.2, 5, &mut rng)?.trajectories;
//! let (train, check) = split(chunks, 0.2, &mut rng);
//! // What the law may depend on: q1, p1, a pivot at the origin, and no other vector.
//! let inputs = Inputs::new(shape, vec![0.0; 3], Vec::new())?;
//! let law = recover(&inputs, &train, &check, &RecoverSettings::default(), &mut |_| {})?;
//! assert_eq!(law.best().to_string(), "0.5*norm(p1)**2 - 1.3/norm(q1)");
//! // What is left on the held-out chunks is rounding.
//! assert!(law.exact());
//! # Ok(())
//! # }
//! ```
//!
//! The method is that of Yao, Storey-Fisher, Hogg & Villar, "A simple equivariant machine learning
//! method for dynamics based on scalars" (2021, arXiv:2110.03761): a function of vectors is
//! invariant under rotations and reflections exactly when it is a function of their inner products
//! (Villar, Hogg, Storey-Fisher, Yao & Blum-Smith 2021, arXiv:2106.06610). Here the function is an
//! explicit basis,
//!
//! H(z) = sum_k theta_k phi_k(s(z)),   dz/dt = J grad H(z),   z = (q1, .., qN, p1, .., pN),
//!
//! with scalars s such as |q2 - q1|, p1.p1 and g.q1. The parameters theta minimise the mean squared
//! error of rolled-out chunks of trajectories by L-BFGS, with gradients from the adjoint of the
//! integrator. Functions that the data don't demand are eliminated, equality saturation brings what
//! is left to its simplest form, and its constants are refitted on the trajectories.
//!
//! # The modules
//!
//! | module | what it has |
//! |---|---|
//! | [`recover`] | the law behind trajectories, with errors and a verdict |
//! | [`dataset`] | trajectory tables (CSV, Parquet, Arrow, npz, XYZ), chunks, random initial states and splits |
//! | [`search`] | symbolic regression of plain samples; it stands alone |
//! | [`systems`] | known systems: the springy double pendulum, any Hamiltonian given as text, named laws |
//! | [`integrate`] | symplectic splitting, Gauss-Legendre, explicit Runge-Kutta; many trajectories at once |
//! | [`scalars`] | input vectors, their invariant scalars, which are independent |
//! | [`model`] | Hamiltonians and fields with vector-Jacobian products: explicit bases, closed forms, perceptrons, equivariant networks |
//! | [`basis`] | explicit bases: Chebyshev polynomials of scalars |
//! | [`train`] | a linear start, whitened coordinates, L-BFGS with checkpoints; [`train::learn`], and [`train::learn_noisy`] for noisy data |
//! | [`evaluate`] | errors of long rollouts |
//! | [`report`] | result files, tables, figures, inspection of tables |
//! | [`expr`] | closed-form expressions of scalars of vectors: parse, print, evaluate, differentiate |
//! | [`rewrite`] | equality saturation: simplest forms, proofs of equality |
//! | [`experiment`] | the paper's tables and figures |
//!
//! What takes long tells its [`Progress`] and may have a [`Deadline`]; every module has an error of
//! its own, and [`Error`] is any of them. The README has the commands; CONTRIBUTING.md has the
//! order of the modules, those below included that have no page here (`linalg`, `field`, `loss`):
//! their names may change without notice.

#![deny(unsafe_code, missing_docs)]

mod deadline;
mod parallel;
mod progress;

#[doc(hidden)]
pub mod linalg;
pub mod expr;
#[doc(hidden)]
pub mod field;
pub mod systems;
pub mod integrate;
pub mod scalars;
pub mod basis;
pub mod model;
pub mod dataset;
#[doc(hidden)]
pub mod loss;
pub mod train;
pub mod rewrite;
pub mod search;
pub mod recover;
pub mod evaluate;
pub mod report;
#[cfg(feature = "paper")]
pub mod experiment;

mod error;

pub use deadline::Deadline;
pub use error::Error;
pub use progress::{Progress, SearchPhase};

/// The examples of README and guides are tests.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/your-own-data.md")]
    struct YourOwnData;
    #[doc = include_str!("../docs/reading-results.md")]
    struct ReadingResults;
    #[doc = include_str!("../docs/results.md")]
    struct Results;
    #[doc = include_str!("../docs/recovery.md")]
    struct WhatIsRecovered;
    #[doc = include_str!("../docs/new-force-law.md")]
    struct NewForceLaw;
    #[doc = include_str!("../docs/new-model.md")]
    struct NewModel;
    #[doc = include_str!("../docs/dependencies.md")]
    struct Dependencies;
}
