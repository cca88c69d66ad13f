//! The result files of a recovery.

use std::path::Path;

use ndarray::{Array2, Axis};
use polars::prelude::Column;
use serde_json::{Value, json};

use super::figures::{
    self, Curve, ForceCurve, Interval, Panel, PanelFigure, ParetoFront, ParetoPoint, Style,
};
use super::nonconservative::{forces_beside, nonconservative_text};
use super::tables::{self, Rows};
use super::words::{
    STOPPED, TRUTH_TOLERANCE, comparison_text, constant_error_text, merged_text, noise_text,
    outlying_text, rivals_text, rollout_error_text, shared_text, verdict_text,
};
use crate::dataset::{self, Trajectory, files, state_columns};
use crate::evaluate::{quantiles_over_time, relative_error};
use crate::expr::{Expr, VectorExpr};
use crate::loss::RolloutLoss;
use crate::model::ScalarHamiltonian;
use crate::recover::{Comparison, Nonconservative, RecoverError, Recovery};
use crate::rewrite::Proof;
use crate::scalars::{self, Inputs, MomentumForceKind, RunInput};
use crate::train::states;

/// What can go wrong in writing a recovery.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file can't be written.
    #[error(transparent)]
    File(#[from] dataset::DatasetError),
    /// A figure can't be made.
    #[error(transparent)]
    Figure(#[from] figures::FigureError),
    /// The closed form can't be evaluated.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The closed form does not fit the inputs.
    #[error(transparent)]
    Scalars(#[from] scalars::InputsError),
    /// A folder can't be made.
    #[error("cannot create {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The result files of a recovery: what it found, and what it was made from.
pub struct RecoveryReport<'a> {
    /// The recovered law with its errors.
    pub recovery: &'a Recovery,
    /// The vectors that the law may depend on.
    pub inputs: &'a Inputs,
    /// Chunks that the law was fitted to.
    pub train: &'a [Trajectory],
    /// Held-out chunks that judged the law.
    pub validation: &'a [Trajectory],
    /// Name of the basis of the learned model.
    pub basis: String,
    /// The command that made the recovery.
    pub command: String,
    /// Seed of the recovery.
    pub seed: u64,
    /// Comparison with a given law, if there is one.
    pub truth: Option<&'a Comparison>,
    /// What was ignored, assumed or cut in reading the table, in sentences.
    pub notes: &'a [String],
}

impl RecoveryReport<'_> {
    /// Writes `hamiltonian.json`, `report.md`, `rollouts.parquet` and the figures into `folder`,
    /// which is created.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn write(&self, folder: &Path) -> Result<(), ReportError> {
        let figures = folder.join("figures");
        std::fs::create_dir_all(&figures)
            .map_err(|source| ReportError::Folder { path: figures.clone(), source })?;
        // One after the other: whoever ends the program finds one file unfinished at most.
        self.write_rollouts(folder, &figures)?;
        self.write_pareto(&figures)?;
        let radial = self.write_forces(&figures)?;
        self.write_parts(&figures)?;
        files::write_text(&folder.join("report.md"), &self.markdown(radial))?;
        let text =
            serde_json::to_string_pretty(&self.json()).expect("a JSON value has keys of text");
        Ok(files::write_text(&folder.join("hamiltonian.json"), &(text + "\n"))?)
    }

    /// The content of `hamiltonian.json`.
    pub fn json(&self) -> Value {
        let r = self.recovery;
        let h = r.best();
        let force = |(q, f): &(String, VectorExpr)| {
            (q.clone(), json!({"expression": f.to_string(), "latex": f.to_latex()}))
        };
        let forces: serde_json::Map<String, Value> = r.forces.iter().map(force).collect();
        let beside =
            r.nonconservative.as_ref().map_or(Vec::new(), |n| forces_beside(n, self.inputs));
        let nonconservative: serde_json::Map<String, Value> = (beside.iter())
            .map(|f| (f.position.clone(), json!({"expression": f.expression, "latex": f.latex,
                "vectors": f.vectors.iter().cloned().map(|(n, v)| (n, json!(v))).collect::<serde_json::Map<_, _>>()})))
            .collect();
        let constants: Vec<Value> = (r.reading.constants.iter())
            .map(|c| json!({"name": c.name, "meaning": c.meaning, "value": c.value, "standard_error": c.standard_error, "snapped": c.snapped,
                "fitted": c.is_fitted()}))
            .collect();
        let shared: Vec<Value> = (r.shared.iter())
            .map(|s| json!({"names": s.names, "meaning": s.meaning, "value": s.value, "standard_error": s.standard_error}))
            .collect();
        let pareto: Vec<Value> = (r.pareto.iter())
            .map(|c| json!({"expression": c.expression.to_string(), "complexity": c.expression.complexity(), "error": c.error}))
            .collect();
        json!({
            "hamiltonian": {"expression": h.to_string(), "latex": h.to_latex(), "sympy": h.to_sympy(), "rust": h.to_rust("hamiltonian"),
                "complexity": h.complexity(), "fitted": r.expression.to_string()},
            "forces": forces,
            "nonconservative": nonconservative,
            "constants": constants,
            "constants_of": "hamiltonian.fitted",
            "unread_terms": r.reading.unread.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "shared": shared,
            "tied": r.tied.as_ref().map(ToString::to_string),
            "merged": r.merged.as_ref().map(|m| json!({"expression": m.expression,
                "constants": m.constants.iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>()})),
            "pareto": pareto,
            "rivals": r.rivals.iter().map(|rival| json!({"expression": rival.expression.to_string(), "chi_squared_more": rival.chi_squared,
                "difference_at_data": rival.difference.data, "difference_beyond": rival.difference.wider})).collect::<Vec<_>>(),
            "search": {"forms": r.counts.visited, "fitted": r.counts.evaluated, "saved": r.counts.saved, "classes": r.counts.classes},
            "fit": {"train_error": r.train_error.closed_form, "validation_error": r.validation_error.closed_form, "learned_train_error": r.train_error.learned,
                "learned_validation_error": r.validation_error.learned, "integration_error": r.learned.integration_error, "basis": self.basis,
                "parameters": r.learned.fit.theta.len(), "rank": r.learned.fit.rank, "chunks": self.train.len(),
                "held_out": r.held_out.all, "held_out_followed": r.held_out.resolved},
            "learned": if r.exact() { Value::Null } else { json!(r.learned_expression().to_string()) },
            "exact": r.exact(),
            "verdict": {"explained": r.verdict.explained(), "determined": r.verdict.determined(), "complete": r.verdict.complete(),
                "reasons": r.verdict.reasons().collect::<Vec<_>>()},
            "checks": r.checks.iter().map(|c| json!({"name": c.name, "message": c.message})).collect::<Vec<_>>(),
            "reading": self.notes,
            "stopped": r.stopped,
            "inputs": {"particles": self.inputs.shape.particles, "dimension": self.inputs.shape.dimension, "origin": self.inputs.origin,
                "vectors": self.inputs.context.iter().chain(beside.iter().flat_map(|f| &f.vectors)).map(|(name, v)| (name.clone(), json!(v))).collect::<serde_json::Map<_, _>>(),
                "vectors_of_runs": self.inputs.of_run.iter().filter(|i| matches!(i, RunInput::Vector(_))).map(RunInput::name).collect::<Vec<_>>(),
                "parameters": self.inputs.parameters().collect::<Vec<_>>(),
                "learned_in_units": {"length": r.units.length, "time": r.units.time, "momentum": r.units.momentum}},
            "momentum_forces": r.nonconservative.as_ref().map(|n| json!({"misfit_without": n.misfit_without, "misfit_with": n.misfit_with,
                "friction": coefficients_json(n, MomentumForceKind::Friction), "drag": coefficients_json(n, MomentumForceKind::Drag),
                "turning": coefficients_json(n, MomentumForceKind::Turning)})),
            "noise": r.noise.as_ref().map(|n| json!({"standard_deviation": n.deviation, "given": n.given, "efficiency": n.efficiency,
                "outliers": n.outliers})),
            "outlying": r.outlying.as_ref().map(|o| json!({"of": o.of, "others": o.others, "chunks": o.chunks.iter()
                .map(|place| json!({"trajectory": place.trajectory, "from": place.first_time, "to": place.last_time})).collect::<Vec<_>>()})),
            "truth": self.truth.map(truth_json),
            "version": env!("CARGO_PKG_VERSION"),
            "command": self.command,
            "seed": self.seed,
        })
    }

    /// Predicted states of the closed form at the points of every validation chunk, with the errors
    /// of learned model and closed form.
    fn write_rollouts(&self, folder: &Path, figures: &Path) -> Result<(), ReportError> {
        let r = self.recovery;
        let settings = &r.learned.settings;
        let rollout = || settings.rollout.clone();
        let forces = r.nonconservative.as_ref().map_or(Vec::new(), |n| n.forces.clone());
        let inputs = self.inputs.clone().with_momentum_forces(forces);
        let form = ScalarHamiltonian::closed_form(&inputs, &r.expression)?;
        let closed = RolloutLoss::new(&form, self.validation, &settings.weights, rollout())
            .predictions(&r.expression.constants(), self.validation);
        let learned =
            RolloutLoss::new(&r.learned.model, self.validation, &settings.weights, rollout())
                .predictions(&r.learned.fit.theta, self.validation);
        let components = self.inputs.moving_components();
        let moving = |states: &Array2<f64>| states.select(Axis(1), &components);
        let [closed, learned] =
            [closed, learned].map(|all| all.iter().map(moving).collect::<Vec<_>>());
        let errors = |predicted: &[Array2<f64>]| -> Vec<Vec<f64>> {
            let of_chunk = |(p, c): (&Array2<f64>, &Trajectory)| {
                let states = moving(&c.states);
                (0..p.nrows()).map(|i| relative_error(p.row(i), states.row(i))).collect()
            };
            predicted.iter().zip(self.validation).map(of_chunk).collect()
        };
        let (closed_errors, learned_errors) = (errors(&closed), errors(&learned));
        let metadata = [
            ("command", self.command.clone()),
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("hamiltonian", r.expression.to_string()),
        ];
        let names = state_columns(self.inputs.shape, 'p');
        let predicted: Vec<Predicted> = (0..closed.len())
            .map(|i| Predicted {
                number: i as u32,
                chunk: &self.validation[i],
                names: &names,
                states: &closed[i],
                error: &closed_errors[i],
                learned_error: &learned_errors[i],
            })
            .collect();
        tables::write(
            &folder.join("rollouts.parquet"),
            &predicted,
            &metadata.map(|(k, v)| (k.to_string(), v)).into(),
        )?;
        let curve = |label: &str, style, errors: &[Vec<f64>]| {
            error_curve(label, style, self.validation, errors)
        };
        let curves = vec![
            curve("learned", Style::Series(0), &learned_errors),
            curve("closed form", Style::Series(1), &closed_errors),
        ];
        let panel = Panel {
            title: "rollouts of the validation chunks: mean and 90 % of them".into(),
            x_label: "points after the first of the chunk (number)".into(),
            y_label: "relative state error (no unit)".into(),
            log_y: true,
            curves,
            ..Panel::default()
        };
        Ok(figures::panel_figure(
            &PanelFigure { panels: vec![panel], columns: 1, row_height: 380.0 },
            &figures.join("rollout_errors"),
        )?)
    }

    fn write_pareto(&self, figures: &Path) -> Result<(), ReportError> {
        let r = self.recovery;
        let candidate = |c: &crate::recover::Candidate| ParetoPoint {
            expression: c.expression.to_string(),
            complexity: c.expression.complexity() as f64,
            error: c.error,
        };
        let front = ParetoFront {
            candidates: r.pareto.iter().map(candidate).collect(),
            chosen: r.pareto.iter().position(|c| c.expression == *r.best()),
        };
        match figures::pareto(&front, &figures.join("pareto")) {
            // Rollouts of all laws diverge, or leave nothing.
            Err(figures::FigureError::Empty(_)) => Ok(()),
            drawn => Ok(drawn?),
        }
    }

    /// Draws the forces along distances; false if there are none.
    fn write_forces(&self, figures: &Path) -> Result<bool, ReportError> {
        let curves: Vec<ForceCurve> =
            (self.recovery.radial_forces(states(self.train).view()).into_iter())
                .map(|f| ForceCurve {
                    title: format!("force along {}", f.vector),
                    x_label: format!("distance |{}|", f.vector),
                    y_label: "radial force -dH/dr".into(),
                    x: f.distance,
                    learned: f.learned,
                    closed_form: f.closed_form,
                    data_range: Interval { low: f.range.0, high: f.range.1 },
                })
                .collect();
        if curves.is_empty() {
            return Ok(false);
        }
        figures::force_curves(&curves, &figures.join("forces"))?;
        Ok(true)
    }

    /// Draws the slope of every part that is a function of one scalar, learned and in closed form.
    fn write_parts(&self, figures: &Path) -> Result<(), ReportError> {
        let curves: Vec<ForceCurve> =
            (self.recovery.part_curves(states(self.train).view()).into_iter())
                .map(|part| ForceCurve {
                    title: in_few_digits(&part.form).to_string(),
                    x_label: Expr::Scalar(part.scalar).to_string(),
                    y_label: "slope of the part".into(),
                    data_range: Interval {
                        low: *part.x.first().expect("a curve has points"),
                        high: *part.x.last().expect("a curve has points"),
                    },
                    x: part.x,
                    learned: part.learned,
                    closed_form: part.closed_form,
                })
                .collect();
        if curves.is_empty() {
            return Ok(());
        }
        Ok(figures::force_curves(&curves, &figures.join("parts"))?)
    }

    fn markdown(&self, radial: bool) -> String {
        let r = self.recovery;
        let verdict = if r.exact() {
            "The closed form explains the data down to noise or integration error.".into()
        } else {
            format!(
                "The closed form is an approximation, or one of several: {}",
                verdict_text(&r.verdict)
            )
        };
        let stopped = if r.stopped { format!("\n\n{STOPPED}") } else { String::new() };
        let mut text = format!(
            "# Recovered Hamiltonian\n\n```text\nH = {}\n```\n\n$$H = {}$$\n\n{verdict}{stopped}\n\n## Forces\n\n",
            r.best(),
            r.best().to_latex()
        );
        for (q, force) in &r.forces {
            text += &format!("- on {q}: `{force}`\n");
        }
        if !r.checks.is_empty() {
            text += "\n## Seen in the data\n\n";
            r.checks.iter().for_each(|check| text += &format!("- {}\n", check.message));
        }
        if !self.notes.is_empty() {
            text += "\n## Reading the table\n\n";
            self.notes.iter().for_each(|note| text += &format!("- {note}\n"));
        }
        if let Some(outlying) = &r.outlying {
            text += &format!("\n## Chunks that don't follow\n\n{}\n", outlying_text(outlying));
        }
        if let Some(found) = &r.nonconservative {
            let beside = nonconservative_text(found, self.inputs.shape.particles);
            text += &format!("\n## Forces that no Hamiltonian gives\n\n{beside}\n");
        }
        if let Some(noise) = &r.noise {
            text += &format!("\n## Noise\n\n{}\n", noise_text(noise));
        }
        if !r.rivals.is_empty() {
            text += &format!("\n## Rivals\n\n{}\n", rivals_text(&r.rivals));
        }
        text += "\n## Constants\n\nValues and standard errors are those of the fitted form below; `simple` is a number within three standard errors.\n\n| name | meaning | value | standard error | simple |\n|---|---|---:|---:|---:|\n";
        for c in &r.reading.constants {
            let optional = |x: Option<f64>| x.map_or_else(String::new, |x| format!("{x:.3}"));
            let error = constant_error_text(c);
            text += &format!(
                "| {} | {} | {:.10} | {error} | {} |\n",
                c.name,
                c.meaning,
                c.value,
                optional(c.snapped)
            );
        }
        for s in &r.shared {
            text += &format!("\n{}.\n", shared_text(s));
        }
        if let Some(tied) = &r.tied {
            text += &format!("\nWith these held equal: `{tied}`\n");
        }
        if let Some(merged) = &r.merged {
            text += &format!("\n{}\n", merged_text(merged));
        }
        text += &self.setting();
        text += &format!(
            "\nWith fitted constants: `{}`\n\n## Fit\n\nErrors are root mean square residuals of rolled-out chunks, in units of the components' standard \
             deviations.\n\n| | training | validation |\n|---|---:|---:|\n| learned, basis {} | {} | {} |\n| closed form | {} | {} |\n\n\
             {} training and {} validation chunks; {} parameters, {} of them determined by the data; halving the integration step changes the \
             residuals by {:.1e}. Every other validation chunk chose the degrees of the basis; of the {} that judge the law it can be followed in {}.\n\n\
             The searches built {} closed forms and fitted {}; for {} more the e-graph, of {} classes, knew that they come to the same as one before.\n",
            r.expression,
            self.basis,
            rollout_error_text(r.train_error.learned),
            rollout_error_text(r.validation_error.learned),
            rollout_error_text(r.train_error.closed_form),
            rollout_error_text(r.validation_error.closed_form),
            self.train.len(),
            self.validation.len(),
            r.learned.fit.theta.len(),
            r.learned.fit.rank,
            r.learned.integration_error,
            r.held_out.all,
            r.held_out.resolved,
            r.counts.visited,
            r.counts.evaluated,
            r.counts.saved,
            r.counts.classes,
        );
        if let Some(comparison) = self.truth {
            text += &format!("\n## Against the given law\n\n{}\n", comparison_text(comparison));
        }
        text += "\n## Figures\n\n![Error against complexity](figures/pareto.png)\n\n![Rollout errors](figures/rollout_errors.png)\n";
        if radial {
            text += "\n![Forces along distances](figures/forces.png)\n";
        }
        if r.parts.iter().any(|p| p.scalars.len() == 1 && !p.forms.is_empty()) {
            text += "\n![Slopes of the parts](figures/parts.png)\n";
        }
        text + &format!(
            "\nMade by scalar-dynamics {}, seed {}, with\n\n```sh\n{}\n```\n",
            env!("CARGO_PKG_VERSION"),
            self.seed,
            self.command
        )
    }

    /// What the law was looked for in: particles, vectors, units.
    fn setting(&self) -> String {
        let Inputs { shape, origin, context, .. } = self.inputs;
        let units = &self.recovery.units;
        let vector = |v: &[f64]| {
            format!("({})", v.iter().map(f64::to_string).collect::<Vec<_>>().join(", "))
        };
        let mut text = format!(
            "\n## Setting\n\n- {} particle(s) in {} dimension(s); positions are taken relative to the pivot q0 = {}\n",
            shape.particles,
            shape.dimension,
            vector(origin)
        );
        for (name, value) in context {
            text += &format!("- constant vector {name} = {}\n", vector(value));
        }
        if context.is_empty() {
            text += "- no constant vectors\n";
        }
        for input in &self.inputs.of_run {
            let what = if matches!(input, RunInput::Vector(_)) { "vector" } else { "number" };
            text += &format!("- {} is a {what} that each run has its own of\n", input.name());
        }
        text += "- all numbers are in the units of the table: energy is momentum times length over time, masses momentum times time over length\n";
        if !units.are_own() {
            text += &format!(
                "- learned in units of {:.3e} for lengths, {:.3e} for times, {:.3e} for momenta, and put back into the table's\n",
                units.length, units.time, units.momentum
            );
        }
        text
    }
}

fn truth_json(Comparison { proof, same_form }: &Comparison) -> Value {
    let mut truth = match proof {
        Proof::Equal { explanation } => json!({"equal": true, "explanation": explanation}),
        Proof::Different { left, right, .. } => {
            json!({"equal": false, "found": left, "truth": right})
        }
        Proof::Unknown => json!({"equal": Value::Null}),
    };
    truth["relative_tolerance"] = json!(TRUTH_TOLERANCE);
    truth["same_form"] = same_form.as_ref().map_or(Value::Null, |same| {
        json!({"expression": same.expression.to_string(), "constants": same.constants, "chi_squared": same.chi_squared,
            "within_errors": same.within_errors})
    });
    truth
}

/// One validation chunk as the closed form predicts it.
struct Predicted<'a> {
    number: u32,
    chunk: &'a Trajectory,
    names: &'a [String],
    states: &'a Array2<f64>,
    error: &'a [f64],
    learned_error: &'a [f64],
}

impl Rows for Predicted<'_> {
    fn columns(rows: &[Self]) -> Vec<Column> {
        let column = |name: &str, values: &dyn Fn(&Self) -> Vec<f64>| {
            Column::new(name.into(), rows.iter().flat_map(values).collect::<Vec<f64>>())
        };
        let ids: Vec<i64> = rows.iter().flat_map(|r| vec![r.chunk.id; r.states.nrows()]).collect();
        let numbers: Vec<u32> =
            rows.iter().flat_map(|r| vec![r.number; r.states.nrows()]).collect();
        let mut columns = vec![
            Column::new("chunk".into(), numbers),
            Column::new("trajectory".into(), ids),
            column("t", &|r| r.chunk.times.clone()),
        ];
        let names = rows.first().map_or(&[][..], |r| r.names);
        columns.extend(
            names
                .iter()
                .enumerate()
                .map(|(k, name)| column(name, &|r| r.states.column(k).to_vec())),
        );
        columns.push(column("state_error", &|r| r.error.to_vec()));
        columns.push(column("learned_state_error", &|r| r.learned_error.to_vec()));
        columns
    }
}

fn error_curve(label: &str, style: Style, chunks: &[Trajectory], errors: &[Vec<f64>]) -> Curve {
    let points = chunks.iter().map(|c| c.times.len()).max().unwrap_or(0);
    let full: Vec<&Vec<f64>> = errors.iter().filter(|e| e.len() == points).collect();
    let table = Array2::from_shape_fn((full.len(), points), |(i, j)| full[i][j]);
    let quantiles = quantiles_over_time(&table.slice_axis(Axis(1), (1..).into()).to_owned());
    let x = (1..points).map(|j| j as f64).collect();
    let of = |i: usize| quantiles.iter().map(|q| q.quantiles[i]).collect::<Vec<_>>();
    Curve::new(label, style, x, quantiles.iter().map(|q| q.geometric_mean).collect())
        .with_band(of(0), of(4))
}

/// An expression for a figure: constants to four digits.
fn in_few_digits(expr: &Expr) -> Expr {
    let rounded: Vec<f64> =
        expr.constants().iter().map(|c| format!("{c:.3e}").parse().unwrap_or(*c)).collect();
    expr.with_constants(&rounded)
}

/// The coefficients of a kind of force with their standard errors, if it is there.
fn coefficients_json(found: &Nonconservative, kind: MomentumForceKind) -> Value {
    found.of(kind).map_or(Value::Null, |(c, e)| json!({"coefficients": c, "standard_errors": e}))
}
