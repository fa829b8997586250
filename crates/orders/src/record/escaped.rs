//! Headers as text, for tables and answers: nothing is lost, whatever bytes a name or a value has.

use std::fmt::Write as _;

use super::{Headers, push_header};

/// The name of the last entry if some headers are missing before it. An escaped text never equals it.
pub const CUT: &str = "\\cut";

/// A name and its value, both escaped.
type Escaped = (String, Option<String>);

/// The bytes as text: valid UTF-8 stands for itself, a backslash for `\\`, and each NUL or other byte is
/// written as `\xNN`.
#[must_use]
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '\0' => text.push_str("\\x00"),
                character => text.push(character),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// The opposite of [`escape`]; `None` if `text` is not its result.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at + 1..];
        if let Some(tail) = escape.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = tail;
        } else {
            let (digits, tail) = escape.strip_prefix('x')?.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}

/// The headers in their order, as long as their names and values have at most `max_bytes` together. If some
/// are left out, the last entry is [`CUT`] and says how many.
#[must_use]
pub fn to_escaped(headers: Headers<'_>, max_bytes: usize) -> Vec<Escaped> {
    if !headers.are_readable() {
        return vec![(CUT.into(), Some("the headers cannot be read".into()))];
    }
    let (mut escaped, mut left, mut cut) = (Vec::new(), max_bytes, 0_usize);
    for (name, value) in headers.iter() {
        let size = name.len() + value.map_or(0, <[u8]>::len);
        if cut == 0 && size <= left {
            left -= size;
            escaped.push((escape(name), value.map(escape)));
        } else {
            cut += 1;
        }
    }
    if cut > 0 {
        let count = escaped.len();
        escaped.push((CUT.into(), Some(format!("{count} of {} headers are kept", count + cut))));
    }
    escaped
}

/// The headers in the form that [`Headers`] reads; `None` if some of them are missing.
#[must_use]
pub fn from_escaped(escaped: &[Escaped]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for (name, value) in escaped {
        let value = match value {
            Some(value) => Some(unescape(value)?),
            None => None,
        };
        push_header(&mut bytes, &unescape(name)?, value.as_deref());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_readable_and_other_bytes_are_escaped() {
        assert_eq!(escape("traceparent é".as_bytes()), "traceparent é");
        assert_eq!(escape(b"a\xff\0\\b\xf0\x9f"), r"a\xff\x00\\b\xf0\x9f");
        for wrong in ["\\", "\\x", "\\x1", "\\xé", "\\y", CUT] {
            assert_eq!(unescape(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_left_out_is_said() {
        let mut bytes = Vec::new();
        for name in [&b"a"[..], b"bb", b"c"] {
            push_header(&mut bytes, name, Some(b"12"));
        }
        let escaped = to_escaped(Headers(&bytes), 6);
        assert_eq!(escaped.len(), 2);
        assert_eq!(escaped[1], (CUT.to_owned(), Some("1 of 3 headers are kept".to_owned())));
        assert_eq!(from_escaped(&escaped), None);
        assert_eq!(from_escaped(&to_escaped(Headers::UNREADABLE, 6)), None);
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(
            headers in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..20), prop::option::of(prop::collection::vec(any::<u8>(), 0..20))),
                0..20,
            )
        ) {
            let mut bytes = Vec::new();
            for (name, value) in &headers {
                push_header(&mut bytes, name, value.as_deref());
            }
            let read: Vec<_> = Headers(&bytes)
                .iter()
                .map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec)))
                .collect();
            prop_assert_eq!(&read, &headers);
            let escaped = to_escaped(Headers(&bytes), usize::MAX);
            prop_assert!(!serde_json::json!(escaped).to_string().contains("\\u0000"));
            prop_assert_eq!(from_escaped(&escaped), Some(bytes));
        }

        #[test]
        fn any_block_of_memory_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let headers = Headers(&bytes);
            prop_assert!(headers.size() <= bytes.len());
            let _ = (headers.get("schema-version"), to_escaped(headers, 50));
        }
    }
}
