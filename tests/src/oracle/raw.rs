//! A record as it is in the log, before anything in it is understood.

use event_log::HeaderBytes;

use super::instant;

/// A record as it is in the log.
pub struct Raw {
    pub partition: i32,
    pub offset: i64,
    pub millis: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// `None`: they cannot be read.
    pub headers: Option<Vec<HeaderBytes>>,
}

impl Raw {
    /// The last header of this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.as_ref()?.iter().rev().find(|(other, _)| other == name.as_bytes())?.1.as_deref()
    }

    /// Bytes of key, value, and names and values of headers.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter().flatten();
        let headers: usize =
            headers.map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len)).sum();
        headers + [&self.key, &self.value].into_iter().flatten().map(Vec::len).sum::<usize>()
    }

    pub fn appended_at(&self) -> i64 {
        instant::from_millis(self.millis)
    }
}

/// A record that cannot be decoded.
pub struct Undecodable {
    /// All faults of the record. Its dead letter names one of them.
    pub faults: Vec<&'static str>,
    /// The order id, if it can be read; `None` if that is uncertain.
    pub order_id: Option<Option<String>>,
    pub raw: Raw,
}
