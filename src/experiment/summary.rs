//! What a run tells at its end.

use std::fmt::{self, Display, Formatter, Write};
use std::path::PathBuf;

use ndarray::Array2;

use super::data::{Accuracy, Preset, TOLERANCE};
use super::evaluation::above_roundoff;
use super::product::Artefact;
use super::profile::Profile;
use super::results::{Done, Results};
use super::tables::table1_rows;
use super::timings::Timings;
use super::unit::Law;
use crate::evaluate::{RolloutErrors, geometric_mean};
use crate::report::tables::{RowKey, Table1Row};
use crate::report::words::NOT_FITTED;

/// The results of a run; [`Display`] shows them to a person.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was learned.
    pub results: Results,
    /// Seconds of each phase, over all runs that took part.
    pub seconds: Vec<(&'static str, f64)>,
    /// Folders of data and figures.
    pub folders: [PathBuf; 2],
    products: Vec<Artefact>,
}

const PHASES: [&str; 6] =
    ["data", "training", "recovery", "evaluation", "tables and figures", "total of the last run"];

impl Summary {
    pub(super) fn new(
        results: Results,
        products: &[Artefact],
        timings: &Timings,
        folders: [PathBuf; 2],
    ) -> Self {
        let seconds = PHASES
            .iter()
            .map(|phase| (*phase, timings.total(phase)))
            .filter(|(_, seconds)| *seconds > 0.0)
            .collect();
        Self { results, seconds, folders, products: products.to_vec() }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let results = &self.results;
        if let Some(data) = &results.data {
            write_data(f, results, &data.accuracy)?;
        }
        if results.of_table1().next().is_some() {
            write_models(f, results)?;
        }
        for done in results.models.iter().filter(|done| done.seed == results.seed) {
            if let Some(law) = &done.unit.law {
                write_law(f, done.preset, law)?;
            }
        }
        let seconds: Vec<String> =
            self.seconds.iter().map(|(phase, seconds)| format!("{phase} {seconds:.1} s")).collect();
        writeln!(f, "Time: {}", seconds.join(", "))?;
        let [data, figures] = &self.folders;
        match self.products.is_empty() {
            true => write!(
                f,
                "Units are in {}; a run without names makes tables and figures of them.",
                data.join("checkpoints").display()
            ),
            false => write!(
                f,
                "Tables are in {}, figures in {}.",
                data.join("results").display(),
                figures.display()
            ),
        }
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
    writeln!(
        f,
        "Relative errors of rollouts over 29.8 units of time (geometric means over times, trajectories and seeds):"
    )?;
    writeln!(
        f,
        "  {:<40}{:>10}{:>10}{:>10}{:>8}{:>14}{:>10}{:>10}",
        "model", "parameters", "state", "clamped", "paper", "angular mom.", "energy", "seconds"
    )?;
    let rows = table1_rows(results);
    for row in &rows {
        let of_row: Vec<&Done> = results
            .of_table1()
            .filter(|done| done.learner.key(results.profile) == row.key)
            .collect();
        let mean = |of: fn(&RolloutErrors) -> &Array2<f64>| {
            let logs = of_row.iter().map(|done| {
                geometric_mean(&above_roundoff(of(&done.unit.evaluation.errors()))).ln()
            });
            (logs.sum::<f64>() / of_row.len() as f64).exp()
        };
        let (angular_momentum, energy) =
            (mean(|errors| &errors.angular_momentum), mean(|errors| &errors.energy));
        let seconds =
            of_row.iter().map(|done| done.training_seconds()).sum::<f64>() / of_row.len() as f64;
        let paper = row.paper.map_or_else(|| "-".into(), |paper| paper.to_string());
        writeln!(
            f,
            "  {:<40}{:>10}{:>10.1e}{:>10.1e}{paper:>8}{angular_momentum:>14.1e}{energy:>10.1e}{seconds:>10.1}",
            name(row),
            row.parameters,
            row.geometric_mean,
            row.clamped_mean
        )?;
    }
    writeln!(f, "  (clamped: errors below 1e-7 count as 1e-7, as in the paper)\n")?;
    write_ends(f, results, &rows)
}

fn name(row: &Table1Row) -> String {
    let RowKey { model, dynamics, group, basis } = &row.key;
    format!("{model} {dynamics} {group}, {basis}")
}

/// Why each training stopped where it did.
fn write_ends(f: &mut Formatter, results: &Results, rows: &[Table1Row]) -> fmt::Result {
    writeln!(
        f,
        "Why they are no better (root mean square errors of predicted chunks; worst seed):"
    )?;
    writeln!(
        f,
        "  {:<40}{:>10}{:>12}{:>12}{:>11}  {:<12}limited by",
        "model", "training", "validation", "integrator", "gradient", "optimiser"
    )?;
    for row in rows {
        let trainings = results
            .of_table1()
            .filter(|done| done.learner.key(results.profile) == row.key)
            .map(|done| &done.unit.training);
        let Some(worst) = trainings.max_by(|a, b| a.validation.total_cmp(&b.validation)) else {
            continue;
        };
        let gradient = worst
            .history
            .last()
            .map_or_else(|| "-".into(), |step| format!("{:.1e}", step.gradient_norm));
        let outcome = format!("{:?}", worst.outcome).to_lowercase();
        let (loss, validation, step_error) =
            (worst.loss.sqrt(), worst.validation.sqrt(), worst.step_error);
        writeln!(
            f,
            "  {:<40}{loss:>10.1e}{validation:>12.1e}{step_error:>12.1e}{gradient:>11}  {outcome:<12}{}",
            name(row),
            row.limit
        )?;
    }
    writeln!(
        f,
        "  (judged: the validation error had stopped falling; limit: the iterations were used up; data: others than the training chunks\n  are predicted much worse; integrator: the error of the step is as large as the misfit, for ReLU because its forces jump)\n"
    )
}

/// The law that a model is, as the summary has it; none of other models.
pub(super) fn law_text(done: &Done) -> Option<String> {
    let mut text = String::new();
    write_law(&mut text, done.preset, done.unit.law.as_ref()?).ok()?;
    Some(text)
}

fn write_law(f: &mut impl Write, preset: Preset, law: &Law) -> fmt::Result {
    let what = match preset {
        Preset::ReferenceCode => "the public reference code's pendulum",
        Preset::Paper => "the paper's pendulum",
    };
    writeln!(
        f,
        "Law recovered from {what} (preset {}){}:",
        preset.name(),
        if law.exact { "" } else { ", not exact" }
    )?;
    writeln!(f, "  H = {}", law.expression)?;
    for (name, force) in &law.forces {
        writeln!(f, "  force on {name} = {force}")?;
    }
    for constant in &law.constants {
        let truth = preset
            .true_value(&constant.name)
            .map_or_else(String::new, |truth| format!("  (true: {truth})"));
        let value = constant.snapped.map_or_else(String::new, |snapped| format!("= {snapped}"));
        let (name, fitted, error, meaning) =
            (&constant.name, constant.value, constant.standard_error, &constant.meaning);
        // A number of the form has no error.
        let found = if error.is_finite() {
            format!("fitted {fitted:.12} +- {error:.0e}")
        } else {
            format!("{fitted} {NOT_FITTED}")
        };
        writeln!(f, "  {name:<3} {value:<8} {found}{truth}  {meaning}")?;
    }
    for term in &law.unread {
        writeln!(f, "  further term: {term}")?;
    }
    writeln!(f)
}
