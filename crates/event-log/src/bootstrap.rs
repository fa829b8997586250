//! The way back for a client that has forgotten all brokers.
//!
//! A broker that was frozen is out of its cluster for a moment, and answers that there are no
//! brokers. librdkafka then forgets the ones it knew. It means to begin anew at `bootstrap.servers`,
//! but may cancel that by the same answer (its issue 5301), and never connects again.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext, bindings};

/// Time for librdkafka to find the way by itself.
const GRACE: Duration = Duration::from_secs(1);
/// It keeps every list of servers that it was ever given.
const INTERVAL: Duration = Duration::from_secs(10);

/// Gives a client its `bootstrap.servers` again.
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
    /// Of the client that is made from `config`.
    pub(crate) fn of(config: &ClientConfig) -> Self {
        let servers = config.get("bootstrap.servers").unwrap_or_default();
        Self { servers: CString::new(servers).unwrap_or_default(), state: Mutex::default() }
    }

    /// What the client complains of: that all brokers are down, perhaps, or that none answers.
    pub(crate) fn note(&self, error: &KafkaError) {
        use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut};
        if let Some(AllBrokersDown | BrokerTransportFailure | OperationTimedOut) = error.rdkafka_error_code()
        {
            self.state().lost_at.get_or_insert_with(Instant::now);
        }
    }

    /// To be called while nothing comes: does something when the brokers were lost a while ago. A
    /// client that has brokers drops the servers with the next answer that names those.
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
        tracing::debug!(count, "no broker answers: beginning anew at the bootstrap servers");
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
