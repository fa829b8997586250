//! Fingerprints of the records that the log holds at given offsets.

use std::collections::BTreeMap;
use std::time::Duration;

use orders::{Offset, Partition, Position};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc;

use crate::bootstrap::Bootstrap;
use crate::chunk::Chunk;
use crate::error::{Error, Result, is_out_of_range, missing_right};
use crate::generation::Generation;
use crate::incoming::{Incoming, Message, Receiver};
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;
use crate::thread;

const THREAD: &str = "log-fingerprints";
const POLL: Duration = Duration::from_millis(100);

/// What the log answered about one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fingerprint {
    Found(String),
    /// The log holds no record at this offset: it was deleted or compacted away, or the log ends before it.
    Gone,
}

/// Reads one record of each partition on a thread. Dropping it ends the thread.
#[derive(Debug)]
pub struct Fingerprints {
    answers: mpsc::UnboundedReceiver<Result<(Partition, Fingerprint)>>,
}

impl Fingerprints {
    /// Starts to read the records at `offsets`. A partition whose broker does not answer is waited for; so is a
    /// batch that takes long to arrive, which would have to start over in another attempt.
    pub fn start(settings: &KafkaSettings, offsets: BTreeMap<Partition, Offset>) -> Result<Self> {
        let mut config = settings.reader_config("fingerprints");
        // Only one record of each partition is needed. A batch that is larger is sent all the same.
        config.set("fetch.message.max.bytes", "16384").set("queued.min.messages", "1");
        let consumer: BaseConsumer<Quiet> = config
            .create_with_context(Quiet::default())
            .map_err(Error::during("setting up a Kafka client"))?;
        let mut assignment = TopicPartitionList::new();
        for (partition, offset) in &offsets {
            assignment
                .add_partition_offset(&settings.topic, partition.0, rdkafka::Offset::Offset(offset.0))
                .map_err(Error::during("choosing what to compare"))?;
        }
        consumer.assign(&assignment).map_err(Error::during("assigning what to compare"))?;
        let (sender, answers) = mpsc::unbounded_channel();
        let (receiver, bootstrap) = (Receiver::new(consumer), Bootstrap::of(&config));
        let mut reader =
            Reader { receiver, bootstrap, topic: settings.topic.clone(), open: offsets, answers: sender };
        thread::spawn(THREAD, move || {
            if let Err(error) = reader.read() {
                // Without a receiver nobody needs the error.
                let _ = reader.answers.send(Err(error));
            }
        })?;
        Ok(Self { answers })
    }

    /// The next answer; `None` once there is one for each partition, or after an error. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<(Partition, Fingerprint)>> {
        self.answers.recv().await
    }
}

struct Reader {
    receiver: Receiver<Quiet>,
    bootstrap: Bootstrap,
    topic: String,
    /// What has not been answered yet.
    open: BTreeMap<Partition, Offset>,
    answers: mpsc::UnboundedSender<Result<(Partition, Fingerprint)>>,
}

impl Reader {
    fn read(&mut self) -> Result<()> {
        while !self.open.is_empty() && !self.answers.is_closed() {
            let answer = match self.receiver.poll(POLL) {
                None => {
                    self.bootstrap.give_again(self.receiver.consumer().client());
                    None
                }
                Some(Incoming::Record(message)) => {
                    let partition = message.partition();
                    self.open.get(&partition).map(|offset| (partition, fingerprint(&message, *offset)))
                }
                // An end that does not lie beyond the record says nothing: a leader that has just taken over may
                // show an earlier end for a moment.
                Some(Incoming::End(partition, end)) => {
                    let is_beyond =
                        self.open.get(&partition).is_some_and(|offset| Position::after(*offset) <= end);
                    is_beyond.then_some((partition, Fingerprint::Gone))
                }
                Some(Incoming::Failed { partition: Some(partition), error })
                    if has_code(&error, is_out_of_range) =>
                {
                    self.open.contains_key(&partition).then_some((partition, Fingerprint::Gone))
                }
                // Without the right, or if its batch is damaged, which librdkafka passes over, the record never arrives.
                Some(Incoming::Failed { error, .. })
                    if has_code(&error, |code| {
                        missing_right(code).is_some() || code == RDKafkaErrorCode::BadMessage
                    }) =>
                {
                    return Err(Error::while_reading("reading the records to compare", error));
                }
                // The partition stays open.
                Some(Incoming::Failed { error, .. }) => {
                    self.bootstrap.note(&error);
                    tracing::debug!(%error, "a record cannot be compared");
                    None
                }
            };
            if let Some((partition, fingerprint)) = answer {
                self.answered(partition, fingerprint);
            }
        }
        Ok(())
    }

    fn answered(&mut self, partition: Partition, fingerprint: Fingerprint) {
        self.open.remove(&partition);
        // What follows the record would only delay the others. librdkafka pauses what it knows, and returns no error.
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition.0);
        let _ = self.receiver.consumer().pause(&list);
        // If the receiver is gone, the next turn ends the thread.
        let _ = self.answers.send(Ok((partition, fingerprint)));
    }
}

/// The first record at or after `offset` has arrived.
fn fingerprint(message: &Message<'_>, offset: Offset) -> Fingerprint {
    if message.offset() != offset {
        return Fingerprint::Gone;
    }
    let mut chunk = Chunk::default();
    chunk.push(message, Generation::default());
    let print = chunk.records().next().map(|(_, record)| record.fingerprint());
    print.map_or(Fingerprint::Gone, Fingerprint::Found)
}

fn has_code(error: &KafkaError, is_wanted: impl Fn(RDKafkaErrorCode) -> bool) -> bool {
    error.rdkafka_error_code().is_some_and(is_wanted)
}
