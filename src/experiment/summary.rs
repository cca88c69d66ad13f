//! What a run tells at its end.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::data::{Accuracy, Preset, TOLERANCE};
use super::run::{Done, Results};
use super::tables::{table1_rows, true_value};
use super::timings::Timings;
use super::{Product, Profile, models};
use crate::evaluate::geometric_mean;

/// The results of a run; [`Display`] shows them to a person.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was learned.
    pub results: Results,
    /// Seconds of each phase, over all runs that took part.
    pub seconds: Vec<(&'static str, f64)>,
    /// Folders of data and figures.
    pub folders: [PathBuf; 2],
    products: Vec<Product>,
}

const PHASES: [&str; 6] = ["data", "training", "recovery", "evaluation", "tables and figures", "total of the last run"];

impl Summary {
    pub(super) fn new(results: Results, products: &[Product], timings: &Timings, folders: [PathBuf; 2]) -> Self {
        let seconds = PHASES.iter().map(|phase| (*phase, timings.total(phase))).filter(|(_, seconds)| *seconds > 0.0).collect();
        Self { results, seconds, folders, products: products.to_vec() }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let results = &self.results;
        if let Some(data) = &results.data {
            write_data(f, results, &data.accuracy)?;
        }
        if self.products.iter().any(|product| product.needs_models()) {
            write_models(f, results)?;
        }
        for done in results.models.iter().filter(|done| done.seed == results.seed) {
            write_law(f, done)?;
        }
        let seconds: Vec<String> = self.seconds.iter().map(|(phase, seconds)| format!("{phase} {seconds:.1} s")).collect();
        writeln!(f, "Time: {}", seconds.join(", "))?;
        let [data, figures] = &self.folders;
        write!(f, "Tables are in {}, figures in {}.", data.join("results").display(), figures.display())
    }
}

fn write_data(f: &mut Formatter, results: &Results, accuracy: &Accuracy) -> fmt::Result {
    let (profile, seeds) = (results.profile, results.profile.seeds());
    let plural = if seeds == 1 { "seed" } else { "seeds" };
    let name = profile.name();
    writeln!(
        f,
        "Springy double pendulum, profile {name}: {seeds} {plural}, {} chunks, {} test trajectories.",
        profile.chunks(),
        profile.tests()
    )?;
    if profile == Profile::Smoke {
        writeln!(
            f,
            "Too small to judge accuracy by: this only shows that everything works. The profile `quick` has the paper's data."
        )?;
    }
    let Accuracy { substeps, error, truth_error, truth_mean_error, .. } = accuracy;
    writeln!(
        f,
        "Data: splitting of order 8, {substeps} steps per interval; largest state error at the end, measured by halving the step,"
    )?;
    writeln!(
        f,
        "{error:.0e} (at most {TOLERANCE:.0e} allowed); of the test trajectories {truth_error:.0e}, their geometric mean {truth_mean_error:.0e}.\n"
    )
}

fn write_models(f: &mut Formatter, results: &Results) -> fmt::Result {
    writeln!(f, "Relative errors of rollouts over 29.8 units of time (geometric means over times, trajectories and seeds):")?;
    let header = ["model", "parameters", "state", "clamped", "paper", "angular mom.", "energy", "integrator in training"];
    writeln!(
        f,
        "  {:<26}{:>11}{:>10}{:>10}{:>8}{:>14}{:>10}{:>24}",
        header[0], header[1], header[2], header[3], header[4], header[5], header[6], header[7]
    )?;
    for row in table1_rows(results) {
        let of_row: Vec<&Done> = results.of_table1().filter(|done| done.learner.key() == row.key).collect();
        let mean = |of: &dyn Fn(&Done) -> f64| (of_row.iter().map(|done| of(done).ln()).sum::<f64>() / of_row.len() as f64).exp();
        let angular_momentum =
            mean(&|done| geometric_mean(&models::above_roundoff(&done.unit.evaluation.errors().angular_momentum)));
        let energy = mean(&|done| geometric_mean(&models::above_roundoff(&done.unit.evaluation.errors().energy)));
        let step_error = of_row.iter().map(|done| done.unit.training.step_error).fold(0.0, f64::max);
        let name = format!("{} {}, {}", row.key.model, row.key.dynamics, row.key.basis);
        let paper = row.paper.map_or_else(|| "-".into(), |paper| paper.to_string());
        writeln!(
            f,
            "  {name:<26}{:>11}{:>10.1e}{:>10.1e}{paper:>8}{angular_momentum:>14.1e}{energy:>10.1e}{step_error:>24.1e}",
            row.parameters, row.geometric_mean, row.clamped_mean
        )?;
    }
    writeln!(
        f,
        "  (clamped: errors below 1e-7 count as 1e-7, as in the paper; integrator in training: what halving its step changes)\n"
    )
}

fn write_law(f: &mut Formatter, done: &Done) -> fmt::Result {
    let Some(law) = &done.unit.law else { return Ok(()) };
    let preset = done.preset;
    let what = match preset {
        Preset::ReferenceCode => "the public reference code's pendulum",
        Preset::Paper => "the paper's pendulum",
    };
    writeln!(f, "Law recovered from {what} (preset {}){}:", preset.name(), if law.exact { "" } else { ", not exact" })?;
    writeln!(f, "  H = {}", law.expression)?;
    for (name, force) in &law.forces {
        writeln!(f, "  force on {name} = {force}")?;
    }
    for constant in &law.constants {
        let truth = true_value(preset, &constant.name).map_or_else(String::new, |truth| format!("  (true: {truth})"));
        let value = constant.snapped.map_or_else(String::new, |snapped| format!("= {snapped}"));
        let (name, fitted, error, meaning) = (&constant.name, constant.value, constant.standard_error, &constant.meaning);
        writeln!(f, "  {name:<3} {value:<8} fitted {fitted:.12} +- {error:.0e}{truth}  {meaning}")?;
    }
    for term in &law.unread {
        writeln!(f, "  further term: {term}")?;
    }
    writeln!(f)
}
