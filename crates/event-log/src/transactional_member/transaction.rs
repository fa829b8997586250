//! The transactions of a member: one at a time, begun by its first record.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{Producer as _, PurgeConfig};

use crate::error::{Error, Result, is_passing};
use crate::record_writer::{NewRecord, RecordWriter};
use crate::settings::KafkaSettings;

/// Bounds the setting up of transactions. Their ends are not bounded: a broker that is away comes back, and meanwhile nothing
/// else can be done.
const LIMIT: Duration = Duration::from_secs(30);
const WARN_EVERY: Duration = Duration::from_secs(10);
/// Longer waits are split into calls of this length, so that a client that has lost its brokers is recovered in between.
const TURN: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// How a transaction has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    Yes,
    /// It was rolled back, for this reason.
    RolledBack(String),
}

pub(super) struct Transaction {
    writer: RecordWriter,
    transactional_id: String,
    is_open: bool,
    /// Why the open transaction can only be rolled back.
    broken: Option<KafkaError>,
}

impl Transaction {
    pub fn init(settings: &KafkaSettings, transactional_id: &str) -> Result<Self> {
        let writer = RecordWriter::create(&settings.transactional_writer_config(transactional_id))?;
        let this =
            Self { writer, transactional_id: transactional_id.to_owned(), is_open: false, broken: None };
        this.repeated(LIMIT, |writer, limit| writer.producer.init_transactions(limit))
            .map_err(|error| this.failed("setting up transactions", error))?;
        Ok(this)
    }

    pub fn recover(&self) {
        self.writer.recover();
    }

    /// Whether something was written since the last end of a transaction.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    pub fn write(&mut self, record: &NewRecord<'_>) -> Result<()> {
        self.begin()?;
        match self.writer.try_send(record) {
            Ok(()) => Ok(()),
            // The transaction is lost already, and its end will say so.
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::State) => {
                self.broken.get_or_insert(error);
                Ok(())
            }
            Err(error) => Err(self.failed("writing in a transaction", error)),
        }
    }

    fn begin(&mut self) -> Result<()> {
        if !self.is_open {
            let begun = self.writer.producer.begin_transaction();
            begun.map_err(|error| self.failed("beginning a transaction", error))?;
            self.is_open = true;
        }
        Ok(())
    }

    pub fn commit(
        &mut self,
        offsets: &TopicPartitionList,
        member: &ConsumerGroupMetadata,
    ) -> Result<Committed> {
        self.begin()?;
        let done = match self.broken.take() {
            Some(error) => Err(error),
            None => self
                .repeated(Duration::MAX, |writer, limit| {
                    writer.producer.send_offsets_to_transaction(offsets, member, limit)
                })
                .and_then(|()| {
                    self.repeated(Duration::MAX, |writer, limit| writer.producer.commit_transaction(limit))
                }),
        };
        match done {
            Ok(()) => {
                self.is_open = false;
                Ok(Committed::Yes)
            }
            Err(error) if is_fatal(&error) => Err(self.failed("committing a transaction", error)),
            Err(error) => self.abort(error.to_string()),
        }
    }

    /// Does nothing if no transaction is open.
    pub fn abort(&mut self, why: String) -> Result<Committed> {
        if self.is_open {
            self.broken = None;
            // What still waits in the queue need not be sent first.
            self.writer.producer.purge(PurgeConfig::default().queue());
            self.repeated(Duration::MAX, |writer, limit| writer.producer.abort_transaction(limit))
                .map_err(|error| self.failed("rolling a transaction back", error))?;
            self.is_open = false;
        }
        Ok(Committed::RolledBack(why))
    }

    /// Repeats a call for as long as librdkafka says that it may be repeated, for at most `within`.
    fn repeated(
        &self,
        within: Duration,
        mut call: impl FnMut(&RecordWriter, Duration) -> Result<(), KafkaError>,
    ) -> Result<(), KafkaError> {
        let began = Instant::now();
        let mut warned_at = began;
        loop {
            let left = within.saturating_sub(began.elapsed());
            let error = match call(&self.writer, left.min(TURN)) {
                Err(error) if may_be_repeated(&error) && !left.is_zero() => error,
                result => return result,
            };
            if warned_at.elapsed() >= WARN_EVERY {
                warned_at = Instant::now();
                tracing::warn!(%error, "waiting for the coordinator of transactions");
            }
            self.writer.recover();
            std::thread::sleep(PAUSE.min(left));
        }
    }

    fn failed(&self, attempt: &'static str, cause: KafkaError) -> Error {
        use RDKafkaErrorCode::{Fenced, InvalidProducerEpoch, ProducerFenced};
        // After a fatal error, calls only say that there was one.
        let fatal = self.writer.producer.client().fatal_error().map(|(code, _)| code);
        match fatal.or_else(|| cause.rdkafka_error_code()) {
            Some(Fenced | ProducerFenced | InvalidProducerEpoch) => {
                Error::Fenced { transactional_id: self.transactional_id.clone(), cause }
            }
            _ => Error::during(attempt)(cause),
        }
    }
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}

fn may_be_repeated(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_retriable(),
        // The records of the transaction are still on their way.
        KafkaError::Flush(code) => is_passing(*code),
        _ => false,
    }
}
