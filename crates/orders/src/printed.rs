//! Prints JSON as PostgreSQL's `jsonb` does. The tables hold the fields of events as the log has them, and answers
//! give them in this form, which does not depend on how a producer writes the same value.
//!
//! Members are sorted by the lengths of their names and then by their bytes; of the same name, the last one counts.
//! Numbers are written out in full, with as many digits after the point as they were given.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::text::{self, Unfit};

/// Why a text cannot be printed. No version of the program stores such a text.
#[derive(Debug, thiserror::Error)]
pub enum Unprintable {
    #[error("it is not a JSON object")]
    NoObject,
    #[error("it is not valid JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("jsonb would refuse it ({0:?})")]
    Unfit(Unfit),
}

/// Prints a JSON object.
pub fn print_object(object: &str) -> Result<String, Unprintable> {
    // From here on, the text is known to be valid, and not too deep for a function that calls itself.
    let object: &RawValue = serde_json::from_str(object)?;
    let object = object.get();
    text::check_object(object).map_err(Unprintable::Unfit)?;
    if !object.starts_with('{') {
        return Err(Unprintable::NoObject);
    }
    let value = Values(object).read();
    let mut printed = String::with_capacity(object.len() + object.len() / 4);
    value.print(&mut printed);
    Ok(printed)
}

/// A value, with its scalars as they are written.
enum Value<'a> {
    Scalar(&'a str),
    Array(Vec<Value<'a>>),
    /// Each name as it is written, without its quotes.
    Object(Vec<(&'a str, Value<'a>)>),
}

/// What is left of a text of valid JSON.
struct Values<'a>(&'a str);

impl<'a> Values<'a> {
    fn read(&mut self) -> Value<'a> {
        self.skip_space();
        match self.0.as_bytes().first() {
            Some(b'{') => Value::Object(self.list(|values| {
                let name = values.scalar();
                values.skip_space();
                values.skip(1); // the colon
                (name.get(1..name.len().saturating_sub(1)).unwrap_or_default(), values.read())
            })),
            Some(b'[') => Value::Array(self.list(Self::read)),
            _ => Value::Scalar(self.scalar()),
        }
    }

    /// Reads what lies between two brackets.
    fn list<T>(&mut self, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        let mut list = Vec::new();
        self.skip(1);
        self.skip_space();
        while !self.0.starts_with(['}', ']']) && !self.0.is_empty() {
            list.push(read(self));
            self.skip_space();
            if self.0.starts_with(',') {
                self.skip(1);
                self.skip_space();
            }
        }
        self.skip(1);
        list
    }

    /// Reads a string, a number or a word.
    fn scalar(&mut self) -> &'a str {
        let bytes = self.0.as_bytes();
        let length = if bytes.first() == Some(&b'"') {
            let mut end = 1;
            while let Some(byte) = bytes.get(end).filter(|byte| **byte != b'"') {
                end += 1 + usize::from(*byte == b'\\');
            }
            end + 1
        } else {
            let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':') || byte.is_ascii_whitespace();
            bytes.iter().position(is_end).unwrap_or(bytes.len()).max(1)
        };
        let (scalar, rest) = self.0.split_at_checked(length).unwrap_or((self.0, ""));
        self.0 = rest;
        scalar
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = self.0.get(bytes..).unwrap_or_default();
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }
}

impl Value<'_> {
    fn print(self, out: &mut String) {
        match self {
            Self::Scalar(raw) => print_scalar(raw, out),
            Self::Array(values) => {
                out.push('[');
                for (index, value) in values.into_iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    value.print(out);
                }
                out.push(']');
            }
            Self::Object(mut members) => {
                sort(&mut members);
                out.push('{');
                for (index, (name, value)) in members.into_iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    text::push_string(out, &unescaped(name));
                    out.push_str(": ");
                    value.print(out);
                }
                out.push('}');
            }
        }
    }
}

fn sort(members: &mut Vec<(&str, Value<'_>)>) {
    // Both sorts are stable, so the last of several members of one name comes first after the reversal.
    members.reverse();
    if members.iter().any(|(name, _)| name.contains('\\')) {
        members.sort_by_cached_key(|(name, _)| {
            let name = unescaped(name).into_owned();
            (name.len(), name)
        });
    } else {
        members.sort_by_key(|(name, _)| (name.len(), *name));
    }
    members.dedup_by(|(later, _), (first, _)| unescaped(later) == unescaped(first));
}

fn unescaped(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    text::string(&format!("\"{inner}\"")).map_or(Cow::Borrowed(inner), |text| Cow::Owned(text.into_owned()))
}

fn print_scalar(raw: &str, out: &mut String) {
    match raw.as_bytes().first() {
        Some(b'"') if raw.contains('\\') => match text::string(raw) {
            Some(text) => text::push_string(out, &text),
            None => out.push_str(raw),
        },
        Some(b'-' | b'0'..=b'9') => print_number(raw, out),
        _ => out.push_str(raw),
    }
}

/// Writes out the exponent. The text is not longer than [`text::check`] allows, nor is what it stands for.
fn print_number(raw: &str, out: &mut String) {
    let unsigned = raw.trim_start_matches('-');
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let digits: String = [whole, fraction].concat();
    let is_zero = digits.bytes().all(|digit| digit == b'0');
    if raw.starts_with('-') && !is_zero {
        out.push('-');
    }
    // The point stands after this many of the digits, and this many follow it.
    let point = whole.len() as i64 + exponent;
    let scale = (fraction.len() as i64 - exponent).max(0) as usize;
    let digit = |at: i64| match usize::try_from(at).ok().and_then(|at| digits.as_bytes().get(at)) {
        Some(digit) => char::from(*digit),
        None => '0',
    };
    let first = (0..point).find(|at| digit(*at) != '0').unwrap_or(point);
    if first == point {
        out.push('0');
    }
    out.extend((first..point).map(digit));
    if scale > 0 {
        out.push('.');
        out.extend((point..point + scale as i64).map(digit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_printed_as_jsonb_does() {
        for (object, printed) in [
            ("{}", "{}"),
            (r#" { "bb" : 1 , "a":[ ],"c":{ } } "#, r#"{"a": [], "c": {}, "bb": 1}"#),
            (r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a": 3, "b": 2}"#),
            (
                r#"{"a":"\u00e9\/\n\u0001","b":[true,null,"x"]}"#,
                r#"{"a": "é/\n\u0001", "b": [true, null, "x"]}"#,
            ),
            (r#"{"ä":"\"}","z":"{,"}"#, r#"{"z": "{,", "ä": "\"}"}"#),
        ] {
            assert_eq!(print_object(object).unwrap(), printed);
        }
    }

    #[test]
    fn numbers_are_written_out() {
        for (number, printed) in [
            ("1e2", "100"),
            ("1.50", "1.50"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("1.50e1", "15.0"),
            ("1.5E+3", "1500"),
            ("1E-3", "0.001"),
            ("-1.20e-2", "-0.0120"),
            ("0e5", "0"),
            ("0.0e-1", "0.00"),
            ("12.5e-4", "0.00125"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
        ] {
            let object = print_object(&format!("{{\"n\":{number}}}")).unwrap();
            assert_eq!(object, format!("{{\"n\": {printed}}}"), "{number}");
        }
    }

    #[test]
    fn fields_may_nest_as_deep_as_a_record_may_have_them() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let object = |depth| format!("{{\"a\": {}}}", nested(depth));
        text::check(&nested(text::MAX_DEPTH)).unwrap();
        assert_eq!(print_object(&object(text::MAX_DEPTH)).unwrap(), object(text::MAX_DEPTH));
        assert!(print_object(&object(text::MAX_DEPTH + 1)).is_err());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        for text in ["", "[1]", "7", "\"{\"", "{", "{\"a\"}", "{\"a\":\"\\ud800\"}", &deep] {
            assert!(print_object(text).is_err());
        }
    }
}
