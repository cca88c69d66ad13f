//! The outcomes counted.

use std::fmt::Write;

use crate::judge::Outcome;

/// Fewer runs than this tell of few energies.
const FEW_RUNS: usize = 10;

/// A draw in one line.
pub fn line(outcome: &Outcome) -> String {
    let Outcome { number, law, noise, found, exact, seconds, runs, rows, field_error, .. } =
        outcome;
    let verdict = match (outcome.right(), exact) {
        (true, true) => "right, exact",
        (true, false) => "right, not exact",
        (false, true) => "WRONG, EXACT",
        (false, false) => "wrong",
    };
    let why = if *exact { String::new() } else { format!("\n    {}", outcome.reasons.join("; ")) };
    format!(
        "{number} {verdict} ({seconds:.1} s, {runs} x {rows}, noise {noise}, field {field_error:.1e})\n    {law}\n    {found}{why}"
    )
}

/// A table of all, then one line for each law that was wrongly called exact.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| data | draws | wrong, exact | right | right, exact | within 1 error | within 2 errors | median s |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let kinds: [(&str, &dyn Fn(&Outcome) -> bool); 5] = [
        ("clean, many runs", &|o| o.noise == 0.0 && o.runs >= FEW_RUNS),
        ("clean, few runs", &|o| o.noise == 0.0 && o.runs < FEW_RUNS),
        ("noisy, many runs", &|o| o.noise > 0.0 && o.runs >= FEW_RUNS),
        ("noisy, few runs", &|o| o.noise > 0.0 && o.runs < FEW_RUNS),
        ("all", &|_| true),
    ];
    for (name, is) in kinds {
        let some: Vec<&Outcome> = outcomes.iter().filter(|o| is(o)).collect();
        if !some.is_empty() {
            row(&mut text, name, &some);
        }
    }
    for outcome in outcomes.iter().filter(|o| o.exact && !o.right()) {
        text += &format!("\n{}\n", line(outcome));
    }
    text
}

fn row(text: &mut String, name: &str, some: &[&Outcome]) {
    let count = |is: &dyn Fn(&Outcome) -> bool| some.iter().filter(|o| is(o)).count();
    // Without noise the errors are those of integration.
    let noisy = some.iter().filter(|o| o.noise > 0.0);
    let distances: Vec<f64> = noisy.flat_map(|o| &o.distances).copied().collect();
    let within = |errors: f64| {
        let inside = distances.iter().filter(|d| d.abs() <= errors).count();
        if distances.is_empty() {
            "-".to_owned()
        } else {
            format!(
                "{:.1} % of {}",
                100.0 * inside as f64 / distances.len() as f64,
                distances.len()
            )
        }
    };
    let mut seconds: Vec<f64> = some.iter().map(|o| o.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    // Writing to a string doesn't fail.
    let _ = writeln!(
        text,
        "| {name} | {} | {} | {} | {} | {} | {} | {:.1} |",
        some.len(),
        count(&|o| o.exact && !o.right()),
        count(&|o| o.right()),
        count(&|o| o.exact && o.right()),
        within(1.0),
        within(2.0),
        seconds[seconds.len() / 2]
    );
}
