//! Errors that librdkafka reports outside of the call that they concern.

use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A client context that logs only for debugging, since the calls report what matters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        on_error(&error, reason);
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
