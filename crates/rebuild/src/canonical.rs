//! A hash of JSON by its meaning: the log has the text that a producer wrote, the
//! database the one that `jsonb` prints. Both must hash alike when they are the same
//! value: whitespace, escapes, the order of an object's members, members that a later
//! one of the same name replaces, and the way a number is written do not count.

use std::hash::{DefaultHasher, Hasher};

/// The value that the text of valid JSON stands for.
pub(crate) fn value(json: &str) -> u64 {
    Cursor { json, at: 0 }.value()
}

/// An object of these members, each with the text of its value. `None`: there are none.
pub(crate) fn members<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Option<u64> {
    let mut object = Object::default();
    for (name, json) in members {
        object.set(text(name), value(json));
    }
    (!object.0.is_empty()).then(|| object.hash())
}

#[derive(Default)]
struct Object(Vec<(u64, u64)>);

impl Object {
    fn set(&mut self, name: u64, value: u64) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some(member) => member.1 = value,
            None => self.0.push((name, value)),
        }
    }

    fn hash(&self) -> u64 {
        let sum = self.0.iter().fold(0_u64, |sum, (name, value)| sum.wrapping_add(mix(*name, *value)));
        mix(0x6f62_6a65_6374, sum)
    }
}

fn mix(one: u64, other: u64) -> u64 {
    let mixed = (one ^ other.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_add(other).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

fn text(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// What has no end of its own is at the end of the text.
struct Cursor<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> u8 {
        let bytes = self.json.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t' | b',' | b':') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(b']')
    }

    fn value(&mut self) -> u64 {
        match self.peek() {
            b'{' => {
                self.at += 1;
                let mut object = Object::default();
                while self.peek() == b'"' {
                    let name = self.string();
                    object.set(name, self.value());
                }
                self.skip();
                object.hash()
            }
            b'[' => {
                self.at += 1;
                let mut hash = 0x0061_7272_6179;
                while self.peek() != b']' {
                    hash = mix(hash, self.value());
                }
                self.skip();
                hash
            }
            b'"' => mix(0x7465_7874, self.string()),
            _ => scalar(self.word()),
        }
    }

    /// Over a closing bracket, or whatever is in its place.
    fn skip(&mut self) {
        self.word();
    }

    fn string(&mut self) -> u64 {
        let start = self.at;
        let bytes = self.json.as_bytes();
        let mut escaped = false;
        self.at += 1;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        self.at = (self.at + 1).min(bytes.len());
        let quoted = &self.json[start..self.at];
        if escaped {
            orders::text::string(quoted).map_or(0, |unescaped| text(&unescaped))
        } else {
            text(quoted.trim_matches('"'))
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.json[self.at..];
        let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
        // A text that is no JSON must not keep us here.
        self.at = (self.at + end.max(1)).min(self.json.len());
        &rest[..end]
    }
}

/// `true`, `false`, `null` or a number, which counts by its decimal value.
fn scalar(word: &str) -> u64 {
    let (negative, unsigned) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    if !unsigned.starts_with(|first: char| first.is_ascii_digit()) {
        return mix(0x776f_7264, text(word));
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().unwrap_or_default()),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> =
        whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').collect();
    let mut exponent = exponent - fraction.len() as i64;
    while digits.last() == Some(&b'0') {
        digits.pop();
        exponent += 1;
    }
    if digits.is_empty() {
        return 0x7a65_726f;
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&digits);
    hasher.write_i64(exponent);
    hasher.write_u8(u8::from(negative));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jsonb_makes_of_a_value_hashes_like_it() {
        for (written, printed) in [
            (r#"{"b":1,"a":[1,2,{"x":null}]}"#, r#"{"a": [1, 2, {"x": null}], "b": 1}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a": 2}"#),
            (r#""\u00e9\/\n""#, "\"é/\\n\""),
            (r#"{"k\u0065y":true}"#, r#"{"key": true}"#),
            ("1e2", "100"),
            ("1.50", "1.5"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.1"),
            ("1E-3", "0.001"),
            ("[ ]", "[]"),
            ("{}", "{ }"),
        ] {
            assert_eq!(value(written), value(printed), "{written} and {printed}");
        }
    }

    #[test]
    fn different_values_hash_differently() {
        let all = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "10",
            "0.1",
            "\"\"",
            "\"0\"",
            "\"null\"",
            "[]",
            "[0]",
            "[[0]]",
            "[0,0]",
            "[1,2]",
            "[2,1]",
            "{}",
            r#"{"a":1}"#,
            r#"{"a":2}"#,
            r#"{"b":1}"#,
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"a":{"b":1}}"#,
            r#"["a",1]"#,
            r#""\"""#,
            r#""\\""#,
            "12345678901234567890",
            "12345678901234567891",
        ];
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert_ne!(value(one), value(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn members_hash_like_their_object() {
        let fields = [("b", "[1]"), ("a", "1"), ("a", "\"x\"")];
        assert_eq!(members(fields.into_iter()), Some(value(r#"{"a": "x", "b": [1]}"#)));
        assert_eq!(members(std::iter::empty()), None);
    }

    #[test]
    fn no_text_makes_it_hang_or_panic() {
        for text in ["", "}", "{", "[", "\"", "\"\\", "[}", "{\"a\"", "[1", "é", ",,", "{]"] {
            value(text);
        }
    }
}
