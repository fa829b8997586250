//! What can go wrong between this program and the log. Each variant has one meaning, and its text
//! includes the cause, so none has a `source`.

use std::io;

use orders::{Offset, Partition, Position};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::task::JoinError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call to librdkafka failed: what was attempted, and librdkafka's reason.
    #[error("{attempt}: {cause}")]
    Kafka { attempt: &'static str, cause: KafkaError },

    /// Kafka's access control forbids it.
    #[error(
        "{attempt}: Kafka denies it; its user needs the right {right} (see \"Least rights\" in docs/operations.md)"
    )]
    Denied { attempt: &'static str, right: &'static str },

    #[error(
        "no Kafka broker answers at {bootstrap_servers} ({problem}); start one, or set KAFKA_BOOTSTRAP_SERVERS to the \
         address of a running one (for TLS and SASL see KAFKA_SECURITY_PROTOCOL and the settings next to it)"
    )]
    NoBroker { bootstrap_servers: String, problem: String },

    /// A broker has answered, and named another address.
    #[error(
        "Kafka at {bootstrap_servers} has named {advertised} as the address to connect to, and no broker answers there \
         ({problem}); if this machine cannot resolve or reach that address, set advertised.listeners on the broker \
         to one that it can; otherwise start the broker"
    )]
    Unreachable { bootstrap_servers: String, advertised: String, problem: String },

    #[error(
        "topic {topic} has had partitions without a leader for {seconds} s; check that all brokers are running"
    )]
    NoLeader { topic: String, seconds: u64 },

    #[error("the broker did not return the record at offset {offset} of partition {partition} in time")]
    RecordTimeout { partition: Partition, offset: Offset },

    #[error("topic {0} no longer exists")]
    TopicGone(String),

    #[error("topic {topic} does not exist and cannot be created ({code}); create it by hand")]
    TopicNotCreated { topic: String, code: RDKafkaErrorCode },

    #[error("{0:?} cannot be the name of a topic: it contains a NUL character")]
    TopicName(String),

    /// The log no longer holds the next offset to read, or does not hold it yet. Going on would skip or
    /// repeat records, so a person must decide.
    #[error("the log does not hold the offset to read next ({0})")]
    OutOfRange(KafkaError),

    #[error(
        "partition {partition} ends at offset {end}, but it has held records up to offset {expected}: it was truncated \
         or created again"
    )]
    EndsEarly { partition: Partition, end: Position, expected: Position },

    #[error(
        "the log holds a corrupt batch: its checksum (CRC) does not match ({0}); neither the batch nor anything after \
         it was applied. Restore the partition from another replica, then start again"
    )]
    CorruptBatch(KafkaError),

    #[error(
        "another member of the group has the same group.instance.id, and Kafka has shut this one out; give each \
         process its own in KAFKA_PROPERTIES"
    )]
    FencedInstance,

    #[error(
        "the group has a member with the same group.instance.id: another process, which needs its own in \
         KAFKA_PROPERTIES; or this one before it was killed, whose session Kafka ends by itself, after 45 s by default"
    )]
    UnreleasedInstance,

    /// Another producer has taken the place of this one, which can write nothing any more.
    #[error(
        "Kafka has fenced the transactional id {transactional_id} ({cause}): another process has taken it over, or this one \
         was paused for longer than a transaction may last. Nothing of its open transaction is visible. If another process \
         runs under the same name, give each its own; else start this one again"
    )]
    Fenced { transactional_id: String, cause: KafkaError },

    #[error("{records} records were given up and may be missing from the topic: {problem}")]
    NotAcknowledged { records: u64, problem: String },

    #[error(
        "the brokers do not offer the protocol of groups (KIP-848) that group.protocol=consumer in KAFKA_PROPERTIES asks for; \
         leave group.protocol out to use the classic protocol, or turn the other one on: Kafka 4 offers it, unless \
         group.coordinator.rebalance.protocols of the brokers leaves it out"
    )]
    NoNewGroupProtocol,

    #[error("the thread {name} could not be started: {cause}")]
    Thread { name: &'static str, cause: io::Error },

    #[error("{attempt}: the task ended early: {cause}")]
    Task { attempt: &'static str, cause: JoinError },
}

impl Error {
    /// Adds what was attempted; for use with `map_err`.
    pub fn during(attempt: &'static str) -> impl Fn(KafkaError) -> Self {
        move |cause| match cause.rdkafka_error_code().and_then(missing_right) {
            Some(right) => Self::Denied { attempt, right },
            None => Self::Kafka { attempt, cause },
        }
    }

    /// The same for an error that a reader of the log was given, where the log itself may be at fault.
    pub(crate) fn while_reading(attempt: &'static str, error: KafkaError) -> Self {
        match error.rdkafka_error_code() {
            Some(code) if is_out_of_range(code) => Self::OutOfRange(error),
            Some(RDKafkaErrorCode::BadMessage) => Self::CorruptBatch(error),
            _ => Self::during(attempt)(error),
        }
    }

    /// Whether the same call may succeed later, because the broker or the network recovers.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Kafka { cause, .. } => cause.rdkafka_error_code().is_some_and(is_passing),
            Self::NoBroker { .. }
            | Self::Unreachable { .. }
            | Self::NoLeader { .. }
            | Self::RecordTimeout { .. }
            | Self::TopicGone(_) => true,
            Self::Denied { .. }
            | Self::TopicNotCreated { .. }
            | Self::TopicName(_)
            | Self::OutOfRange(_)
            | Self::EndsEarly { .. }
            | Self::CorruptBatch(_)
            | Self::FencedInstance
            | Self::UnreleasedInstance
            | Self::Fenced { .. }
            | Self::NotAcknowledged { .. }
            | Self::NoNewGroupProtocol
            | Self::Thread { .. }
            | Self::Task { .. } => false,
        }
    }

    /// Whether the log itself is at fault: it has a gap, is another log, or is damaged. Only for these
    /// errors does a process end with the exit code for a wrong log.
    #[must_use]
    pub fn is_about_the_log(&self) -> bool {
        matches!(self, Self::OutOfRange(_) | Self::EndsEarly { .. } | Self::CorruptBatch(_))
    }
}

/// The right that is missing if Kafka answers with this code.
pub(crate) fn missing_right(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as C;
    match code {
        C::TopicAuthorizationFailed => Some("READ on the topic, or WRITE if it produces"),
        C::GroupAuthorizationFailed => {
            Some("READ on the group and on all groups whose names begin with its name")
        }
        C::TransactionalIdAuthorizationFailed => Some("WRITE and DESCRIBE on the transactional id"),
        C::ClusterAuthorizationFailed => Some("for this request on the cluster"),
        _ => None,
    }
}

/// Whether the log does not hold the offset that was asked for.
pub(crate) fn is_out_of_range(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
}

/// Whether nobody has answered.
pub(crate) fn is_no_answer(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::AllBrokersDown | C::BrokerTransportFailure | C::OperationTimedOut | C::TimedOutQueue | C::Resolve
    )
}

/// Whether librdkafka recovers on its own after reporting this code.
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
            | C::WaitingForCoordinator
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

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    fn kafka(code: RDKafkaErrorCode) -> KafkaError {
        KafkaError::MessageConsumption(code)
    }

    #[test]
    fn only_a_gap_and_damage_are_about_the_log() {
        let code = RDKafkaErrorCode::OffsetOutOfRange;
        assert!(Error::OutOfRange(kafka(code)).is_about_the_log());
        assert!(Error::CorruptBatch(kafka(RDKafkaErrorCode::BadMessage)).is_about_the_log());
        let (end, expected) = (Position(3), Position(5));
        assert!(Error::EndsEarly { partition: Partition(0), end, expected }.is_about_the_log());
        let denied = Error::during("reading the log")(kafka(RDKafkaErrorCode::TopicAuthorizationFailed));
        assert!(denied.to_string().contains("needs the right READ on the topic"), "{denied}");
        for other in [
            denied,
            Error::Thread { name: "log-poll", cause: io::Error::other("no memory") },
            Error::TopicName("a\0".into()),
            Error::FencedInstance,
            Error::TopicGone("food-orders".into()),
        ] {
            assert!(!other.is_about_the_log(), "{other}");
        }
    }

    #[test]
    fn the_text_is_complete_and_has_no_source_to_repeat() {
        let error = Error::during("reading the log")(kafka(RDKafkaErrorCode::BrokerTransportFailure));
        assert!(error.to_string().starts_with("reading the log: "), "{error}");
        assert!(error.to_string().contains("transport failure"), "{error}");
        assert!(error.source().is_none() && error.is_passing());
    }
}
