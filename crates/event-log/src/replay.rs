//! Reading given ranges of the log without joining a group.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use orders::{Partition, Position};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use crate::bootstrap::Bootstrap;
use crate::chunk::{Chunk, ChunkLimits};
use crate::error::{Error, Result, is_passing};
use crate::generation::Generation;
use crate::incoming::{Incoming, Receiver};
use crate::list_offsets::{self, Wanted};
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;
use crate::thread;

const THREAD: &str = "log-replay";
const POLL: Duration = Duration::from_millis(100);
/// How often a partition that seems to end early is asked for its end, and for how long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
const ASK_LIMIT: Duration = Duration::from_secs(5);
/// Records that are read without a group belong to no assignment.
const UNASSIGNED: Generation = Generation(0);

/// The range of a partition that is read: from `from` up to, but not including, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Position,
    /// Must not lie beyond the current high watermark of the partition: a log that ends earlier is an error. Below it may be
    /// records of a transaction that is open; the replay waits for its end.
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
        let config = settings.replay_config();
        let consumer: BaseConsumer<Quiet> = config
            .create_with_context(Quiet::default())
            .map_err(Error::during("setting up a reader of the log"))?;
        let (sender, chunks) = mpsc::channel(1);
        let bootstrap = Bootstrap::of(&config);
        let topic = settings.topic.clone();
        let receiver = Receiver::new(consumer);
        let short = BTreeMap::new();
        let mut reader = Reader { receiver, bootstrap, topic, spans, short, limits, sender };
        thread::spawn(THREAD, move || {
            if let Err(error) = reader.read() {
                // Without a receiver nobody needs the error.
                let _ = reader.sender.blocking_send(Err(error));
            }
        })?;
        Ok(Self { chunks })
    }

    /// The next chunk; `None` once all spans have been read. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Chunk>> {
        self.chunks.recv().await
    }
}

struct Reader {
    receiver: Receiver<Quiet>,
    bootstrap: Bootstrap,
    topic: String,
    spans: BTreeMap<Partition, Span>,
    /// The partitions that seem to end below their spans, and when they are asked for their ends next.
    short: BTreeMap<Partition, Instant>,
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
        let consumer = self.receiver.consumer();
        consumer.assign(&assignment).map_err(Error::during("assigning the ranges to read"))?;
        while !open.is_empty() {
            match self.receiver.poll(POLL) {
                None => {
                    self.bootstrap.give_again(self.receiver.consumer().client());
                    self.check_short(&open)?;
                }
                Some(Incoming::Record(message)) => {
                    let partition = message.partition();
                    let Some(span) = open.get(&partition) else { continue };
                    if message.offset().0 < span.to.0 {
                        chunk.push(&message, UNASSIGNED);
                    }
                    self.reached(partition, Position::after(message.offset()), &mut open, &mut chunk);
                }
                Some(Incoming::End(partition, end)) => {
                    if open.contains_key(&partition) && !self.reached(partition, end, &mut open, &mut chunk) {
                        self.short.insert(partition, Instant::now());
                    }
                }
                Some(Incoming::Failed { error, .. }) => match error.rdkafka_error_code() {
                    Some(code) if is_passing(code) => {
                        self.bootstrap.note(&error);
                        tracing::warn!(%error, "reading the log: waiting for a broker");
                    }
                    _ => return Err(Error::while_reading("reading a range of the log", error)),
                },
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

    /// Notes that everything below `position` was read. Returns whether that completes the span.
    fn reached(
        &mut self,
        partition: Partition,
        position: Position,
        open: &mut BTreeMap<Partition, Span>,
        chunk: &mut Chunk,
    ) -> bool {
        self.short.remove(&partition);
        let Some(span) = open.get(&partition).copied() else { return false };
        let is_complete = position >= span.to;
        if is_complete {
            chunk.end(partition, span.to, UNASSIGNED);
            open.remove(&partition);
        }
        is_complete
    }

    /// A leader that has just taken over may show an earlier end for a moment; a log that was truncated ends
    /// there. Only the second is an error, and the broker knows which it is.
    fn check_short(&mut self, open: &BTreeMap<Partition, Span>) -> Result<()> {
        let now = Instant::now();
        for (partition, due_at) in &mut self.short {
            let (true, Some(span)) = (*due_at <= now, open.get(partition)) else { continue };
            *due_at = now + ASK_AGAIN_AFTER;
            // Not the end of committed records: a span may include those of a transaction that is still open.
            let (client, wanted) = (self.receiver.consumer().client(), [Wanted::HighWatermark]);
            let answers = list_offsets::ask(client, &self.topic, &[*partition], wanted, ASK_LIMIT);
            let Ok([answers]) = answers else { continue };
            let Some(Ok(end)) = answers.get(partition).copied() else { continue };
            if end < span.to {
                return Err(Error::EndsEarly { partition: *partition, end, expected: span.to });
            }
        }
        Ok(())
    }

    fn send(&self, chunk: &mut Chunk) -> Result<(), ()> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(std::mem::take(chunk))).map_err(drop)
    }
}
