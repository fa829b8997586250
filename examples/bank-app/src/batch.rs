//! The records of the open transaction: how many there are, since when, and up to where.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_log::{OwnedRecord, Position, TopicPartition};

/// The longest wait for a record, so that a signal is noticed.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub struct Batch {
    most: usize,
    age: Duration,
    began: Option<Instant>,
    records: usize,
    done: BTreeMap<TopicPartition, Position>,
}

impl Batch {
    /// It is due once it has `most` records, or `age` after its first one.
    pub fn new(most: usize, age: Duration) -> Self {
        Self { most, age, began: None, records: 0, done: BTreeMap::new() }
    }

    pub fn add(&mut self, record: &OwnedRecord) {
        self.began.get_or_insert_with(Instant::now);
        self.records += 1;
        self.done.insert((record.topic.clone(), record.partition), Position::after(record.offset));
    }

    pub fn records(&self) -> usize {
        self.records
    }

    /// The next record of each partition that is in it.
    pub fn done(&self) -> &BTreeMap<TopicPartition, Position> {
        &self.done
    }

    pub fn is_due(&self) -> bool {
        self.records >= self.most || self.began.is_some_and(|began| began.elapsed() >= self.age)
    }

    /// How long to wait for another record.
    pub fn wait(&self) -> Duration {
        self.began.map_or(LONGEST_WAIT, |began| self.age.saturating_sub(began.elapsed()).min(LONGEST_WAIT))
    }

    pub fn clear(&mut self) {
        (self.began, self.records) = (None, 0);
        self.done.clear();
    }
}
