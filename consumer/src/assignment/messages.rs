//! What goes into the state machine and what comes out of it.

use event_log::{AssignmentId, Generation, ReadFrom};
use orders::{Partition, Position};

/// A partition that a lane holds, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePosition {
    pub partition: Partition,
    pub generation: Generation,
    pub position: Position,
}

#[derive(Clone, Debug)]
pub enum Event {
    /// The group has assigned partitions.
    Assigned { assignment: AssignmentId, partitions: Vec<Partition> },
    /// The group has revoked partitions, and may already have given them to other members.
    Revoked { partitions: Vec<Partition> },
    /// A lane has claimed partitions in the database. It may have released them since.
    Claimed(Vec<LanePosition>),
    /// A lane has committed a transaction.
    Committed(Vec<LanePosition>),
    /// A lane has released partitions that can be claimed again at once: another build became
    /// active, or the database went back.
    Switched(Vec<(Partition, Generation)>),
    /// A lane has released partitions because another member owns one of them.
    Fenced(Vec<(Partition, Generation)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Claim {
        lane: usize,
        partitions: Vec<(Partition, Generation)>,
    },
    /// This also withdraws a claim that has not been made yet.
    Release {
        lane: usize,
        partitions: Vec<Partition>,
    },
    /// Have Kafka read from these positions: by a seek if it reads the partition already, else by
    /// answering the assignment.
    ReadFrom(Vec<ReadFrom>),
    /// Leave the group and join it again.
    Rejoin,
}
