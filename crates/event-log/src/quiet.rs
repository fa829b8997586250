//! What librdkafka says on the side.

use rdkafka::ClientContext;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A client context that keeps to itself what the caller learns anyway.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        on_error(&error, reason);
    }
}

impl ConsumerContext for Quiet {}

/// An error that librdkafka reports beside the call that it concerns, and mends
/// itself. The end of a partition is none.
pub(crate) fn on_error(error: &KafkaError, reason: &str) {
    if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}
