//! The log that the answers are about: records in memory, with fixed offsets and append times.

use orders::record::{Headers, push_header};
use orders::{Offset, Partition, Record, Time};

pub const PARTITIONS: usize = 4;
/// 2026-03-01T12:00:00Z
const START_MILLIS: i64 = 1_772_366_400_000;

/// A record before it has a place in the log.
pub struct Entry {
    pub partition: usize,
    value: Option<Vec<u8>>,
    headers: Vec<u8>,
    appended_millis: Option<i64>,
}

/// A record at its place.
struct Given {
    entry: Entry,
    offset: i64,
    appended_millis: i64,
}

#[derive(Default)]
pub struct Log {
    given: Vec<Given>,
    next: [i64; PARTITIONS],
}

impl Entry {
    pub fn new(partition: usize, value: impl Into<Vec<u8>>) -> Self {
        Self {
            partition: partition % PARTITIONS,
            value: Some(value.into()),
            headers: Vec::new(),
            appended_millis: None,
        }
    }

    pub fn tombstone(partition: usize) -> Self {
        Self { value: None, ..Self::new(partition, "") }
    }

    pub fn header(mut self, name: &str, value: Option<&[u8]>) -> Self {
        push_header(&mut self.headers, name.as_bytes(), value);
        self
    }

    /// With an append time of its own, as a topic has them whose time stamps come from the producers.
    pub fn appended(mut self, millis: i64) -> Self {
        self.appended_millis = Some(millis);
        self
    }
}

impl Log {
    /// Appends the records of some orders, those of each order in their sequence. The records of nine orders at a
    /// time are mixed.
    pub fn append_mixed(&mut self, orders: Vec<Vec<Entry>>) {
        let mut waiting = orders.into_iter().map(Vec::into_iter);
        let mut open: Vec<_> = waiting.by_ref().take(9).collect();
        while !open.is_empty() {
            for order in &mut open {
                if let Some(entry) = order.next() {
                    self.append(entry);
                }
            }
            open.retain(|order| order.len() > 0);
            open.extend(waiting.by_ref().take(9 - open.len()));
        }
    }

    /// Three records at a time share an append time. Each partition has gaps in its offsets, as transactions of
    /// producers leave them.
    fn append(&mut self, entry: Entry) {
        let index = self.given.len() as i64;
        let next = &mut self.next[entry.partition];
        let offset = *next + i64::from(index % 17 == 16);
        *next = offset + 1;
        let appended_millis = entry.appended_millis.unwrap_or(START_MILLIS + index / 3 * 1001);
        self.given.push(Given { entry, offset, appended_millis });
    }

    pub fn records(&self) -> Vec<Record<'_>> {
        let record = |given| {
            let Given { entry, offset, appended_millis }: &Given = given;
            Record {
                partition: Partition(entry.partition as i32),
                offset: Offset(*offset),
                appended_millis: *appended_millis,
                key: None,
                value: entry.value.as_deref(),
                headers: Headers(&entry.headers),
            }
        };
        self.given.iter().map(record).collect()
    }

    /// When the last of the first `count` records was appended, if it has no append time of its own.
    pub fn time(&self, count: usize) -> Time {
        Time::from_millis(START_MILLIS + (count as i64 - 1) / 3 * 1001)
    }

    /// The positions after the first `count` records, as a parameter names them.
    pub fn positions(&self, count: usize) -> String {
        let mut next = [0; PARTITIONS];
        for given in &self.given[..count] {
            next[given.entry.partition] = given.offset + 1;
        }
        let texts: Vec<_> =
            next.iter().enumerate().map(|(partition, next)| format!("{partition}={next}")).collect();
        texts.join(",")
    }

    pub fn len(&self) -> usize {
        self.given.len()
    }

    /// The id of the dead letter that a record with this in its value becomes.
    pub fn dead_letter(&self, part: &str) -> String {
        let has_it = |given: &&Given| {
            let value = given.entry.value.as_deref().unwrap_or_default();
            value.windows(part.len()).any(|window| window == part.as_bytes())
        };
        let given = self.given.iter().find(has_it).unwrap();
        format!("{}-{}", given.entry.partition, given.offset)
    }
}
