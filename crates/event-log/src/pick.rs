//! Reading single records by partition and offset.

use std::time::{Duration, Instant};

use orders::{Offset, Partition, Position};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::chunk::Chunk;
use crate::error::{Error, Result, is_out_of_range, is_passing};
use crate::generation::Generation;
use crate::incoming::{Incoming, Receiver};
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
        .create_with_context(Quiet::default())
        .map_err(Error::during("setting up a reader of the log"))?;
    let receiver = Receiver::new(consumer);
    let deadline = Instant::now() + timeout;
    for (partition, offset) in offsets {
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(&settings.topic, partition.0, rdkafka::Offset::Offset(offset.0))
            .map_err(Error::during("choosing a record"))?;
        receiver.consumer().assign(&assignment).map_err(Error::during("assigning a record's partition"))?;
        read(&receiver, &settings.topic, (*partition, *offset), deadline, &mut chunk)?;
    }
    Ok(chunk)
}

/// Returns without a record only if the log certainly holds none at this offset.
fn read(
    receiver: &Receiver<Quiet>,
    topic: &str,
    (partition, offset): (Partition, Offset),
    deadline: Instant,
    chunk: &mut Chunk,
) -> Result<()> {
    let after = Position::after(offset);
    let mut seems_short = false;
    while Instant::now() < deadline {
        match receiver.poll(Duration::from_millis(100)) {
            // A leader that has just taken over may show an earlier end for a moment.
            None if seems_short => {
                let left = deadline.saturating_duration_since(Instant::now());
                let asked = receiver.consumer().fetch_watermarks(topic, partition.0, left);
                if asked.is_ok_and(|(_, end)| end < after.0) {
                    return Ok(());
                }
            }
            None => {}
            Some(Incoming::Record(message))
                if message.partition() == partition && message.offset() >= offset =>
            {
                if message.offset() == offset {
                    chunk.push(&message, Generation::default());
                }
                return Ok(());
            }
            // It belongs to a partition that was assigned earlier.
            Some(Incoming::Record(_)) => {}
            Some(Incoming::End(ended, end)) if ended == partition => match end >= after {
                true => return Ok(()),
                false => seems_short = true,
            },
            // This is the end of a partition that was assigned earlier.
            Some(Incoming::End(..)) => {}
            Some(Incoming::Failed { error, .. }) => match error.rdkafka_error_code() {
                Some(code) if is_out_of_range(code) => return Ok(()),
                Some(code) if is_passing(code) => {}
                _ => return Err(Error::during("reading a record")(error)),
            },
        }
    }
    Err(Error::RecordTimeout { partition, offset })
}
