//! A lane: its real bookkeeping, and a model of its session.

use std::collections::VecDeque;

use super::super::*;
use super::database::{Database, Held, Refusal};
use super::kafka::Record;
use crate::lane_partitions::LanePartitions;

#[derive(Default)]
pub struct Lane {
    pub commands: VecDeque<Command>,
    pub records: VecDeque<Record>,
    /// On their way to the coordinator.
    pub events: VecDeque<Event>,
    pub partitions: LanePartitions,
    /// The build that `held` is about.
    build: usize,
    held: BTreeMap<Partition, Held>,
}

pub enum Command {
    Claim(Vec<(Partition, Generation)>),
    Release(Vec<Partition>),
}

impl Lane {
    pub fn carry_out(&mut self) {
        match self.commands.pop_front() {
            Some(Command::Claim(partitions)) => self.partitions.want(partitions),
            Some(Command::Release(partitions)) => {
                self.partitions.release(&partitions);
                self.held.retain(|partition, _| !partitions.contains(partition));
            }
            None => {}
        }
    }

    /// Claims all wanted partitions in one transaction.
    pub fn claim(&mut self, database: &mut Database) {
        if !self.partitions.wants_any() {
            return;
        }
        if self.partitions.holds_any() && self.build != database.active() {
            return self.give_way(Refusal::Superseded);
        }
        self.build = database.active();
        let wanted = self.partitions.wanted();
        let claimed: Vec<_> =
            wanted.into_iter().map(|partition| (partition, database.claim(partition))).collect();
        self.held.extend(claimed.iter().copied());
        let positions = claimed.into_iter().map(|(partition, held)| (partition, held.position));
        let claimed = self.partitions.claimed(positions);
        self.events.push_back(Event::Claimed(claimed));
    }

    /// Applies one record in a transaction of its own.
    pub fn apply(&mut self, database: &mut Database) {
        let Some(Record { partition, generation, offset }) = self.records.pop_front() else { return };
        if !self.partitions.holds(partition, generation) {
            return;
        }
        let held = self.held[&partition];
        if let Err(refusal) = database.check(self.build, partition, held) {
            return self.give_way(refusal);
        }
        if offset >= held.position {
            assert_eq!(offset, held.position, "records of partition {partition} were skipped");
            let position = database.advance(partition);
            self.held.insert(partition, Held { position, ..held });
        }
        let positions = self.held.iter().map(|(partition, held)| (*partition, held.position));
        self.events.push_back(Event::Committed(self.partitions.at(positions)));
    }

    fn give_way(&mut self, refusal: Refusal) {
        self.held.clear();
        let released = self.partitions.give_up();
        self.events.push_back(match refusal {
            Refusal::Superseded | Refusal::WentBack => Event::Switched(released),
            Refusal::OtherOwner => Event::Fenced(released),
        });
    }
}
