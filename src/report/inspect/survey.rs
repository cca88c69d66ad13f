//! Tables of trajectories in words.

use std::path::Path;

use super::highlights::range;
use super::inspection::Highlight;
use crate::dataset::{MomentaFrom, ReadOptions, Survey, survey_table};

/// Runs, rows and times of a table as a small table to print; where it can't be read as
/// trajectories, why.
pub(super) fn highlight(path: &Path, options: &ReadOptions) -> Highlight {
    match survey_table(path, options, &mut |_| {}) {
        Ok(survey) => {
            let header = ["Runs", "Rows", "Particles", "Dimension", "Steps of time", "Cut at"];
            let steps = survey.spacing.map(|s| range(&[s.least, s.most])).unwrap_or_default();
            let row = vec![
                survey.trajectories.to_string(),
                survey.rows.to_string(),
                survey.shape.particles.to_string(),
                survey.shape.dimension.to_string(),
                steps,
                (survey.cut.broken + survey.cut.back).to_string(),
            ];
            let header = header.map(String::from).to_vec();
            let notes: String = survey.notes.iter().map(|note| format!("; {note}")).collect();
            Highlight { title: format!("Trajectories{notes}"), header, rows: vec![row] }
        }
        Err(error) => Highlight {
            title: format!("As trajectories it can't be read: {error}"),
            header: Vec::new(),
            rows: Vec::new(),
        },
    }
}

/// A survey as text, for people.
pub fn survey_text(survey: &Survey) -> String {
    let files = if survey.files > 1 { format!("{} files, ", survey.files) } else { String::new() };
    let mut text =
        format!("{}: {files}{}, {} rows\n", survey.path.display(), survey.kind, survey.rows);
    let read = survey.columns.iter().filter_map(|(own, name)| {
        let name = name.as_ref()?;
        Some(if own == name { name.clone() } else { format!("{name} ({own})") })
    });
    text += &format!("columns read: {}\n", listed(read.collect()));
    let shape = survey.shape;
    text += &format!(
        "{} run(s) of {} particle(s) in {} dimension(s)\n",
        survey.trajectories, shape.particles, shape.dimension
    );
    if !survey.masses.is_empty() {
        let of = |(m, i): (&f64, usize)| {
            let is_known = !survey.unknown_masses.contains(&i);
            if is_known { format!("{i}={m}") } else { format!("{i}=? (not known)") }
        };
        let masses = survey.masses.iter().zip(1..).map(of);
        let masses = listed(masses.collect());
        text += &if survey.momenta == MomentaFrom::Positions {
            format!("positions alone: p = m dq/dt with the masses {masses}\n")
        } else {
            format!(
                "velocities: p = m v with the masses {masses}; v is taken to be in the units of q over t\n"
            )
        };
    }
    if let Some(s) = survey.spacing {
        text += &format!("t from row to row: {}, mean {:.6}\n", range(&[s.least, s.most]), s.mean);
    }
    let ranges = survey
        .ranges
        .iter()
        .map(|(name, least, most)| format!("{name} {}", range(&[*least, *most])));
    text += &format!("ranges: {}\n", listed(ranges.collect()));
    for (key, value) in &survey.metadata {
        text += &format!("{key}: {value}\n");
    }
    survey.notes.iter().for_each(|note| text += &format!("note: {note}\n"));
    text
}

/// Items that are listed of many.
const MOST_LISTED: usize = 12;

fn listed(items: Vec<String>) -> String {
    let more = items.len().saturating_sub(MOST_LISTED);
    let shown = items[..items.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
