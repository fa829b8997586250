//! Which assignment each partition belongs to, and under which generation it is being read. This
//! is how records that are left over from an earlier reading are recognised.

use std::collections::BTreeMap;

use orders::{Partition, Position};

use crate::generation::Generation;

/// The number of an assignment by the group. The polling thread raises it with each assignment, so that
/// an answer to an earlier one is recognised and ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssignmentId(pub u32);

/// Where to begin to read a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadFrom {
    pub partition: Partition,
    pub position: Position,
    /// From the event that assigned the partition.
    pub assignment: AssignmentId,
    /// Not lower than the generation of an earlier reading under the same assignment.
    pub generation: Generation,
}

/// The partitions that the group has assigned. It knows only what the polling thread needs; whoever
/// receives the group's events decides where each partition is read from.
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
    /// Numbers a new assignment. None of its partitions is read yet.
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

    /// Whether this reading may begin: the partition still belongs to the same assignment, and no newer
    /// reading has begun.
    pub(super) fn accepts(&self, from: &ReadFrom) -> bool {
        self.partitions.get(&from.partition).is_some_and(|assigned| {
            assigned.assignment == from.assignment
                && assigned.reading.as_ref().is_none_or(|reading| reading.generation <= from.generation)
        })
    }

    /// Records that a reading begins. `end` must have been known before librdkafka was told to read.
    pub(super) fn begin(&mut self, from: &ReadFrom, end: Option<Position>) {
        if self.accepts(from)
            && let Some(assigned) = self.partitions.get_mut(&from.partition)
        {
            assigned.reading = Some(Reading { generation: from.generation, end });
        }
    }

    /// The generation for this partition's records; `None` if the partition is not being read.
    pub(super) fn generation(&self, partition: Partition) -> Option<Generation> {
        Some(self.reading(partition)?.generation)
    }

    /// The position that is reached when librdkafka reports the end of this partition: offsets below it
    /// that yielded no record were holes. An end offset that became known after the reading began does
    /// not count, because the report waits in a queue behind records while the log may grow.
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
    fn nothing_is_read_before_the_answer_or_after_the_revocation() {
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
