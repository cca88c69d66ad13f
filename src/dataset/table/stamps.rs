//! Dates and times of day as text (ISO 8601), and durations.

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Reads `2023-06-01T12:30:00.25Z`: a date, and after a `T` or a blank hours and minutes, seconds
/// and an offset where they are given. Gives seconds since 1970 and a part of one.
pub(super) fn stamp(text: &str) -> Option<(i64, f64)> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut numbers = date.split('-');
    let mut number = |digits: usize| {
        let part = numbers.next()?;
        (part.len() == digits).then(|| digits_of(part))?
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    if numbers.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let midnight = days(year, month, day) * DAY;
    if rest.is_empty() {
        return Some((midnight, 0.0));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(at);
    let (seconds, part) = clock(time.trim_end(), 24)?;
    Some((midnight + seconds - offset(zone)?, part))
}

/// Reads `01:30:00.5` (hours, minutes, seconds), `90:00.5` (minutes, seconds) or `PT1H30M0.5S` as
/// seconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    if let Some(parts) = text.strip_prefix("PT") {
        return parts_of(parts).map(|seconds| sign * seconds);
    }
    let (seconds, part) = if text.matches(':').count() == 1 {
        clock(&format!("0:{text}"), i64::MAX)?
    } else {
        clock(text, i64::MAX)?
    };
    Some(sign * (seconds as f64 + part))
}

fn parts_of(text: &str) -> Option<f64> {
    let (mut rest, mut sum, mut units) = (text, 0.0, "HMS");
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[at..].chars().next()?;
        let place = units.find(unit)?;
        sum += rest[..at].parse::<f64>().ok()? * [3600.0, 60.0, 1.0]["HMS".find(unit)?];
        (rest, units) = (&rest[at + 1..], &units[place + 1..]);
    }
    (units.len() < 3).then_some(sum)
}

/// Hours, minutes and, where they are given, seconds, as seconds and a part of one.
fn clock(text: &str, hours: i64) -> Option<(i64, f64)> {
    let mut parts = text.split(':');
    let (hour, minute) = (digits_of(parts.next()?)?, digits_of(parts.next()?)?);
    let second = parts.next().unwrap_or("0");
    let (whole, part) = second.split_once(['.', ',']).unwrap_or((second, "0"));
    let (whole, digits) = (digits_of(whole)?, part.bytes().all(|b| b.is_ascii_digit()));
    let minutes = if hours == i64::MAX && hour == 0 { i64::MAX } else { 60 };
    // The last second of a year may be the sixtieth.
    if parts.next().is_some() || !digits || hour >= hours || minute >= minutes || whole > 60 {
        return None;
    }
    let part = format!("0.{part}").parse().ok()?;
    Some((hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(whole)?, part))
}

fn offset(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    if !zone.is_ascii() {
        return None;
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let minutes = match digits.len() {
        2 => digits_of(&digits)? * 60,
        4 => digits_of(&digits[..2])? * 60 + digits_of(&digits[2..])?,
        _ => return None,
    };
    Some(sign * minutes * 60)
}

/// Digits alone, at most nine.
fn digits_of(text: &str) -> Option<i64> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Days from 1970-01-01 to a date (Hinnant, "chrono-compatible low-level date algorithms", 2013):
/// years begin in March, so that the day that is not always there comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_seconds_since_1970() {
        for (text, seconds, part) in [
            ("1970-01-01", 0, 0.0),
            ("2000-03-01T00:00:00Z", 951_868_800, 0.0),
            ("2023-06-01 00:01:00.5", 1_685_577_660, 0.5),
            ("2023-06-01T02:01:00+02:00", 1_685_577_660, 0.0),
            ("2023-05-31T19:01-0500", 1_685_577_660, 0.0),
            ("1969-12-31T23:59:59,25", -1, 0.25),
        ] {
            assert_eq!(stamp(text), Some((seconds, part)), "{text}");
        }
        for text in ["", "2023", "2023-6-1", "2023-13-01", "2023-06-01T", "2023-06-01T1", "é-é-é-é"]
        {
            assert_eq!(stamp(text), None, "{text}");
        }
        for text in ["2023-06-01T25:00", "2023-06-01T12:60", "2023-06-01X12:00", "01.06.2023 12:00"]
        {
            assert_eq!(stamp(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_seconds() {
        for (text, seconds) in [
            ("01:30:00.5", 5400.5),
            ("90:00", 5400.0),
            ("-00:00:02", -2.0),
            ("PT1H30M0.5S", 5400.5),
            ("PT5S", 5.0),
        ] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in ["", ":", "1:2:3:4", "PT", "PT5", "PT1S1M", "1:xx", "PT1..5S"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
