//! What a recovery found, in words.

use crate::recover::{
    ChunkPlace, Comparison, FieldDifference, Merged, NoiseFound, Outlying, PhysicalConstant,
    Recovery, Rival, SameForm, Shared, Verdict,
};
use crate::rewrite::Proof;
use crate::train::OUTLIER;

/// Chunks that a law does not follow, in words.
pub fn outlying_text(Outlying { chunks, of, others }: &Outlying) -> String {
    const TOLD: usize = 5;
    let places: Vec<String> = chunks
        .iter()
        .take(TOLD)
        .map(|ChunkPlace { trajectory, first_time, last_time }| {
            format!("trajectory {trajectory} from t = {first_time} to {last_time}")
        })
        .collect();
    let more = if chunks.len() > TOLD { ", .." } else { "" };
    format!(
        "{} of {of} chunks don't follow the law, which the others do to {others:.1e}: broken numbers, or something that acts there only. {}{more}",
        chunks.len(),
        places.join(", ")
    )
}

/// What is said of a law in the end, with the reasons of each "no" in lines of their own.
pub fn verdict_text(verdict: &Verdict) -> String {
    let said = |name: &str, yes: bool| format!("{}{name}", if yes { "" } else { "not " });
    let mut text = [
        said("explained", verdict.explained()),
        said("determined", verdict.determined()),
        said("complete", verdict.complete()),
    ]
    .join(", ");
    for reason in verdict.reasons() {
        text += &format!("\n- {reason}");
    }
    text
}

/// The noise, in words.
pub fn noise_text(noise: &NoiseFound) -> String {
    let deviations: Vec<String> = noise.deviation.iter().map(|s| format!("{s:.2e}")).collect();
    let origin = if noise.given { "known" } else { "estimated" };
    let outliers = match noise.outliers {
        0 => String::new(),
        n => format!(
            " {n} numbers are off by more than {OUTLIER} standard deviations and count little."
        ),
    };
    let efficiency = noise.efficiency.map_or_else(String::new, |efficiency| {
        format!(
            " Efficiency (variance of the constants by the Cramer-Rao bound over that by the scatter of the chunks; 1 is the best there is): \
             {efficiency:.2}."
        )
    });
    format!(
        "Every state is uncertain; standard deviations ({origin}) of the components, positions first: {}.{efficiency}{outliers}",
        deviations.join(", ")
    )
}

/// Laws that the data don't tell from the one that was found.
pub fn rivals_text(rivals: &[Rival]) -> String {
    let far = |x: f64| {
        if x.is_finite() { format!("{:.1} %", 100.0 * x) } else { "more than any number".into() }
    };
    let line = |rival: &Rival| {
        let FieldDifference { data: within, wider: beyond } = rival.difference;
        let (more, word) =
            (rival.chi_squared.abs(), if rival.chi_squared > 0.0 { "higher" } else { "lower" });
        format!(
            "\n- `{}`: chi squared {more:.1} {word}; differs by {} where the data are, by {} beyond",
            rival.expression,
            far(within),
            far(beyond)
        )
    };
    let lines: String = rivals.iter().map(line).collect();
    format!(
        "Of the laws that were tried these explain the data as well (chi squared, the sum of squared residuals in units of the noise, within three standard \
         errors of that of the law above or lower, by more constants or symbols). There may be others. Velocities and forces differ from those of the law by at \
         most so much, relatively, at nine of ten states of the data, and of a box 1.3 times as wide; more data from there would decide.\n{lines}"
    )
}

/// What a recovery says that its deadline, or Ctrl-C, ended early.
pub const STOPPED: &str =
    "Stopped before its end: this is the best law so far, and what could be left out is missing.";

/// A standard error, where there is one: none is zero.
pub fn error_text(error: Option<f64>) -> String {
    error.filter(|e| *e > 0.0).map_or_else(|| "unknown".into(), |e| format!("{e:.1e}"))
}

/// A number that the form itself has, such as a coefficient of one: no estimate, so without an
/// error.
pub const NOT_FITTED: &str = "exactly, not fitted";

/// The standard error of a constant, or that the form has the constant.
pub fn constant_error_text(constant: &PhysicalConstant) -> String {
    if constant.is_fitted() { error_text(constant.standard_error) } else { NOT_FITTED.into() }
}

/// An error of rollouts; rollouts that end have none.
pub fn rollout_error_text(error: f64) -> String {
    if error.is_finite() { format!("{error:.1e}") } else { "none (rollouts diverge)".into() }
}

/// A constant's value with its standard error.
pub fn constant_text(constant: &PhysicalConstant) -> String {
    value_text(constant.value, constant.standard_error, constant.is_fitted())
}

/// Constants that agree, with their common value.
pub fn shared_text(shared: &Shared) -> String {
    format!(
        "{}: {}",
        shared.meaning,
        value_text(shared.value, shared.standard_error, shared.standard_error.is_some())
    )
}

/// A law in the names of its constants.
pub fn merged_text(merged: &Merged) -> String {
    let values: Vec<String> =
        merged.constants.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    format!("In names: `{}` with {}.", merged.expression, values.join(", "))
}

pub(crate) fn value_text(value: f64, error: Option<f64>, fitted: bool) -> String {
    match error.filter(|e| *e > 0.0 && e.is_finite()) {
        Some(error) if fitted => concise(value, error),
        _ if fitted => format!("{value} +- {}", error_text(error)),
        _ => format!("{value} {NOT_FITTED}"),
    }
}

/// Significant digits of a number, at most.
const DIGITS: i32 = 15;

/// Numbers of so many digits are simple.
const SIMPLE: i32 = 4;

/// A value with its standard error in the last digits, as `1.2002(4)` or `3.17(12)e-9`: one digit of
/// the error, two where the first is a one.
fn concise(value: f64, error: f64) -> String {
    let place = |x: f64| x.abs().log10().floor() as i32;
    let of_error = place(error);
    let last = of_error - i32::from(error < 2.0 * 10f64.powi(of_error));
    // Tens are written out.
    let last = if last == 1 { 0 } else { last };
    // The power of ten that is written apart, where decimals would show none or too many digits.
    let apart = if value != 0.0 && (!(-4..10).contains(&place(value)) || last > 1) {
        place(value).max(of_error)
    } else {
        0
    };
    let decimals = apart - last;
    if decimals < 0 || place(value) - last > DIGITS {
        return format!("{value} +- {error:.1e}");
    }
    let digits = (error / 10f64.powi(last)).round();
    let text = format!("{:.*}({digits})", decimals as usize, value / 10f64.powi(apart));
    if apart == 0 { text } else { format!("{text}e{apart}") }
}

/// The law with as many digits of its constants as the best known of them has, and two more: those
/// beyond are rounding's. The files have all of them.
pub fn law_text(recovery: &Recovery) -> String {
    let fitted = recovery.expression.constants();
    let known = fitted.iter().zip(recovery.covariance.diag());
    let relative = known.filter(|(c, v)| **c != 0.0 && **v > 0.0).map(|(c, v)| v.sqrt() / c.abs());
    let best = relative.fold(f64::INFINITY, f64::min);
    let digits = if best.is_finite() { f64::ceil(3.0 - best.log10()) as i32 } else { DIGITS + 2 };
    let law = recovery.best();
    if digits > DIGITS {
        return law.to_string();
    }
    let to =
        |x: f64, digits: i32| format!("{x:.*e}", (digits - 1) as usize).parse::<f64>().unwrap_or(x);
    // A simple number, or one over one, stays as it is.
    let is_simple = |x: f64| (to(x, SIMPLE) / x - 1.0).abs() < 1e-14;
    let rounded = |c: &f64| {
        if is_simple(*c) || is_simple(1.0 / c) { *c } else { to(*c, digits.max(SIMPLE)) }
    };
    law.with_constants(&law.constants().iter().map(rounded).collect::<Vec<_>>()).to_string()
}

/// Relative distance within which a fitted constant counts as equal to one of a given law, and
/// values of the two laws as equal.
pub const TRUTH_TOLERANCE: f64 = 1e-6;

/// What a comparison found, in a line.
pub fn comparison_line(Comparison { proof, same_form }: &Comparison) -> String {
    let verdict = match proof {
        Proof::Equal { .. } => {
            format!("proved equal, up to a constant, numbers to a relative {TRUTH_TOLERANCE:e}")
        }
        Proof::Different { left, right, .. } => match same_form {
            Some(same) => format!("the same form, {}", distance_text(same)),
            None => format!("different, {left} against {right} at a point"),
        },
        Proof::Unknown => match same_form {
            Some(same) => format!(
                "neither proved equal nor shown to differ; the same form, {}",
                distance_text(same)
            ),
            None => "neither proved equal nor shown to differ".into(),
        },
    };
    format!("against --truth: {verdict} (see report.md)")
}

fn distance_text(SameForm { constants, chi_squared, within_errors, .. }: &SameForm) -> String {
    let verdict = if *within_errors { "within their errors" } else { "beyond their errors" };
    format!(
        "its {constants} constants {verdict} (chi squared {chi_squared:.1}, of the right law about {constants})"
    )
}

/// What a comparison found, in words.
pub fn comparison_text(Comparison { proof, same_form }: &Comparison) -> String {
    let same = same_form.as_ref().map_or_else(String::new, |same| {
        format!(
            "\n\nThe form is the same, {}: the given law is\n\n```text\nH = {}\n```",
            distance_text(same),
            same.expression
        )
    });
    proof_text(proof) + &same
}

fn proof_text(proof: &Proof) -> String {
    match proof {
        Proof::Equal { explanation } => {
            format!(
                "Equal, up to a constant, with numbers to a relative {TRUTH_TOLERANCE:e}. Steps of the proof:\n\n```text\n{}\n```",
                explanation.join("\n")
            )
        }
        Proof::Different { point, left, right } => {
            format!(
                "Different by more than a relative {TRUTH_TOLERANCE:e}: at {point} the found law gives {left}, the given one {right}."
            )
        }
        Proof::Unknown => format!(
            "Neither proved equal nor shown to differ by more than a relative {TRUTH_TOLERANCE:e}."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::concise;

    #[test]
    fn digits_follow_the_error() {
        for (value, error, text) in [
            (1.20021, 4.2e-4, "1.2002(4)"),
            (-0.30214, 1.24e-2, "-0.302(12)"),
            (9547.3, 23.0, "9547(23)"),
            (285_351.0, 5_600.0, "2.85(6)e5"),
            (3.168e-9, 1.2e-10, "3.17(12)e-9"),
            (0.5, 7e-15, "0.500000000000000(7)"),
            (0.5, 7e-18, "0.5 +- 7.0e-18"),
            (0.012, 0.4, "0.0(4)"),
        ] {
            assert_eq!(concise(value, error), text, "{value} {error}");
        }
    }
}
