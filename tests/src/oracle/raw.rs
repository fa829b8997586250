//! A record as it is in the log, before anything in it is understood.

use super::instant;

/// A record as it is in the log.
pub struct Raw {
    pub partition: i32,
    pub offset: i64,
    pub millis: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Raw {
    /// The last header of this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rev().find(|(other, _)| other == name)?.1.as_deref()
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
