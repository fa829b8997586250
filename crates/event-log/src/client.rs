//! Queries about the log that do not need a group: which offsets it holds, and which log it is.

use std::collections::BTreeMap;
use std::time::Duration;

use orders::{LogIdentity, Partition, Position};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result};
use crate::quiet::Quiet;
use crate::settings::KafkaSettings;
use crate::topic_id;

/// A client without a group. Its calls block, so they belong on a thread that may wait.
pub struct LogClient {
    consumer: BaseConsumer<Quiet>,
    bootstrap: Bootstrap,
    topic: String,
}

/// The offsets that a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    /// The offset of the first record that has not been deleted.
    pub low_watermark: Position,
    /// One past the last record that readers at the client's isolation level receive: the last stable
    /// offset or, for [`LogClient::read_uncommitted`], the high watermark. The two differ while a
    /// transaction is open.
    pub end_offset: Position,
}

/// The offset ranges of all partitions.
pub type OffsetRanges = BTreeMap<Partition, OffsetRange>;

impl LogClient {
    /// A client whose end offsets are the last stable offsets: what committed readers can reach.
    pub fn new(settings: &KafkaSettings) -> Result<Self> {
        Self::with_isolation(settings, "read_committed")
    }

    /// A client whose end offsets are the high watermarks, which include records of open transactions.
    pub fn read_uncommitted(settings: &KafkaSettings) -> Result<Self> {
        Self::with_isolation(settings, "read_uncommitted")
    }

    fn with_isolation(settings: &KafkaSettings, level: &str) -> Result<Self> {
        let mut config = settings.client_config("log");
        config.set("isolation.level", level);
        let consumer =
            config.create_with_context(Quiet).map_err(Error::during("setting up a Kafka client"))?;
        Ok(Self { consumer, bootstrap: Bootstrap::of(&config), topic: settings.topic.clone() })
    }

    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Which log this is; `None` if the topic does not exist. Each of its requests may take `timeout`.
    pub fn identity(&self, timeout: Duration) -> Result<Option<LogIdentity>> {
        let client = self.consumer.client();
        let partitions = self.partitions(timeout)?.len() as i32;
        if partitions == 0 {
            return Ok(None);
        }
        let cluster_id = client.fetch_cluster_id(timeout).ok_or(Error::Kafka {
            attempt: "asking for the cluster id",
            cause: KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut),
        })?;
        let topic_id = topic_id::ask(client, &self.topic, timeout)?;
        Ok(Some(LogIdentity { cluster_id, topic: self.topic.clone(), topic_id, partitions }))
    }

    /// The topic's partitions; none if the topic does not exist.
    pub fn partitions(&self, timeout: Duration) -> Result<Vec<Partition>> {
        Ok(self.leaders(timeout)?.into_keys().collect())
    }

    /// The topic's partitions, and whether each has a leader.
    fn leaders(&self, timeout: Duration) -> Result<BTreeMap<Partition, bool>> {
        // Every other query begins with this one, so this is where a lost broker is noticed.
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), timeout).map_err(|error| {
            self.bootstrap.note(&error);
            self.bootstrap.give_again(self.consumer.client());
            Error::during("asking for the topic's partitions")(error)
        })?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        if let Some(code) = topic.and_then(|topic| topic.error()).map(RDKafkaErrorCode::from)
            && code != RDKafkaErrorCode::UnknownTopicOrPartition
        {
            return Err(Error::during("asking for the topic's partitions")(KafkaError::MetadataFetch(code)));
        }
        let partitions = topic.iter().flat_map(|topic| topic.partitions());
        Ok(partitions.map(|partition| (Partition(partition.id()), partition.leader() >= 0)).collect())
    }

    /// The offsets that each partition holds now. There is one request per partition, and each may take
    /// `timeout`.
    pub fn offset_ranges(&self, timeout: Duration) -> Result<OffsetRanges> {
        let ranges = self.partitions(timeout)?.into_iter();
        ranges.map(|partition| Ok((partition, self.offset_range(partition, timeout)?))).collect()
    }

    /// The same, where a partition that does not answer, as it has no leader, does not affect the others.
    /// An error only if none answers.
    pub(crate) fn answered_ranges(
        &self,
        timeout: Duration,
    ) -> Result<BTreeMap<Partition, Option<OffsetRange>>> {
        let mut answers = BTreeMap::new();
        let mut first_error = None;
        for (partition, has_leader) in self.leaders(timeout)? {
            let range = if has_leader { self.offset_range(partition, timeout).map(Some) } else { Ok(None) };
            let range = range.unwrap_or_else(|error| {
                first_error.get_or_insert(error);
                None
            });
            answers.insert(partition, range);
        }
        match first_error {
            Some(error) if answers.values().all(Option::is_none) => Err(error),
            _ => Ok(answers),
        }
    }

    fn offset_range(&self, partition: Partition, timeout: Duration) -> Result<OffsetRange> {
        let (low, end) = self
            .consumer
            .fetch_watermarks(&self.topic, partition.0, timeout)
            .map_err(Error::during("asking for the offsets of a partition"))?;
        Ok(OffsetRange { low_watermark: Position(low), end_offset: Position(end) })
    }
}
