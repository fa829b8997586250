//! A record of the log.

use super::event::Event;
use super::raw::Undecodable;

pub struct Record {
    pub partition: i32,
    pub offset: i64,
    /// Microseconds since 1970.
    pub appended_at: i64,
    pub content: Result<Event, Box<Undecodable>>,
    /// Whether the table that it belongs to has a row for it.
    pub found: bool,
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
