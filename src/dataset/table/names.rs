//! What the columns of a file are called here.

use std::collections::BTreeMap;

use super::layout::{FRAME, TIME, TRAJECTORY, component};

/// A name of `--columns` that can't be used.
#[derive(Debug, PartialEq)]
pub(super) enum BadName {
    /// The left side is none of this crate's names.
    Ours(String),
    /// No column has the name of the right side: ours, theirs.
    Theirs(String, String),
}

/// Whether a table may have a column of this name.
pub(super) fn is_ours(name: &str) -> bool {
    [TRAJECTORY, TIME, FRAME].contains(&name) || component(name).is_some()
}

/// A header's name without its unit, in small letters: `x` of `X (m)`, `X [m]` and `X / m`.
pub(super) fn bare(name: &str) -> String {
    let bracket = name.find(['(', '[']);
    let end = bracket.into_iter().chain(name.find(" / ")).filter(|at| *at > 0).min();
    name[..end.unwrap_or(name.len())].trim().to_lowercase()
}

/// Words for units that stand behind an underscore.
const UNITS: [&str; 20] = [
    "deg", "degs", "degree", "degrees", "rad", "rads", "radians", "s", "sec", "seconds", "ms",
    "us", "ns", "m", "mm", "cm", "km", "per", "px", "pixels",
];

/// A bare name without units that stand behind underscores: `theta` of `theta_deg`, `v` of `v_m_s`.
pub(super) fn without_units(bare: &str) -> &str {
    let mut name = bare;
    while let Some((before, last)) = name.rsplit_once('_')
        && UNITS.contains(&last)
        && !before.is_empty()
    {
        name = before;
    }
    name
}

/// The unit of an angle, or of its velocity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Degrees,
    Radians,
}

/// What a header says of an angle's unit: `theta (deg)`, `omega [rad/s]`, `phi_degrees`.
pub(super) fn unit(name: &str) -> Option<Unit> {
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphabetic() && c != '\u{b0}');
    words.find_map(|word| match word {
        "deg" | "degs" | "degree" | "degrees" | "\u{b0}" => Some(Unit::Degrees),
        "rad" | "rads" | "radian" | "radians" => Some(Unit::Radians),
        _ => None,
    })
}

/// Gives the columns of a file the names that this crate reads them by; columns that it doesn't
/// read keep theirs. Mapped names come first, then exact ones, then those that differ in case or
/// bear a unit.
///
/// # Errors
/// [`BadName`].
pub(super) fn resolve(
    found: &[String],
    columns: &BTreeMap<String, String>,
) -> Result<Vec<String>, BadName> {
    let mut names = found.to_vec();
    let mut mapped = vec![false; found.len()];
    for (ours, theirs) in columns {
        if !is_ours(ours) {
            return Err(BadName::Ours(ours.clone()));
        }
        let exact = found.iter().position(|name| name == theirs);
        let loose = || found.iter().position(|name| bare(name) == bare(theirs));
        let place =
            exact.or_else(loose).ok_or_else(|| BadName::Theirs(ours.clone(), theirs.clone()))?;
        (names[place], mapped[place]) = (ours.clone(), true);
    }
    for (k, name) in found.iter().enumerate().filter(|(k, _)| !mapped[*k]) {
        let ours = bare(name);
        let taken = columns.contains_key(&ours);
        let exact = || found.contains(&ours);
        if is_ours(&ours) && !taken && (*name == ours || !exact()) {
            names[k] = ours;
        } else if taken && *name == ours {
            // Another column was given this one's name.
            names[k] = format!("{name} (of the file)");
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[&str], columns: &[(&str, &str)]) -> Result<Vec<String>, BadName> {
        let found: Vec<String> = found.iter().map(|name| name.to_string()).collect();
        resolve(&found, &columns.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect())
    }

    #[test]
    fn case_and_units_of_names_do_not_matter() {
        assert_eq!(
            names(&["Trajectory", "T [s]", "Q1_X (m)", "note"], &[]).unwrap(),
            ["trajectory", "t", "q1_x", "note"]
        );
        // A temperature beside the time.
        assert_eq!(names(&["t", "T", "q1_x"], &[]).unwrap(), ["t", "T", "q1_x"]);
    }

    #[test]
    fn units_of_angles_are_seen() {
        for (name, wanted) in [
            ("theta [deg]", Some(Unit::Degrees)),
            ("phi_degrees", Some(Unit::Degrees)),
            ("angle (\u{b0})", Some(Unit::Degrees)),
            ("omega (rad/s)", Some(Unit::Radians)),
            ("degraded", None),
            ("x (m)", None),
        ] {
            assert_eq!(unit(name), wanted, "{name}");
        }
    }

    #[test]
    fn columns_are_mapped() {
        assert_eq!(
            names(&["time (s)", "x", "q1_x"], &[("t", "time"), ("q1_x", "x")]).unwrap(),
            ["t", "q1_x", "q1_x (of the file)"]
        );
        assert_eq!(
            names(&["a"], &[("q1_x", "b")]),
            Err(BadName::Theirs("q1_x".into(), "b".into()))
        );
        assert_eq!(names(&["a"], &[("x", "a")]), Err(BadName::Ours("x".into())));
    }
}
