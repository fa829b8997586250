//! Queries about the log that do not need a group: which offsets it holds, and which log it is.

use std::collections::BTreeMap;
use std::time::Duration;

use orders::{LogIdentity, Partition, Position};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result, is_no_answer};
use crate::list_offsets::{self, Answers, Wanted};
use crate::quiet::{Quiet, no_answer, reports};
use crate::settings::KafkaSettings;
use crate::topic_id;

/// A client without a group. Its calls block, so they belong on a thread that may wait.
pub struct LogClient {
    consumer: BaseConsumer<Quiet>,
    bootstrap: Bootstrap,
    bootstrap_servers: String,
    topic: String,
}

/// The offsets that a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    /// The offset of the first record that has not been deleted.
    pub low_watermark: Position,
    /// One past the last record that readers of committed records receive: the last stable offset.
    pub end_offset: Position,
}

/// The offset ranges of all partitions.
pub type OffsetRanges = BTreeMap<Partition, OffsetRange>;

/// The topic's partitions, and whether each has a leader.
pub(crate) type Leaders = BTreeMap<Partition, bool>;

pub(crate) struct Ids {
    cluster_id: String,
    topic: String,
    /// `None` if the topic does not exist, or if the broker is older than topic ids.
    topic_id: Option<String>,
}

/// What the leader of a partition says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) range: OffsetRange,
    /// Where the partition ends if records of open transactions count.
    pub(crate) high_watermark: Position,
}

impl LogClient {
    pub fn new(settings: &KafkaSettings) -> Result<Self> {
        let config = settings.client_config("log");
        let consumer = config
            .create_with_context(Quiet::default())
            .map_err(Error::during("setting up a Kafka client"))?;
        Ok(Self {
            consumer,
            bootstrap: Bootstrap::of(&config),
            bootstrap_servers: settings.bootstrap_servers.clone(),
            topic: settings.topic.clone(),
        })
    }

    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Which log this is; `None` if the topic does not exist. Each of its requests may take `timeout`.
    pub fn identity(&self, timeout: Duration) -> Result<Option<LogIdentity>> {
        let leaders = self.leaders(timeout)?;
        if leaders.is_empty() { Ok(None) } else { Ok(self.ids(timeout)?.identity(&leaders)) }
    }

    /// The ids of the cluster and the topic.
    pub(crate) fn ids(&self, timeout: Duration) -> Result<Ids> {
        let client = self.consumer.client();
        let cluster_id = client.fetch_cluster_id(timeout).ok_or(Error::Kafka {
            attempt: "asking for the cluster id",
            cause: KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut),
        })?;
        let topic_id = topic_id::ask(client, &self.topic, timeout)?;
        Ok(Ids { cluster_id, topic: self.topic.clone(), topic_id })
    }

    /// The topic's partitions; none if the topic does not exist.
    pub fn partitions(&self, timeout: Duration) -> Result<Vec<Partition>> {
        Ok(self.leaders(timeout)?.into_keys().collect())
    }

    /// The topic's partitions; none if the topic does not exist.
    pub(crate) fn leaders(&self, timeout: Duration) -> Result<Leaders> {
        // Everything else begins with this question, so this is where a lost broker is noticed.
        reports(&self.consumer).for_each(drop);
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), timeout).map_err(|error| {
            self.bootstrap.note(&error);
            self.bootstrap.give_again(self.consumer.client());
            if error.rdkafka_error_code().is_some_and(is_no_answer) {
                return no_answer(&self.consumer, &self.bootstrap_servers, &error.to_string());
            }
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

    /// The offsets that each partition holds now. Each of the two requests may take `timeout`.
    pub fn offset_ranges(&self, timeout: Duration) -> Result<OffsetRanges> {
        let leaders = self.leaders(timeout)?;
        let offsets = self.offsets(&leaders, timeout)?.into_iter();
        offsets
            .map(|(partition, answer)| Ok((partition, answer.map_err(|code| self.failed(code))?.range)))
            .collect()
    }

    /// Where each partition ends if records of open transactions count: a reader of committed records gets there once
    /// these transactions have ended. Each of the two requests may take `timeout`.
    pub fn high_watermarks(&self, timeout: Duration) -> Result<BTreeMap<Partition, Position>> {
        let leaders = self.leaders(timeout)?;
        let offsets = self.offsets(&leaders, timeout)?.into_iter();
        offsets
            .map(|(partition, answer)| {
                Ok((partition, answer.map_err(|code| self.failed(code))?.high_watermark))
            })
            .collect()
    }

    /// The offsets of the partitions of which these are the leaders. A partition that does not answer, as it has no
    /// leader, does not affect the others. An error only if no leader answers.
    pub(crate) fn answered_offsets(
        &self,
        leaders: &Leaders,
        timeout: Duration,
    ) -> Result<BTreeMap<Partition, Option<Offsets>>> {
        let answers = self.offsets(leaders, timeout)?;
        let is_asked = |(partition, _): &(&Partition, _)| leaders.get(*partition) == Some(&true);
        let asked: Vec<_> = answers.iter().filter(is_asked).map(|(_, answer)| answer).collect();
        match asked.first() {
            Some(Err(code)) if asked.iter().all(|answer| answer.is_err()) => Err(self.failed(*code)),
            _ => Ok(answers.into_iter().map(|(partition, answer)| (partition, answer.ok())).collect()),
        }
    }

    fn offsets(
        &self,
        leaders: &Leaders,
        timeout: Duration,
    ) -> Result<BTreeMap<Partition, Result<Offsets, RDKafkaErrorCode>>> {
        let led: Vec<_> =
            leaders.iter().filter(|(_, has_leader)| **has_leader).map(|(partition, _)| *partition).collect();
        let wanted = [Wanted::Begin, Wanted::LastStable, Wanted::HighWatermark];
        let answers = list_offsets::ask(self.consumer.client(), &self.topic, &led, wanted, timeout)?;
        let offset = |answers: &Answers, partition| {
            answers.get(&partition).copied().unwrap_or(Err(RDKafkaErrorCode::LeaderNotAvailable))
        };
        let offsets = |partition| {
            let [low_watermark, end_offset, high_watermark] =
                answers.each_ref().map(|answers| offset(answers, partition));
            let range = OffsetRange { low_watermark: low_watermark?, end_offset: end_offset? };
            Ok(Offsets { range, high_watermark: high_watermark? })
        };
        Ok(leaders.keys().map(|partition| (*partition, offsets(*partition))).collect())
    }

    /// Why a leader did not answer.
    fn failed(&self, code: RDKafkaErrorCode) -> Error {
        let error = KafkaError::MetadataFetch(code);
        if is_no_answer(code)
            && let unreachable @ Error::Unreachable { .. } =
                no_answer(&self.consumer, &self.bootstrap_servers, &error.to_string())
        {
            return unreachable;
        }
        Error::during("asking for the offsets of the partitions")(error)
    }
}

impl Ids {
    /// The identity of a topic with these partitions; `None` if it has none, since it does not exist then.
    pub(crate) fn identity(self, leaders: &Leaders) -> Option<LogIdentity> {
        let Self { cluster_id, topic, topic_id } = self;
        let partitions = leaders.len() as i32;
        (partitions > 0).then_some(LogIdentity { cluster_id, topic, topic_id, partitions })
    }
}

#[cfg(test)]
mod tests {
    #![allow(unsafe_code)]

    use std::time::Instant;

    use rdkafka::bindings as rd;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    /// How many reports wait for somebody to take them.
    fn reports(client: &LogClient) -> i32 {
        // SAFETY: the client lives as long as the reference to it.
        unsafe { rd::rd_kafka_outq_len(client.consumer.client().native_ptr()) }
    }

    #[test]
    fn reports_that_nobody_reads_do_not_pile_up() {
        // Nothing listens on this port.
        let client = LogClient::new(&KafkaSettings::new("127.0.0.1:1", "t")).unwrap();
        let ask = || _ = client.partitions(Duration::from_millis(10));
        let until = |is_met: fn(i32) -> bool, meanwhile: &dyn Fn()| {
            let began = Instant::now();
            while !is_met(reports(&client)) {
                assert!(began.elapsed() < SOON, "{} reports", reports(&client));
                meanwhile();
            }
        };
        ask();
        // It goes on trying to connect, and reports each failure.
        until(|reports| reports > 0, &|| std::thread::sleep(Duration::from_millis(10)));
        until(|reports| reports == 0, &ask);
    }
}
