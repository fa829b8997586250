//! Raw JSON text: reads scalars out of it, and finds what PostgreSQL's `jsonb` would refuse.
//!
//! Values are passed on as slices of the record that contained them; most are never parsed further.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// How deep arrays and objects may nest in one value: the limit of serde_json (128), minus room for the
/// levels that tables and answers add around it.
pub const MAX_DEPTH: usize = 100;

/// The maximum length of a number, in characters, and its exponents. Both stay far from the limits of PostgreSQL's
/// `numeric`, so that those are never reached, and a number that is written out stays short. The largest exponent only
/// leaves out zeros: no other number of this length has it and fits into a double.
const MAX_NUMBER_CHARS: usize = 1000;
const EXPONENTS: RangeInclusive<i32> = -400..=1400;

/// Why a value that is valid JSON cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Nul,
    TooDeep,
    HugeNumber,
    LoneSurrogate,
}

/// The text of a JSON string, borrowed if it has no escapes. `None` if it is not a string.
#[must_use]
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.as_bytes().contains(&b'\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The value of a JSON number that is written without a fraction or an exponent.
#[must_use]
pub fn integer(raw: &str) -> Option<i128> {
    raw.parse().ok()
}

/// Appends `text` as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// Refuses valid JSON that is not valid `jsonb`, or that common readers of JSON cannot represent.
pub fn check(raw: &str) -> Result<(), Unfit> {
    check_to(MAX_DEPTH, raw)
}

/// The same for an object of values that may each nest as deep as a value may.
pub fn check_object(raw: &str) -> Result<(), Unfit> {
    check_to(MAX_DEPTH + 1, raw)
}

fn check_to(max_depth: usize, raw: &str) -> Result<(), Unfit> {
    let bytes = raw.as_bytes();
    if bytes.first() == Some(&b'"') && !bytes.contains(&b'\\') {
        return Ok(());
    }
    let (mut depth, mut in_string, mut unicode_escape, mut nul) = (0_usize, false, false, false);
    let mut next = 0;
    while let Some(byte) = bytes.get(next) {
        next += 1;
        match byte {
            b'\\' => {
                unicode_escape |= bytes.get(next) == Some(&b'u');
                nul |= bytes[next..].starts_with(b"u0000");
                next += 1;
            }
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > max_depth {
                    return Err(Unfit::TooDeep);
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' if !in_string => {
                let length = bytes[next..].iter().take_while(|byte| is_in_number(**byte)).count();
                check_number(&raw[next - 1..next + length])?;
                next += length;
            }
            _ => {}
        }
    }
    if !unicode_escape {
        return Ok(());
    }
    match serde_json::from_str::<serde_json::Value>(raw) {
        Err(_) => Err(Unfit::LoneSurrogate),
        Ok(_) if nul => Err(Unfit::Nul),
        Ok(_) => Ok(()),
    }
}

fn is_in_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
}

fn check_number(number: &str) -> Result<(), Unfit> {
    let exponent = number.find(['e', 'E']).map(|at| &number[at + 1..]);
    if number.len() <= 20 && exponent.is_none() {
        return Ok(());
    }
    let is_finite = number.parse::<f64>().is_ok_and(f64::is_finite);
    let is_written_out =
        exponent.is_none_or(|exponent| exponent.parse().is_ok_and(|exponent| EXPONENTS.contains(&exponent)));
    if number.len() <= MAX_NUMBER_CHARS && is_finite && is_written_out {
        Ok(())
    } else {
        Err(Unfit::HugeNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_without_escapes_is_borrowed() {
        assert!(matches!(string(r#""paid""#), Some(Cow::Borrowed("paid"))));
        assert_eq!(string(r#""a\"b\u00e9""#).as_deref(), Some("a\"bé"));
        for no_string in ["1", "null", "[]", "\"", r#""\ud800""#] {
            assert_eq!(string(no_string), None, "{no_string}");
        }
    }

    #[test]
    fn integers_are_written_without_point_or_exponent() {
        assert_eq!((integer("12"), integer("-3")), (Some(12), Some(-3)));
        for other in ["1.0", "1e3", "\"1\"", "null"] {
            assert_eq!(integer(other), None, "{other}");
        }
    }

    #[test]
    fn what_jsonb_refuses_is_found() {
        assert_eq!(check(r#"{"a":["\\u0000 is no escape","é"]}"#), Ok(()));
        assert_eq!(check(r#"["\u0000"]"#), Err(Unfit::Nul));
        assert_eq!(check(r#"{"\u0000":1}"#), Err(Unfit::Nul));
        // A later member of the same name does not hide it from jsonb.
        assert_eq!(check(r#"{"a":{"b":"\u0000"},"a":1}"#), Err(Unfit::Nul));
        assert_eq!(check(r#""\ud83d""#), Err(Unfit::LoneSurrogate));
        assert_eq!(check(r#""\ud83d\ude00""#), Ok(()));
        let nested = |depth| format!("{}\"\\u00e9\"{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_DEPTH + 1)), Err(Unfit::TooDeep));
        assert_eq!(check(r#""[[[""#), Ok(()));
    }

    #[test]
    fn numbers_must_fit_into_a_double_and_into_numeric() {
        let digits = |count| "9".repeat(count);
        for fit in ["0", "-1.5", "1e308", "1E+2", "1e-400", "0e1400", &digits(300), r#"["1e999", 1]"#] {
            assert_eq!(check(fit), Ok(()), "{fit}");
        }
        let long_fraction = format!("0.{}", digits(1000));
        for huge in [
            "1e309",
            "-1e309",
            "1e-401",
            "1e-99999999999",
            "0e1401",
            "-0.0e2000000000",
            "[0,{\"a\":1e999}]",
            &digits(310),
            &long_fraction,
        ] {
            assert_eq!(check(huge), Err(Unfit::HugeNumber), "{huge}");
        }
    }

    #[test]
    fn strings_are_escaped_where_they_must_be() {
        let mut out = String::new();
        push_string(&mut out, "a");
        push_string(&mut out, "b\"\\\n");
        assert_eq!(out, r#""a""b\"\\\n""#);
    }
}
