//! Questions to the log that need no group: how long it is, and which one it is.

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

/// Blocking: call it from a thread that may wait.
pub struct LogClient {
    consumer: BaseConsumer<Quiet>,
    bootstrap: Bootstrap,
    topic: String,
}

/// Where a partition begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    /// Offset of the first record that is still there.
    pub low: Position,
    /// One past the last record that this client's readers get to see: without those of open
    /// transactions, unless it is a [`LogClient::read_uncommitted`].
    pub end: Position,
}

/// The watermarks of all partitions.
pub type Ends = BTreeMap<Partition, Watermarks>;

impl LogClient {
    pub fn new(settings: &KafkaSettings) -> Result<Self> {
        Self::with_isolation(settings, "read_committed")
    }

    /// A client whose ends are those of all records, those of open transactions included.
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

    /// Which log this is; `None`: there is no such topic.
    pub fn identity(&self, timeout: Duration) -> Result<Option<LogIdentity>> {
        let client = self.consumer.client();
        let partitions = self.partitions(timeout)?.len() as i32;
        if partitions == 0 {
            return Ok(None);
        }
        let cluster_id = client.fetch_cluster_id(timeout).ok_or(Error::Kafka {
            attempt: "asking for the cluster id",
            source: KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut),
        })?;
        let topic_id = topic_id::ask(client, &self.topic, timeout)?;
        Ok(Some(LogIdentity { cluster_id, topic: self.topic.clone(), topic_id, partitions }))
    }

    /// The topic's partitions; none if there is no such topic.
    pub fn partitions(&self, timeout: Duration) -> Result<Vec<Partition>> {
        // Every question begins here.
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
        let mut partitions: Vec<_> = topic
            .iter()
            .flat_map(|topic| topic.partitions())
            .map(|partition| Partition(partition.id()))
            .collect();
        partitions.sort_unstable();
        Ok(partitions)
    }

    /// Where every partition begins and ends now.
    pub fn watermarks(&self, timeout: Duration) -> Result<Ends> {
        self.partitions(timeout)?
            .into_iter()
            .map(|partition| {
                let (low, end) = self
                    .consumer
                    .fetch_watermarks(&self.topic, partition.0, timeout)
                    .map_err(Error::during("asking for a partition's watermarks"))?;
                Ok((partition, Watermarks { low: Position(low), end: Position(end) }))
            })
            .collect()
    }
}
