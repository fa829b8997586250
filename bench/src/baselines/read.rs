//! Plain reading with librdkafka and the consumer's fetch settings, without decoding, copying or a group.

use std::time::Duration;

use event_log::{KafkaSettings, LogClient};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use service::{Exit, Failure};

use super::{BEGIN, Limit, print};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the number of events and the bytes of their values.
pub fn run(kafka: &KafkaSettings, limit: &Limit) -> Result<(u64, u64), Failure> {
    let mut all = TopicPartitionList::new();
    for partition in LogClient::new(kafka)?.partitions(TIMEOUT)? {
        all.add_partition_offset(&kafka.topic, partition.0, Offset::Beginning)?;
    }
    let consumer: BaseConsumer = kafka
        .client_config("bench-read")
        .set("group.id", "food-orders-bench-read")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.message.max.bytes", "4194304")
        .set("queued.max.messages.kbytes", "16384")
        .create()?;
    print(BEGIN);
    consumer.assign(&all)?;
    let (mut events, mut bytes) = (0, 0);
    while !limit.is_reached(events) {
        match consumer.poll(TIMEOUT) {
            Some(message) => {
                bytes += message?.payload_len() as u64;
                events += 1;
            }
            None => {
                let message = format!("no event arrived for {} s, after {events} events", TIMEOUT.as_secs());
                return Err(Failure::new(Exit::Unexpected, message));
            }
        }
    }
    Ok((events, bytes))
}
