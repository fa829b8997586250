//! Reading with a group, as most programs do: from the group offsets in Kafka, which are committed after the
//! database's commit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_log::KafkaSettings;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use service::Failure;

use super::event::Event;
use super::{BEGIN, print};

pub struct Source {
    consumer: BaseConsumer<Assignments>,
    /// The size of the values read so far.
    pub bytes: u64,
}

impl Source {
    pub fn join(kafka: &KafkaSettings, group: &str) -> Result<Self, Failure> {
        let consumer: BaseConsumer<Assignments> = kafka
            .client_config("bench-baseline")
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .create_with_context(Assignments::default())?;
        consumer.subscribe(&[&kafka.topic])?;
        Ok(Self { consumer, bytes: 0 })
    }

    /// The next event, if one arrives within this time.
    pub fn next(&mut self, limit: Duration) -> Result<Option<Event>, Failure> {
        let Some(message) = self.consumer.poll(limit) else { return Ok(None) };
        let message = message?;
        self.bytes += message.payload_len() as u64;
        Event::parse(&message).map(Some)
    }

    /// Commits the group offsets after all events so far, and waits for the answer if the mode says so.
    pub fn commit(&self, mode: CommitMode) -> Result<(), Failure> {
        Ok(self.consumer.commit_consumer_state(mode)?)
    }
}

#[derive(Default)]
struct Assignments {
    /// Whether partitions have been assigned before.
    announced: AtomicBool,
}

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) && !self.announced.swap(true, Ordering::Relaxed) {
            print(BEGIN);
        }
    }
}
