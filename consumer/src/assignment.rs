//! Assignment: which partitions this process claims, reads or has given up, under which generation,
//! and where each of them stands. Nothing else keeps this knowledge.
//!
//! A pure state machine: events go in, commands come out; no IO, no async, no clock. Events from the
//! group and from the lanes may interleave in any way, and an answer may refer to an assignment that
//! is already over. Each claim is therefore given a new generation, and a report under any other
//! generation is ignored: the lane has been told to release that partition.

mod messages;

use std::collections::{BTreeMap, BTreeSet};

use event_log::{AssignmentId, Generation, ReadFrom, lane_of};
use orders::{Partition, Position, Positions};

pub use messages::{Command, Event, LanePosition};

#[derive(Debug)]
pub struct Assignment {
    lanes: usize,
    last_generation: Generation,
    partitions: BTreeMap<Partition, Assigned>,
}

#[derive(Debug)]
struct Assigned {
    assignment: AssignmentId,
    generation: Generation,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A lane is claiming it, and Kafka waits for the answer to the assignment.
    Claiming,
    /// Claimed, while other partitions of the same assignment are not. Kafka is answered once for all
    /// of them, since under an eager protocol each answer replaces the previous one.
    Claimed(Position),
    Reading(Position),
    /// Released and being claimed again, while Kafka still has it assigned.
    Reclaiming,
    /// Released for good: only a new assignment brings it back.
    GivenUp,
}

impl Assignment {
    /// `lanes`: at least 1.
    #[must_use]
    pub fn new(lanes: usize) -> Self {
        Self { lanes, last_generation: Generation(0), partitions: BTreeMap::new() }
    }

    /// Takes in an event and returns the commands that follow from it, to be carried out in order.
    #[must_use]
    pub fn handle(&mut self, event: Event) -> Vec<Command> {
        let mut commands = match event {
            Event::Assigned { assignment, partitions } => self.assign(assignment, &partitions),
            Event::Revoked { partitions } => self.revoke(&partitions),
            Event::Claimed(claimed) => self.claimed(&claimed),
            Event::Committed(committed) => self.committed(&committed),
            Event::Switched(released) => self.claim_again(&released),
            Event::Fenced(released) => self.give_up(&released),
        };
        commands.extend(self.start_claimed());
        commands
    }

    /// The positions of the partitions that are being read: what may be committed to the group.
    #[must_use]
    pub fn positions(&self) -> Positions {
        let position = |(partition, assigned): (&Partition, &Assigned)| match assigned.state {
            State::Reading(position) => Some((*partition, position)),
            _ => None,
        };
        self.partitions.iter().filter_map(position).collect()
    }

    fn assign(&mut self, assignment: AssignmentId, partitions: &[Partition]) -> Vec<Command> {
        // A revocation usually precedes this. If none came, the previous claim is over all the same.
        let mut commands = self.revoke(partitions);
        let mut claims = Vec::new();
        for partition in partitions {
            let generation = self.next_generation();
            let assigned = Assigned { assignment, generation, state: State::Claiming };
            self.partitions.insert(*partition, assigned);
            claims.push((*partition, generation));
        }
        commands.extend(self.claim(claims));
        commands
    }

    fn revoke(&mut self, partitions: &[Partition]) -> Vec<Command> {
        let known: Vec<_> =
            partitions.iter().copied().filter(|one| self.partitions.remove(one).is_some()).collect();
        self.release(known)
    }

    fn claimed(&mut self, claimed: &[LanePosition]) -> Vec<Command> {
        let mut seek = Vec::new();
        for LanePosition { partition, generation, position } in claimed.iter().copied() {
            let Some(assigned) = self.current(partition, generation) else { continue };
            let assignment = assigned.assignment;
            match assigned.state {
                State::Claiming => assigned.state = State::Claimed(position),
                State::Reclaiming => {
                    assigned.state = State::Reading(position);
                    seek.push(ReadFrom { partition, position, assignment, generation });
                }
                State::Claimed(_) | State::Reading(_) | State::GivenUp => {}
            }
        }
        if seek.is_empty() { Vec::new() } else { vec![Command::ReadFrom(seek)] }
    }

    fn committed(&mut self, committed: &[LanePosition]) -> Vec<Command> {
        for one in committed {
            if let Some(assigned) = self.current(one.partition, one.generation)
                && let State::Reading(position) = &mut assigned.state
            {
                *position = one.position;
            }
        }
        Vec::new()
    }

    fn claim_again(&mut self, released: &[(Partition, Generation)]) -> Vec<Command> {
        let mut claims = Vec::new();
        for (partition, generation) in released {
            let next = Generation(self.last_generation.0 + 1);
            let Some(assigned) = self.current(*partition, *generation) else { continue };
            assigned.state = match assigned.state {
                State::Claiming | State::Claimed(_) => State::Claiming,
                State::Reading(_) | State::Reclaiming => State::Reclaiming,
                State::GivenUp => continue,
            };
            assigned.generation = next;
            self.last_generation = next;
            claims.push((*partition, next));
        }
        self.claim(claims)
    }

    /// Releases all partitions: another member owns one of them, so our view of the group is out of date.
    fn give_up(&mut self, released: &[(Partition, Generation)]) -> Vec<Command> {
        let mut is_current = |(partition, generation): &(Partition, Generation)| {
            self.current(*partition, *generation).is_some_and(|one| one.state != State::GivenUp)
        };
        if !released.iter().any(&mut is_current) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for (partition, assigned) in &mut self.partitions {
            if assigned.state != State::GivenUp {
                assigned.state = State::GivenUp;
                all.push(*partition);
            }
        }
        let mut commands = self.release(all);
        commands.push(Command::Rejoin);
        commands
    }

    /// Answers each assignment that has no partition left to claim.
    fn start_claimed(&mut self) -> Option<Command> {
        let is_claiming = |assigned: &&Assigned| assigned.state == State::Claiming;
        let unfinished: BTreeSet<_> =
            self.partitions.values().filter(is_claiming).map(|assigned| assigned.assignment).collect();
        let mut start = Vec::new();
        for (partition, assigned) in &mut self.partitions {
            let Assigned { assignment, generation, state } = assigned;
            if let State::Claimed(position) = *state
                && !unfinished.contains(assignment)
            {
                *state = State::Reading(position);
                let (assignment, generation) = (*assignment, *generation);
                start.push(ReadFrom { partition: *partition, position, assignment, generation });
            }
        }
        (!start.is_empty()).then_some(Command::ReadFrom(start))
    }

    /// The partition's entry, if it still has this generation.
    fn current(&mut self, partition: Partition, generation: Generation) -> Option<&mut Assigned> {
        self.partitions.get_mut(&partition).filter(|assigned| assigned.generation == generation)
    }

    fn next_generation(&mut self) -> Generation {
        self.last_generation.0 += 1;
        self.last_generation
    }

    fn claim(&self, claims: Vec<(Partition, Generation)>) -> Vec<Command> {
        self.by_lane(claims, |(partition, _)| *partition)
            .map(|(lane, partitions)| Command::Claim { lane, partitions })
            .collect()
    }

    fn release(&self, partitions: Vec<Partition>) -> Vec<Command> {
        self.by_lane(partitions, |partition| *partition)
            .map(|(lane, partitions)| Command::Release { lane, partitions })
            .collect()
    }

    fn by_lane<T>(
        &self,
        items: Vec<T>,
        partition: fn(&T) -> Partition,
    ) -> impl Iterator<Item = (usize, Vec<T>)> {
        let mut lanes: BTreeMap<usize, Vec<T>> = BTreeMap::new();
        for item in items {
            lanes.entry(lane_of(partition(&item), self.lanes)).or_default().push(item);
        }
        lanes.into_iter()
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
