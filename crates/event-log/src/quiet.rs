//! Errors that librdkafka reports outside of the call that they concern.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A client context that logs only for debugging, since the calls report what matters.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    /// Why the last attempt to connect to a broker failed, in librdkafka's words.
    not_connected: Mutex<Option<String>>,
}

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{Authentication, BrokerTransportFailure, Resolve, SSL};
        on_error(&error, reason);
        if let Some(Authentication | BrokerTransportFailure | Resolve | SSL) = error.rdkafka_error_code() {
            *self.not_connected.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Quiet {}

/// Logs an error from which librdkafka recovers by itself. The end of a partition is not an error.
pub(crate) fn on_error(error: &KafkaError, reason: &str) {
    if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

/// Takes what librdkafka has reported to a client that only asks questions, and returns the errors. Nothing else takes
/// them, and they would pile up for as long as the process runs.
pub(crate) fn reports(consumer: &BaseConsumer<Quiet>) -> impl Iterator<Item = KafkaError> {
    // With no time at all, it would take only one of them.
    std::iter::from_fn(|| consumer.poll(Duration::from_millis(1))).filter_map(|report| report.err())
}

/// Why a question was not answered: the failed attempt to connect, if there was one since the last question that was not
/// answered, else the error itself.
pub(crate) fn problem(consumer: &BaseConsumer<Quiet>, error: &KafkaError) -> String {
    reports(consumer).for_each(drop);
    let mut not_connected = consumer.context().not_connected.lock().unwrap_or_else(PoisonError::into_inner);
    not_connected.take().unwrap_or_else(|| error.to_string())
}
