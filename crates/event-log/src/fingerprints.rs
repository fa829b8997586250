//! Fingerprints of the records that the log holds at given offsets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use orders::{Offset, Partition, Position};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::chunk::Chunk;
use crate::error::{Error, Result, is_out_of_range, missing_right};
use crate::generation::Generation;
use crate::incoming::{Incoming, Receiver};
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;

/// What the log answered about one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fingerprint {
    Found(String),
    /// The log holds no record at this offset: it was deleted or compacted away, or the log ends before it.
    Gone,
    /// Nothing is known: no broker answered within the time limit.
    Unanswered,
}

/// The fingerprints of the records at `offsets`, one for each partition. Blocks for at most `time_limit`.
pub fn fingerprints(
    settings: &KafkaSettings,
    offsets: &BTreeMap<Partition, Offset>,
    time_limit: Duration,
) -> Result<BTreeMap<Partition, Fingerprint>> {
    let consumer: BaseConsumer<Quiet> = settings
        .reader_config("fingerprints")
        // Only one record of each partition is needed.
        .set("fetch.message.max.bytes", "16384")
        .set("queued.min.messages", "1")
        .create_with_context(Quiet)
        .map_err(Error::during("setting up a Kafka client"))?;
    let mut assignment = TopicPartitionList::new();
    for (partition, offset) in offsets {
        assignment
            .add_partition_offset(&settings.topic, partition.0, rdkafka::Offset::Offset(offset.0))
            .map_err(Error::during("choosing what to compare"))?;
    }
    let receiver = Receiver::new(consumer);
    receiver.consumer().assign(&assignment).map_err(Error::during("assigning what to compare"))?;
    let mut answers: BTreeMap<_, _> =
        offsets.keys().map(|partition| (*partition, Fingerprint::Unanswered)).collect();
    let mut open = offsets.clone();
    let deadline = Instant::now() + time_limit;
    while !open.is_empty() && Instant::now() < deadline {
        match receiver.poll(Duration::from_millis(100)) {
            None => {}
            Some(Incoming::Record(message)) => {
                let partition = message.partition();
                let Some(offset) = open.remove(&partition) else { continue };
                let mut chunk = Chunk::default();
                chunk.push(&message, Generation::default());
                let record = chunk.records().map(|(_, record)| record).find(|record| record.offset == offset);
                let found = record.map(|record| Fingerprint::Found(record.fingerprint()));
                answers.insert(partition, found.unwrap_or(Fingerprint::Gone));
            }
            // An end that does not lie beyond the record says nothing: a leader that has just taken over may
            // show an earlier end for a moment.
            Some(Incoming::End(partition, end)) => {
                let is_beyond = open.get(&partition).is_some_and(|offset| Position::after(*offset) <= end);
                if is_beyond {
                    open.remove(&partition);
                    answers.insert(partition, Fingerprint::Gone);
                }
            }
            Some(Incoming::Failed { partition: Some(partition), error })
                if has_code(&error, is_out_of_range) =>
            {
                let was_open = open.remove(&partition);
                answers.extend(was_open.map(|_| (partition, Fingerprint::Gone)));
            }
            Some(Incoming::Failed { error, .. })
                if has_code(&error, |code| missing_right(code).is_some()) =>
            {
                return Err(Error::during("reading the records to compare")(error));
            }
            // The partition stays open.
            Some(Incoming::Failed { error, .. }) => {
                tracing::debug!(%error, "a record cannot be compared");
            }
        }
    }
    Ok(answers)
}

fn has_code(error: &KafkaError, is_wanted: impl Fn(RDKafkaErrorCode) -> bool) -> bool {
    error.rdkafka_error_code().is_some_and(is_wanted)
}
