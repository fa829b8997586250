//! Reading single records by partition and offset.

use std::time::{Duration, Instant};

use orders::{Offset, Partition};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, TopicPartitionList};

use crate::chunk::Chunk;
use crate::error::{Error, Result, is_passing};
use crate::generation::Generation;
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;

/// The records at `offsets` that the log still holds. Records that were deleted, or that lie beyond the
/// end, are left out. Blocks for at most `timeout`; a record that has not arrived by then is an
/// [`Error::RecordTimeout`].
pub fn pick(settings: &KafkaSettings, offsets: &[(Partition, Offset)], timeout: Duration) -> Result<Chunk> {
    let mut chunk = Chunk::default();
    if offsets.is_empty() {
        return Ok(chunk);
    }
    let consumer: BaseConsumer<Quiet> = settings
        .reader_config("pick")
        // Whatever librdkafka reads ahead is thrown away.
        .set("queued.max.messages.kbytes", "1024")
        .create_with_context(Quiet)
        .map_err(Error::during("setting up a reader of the log"))?;
    let deadline = Instant::now() + timeout;
    for (partition, offset) in offsets {
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
                    chunk.push(&message, Generation::default());
                }
                return Ok(());
            }
            Some(Err(KafkaError::PartitionEOF(ended))) if ended == partition.0 => return Ok(()),
            Some(Err(error)) => error,
        };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => return Ok(()),
            // This is the end of a partition that was assigned earlier.
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(code) if is_passing(code) => {}
            _ => return Err(Error::during("reading a record")(error)),
        }
    }
    Err(Error::RecordTimeout { partition, offset })
}
