//! What the README and the page of results say.

use std::fs;
use std::path::Path;

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// What stands between two marks.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let from = text.find(begin).unwrap() + begin.len();
    text[from..from + text[from..].find(end).unwrap()].trim()
}

/// The cells of each row of a table.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn regress_results_are_those_on_disk() {
    let (page, table) = (text("docs/results.md"), text("data/paper/results/table1.md"));
    let shown = between(&page, "<!-- table1: data/paper/results/table1.md -->", "<!-- /table1 -->");
    assert_eq!(shown, table.trim());
}

#[test]
fn regress_best_rows_in_the_readme_are_rows_on_disk() {
    let (readme, table) = (text("README.md"), text("data/paper/results/table1.md"));
    let begin = "<!-- best rows of data/paper/results/table1.md -->";
    let (shown, all) = (rows(between(&readme, begin, "<!-- /best rows -->")), rows(table.trim()));
    let columns: Vec<usize> =
        shown[0].iter().map(|name| all[0].iter().position(|n| n == name).unwrap()).collect();
    assert!(shown.len() > 4, "{shown:?}");
    for row in &shown[2..] {
        let on_disk = |full: &Vec<&str>| columns.iter().map(|&c| full[c]).eq(row.iter().copied());
        assert!(all[2..].iter().any(on_disk), "{row:?} is no row of table1.md");
    }
}
