//! Errors that librdkafka reports outside of the call that they concern.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::error::Error;

/// librdkafka repeats the same failure only every 30 s.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// A client context that logs only for debugging, since the calls report what matters.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    not_connected: Mutex<Option<NotConnected>>,
}

/// Why the last attempt to connect to a broker failed.
#[derive(Clone, Debug)]
struct NotConnected {
    at: Instant,
    /// In librdkafka's words.
    reason: String,
}

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{Authentication, BrokerTransportFailure, Resolve, SSL};
        on_error(&error, reason);
        if let Some(Authentication | BrokerTransportFailure | Resolve | SSL) = error.rdkafka_error_code() {
            let reason = reason.to_owned();
            let mut not_connected = self.not_connected.lock().unwrap_or_else(PoisonError::into_inner);
            *not_connected = Some(NotConnected { at: Instant::now(), reason });
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

/// Why nobody has answered a question: because of the last attempt to connect, if one has failed, else because of
/// `cause`.
pub(crate) fn no_answer(consumer: &BaseConsumer<Quiet>, bootstrap_servers: &str, cause: &str) -> Error {
    reports(consumer).for_each(drop);
    let not_connected = consumer.context().not_connected.lock().unwrap_or_else(PoisonError::into_inner);
    let recent = not_connected.as_ref().filter(|failure| failure.at.elapsed() < REMEMBERED_FOR);
    let problem = recent.map_or(cause, |failure| &failure.reason).to_owned();
    let bootstrap_servers = bootstrap_servers.to_owned();
    match advertised(&problem)
        .filter(|address| !bootstrap_servers.split(',').any(|server| server == *address))
    {
        Some(address) => Error::Unreachable { advertised: address.to_owned(), bootstrap_servers, problem },
        None => Error::NoBroker { bootstrap_servers, problem },
    }
}

/// The address of a broker that another one, or the broker itself at another address, has named. librdkafka puts it
/// into the text only: it begins with `HOST:PORT/ID`, where the id of a server that was given to it is `bootstrap`.
fn advertised(reason: &str) -> Option<&str> {
    let (address, rest) = reason.split_once('/')?;
    let (id, _) = rest.split_once(':')?;
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertised_address_is_known_by_the_id_of_its_broker() {
        for (reason, address) in [
            ("broker.invalid:9092/1: Failed to resolve 'broker.invalid:9092'", Some("broker.invalid:9092")),
            ("localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed", None),
            ("1/1 brokers are down", None),
            ("Local: Timed out", None),
        ] {
            assert_eq!(advertised(reason), address, "{reason}");
        }
    }
}
