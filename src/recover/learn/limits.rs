//! Limits of learning, each used by more than one of its steps.

/// Degree of the functions of a law in so much noise that six degrees can't be fitted.
pub(crate) const LOWER_DEGREE: usize = 2;

/// Rollouts may be off by this part of the noise.
pub(crate) const OF_NOISE: f64 = 0.1;

/// A misfit above this may be noise.
pub(crate) const NOISY: f64 = 1e-5;

/// Degree of the first fit.
pub(crate) const FIRST_DEGREE: usize = 6;

/// A misfit below which no degree is added: with 1e-10 a chain of three took three times as long
/// (measured), and few laws need more to be told from others.
pub(crate) const ENOUGH: f64 = 1e-8;

/// No basis has more functions.
pub(crate) const MOST_FUNCTIONS: usize = 400;

/// Products of scalars are looked for when the misfit is above this.
pub(crate) const PAIRS_ABOVE: f64 = 1e-6;

/// No interval is cut into more pieces.
pub(crate) const MOST_PIECES: usize = 8;

/// Paths are not made more accurate than this: roundoff of their sums is a tenth of it.
pub(crate) const OF_PATHS: f64 = 1e-11;
