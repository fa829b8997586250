//! On how many brokers the topic is kept.

use rdkafka::metadata::Metadata;

/// What the brokers say about themselves and about the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replicas {
    /// The brokers that run now.
    pub brokers: usize,
    /// 0 if the topic does not exist.
    pub partitions: usize,
    /// Whether each partition has a leader.
    pub all_led: bool,
    /// The replicas of the partition that has the fewest.
    pub fewest: usize,
}

impl Replicas {
    pub fn of(metadata: &Metadata, topic: &str) -> Self {
        let topic = metadata.topics().iter().find(|one| one.name() == topic && one.error().is_none());
        let partitions = topic.map(|topic| topic.partitions()).unwrap_or_default();
        Self {
            brokers: metadata.brokers().len(),
            partitions: partitions.len(),
            all_led: partitions.iter().all(|one| one.leader() >= 0 && one.error().is_none()),
            fewest: partitions.iter().map(|one| one.replicas().len()).min().unwrap_or(0),
        }
    }
}
