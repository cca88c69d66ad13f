//! The results in a file, in a form to read.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::cells::{has, numbers, words};
use super::inspection::Highlight;
use crate::report::tables::with_deviation;
use crate::report::words::NOT_FITTED;

/// What is worth showing of a table, by the columns that it has.
pub(super) fn of(frame: &DataFrame) -> Vec<Highlight> {
    let table = Cells(frame);
    if has(frame, &["geometric_mean", "clamped_mean", "paper", "parameters"]) {
        table1(&table)
    } else if has(frame, &["quantity", "t", "geometric_mean", "q05", "q95"]) {
        vec![error_quantiles(&table), quantiles_over_time(&table)]
    } else if has(frame, &["name", "value", "standard_error", "snapped", "truth"]) {
        recovered(&table)
    } else if has(frame, &["iteration", "loss", "gradient_norm", "field_evaluations"]) {
        vec![training(&table)]
    } else if has(frame, &["phase", "seconds"]) {
        vec![timings(&table)]
    } else if has(frame, &["trajectory", "t", "q1_x"]) {
        vec![trajectories(&table)]
    } else {
        Vec::new()
    }
}

/// A table read cell by cell; an absent column reads as nulls.
struct Cells<'a>(&'a DataFrame);

impl Cells<'_> {
    fn numbers(&self, name: &str) -> Vec<f64> {
        let cells = self.0.column(name).map(numbers).unwrap_or_default();
        (0..self.0.height())
            .map(|row| cells.get(row).copied().flatten().unwrap_or(f64::NAN))
            .collect()
    }

    fn words(&self, name: &str) -> Vec<String> {
        let cells = self.0.column(name).map(words).unwrap_or_default();
        (0..self.0.height())
            .map(|row| cells.get(row).cloned().flatten().unwrap_or_default())
            .collect()
    }

    /// The cells of several columns of text, row by row.
    fn keys(&self, names: &[&str]) -> Vec<Vec<String>> {
        let columns: Vec<_> = names.iter().map(|name| self.words(name)).collect();
        (0..self.0.height())
            .map(|row| columns.iter().map(|column| column[row].clone()).collect())
            .collect()
    }

    /// What was trained, row by row, as [`MODEL`] heads it.
    fn models(&self) -> Vec<Vec<String>> {
        let join = |key: Vec<String>| {
            vec![format!("{} {}", key[0], key[1]), key[2].clone(), key[3].clone()]
        };
        self.keys(&["model", "dynamics", "group", "basis"]).into_iter().map(join).collect()
    }
}

const MODEL: [&str; 3] = ["Model", "Group", "Basis"];

fn highlight(title: impl Into<String>, header: &[&str], rows: Vec<Vec<String>>) -> Highlight {
    Highlight {
        title: title.into(),
        header: header.iter().map(|name| name.to_string()).collect(),
        rows,
    }
}

/// A table whose first columns say what was trained.
fn of_models(title: impl Into<String>, header: &[&str], rows: Vec<Vec<String>>) -> Highlight {
    highlight(title, &[&MODEL, header].concat(), rows)
}

/// Whole numbers as they are, others to three digits, in powers of ten where that is shorter.
fn short(x: f64) -> String {
    match x.abs() {
        _ if x.is_nan() => String::new(),
        size if x.fract() == 0.0 && size < 1e6 => x.to_string(),
        size if (1e-2..1e4).contains(&size) => {
            format!("{:.*}", (2 - size.log10().floor() as i32).max(0) as usize, x)
        }
        _ => format!("{x:.2e}"),
    }
}

/// A number with all its digits, an absent one as nothing.
fn exact(x: f64) -> String {
    if x.is_nan() { String::new() } else { x.to_string() }
}

/// Rows of the same words, in order of first appearance.
fn group_by(keys: Vec<Vec<String>>) -> Vec<(Vec<String>, Vec<usize>)> {
    let mut place: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut groups: Vec<(Vec<String>, Vec<usize>)> = Vec::new();
    for (row, key) in keys.into_iter().enumerate() {
        let at = *place.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(row);
    }
    groups
}

fn table1(table: &Cells) -> Vec<Highlight> {
    let models = table.models();
    let columns = [
        "parameters",
        "geometric_mean",
        "deviation",
        "clamped_mean",
        "clamped_deviation",
        "paper",
        "paper_deviation",
    ];
    let [parameters, mean, deviation, clamped, clamped_deviation, paper, paper_deviation] =
        columns.map(|name| table.numbers(name));
    let line = |&row: &usize| {
        let published = [paper[row], paper_deviation[row]]
            .iter()
            .filter(|x| !x.is_nan())
            .map(f64::to_string)
            .collect::<Vec<_>>();
        let mut cells = models[row].clone();
        cells.extend([
            exact(parameters[row]),
            with_deviation(mean[row], deviation[row]),
            with_deviation(clamped[row], clamped_deviation[row]),
            published.join(" ± "),
        ]);
        cells
    };
    let header = ["Params", "State error", "Clamped", "Paper"];
    let groups = group_by(table.keys(&["profile", "preset"]));
    let title = |key: &[String]| {
        format!(
            "Table 1: geometric mean of the state's relative error (profile {}, preset {})",
            key[0], key[1]
        )
    };
    groups
        .iter()
        .map(|(key, rows)| of_models(title(key), &header, rows.iter().map(line).collect()))
        .collect()
}

fn error_quantiles(table: &Cells) -> Highlight {
    let [t, mean, q50, q95] = ["t", "geometric_mean", "q50", "q95"].map(|name| table.numbers(name));
    let line = |(mut cells, rows): (Vec<String>, Vec<usize>)| {
        let end = rows.iter().map(|&row| t[row]).fold(f64::NEG_INFINITY, f64::max);
        // At t = 0 the error is zero or a rounding error: it has no place in a mean of logarithms.
        let logs: Vec<f64> = rows
            .iter()
            .filter(|&&row| t[row] > 0.0)
            .map(|&row| mean[row].ln())
            .filter(|log| log.is_finite())
            .collect();
        let worst = |values: &[f64]| {
            rows.iter()
                .filter(|&&row| t[row] == end)
                .map(|&row| values[row])
                .fold(f64::NAN, f64::max)
        };
        let numbers =
            [(logs.iter().sum::<f64>() / logs.len() as f64).exp(), end, worst(&q50), worst(&q95)];
        cells.extend(numbers.map(short));
        cells
    };
    let mut keys = table.models();
    keys.iter_mut().zip(table.words("quantity")).for_each(|(key, quantity)| key.push(quantity));
    let rows = group_by(keys).into_iter().map(line).collect();
    let title = "Errors: geometric mean over times, trajectories and seeds; quantiles over trajectories at the end (worst seed)";
    of_models(title, &["Quantity", "Mean", "End t", "q50", "q95"], rows)
}

/// Times at which quantiles are told, as parts of the last one.
const MOMENTS: [f64; 4] = [0.25, 0.5, 0.75, 1.0];

fn quantiles_over_time(table: &Cells) -> Highlight {
    let (t, quantity) = (table.numbers("t"), table.words("quantity"));
    let quantiles =
        ["geometric_mean", "q05", "q25", "q50", "q75", "q95"].map(|name| table.numbers(name));
    let models = table.models();
    let mut times = t.clone();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let last = times.last().copied().unwrap_or_default();
    let nearest = |part: f64| {
        times
            .iter()
            .copied()
            .min_by(|a, b| (a - part * last).abs().total_cmp(&(b - part * last).abs()))
    };
    let moments: Vec<f64> = MOMENTS.into_iter().filter_map(nearest).collect();
    // Seeds are different trainings: the middle of them is their geometric mean.
    let middle = |rows: &[usize], values: &[f64]| {
        (rows.iter().map(|&row| values[row].ln()).sum::<f64>() / rows.len() as f64).exp()
    };
    let keys: Vec<Vec<String>> =
        (0..t.len()).map(|row| [models[row].clone(), vec![short(t[row])]].concat()).collect();
    let line = |(mut cells, rows): (Vec<String>, Vec<usize>)| {
        let rows: Vec<usize> = rows
            .into_iter()
            .filter(|&row| quantity[row] == "state" && moments.contains(&t[row]))
            .collect();
        cells.extend(quantiles.each_ref().map(|values| short(middle(&rows, values))));
        (!rows.is_empty()).then_some(cells)
    };
    let rows = group_by(keys).into_iter().filter_map(line).collect();
    let title = "Error of the state at four times: geometric mean and quantiles over trajectories (geometric mean over seeds)";
    of_models(title, &["t", "Mean", "q05", "q25", "q50", "q75", "q95"], rows)
}

fn recovered(table: &Cells) -> Vec<Highlight> {
    let [seed, value, error, snapped, truth] =
        ["seed", "value", "standard_error", "snapped", "truth"].map(|name| table.numbers(name));
    let names = table.keys(&["name", "meaning"]);
    let line = |&row: &usize| {
        let mut cells = names[row].clone();
        let error =
            if error[row].is_finite() { format!("{:.1e}", error[row]) } else { NOT_FITTED.into() };
        cells.extend([
            format!("{:.10}", value[row]),
            error,
            exact(snapped[row]),
            exact(truth[row]),
        ]);
        cells
    };
    let header = ["Name", "Meaning", "Value", "Std. error", "Snapped", "Truth"];
    let keys = table
        .words("preset")
        .into_iter()
        .zip(&seed)
        .map(|(preset, seed)| vec![preset, exact(*seed)])
        .collect();
    let title = |key: &[String]| {
        format!("Constants of the recovered Hamiltonian (preset {}, seed {})", key[0], key[1])
    };
    group_by(keys)
        .iter()
        .map(|(key, rows)| highlight(title(key), &header, rows.iter().map(line).collect()))
        .collect()
}

fn training(table: &Cells) -> Highlight {
    let columns = ["seed", "iteration", "loss", "gradient_norm", "field_evaluations"];
    let [seed, iteration, loss, gradient, evaluations] = columns.map(|name| table.numbers(name));
    let mut keys = table.models();
    keys.iter_mut().zip(&seed).for_each(|(key, seed)| key.push(exact(*seed)));
    let line = |(mut cells, rows): (Vec<String>, Vec<usize>)| {
        let last = rows
            .iter()
            .copied()
            .reduce(|a, b| if iteration[b] > iteration[a] { b } else { a })
            .unwrap_or_default();
        cells.extend([
            exact(iteration[last]),
            short(loss[rows[0]]),
            short(loss[last]),
            short(gradient[last]),
            short(evaluations[last]),
        ]);
        cells
    };
    let header = ["Seed", "Iter.", "First loss", "Last loss", "|gradient|", "Evaluations"];
    of_models(
        "Training: first and last iteration",
        &header,
        group_by(keys).into_iter().map(line).collect(),
    )
}

fn timings(table: &Cells) -> Highlight {
    let seconds = table.numbers("seconds");
    let line = |(mut cells, rows): (Vec<String>, Vec<usize>)| {
        let total: f64 = rows.iter().map(|&row| seconds[row]).sum();
        cells.extend([rows.len().to_string(), short(total / rows.len() as f64), short(total)]);
        cells
    };
    let header = ["Phase", "Model", "Runs", "Mean seconds", "Total seconds"];
    highlight(
        "Wall times",
        &header,
        group_by(table.keys(&["phase", "model"])).into_iter().map(line).collect(),
    )
}

fn trajectories(table: &Cells) -> Highlight {
    let [ids, times] = ["trajectory", "t"].map(|name| table.numbers(name));
    let groups = group_by(ids.iter().map(|id| vec![exact(*id)]).collect());
    let lengths: Vec<f64> = groups.iter().map(|(_, rows)| rows.len() as f64).collect();
    let steps: Vec<f64> = groups
        .iter()
        .flat_map(|(_, rows)| rows.windows(2).map(|pair| times[pair[1]] - times[pair[0]]))
        .collect();
    let cells = vec![groups.len().to_string(), range(&lengths), range(&times), range(&steps)];
    highlight("Trajectories", &["Number", "States each", "Times", "Steps of time"], vec![cells])
}

pub(super) fn range(values: &[f64]) -> String {
    let (least, largest) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    if values.is_empty() {
        return String::new();
    }
    // Differences of rounded times differ in their last digits.
    if largest - least <= 1e-9 * largest.abs() {
        short(largest)
    } else {
        format!("{} to {}", short(least), short(largest))
    }
}
