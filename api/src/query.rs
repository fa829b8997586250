//! The query part of a URL, read strictly: an unknown parameter is refused by name, so that a misspelt filter
//! never answers with everything.

mod parameter;

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

pub use parameter::{InQuery, Parameter, ParameterSet, integer, schema_of, text, words};

/// The parameters of one request, each at most once.
#[derive(Debug)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Refuses parameters that `known` does not have, repeated ones, and text that is not UTF-8 or has a NUL.
    pub fn parse(raw: Option<&str>, known: &[&'static [Parameter]]) -> Result<Self, Problem> {
        let mut query = Self(Vec::new());
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            let mut known_names = known.iter().copied().flatten().map(|parameter| parameter.name);
            let Some(name) = known_names.find(|known| *known == name) else {
                return Err(unknown(&name, known));
            };
            if query.get(name).is_some() {
                return Err(Problem::bad_request(format!("parameter {name} is given twice")));
            }
            if value.contains('\0') {
                return Err(Problem::bad_request(format!("parameter {name} contains a NUL character")));
            }
            query.0.push((name, value));
        }
        Ok(query)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The size of a page.
    pub fn limit(&self, default: u32) -> Result<u32, Problem> {
        let Some(text) = self.get("limit") else { return Ok(default) };
        match text.parse() {
            Ok(limit @ 1..=MAX_LIMIT) => Ok(limit),
            _ => Err(Problem::bad_request(format!(
                "limit is {text:?}; it must be a whole number from 1 to {MAX_LIMIT}"
            ))),
        }
    }
}

pub const MAX_LIMIT: u32 = 1000;

fn unknown(name: &str, known: &[&[Parameter]]) -> Problem {
    let names: Vec<_> = known.iter().copied().flatten().map(|parameter| parameter.name).collect();
    let takes = if names.is_empty() { "no parameters".to_owned() } else { names.join(", ") };
    Problem::bad_request(format!("parameter {name:?} is not known here; this route takes {takes}"))
}

fn decode(text: &str) -> Result<String, Problem> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Problem::bad_request("the query is not valid UTF-8")),
    }
}

/// Encodes a value so that [`Query::parse`] reads the same value again.
pub fn encode(value: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    // RFC 3986 allows these in a query, they separate nothing, and nothing on the way rewrites them.
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

    const KNOWN: &[Parameter] =
        &[Parameter { name: "a", about: "", schema: text }, Parameter { name: "b", about: "", schema: text }];

    #[test]
    fn only_known_names_are_accepted_once_each_in_utf_8() {
        let parse = |raw| Query::parse(Some(raw), &[KNOWN]);
        let query = parse("a=1%2C2+3&b=").unwrap();
        assert_eq!((query.get("a"), query.get("b")), (Some("1,2 3"), Some("")));
        for wrong in ["c=1", "a=1&a=2", "a=%ff", "A=1", "a=%00"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_encoded_value_is_read_again() {
        for value in ["2026-11-21T18:04:05.123Z", "0=12,1=9", "a&b+c d%/ä"] {
            let raw = format!("a={}", encode(value));
            assert_eq!(Query::parse(Some(&raw), &[KNOWN]).unwrap().get("a"), Some(value));
        }
        assert_eq!(encode("0=12,1=9"), "0=12,1=9");
    }
}
