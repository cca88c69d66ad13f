//! Inspections as text, at most 100 columns wide where names allow, and as CSV.

use super::inspection::{ColumnSummary, Highlight, Inspection};

/// Width that long lines are wrapped at.
const WIDTH: usize = 100;

/// One file as text: heading, metadata and columns (unless only `results` are wanted), then what
/// its rows say.
pub fn as_text(inspection: &Inspection, results: bool) -> String {
    let heading = format!(
        "{} ({} rows, {} columns, {})",
        inspection.path.display(),
        inspection.rows,
        inspection.columns.len(),
        size(inspection.bytes)
    );
    let rule = "=".repeat(heading.chars().count().min(WIDTH));
    let mut text = format!("{heading}\n{rule}\n");
    if !results {
        for (key, value) in &inspection.metadata {
            text += &wrapped(&format!("{key}: {value}"));
        }
        text += &(lines(&columns(&inspection.columns)) + "\n");
    }
    for highlight in &inspection.highlights {
        text += &format!("{}\n{}\n", wrapped(&highlight.title).trim_end(), lines(highlight));
    }
    text
}

/// The columns of all files as CSV with a header.
pub fn as_csv(inspections: &[Inspection]) -> String {
    let mut text = String::from("file,rows,column,type,nulls,non_finite,min,mean,max,words\n");
    for inspection in inspections {
        for column in &inspection.columns {
            let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
            let cells = [
                quoted(&inspection.path.display().to_string()),
                inspection.rows.to_string(),
                quoted(&column.name),
                quoted(&column.dtype),
                count(column.nulls),
                count(column.non_finite),
                number(column.min),
                number(column.mean),
                number(column.max),
                quoted(&column.words.join("; ")),
            ];
            text += &(cells.join(",") + "\n");
        }
    }
    text
}

fn count(x: Option<usize>) -> String {
    x.map_or_else(String::new, |x| x.to_string())
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.into()
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

fn columns(columns: &[ColumnSummary]) -> Highlight {
    let number = |x: Option<f64>| x.map_or_else(String::new, compact);
    let row = |column: &ColumnSummary| {
        let ColumnSummary { name, dtype, nulls, non_finite, min, mean, max, words } = column;
        // What text says goes where numbers have their least one.
        let first = if words.is_empty() { number(*min) } else { cut(&words.join("; "), 28) };
        vec![
            name.clone(),
            cut(dtype, 16),
            count(*nulls),
            count(*non_finite),
            first,
            number(*mean),
            number(*max),
        ]
    };
    let header = ["column", "type", "nulls", "non-finite", "min (or words)", "mean", "max"]
        .map(String::from)
        .to_vec();
    Highlight { title: String::new(), header, rows: columns.iter().map(row).collect() }
}

/// Five digits, plain where that is readable.
fn compact(x: f64) -> String {
    match x.abs() {
        size if x.fract() == 0.0 && size < 1e9 => format!("{x}"),
        size if (1e-2..1e5).contains(&size) => format!("{x:.4}"),
        _ => format!("{x:.4e}"),
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.into()
    } else {
        text.chars().take(width - 2).chain("..".chars()).collect()
    }
}

/// Header and rows in columns, two spaces apart; numbers to the right.
fn lines(table: &Highlight) -> String {
    let all = || std::iter::once(&table.header).chain(&table.rows);
    let widths: Vec<usize> = (0..table.header.len())
        .map(|k| {
            all().filter_map(|row| row.get(k)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let numeric: Vec<bool> = (0..table.header.len())
        .map(|k| table.rows.iter().all(|row| row.get(k).is_some_and(|cell| is_number(cell))))
        .collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths).zip(&numeric).map(|((cell, &width), numeric)| {
            if *numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text += &format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

fn is_number(cell: &str) -> bool {
    ["", "inf", "NaN"].contains(&cell)
        || cell.starts_with(|c: char| c.is_ascii_digit() || "-(".contains(c))
}

/// Text with a line break between words wherever a line would grow too long.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let length = lines.last().map_or(0, |line| line.chars().count());
        if length > 0 && length + 1 + word.chars().count() > WIDTH {
            lines.push(format!("    {word}"));
        } else if let Some(line) = lines.last_mut() {
            *line += &if line.is_empty() { word.to_string() } else { format!(" {word}") };
        }
    }
    lines.join("\n") + "\n"
}
