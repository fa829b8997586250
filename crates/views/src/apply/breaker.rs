//! Stops a lane before a flood of unreadable records fills table `dead_letters`: most often the topic is
//! the wrong one, or the producers have changed their format.

use std::collections::VecDeque;

use super::batch::Batch;
use crate::error::{Error, Result};

/// How many of the latest records count.
const WINDOW: usize = 1000;
/// Fewer dead letters than this never trip it: a few mistyped records are not a flood.
const LEAST: usize = 100;

/// What became of the last records of a lane, `true` for a dead letter.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    window: VecDeque<bool>,
    dead_letters: usize,
}

impl Breaker {
    /// The state after `batch`. [`Error::TooManyDeadLetters`] if more than half of the last 1000
    /// records, and at least 100, would be dead letters.
    pub fn after(&self, batch: &Batch<'_>) -> Result<Self> {
        let mut next = self.clone();
        let mut good = 0;
        for dead_letter in batch.dead_letters.iter().filter(|dead_letter| dead_letter.closed.is_none()) {
            next.add_good(dead_letter.records_before - good);
            good = dead_letter.records_before + 1;
            if next.add(true) {
                return Err(Error::TooManyDeadLetters {
                    dead_letters: next.dead_letters,
                    records: next.window.len(),
                    last: format!(
                        "partition {}, offset {}: {}",
                        dead_letter.record.partition,
                        dead_letter.record.offset,
                        dead_letter.rejection.message
                    ),
                });
            }
        }
        next.add_good((batch.applied() + batch.dead_lettered()).saturating_sub(good));
        Ok(next)
    }

    fn add_good(&mut self, count: usize) {
        for _ in 0..count.min(WINDOW) {
            self.add(false);
        }
    }

    /// Returns whether it trips.
    fn add(&mut self, is_dead_letter: bool) -> bool {
        if self.window.len() == WINDOW && self.window.pop_front() == Some(true) {
            self.dead_letters -= 1;
        }
        self.window.push_back(is_dead_letter);
        self.dead_letters += usize::from(is_dead_letter);
        is_dead_letter && self.dead_letters >= LEAST && self.dead_letters * 2 > self.window.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of the record at which it trips.
    fn trips(records: impl IntoIterator<Item = bool>) -> Option<usize> {
        let mut breaker = Breaker::default();
        records.into_iter().position(|is_dead_letter| breaker.add(is_dead_letter))
    }

    #[test]
    fn a_flood_trips_it_and_a_few_do_not() {
        assert_eq!(trips(vec![true; 99]), None);
        assert_eq!(trips(vec![true; 100]), Some(99));
        // Exactly half of the records does not trip it, however long that lasts.
        assert_eq!(trips((0..10_000).map(|n| n % 2 == 0).skip(1)), None);
        // After 1000 good ones it takes more than half of the window.
        assert_eq!(trips((0..3000).map(|n| n >= 2000)), Some(2500));
    }
}
