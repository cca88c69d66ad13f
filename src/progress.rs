//! What a long computation tells while it goes on.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// An event of a long computation: reading a table, training, searching, recovering a law, a whole
/// experiment. Its text is a line for a progress bar or a log.
///
/// ```
/// use scalar_dynamics::Progress;
///
/// let mut log = Vec::new();
/// let mut progress = |event: Progress| log.push(event.to_string());
/// progress(Progress::Reading { fraction: 0.25 });
/// progress(Progress::stage("fitting the whole law"));
/// assert_eq!(log, ["reading the trajectories:  25 %", "fitting the whole law"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Progress {
    /// A table is being read.
    Reading {
        /// How much of it is read, from 0 to 1.
        fraction: f64,
    },
    /// A stage of the computation begins.
    Stage {
        /// What is being done, in words: "fitting the whole law".
        name: Cow<'static, str>,
    },
    /// A training has made an iteration.
    Iteration {
        /// Number of the iteration, from 0, which is the start.
        iteration: usize,
        /// What is minimised, in words: "rollout loss".
        objective: &'static str,
        /// Its value.
        value: f64,
        /// Evaluations of value and gradient so far; for noisy chunks rollouts so far.
        evaluations: usize,
    },
    /// A search for closed forms has tried some.
    Search {
        /// What the search is doing.
        phase: SearchPhase,
        /// Forms built so far.
        visited: usize,
        /// Of these, forms whose constants were fitted; the others equal one that was fitted
        /// before.
        fitted: usize,
        /// Root mean square error of the best form so far, in units of the noise where it is known,
        /// else of the measurements' own scale; none before the first form.
        error: Option<f64>,
        /// Complexity of that form, none before the first.
        complexity: Option<usize>,
        /// Time since the search began.
        elapsed: Duration,
    },
    /// A piece of an experiment begins: a model, a table or a figure.
    Piece {
        /// Its number, from 1.
        number: usize,
        /// Number of pieces of the experiment.
        of: usize,
        /// Its name in commands and of its files.
        name: String,
    },
    /// A result that stands before the experiment is over: the law that was read off.
    Found {
        /// The result, in lines of text.
        text: String,
    },
}

/// What a search for closed forms is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchPhase {
    /// It fits the given forms.
    WarmStart,
    /// It tries all forms of one complexity.
    Enumeration {
        /// The complexity.
        complexity: usize,
    },
    /// It tries sums of many simple terms.
    Sums,
    /// It fits what searches of fewer variables have found.
    Reduced,
    /// It recombines what was found.
    Evolution {
        /// Generations so far.
        generation: usize,
    },
    /// It fits the best forms to all samples.
    Polish,
}

impl Progress {
    /// The stage of this name begins.
    pub fn stage(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Stage { name: name.into() }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading { fraction } => {
                write!(f, "reading the trajectories: {:3.0} %", 100.0 * fraction)
            }
            Self::Stage { name } => f.write_str(name),
            Self::Iteration { iteration, objective, value, .. } => {
                write!(f, "iteration {iteration}, {objective} {value:.1e}")
            }
            Self::Search { phase, fitted, error, .. } => {
                write!(f, "{phase}: {fitted} forms fitted")?;
                error.map_or(Ok(()), |error| write!(f, ", error {error:.1e}"))
            }
            Self::Piece { number, of, name } => write!(f, "{number} of {of}: {name}"),
            Self::Found { text } => f.write_str(text),
        }
    }
}

impl fmt::Display for SearchPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WarmStart => f.write_str("given forms"),
            Self::Enumeration { complexity } => write!(f, "all forms of complexity {complexity}"),
            Self::Sums => f.write_str("sums of many terms"),
            Self::Reduced => f.write_str("forms of fewer variables"),
            Self::Evolution { generation } => write!(f, "generation {generation}"),
            Self::Polish => f.write_str("fitting the best forms to all samples"),
        }
    }
}
