//! Times in the forms in which people have them at hand.

use jiff::fmt::rfc2822;
use orders::Time;

use crate::problem::Problem;

/// RFC 3339 (`2026-11-21T18:04:05.123Z`), the same as PostgreSQL prints it (`2026-11-21 18:04:05.123+00`), without
/// seconds, without a time of day (midnight) or without a zone (UTC), as mail and HTTP write it
/// (`Sat, 21 Nov 2026 18:04:05 GMT`), and as a number since 1970: of 10 digits seconds, of 13 milliseconds, of 16
/// microseconds.
pub fn parse(text: &str) -> Result<Time, Problem> {
    let text = text.trim();
    let rfc_3339 = text.parse().ok();
    let time =
        rfc_3339.or_else(|| since_1970(text)).or_else(|| by_calendar(text)).or_else(|| as_mail_has_it(text));
    let in_range = time.filter(|time| (Time::MIN..=Time::MAX).contains(time));
    in_range.ok_or_else(|| {
        Problem::bad_request(format!(
            "as_of is {text:?}; it must be a time such as 2026-11-21T18:04:05.123Z, 2026-11-21 18:04 (UTC), or seconds \
             or milliseconds since 1970, from {} to {}",
            Time::MIN,
            Time::MAX
        ))
    })
}

fn since_1970(text: &str) -> Option<Time> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(units) || !are_digits(fraction) {
        return None;
    }
    let micros_per_unit = match units.len() {
        10 => 1_000_000,
        13 => 1000,
        16 => 1,
        _ => return None,
    };
    // Finer digits than microseconds are cut off.
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let millionths: i64 = digits.parse().ok()?;
    let micros = units.parse::<i64>().ok()? * micros_per_unit;
    Some(Time::from_micros(micros + millionths * micros_per_unit / 1_000_000))
}

/// `DATE`, `DATE TIME`, `DATE TIME ZONE`, with `T` or a space before the time.
fn by_calendar(text: &str) -> Option<Time> {
    let (date, rest) = text.split_at_checked(10)?;
    if rest.is_empty() {
        return format!("{date}T00:00:00Z").parse().ok();
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let end_of_time = rest.find(|c: char| !c.is_ascii_digit() && ![':', '.', ','].contains(&c));
    let (time, zone) = rest.split_at(end_of_time.unwrap_or(rest.len()));
    let time = match time.len() {
        5 => format!("{time}:00"),
        8.. => time.replace(',', "."),
        _ => return None,
    };
    format!("{date}T{time}{}", zone_of(zone)?).parse().ok()
}

/// `Z` or `+01:00`. A plus sign that was not encoded arrives as a space.
fn zone_of(text: &str) -> Option<String> {
    let has_space = text.starts_with(' ');
    let zone = text.trim_start();
    if ["", "Z", "z", "UTC", "GMT"].contains(&zone) {
        return Some("Z".into());
    }
    let (sign, digits) = match zone.strip_prefix(['+', '-']) {
        Some(digits) => (&zone[..1], digits),
        None if has_space => ("+", zone),
        None => return None,
    };
    let digits = digits.replace(':', "");
    match digits.len() {
        2 => Some(format!("{sign}{digits}:00")),
        4 => Some(format!("{sign}{}:{}", &digits[..2], &digits[2..])),
        _ => None,
    }
}

fn as_mail_has_it(text: &str) -> Option<Time> {
    let zoned = rfc2822::DateTimeParser::new().parse_zoned(text).ok()?;
    Some(Time::from_micros(zoned.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_people_paste() {
        for (expected, texts) in [
            (
                "2026-11-21T18:04:05Z",
                &[
                    "2026-11-21T18:04:05Z",
                    "2026-11-21t18:04:05z",
                    "2026-11-21T18:04:05",
                    "2026-11-21 18:04:05",
                    "2026-11-21 18:04:05Z",
                    "2026-11-21 18:04:05 UTC",
                    "2026-11-21 18:04:05+00",
                    "2026-11-21T19:04:05+01:00",
                    "2026-11-21T19:04:05 01:00",
                    "2026-11-21T19:04:05+0100",
                    "2026-11-21 20:04:05 +02",
                    "2026-11-21T13:04:05-05:00",
                    "Sat, 21 Nov 2026 18:04:05 GMT",
                    "Sat, 21 Nov 2026 19:04:05 +0100",
                    "1795284245",
                    "1795284245000",
                    "1795284245000000",
                    " 2026-11-21T18:04:05Z\n",
                ] as &[_],
            ),
            (
                "2026-11-21T18:04:05.123Z",
                &[
                    "2026-11-21 18:04:05.123+00",
                    "2026-11-21T18:04:05,123Z",
                    "1795284245.123",
                    "1795284245123",
                ],
            ),
            ("2026-11-21T18:04:00Z", &["2026-11-21T18:04Z", "2026-11-21 18:04"]),
            ("2026-11-21T00:00:00Z", &["2026-11-21"]),
        ] {
            for text in texts {
                let time = parse(text).map(|time| time.to_string()).map_err(|problem| problem.status());
                assert_eq!(time.as_deref(), Ok(expected), "{text:?}");
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026",
            "2026-11",
            "2026-13-01",
            "2026-11-21T",
            "2026-11-21Z",
            "2026-11-21T25:00",
            "2026-11-21T18",
            "2026-11-21T18:04:05X",
            "2026-11-21T18:04:05+1",
            "2026-11-21T18:04:05++01:00",
            "179528424",
            "17952842450",
            "-1795284245",
            "1795284245.1x",
            "2026-11-21é18:04:05Z",
            "99999999999999999999",
            "+2026-11-21T00:00:00Z",
        ] {
            assert_eq!(parse(text).map_err(|problem| problem.status()), Err(400), "{text:?}");
        }
    }
}
