//! Search for closed forms that explain samples of a function, its slopes, or both.
//!
//! Forms are families of functions with unknown constants ([`Form`]). One e-graph holds every form
//! visited; a form whose class was fitted before is not fitted again. All forms are tried by
//! growing complexity, then classes that fit well are recombined. Constants are fitted by variable
//! projection and Levenberg-Marquardt with exact derivatives. What is found is a Pareto front of
//! error against complexity ([`Front`]).
//!
//! ```
//! use ndarray::{Array1, Array2};
//! use scalar_dynamics::search::{SearchOptions, Target, search};
//!
//! let x = Array2::from_shape_fn((60, 1), |(i, _)| 0.5 + 0.05 * i as f64);
//! let slopes: Array1<f64> = x.column(0).mapv(|r| 3.0 / (r * r));
//! let target = Target::new(["r"], x.view())?.with_slopes(0, slopes.view())?;
//! let front = search(&target, &SearchOptions::default(), &mut |_| {})?;
//! assert_eq!(front.best().text(&target), "-3/r");
//! # Ok::<(), scalar_dynamics::search::SearchError>(())
//! ```

mod candidate;
mod egraph;
mod enumerate;
mod error;
mod evolve;
mod fit;
mod form;
mod front;
mod mixed;
mod normal;
mod options;
mod polish;
mod reduce;
mod rules;
mod run;
mod space;
mod starts;
mod sums;
mod tape;
mod target;
mod text;

pub use crate::deadline::Deadline;
pub use crate::expr::Number;
pub use crate::progress::{Progress, SearchPhase};
pub use error::SearchError;
pub use form::Form;
pub use front::{Counts, Ended, Found, Front, RIVALS};
pub use options::{Operators, SearchOptions};
pub use rules::{FamilyRule, RULES};
pub use run::{Memory, search, search_with};
pub use target::Target;

#[cfg(test)]
mod tests;
