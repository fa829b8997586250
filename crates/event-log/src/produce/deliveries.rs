//! Counts the deliveries of the records that were sent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use orders::EventType;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, ProducerContext};

use crate::bootstrap::Bootstrap;
use crate::producer_log::log;

/// The counters. They are updated inside `poll` and may be read from any thread.
pub(super) struct Deliveries {
    pub(super) bootstrap: Bootstrap,
    acknowledged: [AtomicU64; EventType::ALL.len()],
    failed: AtomicU64,
    last_error: Mutex<Option<String>>,
}

/// Numbers of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub sent: u64,
    /// By [`EventType::index`].
    pub acknowledged: [u64; EventType::ALL.len()],
    /// Records that the client has given up.
    pub failed: u64,
    /// Why the last of them was given up.
    pub last_error: Option<String>,
}

impl Totals {
    /// Over all event types.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.iter().sum()
    }

    /// Records that were sent but are not (yet) known to be in the log.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.sent - self.acknowledged()
    }
}

impl Deliveries {
    pub(super) fn new(bootstrap: Bootstrap) -> Self {
        Self {
            bootstrap,
            acknowledged: Default::default(),
            failed: AtomicU64::default(),
            last_error: Mutex::default(),
        }
    }

    pub(super) fn totals(&self, sent: u64) -> Totals {
        Totals {
            sent,
            acknowledged: self.acknowledged(),
            failed: self.failed.load(Ordering::Relaxed),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn acknowledged(&self) -> [u64; EventType::ALL.len()] {
        std::array::from_fn(|event| self.acknowledged[event].load(Ordering::Relaxed))
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.bootstrap.note(&error);
        tracing::warn!(%error, reason, "Kafka producer");
    }
}

impl ProducerContext for Deliveries {
    /// The record's [`EventType::index`].
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, event: usize) {
        match result {
            Ok(_) => {
                self.acknowledged[event].fetch_add(1, Ordering::Relaxed);
            }
            Err((error, _)) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        }
    }
}
