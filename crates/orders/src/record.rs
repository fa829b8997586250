//! One record as the log holds it.

mod escaped;

use crate::{LogOrder, Offset, Partition, Position, Time};

pub use escaped::{CUT, escape, from_escaped, to_escaped};

/// A record, borrowed from the memory that it was read into.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub partition: Partition,
    pub offset: Offset,
    /// The record's timestamp as Kafka keeps it: milliseconds since 1970.
    pub appended_millis: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

/// The headers of a record, in order, in one block of memory that [`push_header`] fills. Names and values
/// are any bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a>(pub &'a [u8]);

/// Takes the place of a value's length if the header has no value. No name has this length.
const NO_VALUE: u32 = u32::MAX;

/// Appends one header in the form that [`Headers`] reads.
pub fn push_header(out: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>) {
    out.extend((name.len() as u32).to_le_bytes());
    out.extend(value.map_or(NO_VALUE, |value| value.len() as u32).to_le_bytes());
    out.extend_from_slice(name);
    out.extend_from_slice(value.unwrap_or_default());
}

impl<'a> Headers<'a> {
    /// Stands for headers that the record has, but that could not be read.
    pub const UNREADABLE: Headers<'static> = Headers(&NO_VALUE.to_le_bytes());

    #[must_use]
    pub fn are_readable(self) -> bool {
        self.0 != Self::UNREADABLE.0
    }

    /// Each name with its value.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (name_len, tail) = rest.split_first_chunk::<4>()?;
            let (value_len, tail) = tail.split_first_chunk::<4>()?;
            let (name, tail) = tail.split_at_checked(u32::from_le_bytes(*name_len) as usize)?;
            let (value, tail) = match u32::from_le_bytes(*value_len) {
                NO_VALUE => (None, tail),
                len => tail.split_at_checked(len as usize).map(|(value, tail)| (Some(value), tail))?,
            };
            rest = tail;
            Some((name, value))
        })
    }

    /// The bytes of all names and values.
    #[must_use]
    pub fn size(self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum()
    }

    /// The value of the header with this name. If there are several, the last one counts.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter().filter(|(other, _)| *other == name.as_bytes()).last().and_then(|(_, value)| value)
    }
}

impl<'a> Record<'a> {
    #[must_use]
    pub fn at(&self) -> LogOrder {
        LogOrder {
            appended_at: Time::from_millis(self.appended_millis),
            partition: self.partition,
            offset: self.offset,
        }
    }

    /// The bytes of the key, the value and the headers: what the size limit counts.
    #[must_use]
    pub fn size(&self) -> usize {
        let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        len(self.key) + len(self.value) + self.headers.size()
    }

    /// The position of a reader that has applied this record.
    #[must_use]
    pub fn next(&self) -> Position {
        Position::after(self.offset)
    }

    /// The trace id of a W3C `traceparent` header: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<&'a str> {
        let parent = self.headers.get("traceparent")?;
        let (_, rest) = parent.split_at(parent.iter().position(|byte| *byte == b'-')?);
        let (id, rest) = rest.get(1..)?.split_at_checked(32)?;
        // Not `all`, which looks at one digit after the other.
        let is_id = id.iter().fold(true, |is_id, byte| is_id & byte.is_ascii_hexdigit());
        (is_id && matches!(rest.first(), None | Some(b'-'))).then(|| std::str::from_utf8(id).ok()).flatten()
    }

    /// `offset:timestamp in ms:hash of key and value`. Comparing it later shows whether the log still
    /// holds this record at this offset.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = fnv1a(FNV_BASIS, self.key.unwrap_or_default());
        hash = fnv1a(hash, &[0xff, u8::from(self.value.is_some())]);
        hash = fnv1a(hash, self.value.unwrap_or_default());
        format!("{}:{}:{hash:016x}", self.offset, self.appended_millis)
    }
}

const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a with 64 bits. Its results are stored in databases, so it must never change.
fn fnv1a(mut hash: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv1a(FNV_BASIS, b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn headers_keep_order_and_absent_values() {
        let mut bytes = Vec::new();
        push_header(&mut bytes, b"a", Some(b"1"));
        push_header(&mut bytes, b"b\xff", None);
        push_header(&mut bytes, b"a", Some(b""));
        let headers = Headers(&bytes);
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [(&b"a"[..], Some(&b"1"[..])), (b"b\xff", None), (b"a", Some(b""))]);
        assert_eq!(headers.size(), 5);
        assert_eq!(headers.get("a"), Some(&b""[..]));
        assert_eq!(headers.get("c"), None);
        assert!(headers.are_readable() && Headers::default().are_readable());
        assert!(!Headers::UNREADABLE.are_readable());
        assert_eq!(Headers::UNREADABLE.iter().count(), 0);
    }

    #[test]
    fn a_trace_id_is_taken_only_from_a_well_formed_parent() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        for (parent, expected) in [
            (format!("00-{id}-b7ad6b7169203331-01"), Some(id)),
            (format!("00-{id}"), Some(id)),
            (format!("00-{id}0-b7ad6b7169203331-01"), None),
            ("00-short-b7ad6b7169203331-01".into(), None),
            (String::new(), None),
        ] {
            let mut bytes = Vec::new();
            push_header(&mut bytes, b"traceparent", Some(parent.as_bytes()));
            let record = Record {
                partition: Partition(0),
                offset: Offset(0),
                appended_millis: 0,
                key: None,
                value: None,
                headers: Headers(&bytes),
            };
            assert_eq!(record.trace_id(), expected);
        }
    }
}
