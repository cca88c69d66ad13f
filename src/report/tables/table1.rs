//! Table 1 of Yao, Storey-Fisher, Hogg and Villar (2021), extended: state error of every model.

use std::path::Path;

use polars::prelude::Column;

use super::frame::{Rows, frame};
use super::rows::{RowKey, column, key_columns};
use crate::dataset::DatasetError;
use crate::dataset::files;
use crate::dataset::frames::{self, Metadata};

/// One model's error over all seeds: a row of `table1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table1Row {
    /// The model that was trained.
    pub key: RowKey,
    /// Size of the experiment: smoke, quick or paper.
    pub profile: String,
    /// The system's preset, such as reference-code.
    pub preset: String,
    /// Number of trained parameters.
    pub parameters: u64,
    /// Geometric mean over times and trajectories of the state's relative error; mean over seeds.
    pub geometric_mean: f64,
    /// Standard deviation of `geometric_mean` over seeds; NaN for a single seed.
    pub deviation: f64,
    /// Geometric mean of the same errors, each raised to 1e-7 at least before the logarithm is
    /// taken, as the reference code does; mean over seeds.
    pub clamped_mean: f64,
    /// Standard deviation of `clamped_mean` over seeds; NaN for a single seed.
    pub clamped_deviation: f64,
    /// Number of seeds.
    pub seeds: u64,
    /// The paper's value, where known.
    pub paper: Option<f64>,
    /// The paper's standard deviation, where known.
    pub paper_deviation: Option<f64>,
    /// What keeps the model from being better, see [`TrainingEndRow`](super::TrainingEndRow); may
    /// be empty.
    pub limit: String,
}

/// The relative error of the state that a model of one seed makes, over times and trajectories.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeedError {
    /// Geometric mean.
    pub geometric_mean: f64,
    /// Geometric mean of the errors, each raised to 1e-7 at least, as the reference code takes it.
    pub clamped_mean: f64,
}

/// The relative error of the state that Yao et al. (2021) give for a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaperError {
    /// Geometric mean over times and trajectories, mean over seeds.
    pub value: f64,
    /// Its standard deviation over seeds, where they give one.
    pub deviation: Option<f64>,
}

impl Table1Row {
    /// A row from the errors of each seed, and what the paper says of the model.
    pub fn over_seeds(
        key: RowKey,
        profile: &str,
        preset: &str,
        parameters: u64,
        errors: &[SeedError],
        paper: Option<PaperError>,
    ) -> Self {
        let of = |side: fn(&SeedError) -> f64| {
            mean_and_deviation(&errors.iter().map(side).collect::<Vec<_>>())
        };
        let (geometric_mean, deviation) = of(|error| error.geometric_mean);
        let (clamped_mean, clamped_deviation) = of(|error| error.clamped_mean);
        Self {
            key,
            profile: profile.into(),
            preset: preset.into(),
            parameters,
            geometric_mean,
            deviation,
            clamped_mean,
            clamped_deviation,
            seeds: errors.len() as u64,
            paper: paper.map(|paper| paper.value),
            paper_deviation: paper.and_then(|paper| paper.deviation),
            limit: String::new(),
        }
    }
}

/// Mean and standard deviation (divisor n - 1; NaN for fewer than two values).
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { f64::NAN })
}

impl Rows for Table1Row {
    fn columns(rows: &[Self]) -> Vec<Column> {
        let mut columns = key_columns(rows, |row| &row.key);
        columns.extend([
            column("profile", rows, |row| row.profile.as_str()),
            column("preset", rows, |row| row.preset.as_str()),
            column("parameters", rows, |row| row.parameters),
            column("geometric_mean", rows, |row| row.geometric_mean),
            column("deviation", rows, |row| row.deviation),
            column("clamped_mean", rows, |row| row.clamped_mean),
            column("clamped_deviation", rows, |row| row.clamped_deviation),
            column("seeds", rows, |row| row.seeds),
            column("paper", rows, |row| row.paper),
            column("paper_deviation", rows, |row| row.paper_deviation),
            column("limit", rows, |row| row.limit.as_str()),
        ]);
        columns
    }
}

/// Writes `table1.parquet`, `.csv`, `.md` and `.tex` into a folder; the latter two tell `seconds`,
/// one a row, if there are any.
///
/// # Errors
/// [`DatasetError::Unwritable`].
pub fn write_table1(
    folder: &Path,
    rows: &[Table1Row],
    seconds: Option<&[f64]>,
    metadata: &Metadata,
) -> Result<(), DatasetError> {
    let mut table = frame(rows);
    frames::write_parquet(&folder.join("table1.parquet"), &mut table, metadata)?;
    frames::write_csv(&folder.join("table1.csv"), &mut table)?;
    files::write_text(&folder.join("table1.md"), &table1_markdown(rows, seconds))?;
    files::write_text(&folder.join("table1.tex"), &table1_latex(rows, seconds))
}

const TITLES: [&str; 11] = [
    "Model",
    "Dynamics",
    "Group",
    "Basis",
    "Profile",
    "Preset",
    "Parameters",
    "State error",
    "Clamped at 1e-7",
    "Paper",
    "Limited by",
];

/// Number of leading columns that hold words.
const WORDS: usize = 6;

/// Table 1 as Markdown; `seconds`, one a row, adds a column of training times.
pub fn table1_markdown(rows: &[Table1Row], seconds: Option<&[f64]>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = (0..TITLES.len() + usize::from(seconds.is_some()))
        .map(|k| if k < WORDS { "---" } else { "---:" }.into());
    let mut text = line(titles(seconds)) + &line(rule.collect());
    for (i, row) in rows.iter().enumerate() {
        text += &line(cells(row, seconds.map(|seconds| seconds[i]), &Style::Plain));
    }
    text
}

/// Table 1 as a LaTeX `tabular` with the rules of booktabs; `seconds`, one a row, adds a column of
/// training times.
pub fn table1_latex(rows: &[Table1Row], seconds: Option<&[f64]>) -> String {
    let numbers = TITLES.len() - WORDS + usize::from(seconds.is_some());
    let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
    let escaped = titles(seconds).iter().map(|title| Style::Latex.words(title)).collect();
    let mut text =
        format!("\\begin{{tabular}}{{{}{}}}\n\\toprule\n", "l".repeat(WORDS), "r".repeat(numbers));
    text += &(line(escaped) + "\\midrule\n");
    for (i, row) in rows.iter().enumerate() {
        text += &line(cells(row, seconds.map(|seconds| seconds[i]), &Style::Latex));
    }
    text + "\\bottomrule\n\\end{tabular}\n"
}

fn titles(seconds: Option<&[f64]>) -> Vec<String> {
    TITLES.iter().copied().chain(seconds.map(|_| "Seconds")).map(String::from).collect()
}

fn cells(row: &Table1Row, seconds: Option<f64>, style: &Style) -> Vec<String> {
    let key = &row.key;
    let words = [&key.model, &key.dynamics, &key.group, &key.basis, &row.profile, &row.preset];
    let mut cells: Vec<String> = words.iter().map(|word| style.words(word)).collect();
    cells.extend([
        row.parameters.to_string(),
        style.measured(row.geometric_mean, row.deviation),
        style.measured(row.clamped_mean, row.clamped_deviation),
        row.paper.map_or_else(String::new, |paper| style.printed(paper, row.paper_deviation)),
        style.words(&row.limit),
    ]);
    cells.extend(seconds.map(|seconds| format!("{seconds:.1}")));
    cells
}

/// How words and numbers are set.
enum Style {
    Plain,
    Latex,
}

impl Style {
    fn words(&self, text: &str) -> String {
        match self {
            Style::Plain => text.replace('|', "\\|"),
            Style::Latex => text
                .chars()
                .map(|c| if "&%$#_{}".contains(c) { format!("\\{c}") } else { c.to_string() })
                .collect(),
        }
    }

    /// A measured number and its deviation.
    fn measured(&self, mean: f64, deviation: f64) -> String {
        match (self, mantissa(mean, deviation)) {
            (_, None) => mean.to_string(),
            (Style::Plain, Some((mantissa, exponent))) => format!("{mantissa}e{exponent}"),
            (Style::Latex, Some((mantissa, exponent))) => {
                format!("${} \\times 10^{{{exponent}}}$", mantissa.replace('±', "\\pm"))
            }
        }
    }

    /// A number as the paper prints it: 0.005 ± 0.002.
    fn printed(&self, value: f64, deviation: Option<f64>) -> String {
        let text = deviation
            .map_or_else(|| value.to_string(), |deviation| format!("{value} ± {deviation}"));
        match self {
            Style::Plain => text,
            Style::Latex => format!("${}$", text.replace('±', "\\pm")),
        }
    }
}

/// A measured number to three digits with its deviation, if finite, in the same power of ten: (2.14
/// ± 0.30)e-8.
pub(in crate::report) fn with_deviation(mean: f64, deviation: f64) -> String {
    Style::Plain.measured(mean, deviation)
}

/// Mantissa, with the deviation in brackets, and exponent; nothing for numbers that have none.
fn mantissa(mean: f64, deviation: f64) -> Option<(String, i32)> {
    let text = format!("{mean:.2e}");
    let (mantissa, exponent) = text.split_once('e').filter(|_| mean.is_finite() && mean != 0.0)?;
    let exponent: i32 = exponent.parse().ok()?;
    if !deviation.is_finite() {
        return Some((mantissa.into(), exponent));
    }
    Some((format!("({mantissa} ± {:.2})", deviation / 10f64.powi(exponent)), exponent))
}
