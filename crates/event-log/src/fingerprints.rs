//! Fingerprints of the records that the log holds at given offsets.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use orders::{Offset, Partition};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, TopicPartitionList};

use crate::chunk::Chunk;
use crate::error::{Error, Result, is_passing};
use crate::generation::Generation;
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;

/// The fingerprints of the records at `offsets`. A partition is left out if its record was deleted or
/// compacted away, or did not arrive within `time_limit`. Blocking.
pub fn fingerprints(
    settings: &KafkaSettings,
    offsets: &BTreeMap<Partition, Offset>,
    time_limit: Duration,
) -> Result<BTreeMap<Partition, String>> {
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
    consumer.assign(&assignment).map_err(Error::during("assigning what to compare"))?;
    let mut open = offsets.clone();
    let mut found = BTreeMap::new();
    let deadline = Instant::now() + time_limit;
    while !open.is_empty() && Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Ok(message)) => {
                let partition = Partition(message.partition());
                if open.remove(&partition) == Some(Offset(message.offset())) {
                    let mut chunk = Chunk::default();
                    chunk.push(&message, Generation::default());
                    found.extend(chunk.records().map(|(_, record)| (partition, record.fingerprint())));
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&Partition(partition));
            }
            Some(Err(error)) if error.rdkafka_error_code().is_some_and(is_passing) => {}
            // The error concerns one partition without naming it, so that partition stays open.
            Some(Err(error)) => tracing::debug!(%error, "a record cannot be compared"),
        }
    }
    Ok(found)
}
