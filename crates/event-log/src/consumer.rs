//! A member of the consumer group: one thread that polls, and a handle to it.
//!
//! The thread owns the client. It never blocks on whoever takes the records: a full
//! lane pauses its partitions and polling goes on. Rebalances are events that wait
//! for an answer.

mod context;
mod poll;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel};
use std::thread::JoinHandle;

use orders::{Partition, Position};
use rdkafka::ClientConfig;
use tokio::sync::{mpsc, watch};

use crate::ends::Polled;
use crate::error::{Error, Result};
use crate::lane_queue::LaneQueue;
use crate::settings::KafkaSettings;

/// Where to begin to read a partition. Records carry `generation`, so that those of
/// an earlier assignment can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    pub partition: Partition,
    pub position: Position,
    pub generation: u32,
}

/// What the group decided, or what ended the reading.
#[derive(Debug)]
pub enum GroupEvent {
    /// Answer with where to begin. Nothing is read before the answer.
    Assigned { partitions: Vec<Partition>, reply: SyncSender<Vec<Assigned>> },
    /// Answer once nothing is in flight for these partitions, with their positions.
    /// `lost`: another member may have them already.
    Revoked { partitions: Vec<Partition>, lost: bool, reply: SyncSender<BTreeMap<Partition, Position>> },
    /// The client cannot go on.
    Failed(Error),
}

enum Command {
    /// A hint for lag tools; positions are the database's.
    Commit(BTreeMap<Partition, Position>),
    Seek(Vec<Assigned>),
    Rejoin,
    Stop(BTreeMap<Partition, Position>),
}

/// The handle. Dropping it leaves the group.
#[derive(Debug)]
pub struct Consumer {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// What a member is told at its start.
#[derive(Debug)]
pub struct Membership {
    pub group_id: String,
    /// Partition `p` goes to lane `p mod lanes`. At least one.
    pub lanes: Vec<Arc<LaneQueue>>,
    pub ends: watch::Receiver<Option<Polled>>,
}

/// The lane that a partition's records go to.
#[must_use]
pub fn lane_of(partition: Partition, lanes: usize) -> usize {
    partition.0.unsigned_abs() as usize % lanes
}

impl Consumer {
    /// Joins the group. Events come until the handle is dropped.
    pub fn join(
        settings: &KafkaSettings,
        membership: Membership,
    ) -> Result<(Self, mpsc::UnboundedReceiver<GroupEvent>)> {
        let config = config(settings, &membership.group_id);
        let (events, receiver) = mpsc::unbounded_channel();
        let (commands, queue) = channel();
        let topic = settings.topic.clone();
        let poller = poll::Poller::new(&config, topic, membership, events, queue)?;
        let thread = std::thread::Builder::new()
            .name("log-poll".into())
            .spawn(move || poller.run())
            .map_err(|error| Error::Log(format!("no thread to poll the log: {error}")))?;
        Ok((Self { commands, thread: Some(thread) }, receiver))
    }

    /// Tells Kafka how far the database is. Lost when the thread has ended: a hint.
    pub fn commit(&self, positions: BTreeMap<Partition, Position>) {
        let _ = self.commands.send(Command::Commit(positions));
    }

    /// Reads on from other positions.
    pub fn seek(&self, to: Vec<Assigned>) {
        let _ = self.commands.send(Command::Seek(to));
    }

    /// Gives all partitions up and joins anew.
    pub fn rejoin(&self) {
        let _ = self.commands.send(Command::Rejoin);
    }

    /// Commits these positions, leaves the group at once and ends. Blocking.
    pub fn leave(mut self, positions: BTreeMap<Partition, Position>) {
        let _ = self.commands.send(Command::Stop(positions));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop(BTreeMap::new()));
    }
}

fn config(settings: &KafkaSettings, group_id: &str) -> ClientConfig {
    let mut config = settings.client_config("consumer");
    // Defaults that a user's properties may replace.
    for (name, value) in [
        ("partition.assignment.strategy", "cooperative-sticky"),
        // A hand-over of partitions takes a few heartbeats.
        ("heartbeat.interval.ms", "500"),
    ] {
        if config.get(name).is_none() {
            config.set(name, value);
        }
    }
    KafkaSettings::read_ahead(&mut config);
    // What the design depends on is set last.
    for (name, value) in [
        ("group.id", group_id),
        ("auto.offset.reset", "error"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("check.crcs", "true"),
        ("isolation.level", "read_committed"),
        ("fetch.queue.backoff.ms", "10"),
        ("enable.partition.eof", "true"),
        ("topic.metadata.refresh.interval.ms", "5000"),
        ("session.timeout.ms", "10000"),
    ] {
        config.set(name, value);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_do_not_reach_what_the_design_depends_on() {
        let settings = KafkaSettings {
            properties: vec![
                ("auto.offset.reset".into(), "latest".to_owned().into()),
                ("enable.auto.commit".into(), "true".to_owned().into()),
                ("heartbeat.interval.ms".into(), "900".to_owned().into()),
                ("client.rack".into(), "here".to_owned().into()),
            ],
            ..KafkaSettings::new("localhost:9092", "food-orders")
        };
        let config = config(&settings, "g");
        assert_eq!(config.get("auto.offset.reset"), Some("error"));
        assert_eq!(config.get("enable.auto.commit"), Some("false"));
        assert_eq!(config.get("heartbeat.interval.ms"), Some("900"));
        assert_eq!(config.get("client.rack"), Some(""));
    }
}
