//! What goes into the machine and what comes out of it.

use event_log::{AssignmentId, Generation, ReadFrom};
use orders::{Partition, Position, Positions};

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
    /// The group has taken partitions away, or lost them on our behalf.
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
    /// A second has passed.
    Tick {
        ends: Positions,
        /// By lane: nothing waits in its queue, and nothing is in flight.
        idle_lanes: Vec<bool>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Claim {
        lane: usize,
        partitions: Vec<(Partition, Generation)>,
    },
    /// Also withdraws a claim that has not been made yet.
    Release {
        lane: usize,
        partitions: Vec<Partition>,
    },
    /// Assign to Kafka from these positions, or seek where Kafka reads the partition already.
    ReadFrom(Vec<ReadFrom>),
    /// Leave the group and join it again.
    Rejoin,
}
