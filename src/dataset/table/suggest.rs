//! What a message offers where columns have other names than this crate's.

use std::collections::BTreeMap;

use super::layout::{FRAME, Layout, TIME, TRAJECTORY};
use super::names::{bare, is_ours, without_units};

/// Common words for times, for what numbers runs, and for what numbers frames.
const TIMES: [&str; 9] =
    ["time", "times", "t", "seconds", "sec", "timestamp", "elapsed", "zeit", "temps"];
const RUNS: [&str; 8] =
    ["run", "trial", "traj", "trajectory", "experiment", "episode", "sim", "id"];
const FRAMES: [&str; 3] = ["frame", "frames", "step"];
/// Common words for a component along an axis, `x` standing for the axis.
const WORDS: [(char, &[&str]); 3] = [
    ('q', &["x", "qx", "posx", "positionx", "xpos", "xposition", "rx", "coordx"]),
    ('v', &["vx", "velx", "velocityx", "xvel", "xvelocity", "xdot", "dxdt", "dx", "speedx"]),
    ('p', &["px", "momentumx", "momentax", "xmomentum"]),
];
/// Common words for the only component of a particle.
const ALONE: [(char, &[&str]); 3] = [
    ('q', &["q", "theta", "phi", "angle", "pos", "position", "displacement"]),
    (
        'v',
        &[
            "v",
            "vel",
            "velocity",
            "velocities",
            "omega",
            "thetadot",
            "dtheta",
            "dthetadt",
            "phidot",
            "dphi",
            "qdot",
            "rate",
            "angularvelocity",
        ],
    ),
    ('p', &["p", "momentum", "momenta"]),
];

/// The `--columns` that would serve a table with these columns, as far as their names tell: pairs
/// of our name and theirs, and whether a table can be read with them.
pub(super) fn mapping(found: &[String], time_step: bool) -> (Vec<(String, String)>, bool) {
    let mut ours: BTreeMap<String, String> = BTreeMap::new();
    for name in found {
        if let Some(guess) = guess(name) {
            ours.entry(guess).or_insert_with(|| name.clone());
        }
    }
    if ours.is_empty() && found.iter().zip(1..).all(|(name, k)| *name == format!("column{k}")) {
        ours = numbered(found.len());
    }
    let names: Vec<String> = ours.keys().cloned().collect();
    let serves = Layout::infer(&names, time_step, &[]).is_ok();
    let differ = |(ours, theirs): &(String, String)| bare(theirs) != *ours;
    let order = |(ours, _): &(String, String)| (ours != TRAJECTORY, ours != TIME, ours != FRAME);
    let mut pairs: Vec<_> = ours.into_iter().filter(differ).collect();
    pairs.sort_by_key(|pair| (order(pair), "qvp".find(&pair.0[..1])));
    (pairs, serves)
}

/// Columns without names: time, positions and velocities of a particle, if there are as many.
fn numbered(columns: usize) -> BTreeMap<String, String> {
    let dimension = columns / 2;
    if columns.is_multiple_of(2) || !(1..=3).contains(&dimension) {
        return BTreeMap::new();
    }
    let axes = |letter: char| {
        ["x", "y", "z"][..dimension].iter().map(move |axis| format!("{letter}1_{axis}"))
    };
    let ours = std::iter::once(TIME.to_string()).chain(axes('q')).chain(axes('v'));
    ours.zip(1..).map(|(ours, k)| (ours, format!("column{k}"))).collect()
}

/// Our name for a column, where a common word is its name.
fn guess(name: &str) -> Option<String> {
    let bare = bare(name);
    if is_ours(&bare) {
        return Some(bare);
    }
    let bare = without_units(&bare);
    let word: String = bare.chars().filter(|c| c.is_alphabetic()).collect();
    let digits: String = bare.chars().filter(char::is_ascii_digit).collect();
    for (ours, words) in [(TIME, &TIMES[..]), (TRAJECTORY, &RUNS), (FRAME, &FRAMES)] {
        if digits.is_empty() && words.contains(&word.as_str()) {
            return Some(ours.into());
        }
    }
    let particle = if digits.is_empty() { "1" } else { &digits };
    let alone = ALONE.iter().find(|(_, words)| words.contains(&word.as_str()));
    let along = || {
        ["x", "y", "z"].iter().find_map(|axis| {
            let is = |pattern: &&str| {
                // The axis is the only x of a pattern.
                pattern.replace('x', axis) == word
            };
            let (letter, _) = WORDS.iter().find(|(_, words)| words.iter().any(is))?;
            Some((*letter, *axis))
        })
    };
    let (letter, axis) = alone.map(|(letter, _)| (*letter, "x")).or_else(along)?;
    Some(format!("{letter}{particle}_{axis}")).filter(|name| is_ours(name))
}

/// The names that a word is most like, at most three.
pub(super) fn nearest<'a>(word: &str, found: &'a [String]) -> Vec<&'a str> {
    /// Letters that may differ.
    const ALIKE: usize = 2;
    let mut near: Vec<(usize, &str)> =
        found.iter().map(|name| (distance(word, &bare(name)), name.as_str())).collect();
    let length = word.chars().count();
    near.retain(|(distance, name)| {
        *distance <= ALIKE && *distance < name.chars().count().max(length)
    });
    near.sort();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Letters that are to be changed, put in or left out to make one word of another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(100).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = changed.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(found: &[&str]) -> (String, bool) {
        let found: Vec<String> = found.iter().map(|name| name.to_string()).collect();
        let (pairs, serves) = mapping(&found, false);
        let pairs: Vec<String> = pairs.iter().map(|(a, b)| format!("{a}={b}")).collect();
        (pairs.join(","), serves)
    }

    #[test]
    fn common_names_are_offered() {
        for (found, wanted) in [
            (&["time", "theta", "omega"][..], "t=time,q1_x=theta,v1_x=omega"),
            (&["t", "x", "y", "vx", "vy"], "q1_x=x,q1_y=y,v1_x=vx,v1_y=vy"),
            (&["t", "x1", "y1", "vx1", "vy1"], "q1_x=x1,q1_y=y1,v1_x=vx1,v1_y=vy1"),
            (&["run", "Time (s)", "x_1", "p_x1"], "trajectory=run,t=Time (s),q1_x=x_1,p1_x=p_x1"),
            (
                &["t", "theta1", "theta2", "omega1", "omega2"],
                "q1_x=theta1,q2_x=theta2,v1_x=omega1,v2_x=omega2",
            ),
            (&["t_s", "theta_deg", "omega_deg_per_s"], "t=t_s,q1_x=theta_deg,v1_x=omega_deg_per_s"),
            (&["t / s", "x / m", "vx / (m/s)"], "q1_x=x / m,v1_x=vx / (m/s)"),
            (&["column1", "column2", "column3"], "t=column1,q1_x=column2,v1_x=column3"),
        ] {
            assert_eq!(line(found), (wanted.into(), true));
        }
        assert_eq!(line(&["t", "x", "y"]), ("q1_x=x,q1_y=y".into(), true));
        assert_eq!(line(&["a", "b"]), (String::new(), false));
    }

    #[test]
    fn names_that_are_nearly_right_are_told() {
        let found = ["q1x".to_string(), "q1_y".into(), "note".into()];
        assert_eq!(nearest("q1_x", &found), ["q1_y", "q1x"]);
        assert!(nearest("trajectory", &found).is_empty());
    }
}
