//! The group and the polling thread: like `event_log::consumer`, except that nothing waits. Every
//! revocation proceeds as if its 5 s had passed without an answer.

use std::collections::VecDeque;

use super::super::*;
use super::PARTITIONS;

#[derive(Default)]
pub struct Kafka {
    /// On their way to the coordinator.
    pub events: VecDeque<Event>,
    /// On their way to the polling thread.
    pub commands: VecDeque<Command>,
    last_assignment: AssignmentId,
    slots: BTreeMap<Partition, Slot>,
    ends: [i64; PARTITIONS],
}

pub enum Command {
    ReadFrom(Vec<ReadFrom>),
    Rejoin,
}

struct Slot {
    assignment: AssignmentId,
    reading: Option<(Generation, Position)>,
}

/// A record in a lane's queue.
pub struct Record {
    pub partition: Partition,
    pub generation: Generation,
    pub offset: Position,
}

impl Kafka {
    pub fn assign(&mut self, set: u8) {
        let partitions: Vec<_> = chosen(set).filter(|one| !self.slots.contains_key(one)).collect();
        if partitions.is_empty() {
            return;
        }
        self.last_assignment.0 += 1;
        let assignment = self.last_assignment;
        for partition in &partitions {
            self.slots.insert(*partition, Slot { assignment, reading: None });
        }
        self.events.push_back(Event::Assigned { assignment, partitions });
    }

    pub fn revoke(&mut self, set: u8) {
        let partitions: Vec<_> = chosen(set).filter(|one| self.slots.remove(one).is_some()).collect();
        if !partitions.is_empty() {
            self.events.push_back(Event::Revoked { partitions });
        }
    }

    pub fn append(&mut self, partition: usize) {
        self.ends[partition] += 1;
    }

    pub fn ends(&self) -> Positions {
        (0..PARTITIONS as i32).map(Partition).zip(self.ends.map(Position)).collect()
    }

    pub fn carry_out(&mut self) {
        match self.commands.pop_front() {
            Some(Command::ReadFrom(from)) => from.into_iter().for_each(|one| self.read_from(one)),
            Some(Command::Rejoin) => self.revoke(u8::MAX),
            None => {}
        }
    }

    fn read_from(&mut self, from: ReadFrom) {
        let Some(slot) = self.slots.get_mut(&from.partition) else { return };
        if slot.assignment == from.assignment {
            if let Some((generation, _)) = slot.reading {
                assert!(generation <= from.generation, "an older generation over a newer one");
            }
            slot.reading = Some((from.generation, from.position));
        }
    }

    pub fn read(&mut self, partition: Partition) -> Option<Record> {
        let end = self.ends().of(partition);
        let (generation, position) = self.slots.get_mut(&partition)?.reading.as_mut()?;
        let offset = *position;
        if offset >= end {
            return None;
        }
        position.0 += 1;
        Some(Record { partition, generation: *generation, offset })
    }

    pub fn generation(&self, partition: Partition) -> Option<Generation> {
        Some(self.slots.get(&partition)?.reading?.0)
    }
}

fn chosen(set: u8) -> impl Iterator<Item = Partition> {
    (0..PARTITIONS as i32).filter(move |partition| set & (1 << partition) != 0).map(Partition)
}
