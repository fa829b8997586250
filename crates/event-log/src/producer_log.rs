//! librdkafka's log about producers.

use rdkafka::config::RDKafkaLogLevel;

/// No line is an error, since the calls and the delivery reports return what the program has to deal with.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
    match level {
        // A broker that has just started is not ready for idempotent producers yet; librdkafka retries.
        Warning if facility == "GETPID" => tracing::debug!(facility, "{message}"),
        Emerg | Alert | Critical | Error | Warning => tracing::warn!(facility, "{message}"),
        Notice | Info => tracing::info!(facility, "{message}"),
        Debug => tracing::debug!(facility, "{message}"),
    }
}
