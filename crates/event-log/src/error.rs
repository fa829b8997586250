//! What can go wrong with the log.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was attempted, and librdkafka's word on it.
    #[error("{attempt}: {source}")]
    Kafka { attempt: &'static str, source: KafkaError },

    /// No broker answers, or not for all partitions. The text says where, and the way out.
    #[error("{0}")]
    Unreachable(String),

    /// The log is not the one that the positions are about, or has lost records.
    /// Going on would skip or repeat: a person must decide.
    #[error("{0}")]
    Log(String),
}

impl Error {
    /// For `map_err`: adds what was attempted.
    pub fn during(attempt: &'static str) -> impl Fn(KafkaError) -> Self {
        move |source| Self::Kafka { attempt, source }
    }

    /// Whether the broker or the network may be better in a while.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Kafka { source, .. } => source.rdkafka_error_code().is_some_and(is_passing),
            Self::Unreachable(_) => true,
            Self::Log(_) => false,
        }
    }
}

/// Whether librdkafka goes on by itself after reporting this.
pub(crate) fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::AllBrokersDown
            | C::BrokerTransportFailure
            | C::OperationTimedOut
            | C::TimedOutQueue
            | C::RequestTimedOut
            | C::Resolve
            | C::NetworkException
            | C::CoordinatorNotAvailable
            | C::CoordinatorLoadInProgress
            | C::NotCoordinator
            | C::LeaderNotAvailable
            | C::NotLeaderForPartition
            | C::BrokerNotAvailable
            | C::ReplicaNotAvailable
            | C::OffsetNotAvailable
            | C::FencedLeaderEpoch
            | C::UnknownLeaderEpoch
            | C::RebalanceInProgress
            | C::PollExceeded
            | C::UnknownTopicOrPartition
            | C::UnknownPartition
            | C::UnknownTopic
    )
}
