//! Writing events to the log.
//!
//! One thread owns a [`LogWriter`]: it sends records, and serves delivery reports while it waits. No
//! record is dropped, and no call waits for room in the queue: if the queue is full, `send` returns
//! [`Sent::Full`].

mod deliveries;
mod transaction;

use std::time::{Duration, Instant};

use orders::EventType;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result};
use crate::settings::KafkaSettings;
use deliveries::Deliveries;
pub use deliveries::Totals;
use transaction::Transaction;

/// The `schema-version` header of the records that we write.
const SCHEMA_VERSION: &str = "1";
/// Longer waits are split into calls of this length, so that a client that has lost its brokers can be
/// recovered in between.
const TURN: Duration = Duration::from_secs(2);
/// Far more than come in the shortest wait of a caller: the acknowledgements of one request are one event, and so is
/// each line that the client logs.
const EVENTS_A_TURN: u32 = 64;

/// A record to write.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    pub event: EventType,
    /// Only chooses the partition; `None` means any partition.
    pub key: Option<&'a str>,
    pub value: &'a [u8],
    /// The header `content-type`, which nothing of ours reads.
    pub content_type: &'static str,
    /// The value of the W3C header `traceparent`.
    pub traceparent: Option<&'a str>,
}

/// Whether the client has taken a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a record that was not taken has to be sent again"]
pub enum Sent {
    /// The client has taken the record; [`LogWriter::totals`] counts its delivery.
    Queued,
    /// The queue is full: call [`LogWriter::serve`], then send it again.
    Full,
}

/// An idempotent producer (`acks=all`): for as long as this writer lives, no record is written twice
/// or out of order within its partition.
pub struct LogWriter {
    producer: BaseProducer<Deliveries>,
    topic: String,
    sent: u64,
    transaction: Option<Transaction>,
}

impl LogWriter {
    /// With `transactional`, records become visible in chunks, either all records of a chunk or none, and
    /// a second writer fences this one. The call then blocks until the broker has answered, for at most
    /// 30 s.
    pub fn connect(settings: &KafkaSettings, transactional: bool) -> Result<Self> {
        let config = settings.writer_config(transactional);
        let mut writer = Self::create(&config, &settings.topic)?;
        if transactional {
            writer.transaction = Some(Transaction::init(&writer.producer)?);
        }
        Ok(writer)
    }

    fn create(config: &ClientConfig, topic: &str) -> Result<Self> {
        let producer = config
            .create_with_context(Deliveries::new(Bootstrap::of(config)))
            .map_err(Error::during("setting up a Kafka producer"))?;
        Ok(Self { producer, topic: topic.to_owned(), sent: 0, transaction: None })
    }

    /// Gives one record to the client. Blocks only to begin or commit a transaction.
    pub fn send(&mut self, record: &Outgoing<'_>) -> Result<Sent> {
        if let Some(transaction) = &mut self.transaction {
            transaction.before_send(&self.producer)?;
        }
        let mut headers = OwnedHeaders::new_with_capacity(4)
            .insert(Header { key: "event-type", value: Some(record.event.as_str()) })
            .insert(Header { key: "content-type", value: Some(record.content_type) })
            .insert(Header { key: "schema-version", value: Some(SCHEMA_VERSION) });
        if let Some(traceparent) = record.traceparent {
            headers = headers.insert(Header { key: "traceparent", value: Some(traceparent) });
        }
        let outgoing: BaseRecord<'_, str, [u8], usize> = BaseRecord {
            topic: &self.topic,
            partition: None,
            payload: Some(record.value),
            key: record.key,
            timestamp: None,
            headers: Some(headers),
            delivery_opaque: record.event.index(),
        };
        match self.producer.send(outgoing) {
            Ok(()) => {
                self.sent += 1;
                if let Some(transaction) = &mut self.transaction {
                    transaction.after_send();
                }
                Ok(Sent::Queued)
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(Sent::Full),
            Err((error, _)) => Err(Error::during("writing to the log")(error)),
        }
    }

    /// Serves delivery reports for `wait`, and commits the transaction if it is due. A caller that has to
    /// wait should do so here.
    pub fn serve(&mut self, wait: Duration) -> Result<()> {
        // A call of `poll` that waits would keep the processor busy for its last millisecond. One that does not
        // wait serves a single event.
        std::thread::sleep(wait);
        for _ in 0..EVENTS_A_TURN {
            self.producer.poll(Duration::ZERO);
        }
        self.producer.context().bootstrap.give_again(self.producer.client());
        match &mut self.transaction {
            Some(transaction) => transaction.commit_if_due(&self.producer),
            None => Ok(()),
        }
    }

    /// How many records were sent, and how many the broker has acknowledged so far; in a transactional
    /// writer, how many were committed.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = self.producer.context().totals(self.sent);
        if let Some(transaction) = &self.transaction {
            totals.acknowledged = transaction.committed();
        }
        totals
    }

    /// Waits for at most `within` until every record is acknowledged; [`Totals`] says whether all were. A
    /// record that is not acknowledged by then may or may not be in the log.
    pub fn finish(mut self, within: Duration) -> Result<Totals> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Err(error) = self.producer.flush(left.min(TURN)) else { break };
            if left.is_zero() || error.rdkafka_error_code() != Some(RDKafkaErrorCode::OperationTimedOut) {
                let unacknowledged_events = self.producer.in_flight_count();
                tracing::warn!(%error, unacknowledged_events, "not all events were acknowledged in time");
                break;
            }
            self.producer.context().bootstrap.give_again(self.producer.client());
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.commit(&self.producer, deadline)?;
        }
        Ok(self.totals())
    }
}

impl std::fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogWriter")
            .field("topic", &self.topic)
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
