//! A record of the log, decoded.

use super::event::Event;
use super::instant;

pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// Microseconds since 1970.
    pub appended_at: i64,
    pub content: Result<Event, Box<Bad>>,
    /// A row of the table it belongs into was found.
    pub found: bool,
}

/// A record that cannot be decoded.
pub struct Bad {
    /// All that is wrong with it: its dead letter names one of them.
    pub faults: Vec<&'static str>,
    /// `None`: whether it can be read is not clear.
    pub order_id: Option<Option<String>>,
    pub raw: Raw,
}

/// A record as it stands in the log.
pub struct Raw {
    pub partition: i32,
    pub offset: i64,
    pub millis: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Raw {
    /// The last header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rev().find(|(other, _)| other == name)?.1.as_deref()
    }

    pub fn appended_at(&self) -> i64 {
        instant::from_millis(self.millis)
    }
}

impl Record {
    pub fn place(&self) -> String {
        place(self.partition, self.offset)
    }

    /// Its place in log order.
    pub fn log_order(&self) -> (i64, i32, i64) {
        (self.appended_at, self.partition, self.offset)
    }
}

pub fn place(partition: i32, offset: i64) -> String {
    format!("partition {partition} offset {offset}")
}
