//! Following topics without a group: from the beginning or from now on, without an end.

use std::time::Duration;

use orders::Position;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::bootstrap::Bootstrap;
use crate::client::LogClient;
use crate::error::{Error, Result, is_passing};
use crate::incoming::{Incoming, Receiver};
use crate::owned_record::OwnedRecord;
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;

const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailFrom {
    Beginning,
    /// Behind the last record that is committed now.
    End,
}

/// Reads the committed records of all partitions that the topics have when it starts. Its calls block.
pub struct Tail {
    receiver: Receiver<Quiet>,
    bootstrap: Bootstrap,
}

impl Tail {
    /// Once this returns, every record that is committed later will be read. The topics must exist.
    pub fn start(settings: &KafkaSettings, topics: &[&str], from: TailFrom) -> Result<Self> {
        let mut assignment = TopicPartitionList::new();
        for topic in topics {
            let ranges = LogClient::new(&settings.of_topic(topic))?.offset_ranges(REQUEST_LIMIT)?;
            if ranges.is_empty() {
                return Err(Error::TopicGone((*topic).to_owned()));
            }
            for (partition, range) in ranges {
                let Position(offset) = match from {
                    TailFrom::Beginning => range.low_watermark,
                    TailFrom::End => range.end_offset,
                };
                assignment
                    .add_partition_offset(topic, partition.0, Offset::Offset(offset))
                    .map_err(Error::during("choosing where to begin"))?;
            }
        }
        let config = settings.replay_config();
        let consumer: BaseConsumer<Quiet> = config
            .create_with_context(Quiet::default())
            .map_err(Error::during("setting up a reader of topics"))?;
        consumer.assign(&assignment).map_err(Error::during("assigning the topics to read"))?;
        Ok(Self { receiver: Receiver::new(consumer), bootstrap: Bootstrap::of(&config) })
    }

    /// The next record; `None` if there is none within `wait`, or something else has come.
    pub fn next(&self, wait: Duration) -> Result<Option<OwnedRecord>> {
        match self.receiver.poll(wait) {
            Some(Incoming::Record(message)) => return Ok(Some(OwnedRecord::of(&message))),
            Some(Incoming::Failed { error, .. }) => match error.rdkafka_error_code() {
                Some(code) if is_passing(code) => {
                    self.bootstrap.note(&error);
                    tracing::warn!(%error, "reading: waiting for a broker");
                }
                _ => return Err(Error::while_reading("reading a topic", error)),
            },
            Some(Incoming::End(..)) => {}
            None => self.bootstrap.give_again(self.receiver.consumer().client()),
        }
        Ok(None)
    }
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail").finish_non_exhaustive()
    }
}
