//! Walks through the text of a value and hashes it, without building the value.

use super::object::{Object, hash_text, mix};
use super::scalar::hash_scalar;

/// Reads one value after the other. In text that is not valid JSON, the end of the text
/// closes whatever is open.
pub(super) struct Cursor<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(json: &'a str) -> Self {
        Self { json, at: 0 }
    }

    /// The next byte that is neither whitespace nor a separator.
    fn peek(&mut self) -> u8 {
        let bytes = self.json.as_bytes();
        while let Some(b' ' | b'\n' | b'\r' | b'\t' | b',' | b':') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(b']')
    }

    /// Hashes the next value.
    pub(super) fn value(&mut self) -> u64 {
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
            _ => hash_scalar(self.word()),
        }
    }

    /// Moves past a closing bracket, or whatever is in its place.
    fn skip(&mut self) {
        self.word();
    }

    /// Hashes the text of a string, unescaped.
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
            orders::text::string(quoted).map_or(0, |unescaped| hash_text(&unescaped))
        } else {
            hash_text(quoted.trim_matches('"'))
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = &self.json[self.at..];
        let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
        // Moves on by at least one byte, so that reading text that is not JSON ends too.
        self.at = (self.at + end.max(1)).min(self.json.len());
        &rest[..end]
    }
}
