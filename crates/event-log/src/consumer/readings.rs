//! Which assignment each partition belongs to, and under which generation it is being read. This
//! is how records that are left over from an earlier reading are recognised.

use std::collections::BTreeMap;

use orders::{Offset, Partition, Position};

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

/// The partitions that the group has assigned. It knows only what the polling thread needs; the receiver
/// of the group's events decides where each partition is read from.
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
    /// Everything below it has been received, or is a hole.
    next: Position,
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

    /// Records that a reading begins.
    pub(super) fn begin(&mut self, from: &ReadFrom) {
        if self.accepts(from)
            && let Some(assigned) = self.partitions.get_mut(&from.partition)
        {
            assigned.reading = Some(Reading { generation: from.generation, next: from.position });
        }
    }

    /// Notes a record and returns its generation; `None` if its partition is not being read.
    pub(super) fn received(&mut self, partition: Partition, offset: Offset) -> Option<Generation> {
        let reading = self.reading(partition)?;
        reading.next = Position::after(offset);
        Some(reading.generation)
    }

    /// Notes the end of a partition. Returns the generation if there are holes before it that no record
    /// reveals, so that the position has to be moved there.
    pub(super) fn reached(&mut self, partition: Partition, end: Position) -> Option<Generation> {
        let reading = self.reading(partition)?;
        if end <= reading.next {
            return None;
        }
        reading.next = end;
        Some(reading.generation)
    }

    fn reading(&mut self, partition: Partition) -> Option<&mut Reading> {
        self.partitions.get_mut(&partition)?.reading.as_mut()
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
        assert_eq!(readings.received(PARTITION, Offset(0)), None);
        readings.begin(&from(assignment, 7));
        assert_eq!(readings.received(PARTITION, Offset(0)), Some(Generation(7)));
        readings.revoke(&[PARTITION]);
        assert_eq!(readings.received(PARTITION, Offset(1)), None);
        assert_eq!(readings.reached(PARTITION, Position(9)), None);
        readings.begin(&from(assignment, 8));
        assert_eq!(readings.received(PARTITION, Offset(1)), None, "the answer came too late");
    }

    #[test]
    fn an_end_moves_the_position_only_over_holes() {
        let mut readings = Readings::default();
        let assignment = readings.assign(&[PARTITION]);
        readings.begin(&from(assignment, 1));
        assert_eq!(readings.reached(PARTITION, Position::START), None, "an empty partition");
        assert_eq!(readings.received(PARTITION, Offset(4)), Some(Generation(1)));
        assert_eq!(readings.reached(PARTITION, Position(5)), None, "it ends after a record");
        assert_eq!(readings.reached(PARTITION, Position(6)), Some(Generation(1)));
        assert_eq!(readings.reached(PARTITION, Position(6)), None, "reported already");
        assert_eq!(readings.reached(PARTITION, Position(3)), None, "the report of an earlier leader");
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
        readings.begin(&from(assignment, 2));
        readings.begin(&from(assignment, 1));
        assert_eq!(readings.received(PARTITION, Offset(0)), Some(Generation(2)));
        assert!(readings.accepts(&from(assignment, 2)), "read once more from elsewhere");
    }
}
