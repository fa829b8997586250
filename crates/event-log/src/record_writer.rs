//! Writing records of any topic. [`crate::LogWriter`] writes order events and counts them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use orders::Partition;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer,
};
use rdkafka::{ClientConfig, ClientContext};

use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result};
use crate::producer_log::log;
use crate::settings::KafkaSettings;

/// How long a full queue is waited for before it is looked at again.
const PAUSE: Duration = Duration::from_millis(5);
/// Longer waits are split, so that a client that has lost its brokers is recovered in between.
const TURN: Duration = Duration::from_millis(100);

/// A record to write.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    pub topic: &'a str,
    /// `None`: the key chooses it, as [`crate::partition_of_key`] does.
    pub partition: Option<Partition>,
    pub key: Option<&'a [u8]>,
    pub value: &'a [u8],
}

/// An idempotent producer (`acks=all`). Its calls block.
pub struct RecordWriter {
    // It serves delivery reports on a thread of its own, also while a transaction is committed or aborted.
    pub(crate) producer: ThreadedProducer<Reports>,
}

/// What has become of the records.
pub(crate) struct Reports {
    pub(crate) bootstrap: Bootstrap,
    failed: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl RecordWriter {
    /// Does not wait for a broker.
    pub fn connect(settings: &KafkaSettings) -> Result<Self> {
        Self::create(&settings.writer_config(false))
    }

    pub(crate) fn create(config: &ClientConfig) -> Result<Self> {
        let reports = Reports {
            bootstrap: Bootstrap::of(config),
            failed: AtomicU64::default(),
            last_error: Mutex::default(),
        };
        let producer =
            config.create_with_context(reports).map_err(Error::during("setting up a Kafka producer"))?;
        Ok(Self { producer })
    }

    /// Gives a record to the client. Waits while its queue is full: until the broker takes records, or the client gives
    /// some up (`delivery.timeout.ms`).
    pub fn send(&self, record: &NewRecord<'_>) -> Result<()> {
        self.try_send(record).map_err(Error::during("writing to a topic"))
    }

    pub(crate) fn try_send(&self, record: &NewRecord<'_>) -> Result<(), KafkaError> {
        let mut outgoing: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(record.topic).payload(record.value);
        outgoing.key = record.key;
        outgoing.partition = record.partition.map(|partition| partition.0);
        loop {
            match self.producer.send(outgoing) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    // Its own thread makes room. A call of `poll` would last until its deadline, and be busy for the last
                    // millisecond, however soon there is some.
                    std::thread::sleep(PAUSE);
                    self.recover();
                    outgoing = again;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Finds the brokers again if the client has lost them. To be called now and then while it is idle.
    pub fn recover(&self) {
        self.producer.context().bootstrap.give_again(self.producer.client());
    }

    /// Waits for at most `within` until every record is acknowledged. A record that is not may or may not be in its topic.
    pub fn finish(&self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let mut left = within;
        while self.producer.flush(left.min(TURN)).is_err() && !left.is_zero() {
            self.recover();
            left = deadline.saturating_duration_since(Instant::now());
        }
        let reports = self.producer.context();
        let waiting = u64::try_from(self.producer.in_flight_count()).unwrap_or_default();
        let records = reports.failed.load(Ordering::Relaxed) + waiting;
        if records == 0 {
            return Ok(());
        }
        let problem = reports.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let problem = problem.unwrap_or_else(|| "the broker did not answer in time".to_owned());
        Err(Error::NotAcknowledged { records, problem })
    }
}

impl Drop for RecordWriter {
    /// A caller that needs the records written calls [`Self::finish`] first; unsent records must not delay the
    /// end of the process.
    fn drop(&mut self) {
        self.producer.purge(PurgeConfig::default().queue().inflight());
    }
}

impl std::fmt::Debug for RecordWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordWriter").finish_non_exhaustive()
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.bootstrap.note(&error);
        tracing::debug!(%error, reason, "Kafka producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.failed.fetch_add(1, Ordering::Relaxed);
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
    }
}
