//! Seeks that failed and are still to be made. Until a seek is made, the records that arrive belong to an earlier
//! generation, so that nothing goes wrong by the delay.

use std::time::{Duration, Instant};

use super::ReadFrom;

const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Seeks {
    open: Vec<ReadFrom>,
    /// When the next attempt is due.
    due_at: Option<Instant>,
}

impl Seeks {
    /// Takes note of a seek that failed at `now`.
    pub(super) fn failed(&mut self, from: ReadFrom, now: Instant) {
        self.replace(&[from]);
        self.open.push(from);
        self.due_at = Some(now + PAUSE);
    }

    /// Forgets the open seeks that newer ones replace.
    pub(super) fn replace(&mut self, newer: &[ReadFrom]) {
        self.open.retain(|open| newer.iter().all(|newer| newer.partition != open.partition));
    }

    /// The seeks to attempt again, once a pause is over.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<ReadFrom> {
        match self.due_at {
            Some(due_at) if due_at <= now => {
                self.due_at = None;
                std::mem::take(&mut self.open)
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use orders::{Partition, Position};

    use super::*;
    use crate::consumer::AssignmentId;
    use crate::generation::Generation;

    fn from(partition: i32, generation: u32) -> ReadFrom {
        let assignment = AssignmentId(1);
        let generation = Generation(generation);
        ReadFrom { partition: Partition(partition), position: Position::START, assignment, generation }
    }

    #[test]
    fn a_failed_seek_is_tried_again_after_a_pause_unless_it_was_replaced() {
        let (now, mut seeks) = (Instant::now(), Seeks::default());
        seeks.failed(from(0, 1), now);
        seeks.failed(from(1, 1), now);
        seeks.failed(from(1, 2), now);
        assert_eq!(seeks.take_due(now), []);
        seeks.replace(&[from(0, 2)]);
        assert_eq!(seeks.take_due(now + PAUSE), [from(1, 2)]);
        assert_eq!(seeks.take_due(now + PAUSE), []);
    }
}
