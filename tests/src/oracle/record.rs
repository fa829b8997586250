//! A record of the log.

use super::event::Event;
use super::instant;

pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// Microseconds since 1970.
    pub appended_at: i64,
    pub content: Result<Event, Box<Undecodable>>,
    /// Whether the table that it belongs to has a row for it.
    pub found: bool,
}

/// A record that cannot be decoded.
pub struct Undecodable {
    /// All faults of the record. Its dead letter names one of them.
    pub faults: Vec<&'static str>,
    /// The order id, if it can be read; `None` if that is uncertain.
    pub order_id: Option<Option<String>>,
    pub raw: Raw,
}

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

impl Record {
    /// Its partition and offset, for messages.
    pub fn label(&self) -> String {
        label(self.partition, self.offset)
    }

    /// What log order sorts by.
    pub fn log_order(&self) -> (i64, i32, i64) {
        (self.appended_at, self.partition, self.offset)
    }
}

/// A partition and an offset, for messages.
pub fn label(partition: i32, offset: i64) -> String {
    format!("partition {partition} offset {offset}")
}
