//! Raw JSON text: reading a scalar out of it, and what PostgreSQL's `jsonb` would refuse.
//!
//! Values travel as the slice of the record that they came in; most are never
//! parsed further than here.

use std::borrow::Cow;

/// How deep arrays and objects may nest; serde_json's own limit.
pub const MAX_DEPTH: usize = 128;

/// What is wrong with a value that is valid JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Nul,
    TooDeep,
    LoneSurrogate,
}

/// The text of a JSON string, borrowed where it holds no escape. `None`: no string.
#[must_use]
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.as_bytes().contains(&b'\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A JSON number that is whole and is written so.
#[must_use]
pub fn integer(raw: &str) -> Option<i128> {
    raw.parse().ok()
}

/// Appends a JSON string.
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

/// Refuses what is valid JSON and yet no valid `jsonb`.
pub fn check(raw: &str) -> Result<(), Unfit> {
    let (mut depth, mut in_string, mut unicode_escape) = (0_usize, false, false);
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => unicode_escape |= bytes.next() == Some(b'u'),
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Unfit::TooDeep);
                }
            }
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
    }
    if !unicode_escape {
        return Ok(());
    }
    match serde_json::from_str::<serde_json::Value>(raw) {
        Err(_) => Err(Unfit::LoneSurrogate),
        Ok(value) if holds_nul(&value) => Err(Unfit::Nul),
        Ok(_) => Ok(()),
    }
}

fn holds_nul(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
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
        assert_eq!(check(r#""\ud83d""#), Err(Unfit::LoneSurrogate));
        assert_eq!(check(r#""\ud83d\ude00""#), Ok(()));
        assert_eq!(check(&"[".repeat(MAX_DEPTH + 1)), Err(Unfit::TooDeep));
        assert_eq!(check(r#""[[[""#), Ok(()));
    }

    #[test]
    fn strings_are_escaped_where_they_must_be() {
        let mut out = String::new();
        push_string(&mut out, "a");
        push_string(&mut out, "b\"\\\n");
        assert_eq!(out, r#""a""b\"\\\n""#);
    }
}
