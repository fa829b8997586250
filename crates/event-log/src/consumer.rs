//! A member of the consumer group: one thread that polls, and a handle to it.
//!
//! The thread owns the client. A full lane holds polling up for half a second at most; after that its
//! partitions are paused, and polling goes on. A revocation waits for an answer, so that what is in
//! flight can be finished first; an assignment is answered later, by a command.

mod admission;
mod context;
mod pauses;
mod poll;
mod readings;
mod seeks;

use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::thread::JoinHandle;

use orders::{Partition, Positions};
use tokio::sync::mpsc;

use crate::error::{Error, Result};
use crate::heartbeat::Heartbeat;
use crate::lane_queue::LaneQueue;
use crate::settings::KafkaSettings;
use crate::thread;
pub use readings::{AssignmentId, ReadFrom};

const THREAD: &str = "log-poll";

/// What the group has decided, or why reading has ended.
#[derive(Debug)]
pub enum GroupEvent {
    /// The group has let this member in, with partitions or without. Comes once.
    Admitted,
    /// Answer with a single call of [`Consumer::read_from`] for all partitions of this assignment that
    /// are still assigned by then. None of them is read before.
    Assigned { assignment: AssignmentId, partitions: Vec<Partition> },
    /// Answer with the positions of these partitions once nothing is in flight for them. The polling
    /// thread waits 5 s at most. `lost`: another member may have them already, so it does not wait.
    Revoked { partitions: Vec<Partition>, lost: bool, reply: SyncSender<Positions> },
    /// The client cannot go on.
    Failed(Error),
}

enum Command {
    Commit(Positions),
    ReadFrom(Vec<ReadFrom>),
    Rejoin,
    Stop(Positions),
}

/// The handle to the polling thread. Dropping it leaves the group.
#[derive(Debug)]
pub struct Consumer {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// What a member needs to start.
#[derive(Debug)]
pub struct Membership {
    pub group_id: String,
    /// Stands with each offset that this member commits: the group's mark ([`crate::GroupMark`]).
    pub mark: String,
    /// At least one. Partition `p` goes to lane `p mod lanes`.
    pub lanes: Vec<Arc<LaneQueue>>,
    /// Called by the polling thread. A beat may be late by the 5 s for which a revocation waits.
    pub heartbeat: Heartbeat,
}

/// The lane that a partition's records go to.
#[must_use]
pub fn lane_of(partition: Partition, lanes: usize) -> usize {
    partition.0.unsigned_abs() as usize % lanes
}

impl Consumer {
    /// Joins the group. Events arrive until the handle is dropped or reading has failed.
    pub fn join(
        settings: &KafkaSettings,
        membership: Membership,
    ) -> Result<(Self, mpsc::UnboundedReceiver<GroupEvent>)> {
        let config = settings.member_config(&membership.group_id);
        let (events, receiver) = mpsc::unbounded_channel();
        let (commands, queue) = channel();
        let topic = settings.topic.clone();
        let poller = poll::Poller::new(&config, topic, membership, events, queue)?;
        let thread = thread::spawn(THREAD, move || poller.run())?;
        Ok((Self { commands, thread: Some(thread) }, receiver))
    }

    /// Commits the group's offsets. They are only a hint for tools that show the lag, since the positions
    /// in the database are what counts; so a failed commit is not reported.
    pub fn commit(&self, positions: Positions) {
        let _ = self.commands.send(Command::Commit(positions));
    }

    /// Starts to read partitions, or moves their reading to other positions. Partitions that have since
    /// been revoked or assigned again are left out.
    pub fn read_from(&self, from: Vec<ReadFrom>) {
        let _ = self.commands.send(Command::ReadFrom(from));
    }

    /// Gives all partitions up and joins the group again.
    pub fn rejoin(&self) {
        let _ = self.commands.send(Command::Rejoin);
    }

    /// Commits these positions, leaves the group at once and ends the thread. Blocking.
    pub fn leave(mut self, positions: Positions) {
        let _ = self.commands.send(Command::Stop(positions));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop(Positions::new()));
    }
}
