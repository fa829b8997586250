//! Recovers a client that has forgotten all brokers.
//!
//! A broker that was frozen has dropped out of its cluster for a moment, and answers that there are no
//! brokers. librdkafka then forgets the ones it knew. It means to start over at `bootstrap.servers`, but
//! its handling of the same answer may cancel that (librdkafka issue 5301), and then it never connects
//! again (docs/decisions/0012-a-client-without-brokers.md).
#![allow(unsafe_code)]

use std::ffi::CString;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext, bindings};

/// How long librdkafka gets to recover on its own.
const GRACE: Duration = Duration::from_secs(1);
/// The minimum time between two calls, because librdkafka keeps every list of servers that it is given.
const INTERVAL: Duration = Duration::from_secs(10);

/// Gives a client its `bootstrap.servers` again when it has lost all brokers.
#[derive(Debug)]
pub(crate) struct Bootstrap {
    servers: CString,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lost_at: Option<Instant>,
    given_at: Option<Instant>,
}

impl Bootstrap {
    /// Takes the servers from the configuration of the client to recover.
    pub(crate) fn of(config: &ClientConfig) -> Self {
        let servers = config.get("bootstrap.servers").unwrap_or_default();
        Self { servers: CString::new(servers).unwrap_or_default(), state: Mutex::default() }
    }

    /// Takes note of an error of the client, in case it says that no broker answers.
    pub(crate) fn note(&self, error: &KafkaError) {
        use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut};
        if let Some(AllBrokersDown | BrokerTransportFailure | OperationTimedOut) = error.rdkafka_error_code()
        {
            self.state().lost_at.get_or_insert_with(Instant::now);
        }
    }

    /// Adds the servers if the brokers were lost a while ago. To be called whenever the client is idle.
    /// A client that does have brokers drops the added servers at the next answer that names its brokers.
    pub(crate) fn give_again(&self, client: &Client<impl ClientContext>) {
        {
            let mut state = self.state();
            let is_due = state.lost_at.is_some_and(|at| at.elapsed() >= GRACE)
                && state.given_at.is_none_or(|at| at.elapsed() >= INTERVAL);
            if !is_due {
                return;
            }
            *state = State { lost_at: None, given_at: Some(Instant::now()) };
        }
        // SAFETY: the client lives as long as the reference to it, and the text is copied.
        let count = unsafe { bindings::rd_kafka_brokers_add(client.native_ptr(), self.servers.as_ptr()) };
        tracing::debug!(count, "no broker answers; starting over at the bootstrap servers");
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
