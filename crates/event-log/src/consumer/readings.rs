//! What a record's origin is checked against: which assignment a partition belongs to, and under
//! which generation it is being read.

use std::collections::BTreeMap;

use orders::{Partition, Position};

use crate::generation::Generation;

/// The number of one assignment by the group. The polling thread raises it with each, so that an
/// answer to an earlier assignment is recognised and ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssignmentId(pub u32);

/// Where to begin to read a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadFrom {
    pub partition: Partition,
    pub position: Position,
    /// Of the event that assigned the partition.
    pub assignment: AssignmentId,
    /// Not lower than that of an earlier reading under the same assignment.
    pub generation: Generation,
}

/// The partitions that the group has assigned. Only what records need: who may read from where is
/// decided by whoever receives the group's events.
#[derive(Debug, Default)]
pub(super) struct Readings {
    last_assignment: AssignmentId,
    partitions: BTreeMap<Partition, Assigned>,
}

#[derive(Debug)]
struct Assigned {
    assignment: AssignmentId,
    /// `None` until the assignment is answered.
    reading: Option<Reading>,
}

#[derive(Debug)]
struct Reading {
    generation: Generation,
    /// An end offset that was known before this reading began.
    end: Option<Position>,
}

impl Readings {
    /// Numbers a new assignment. Nothing of it is read yet.
    pub(super) fn assign(&mut self, partitions: &[Partition]) -> AssignmentId {
        self.last_assignment.0 += 1;
        let assignment = self.last_assignment;
        for partition in partitions {
            self.partitions.insert(*partition, Assigned { assignment, reading: None });
        }
        assignment
    }

    pub(super) fn revoke(&mut self, partitions: &[Partition]) {
        self.partitions.retain(|partition, _| !partitions.contains(partition));
    }

    /// Whether this may begin: the partition is still held by the assignment that is answered, and
    /// no newer reading has begun.
    pub(super) fn accepts(&self, from: &ReadFrom) -> bool {
        self.partitions.get(&from.partition).is_some_and(|assigned| {
            assigned.assignment == from.assignment
                && assigned.reading.as_ref().is_none_or(|reading| reading.generation <= from.generation)
        })
    }

    /// Notes that a reading begins. `end` must have been known before librdkafka was asked to read.
    pub(super) fn begin(&mut self, from: &ReadFrom, end: Option<Position>) {
        if self.accepts(from)
            && let Some(assigned) = self.partitions.get_mut(&from.partition)
        {
            assigned.reading = Some(Reading { generation: from.generation, end });
        }
    }

    /// The generation for records of this partition; `None` if it is not being read.
    pub(super) fn generation(&self, partition: Partition) -> Option<Generation> {
        Some(self.reading(partition)?.generation)
    }

    /// The position that is reached once this partition's reading arrives at the end of the log:
    /// offsets below it that brought no record were holes. End offsets that became known after the
    /// reading began do not count, because the news of an end waits in a queue behind records while
    /// the log grows.
    pub(super) fn end(&self, partition: Partition) -> Option<(Position, Generation)> {
        let reading = self.reading(partition)?;
        Some((reading.end?, reading.generation))
    }

    fn reading(&self, partition: Partition) -> Option<&Reading> {
        self.partitions.get(&partition)?.reading.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: Partition = Partition(0);

    fn from(assignment: AssignmentId, generation: u32) -> ReadFrom {
        let generation = Generation(generation);
        ReadFrom { partition: PARTITION, position: Position::START, assignment, generation }
    }

    #[test]
    fn nothing_is_read_before_the_answer_and_after_the_revocation() {
        let mut readings = Readings::default();
        let assignment = readings.assign(&[PARTITION]);
        assert_eq!(readings.generation(PARTITION), None);
        readings.begin(&from(assignment, 7), Some(Position(3)));
        assert_eq!(readings.generation(PARTITION), Some(Generation(7)));
        assert_eq!(readings.end(PARTITION), Some((Position(3), Generation(7))));
        readings.revoke(&[PARTITION]);
        assert_eq!(readings.generation(PARTITION), None);
        readings.begin(&from(assignment, 8), None);
        assert_eq!(readings.generation(PARTITION), None, "the answer came too late");
    }

    #[test]
    fn an_answer_to_an_earlier_assignment_is_ignored() {
        let mut readings = Readings::default();
        let earlier = readings.assign(&[PARTITION]);
        readings.revoke(&[PARTITION]);
        let later = readings.assign(&[PARTITION]);
        assert!(!readings.accepts(&from(earlier, 1)) && readings.accepts(&from(later, 2)));
    }

    #[test]
    fn a_newer_generation_is_not_replaced_by_an_older_one() {
        let mut readings = Readings::default();
        let assignment = readings.assign(&[PARTITION]);
        readings.begin(&from(assignment, 2), None);
        readings.begin(&from(assignment, 1), None);
        assert_eq!(readings.generation(PARTITION), Some(Generation(2)));
        assert!(readings.accepts(&from(assignment, 2)), "read once more from elsewhere");
    }
}
