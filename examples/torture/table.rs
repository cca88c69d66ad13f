//! The outcomes counted.

use std::collections::BTreeMap;

use crate::run::Outcome;

/// An outcome in one line.
pub fn line(outcome: &Outcome) -> String {
    let Outcome { number, what, status, exact, seconds, megabytes, message, faults } = outcome;
    let status = status.map_or("signal".into(), |s| s.to_string());
    let memory = megabytes.map_or(String::new(), |m| format!(", {m} MB"));
    let exact = if *exact { ", exact" } else { "" };
    let faults =
        if faults.is_empty() { String::new() } else { format!(" FAULT: {}", faults.join(", ")) };
    format!(
        "{number}: {status}{exact}, {seconds:.1} s{memory}{faults}\n    {}\n    {message}",
        what.join("; ")
    )
}

/// Counts of all, and a line for each fault.
pub fn text(outcomes: &[Outcome]) -> String {
    let count = |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| is(o)).count();
    let most = |of: &dyn Fn(&Outcome) -> f64| outcomes.iter().map(of).fold(0.0, f64::max);
    let mut faults: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in outcomes.iter().flat_map(|o| &o.faults) {
        *faults.entry(fault).or_default() += 1;
    }
    let mut text: String =
        outcomes.iter().filter(|o| !o.faults.is_empty()).map(|o| line(o) + "\n").collect();
    text += &format!(
        "\n{} tables: {} read, {} of these exact; {} refused; longest {:.1} s, most memory {:.0} MB\n",
        outcomes.len(),
        count(&|o| o.status == Some(0)),
        count(&|o| o.exact),
        count(&|o| o.status == Some(2)),
        most(&|o| o.seconds),
        most(&|o| o.megabytes.unwrap_or(0) as f64),
    );
    if faults.is_empty() {
        text += "no faults\n";
    }
    for (fault, number) in faults {
        text += &format!("{number} x {fault}\n");
    }
    text
}
