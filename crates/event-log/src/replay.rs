//! Reading given ranges of the log without joining a group.

use std::collections::BTreeMap;
use std::time::Duration;

use orders::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::sync::mpsc;

use crate::bootstrap::Bootstrap;
use crate::chunk::{Chunk, ChunkLimits};
use crate::error::{Error, Result, is_passing};
use crate::generation::Generation;
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;

const THREAD: &str = "log-replay";
/// Records that are read without a group belong to no assignment.
const UNASSIGNED: Generation = Generation(0);

/// The range of a partition that is read: from `from` up to, but not including, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Position,
    /// Must not lie beyond the current end of the partition.
    pub to: Position,
}

/// Reads chunks of the given ranges on a thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct Replay {
    chunks: mpsc::Receiver<Result<Chunk>>,
}

impl Replay {
    /// Starts to read. The chunk that completes a span names the partition among its ends.
    pub fn start(
        settings: &KafkaSettings,
        spans: BTreeMap<Partition, Span>,
        limits: ChunkLimits,
    ) -> Result<Self> {
        let mut config = settings.reader_config("replay");
        KafkaSettings::read_ahead(&mut config);
        let consumer: BaseConsumer<Quiet> =
            config.create_with_context(Quiet).map_err(Error::during("setting up a reader of the log"))?;
        let (sender, chunks) = mpsc::channel(1);
        let bootstrap = Bootstrap::of(&config);
        let topic = settings.topic.clone();
        let mut reader = Reader { consumer, bootstrap, topic, spans, limits, sender };
        std::thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || {
                if let Err(error) = reader.read() {
                    // Without a receiver nobody needs the error.
                    let _ = reader.sender.blocking_send(Err(error));
                }
            })
            .map_err(|cause| Error::Thread { name: THREAD, cause })?;
        Ok(Self { chunks })
    }

    /// The next chunk; `None` once all spans have been read. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Chunk>> {
        self.chunks.recv().await
    }
}

struct Reader {
    consumer: BaseConsumer<Quiet>,
    bootstrap: Bootstrap,
    topic: String,
    spans: BTreeMap<Partition, Span>,
    limits: ChunkLimits,
    sender: mpsc::Sender<Result<Chunk>>,
}

impl Reader {
    fn read(&mut self) -> Result<()> {
        let mut assignment = TopicPartitionList::new();
        let mut chunk = Chunk::default();
        let mut open = self.spans.clone();
        for (partition, span) in &self.spans {
            if span.from >= span.to {
                chunk.end(*partition, span.from, UNASSIGNED);
                open.remove(partition);
                continue;
            }
            assignment
                .add_partition_offset(&self.topic, partition.0, Offset::Offset(span.from.0))
                .map_err(Error::during("choosing the ranges to read"))?;
        }
        self.consumer.assign(&assignment).map_err(Error::during("assigning the ranges to read"))?;
        while !open.is_empty() {
            match self.consumer.poll(Duration::from_millis(100)) {
                None => self.bootstrap.give_again(self.consumer.client()),
                Some(Ok(message)) => {
                    let partition = Partition(message.partition());
                    let Some(span) = open.get(&partition) else { continue };
                    if message.offset() < span.to.0 {
                        chunk.push(&message, UNASSIGNED);
                    }
                    if message.offset() + 1 >= span.to.0 {
                        chunk.end(partition, span.to, UNASSIGNED);
                        open.remove(&partition);
                    }
                }
                // The partition ends at or after the span's end, so only holes are left in the span.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if let Some(span) = open.remove(&Partition(partition)) {
                        chunk.end(Partition(partition), span.to, UNASSIGNED);
                    }
                }
                Some(Err(error)) if error.rdkafka_error_code().is_some_and(is_passing) => {
                    self.bootstrap.note(&error);
                    tracing::warn!(%error, "reading the log: waiting for a broker");
                }
                Some(Err(error)) => {
                    return Err(match error.rdkafka_error_code() {
                        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                            Error::OutOfRange(error)
                        }
                        Some(RDKafkaErrorCode::BadMessage) => Error::CorruptBatch(error),
                        _ => Error::during("reading a range of the log")(error),
                    });
                }
            }
            if chunk.is_full(self.limits) && self.send(&mut chunk).is_err() {
                return Ok(());
            }
            if self.sender.is_closed() {
                return Ok(());
            }
        }
        let _ = self.send(&mut chunk);
        Ok(())
    }

    fn send(&self, chunk: &mut Chunk) -> Result<(), ()> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(std::mem::take(chunk))).map_err(drop)
    }
}
