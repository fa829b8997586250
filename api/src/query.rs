//! The query part of a URL, read strictly: what is not known is refused by name.

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// Parameters that a route knows, each at most once.
#[derive(Debug)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Refuses other names than `known`, repeated ones, and what is no UTF-8.
    pub fn parse(raw: Option<&str>, known: &[&[&'static str]]) -> Result<Self, Problem> {
        let mut query = Self(Vec::new());
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            let known: Vec<&'static str> = known.concat();
            let Some(name) = known.iter().find(|known| **known == name) else {
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                return Err(Problem::bad_request(format!(
                    "parameter {name:?} is not known here; known: {known}"
                )));
            };
            if query.get(name).is_some() {
                return Err(Problem::bad_request(format!("parameter {name} is given twice")));
            }
            if value.contains('\0') {
                return Err(Problem::bad_request(format!("parameter {name} holds a NUL character")));
            }
            query.0.push((name, value));
        }
        Ok(query)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    /// A page's size.
    pub fn limit(&self, default: u32) -> Result<u32, Problem> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
            _ => Err(Problem::bad_request(format!(
                "limit is {text:?}; it is a whole number from 1 to {MAX_LIMIT}"
            ))),
        }
    }
}

pub const MAX_LIMIT: u32 = 1000;

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Problem::bad_request("the query is no UTF-8")),
    }
}

/// Encodes a value for a query so that [`Query::parse`] reads it again.
pub fn encode(value: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    // What RFC 3986 allows in a query, but for & + and what separates or may be rewritten.
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b':')
        .remove(b'=')
        .remove(b',');
    utf8_percent_encode(value, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_once_each_in_utf_8() {
        let parse = |raw| Query::parse(Some(raw), &[&["a", "b"]]);
        let query = parse("a=1%2C2+3&b=").unwrap();
        assert_eq!((query.get("a"), query.get("b")), (Some("1,2 3"), Some("")));
        for wrong in ["c=1", "a=1&a=2", "a=%ff", "A=1", "a=%00"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        for value in ["2026-11-21T18:04:05.123Z", "0=12,1=9", "a&b+c d%/ä"] {
            let raw = format!("a={}", encode(value));
            assert_eq!(Query::parse(Some(&raw), &[&["a"]]).unwrap().get("a"), Some(value));
        }
        assert_eq!(encode("0=12,1=9"), "0=12,1=9");
    }
}
