//! Reading single records by their places.

use std::time::{Duration, Instant};

use orders::{Offset, Partition};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, TopicPartitionList};

use crate::chunk::Chunk;
use crate::error::{Error, Result, is_passing};
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;

/// The records at these places, as far as the log still has them: what was deleted, or lies
/// beyond the end, is left out. Blocking: call it from a thread that may wait.
pub fn pick(settings: &KafkaSettings, places: &[(Partition, Offset)], timeout: Duration) -> Result<Chunk> {
    let mut chunk = Chunk::default();
    if places.is_empty() {
        return Ok(chunk);
    }
    let consumer: BaseConsumer<Quiet> = settings
        .reader_config("pick")
        // What lies behind the one record is read in vain.
        .set("queued.max.messages.kbytes", "1024")
        .create_with_context(Quiet)
        .map_err(Error::during("setting up a reader of the log"))?;
    let deadline = Instant::now() + timeout;
    for (partition, offset) in places {
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(&settings.topic, partition.0, rdkafka::Offset::Offset(offset.0))
            .map_err(Error::during("choosing a record"))?;
        consumer.assign(&assignment).map_err(Error::during("assigning a record's partition"))?;
        read(&consumer, *partition, *offset, deadline, &mut chunk)?;
    }
    Ok(chunk)
}

fn read(
    consumer: &BaseConsumer<Quiet>,
    partition: Partition,
    offset: Offset,
    deadline: Instant,
    chunk: &mut Chunk,
) -> Result<()> {
    while Instant::now() < deadline {
        let error = match consumer.poll(Duration::from_millis(100)) {
            None => continue,
            Some(Ok(message)) if message.partition() != partition.0 || message.offset() < offset.0 => {
                continue;
            }
            Some(Ok(message)) => {
                if message.offset() == offset.0 {
                    chunk.push(&message, 0);
                }
                return Ok(());
            }
            Some(Err(KafkaError::PartitionEOF(ended))) if ended == partition.0 => return Ok(()),
            Some(Err(error)) => error,
        };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => return Ok(()),
            // Of the assignment before.
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(code) if is_passing(code) => {}
            _ => return Err(Error::during("reading a record")(error)),
        }
    }
    Err(Error::Unreachable(format!(
        "the broker did not give the record at offset {offset} of partition {partition} in time"
    )))
}
