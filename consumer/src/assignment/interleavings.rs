//! The state machine under random interleavings, with a small model of everything around it: the group
//! and the polling thread, two lanes, and the database with its builds and owner epochs. The model's
//! log has no holes, so a lane that is given any record but the next one has lost some.

mod database;
mod kafka;
mod lane;

use proptest::prelude::*;

use super::*;
use database::Database;
use kafka::Kafka;
use lane::Lane;

const PARTITIONS: usize = 4;
const LANES: usize = 2;

/// What may happen next. The numbers choose a partition or a lane.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The group assigns the unassigned partitions of this set.
    Assign(u8),
    Revoke(u8),
    /// Records are appended to a partition.
    Append(usize),
    /// The polling thread carries out a command.
    Poll,
    /// The polling thread reads a record of a partition.
    Read(usize),
    /// A lane carries out a command.
    LaneCommand(usize),
    LaneClaim(usize),
    LaneApply(usize),
    /// The coordinator takes an event from the group.
    GroupEvent,
    /// The coordinator takes an event from a lane.
    LaneEvent(usize),
    /// Another member claims a partition and applies some of its records.
    Steal(usize, i64),
    /// A rebuild is switched in, in which a partition may stand further back.
    Switch(usize, i64),
    /// The database is restored to an older state of a partition.
    GoBack(usize, i64),
}

struct World {
    kafka: Kafka,
    lanes: [Lane; LANES],
    database: Database,
    assignment: Assignment,
    /// The assignments whose events the state machine has taken in.
    known: BTreeMap<Partition, AssignmentId>,
    generations: BTreeSet<Generation>,
}

impl World {
    fn new() -> Self {
        Self {
            kafka: Kafka::default(),
            lanes: Default::default(),
            database: Database::new(),
            assignment: Assignment::new(LANES),
            known: BTreeMap::new(),
            generations: BTreeSet::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Assign(set) => self.kafka.assign(set),
            Step::Revoke(set) => self.kafka.revoke(set),
            Step::Append(partition) => self.kafka.append(partition % PARTITIONS),
            Step::Poll => self.kafka.carry_out(),
            Step::Read(partition) => {
                let partition = Partition((partition % PARTITIONS) as i32);
                if let Some(record) = self.kafka.read(partition) {
                    self.lanes[lane_of(partition, LANES)].records.push_back(record);
                }
            }
            Step::LaneCommand(lane) => self.lanes[lane % LANES].carry_out(),
            Step::LaneClaim(lane) => self.lanes[lane % LANES].claim(&mut self.database),
            Step::LaneApply(lane) => self.lanes[lane % LANES].apply(&mut self.database),
            Step::GroupEvent => {
                if let Some(event) = self.kafka.events.pop_front() {
                    self.note(&event);
                    self.handle(event);
                }
            }
            Step::LaneEvent(lane) => {
                if let Some(event) = self.lanes[lane % LANES].events.pop_front() {
                    self.handle(event);
                }
            }
            Step::Steal(partition, records) => {
                let partition = Partition((partition % PARTITIONS) as i32);
                self.database.steal(partition, records, self.kafka.ends().of(partition));
            }
            Step::Switch(partition, back) => self.database.switch(partition % PARTITIONS, back),
            Step::GoBack(partition, back) => self.database.go_back(partition % PARTITIONS, back),
        }
        self.check();
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Assigned { assignment, partitions } => {
                self.known.extend(partitions.iter().map(|partition| (*partition, *assignment)));
            }
            Event::Revoked { partitions } => self.known.retain(|one, _| !partitions.contains(one)),
            _ => {}
        }
    }

    fn handle(&mut self, event: Event) {
        for command in self.assignment.handle(event) {
            match command {
                Command::Claim { lane, partitions } => {
                    for (partition, generation) in &partitions {
                        assert_eq!(lane_of(*partition, LANES), lane);
                        assert!(self.generations.insert(*generation), "generations are used once");
                    }
                    self.lanes[lane].commands.push_back(lane::Command::Claim(partitions));
                }
                Command::Release { lane, partitions } => {
                    self.lanes[lane].commands.push_back(lane::Command::Release(partitions));
                }
                Command::ReadFrom(from) => {
                    for one in &from {
                        assert_eq!(self.known.get(&one.partition), Some(&one.assignment), "not assigned");
                    }
                    self.kafka.commands.push_back(kafka::Command::ReadFrom(from));
                }
                Command::Rejoin => self.kafka.commands.push_back(kafka::Command::Rejoin),
            }
        }
    }

    fn check(&self) {
        for (partition, position) in self.assignment.positions().iter() {
            assert!(self.known.contains_key(&partition), "{partition} is released and would be committed");
            assert!(
                position <= self.database.highest(partition),
                "{partition} has not been applied that far"
            );
        }
    }

    /// Finishes whatever was begun, without further disturbance, while the group assigns all partitions.
    fn settle(&mut self) {
        // Each partition gets a record, so that a lane notices if it was fenced.
        (0..PARTITIONS).for_each(|partition| self.kafka.append(partition));
        for _ in 0..200 {
            self.take(Step::GroupEvent);
            self.take(Step::Poll);
            for lane in 0..LANES {
                self.take(Step::LaneCommand(lane));
                self.take(Step::LaneClaim(lane));
                self.take(Step::LaneApply(lane));
                self.take(Step::LaneEvent(lane));
            }
            for partition in 0..PARTITIONS {
                self.take(Step::Read(partition));
            }
            self.take(Step::Assign(u8::MAX));
        }
    }

    fn check_settled(&self) {
        let ends = self.kafka.ends();
        assert_eq!(self.database.positions(), ends, "everything is applied");
        assert_eq!(self.assignment.positions(), ends, "everything is read and known to be applied");
        for partition in (0..PARTITIONS as i32).map(Partition) {
            let generation = self.kafka.generation(partition).expect("it is read");
            assert!(self.lanes[lane_of(partition, LANES)].partitions.holds(partition, generation));
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let partition = || 0..PARTITIONS;
    let lane = || 0..LANES;
    let step = prop_oneof![
        3 => any::<u8>().prop_map(Step::Assign),
        2 => any::<u8>().prop_map(Step::Revoke),
        4 => partition().prop_map(Step::Append),
        6 => Just(Step::Poll),
        12 => partition().prop_map(Step::Read),
        8 => lane().prop_map(Step::LaneCommand),
        8 => lane().prop_map(Step::LaneClaim),
        12 => lane().prop_map(Step::LaneApply),
        8 => Just(Step::GroupEvent),
        8 => lane().prop_map(Step::LaneEvent),
        1 => (partition(), 0..3_i64).prop_map(|(partition, records)| Step::Steal(partition, records)),
        1 => (partition(), 0..3_i64).prop_map(|(partition, back)| Step::Switch(partition, back)),
        1 => (partition(), 1..3_i64).prop_map(|(partition, back)| Step::GoBack(partition, back)),
    ];
    prop::collection::vec(step, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn every_assigned_partition_is_read_once_and_under_one_generation(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check_settled();
    }
}
